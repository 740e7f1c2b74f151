"""Assessments as columns: what scoring a batch of posts gives, without an object for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Codes8 = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class AssessedColumns:
    """What postrisk says of a batch of posts; the column form of `postrisk.scorer.Assessment`.

    Attributes
    ----------
    categories : tuple of str
    scores : ndarray of float64, shape (n_rows, n_categories)
        Calibrated probabilities, rounded to six decimals.
    bands : ndarray of int8, shape (n_rows, n_categories)
        Each as its index in `postrisk.cutoffs.BANDS`.
    outcomes : ndarray of int8, shape (n_rows,)
        What the reach rule says, as its index in `postrisk.rules.OUTCOMES`.
    recommendations : ndarray of int8, shape (n_rows,)
        As the index in `postrisk.rules.RECOMMENDATIONS`.
    scripts : ndarray of int8, shape (n_rows,)
        The language that the script shows, as its index in `postrisk.style.LANGUAGES`.
    languages : pyarrow.StringArray
        As the row says or its text tells.
    reasons : pyarrow.StringArray
    """

    categories: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    bands: Codes8
    outcomes: Codes8
    recommendations: Codes8
    scripts: Codes8
    languages: pa.StringArray
    reasons: pa.StringArray

    def __len__(self) -> int:
        return len(self.scores)
