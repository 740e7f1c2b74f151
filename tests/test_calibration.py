"""Calibration agrees with hand counts and with the figure on the cards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.calibration import calibrate, reliability
from postrisk.errors import InputError, LabelError
from postrisk.evaluation import expected_calibration_error

probabilities = st.integers(0, 10**6).map(lambda n: n / 10**6)
posts = st.lists(st.tuples(st.booleans(), probabilities), min_size=1, max_size=80)


@given(posts, st.sampled_from(["width", "mass"]), st.integers(1, 12))
def test_every_post_is_in_one_bin_between_its_edges(rows, binning, bins):
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    found = reliability(positive, scores, bins, binning)
    assert sum(b.share.total for b in found) == len(rows)
    assert sum(b.share.hits for b in found) == positive.sum()
    assert len(found) <= bins
    for one in found:
        assert one.low - 1e-9 <= one.mean <= one.high + 1e-9


@given(posts)
def test_the_error_over_equal_widths_is_the_one_on_the_cards(rows):
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    found = calibrate(positive, scores)
    assert found.ece == pytest.approx(expected_calibration_error(positive, scores), abs=1e-9)
    assert 0 <= found.rms <= 1
    assert 0 <= found.ece_mass <= 1


def test_bins_of_equal_mass_hold_equally_many():
    scores = np.linspace(0, 0.2, 1000)
    found = reliability(scores > 1, scores, 10, "mass")
    assert {b.share.total for b in found} <= {99, 100, 101}
    assert len(reliability(scores > 1, scores, 10)) == 3


def test_chance_gaps_vanish_when_debiased_and_true_ones_stay():
    random = np.random.default_rng(5)
    scores = random.random(2000)
    right = calibrate(random.random(2000) < scores, scores)
    wrong = calibrate(random.random(2000) < scores**2, scores)
    assert right.rms < right.ece < 0.04
    assert wrong.rms > 0.1
    assert wrong.brier > right.brier - 0.1


def test_no_posts_and_no_bins_are_errors():
    with pytest.raises(LabelError, match="found no post"):
        calibrate(np.zeros(0, dtype=bool), np.zeros(0))
    with pytest.raises(InputError, match="bins: found 0"):
        reliability(np.array([True]), np.array([0.5]), 0)
