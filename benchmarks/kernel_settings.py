"""The settings of `kernel_sweep.py`, and the scoring kernel with each of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from postrisk.corpora import CATEGORIES
from postrisk.folding import FoldedBatch, Index
from postrisk.lanes import Lanes
from postrisk.linear import LinearCore
from postrisk.model import Calibration, RiskModel
from postrisk.ngrams import Hashing, char_buckets, char_counts, word_grams
from postrisk.recipe import make_classifier
from postrisk.samples import band
from postrisk.store import load

LARGEST = {"int16": 32767, "int8": 127, "int6": 31, "int4": 7}
WEIGHTS = ("float64", *LARGEST)
_WIDE_BITS = 32


@dataclass(frozen=True)
class Setting:
    """One choice of orders, buckets and weight type; the shipped one by default."""

    axis: str = ""
    char_orders: tuple[int, ...] = make_classifier().char_orders
    word_orders: tuple[int, ...] = make_classifier().word_orders
    bits: int = make_classifier().bits
    weights: str = "int8"

    @property
    def hashing(self) -> Hashing:
        """The n-grams and buckets."""
        return Hashing(char_orders=self.char_orders, word_orders=self.word_orders, bits=self.bits)

    @property
    def name(self) -> str:
        """What differs from the shipped choice."""
        if not self.axis:
            return "shipped"
        characters = f"{self.char_orders[0]}–{self.char_orders[-1]}"
        words = " + words" if self.word_orders else ", no words"
        of_type = f"{self.weights} (±{LARGEST[self.weights]:,})" if self.weights in LARGEST else ""
        return {
            "orders": characters + words,
            "bits": f"{self.bits} bits",
            "weights": of_type or self.weights,
        }[self.axis]


SHIPPED = Setting()
GRID = (
    SHIPPED,
    *(Setting("orders", char_orders=orders)
      for orders in ((1, 2, 3, 4), (2, 3, 4, 5), (2, 3, 4), (1, 2, 3), (1, 2))),
    Setting("orders", word_orders=()),
    *(Setting("bits", bits=bits) for bits in (16, 17, 19, 20)),
    *(Setting("weights", weights=name) for name in WEIGHTS if name != SHIPPED.weights),
)  # fmt: skip
QUICK = (SHIPPED, Setting("weights", weights="float64"), Setting("bits", bits=16))


class WideLanes(NamedTuple):
    """Weights that do not fit 16-bit lanes: int16 in 32-bit lanes, or plain float64.

    A segment between two cuts may hold 65,538 n-grams before a 32-bit lane overflows. It stands
    in for `postrisk.lanes.Lanes`, step by step.
    """

    tables: list[npt.NDArray[Any]]
    n_categories: int

    @classmethod
    def of(cls, weights: npt.NDArray[Any]) -> WideLanes:
        """Pack weights of shape (n_buckets, n_categories), with an empty row at the end."""
        columns = np.pad(weights, ((0, 1), (0, 0))).T
        if weights.dtype == np.float64:
            return cls([np.ascontiguousarray(column) for column in columns], len(columns))
        wide = columns.astype(np.int64)
        pairs = range(0, len(wide), 2)
        packed = [sum(w << (_WIDE_BITS * k) for k, w in enumerate(wide[i : i + 2])) for i in pairs]
        return cls(packed, len(columns))

    def before(
        self, batch: FoldedBatch, hashing: Hashing, cuts: Index
    ) -> tuple[npt.NDArray[Any], Index]:
        """Sum the weights and count the n-grams that start before each position."""
        per_character = [np.zeros(len(batch.codes), dtype=t.dtype) for t in self.tables]
        for _, buckets in char_buckets(batch, hashing):
            for values, table in zip(per_character, self.tables, strict=True):
                values[:-1] += table.take(buckets)
        counts = np.concatenate(([0], np.cumsum(char_counts(batch, hashing))))[cuts]
        for found in word_grams(batch, hashing) if hashing.word_orders else ():
            counts += np.searchsorted(found.starts, cuts)
            for values, table in zip(per_character, self.tables, strict=True):
                values[found.starts] += table[found.buckets]
        totals = [np.concatenate(([0], np.cumsum(values)))[cuts] for values in per_character]
        if self.tables[0].dtype == np.float64:
            return np.stack(totals, axis=1), counts
        lanes = [lane for total in totals for lane in _unpack_wide(np.diff(total))]
        sums = np.cumsum(np.stack(lanes[: self.n_categories], axis=1), axis=0)
        return np.concatenate((np.zeros((1, sums.shape[1]), dtype=np.int64), sums)), counts


@dataclass(frozen=True, kw_only=True)
class NumpyModel(RiskModel):
    """A model that numpy scores, whatever was compiled, so that all settings are alike."""

    kernel = None

    @cached_property
    def _lanes(self) -> Any:
        kind = Lanes if self.weights.dtype == np.int8 else WideLanes
        return kind.of(self.weights)


def _unpack_wide(packed: Index) -> tuple[Index, Index]:
    low = packed.astype(np.int32).astype(np.int64)
    return low, (packed - low) >> _WIDE_BITS


def table_bytes(model: RiskModel) -> int:
    """Give the bytes of the look-up tables that scoring reads."""
    return sum(table.nbytes for table in model._lanes.tables)  # noqa: SLF001 - what is measured


def stored_bytes(model: RiskModel) -> int:
    """Give the bytes of the compressed weights."""
    np.savez_compressed(buffer := io.BytesIO(), weights=model.weights)
    return buffer.tell()


@cache
def _shipped() -> RiskModel:
    return load("base")


def as_model(setting: Setting, core: LinearCore, line: Calibration | None = None) -> RiskModel:
    """Put coefficients into the kernel, rounded as `postrisk.linear.quantise` does to 127.

    Parameters
    ----------
    setting : Setting
    core : LinearCore
    line : Calibration, optional
        From decisions to calibrated logits, folded into scales and biases.
    """
    line = line or Calibration(np.ones(len(CATEGORIES)), np.zeros(len(CATEGORIES)))
    weights, scales = core.coef_.T * line.slopes, np.ones(len(CATEGORIES))
    largest = LARGEST.get(setting.weights)
    if largest:
        peaks = np.abs(weights).max(axis=0)
        scales = np.where(peaks > 0, peaks, 1.0) / largest
        kind = np.int8 if largest <= LARGEST["int8"] else np.int16
        weights = np.rint(weights / scales).astype(kind)
    return NumpyModel(
        name="kernel sweep",
        version="0",
        categories=CATEGORIES,
        hashing=setting.hashing,
        weights=np.ascontiguousarray(weights),
        scales=scales,
        biases=line.slopes * core.intercept_ + line.intercepts,
        cutoffs=_shipped().cutoffs,
        windowing=make_classifier().windowing,
    )


def shifts(models: Mapping[Setting, RiskModel], texts: list[str]) -> dict[Setting, dict[str, Any]]:
    """Say how far each weight type moves probabilities and bands from those of float64."""
    [exact] = [s for s in models if s.weights == "float64"]
    before = band(models[exact], texts, CATEGORIES)
    found = {}
    for setting, model in models.items():
        after = band(model, texts, CATEGORIES)
        gaps = np.abs(after.probabilities - before.probabilities)
        found[setting] = {
            "largest_shift": float(gaps.max()),
            "mean_shift": float(gaps.mean()),
            "bands_changed": int((after.bands != before.bands).sum()),
            "bands": after.bands.size,
            "zero_weights": float((model.weights == 0).mean()),
        }
    return found
