"""A trained model: weights, calibration and bands, scored with numpy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from postrisk.cutoffs import Cutoffs, Ladder, restep_languages
from postrisk.errors import InputError
from postrisk.folding import FoldedBatch, Index, fold_batch, folding_arrays
from postrisk.lanes import Lanes
from postrisk.native import Kernel, Line, kernel_for
from postrisk.ngrams import Hashing, normaliser
from postrisk.style import LANGUAGES, Style, language_indices, style_features
from postrisk.utf8 import Texts, Utf8, batches
from postrisk.windows import Windowing, Windows

Floats = npt.NDArray[np.float64]

WHOLE = Windowing()
# Probabilities are rounded once, so that a number reads the same in Python, in a CSV file and
# after a round trip; bands are set on the rounded number.
DECIMALS = 6


def sigmoid(logits: Floats) -> Floats:
    """Turn logits into probabilities without overflow."""
    decay = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1.0, decay) / (1.0 + decay)


def round_scores(probabilities: Floats) -> Floats:
    """Round probabilities to the six decimals that are shown everywhere."""
    return np.round(probabilities, DECIMALS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How one language's logits follow from those for all: ``intercepts + slopes * logits``.

    Attributes
    ----------
    slopes, intercepts : ndarray of float64, shape (n_categories,)
        Slopes are positive, so that the order of texts in one language never turns around.
    """

    slopes: Floats
    intercepts: Floats


@dataclass(frozen=True, slots=True)
class Best:
    """The winning window of each text in each category; shapes (n_texts, n_categories).

    Attributes
    ----------
    sums, counts : ndarray of int64
        Summed weights and number of the n-grams that start in the window.
    starts, ends : ndarray of int64
        The window's positions in ``FoldedBatch.codes``.
    """

    sums: Index
    counts: Index
    starts: Index
    ends: Index


@dataclass(frozen=True, kw_only=True)
class RiskModel:
    """Weights over hashed n-grams, one logistic regression per category.

    For a text, the calibrated logit of category ``c`` is the highest of its windows::

        biases[c] + scales[c] / sqrt(n) * sum(weights[bucket, c] for the window's n-grams)
                  + sum(style_weights[s, c] * style[s])

    where the ``n`` n-grams of a window are those that start in it; those at its end look a few
    characters beyond. A text no longer than the narrowest window has one window, itself. A
    language with a `Calibration` of its own has its logits moved by it.

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
        Named style features of the whole text, possibly none.
    style_weights : ndarray of float64, shape (n_styles, n_categories)
    windowing : Windowing
    calibrations : mapping of str to Calibration
        By script language, ``en`` or ``zh``; possibly none.
    ladder : mapping of str to mapping of str to tuple of Step
        For each category the cut-offs under a ladder of ceilings, ``all`` posts and by script
        language; possibly none.
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
    windowing: Windowing = WHOLE
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    ladder: Mapping[str, Ladder] = field(default_factory=dict)
    identity: str = ""

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what is cached for scoring, several times the size of the model."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def kernel(self) -> Kernel | None:
        """The compiled kernel with the model's weights; None where numpy has to do."""
        if self.styles or self.weights.dtype != np.int8:
            return None
        line = Line(self.scales, self.biases, *self._lines)
        return kernel_for(self.hashing, self.windowing, self.weights, line)

    def warm_up(self) -> None:
        """Build what scoring needs, so that the first score takes no longer than the next."""
        if self.kernel is None:
            self._lanes  # noqa: B018 - a cached property
            folding_arrays()

    @cached_property
    def _lanes(self) -> Lanes:
        return Lanes.of(self.weights)

    @cached_property
    def _lines(self) -> tuple[Floats, Floats]:
        """Slopes and intercepts of all `LANGUAGES`; shapes (n_languages, n_categories)."""
        plain = Calibration(np.ones(len(self.categories)), np.zeros(len(self.categories)))
        lines = [self.calibrations.get(language, plain) for language in LANGUAGES]
        return np.stack([c.slopes for c in lines]), np.stack([c.intercepts for c in lines])

    def calibration_of(self, languages: Index) -> tuple[Floats, Floats]:
        """Give slopes and intercepts of texts, told by index of their language in `LANGUAGES`."""
        slopes, intercepts = self._lines
        return slopes[languages], intercepts[languages]

    def sum_weights(self, batch: FoldedBatch) -> tuple[Index, Index]:
        """Sum each text's integer weights, all of the text.

        Returns
        -------
        sums : ndarray of int64, shape (n_texts, n_categories)
        counts : ndarray of int64, shape (n_texts,)
            Number of n-grams.
        """
        sums, counts = self._lanes.before(batch, self.hashing, batch.edges)
        return np.diff(sums, axis=0), np.diff(counts)

    def sum_windows(self, batch: FoldedBatch, windows: Windows) -> tuple[Index, Index]:
        """Sum the integer weights of the n-grams that start in each window.

        Returns
        -------
        sums : ndarray of int64, shape (n_windows, n_categories)
        counts : ndarray of int64, shape (n_windows,)
        """
        cuts = np.unique(np.concatenate((windows.starts, windows.ends)))
        sums, counts = self._lanes.before(batch, self.hashing, cuts)
        first, last = np.searchsorted(cuts, windows.starts), np.searchsorted(cuts, windows.ends)
        return sums[last] - sums[first], counts[last] - counts[first]

    def best_windows(self, batch: FoldedBatch) -> Best:
        """Find the window with the highest logit of each text in each category.

        Of equal ones it is the one that starts first, then the shorter.
        """
        if not self.windowing.splits(batch.edges):
            sums, counts = self.sum_weights(batch)
            bounds = counts, batch.edges[:-1], batch.edges[1:]
            return Best(sums, *(np.broadcast_to(b[:, np.newaxis], sums.shape) for b in bounds))
        windows = self.windowing.of(batch.edges)
        sums, counts = self.sum_windows(batch, windows)
        parts = self.scales * sums * normaliser(counts)[:, np.newaxis]
        highest = np.maximum.reduceat(parts, windows.firsts)
        index = np.arange(len(parts))[:, np.newaxis]
        winners = np.where(parts == highest[windows.owners], index, len(parts))
        won = np.minimum.reduceat(winners, windows.firsts)
        of_category = np.arange(sums.shape[1])
        return Best(sums[won, of_category], counts[won], windows.starts[won], windows.ends[won])

    def batch_logits(self, batch: FoldedBatch, languages: Index | None = None) -> Floats:
        """Give the calibrated logits of folded texts; shape (n_texts, n_categories).

        Parameters
        ----------
        batch : FoldedBatch
        languages : ndarray of int64, shape (n_texts,), optional
            What `postrisk.style.language_indices` gives for the batch, if it is known already.
        """
        return self.logits_of(batch, self.best_windows(batch), languages)

    def logits_of(self, batch: FoldedBatch, best: Best, languages: Index | None = None) -> Floats:
        """Give the calibrated logits from what `best_windows` gave for the same batch."""
        logits = self.biases + self.scales * best.sums * normaliser(best.counts)
        if self.styles:
            style = style_features(batch, self.styles)
            for column, weights in zip(style.T, self.style_weights, strict=True):
                logits = logits + column[:, np.newaxis] * weights
        slopes, intercepts = self.calibration_of(
            language_indices(batch) if languages is None else languages
        )
        calibrated: Floats = intercepts + slopes * logits
        return calibrated

    def read(self, texts: Texts) -> tuple[Floats, Index]:
        """Give the calibrated logits and the script languages of texts.

        The compiled kernel and numpy give the same numbers, to the bit.

        Parameters
        ----------
        texts : sequence of str, pyarrow.Array or pyarrow.ChunkedArray

        Returns
        -------
        logits : ndarray of float64, shape (n_texts, n_categories)
        languages : ndarray of int64, shape (n_texts,)
            As indices of `postrisk.style.LANGUAGES`.
        """
        if self.kernel is not None and isinstance(texts, list) and len(texts) == 1:
            logit, language = self.kernel.score_one(texts[0])
            return np.array([logit]), np.array([language])
        if self.kernel is not None and hasattr(texts, "buffers"):
            return self._read_part(texts)  # as one: the lock is free for long
        parts = [self._read_part(part) for part in batches(texts)]
        if not parts:
            return np.zeros((0, len(self.categories))), np.zeros(0, dtype=np.int64)
        logits, languages = map(np.concatenate, zip(*parts, strict=True))
        return logits, languages

    def _read_part(self, texts: Texts) -> tuple[Floats, Index]:
        in_column = hasattr(texts, "buffers")
        if self.kernel is not None:
            joined = Utf8.of_arrow(texts) if in_column else Utf8.of_list(texts)
            logits, languages = self.kernel.score(joined)
            return logits, languages.astype(np.int64)
        batch = fold_batch(Utf8.of_arrow(texts).to_list() if in_column else texts)
        known = language_indices(batch)
        return self.batch_logits(batch, known), known

    def logits(self, texts: Texts) -> Floats:
        """Give the calibrated logits of texts; shape (n_texts, n_categories).

        Parameters
        ----------
        texts : sequence of str, pyarrow.Array or pyarrow.ChunkedArray
        """
        return self.read(texts)[0]

    def predict_proba(self, texts: Texts) -> Floats:
        """Give calibrated probabilities in [0, 1]; shape (n_texts, n_categories)."""
        return sigmoid(self.logits(texts))

    def with_cutoffs(self, cutoffs: Mapping[str, Cutoffs]) -> RiskModel:
        """Give the same model with other bands."""
        return replace(self, cutoffs={**self.cutoffs, **cutoffs}, identity="")

    def with_ceilings(self, review: float | None = None, flag: float | None = None) -> RiskModel:
        """Give the same model with the bands that keep other ceilings on false positives.

        The cut-offs are those of the model's `ladder`; a ceiling between two of its steps takes
        the stricter one. Where no step is proven that keeps the ceiling of ``flag``, because it
        is below all steps or there were too few held-out safe posts, nothing is flagged.

        Parameters
        ----------
        review, flag : float, optional
            Highest false-positive rates, such as .05; the cut-offs stay as they are for None.

        Raises
        ------
        InputError
            When the model has no ladder, a ceiling is no rate, or that of ``review`` is below
            all steps.
        """
        if not self.ladder:
            raise InputError(f"ceilings: model {self.name!r} has no ladder of them; train it again")
        return self.with_cutoffs(
            {
                name: restep_languages(self.cutoffs[name], ladder, review, flag)
                for name, ladder in self.ladder.items()
            }
        )

    def with_review_only(self, category: str, reason: str, language: str = "") -> RiskModel:
        """Give the same model that never flags a category, in one language or in all.

        No ceiling changes that; ``reason`` is shown where bands are described.
        """
        cut = self.cutoffs[category]
        if language:
            only = replace(cut.of(language), languages={}).only_review(reason)
            cut = replace(cut, languages={**cut.languages, language: only})
        else:
            cut = cut.only_review(reason)
        return self.with_cutoffs({category: cut})
