"""Reach rules on columns of posts, equal to `postrisk.rules` row by row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from postrisk.counts import LARGEST
from postrisk.cutoffs import BANDS, Band
from postrisk.postcolumns import KINDS, CountColumn, PostColumns
from postrisk.rules import (
    OUTCOMES,
    RECOMMENDATIONS,
    Outcome,
    Recommendation,
    Rulebook,
    Threshold,
)

Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
# Kleene's ``or`` is the largest of these, and ``and`` the smallest.
_NO, _UNKNOWN, _YES = range(3)
_OUTCOME_OF_TRUTH = np.array(
    [OUTCOMES.index(one) for one in (Outcome.NOT_MET, Outcome.UNKNOWN, Outcome.MET)], dtype=np.int8
)


def evaluate_columns(
    rule: Rulebook, posts: PostColumns, bands: Codes, categories: Sequence[str]
) -> Codes:
    """Evaluate a rule on many posts, as `postrisk.rules.evaluate` does on one.

    Parameters
    ----------
    rule : Rulebook
    posts : PostColumns
    bands : ndarray of int8, shape (n_rows, n_categories)
        Each as its index in `postrisk.cutoffs.BANDS`.
    categories : sequence of str
        What the columns of ``bands`` stand for. A category of the rule that is not among them
        passes.

    Returns
    -------
    ndarray of int8, shape (n_rows,)
        Each outcome as its index in `postrisk.rules.OUTCOMES`.

    Raises
    ------
    ValueError
        When ``bands`` has another shape.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from postrisk.columnreader import read_columns
    >>> from postrisk.columns import Columns
    >>> arrays = [pa.array(["a claim", "a claim"]), pa.array(["499", "500"])]
    >>> posts = read_columns(Columns(["text", "reposts"]), arrays).posts
    >>> bands = np.array([[1], [1]], dtype=np.int8)
    >>> found = evaluate_columns(Rulebook.load(), posts, bands, ["rumor"])
    >>> [OUTCOMES[code].value for code in found]
    ['unknown', 'met']
    """
    if bands.shape != (len(posts), len(categories)):
        expected = (len(posts), len(categories))
        raise ValueError(f"bands: found shape {bands.shape}, expected {expected}")
    reached = [_reached(threshold, posts) for threshold in rule.threshold]
    joined = np.max(reached, axis=0) if rule.outcome.join == "any" else np.min(reached, axis=0)
    outside, missing = _scope_doubts(rule, posts, bands, categories)
    joined[missing & (joined == _YES)] = _UNKNOWN
    joined[outside] = _NO
    found: Codes = _OUTCOME_OF_TRUTH[joined]
    return found


def _reached(threshold: Threshold, posts: PostColumns) -> npt.NDArray[np.int64]:
    counts: CountColumn = getattr(posts, threshold.counter)
    if threshold.at_least > LARGEST:  # no count is that high, and int64 cannot say so
        met = np.zeros(len(posts), dtype=bool)
    else:
        met = counts.known & (counts.values >= threshold.at_least)
    unknown = ~counts.known | counts.at_least
    return np.where(met, _YES, np.where(unknown, _UNKNOWN, _NO))


def _scope_doubts(
    rule: Rulebook, posts: PostColumns, bands: Codes, categories: Sequence[str]
) -> tuple[Mask, Mask]:
    """Tell which posts are outside the rule, and which lack what it takes to tell."""
    scope = rule.scope
    allowed = np.array([band in scope.bands for band in BANDS])
    inside = np.zeros(len(posts), dtype=bool)
    for category in scope.categories:
        if category in categories:
            inside |= allowed[bands[:, categories.index(category)]]
        elif Band.PASS in scope.bands:
            inside[:] = True
    undated = np.isnat(posts.days)
    dated_inside = _within(posts.days, rule.effective.from_, rule.effective.until)
    dated_inside &= _within(posts.days, scope.posted_from, scope.posted_until)
    outside = ~inside | ~(undated | dated_inside)
    missing = undated if scope.posted_from or scope.posted_until else np.zeros_like(undated)
    if scope.account_kinds is not None:
        other = np.array([kind not in scope.account_kinds for kind in KINDS])[posts.kinds]
        unknown = posts.kinds == KINDS.index("unknown")
        outside |= other & ~unknown
        missing = missing | (other & unknown)
    return outside, missing


def _within(days: npt.NDArray[np.datetime64], first: date | None, last: date | None) -> Mask:
    within = np.ones(len(days), dtype=bool)
    if first is not None:
        within &= days >= np.datetime64(first)
    if last is not None:
        within &= days <= np.datetime64(last)
    return within


def recommend_columns(rule: Rulebook, bands: Codes, outcomes: Codes) -> Codes:
    """Say for many posts what `postrisk.rules.recommend` says for one.

    Parameters
    ----------
    rule : Rulebook
    bands : ndarray of int8, shape (n_rows, n_categories)
        Each as its index in `postrisk.cutoffs.BANDS`.
    outcomes : ndarray of int8, shape (n_rows,)
        As `evaluate_columns` gives them.

    Returns
    -------
    ndarray of int8, shape (n_rows,)
        Each as its index in `postrisk.rules.RECOMMENDATIONS`.

    Examples
    --------
    >>> bands = np.array([[0, 0], [0, 1]], dtype=np.int8)
    >>> met = np.array([0, 0], dtype=np.int8)
    >>> [RECOMMENDATIONS[code].value for code in recommend_columns(Rulebook.load(), bands, met)]
    ['none', 'review_first']
    """
    review = RECOMMENDATIONS.index(Recommendation.REVIEW)
    if_met = RECOMMENDATIONS.index(Recommendation(rule.outcome.recommendation))
    found = np.where(outcomes == OUTCOMES.index(Outcome.MET), if_met, review)
    passes = (bands == BANDS.index(Band.PASS)).all(axis=1)
    found[passes] = RECOMMENDATIONS.index(Recommendation.NONE)
    return found.astype(np.int8)
