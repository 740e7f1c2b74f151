from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

import strategies
from postrisk import training
from postrisk.cutoffs import LADDER
from postrisk.errors import InputError, LabelError
from postrisk.folding import fold_batch
from postrisk.ngrams import Hashing, gram_counts, gram_matrix
from postrisk.post import Category, Post
from postrisk.store import load, save
from postrisk.training import LinearCore, RiskClassifier, quantise
from postrisk.windows import Windowing

FILES = ("config.json", "weights.npy", "CARD.md")
CATEGORIES = ("rumor", "violence")
WORDS = ("onion sock cure", "break your legs", "soup and bread", "nice weather")


def make_posts(n=200, seed=0):
    """Posts of four kinds, one in ten labelled wrongly so that probabilities spread."""
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 4, n)
    posts = [f"{WORDS[kind]} {random.integers(0, 999)} no {i}" for i, kind in enumerate(kinds)]
    labels = np.stack((kinds == 0, kinds == 1), axis=1) ^ (random.random((n, 2)) < 0.1)
    return posts, labels.astype(int)


def classifier(**parameters):
    defaults = {"categories": CATEGORIES, "bits": 8, "folds": 3, "char_orders": (2, 3)}
    return RiskClassifier(**{**defaults, **parameters})


@pytest.fixture(scope="module")
def fitted():
    posts, labels = make_posts()
    return classifier(review_ceiling=0.25, flag_ceiling=0.1).fit(posts, labels)


def test_the_core_is_a_scikit_learn_classifier():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks themselves warn
        checks = check_estimator(LinearCore(), on_skip=None, on_fail=None)
    assert len(checks) > 30
    failed = {c["check_name"]: c["exception"] for c in checks if c["status"] == "failed"}
    assert failed == {}


def test_the_core_fits_each_label_on_the_rows_that_are_known():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(60, 3))
    labels = random.integers(0, 2, (60, 2))
    labels[:20, 1] = -1
    weights = random.random(60)
    core = LinearCore(C=2.0).fit(csr_matrix(matrix), labels, weights)
    for column, known in enumerate((labels >= 0).T):
        alone = LogisticRegression(C=2.0, max_iter=1000)
        alone.fit(matrix[known], labels[known, column], weights[known])
        np.testing.assert_allclose(core.coef_[column], alone.coef_[0], rtol=1e-3, atol=1e-4)
    assert core.predict_proba(matrix).shape == core.predict(matrix).shape == (60, 2)
    np.testing.assert_array_equal(core.predict(matrix), core.predict_proba(matrix) > 0.5)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(1e-6, 1e6))
def test_quantising_is_off_by_half_a_step_at_most(seed, n_categories, size):
    coefficients = np.random.default_rng(seed).normal(0, size, (n_categories, 32))
    coefficients[0] *= seed % 2  # a category without any weight
    weights, scales = quantise(coefficients)
    assert weights.dtype == np.int8
    assert weights.flags["C_CONTIGUOUS"]
    assert (scales > 0).all()
    assert np.abs(weights.astype(int)).max(axis=0).tolist() == [
        127 if row.any() else 0 for row in coefficients
    ]
    assert (np.abs(weights * scales - coefficients.T) <= scales * 0.5000001).all()


@given(st.integers(0, 2**32 - 1), strategies.texts(max_pieces=12))
def test_whole_weights_move_a_logit_by_half_a_step_for_each_n_gram_at_most(seed, text):
    hashing = Hashing(bits=10)
    coefficients = np.random.default_rng(seed).normal(0, 1, (3, hashing.buckets))
    weights, scales = quantise(coefficients)
    batch = fold_batch([text])
    exact = gram_matrix(batch, hashing) @ coefficients.T
    whole = gram_matrix(batch, hashing) @ (weights * scales)
    n_grams = gram_counts(batch, hashing)[0]
    assert (np.abs(whole - exact) <= 0.5000001 * scales * np.sqrt(n_grams)).all()


def test_fitting_learns_the_words(fitted):
    probabilities = fitted.predict_proba(["onion sock cure", "break your legs", "nice soup"])
    assert probabilities.shape == (3, 2)
    assert probabilities[0].argmax() == 0
    assert probabilities[1].argmax() == 1
    assert (probabilities[2] < probabilities.diagonal()).all()
    assert fitted.predict(["onion sock cure", "nice weather"]).tolist() == [[1, 0], [0, 0]]
    assert fitted.predict([]).shape == (0, 2)


def test_the_model_carries_the_parameters(fitted):
    model = fitted.model_
    assert model.categories == CATEGORIES
    assert all(type(name) is str for name in model.categories)
    assert model.hashing.char_orders == (2, 3)
    assert model.weights.shape == (256, 2)
    assert set(model.cutoffs) == set(CATEGORIES)
    assert (model.name, model.version, model.identity) == ("custom", "1", "")
    assert fitted.held_out_.shape == (200, 2)


def test_the_enumeration_of_categories_becomes_plain_text():
    posts, labels = make_posts(80)
    model = classifier(categories=tuple(Category)[:2]).fit(posts, labels).model_
    assert all(type(name) is str for name in (*model.categories, *model.cutoffs))


def test_explaining(fitted):
    (explained,) = fitted.explain([Post(text="onion sock cure")])
    assert list(explained) == list(CATEGORIES)
    probability = fitted.predict_proba(["onion sock cure"])[0, 0]
    assert explained["rumor"].probability == probability
    assert explained["rumor"].spans


def test_the_ceilings_hold_on_the_held_out_posts(fitted):
    _, labels = make_posts()
    for column, cutoffs in enumerate(fitted.model_.cutoffs.values()):
        safe = fitted.held_out_[labels[:, column] == 0, column]
        assert np.mean(safe >= cutoffs.review) <= 0.25
        assert cutoffs.flag is not None
        assert np.mean(safe >= cutoffs.flag) <= 0.1
        assert cutoffs.flag > cutoffs.review


def test_the_ceilings_hold_on_each_safe_group():
    posts, labels = make_posts()
    rumor_like = np.array(["onion" in post for post in posts])
    labels[rumor_like & (np.arange(200) % 3 > 0), 0] = 0  # much that looks like it is none
    half = np.arange(200) % 2 == 0
    masks = [rumor_like, half, ~half]
    fit = classifier(review_ceiling=0.25, flag_ceiling=0.15).fit(posts, labels, safe_groups=masks)
    loose = classifier(review_ceiling=0.25, flag_ceiling=0.15).fit(posts, labels)
    for column, name in enumerate(CATEGORIES):
        for mask in masks:
            safe = fit.held_out_[mask & (labels[:, column] == 0), column]
            if len(safe) >= 40:
                assert np.mean(safe >= fit.model_.cutoffs[name].review) <= 0.25
        assert fit.model_.cutoffs[name].review >= loose.model_.cutoffs[name].review
    assert fit.model_.cutoffs["rumor"].review > loose.model_.cutoffs["rumor"].review


def test_the_model_carries_a_ladder_that_its_own_bands_are_from(fitted):
    model = fitted.model_
    assert set(model.ladder) == set(CATEGORIES)
    assert model.with_ceilings(0.25, 0.1).cutoffs == model.cutoffs
    _, labels = make_posts()
    for column, ladder in enumerate(model.ladder.values()):
        assert [step.ceiling for step in ladder["all"]] == sorted({*LADDER, 0.25, 0.1})
        safe = fitted.held_out_[labels[:, column] == 0, column]
        risky = fitted.held_out_[labels[:, column] == 1, column]
        for step in ladder["all"]:
            if step.cutoff is not None:
                assert np.mean(safe >= step.cutoff) <= step.ceiling
                assert step.recall == np.mean(risky >= step.cutoff)


def test_languages_with_enough_safe_posts_have_steps_of_their_own():
    posts, labels, chinese = bilingual(1400)
    labels[chinese & (np.arange(1400) > 700)] = 1
    model = classifier(categories=("rumor",)).fit(posts, labels).model_
    assert set(model.ladder["rumor"]) == {"all", "en"}
    assert set(model.cutoffs["rumor"].languages) == {"en"}


def test_groups_are_held_out_whole(monkeypatch):
    posts, labels = make_posts(60)
    groups = np.arange(60) // 6
    number = classifier().make_features().fit(posts).transform(posts).toarray()
    rows_of = {row.tobytes(): index for index, row in enumerate(number)}
    assert len(rows_of) == 60
    seen = []

    class Spy(LinearCore):
        def fit(self, X, y, sample_weight=None):  # noqa: N803 - scikit-learn's names
            seen.append(({rows_of[row.tobytes()] for row in X.toarray()}, set()))
            return super().fit(X, y, sample_weight)

        def decision_function(self, X):  # noqa: N803
            seen[-1][1].update(rows_of[row.tobytes()] for row in X.toarray())
            return super().decision_function(X)

    monkeypatch.setattr(training, "LinearCore", Spy)
    classifier(folds=4).fit(posts, labels, groups=groups)
    *folds, (final, _) = seen
    assert len(folds) == 4
    assert final == set(range(60))
    for train, test in folds:
        assert {groups[i] for i in train}.isdisjoint(groups[i] for i in test)
        assert train | test == set(range(60))
    assert sorted(i for _, test in folds for i in test) == list(range(60))


def test_one_category_and_more_than_four():
    posts, labels = make_posts(80)
    one = classifier(categories=("rumor",)).fit(posts, labels[:, :1])
    assert one.predict_proba(posts).shape == (80, 1)
    np.testing.assert_allclose(
        one.predict_proba(posts)[:, 0],
        classifier().fit(posts, labels).predict_proba(posts)[:, 0],
        rtol=1e-6,
    )
    six = tuple("abcdef")
    wide = classifier(categories=six).fit(posts, np.tile(labels, 3)).predict_proba(posts)
    np.testing.assert_array_equal(wide[:, :2], wide[:, 4:])


def test_unknown_labels_take_no_part():
    posts, labels = make_posts(100)
    unknown = labels.copy()
    unknown[50:, 1] = -1
    other = labels.copy()
    other[50:, 1] = -1
    model = classifier().fit(posts, unknown).model_
    assert model.weights.tolist() != classifier().fit(posts, labels).model_.weights.tolist()
    kept = classifier(categories=("violence",)).fit(
        [*posts[:50], *posts[50:]], np.where(np.arange(100) < 50, labels[:, 1], -1)[:, np.newaxis]
    )
    np.testing.assert_array_equal(kept.model_.weights[:, 0], model.weights[:, 1])


def test_posts_and_strings_train_alike():
    posts, labels = make_posts(60)
    from_posts = classifier().fit([Post(text=text, reach={"views": 9}) for text in posts], labels)
    from_texts = classifier().fit(posts, labels.tolist(), sample_weight=[1] * 60)
    np.testing.assert_array_equal(from_posts.model_.weights, from_texts.model_.weights)


def test_styles_may_enter_the_model():
    posts, labels = make_posts(60)
    posts = [f"{p}!!" if label[0] else p for p, label in zip(posts, labels, strict=True)]
    model = classifier(styles=("exclamations", "length")).fit(posts, labels).model_
    assert model.style_weights.shape == (2, 2)
    assert model.style_weights[0, 0] > 0
    assert model.logits(["soup!!"])[0, 0] > model.logits(["soup"])[0, 0]


@pytest.mark.parametrize("negative_windows", [False, True])
def test_law_7_the_model_scores_windows_as_it_was_trained(negative_windows):
    posts, labels = make_posts(120)
    posts = [post + " and more of it" * (index % 5) for index, post in enumerate(posts)]
    windowing = Windowing(widths=(12, 30), steps=3)
    fit = classifier(windowing=windowing, negative_windows=negative_windows, styles=("digits",))
    fit.fit(posts, labels)
    model = fit.model_
    assert model.windowing == windowing
    matrix, owners = fit.features_.transform_windows(posts, windowing)
    assert len(owners) > len(posts)
    ngrams = matrix[:, : model.hashing.buckets] @ model.weights.astype(float) * model.scales
    rows = ngrams + matrix[:, model.hashing.buckets :] @ model.style_weights + model.biases
    highest = np.maximum.reduceat(rows, np.flatnonzero(np.diff(owners, prepend=-1)))
    np.testing.assert_allclose(model.logits(posts), highest, rtol=1e-9, atol=1e-9)


def test_weights_of_short_posts_do_not_depend_on_windows():
    posts, labels = make_posts(80)
    wide = classifier(windowing=Windowing(widths=(500,)), negative_windows=True)
    wide, plain = wide.fit(posts, labels), classifier().fit(posts, labels)
    np.testing.assert_allclose(wide.predict_proba(posts), plain.predict_proba(posts), atol=0.01)
    np.testing.assert_allclose(wide.held_out_, plain.held_out_, atol=0.01)


def test_held_out_probabilities_are_those_of_the_riskiest_window():
    posts, labels = make_posts(150)
    long = [f"{post} {'soup and bread ' * 20}" for post in posts]
    whole = classifier().fit(posts + long, np.tile(labels, (2, 1)))
    windowed = classifier(windowing=Windowing(widths=(40,))).fit(
        posts + long, np.tile(labels, (2, 1))
    )
    risky = labels[:, 0] == 1
    gap = [fit.held_out_[:150][risky, 0].mean() - fit.held_out_[150:][risky, 0].mean()
           for fit in (whole, windowed)]  # fmt: skip
    assert gap[1] < 0.5 * gap[0]


def bilingual(n=1000, seed=3):
    """English and Chinese posts in which the same signal means different probabilities."""
    random = np.random.default_rng(seed)
    chinese = np.arange(n) % 2 == 1
    signal = random.random(n) < 0.5
    label = random.random(n) < np.where(signal, np.where(chinese, 0.3, 0.9), 0.05)
    words = [("谣言" if zh else "hoax") if s else ("天气" if zh else "soup")
             for zh, s in zip(chinese, signal, strict=True)]  # fmt: skip
    posts = [f"{word} {i}" for i, word in enumerate(words)]
    return posts, label.astype(int)[:, np.newaxis], chinese


def test_calibration_of_each_language():
    posts, labels, chinese = bilingual()
    fit = classifier(categories=("rumor",)).fit(posts, labels)
    assert set(fit.model_.calibrations) == {"en", "zh"}
    for mask in (chinese, ~chinese):
        assert fit.held_out_[mask].mean() == pytest.approx(labels[mask].mean(), abs=0.02)
        assert fit.predict_proba(posts)[mask].mean() == pytest.approx(labels[mask].mean(), abs=0.06)


def test_a_language_with_few_positives_keeps_the_calibration_of_all():
    posts, labels, chinese = bilingual()
    labels[chinese] = 0
    labels[np.flatnonzero(chinese)[:19]] = 1
    assert set(classifier(categories=("rumor",)).fit(posts, labels).model_.calibrations) == {"en"}


def test_calibration_follows_the_stated_mixture():
    posts, labels, chinese = bilingual()
    rare = np.where(labels[:, 0] == 1, 0.1, 1.0)
    fit = classifier(categories=("rumor",)).fit(posts, labels, calibration_weight=rare)
    plain = classifier(categories=("rumor",)).fit(posts, labels)
    np.testing.assert_array_equal(fit.model_.weights, plain.model_.weights)
    share = np.average(labels[:, 0], weights=rare)
    assert np.average(fit.held_out_[:, 0], weights=rare) == pytest.approx(share, abs=0.01)
    ignored = classifier(categories=("rumor",)).fit(posts, labels, calibration_weight=~chinese)
    assert set(ignored.model_.calibrations) == {"en"}


TRAIN = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_training import classifier, make_posts, save
fit = classifier(styles=("length",)).fit(*make_posts(80))
save(fit.model_, Path({folder!r}), card="# card", data_fingerprint="x")
"""


def test_law_7_training_twice_gives_the_same_bytes(tmp_path, request, monkeypatch):
    for name in ("first", "second"):
        fit = classifier(styles=("length",)).fit(*make_posts(80))
        save(fit.model_, tmp_path / name, card="# card", data_fingerprint="x")
    code = TRAIN.format(tests=str(request.path.parent), folder=str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    subprocess.run([sys.executable, "-c", code], check=True)
    for file in FILES:
        first = (tmp_path / "first" / file).read_bytes()
        assert (tmp_path / "second" / file).read_bytes() == first
        assert (tmp_path / "elsewhere" / file).read_bytes() == first
    loaded = load(tmp_path / "first")
    texts = ["onion sock cure", "谣言", "", "soup " * 300]
    np.testing.assert_array_equal(loaded.logits(texts), fit.model_.logits(texts))
    np.testing.assert_array_equal(loaded.predict_proba(texts), fit.predict_proba(texts))


def test_parameters_and_clones(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "model_")
    assert copy.set_params(bits=9).bits == 9
    assert set(RiskClassifier().get_params()) == {
        "categories", "char_orders", "word_orders", "bits", "styles", "C", "max_iter", "idf",
        "folds", "windowing", "negative_windows", "review_ceiling", "flag_ceiling", "name",
        "version",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["predict", "predict_proba", "explain"])
def test_not_fitted(method):
    with pytest.raises(NotFittedError):
        getattr(classifier(), method)(["a"])


POSTS, LABELS = make_posts(40)


@pytest.mark.parametrize(
    ("labels", "options", "match"),
    [
        (LABELS[:, 0], {}, "labels: found shape"),
        (LABELS[:39], {}, "labels: found shape"),
        (LABELS.T, {}, "labels: found shape"),
        (np.zeros((40, 3)), {}, "labels: found shape"),
        ([[0], [0, 1]] * 20, {}, "labels: "),
        (LABELS * 2, {}, "labels: expected 0, 1"),
        (LABELS * np.nan, {}, "labels: expected 0, 1"),
        (LABELS.astype(str), {}, "labels: expected 0, 1"),
        (LABELS * 0, {}, "rumor: needs posts that have it"),
        (LABELS * 0 + [0, 1], {}, "rumor: needs posts that have it"),
        (np.where([True, False], LABELS, 1), {}, "violence: needs posts that have it"),
        (LABELS, {"groups": [1] * 39}, "groups: found 39, expected 40"),
        (LABELS, {"groups": [1, 2] * 20}, "groups: need at least 3"),
        (LABELS, {"sample_weight": [1] * 39}, "weights: "),
        (LABELS, {"sample_weight": [-1] * 40}, "weights: "),
        (LABELS, {"sample_weight": [np.inf] * 40}, "weights: "),
        (LABELS, {"sample_weight": ["heavy"] * 40}, "weights: "),
        (LABELS, {"sample_weight": np.ones((40, 1))}, "weights: "),
        (LABELS, {"calibration_weight": [1] * 39}, "weights: "),
        (LABELS, {"calibration_weight": [np.nan] * 40}, "weights: "),
        (LABELS, {"calibration_weight": 1 - LABELS[:, 1]}, "violence: needs posts of some weight"),
        (LABELS, {"safe_groups": [np.ones(39, bool)]}, "safe group 0: "),
        (LABELS, {"safe_groups": [np.ones(40, bool), True]}, "safe group 1: "),
    ],
)
def test_labels_that_do_not_fit(labels, options, match):
    with pytest.raises(LabelError, match=match):
        classifier().fit(POSTS, labels, **options)


def test_no_posts_and_no_categories():
    with pytest.raises(LabelError, match="rumor: needs posts"):
        classifier().fit([], np.zeros((0, 2)))
    with pytest.raises(LabelError, match="categories: found none"):
        classifier(categories=()).fit(POSTS, np.zeros((40, 0)))


def test_a_fold_without_a_label_is_said_so():
    lone = np.zeros((40, 1), dtype=int)
    lone[0] = 1
    with pytest.raises(LabelError, match="needs posts that have it and posts that do not"):
        classifier(categories=("rumor",)).fit(POSTS, lone)


@pytest.mark.parametrize("posts", ["one string", [None] * 40])
def test_what_are_no_posts(posts):
    with pytest.raises(InputError, match="found"):
        classifier().fit(posts, LABELS)


@pytest.mark.parametrize("wrong", [{"bits": 99}, {"char_orders": ()}, {"styles": ("author",)}])
def test_wrong_parameters_show_when_fitting(wrong):
    with pytest.raises(InputError):
        classifier(**wrong).fit(POSTS, LABELS)
