"""Posts as columns: what a batch of checked rows holds, without an object for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import numpy.typing as npt

from postrisk.post import AccountKind

if TYPE_CHECKING:
    import pyarrow as pa

KINDS: tuple[str, ...] = get_args(AccountKind)
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CountColumn:
    """A counter of every row; the column form of ``Count | None``.

    Attributes
    ----------
    values : ndarray of int64, shape (n_rows,)
        The number, or the lower bound; 0 where it is missing.
    at_least : ndarray of bool, shape (n_rows,)
        Whether the number is a lower bound.
    known : ndarray of bool, shape (n_rows,)
        False where the counter is missing.
    """

    values: npt.NDArray[np.int64]
    at_least: Mask
    known: Mask

    @classmethod
    def missing(cls, rows: int) -> CountColumn:
        """Give a counter that is missing in every row."""
        nothing = np.zeros(rows, dtype=bool)
        return cls(np.zeros(rows, dtype=np.int64), nothing, nothing)


@dataclass(frozen=True, slots=True)
class PostColumns:
    """Checked posts as columns: of each `postrisk.post.Post` what scoring and rules read.

    Attributes
    ----------
    texts : pyarrow.StringArray
        Cleaned texts, none null or blank.
    languages : pyarrow.StringArray
        As the row says or its text tells.
    kinds : ndarray of int8, shape (n_rows,)
        The kind of account, as its index in `KINDS`.
    days : ndarray of datetime64[D], shape (n_rows,)
        The day on which the post was made, in its own zone; NaT where it is missing.
    reposts, views, likes, comments : CountColumn
    """

    texts: pa.StringArray
    languages: pa.StringArray
    kinds: npt.NDArray[np.int8]
    days: npt.NDArray[np.datetime64]
    reposts: CountColumn
    views: CountColumn
    likes: CountColumn
    comments: CountColumn

    def __len__(self) -> int:
        return len(self.texts)
