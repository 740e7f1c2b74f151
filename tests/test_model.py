from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postrisk.cutoffs import BANDS, Band, Cutoffs
from postrisk.errors import InputError
from postrisk.folding import fold_batch
from postrisk.model import sigmoid
from postrisk.ngrams import Hashing
from postrisk.utf8 import batches
from strategies import make_model, models, texts, whole_and_overall
from test_ngrams import slow_grams


@given(models(), st.lists(texts(), min_size=1, max_size=8), st.data())
def test_law_3_alone_in_any_batch_in_any_order_to_the_bit(model, batch_texts, data):
    together = model.logits(batch_texts)
    for row, text in zip(together, batch_texts, strict=True):
        np.testing.assert_array_equal(model.logits([text])[0], row)
    order = data.draw(st.permutations(range(len(batch_texts))))
    shuffled = model.logits([batch_texts[index] for index in order])
    np.testing.assert_array_equal(shuffled, together[list(order)])
    size = data.draw(st.integers(1, 40))
    parts = [model.batch_logits(fold_batch(part)) for part in batches(batch_texts, size)]
    np.testing.assert_array_equal(np.concatenate(parts), together)


@settings(max_examples=30)
@given(models(), st.lists(texts(), max_size=6))
def test_the_sums_are_exact_and_the_logits_as_documented(model, batch_texts):
    sums, counts = model.sum_weights(fold_batch(batch_texts))
    logits = model.logits(batch_texts)
    assert sums.shape == logits.shape == (len(batch_texts), len(model.categories))
    plain = dataclasses.replace(whole_and_overall(model), styles=(), style_weights=np.zeros((0, 0)))
    plain_logits = plain.logits(batch_texts)
    for row, text in enumerate(batch_texts):
        buckets = [bucket for _, _, bucket in slow_grams(text, model.hashing)]
        exact = [sum(int(model.weights[b, c]) for b in buckets) for c in range(sums.shape[1])]
        assert sums[row].tolist() == exact
        assert counts[row] == len(buckets)
        expected = model.biases + model.scales * exact / max(len(buckets), 1) ** 0.5
        np.testing.assert_allclose(plain_logits[row], expected, rtol=1e-12, atol=1e-12)


@given(models(), st.lists(texts(), max_size=6))
def test_probabilities_follow_the_logits(model, batch_texts):
    logits, probabilities = model.logits(batch_texts), model.predict_proba(batch_texts)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_array_equal(probabilities >= 0.5, logits >= 0)


@pytest.mark.parametrize("text", ["abcdefgh", "a b c ", "打死你啊", "x", "1", "a1 打 !"])
@pytest.mark.parametrize("value", [-128, 127])
def test_no_lane_overflows_on_very_long_posts_with_extreme_weights(text, value):
    hashing = Hashing(char_orders=(1, 2, 3, 4, 5, 6, 7, 8), word_orders=(1, 2), bits=4)
    model = make_model(hashing=hashing, n_categories=4)
    model = dataclasses.replace(model, weights=np.full((16, 4), value, dtype=np.int8))
    long = (text * 100_000)[:100_000]
    sums, counts = model.sum_weights(fold_batch(["before", long, "after"]))
    assert sums.tolist() == [[int(count) * value] * 4 for count in counts]
    assert np.isfinite(model.logits([long])).all()


def test_lanes_do_not_leak_into_each_other():
    model = make_model(hashing=Hashing(bits=4), n_categories=9)
    signs = np.array([127, -128, 127, -128, -128, 127, 0, 1, -1], dtype=np.int8)
    model = dataclasses.replace(model, weights=np.tile(signs, (16, 1)))
    sums, counts = model.sum_weights(fold_batch(["kill you " * 500, "谣言" * 700]))
    assert sums.tolist() == [[int(count) * int(sign) for sign in signs] for count in counts]


@pytest.mark.parametrize("n_categories", [1, 3, 4, 5, 8, 9])
def test_any_number_of_categories(n_categories):
    model = make_model(n_categories=n_categories)
    wide = model.logits(["soup", "谣言"])
    assert wide.shape == (2, n_categories)
    for column in range(n_categories):
        single = dataclasses.replace(
            model,
            categories=model.categories[column : column + 1],
            weights=model.weights[:, column : column + 1],
            scales=model.scales[column : column + 1],
            biases=model.biases[column : column + 1],
        )
        np.testing.assert_array_equal(single.logits(["soup", "谣言"])[:, 0], wide[:, column])


def test_an_empty_batch():
    model = make_model(n_categories=5, styles=("links",))
    assert model.logits([]).shape == (0, 5)
    assert model.predict_proba([]).shape == (0, 5)
    assert model.batch_logits(fold_batch([])).shape == (0, 5)


def test_texts_that_fold_to_nothing_score_the_biases():
    model = make_model(styles=("links", "length"))
    logits = model.logits(["", "\u200b\ufe0f", " \n", "\ud800", "soup"])
    np.testing.assert_array_equal(logits[:4], np.tile(model.biases, (4, 1)))
    assert (logits[4] != model.biases).all()


def test_many_posts_cross_batch_borders():
    model = make_model()
    many = [f"post {index} " * (index % 50 + 1) for index in range(1500)]
    assert len(list(batches(many))) > 1
    logits = model.logits(many)
    for index in (0, 1, 700, 1499):
        np.testing.assert_array_equal(model.logits([many[index]])[0], logits[index])


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(1, 60))
def test_batches_lose_nothing(all_texts, limit):
    parts = list(batches(all_texts, limit))
    assert [text for part in parts for text in part] == all_texts
    for part in parts:
        assert len(part) == 1 or (part and sum(map(len, part)) <= limit)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_the_sigmoid_never_overflows_and_keeps_the_order(first, second):
    low, high = sorted((first, second))
    values = sigmoid(np.array([low, high, -low]))
    assert 0 <= values[0] <= values[1] <= 1
    assert values[0] + values[2] == pytest.approx(1)


def test_the_sigmoid_of_known_values():
    values = sigmoid(np.array([0.0, np.log(3), -np.log(3), 1000.0, -1000.0]))
    np.testing.assert_allclose(values, [0.5, 0.75, 0.25, 1.0, 0.0], rtol=1e-15)


@given(st.floats(0, 1), st.none() | st.floats(0, 1), st.floats(0, 1))
def test_bands_rise_with_the_probability(review, flag, probability):
    if flag is not None and flag < review:
        with pytest.raises(InputError, match="flag must not be below review"):
            Cutoffs(review=review, flag=flag)
        return
    cutoffs = Cutoffs(review=review, flag=flag)
    band = cutoffs.band(probability)
    assert (band is not Band.PASS) == (probability >= review)
    assert (band is Band.FLAG) == (flag is not None and probability >= flag)
    higher = min(1.0, np.nextafter(probability, 2))
    assert BANDS.index(cutoffs.band(higher)) >= BANDS.index(band)


@pytest.mark.parametrize("review", [-0.1, 1.1, float("nan"), float("inf"), None, "x"])
def test_cutoffs_are_probabilities(review):
    with pytest.raises(InputError):
        Cutoffs(review=review)


def test_a_model_is_frozen_and_other_bands_make_another_one():
    model = dataclasses.replace(make_model(), identity="f" * 64)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.name = "other"
    other = model.with_cutoffs({"c0": Cutoffs(review=0.1)})
    assert other.cutoffs["c0"] == Cutoffs(review=0.1)
    assert other.cutoffs["c1"] == model.cutoffs["c1"] == model.cutoffs["c0"]
    assert other.identity == ""
    np.testing.assert_array_equal(other.logits(["soup"]), model.logits(["soup"]))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])  # noqa: S301
def test_a_copied_model_scores_alike(again):
    model = make_model(n_categories=5, styles=("links",))
    before = model.logits(["see https://a.example"])
    np.testing.assert_array_equal(again(model).logits(["see https://a.example"]), before)


SCORING = """
import sys
import postrisk.store, postrisk.model, postrisk.explanation, postrisk.post
sys.path.insert(0, {tests!r})
from strategies import make_model
from pathlib import Path
model = make_model()
model = postrisk.store.save(model, Path({folder!r}), card="# c", data_fingerprint="x")
postrisk.store.load({folder!r}).predict_proba(["soup"])
postrisk.explanation.explain_text(model, "soup")
print(sorted(name for name in sys.modules if name.split(".")[0] in ("sklearn", "scipy")))
"""


def test_scoring_imports_neither_scikit_learn_nor_scipy(tmp_path, request):
    code = SCORING.format(tests=str(request.path.parent), folder=str(tmp_path / "model"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
