from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from postrisk.bands import Ceilings, choose_cutoffs, clopper_pearson, cutoff_under, fit_sigmoid
from postrisk.cutoffs import Cutoffs
from postrisk.model import sigmoid

PROBABILITIES = st.lists(st.floats(0, 0.999) | st.sampled_from([0.0, 0.25, 0.5]), max_size=150).map(
    np.array
)


@given(st.integers(1, 500), st.data())
def test_the_interval_is_that_of_the_exact_test(total, data):
    hits = data.draw(st.integers(0, total))
    expected = binomtest(hits, total).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hits, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (1, 20, 0.0013, 0.2487),
        (50, 100, 0.3983, 0.6017),
    ],
)
def test_intervals_from_the_tables(hits, total, low, high):
    assert clopper_pearson(hits, total) == pytest.approx((low, high), abs=5e-5)


@given(st.sampled_from([0.01, 0.05, 0.1, 0.3]), PROBABILITIES)
def test_a_cutoff_keeps_its_ceiling_and_is_the_lowest_that_does(ceiling, safe):
    cutoff = cutoff_under(ceiling, safe)
    if cutoff is None:
        assert not len(safe) or clopper_pearson(0, len(safe))[1] > ceiling
        return
    reached = int((safe >= cutoff).sum())
    assert clopper_pearson(reached, len(safe))[1] <= ceiling
    below = np.nextafter(cutoff, -1)
    reached_below = int((safe >= below).sum())
    assert reached_below == len(safe) or clopper_pearson(reached_below, len(safe))[1] > ceiling


@given(st.floats(0.05, 0.5), st.floats(0.01, 0.05), st.lists(PROBABILITIES, min_size=1, max_size=3))
def test_each_group_that_is_large_enough_keeps_both_ceilings(review, flag, groups):
    cutoffs = choose_cutoffs(Ceilings(review, flag), *groups)
    assert cutoffs.flag is None or cutoffs.flag >= cutoffs.review
    for group in groups:
        if cutoff_under(review, group) is not None:
            assert np.mean(group >= cutoffs.review) <= review
        if cutoffs.flag is not None:
            assert np.mean(group >= cutoffs.flag) <= flag
    thin = any(cutoff_under(flag, group) is None for group in groups)
    assert (cutoffs.flag is None) == thin


def test_thin_evidence_flags_nothing():
    assert choose_cutoffs(Ceilings(), np.zeros(10)) == Cutoffs(review=0.5, flag=None)
    assert choose_cutoffs(Ceilings()) == Cutoffs(review=0.5, flag=None)
    assert choose_cutoffs(Ceilings(), np.zeros(100)).flag is None
    assert choose_cutoffs(Ceilings(), np.zeros(1000)).flag is not None


def test_the_hardest_group_decides():
    easy, hard = np.linspace(0, 0.2, 1000), np.linspace(0, 0.8, 1000)
    both = choose_cutoffs(Ceilings(), easy, hard)
    assert both == choose_cutoffs(Ceilings(), hard)
    assert both.review > choose_cutoffs(Ceilings(), easy).review


def drawn(slope, intercept, n=20_000, seed=0):
    random = np.random.default_rng(seed)
    decisions = random.normal(0, 2, n)
    return decisions, random.random(n) < sigmoid(slope * decisions + intercept)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, -2.0), (3.0, 1.0)])
def test_calibration_finds_the_line(slope, intercept):
    found = fit_sigmoid(*drawn(slope, intercept))
    assert found == pytest.approx((slope, intercept), rel=0.1, abs=0.05)


WEIGHTED = st.tuples(st.floats(-20, 20), st.booleans(), st.integers(1, 4))


@given(st.lists(WEIGHTED, min_size=4, max_size=40))
def test_calibration_keeps_the_order_and_counts_weights_as_copies(rows):
    decisions, positive, weights = map(np.array, zip(*rows, strict=True))
    assume(positive.any() and not positive.all())
    slope, intercept = fit_sigmoid(decisions, positive, weights.astype(float))
    assert slope > 0
    assert np.isfinite(intercept)
    copies = fit_sigmoid(np.repeat(decisions, weights), np.repeat(positive, weights))
    line = slope * decisions + intercept
    np.testing.assert_allclose(sigmoid(line), sigmoid(copies[0] * decisions + copies[1]), atol=1e-3)


def test_calibration_of_a_perfect_separation_stays_finite():
    slope, intercept = fit_sigmoid(np.array([-1.0] * 50 + [1.0] * 50), np.arange(100) >= 50)
    assert 0.9 < sigmoid(np.array([slope + intercept]))[0] < 1
    assert 0 < sigmoid(np.array([-slope + intercept]))[0] < 0.1
