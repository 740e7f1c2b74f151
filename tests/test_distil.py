"""A student learns from soft targets what a teacher says, on posts without a label too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import vstack
from sklearn.linear_model import LogisticRegression

from postrisk.distil import SoftCore, soft_rows
from postrisk.errors import LabelError
from postrisk.features import PostFeatures
from postrisk.linear import UNKNOWN, LinearCore, quantise
from postrisk.model import sigmoid
from postrisk.teacher import TeacherHeads, embed
from tiny import WORDS, bag_of_words

LABELS = np.array([[1, 0], [0, UNKNOWN], [UNKNOWN, UNKNOWN]])
TAUGHT = np.array([[0.5, 0.5], [np.nan, 0.25], [0.75, np.nan]])


@pytest.fixture(scope="module")
def taught():
    """Posts of which the first half is labelled, and a teacher that learnt from that half."""
    words = [word for phrase in WORDS.values() for word in phrase.split()]
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(words, 4)) for _ in range(400)]
    labels = np.array([["cure" in t or "doctors" in t, "legs" in t] for t in texts]).astype(int)
    vectors = embed(texts, encode=bag_of_words)
    heads = TeacherHeads(C=20.0).fit(vectors[:200], labels[:200])
    matrix = PostFeatures(bits=12).fit([]).transform(texts)
    return matrix, labels, heads.predict_proba(vectors)


def test_known_labels_are_mixed_and_unknown_ones_are_the_teachers():
    mixed = soft_rows(LABELS, TAUGHT, share=0.4)
    expected = [[0.8, 0.2], [0, 0.25], [0.75, np.nan]]
    np.testing.assert_allclose(mixed, expected)
    np.testing.assert_allclose(soft_rows(LABELS[:1], TAUGHT[:1], 0), [[1, 0]])
    np.testing.assert_allclose(soft_rows(LABELS[:1], TAUGHT[:1], 1), TAUGHT[:1])


@pytest.mark.parametrize(
    ("labels", "teacher", "share"),
    [(LABELS[:1], TAUGHT, 0.5), (LABELS, TAUGHT + 1, 0.5), (LABELS, TAUGHT, 1.5)],
)
def test_what_does_not_fit_is_refused(labels, teacher, share):
    with pytest.raises(LabelError, match="expected"):
        soft_rows(labels, teacher, share)


def test_a_student_recovers_the_teacher_on_rows_without_labels(taught):
    matrix, _, probability = taught
    unknown = np.full(probability.shape, UNKNOWN)
    student = SoftCore(C=20.0).fit(matrix[:300], soft_rows(unknown, probability, 1)[:300])
    for column in range(2):
        heard = np.corrcoef(student.predict_proba(matrix)[300:, column], probability[300:, column])
        assert heard[0, 1] > 0.9


def test_the_fit_is_that_of_weighted_doubled_rows(taught):
    matrix, labels, probability = taught
    targets = soft_rows(labels, probability, 0.5)
    weights = np.linspace(0.5, 2, len(targets))
    soft = SoftCore().fit(matrix, targets, weights)
    doubled = vstack([matrix, matrix])
    for column, target in enumerate(targets.T):
        classes = np.repeat([1, 0], len(target))
        halves = np.concatenate([weights * target, weights * (1 - target)])
        by_rows = LogisticRegression(tol=1e-6).fit(doubled, classes, halves)
        found = soft.decision_function(matrix)[:, column]
        np.testing.assert_allclose(found, by_rows.decision_function(matrix), atol=0.05)


def test_hard_targets_give_what_labels_give_and_unknown_ones_are_left_out(taught):
    matrix, labels, _ = taught
    known = labels.copy()
    known[::3, 1] = UNKNOWN
    hard = np.where(known == UNKNOWN, np.nan, known)
    expected = LinearCore().fit(matrix, known).decision_function(matrix)
    soft = SoftCore().fit(matrix, hard)
    np.testing.assert_allclose(soft.decision_function(matrix), expected, atol=0.05)
    assert sigmoid(soft.decision_function(matrix)).shape == soft.predict(matrix).shape


def test_the_same_rows_give_the_same_bytes_and_shippable_weights(taught):
    matrix, labels, probability = taught
    targets = soft_rows(labels, probability, 0.5)
    first, second = (SoftCore().fit(matrix, targets) for _ in range(2))
    assert first.coef_.tobytes() == second.coef_.tobytes()
    weights, scales = quantise(first.coef_)
    assert weights.shape == (4096, 2)
    assert (scales > 0).all()


@pytest.mark.parametrize(
    "targets", [np.zeros(4), np.zeros((3, 1)), np.full((4, 1), 2.0), np.full((4, 1), np.nan)]
)
def test_targets_that_do_not_fit_are_refused(targets):
    with pytest.raises(LabelError, match="targets: "):
        SoftCore().fit(np.eye(4), targets)
