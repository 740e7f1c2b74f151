"""How good a model is: ranking, calibration, over-blocking and twins, each with its doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score

from postrisk.bands import clopper_pearson
from postrisk.errors import LabelError
from postrisk.model import Floats

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How well probabilities order posts of one category.

    Attributes
    ----------
    positives, negatives : int
    auc : float
        Area under the ROC curve.
    ap : float
        Average precision; compare it with the share of positives, which chance reaches.
    brier, ece : float
        Mean squared error, and expected calibration error over ten equal-width bins.
    recall_review, recall_flag : float
        Share of positives at or above the cut-offs.
    """

    positives: int
    negatives: int
    auc: float
    ap: float
    brier: float
    ece: float
    recall_review: float
    recall_flag: float


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of posts with its exact 95 % interval."""

    hits: int
    total: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.hits / self.total if self.total else 0.0

    @classmethod
    def of(cls, mask: Mask) -> Rate:
        """Count a mask.

        >>> Rate.of(np.array([True, False, False, False])).rate
        0.25
        """
        hits, total = int(mask.sum()), len(mask)
        low, high = clopper_pearson(hits, total) if total else (0.0, 1.0)
        return cls(hits, total, low, high)

    def to_dict(self) -> dict[str, float]:
        """Give plain values for JSON."""
        return {**asdict(self), "rate": self.rate}


def expected_calibration_error(positive: Mask, probabilities: Floats, bins: int = 10) -> float:
    """Give the mean gap between probability and share of positives, weighted by bin size.

    Equal-width bins (Naeini, Cooper and Hauskrecht, AAAI 2015).

    >>> expected_calibration_error(np.array([True, False]), np.array([1.0, 0.0]))
    0.0
    """
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    size = np.bincount(which, minlength=bins)
    mean = np.bincount(which, probabilities, bins) / np.maximum(size, 1)
    share = np.bincount(which, positive, bins) / np.maximum(size, 1)
    return float((size / len(positive)) @ np.abs(mean - share))


def rank(
    positive: Mask, probabilities: Floats, review: float = 0.5, flag: float | None = None
) -> Ranking:
    """Measure one category on labelled posts.

    Parameters
    ----------
    positive : ndarray of bool, shape (n_posts,)
    probabilities : ndarray of float64, shape (n_posts,)
    review, flag : float
        The category's cut-offs; None when nothing is flagged.

    Raises
    ------
    LabelError
        When all posts have the same label.
    """
    if positive.all() or not positive.any():
        raise LabelError("ranking: needs posts that have the category and posts that do not")
    hits = probabilities[positive]
    return Ranking(
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        auc=float(roc_auc_score(positive, probabilities)),
        ap=float(average_precision_score(positive, probabilities)),
        brier=float(np.mean((probabilities - positive) ** 2)),
        ece=expected_calibration_error(positive, probabilities),
        recall_review=float(np.mean(hits >= review)),
        recall_flag=0.0 if flag is None else float(np.mean(hits >= flag)),
    )


def rates_by_group(raised: Mask, groups: Sequence[str]) -> dict[str, Rate]:
    """Give the share of raised posts in each group, such as over-blocking by protected group."""
    names = np.asarray(groups)
    return {str(name): Rate.of(raised[names == name]) for name in np.unique(names)}


def twins_right(
    probabilities: Floats, cutoff: float, pairs: Sequence[str], positive: Mask
) -> tuple[Rate, Rate]:
    """Measure functional twins: a risky post and its safe look-alike.

    Returns
    -------
    banded : Rate
        Pairs of which the risky post reaches ``cutoff`` and the safe one does not.
    ordered : Rate
        Pairs of which the risky post gets the higher probability.
    """
    risky = {pair: p for pair, p, y in zip(pairs, probabilities, positive, strict=True) if y}
    safe = {pair: p for pair, p, y in zip(pairs, probabilities, positive, strict=True) if not y}
    both = sorted(risky.keys() & safe.keys())
    banded = np.array([risky[b] >= cutoff > safe[b] for b in both], dtype=bool)
    ordered = np.array([risky[b] > safe[b] for b in both], dtype=bool)
    return Rate.of(banded), Rate.of(ordered)
