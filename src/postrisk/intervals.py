"""How sure a figure is: AUC with DeLong's interval, differences of rates, paired bootstraps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, rankdata

from postrisk.bands import clopper_pearson
from postrisk.errors import InputError, LabelError
from postrisk.evaluation import Mask, Rate
from postrisk.model import Floats

Metric = Callable[[Mask, Floats], float]
_CONFIDENCE = 0.95
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Give plain values for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference between two rates, with its 95 % interval."""

    first: Rate
    second: Rate
    difference: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "difference": self.difference.to_dict(),
        }


def auc(positive: Mask, scores: Floats) -> float:
    """Give the area under the ROC curve from ranks; ties count half.

    Raises
    ------
    LabelError
        When all posts have the same label.

    Examples
    --------
    >>> auc(np.array([False, True, True]), np.array([0.1, 0.1, 0.9]))
    0.75
    """
    n_positive = int(np.count_nonzero(positive))
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        raise LabelError("AUC: needs posts that have the category and posts that do not")
    ranks = rankdata(scores)
    above = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def auc_interval(positive: Mask, scores: Floats, confidence: float = _CONFIDENCE) -> Estimate:
    """Give the AUC with DeLong's interval on the logit scale.

    The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 1988), from mid-ranks
    as Sun and Xu (IEEE Signal Processing Letters 2014) compute it. Where every pair is in
    order, or every pair is out of order, it is zero; the interval is then the exact one of as
    many trials as the smaller class has posts.

    Raises
    ------
    LabelError
        When all posts have the same label.

    Examples
    --------
    >>> labels, scores = np.array([0, 0, 0, 1, 1, 1]) == 1, np.array([1, 2, 4, 3, 5, 6.0])
    >>> print(auc_interval(labels, scores))
    0.889 (0.261–0.995)
    """
    value = auc(positive, scores)
    hits, misses = scores[positive], scores[~positive]
    m, n = len(hits), len(misses)
    ranks = rankdata(np.concatenate((hits, misses)))
    of_hits = (ranks[:m] - rankdata(hits)) / n
    of_misses = 1 - (ranks[m:] - rankdata(misses)) / m
    variance = sum(np.var(v, ddof=1) / len(v) if len(v) > 1 else 0.25 for v in (of_hits, of_misses))
    if not 0 < value < 1 or not variance:
        trials = min(m, n)
        return Estimate(value, *clopper_pearson(round(value * trials), trials, confidence))
    spread = norm.ppf((1 + confidence) / 2) * np.sqrt(variance) / (value * (1 - value))
    logit = np.log(value / (1 - value))
    low, high = 1 / (1 + np.exp(-np.array([logit - spread, logit + spread])))
    return Estimate(value, float(low), float(high))


def _wilson(rate: Rate, z: float) -> tuple[float, float]:
    p, n = rate.rate, rate.total
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return float(centre - half), float(centre + half)


def rate_gap(first: Rate, second: Rate, confidence: float = _CONFIDENCE) -> Gap:
    """Give how much higher the first rate is, with Newcombe's hybrid score interval.

    Method 10 of Newcombe (Statistics in Medicine 1998, 17:873-890): Wilson's score limits of
    both rates, joined by squaring and adding.

    Raises
    ------
    InputError
        When one of them counts no post.

    Examples
    --------
    >>> first, second = Rate(56, 70, 0, 0), Rate(48, 80, 0, 0)
    >>> print(rate_gap(first, second).difference)
    0.200 (0.052–0.334)
    """
    if not first.total or not second.total:
        raise InputError("difference of rates: found no post on one side, expected posts on both")
    z = float(norm.ppf((1 + confidence) / 2))
    (low_1, high_1), (low_2, high_2) = _wilson(first, z), _wilson(second, z)
    gap = first.rate - second.rate
    low = gap - np.hypot(first.rate - low_1, high_2 - second.rate)
    high = gap + np.hypot(high_1 - first.rate, second.rate - low_2)
    return Gap(first, second, Estimate(gap, float(max(low, -1)), float(min(high, 1))))


def _drawer(size: int, groups: Any, random: np.random.Generator) -> Callable[[], npt.NDArray[Any]]:
    """Give a function that draws posts with replacement, whole groups where there are any."""
    if groups is None:
        return lambda: random.integers(0, size, size)
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(which, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(which))[:-1])
    return lambda: np.concatenate([members[i] for i in random.integers(0, len(names), len(names))])


def paired_bootstrap(  # noqa: PLR0913, PLR0917 - as scikit-learn's metrics take them
    metric: Metric,
    labels: Any,
    scores_a: Any,
    scores_b: Any,
    groups: Any = None,
    repeats: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Tell how much better the first of two systems does on the same posts.

    Parameters
    ----------
    metric : callable
        Takes a mask of the posts that have the category, and scores; such as `auc`.
    labels : array of 0 and 1, shape (n_posts,)
    scores_a, scores_b : array of float64, shape (n_posts,)
    groups : array, shape (n_posts,), optional
        Posts of one event, account or thread, which are drawn together.
    repeats, seed : int

    Returns
    -------
    Estimate
        ``metric(a) - metric(b)`` on all posts, with the percentile interval of the same
        difference on posts drawn with replacement.

    Raises
    ------
    LabelError
        When the arrays do not fit each other, or hardly a draw has posts of both kinds.

    Examples
    --------
    >>> labels = np.array([0, 1] * 20)
    >>> print(paired_bootstrap(auc, labels, labels, 1 - labels, repeats=50))
    1.000 (1.000–1.000)
    """
    positive = np.asarray(labels).astype(bool)
    a, b = (np.asarray(scores, dtype=float) for scores in (scores_a, scores_b))
    size = len(positive)
    if not len(a) == len(b) == size or (groups is not None and len(groups) != size):
        raise LabelError(f"scores and groups: expected one for each of {size} labels")
    draw = _drawer(size, groups, np.random.default_rng(seed))
    found: list[float] = []
    for _ in range(_TRIES * repeats):
        chosen = draw()
        drawn = positive[chosen]
        if drawn.any() and not drawn.all():
            found.append(metric(drawn, a[chosen]) - metric(drawn, b[chosen]))
        if len(found) == repeats:
            low, high = np.quantile(found, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2])
            return Estimate(metric(positive, a) - metric(positive, b), float(low), float(high))
    raise LabelError("bootstrap: hardly a draw has posts that have the category and posts without")
