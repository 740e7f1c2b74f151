"""A trained model: weights, calibration and bands, scored with numpy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from postrisk.folding import FoldedBatch, Index, fold_batch
from postrisk.ngrams import Grams, Hashing, grams, normaliser
from postrisk.style import Style, style_features

Floats = npt.NDArray[np.float64]

_LANES = 4
_LANE_BITS = 16
# A lane holds sums up to 32,767 and a weight is at most 127, so 258 n-grams always fit. At
# most ten orders start at one character, so pieces of 25 characters never overflow.
_PIECE = 25
_BATCH_CHARS = 1 << 17


class Band(StrEnum):
    """What to do with a post in one category, weakest first."""

    PASS = "pass"  # noqa: S105 - not a password
    REVIEW = "review"
    FLAG = "flag"


BANDS = tuple(Band)


class Cutoffs(BaseModel):
    """Probabilities from which a category's band is ``review`` and ``flag``.

    ``flag`` is None where the evidence is too thin to flag anything. ``languages`` holds the
    cut-offs of texts in one language, as `postrisk.style.script_languages` tells it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: float = Field(ge=0, le=1)
    flag: float | None = Field(default=None, ge=0, le=1)
    languages: dict[str, Cutoffs] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Cutoffs:
        if self.flag is not None and self.flag < self.review:
            raise ValueError("flag must not be below review")
        return self

    def of(self, language: str) -> Cutoffs:
        """Give the cut-offs for a language; those for all where it has none of its own."""
        return self.languages.get(language, self)

    def band(self, probability: float) -> Band:
        """Give the band of one probability.

        >>> Cutoffs(review=0.2, flag=0.8).band(0.5).value
        'review'
        """
        if self.flag is not None and probability >= self.flag:
            return Band.FLAG
        return Band.REVIEW if probability >= self.review else Band.PASS


def sigmoid(logits: Floats) -> Floats:
    """Turn logits into probabilities without overflow."""
    decay = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, decay) / (1.0 + decay)


def _pack(weights: npt.NDArray[np.int8]) -> list[npt.NDArray[np.int64]]:
    """Pack four categories a table, each in a 16-bit lane of an int64."""
    tables = []
    for first in range(0, weights.shape[1], _LANES):
        table = np.zeros(len(weights), dtype=np.int64)
        for lane, column in enumerate(weights[:, first : first + _LANES].T):
            table += column.astype(np.int64) << (_LANE_BITS * lane)
        tables.append(table)
    return tables


def _unpack(packed: npt.NDArray[np.int64], lanes: int) -> Index:
    """Give the signed lanes of packed sums; shape (n, lanes)."""
    lane_sums = np.empty((len(packed), lanes), dtype=np.int64)
    rest = packed
    for lane in range(lanes):
        lane_sums[:, lane] = rest.astype(np.int16)
        rest = (rest - lane_sums[:, lane]) >> _LANE_BITS
    return lane_sums


def batches(texts: Sequence[str], max_chars: int = _BATCH_CHARS) -> Iterator[Sequence[str]]:
    """Cut texts into runs of about ``max_chars`` characters, at least one text each."""
    start = total = 0
    for index, text in enumerate(texts):
        if index > start and total + len(text) > max_chars:
            yield texts[start:index]
            start, total = index, 0
        total += len(text)
    if start < len(texts):
        yield texts[start:]


@dataclass(frozen=True, kw_only=True)
class RiskModel:
    """Weights over hashed n-grams, one logistic regression per category.

    For a text with ``n`` n-grams, the calibrated logit of category ``c`` is::

        biases[c] + scales[c] / sqrt(n) * sum(weights[bucket, c] for its n-grams)
                  + sum(style_weights[s, c] * style[s])

    The weights are whole numbers, so the sum is exact whatever the order and the batch.

    Attributes
    ----------
    name, version : str
        For people; `identity` is what tells two models apart.
    categories : tuple of str
    hashing : Hashing
    weights : ndarray of int8, shape (n_buckets, n_categories)
    scales, biases : ndarray of float64, shape (n_categories,)
        Calibration is folded into both.
    cutoffs : mapping of str to Cutoffs
        The bands of each category.
    styles : tuple of str
        Named style features, possibly none.
    style_weights : ndarray of float64, shape (n_styles, n_categories)
    identity : str
        SHA-256 of the stored model, empty before it is stored.
    """

    name: str
    version: str
    categories: tuple[str, ...]
    hashing: Hashing
    weights: npt.NDArray[np.int8]
    scales: Floats
    biases: Floats
    cutoffs: Mapping[str, Cutoffs]
    styles: tuple[Style, ...] = ()
    style_weights: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    identity: str = ""

    @cached_property
    def _tables(self) -> list[npt.NDArray[np.int64]]:
        return _pack(self.weights)

    def sum_weights(self, batch: FoldedBatch) -> tuple[Index, Index]:
        """Sum each text's integer weights.

        Returns
        -------
        sums : ndarray of int64, shape (n_texts, n_categories)
        counts : ndarray of int64, shape (n_texts,)
            Number of n-grams.
        """
        per_character = [np.zeros(len(batch.codes), dtype=np.int64) for _ in self._tables]
        counts = np.zeros(len(batch), dtype=np.int64)
        for found in grams(batch, self.hashing):
            counts += np.diff(np.searchsorted(found.starts, batch.edges))
            for values, table in zip(per_character, self._tables, strict=True):
                _add_at_starts(values, table, found)
        sums = [
            _sum_pieces(values, batch.edges, min(_LANES, len(self.categories) - _LANES * index))
            for index, values in enumerate(per_character)
        ]
        return np.concatenate(sums, axis=1), counts

    def batch_logits(self, batch: FoldedBatch) -> Floats:
        """Give the calibrated logits of folded texts; shape (n_texts, n_categories)."""
        return self.logits_of_sums(batch, *self.sum_weights(batch))

    def logits_of_sums(self, batch: FoldedBatch, sums: Index, counts: Index) -> Floats:
        """Give the calibrated logits from what `sum_weights` gave for the same batch."""
        logits = self.biases + self.scales * sums * normaliser(counts)[:, np.newaxis]
        if self.styles:
            style = style_features(batch, self.styles)
            for column, weights in zip(style.T, self.style_weights, strict=True):
                logits = logits + column[:, np.newaxis] * weights
        return logits

    def logits(self, texts: Sequence[str]) -> Floats:
        """Give the calibrated logits of texts; shape (n_texts, n_categories)."""
        parts = [self.batch_logits(fold_batch(part)) for part in batches(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.categories)))

    def predict_proba(self, texts: Sequence[str]) -> Floats:
        """Give calibrated probabilities in [0, 1]; shape (n_texts, n_categories)."""
        return sigmoid(self.logits(texts))

    def with_cutoffs(self, cutoffs: Mapping[str, Cutoffs]) -> RiskModel:
        """Give the same model with other bands."""
        return replace(self, cutoffs={**self.cutoffs, **cutoffs}, identity="")


def _add_at_starts(
    values: npt.NDArray[np.int64], table: npt.NDArray[np.int64], found: Grams
) -> None:
    # Within one order each character starts at most one n-gram, so no index repeats.
    values[found.starts] += table[found.buckets]


def _sum_pieces(values: npt.NDArray[np.int64], edges: Index, lanes: int) -> Index:
    """Sum packed values per text, in pieces that no lane overflows."""
    lengths = np.diff(edges)
    pieces = -(-lengths // _PIECE)
    firsts = np.cumsum(pieces) - pieces
    within = np.arange(pieces.sum()) - np.repeat(firsts, pieces)
    starts = np.repeat(edges[:-1], pieces) + within * _PIECE
    if not starts.size:
        return np.zeros((len(lengths), lanes), dtype=np.int64)
    piece_sums = _unpack(np.add.reduceat(values[: edges[-1]], starts), lanes)
    totals = np.concatenate((np.zeros((1, lanes), dtype=np.int64), np.cumsum(piece_sums, axis=0)))
    sums: Index = totals[firsts + pieces] - totals[firsts]
    return sums
