"""Hashed n-grams of a batch: the one kernel behind training, scoring and explaining.

All n-grams of all texts are hashed together, order by order, with a rolling multiply-add
(a polynomial hash modulo 2**32, mixed before the top bits are taken). Word n-grams come
from prefix sums of the same polynomial. There is no loop over texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from postrisk.errors import InputError, shorten
from postrisk.folding import BLANK, Codes, FoldedBatch, Index, word_codes
from postrisk.windows import Windowing, Windows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_MULTIPLIER = np.uint32(0x01000193)
_WORD_MULTIPLIER = np.uint32(0x9E3779B1)
_SALT = 0x7F4A7C15
_MIX_1 = np.uint32(0x85EBCA6B)
_MIX_2 = np.uint32(0xC2B2AE35)
_WORD_LIMIT = 0x2000
_PAIR = 2
_BITS = range(4, 25)


@dataclass(frozen=True, slots=True)
class Hashing:
    """Which n-grams are taken and into how many buckets they are hashed.

    Attributes
    ----------
    char_orders : tuple of int
        Lengths of character n-grams, 1 to 8. An n-gram may reach over blanks, the one at
        each edge of the text included, but a blank alone is none.
    word_orders : tuple of int
        Lengths of word n-grams, 1 or 2. A word is a run of letters and digits of alphabets;
        Han characters form no words.
    bits : int
        There are ``2 ** bits`` buckets, 4 to 24 bits.

    Raises
    ------
    InputError
        When an order or the number of bits is not allowed.
    """

    char_orders: tuple[int, ...] = (1, 2, 3, 4, 5)
    word_orders: tuple[int, ...] = (1, 2)
    bits: int = 18

    def __post_init__(self) -> None:
        for name, most in (("char_orders", 8), ("word_orders", _PAIR)):
            orders = tuple(getattr(self, name))
            ascend = list(orders) == sorted(set(orders) & set(range(1, most + 1)))
            if not ascend or any(type(order) is not int for order in orders):
                expected = f"ascending orders from 1 to {most}"
                raise InputError(f"{name}: found {shorten(orders)}, expected {expected}")
            object.__setattr__(self, name, orders)
        if not self.char_orders:
            raise InputError("char_orders: found none, expected at least one")
        if type(self.bits) is not int or self.bits not in _BITS:
            expected = f"a whole number from {_BITS[0]} to {_BITS[-1]}"
            raise InputError(f"bits: found {shorten(self.bits)}, expected {expected}")

    @property
    def buckets(self) -> int:
        """Number of buckets."""
        return 1 << self.bits


@dataclass(frozen=True, slots=True)
class Grams:
    """All n-grams of one order in a batch, by the character where they start.

    Attributes
    ----------
    starts : ndarray of int64, shape (n_grams,)
        Index of the first character in ``FoldedBatch.codes``, ascending.
    ends : ndarray of int64, shape (n_grams,)
        Index after the last character.
    buckets : ndarray of int64, shape (n_grams,)
        Hash bucket.
    """

    starts: Index
    ends: Index
    buckets: Index


@cache
def _is_word_code() -> npt.NDArray[np.bool_]:
    table = np.zeros(_WORD_LIMIT + 1, dtype=bool)
    table[word_codes()] = True
    return table


def _bucket(hashes: Codes, order: int, bits: int) -> Index:
    """Mix a polynomial hash (murmur3's finaliser) and keep its top bits."""
    mixed = hashes + np.uint32(_SALT * order & 0xFFFFFFFF)
    mixed ^= mixed >> np.uint32(16)
    mixed *= _MIX_1
    mixed ^= mixed >> np.uint32(13)
    mixed *= _MIX_2
    return (mixed >> np.uint32(32 - bits)).astype(np.int64)


def _outside(batch: FoldedBatch, order: int) -> Index:
    """Give the positions at which no n-gram of an order starts since its text ends before it."""
    ends = batch.edges[1:, np.newaxis] - np.arange(1, max(order - 1, 1))
    outside: Index = ends[ends >= 0]
    return outside


def char_buckets(batch: FoldedBatch, hashing: Hashing) -> Iterator[tuple[int, Index]]:
    """Yield, for each character order, the bucket of the n-gram that starts at each position.

    The blank before a text belongs to it and the blank after it may only end an n-gram, so
    that each position starts n-grams of one text alone.

    Yields
    ------
    order : int
    buckets : ndarray of int64, shape (n_characters - 1,)
        ``hashing.buckets`` where no n-gram starts: too near the text's end, or a blank alone.
    """
    codes = batch.codes
    hashes = codes[:-1].copy()
    for order in range(1, max(hashing.char_orders) + 1):
        if order > 1:
            hashes *= _MULTIPLIER
            hashes[: max(len(codes) - order + 1, 0)] += codes[order - 1 :]
        if order not in hashing.char_orders:
            continue
        buckets = _bucket(hashes, order, hashing.bits)
        if order == 1:
            buckets[codes[:-1] == BLANK] = hashing.buckets
        else:
            buckets[_outside(batch, order)] = hashing.buckets
        yield order, buckets


def _char_grams(batch: FoldedBatch, hashing: Hashing) -> Iterator[Grams]:
    """Yield the character n-grams of each order."""
    for order, buckets in char_buckets(batch, hashing):
        starts = np.flatnonzero(buckets < hashing.buckets)
        yield Grams(starts, starts + order, buckets[starts])


def char_counts(batch: FoldedBatch, hashing: Hashing) -> Index:
    """Count the character n-grams that start at each position; shape (n_characters - 1,)."""
    lengths = np.diff(batch.edges)
    room = np.repeat(batch.edges[1:], lengths) - np.arange(len(batch.codes) - 1)
    longest = max(hashing.char_orders)
    fitting = [sum(order - 1 <= left for order in hashing.char_orders) for left in range(longest)]
    counts: Index = np.array(fitting)[np.minimum(room, longest - 1)]
    if 1 in hashing.char_orders:
        counts -= batch.codes[:-1] == BLANK
    return counts


@cache
def _powers(size: int) -> tuple[Codes, Codes]:
    """Powers of the word multiplier and of its inverse modulo 2**32."""
    inverse = pow(int(_WORD_MULTIPLIER), -1, 2**32)
    up = np.full(size, _WORD_MULTIPLIER, dtype=np.uint32)
    down = np.full(size, inverse, dtype=np.uint32)
    up[0] = down[0] = 1
    return np.cumprod(up, dtype=np.uint32), np.cumprod(down, dtype=np.uint32)


def word_grams(batch: FoldedBatch, hashing: Hashing) -> Iterator[Grams]:
    """Yield word 1-grams and 2-grams; no other word stands between the words of a 2-gram."""
    is_word = _is_word_code()[np.minimum(batch.codes, _WORD_LIMIT)]
    change = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    starts, ends = change[::2], change[1::2]
    # A power of two, so that few sizes are cached whatever the batches.
    up, down = _powers(1 << (len(batch.codes) - 1).bit_length())
    sums = np.zeros(len(batch.codes) + 1, dtype=np.uint32)
    np.cumsum(batch.codes * up[: len(batch.codes)], dtype=np.uint32, out=sums[1:])
    hashes = (sums[ends] - sums[starts]) * down[starts]
    if 1 in hashing.word_orders:
        yield Grams(starts, ends, _bucket(hashes, 11, hashing.bits))
    if _PAIR in hashing.word_orders:
        text = np.searchsorted(batch.edges, starts, side="right")
        together = np.flatnonzero(text[1:] == text[:-1])
        pairs = hashes[together] * _MULTIPLIER + hashes[together + 1]
        yield Grams(starts[together], ends[together + 1], _bucket(pairs, 12, hashing.bits))


def grams(batch: FoldedBatch, hashing: Hashing) -> Iterator[Grams]:
    """Yield the n-grams of a batch, one order at a time, characters before words.

    Examples
    --------
    >>> from postrisk.folding import fold_batch
    >>> batch = fold_batch(["to be", "be"])
    >>> characters, words = grams(batch, Hashing(char_orders=(3,), word_orders=(1,)))
    >>> len(characters.starts), words.starts.tolist(), words.ends.tolist()
    (7, [1, 4, 7], [3, 6, 9])
    >>> bool(words.buckets[1] == words.buckets[2])
    True
    """
    yield from _char_grams(batch, hashing)
    if hashing.word_orders:
        yield from word_grams(batch, hashing)


def gram_counts(batch: FoldedBatch, hashing: Hashing) -> Index:
    """Count the n-grams of each text; shape (n_texts,)."""
    counts = np.zeros(len(batch), dtype=np.int64)
    for found in grams(batch, hashing):
        counts += np.diff(np.searchsorted(found.starts, batch.edges))
    return counts


def normaliser(counts: Index) -> npt.NDArray[np.float64]:
    """Give each text's factor ``1 / sqrt(n_grams)``, 0 for a text without n-grams.

    It is the Euclidean norm of a row of distinct n-grams, so that long and short posts meet
    the same weights on the same scale, as in TF-IDF, yet stays a plain factor per text.
    """
    return np.where(counts > 0, 1.0 / np.sqrt(np.maximum(counts, 1)), 0.0)


def gram_matrix(batch: FoldedBatch, hashing: Hashing) -> csr_matrix:
    """Give the n-grams as a matrix for training: counts per bucket times the normaliser.

    Returns
    -------
    scipy.sparse.csr_matrix of float64, shape (n_texts, n_buckets)
        Its product with a weight vector is what the scoring kernel computes.
    """
    return _matrix(batch, hashing, Windows.whole(batch.edges))


def window_matrix(
    batch: FoldedBatch, hashing: Hashing, windowing: Windowing
) -> tuple[csr_matrix, Index]:
    """Give the n-grams of every window as a matrix, and which text each row is a window of.

    Returns
    -------
    matrix : scipy.sparse.csr_matrix of float64, shape (n_windows, n_buckets)
    owners : ndarray of int64, shape (n_windows,)
        Ascending; every text has one row at least.

    Examples
    --------
    >>> from postrisk.folding import fold_batch
    >>> batch = fold_batch(["a text longer than the window", "short"])
    >>> matrix, owners = window_matrix(batch, Hashing(bits=8), Windowing(widths=(20,)))
    >>> matrix.shape, owners.tolist()
    ((4, 256), [0, 0, 0, 1])
    """
    windows = windowing.of(batch.edges)
    return _matrix(batch, hashing, windows), windows.owners


def _matrix(batch: FoldedBatch, hashing: Hashing, windows: Windows) -> csr_matrix:
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - scoring must not import scipy

    rows, columns = [], []
    for found in grams(batch, hashing):
        first = np.searchsorted(found.starts, windows.starts)
        counts = np.searchsorted(found.starts, windows.ends) - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows.append(np.repeat(np.arange(len(counts)), counts))
        columns.append(found.buckets[np.repeat(first, counts) + within])
    row, column = np.concatenate(rows), np.concatenate(columns)
    values = normaliser(np.bincount(row, minlength=len(windows.owners)))[row]
    matrix = csr_matrix((values, (row, column)), shape=(len(windows.owners), hashing.buckets))
    matrix.sum_duplicates()
    return matrix
