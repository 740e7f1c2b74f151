"""A long post is as risky as its riskiest passage."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.errors import InputError
from postrisk.explanation import explain_text
from postrisk.folding import fold, fold_batch
from postrisk.model import sigmoid
from postrisk.ngrams import Hashing, gram_counts, gram_matrix, normaliser, window_matrix
from postrisk.style import LANGUAGES, language_indices, style_features
from postrisk.windows import Windowing, Windows
from strategies import hashings, make_model, models, texts, windowings
from test_explanation import word_model
from test_ngrams import slow_grams


def slow_windows(length, windowing):
    """Windows of one text as stretches of its folded characters, from their definition."""
    found = set()
    for width in windowing.widths:
        if length > width:
            stride = width // windowing.steps
            found |= {(k, k + width) for k in range(0, length - width, stride)}
            found.add((length - width, length))
        else:
            found.add((0, length))
    return sorted(found | {(0, length)} if windowing.whole or not windowing.widths else found)


def slow_logits(model, text):
    """Logits of each window of a text, shape (n_windows, n_categories), and the windows."""
    found = slow_grams(text, model.hashing)
    windows = slow_windows(len(fold(text).strip()), model.windowing)
    rows = []
    for start, end in windows:
        low = start + 1 if start else 0  # the blank before a text starts n-grams too
        buckets = [b for s, _, b in found if low <= s < end + 1]
        total = sum((model.weights[b].astype(int) for b in buckets), np.zeros(1, dtype=int))
        rows.append(model.biases + model.scales * total / max(len(buckets), 1) ** 0.5)
    batch = fold_batch([text])
    styles = style_features(batch, model.styles) @ model.style_weights if model.styles else 0
    logits = np.array(rows) + styles
    line = model.calibrations.get(LANGUAGES[language_indices(batch)[0]])
    return (logits if line is None else line.intercepts + line.slopes * logits), windows


@given(models(), texts(max_pieces=12))
def test_a_text_has_the_highest_logit_of_its_windows(model, text):
    expected, windows = slow_logits(model, text)
    logits = model.logits([text])[0]
    np.testing.assert_allclose(logits, expected.max(axis=0), rtol=1e-12, atol=1e-12)
    assert (logits >= expected - 1e-9).all()
    best = model.best_windows(fold_batch([text]))
    chosen = list(zip(np.maximum(best.starts[0] - 1, 0), best.ends[0] - 1, strict=True))
    if len(fold(text).strip()):
        for column, window in enumerate(chosen):
            at = expected[windows.index(window), column]
            assert at == pytest.approx(logits[column], rel=1e-12, abs=1e-12)


@given(st.lists(st.integers(0, 40), max_size=6), windowings())
def test_windows_are_those_of_the_definition(lengths, windowing):
    edges = np.cumsum([0, *(length + 1 if length else 0 for length in lengths)])
    found = windowing.of(edges)
    starts = np.maximum(found.starts - edges[found.owners] - 1, 0)
    ends = np.maximum(found.ends - edges[found.owners] - 1, 0)
    for index, length in enumerate(lengths):
        own = found.owners == index
        pairs = list(zip(starts[own].tolist(), ends[own].tolist(), strict=True))
        assert sorted(set(pairs)) == slow_windows(length, windowing)
        assert pairs == sorted(pairs)
    splits = bool(windowing.widths) and any(n > windowing.widths[0] for n in lengths)
    assert windowing.splits(edges) == splits


@given(models(), texts())
def test_a_text_within_the_narrowest_width_is_scored_whole(model, text):
    wide = dataclasses.replace(model, windowing=Windowing(widths=(max(1, len(fold(text))), 10_000),
                                                          steps=1))  # fmt: skip
    plain = dataclasses.replace(model, windowing=Windowing())
    long = "another text " * 60
    np.testing.assert_array_equal(wide.logits([text, long])[0], plain.logits([text])[0])
    np.testing.assert_array_equal(wide.logits([text])[0], plain.logits([text])[0])


@given(st.lists(texts(), max_size=5), hashings(), windowings())
def test_rows_of_the_window_matrix_are_the_windows(batch_texts, hashing, windowing):
    batch = fold_batch(batch_texts)
    matrix, owners = window_matrix(batch, hashing, windowing)
    windows = windowing.of(batch.edges)
    assert owners.tolist() == windows.owners.tolist()
    model = make_model(hashing=hashing)
    sums, counts = model.sum_windows(batch, windows)
    exact = matrix @ model.weights.astype(float)
    np.testing.assert_allclose(exact, sums * normaliser(counts)[:, np.newaxis], atol=1e-9)
    whole = Windows.whole(batch.edges)
    for got, expected in zip(
        model.sum_windows(batch, whole), model.sum_weights(batch), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    alone, _ = window_matrix(batch, hashing, Windowing())
    assert (alone != gram_matrix(batch, hashing)).nnz == 0
    np.testing.assert_array_equal(gram_counts(batch, hashing), model.sum_weights(batch)[1])


def test_n_grams_at_the_border_look_beyond_it_and_belong_to_the_window_they_start_in():
    model = dataclasses.replace(
        word_model("kill"), windowing=Windowing(widths=(10,), steps=1, whole=False)
    )
    crossing = "x" + " soup i" + "kill you"  # starts at 8, ends at 12
    (explanation,) = explain_text(model, crossing + " and so on").values()
    assert explanation.window == (0, 10)
    assert np.flatnonzero(explanation.characters).tolist() == [8, 9]
    assert explanation.logit == pytest.approx(explanation.bias + explanation.characters.sum())


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("filler", ["soup rice ", "今天的汤和面包很好啊"])
def test_safe_words_do_not_dilute_a_risky_passage(filler, width):
    model = word_model("kill")
    windowed = dataclasses.replace(model, windowing=Windowing(widths=(width,), steps=width // 10))
    texts_of_10_to_640 = [
        f"{filler * (words // 4)}kill {filler * (words // 4)}" for words in (10, 40, 160, 640)
    ]
    whole = model.logits(texts_of_10_to_640)[:, 0] - model.biases[0]
    parts = windowed.logits(texts_of_10_to_640)[:, 0] - model.biases[0]
    assert (np.diff(whole) < 0).all()
    assert whole[3] < 0.2 * whole[0]
    np.testing.assert_array_equal(parts[1:], parts[1])  # however much surrounds it
    assert parts[3] >= 10 / np.sqrt(width) - 1e-9  # 100 weights of .1, among at most width n-grams


@given(models(), texts(max_pieces=12))
def test_nothing_outside_the_window_contributes(model, text):
    for explanation in explain_text(model, text).values():
        start, end = explanation.window
        assert 0 <= start <= end <= len(text)
        assert not explanation.characters[:start].any()
        assert not explanation.characters[end:].any()
        assert explanation.is_whole == (explanation.window == (0, len(text)))
        for span in explanation.spans:
            assert span.start < end
            assert span.end > start  # whole words may reach over the window's border
        if len(fold(text)) <= min(model.windowing.widths, default=len(text)):
            assert explanation.is_whole


def test_a_long_text_is_explained_by_its_window():
    model = dataclasses.replace(word_model("kill"), windowing=Windowing(widths=(60,)))
    text = "Soup and bread. " * 40 + "I will ＫＩＬＬ you. " + "More soup, more bread. " * 40
    (explanation,) = explain_text(model, text).values()
    start, end = explanation.window
    assert "ＫＩＬＬ" in text[start:end]
    assert 55 <= end - start <= 70
    assert explanation.to_dict()["window"] == [start, end]
    assert [span.text for span in explanation.spans] == ["ＫＩＬＬ"]
    assert explanation.probability == sigmoid(np.array([explanation.logit]))[0]


def test_of_equal_windows_the_first_wins_and_then_the_shorter():
    model = dataclasses.replace(word_model("kill"), windowing=Windowing(widths=(20, 30)))
    (explanation,) = explain_text(model, "soup and bread " * 5).values()
    assert explanation.window == (0, 20)


@pytest.mark.parametrize("value", [-128, 127])
def test_windows_of_a_very_long_text_are_exact_and_need_little_memory(value):
    hashing = Hashing(char_orders=(1, 2, 3, 4, 5, 6, 7, 8), word_orders=(1, 2), bits=4)
    model = make_model(hashing=hashing, n_categories=4)
    weights = np.full((16, 4), value, dtype=np.int8)
    windowing = Windowing(widths=(60, 160), steps=4)
    model = dataclasses.replace(model, weights=weights, windowing=windowing)
    batch = fold_batch(["before", "a b 打死 " * 40_000, "after"])
    windows = windowing.of(batch.edges)
    sums, counts = model.sum_windows(batch, windows)
    assert sums.tolist() == [[int(count) * value] * 4 for count in counts]
    tracemalloc.start()
    model.batch_logits(batch)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * len(batch.codes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"widths": (5, 5)},
        {"widths": (9, 5)},
        {"widths": (0,)},
        {"widths": (-3,)},
        {"widths": (1 << 20,)},
        {"widths": (3,), "steps": 4},
        {"steps": 0},
        {"steps": 2.0},
        {"widths": ("5",)},
        {"widths": (5.0,)},
    ],
)
def test_windowings_that_make_no_sense(wrong):
    with pytest.raises(InputError):
        Windowing(**wrong)
