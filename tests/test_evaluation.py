"""Metrics agree with scikit-learn and with hand counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from postrisk.errors import LabelError
from postrisk.evaluation import (
    Rate,
    expected_calibration_error,
    rank,
    rates_by_group,
    twins_right,
)

labelled = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


@given(labelled)
def test_ranking_is_what_scikit_learn_says(rows):
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    found = rank(positive, scores, 0.5, 0.9)
    assert found.auc == pytest.approx(roc_auc_score(positive, scores))
    assert found.ap == pytest.approx(average_precision_score(positive, scores))
    assert found.brier == pytest.approx(brier_score_loss(positive, scores))
    assert 0 <= found.ece <= 1
    assert found.recall_flag <= found.recall_review
    assert rank(positive, scores, 0.5, None).recall_flag == 0


def test_one_kind_of_label_is_an_error():
    with pytest.raises(LabelError):
        rank(np.array([True, True]), np.array([0.1, 0.2]))


def test_calibration_error_by_hand():
    positive = np.array([True, False, False, False])
    probabilities = np.array([0.95, 0.05, 0.05, 0.45])
    expected = (abs(0.95 - 1) + 2 * 0.05 + 0.45) / 4
    assert expected_calibration_error(positive, probabilities) == pytest.approx(expected)


def test_rates_come_with_exact_intervals():
    found = rates_by_group(np.array([True, False, False]), ["a", "b", "b"])
    assert (found["a"].hits, found["a"].total) == (1, 1)
    assert found["a"].low == pytest.approx(0.025)
    assert found["b"].rate == 0
    assert Rate.of(np.zeros(0, dtype=bool)).to_dict()["high"] == 1.0


def test_both_twins_must_be_right():
    pairs = ["a", "a", "b", "b", "c", "c", "d"]
    positive = np.array([True, False] * 3 + [True])
    scores = np.array([0.9, 0.1, 0.9, 0.8, 0.2, 0.3, 0.9])
    banded, ordered = twins_right(scores, 0.5, pairs, positive)
    assert (banded.hits, banded.total) == (1, 3)
    assert (ordered.hits, ordered.total) == (2, 3)
