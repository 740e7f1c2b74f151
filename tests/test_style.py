from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.folding import fold_batch
from postrisk.style import STYLES, style_features
from strategies import disguised, texts

FOLDED_STYLES = [name for name in STYLES if name != "capitals"]


def count(text, name):
    return round(float(np.expm1(style_features(fold_batch([text]), [name])[0, 0])))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("links", "https://a.example and HTTP：／／b.example", 2),
        ("links", "a:/ b //", 0),
        ("links", "://", 1),
        ("links", "note:", 0),
        ("links", "note:/", 0),
        ("mentions", "@ann @李雷 a@b", 3),
        ("mentions", "@ @@ at", 0),
        ("hashtags", "#话题# #tag", 2),
        ("emoji", "😀👍🏽🔥 ☠❤️", 5),
        ("emoji", "no :)", 0),
        ("exclamations", "wow!！", 2),
        ("questions", "what?？", 2),
        ("digits", "500 reposts, ５０００ views", 7),
        ("length", " a b\u200b 你好 ", 4),
        ("capitals", "Say NO", 3),
        ("capitals", "ＳＡＹ no", 0),
    ],
)
def test_counts(name, text, expected):
    assert count(text, name) == expected


@given(st.lists(texts(), max_size=5), st.permutations(list(STYLES)))
def test_a_text_has_the_same_style_alone_and_in_a_batch(batch_texts, names):
    together = style_features(fold_batch(batch_texts), names)
    assert together.shape == (len(batch_texts), len(names))
    assert (together >= 0).all()
    for row, text in zip(together, batch_texts, strict=True):
        np.testing.assert_array_equal(row, style_features(fold_batch([text]), names)[0])


@given(disguised())
def test_all_styles_but_capitals_survive_a_disguise(pair):
    before, after = (style_features(fold_batch([text]), FOLDED_STYLES) for text in pair)
    np.testing.assert_array_equal(before, after)


@given(texts())
def test_capitals_are_those_of_the_original(text):
    assert count(text, "capitals") == sum("A" <= char <= "Z" for char in text)


def test_an_empty_text_has_no_style_and_an_empty_batch_no_rows():
    assert not style_features(fold_batch([""]), STYLES).any()
    assert style_features(fold_batch([]), STYLES).shape == (0, len(STYLES))
    assert style_features(fold_batch(["a"]), []).shape == (1, 0)
