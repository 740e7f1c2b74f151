from __future__ import annotations

import dataclasses
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.explanation import (
    _maximal_segments,
    explain_text,
    explain_texts,
    find_spans,
    integer_shares,
)
from postrisk.folding import fold, fold_batch
from postrisk.model import sigmoid
from postrisk.ngrams import Hashing
from strategies import INVISIBLES, insertions, make_model, models, texts


@given(models(), st.lists(texts(), max_size=5))
def test_law_2_whole_shares_sum_exactly(model, batch_texts):
    batch = fold_batch(batch_texts)
    shares = integer_shares(batch, model)
    sums, _ = model.sum_weights(batch)
    assert shares.shape == (len(batch.codes), len(model.categories))
    assert not shares[batch.edges].any()
    for row in range(len(batch)):
        inside = shares[batch.edges[row] : batch.edges[row + 1]]
        assert inside.sum(axis=0).tolist() == (840 * sums[row]).tolist()


@given(models(), st.lists(texts(), max_size=5))
def test_law_2_bias_and_characters_and_styles_are_the_logit(model, batch_texts):
    logits = model.logits(batch_texts)
    for row, found in enumerate(explain_texts(model, batch_texts)):
        assert list(found) == list(model.categories)
        for column, explanation in enumerate(found.values()):
            assert explanation.logit == logits[row, column]
            assert explanation.probability == sigmoid(logits)[row, column]
            if not model.calibrations:
                assert explanation.bias == model.biases[column]
            assert list(explanation.named) == list(model.styles)
            parts = [explanation.bias, *explanation.characters, *explanation.named.values()]
            size = 1 + np.abs(parts).sum()
            assert sum(parts) == pytest.approx(explanation.logit, rel=0, abs=1e-12 * size)


@given(models(), texts())
def test_law_2_spans_are_stretches_of_the_original(model, text):
    for explanation in explain_text(model, text).values():
        assert explanation.text == text
        assert explanation.characters.shape == (len(text),)
        strength = [span.contribution for span in explanation.spans]
        assert strength == sorted(strength, reverse=True)
        assert all(value > 0 for value in strength)
        for span in explanation.spans:
            assert 0 <= span.start < span.end <= len(text)
            assert span.text == text[span.start : span.end]
            inside = explanation.characters[span.start : span.end].sum()
            assert span.contribution == pytest.approx(inside)
        ordered = sorted(explanation.spans, key=lambda span: span.start)
        for before, after in pairwise(ordered):
            assert before.end <= after.start
        if (explanation.characters > 0).all() and text:
            assert explanation.spans


@given(models(), texts())
def test_law_2_deleted_characters_contribute_nothing(model, text):
    deleted = [index for index, char in enumerate(text) if fold(f"a{char}b") == "ab"]
    kept = set(fold_batch([text]).offsets(0).tolist())
    deleted += [index for index in range(len(text)) if index not in kept]
    for explanation in explain_text(model, text).values():
        assert not explanation.characters[deleted].any()


@given(models(), texts(), st.data())
def test_an_invisible_insertion_moves_contributions_and_changes_none(model, text, data):
    changed = data.draw(insertions(text))
    for before, after in zip(
        explain_text(model, text).values(), explain_text(model, changed).values(), strict=True
    ):
        assert after.logit == before.logit
        by_character = (e.characters[np.flatnonzero(e.characters)] for e in (before, after))
        np.testing.assert_array_equal(*by_character)


@given(models(), st.lists(texts(), min_size=2, max_size=4))
def test_an_explanation_alone_is_that_of_the_batch(model, batch_texts):
    for text, together in zip(batch_texts, explain_texts(model, batch_texts), strict=True):
        for name, alone in explain_text(model, text).items():
            np.testing.assert_array_equal(alone.characters, together[name].characters)
            assert alone.spans == together[name].spans
            assert alone.named == together[name].named


def maximal_by_definition(scores):
    """Stretches in which every proper part has less, and that no longer such stretch holds."""
    n = len(scores)
    total = {(i, j): sum(scores[i:j]) for i in range(n) for j in range(i + 1, n + 1)}

    def outdoes_its_parts(i, j):
        return total[i, j] > 0 and all(
            total[a, b] < total[i, j]
            for a in range(i, j)
            for b in range(a + 1, j + 1)
            if (a, b) != (i, j)
        )

    good = [stretch for stretch in total if outdoes_its_parts(*stretch)]
    return sorted(
        (i, j) for i, j in good if not any(a <= i and j <= b and (a, b) != (i, j) for a, b in good)
    )


@given(st.lists(st.integers(-5, 5), max_size=12))
def test_maximal_segments_are_those_of_the_definition(scores):
    assert _maximal_segments(scores) == maximal_by_definition(scores)


@pytest.mark.parametrize("period", [[3, -5], [5, -3], [3, -1, -1, -1, -1], [1], [-1], [2, -2]])
def test_maximal_segments_of_a_long_sequence(period):
    scores = period * (100_000 // len(period))
    segments = _maximal_segments(scores)
    if sum(period) > 0:
        assert len(segments) == 1
    else:
        assert [sum(scores[i:j]) for i, j in segments] == [period[0]] * (len(segments))
        assert len(segments) == (100_000 // len(period) if period[0] > 0 else 0)


def word_model(word, value=100):
    """A model that knows one word of one to eight characters and nothing else."""
    from postrisk.ngrams import grams

    hashing = Hashing(char_orders=(len(word),), word_orders=(), bits=20)
    (found,) = grams(fold_batch([word]), hashing)
    bucket = found.buckets[found.starts == 1][0]
    weights = np.zeros((hashing.buckets, 1), dtype=np.int8)
    weights[bucket] = value
    return dataclasses.replace(
        make_model(hashing=Hashing(bits=4), n_categories=1), hashing=hashing, weights=weights,
        scales=np.array([0.1]), biases=np.array([-2.0]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "text", "expected"),
    [
        ("kill", "they said I KILL you", ["KILL"]),
        ("kill", "I k\u200bi\u0336ll you", ["k\u200bi\u0336ll"]),
        ("kill", "ＫＩＬＬ", ["ＫＩＬＬ"]),
        ("谣言", "转发一条谣言啊", ["谣言"]),
        ("谣言", "转发一条謠言啊", ["謠言"]),
        ("谣言", "lol谣言lol", ["谣言"]),
        ("kill", "打kill死", ["kill"]),
        ("kill", "soup", []),
    ],
)
def test_spans_point_at_the_original_words(word, text, expected):
    (explanation,) = explain_text(word_model(word), text).values()
    assert [span.text for span in explanation.spans] == expected


def test_a_word_that_lowers_the_score_is_no_span():
    (explanation,) = explain_text(word_model("kill", -100), "kill").values()
    assert explanation.spans == ()
    assert explanation.characters.sum() < 0


def test_an_expansion_collects_on_its_one_character():
    (explanation,) = explain_text(word_model("fine"), "ﬁne").values()
    assert explanation.characters[0] == pytest.approx(2 * explanation.characters[1])
    assert explanation.bias + explanation.characters.sum() == pytest.approx(explanation.logit)


def test_only_the_wanted_categories():
    model = make_model()
    found = explain_texts(model, ["soup", "bread", "tea"], [["c2"], [], ["c3", "c0"]])
    assert [list(explanations) for explanations in found] == [["c2"], [], ["c3", "c0"]]
    assert found[0]["c2"].logit == model.logits(["soup"])[0, 2]


def test_nothing_to_explain():
    model = make_model(styles=("links",))
    assert explain_texts(model, []) == []
    for text in ("", INVISIBLES, " "):
        for explanation in explain_text(model, text).values():
            assert explanation.spans == ()
            assert not explanation.characters.any()
            assert explanation.logit == explanation.bias
    assert find_spans("", np.zeros(0, dtype=np.int64)) == []


def test_a_very_long_text_of_many_spans():
    text = ("kill " + "soup " * 5) * (100_000 // 30)
    (explanation,) = explain_text(word_model("kill"), text).values()
    assert len(explanation.spans) == text.count("kill")
    assert {span.text for span in explanation.spans} == {"kill"}


@given(models(), texts())
def test_plain_values_for_json(model, text):
    for explanation in explain_text(model, text).values():
        again = json.loads(json.dumps(explanation.to_dict(), allow_nan=False))
        assert again == explanation.to_dict()
        shown = set(again) | {"text"} | ({"window"} if explanation.is_whole else set())
        assert shown == {f.name for f in dataclasses.fields(explanation)}
        assert ("window" in again) == (explanation.window != (0, len(text)))
        assert np.array_equal(again["characters"], explanation.characters)


def test_explanations_are_frozen():
    explanation = explain_text(make_model(), "soup")["c0"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.logit = 0.0
