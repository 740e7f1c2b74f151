"""Calibration and bands under a stated ceiling on false positives."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import beta

from postrisk.cutoffs import LADDER, Cutoffs, Step, restep
from postrisk.model import Calibration, Floats, sigmoid
from postrisk.style import LANGUAGES

_CONFIDENCE = 0.95
_DECIMALS = 6
_FEWEST_POSITIVES, _FEWEST_NEGATIVES = 20, 200
UNKNOWN = -1
Labels = npt.NDArray[np.int8]


def clopper_pearson(hits: int, total: int, confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """Give the exact interval of a rate (Clopper and Pearson, Biometrika 1934).

    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, total - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, total - hits)) if hits < total else 1.0
    return low, high


def fit_sigmoid(
    decisions: Floats, positive: npt.NDArray[np.bool_], weights: Floats | None = None
) -> tuple[float, float]:
    """Fit slope and intercept so that ``sigmoid(slope * d + intercept)`` is calibrated.

    Platt's method with his smoothed targets (Platt, 1999), weighted. The slope is kept
    positive, so that calibration never turns an order around.

    Returns
    -------
    slope, intercept : float
    """
    weights = np.ones(len(decisions)) if weights is None else weights
    n_positive, n_negative = weights[positive].sum(), weights[~positive].sum()
    targets = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope = np.exp(parameters[0])
        logits = slope * decisions + parameters[1]
        gap = weights * (sigmoid(logits) - targets)
        value = weights @ (np.logaddexp(0, logits) - targets * logits)
        return float(value), np.array([slope * (gap @ decisions), gap.sum()])

    start = np.array([0.0, float(np.log((n_positive + 1) / (n_negative + 1)))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-5, 5), (-50, 50)])
    return float(np.exp(found.x[0])), float(found.x[1])


def calibrate(
    decisions: Floats, labels: Labels, weights: Floats, languages: npt.NDArray[np.object_]
) -> tuple[Calibration, dict[str, Calibration]]:
    """Calibrate decisions per category, for all posts and for each language by itself.

    Parameters
    ----------
    decisions : ndarray of float64, shape (n_posts, n_categories)
        Held-out decisions.
    labels : ndarray of int8, shape (n_posts, n_categories)
    weights : ndarray of float64, shape (n_posts,)
        The mixture that the probabilities are to hold for.
    languages : ndarray of str, shape (n_posts,)

    Returns
    -------
    overall : Calibration
        From decisions to logits.
    by_language : dict of str to Calibration
        From these logits to those of a language. A category keeps the overall line in a
        language that has fewer than 20 positives or 200 negatives of any weight.
    """
    known = (labels != UNKNOWN) & (weights > 0)[:, np.newaxis]
    columns = range(labels.shape[1])
    overall = _fit_lines(decisions, labels, weights, [known[:, c] for c in columns])
    logits = overall.intercepts + overall.slopes * decisions
    by_language = {}
    for language in LANGUAGES[1:]:
        masks = [known[:, c] & (languages == language) for c in columns]
        enough = [_is_enough(labels[mask, c] == 1) for c, mask in enumerate(masks)]
        if any(enough):
            lines = _fit_lines(logits, labels, weights, masks)
            by_language[language] = Calibration(
                np.where(enough, lines.slopes, 1.0), np.where(enough, lines.intercepts, 0.0)
            )
    return overall, by_language


def _is_enough(positive: npt.NDArray[np.bool_]) -> bool:
    positives = int(positive.sum())
    return positives >= _FEWEST_POSITIVES and len(positive) - positives >= _FEWEST_NEGATIVES


def _fit_lines(
    decisions: Floats, labels: Labels, weights: Floats, masks: Sequence[npt.NDArray[np.bool_]]
) -> Calibration:
    lines = [
        fit_sigmoid(decisions[mask, column], labels[mask, column] == 1, weights[mask])
        for column, mask in enumerate(masks)
    ]
    slopes, intercepts = np.array(lines).T
    return Calibration(slopes, intercepts)


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Highest false-positive rates allowed for the two upper bands.

    A cut-off is the lowest one whose upper 95 % Clopper-Pearson bound on held-out safe posts
    stays below the ceiling.
    """

    review: float = 0.05
    flag: float = 0.01

    @property
    def ladder(self) -> tuple[float, ...]:
        """The ceilings for which a model keeps cut-offs, these two among them."""
        return tuple(sorted({*LADDER, self.review, self.flag}))


def cutoff_under(ceiling: float, safe_probabilities: Floats) -> float | None:
    """Give the lowest cut-off that keeps the upper bound below ``ceiling``.

    Parameters
    ----------
    ceiling : float
    safe_probabilities : ndarray of float64, shape (n_safe,)
        Probabilities of held-out posts that should not be reached.

    Returns
    -------
    float or None
        None when even no false positive in so few posts could prove the ceiling, or when no
        cut-off of at most 1 keeps it.

    Examples
    --------
    >>> cutoff_under(0.05, np.linspace(0, 0.5, 1000)) > 0.48
    True
    >>> cutoff_under(0.01, np.zeros(50)) is None
    True
    """
    total = len(safe_probabilities)
    keeping = bisect_right(range(total), ceiling, key=lambda hits: clopper_pearson(hits, total)[1])
    allowed = keeping - 1
    if allowed < 0:
        return None
    descending = np.sort(safe_probabilities)[::-1]
    # One step above the first post that may not be reached, so that its ties stay below too, on
    # the grid of six decimals that scores are rounded to.
    cut = round(round(float(descending[allowed]), _DECIMALS) + 10**-_DECIMALS, _DECIMALS)
    return cut if cut <= 1 else None


def climb(
    ceilings: Collection[float], safe_groups: Sequence[Floats], risky: Floats | None = None
) -> tuple[Step, ...]:
    """Choose a category's cut-off for each ceiling, so that each group of safe posts keeps it.

    A group too small to prove a ceiling is left out of that step, which is then not proven. A
    stricter ceiling never gets a lower cut-off.

    Parameters
    ----------
    ceilings : collection of float
    safe_groups : sequence of ndarrays of float64
        Probabilities of held-out posts that should not be reached.
    risky : ndarray of float64, optional
        Probabilities of held-out posts that should be; they tell what a ceiling costs.
    """
    steps: list[Step] = []
    highest: float | None = None
    for ceiling in sorted(set(ceilings), reverse=True):
        cuts = [cutoff_under(ceiling, group) for group in safe_groups]
        known = [cut for cut in cuts if cut is not None]
        cutoff = max([*known, highest or 0.0]) if known else None
        highest = highest if cutoff is None else cutoff
        found = 0.0 if cutoff is None or risky is None else float(np.mean(risky >= cutoff))
        recall = None if risky is None or not len(risky) else found
        proven = bool(cuts) and None not in cuts
        steps.append(Step(ceiling=ceiling, cutoff=cutoff, proven=proven, recall=recall))
    return tuple(reversed(steps))


def choose_cutoffs(ceilings: Ceilings, *safe_groups: Floats) -> Cutoffs:
    """Choose a category's cut-offs so that groups of safe posts keep both ceilings.

    A group too small to prove the ceiling of ``flag`` means that nothing is flagged; one too
    small to prove that of ``review`` is left out of it, and with no other the cut-off is .5.
    """
    steps = climb((ceilings.review, ceilings.flag), safe_groups)
    return restep(Cutoffs(review=0.5), steps, ceilings.review, ceilings.flag)
