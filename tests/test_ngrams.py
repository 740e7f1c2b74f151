from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.errors import InputError
from postrisk.folding import fold, fold_batch
from postrisk.ngrams import Hashing, gram_counts, gram_matrix, grams, normaliser
from strategies import hashings, models, texts

MASK = 0xFFFFFFFF
PINNED = [
    [3123, 31177, 202359, 54281, 175086, 246928],
    [102709, 44900, 136071, 180687, 109125, 137250, 170812],
    [222633, 216474],
    [45197],
]
CHAR_MULTIPLIER, WORD_MULTIPLIER, SALT = 0x01000193, 0x9E3779B1, 0x7F4A7C15


def slow_bucket(value, salt_index, bits):
    value = (value + SALT * salt_index) & MASK
    value ^= value >> 16
    value = (value * 0x85EBCA6B) & MASK
    value ^= value >> 13
    value = (value * 0xC2B2AE35) & MASK
    return value >> (32 - bits)


def slow_words(padded):
    """Runs of letters and digits of alphabets, with their places."""
    words, start = [], None
    for place, char in enumerate(padded):
        inside = char.isalnum() and ord(char) < 0x2000
        if inside and start is None:
            start = place
        if not inside and start is not None:
            words.append((start, place))
            start = None
    return words


def slow_grams(text, hashing):
    """All n-grams of one text as (start, end, bucket), from their definition."""
    padded = f" {fold(text)} " if fold(text) else " "
    found = []
    for order in hashing.char_orders:
        for start in range(len(padded) - order + 1):
            if start == len(padded) - 1 or (order == 1 and padded[start] == " "):
                continue
            value = 0
            for char in padded[start : start + order]:
                value = (value * CHAR_MULTIPLIER + ord(char)) & MASK
            found.append((start, start + order, slow_bucket(value, order, hashing.bits)))
    words = slow_words(padded)
    values = [
        sum(ord(c) * pow(WORD_MULTIPLIER, i, 1 << 32) for i, c in enumerate(padded[a:b])) & MASK
        for a, b in words
    ]
    if 1 in hashing.word_orders:
        found += [
            (a, b, slow_bucket(v, 11, hashing.bits))
            for (a, b), v in zip(words, values, strict=True)
        ]
    if 2 in hashing.word_orders:
        for i in range(len(words) - 1):
            value = (values[i] * CHAR_MULTIPLIER + values[i + 1]) & MASK
            found.append((words[i][0], words[i + 1][1], slow_bucket(value, 12, hashing.bits)))
    return found


def fast_grams(batch_texts, hashing):
    """The kernel's n-grams, text by text, by their places within the padded text."""
    batch = fold_batch(batch_texts)
    by_text = [[] for _ in batch_texts]
    for found in grams(batch, hashing):
        assert (np.diff(found.starts) > 0).all()  # one n-gram of an order starts at a place
        rows = np.searchsorted(batch.edges, found.starts, side="right") - 1
        shift = batch.edges[rows]
        columns = (rows, found.starts - shift, found.ends - shift, found.buckets)
        for row, start, end, bucket in zip(*(c.tolist() for c in columns), strict=True):
            by_text[row].append((start, end, bucket))
    return by_text


@given(st.lists(texts(), max_size=5), hashings(max_bits=24))
def test_the_kernel_finds_what_the_definition_says(batch_texts, hashing):
    for text, found in zip(batch_texts, fast_grams(batch_texts, hashing), strict=True):
        assert Counter(found) == Counter(slow_grams(text, hashing))


@given(st.lists(texts(), max_size=5), hashings())
def test_no_ngram_crosses_posts(batch_texts, hashing):
    alone = [fast_grams([text], hashing)[0] for text in batch_texts]
    assert fast_grams(batch_texts, hashing) == alone


@given(st.lists(texts(), max_size=5), hashings())
def test_counts_and_normaliser(batch_texts, hashing):
    batch = fold_batch(batch_texts)
    counts = gram_counts(batch, hashing)
    assert counts.tolist() == [len(slow_grams(text, hashing)) for text in batch_texts]
    factors = normaliser(counts)
    np.testing.assert_allclose(factors**2 * counts, counts > 0)


@given(st.lists(texts(), max_size=5), models())
def test_law_3_the_kernel_is_the_training_matrix_times_the_weights(batch_texts, model):
    batch = fold_batch(batch_texts)
    sums, counts = model.sum_weights(batch)
    product = gram_matrix(batch, model.hashing) @ model.weights.astype(float)
    np.testing.assert_allclose(
        sums * normaliser(counts)[:, np.newaxis], product, rtol=1e-12, atol=1e-9
    )


@given(st.lists(texts(), min_size=1, max_size=5), hashings())
def test_a_row_of_the_training_matrix(batch_texts, hashing):
    matrix = gram_matrix(fold_batch(batch_texts), hashing)
    assert matrix.shape == (len(batch_texts), hashing.buckets)
    for row, text in zip(matrix.toarray(), batch_texts, strict=True):
        buckets = Counter(bucket for _, _, bucket in slow_grams(text, hashing))
        expected = np.zeros(hashing.buckets)
        for bucket, count in buckets.items():
            expected[bucket] = count / buckets.total() ** 0.5
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_the_hash_is_pinned_because_stored_models_depend_on_it():
    hashing = Hashing(char_orders=(1, 3), word_orders=(1, 2), bits=18)
    found = [g.buckets.tolist() for g in grams(fold_batch(["to be", "打死"]), hashing)]
    assert found == PINNED


def test_words_of_two_with_chinese_between_and_none_of_chinese():
    hashing = Hashing(char_orders=(1,), word_orders=(1, 2))
    _, words, pairs = grams(fold_batch(["red 打死 fox. 我", "x"]), hashing)
    assert words.starts.tolist() == [1, 8, 15]
    assert (pairs.starts.tolist(), pairs.ends.tolist()) == ([1], [11])


def test_an_empty_batch_has_no_ngrams():
    batch = fold_batch([])
    assert all(len(found.starts) == 0 for found in grams(batch, Hashing()))
    assert gram_counts(batch, Hashing()).shape == (0,)
    assert gram_matrix(batch, Hashing(bits=4)).shape == (0, 16)


def test_texts_that_fold_to_nothing_have_no_ngrams():
    assert gram_counts(fold_batch(["", "\u200b", " ", "a"]), Hashing()).tolist()[:3] == [0, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"char_orders": ()},
        {"char_orders": (0,)},
        {"char_orders": (9,)},
        {"char_orders": (2, 1)},
        {"char_orders": (1, 1)},
        {"word_orders": (3,)},
        {"word_orders": (2, 1)},
        {"bits": 3},
        {"bits": 25},
        {"bits": "many"},
        {"bits": True},
        {"bits": 8.0},
        {"char_orders": (1.0,)},
        {"word_orders": ("1",)},
    ],
)
def test_hashing_refuses(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))}: found"):
        Hashing(**wrong)


def test_hashing_is_a_value():
    assert Hashing() == Hashing(**dataclasses.asdict(Hashing()))
    assert Hashing() == Hashing(char_orders=[1, 2, 3, 4, 5])
    assert hash(Hashing()) == hash(Hashing(char_orders=[1, 2, 3, 4, 5]))
    assert Hashing(bits=10).buckets == 1024
    with pytest.raises(dataclasses.FrozenInstanceError):
        Hashing().bits = 5
