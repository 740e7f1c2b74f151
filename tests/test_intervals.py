"""Intervals against published values, brute force and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from postrisk.errors import InputError, LabelError
from postrisk.evaluation import Rate
from postrisk.intervals import auc, auc_interval, paired_bootstrap, rate_gap

# Newcombe, Statistics in Medicine 1998, 17:873-890, table II, method 10.
PUBLISHED = {
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (0, 10, 0, 10): (-0.2775, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0),
    (10, 10, 0, 10): (0.6075, 1.0),
}
labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=4, max_size=50).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def rate(hits, total):
    return Rate(hits, total, 0.0, 1.0)


@pytest.mark.parametrize(("counts", "limits"), PUBLISHED.items())
def test_differences_of_rates_are_newcombes(counts, limits):
    found = rate_gap(rate(*counts[:2]), rate(*counts[2:])).difference
    assert (found.low, found.high) == pytest.approx(limits, abs=6e-5)
    assert found.low <= found.value <= found.high


def test_a_difference_needs_posts_on_both_sides():
    with pytest.raises(InputError, match="found no post"):
        rate_gap(rate(1, 2), rate(0, 0))


@given(labelled)
def test_auc_is_what_scikit_learn_says(rows):
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    found = auc_interval(positive, scores.astype(float))
    assert found.value == auc(positive, scores) == pytest.approx(roc_auc_score(positive, scores))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_variance_is_delongs():
    random = np.random.default_rng(3)
    positive = np.repeat([True, False], [40, 60])
    scores = np.round(random.normal(positive.astype(float), 1), 1)
    hits, misses = scores[:40], scores[40:]
    wins = (hits[:, None] > misses) + 0.5 * (hits[:, None] == misses)
    variance = wins.mean(axis=1).var(ddof=1) / 40 + wins.mean(axis=0).var(ddof=1) / 60
    found = auc_interval(positive, scores)
    value = wins.mean()
    half = 1.959964 * np.sqrt(variance) / (value * (1 - value))
    assert np.log(found.high / (1 - found.high)) == pytest.approx(
        np.log(value / (1 - value)) + half
    )
    assert np.log(found.low / (1 - found.low)) == pytest.approx(np.log(value / (1 - value)) - half)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    positive = np.repeat([True, False], [30, 70])
    truth = 0.7602499389065233  # of two normal distributions one apart
    held = [
        found.low <= truth <= found.high
        for _ in range(400)
        if (found := auc_interval(positive, random.normal(positive.astype(float), 1)))
    ]
    assert 0.92 < np.mean(held) < 0.98


@pytest.mark.parametrize("scores", [[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [1.0] * 4])
def test_an_auc_without_variance_still_has_its_doubt(scores):
    found = auc_interval(np.array([False, False, True, True]), np.array(scores))
    assert found.high - found.low > 0.8


def test_one_kind_of_label_is_an_error():
    with pytest.raises(LabelError):
        auc(np.array([True, True]), np.array([0.1, 0.2]))


def test_a_system_is_no_better_than_itself():
    positive = np.array([True, False] * 30)
    scores = np.random.default_rng(1).random(60)
    found = paired_bootstrap(auc, positive, scores, scores, repeats=50)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_drawing_whole_groups_is_less_sure():
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(20), 20)
    positive = random.random(400) < 0.5
    better = positive + np.repeat(random.normal(0, 1.5, 20), 20) + random.normal(0, 1, 400)
    worse = random.normal(0, 1, 400)
    alone = paired_bootstrap(auc, positive, better, worse, repeats=300)
    together = paired_bootstrap(auc, positive, better, worse, groups, repeats=300)
    assert together.value == alone.value
    assert together == paired_bootstrap(auc, positive, better, worse, groups, repeats=300)
    assert together != paired_bootstrap(auc, positive, better, worse, groups, 300, seed=1)
    assert alone.low > 0


def test_what_does_not_fit_is_a_label_error():
    with pytest.raises(LabelError, match="expected one for each of 2"):
        paired_bootstrap(auc, [0, 1], [0.5], [0.5])
    with pytest.raises(LabelError, match="expected one for each of 2"):
        paired_bootstrap(auc, [0, 1], [0.5, 0.5], [0.5, 0.5], groups=["a"])
    with pytest.raises(LabelError, match="hardly a draw"):
        paired_bootstrap(auc, [1, 1], [0.5, 0.5], [0.5, 0.5], repeats=2)
