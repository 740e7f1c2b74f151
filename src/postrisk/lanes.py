"""Sums of integer weights with numpy: four categories added at once in the lanes of one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postrisk.folding import FoldedBatch, Index
from postrisk.ngrams import Hashing, char_buckets, char_counts, word_grams

_LANES = 4
_LANE_BITS = 16
# A lane holds sums up to 32,767 and a weight is at most 127, so 258 n-grams always fit. At
# most ten orders start at one character, so pieces of 25 characters never overflow.
_PIECE = 25
Packed = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Weights with four categories a table, each in a 16-bit lane of an int64.

    Attributes
    ----------
    tables : list of ndarray of int64, shape (n_buckets + 1,)
        The last entry is nothing, for positions at which no n-gram starts.
    n_categories : int
    """

    tables: list[Packed]
    n_categories: int

    @classmethod
    def of(cls, weights: npt.NDArray[np.int8]) -> Lanes:
        """Pack weights of shape (n_buckets, n_categories)."""
        return cls(_pack(weights), weights.shape[1])

    def before(self, batch: FoldedBatch, hashing: Hashing, cuts: Index) -> tuple[Index, Index]:
        """Sum the weights and count the n-grams that start before each position.

        Parameters
        ----------
        batch : FoldedBatch
        hashing : Hashing
        cuts : ndarray of int64, shape (n_cuts,)
            Ascending positions in ``batch.codes``; sums and counts begin at the first.

        Returns
        -------
        sums : ndarray of int64, shape (n_cuts, n_categories)
        counts : ndarray of int64, shape (n_cuts,)
        """
        per_character = [np.zeros(len(batch.codes), dtype=np.int64) for _ in self.tables]
        for _, buckets in char_buckets(batch, hashing):
            for values, table in zip(per_character, self.tables, strict=True):
                values[:-1] += table.take(buckets)
        counts = np.concatenate(([0], np.cumsum(char_counts(batch, hashing))))[cuts]
        for found in word_grams(batch, hashing) if hashing.word_orders else ():
            counts += np.searchsorted(found.starts, cuts)
            for values, table in zip(per_character, self.tables, strict=True):
                # Each character starts at most one word or pair, so that no index repeats.
                values[found.starts] += table[found.buckets]
        sums = [
            _sum_pieces(values, cuts, min(_LANES, self.n_categories - _LANES * index))
            for index, values in enumerate(per_character)
        ]
        return np.concatenate(sums, axis=1), counts


def _pack(weights: npt.NDArray[np.int8]) -> list[Packed]:
    """Pack four categories a table, each in a 16-bit lane of an int64."""
    tables = []
    for first in range(0, weights.shape[1], _LANES):
        table = np.zeros(len(weights) + 1, dtype=np.int64)
        for lane, column in enumerate(weights[:, first : first + _LANES].T):
            table[:-1] += column.astype(np.int64) << (_LANE_BITS * lane)
        tables.append(table)
    return tables


def _unpack(packed: Packed, lanes: int) -> Index:
    """Give the signed lanes of packed sums; shape (n, lanes)."""
    lane_sums = np.empty((len(packed), lanes), dtype=np.int64)
    rest = packed
    for lane in range(lanes):
        lane_sums[:, lane] = rest.astype(np.int16)
        rest = (rest - lane_sums[:, lane]) >> _LANE_BITS
    return lane_sums


def _sum_pieces(values: Packed, cuts: Index, lanes: int) -> Index:
    """Sum the packed values before each cut from the first on, in pieces that no lane overflows."""
    lengths = np.diff(cuts)
    pieces = -(-lengths // _PIECE)
    bounds = np.concatenate(([0], np.cumsum(pieces)))
    within = np.arange(bounds[-1]) - np.repeat(bounds[:-1], pieces)
    starts = np.repeat(cuts[:-1], pieces) + within * _PIECE
    if not starts.size:
        return np.zeros((len(cuts), lanes), dtype=np.int64)
    piece_sums = _unpack(np.add.reduceat(values[: cuts[-1]], starts), lanes)
    totals = np.concatenate((np.zeros((1, lanes), dtype=np.int64), np.cumsum(piece_sums, axis=0)))
    sums: Index = totals[bounds]
    return sums
