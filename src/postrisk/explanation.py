"""Which characters of the original text raised which category, summing exactly to the score."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from postrisk.folding import FoldedBatch, Index, fold_batch
from postrisk.model import Best, RiskModel, sigmoid
from postrisk.native import SPAN_HAN
from postrisk.ngrams import grams, normaliser
from postrisk.style import language_indices, style_features

# Every character order up to 8 divides it, so that a weight splits evenly into whole shares.
_SHARES = math.lcm(*range(1, 9))
# A token must add more than this part of the strongest one, one fifth, for a span to reach over it.
_SPAN_COST = 5
_REASON_CHARS = 80
_HAN = "".join(f"{chr(first)}-{chr(last)}" for first, last in SPAN_HAN)
_TOKEN = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the original text and what it adds to the logit.

    Attributes
    ----------
    start, end : int
        Indices of the original text, ``text[start:end]``.
    text : str
    contribution : float
        Sum of the contributions of its characters, in logits.
    """

    start: int
    end: int
    text: str
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text got its score in one category.

    ``bias + sum(characters) + sum(named.values())`` is the logit.

    Attributes
    ----------
    category : str
    probability, logit, bias : float
    text : str
    characters : ndarray of float64, shape (len(text),)
        What each original character adds to the logit. A character that folding removes adds
        nothing; an n-gram's weight is shared evenly by its characters.
    named : dict of str to float
        What each style feature adds.
    spans : tuple of Span
        Stretches that raise the category, strongest first.
    window : tuple of int
        Start and end of the window of the text that got the score; no character outside of it
        adds anything, though spans, being whole words, may reach over its border. The whole
        text when it has one window.
    """

    category: str
    probability: float
    logit: float
    bias: float
    text: str
    characters: npt.NDArray[np.float64]
    named: dict[str, float]
    spans: tuple[Span, ...]
    window: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether the whole text got the score, not one window of it."""
        return self.window == (0, len(self.text))

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, the window only when it is not the whole text."""
        return {
            "category": self.category,
            "probability": self.probability,
            "logit": self.logit,
            "bias": self.bias,
            "characters": self.characters.tolist(),
            "named": self.named,
            "spans": [
                {"start": s.start, "end": s.end, "text": s.text, "contribution": s.contribution}
                for s in self.spans
            ],
            **({} if self.is_whole else {"window": list(self.window)}),
        }


def integer_shares(
    batch: FoldedBatch, model: RiskModel, bounds: tuple[Index, Index] | None = None
) -> Index:
    """Share each n-gram's integer weight among its characters, in units of 1/840 weight.

    The shares of a text sum exactly to 840 times its summed weights. The blanks at a text's
    edges get nothing: their share goes to the characters beside them.

    Parameters
    ----------
    batch : FoldedBatch
    model : RiskModel
    bounds : pair of ndarrays of int64, shape (n_texts, n_categories), optional
        Where a window of each text starts and ends in ``batch.codes``; the whole texts when
        absent. Only n-grams that start inside count, and what they share stays inside.

    Returns
    -------
    ndarray of int64, shape (n_folded_characters, n_categories)
    """
    n = len(model.categories)
    lows, highs = bounds or (batch.edges[:-1, np.newaxis], batch.edges[1:, np.newaxis])
    steps = np.zeros((len(batch.codes) + 1, n), dtype=np.int64)
    remainders = np.zeros_like(steps)
    columns = np.arange(n)
    for found in grams(batch, model.hashing):
        text = np.searchsorted(batch.edges, found.starts, side="right") - 1
        low, high = lows[text], highs[text]
        inside = (found.starts[:, np.newaxis] >= low) & (found.starts[:, np.newaxis] < high)
        starts = np.maximum(found.starts, batch.edges[text] + 1)[:, np.newaxis]
        ends = np.where(inside, np.minimum(found.ends[:, np.newaxis], high), starts + 1)
        weights = model.weights[found.buckets].astype(np.int64) * _SHARES * inside
        even, rest = np.divmod(weights, ends - starts)
        np.add.at(steps, (starts, columns), even)
        np.subtract.at(steps, (ends, columns), even)
        np.add.at(remainders, (starts, columns), rest)
    return (np.cumsum(steps, axis=0) + remainders)[:-1]


def _maximal_segments(scores: Sequence[int]) -> list[tuple[int, int]]:
    """Find all maximal scoring segments in linear time (Ruzzo and Tompa, ISMB 1999)."""
    segments: list[tuple[int, int, int, int]] = []
    # For each segment the nearest one before it that has less on its left; all between have
    # as much or more, so the search below may skip them.
    lower: list[int] = []
    total = 0
    for index, score in enumerate(scores):
        left, total = total, total + score
        if score <= 0:
            continue
        start, right = index, total
        while True:
            before = len(segments) - 1
            while before >= 0 and segments[before][2] >= left:
                before = lower[before]
            if before < 0 or segments[before][3] >= right:
                segments.append((start, index + 1, left, right))
                lower.append(before)
                break
            start, _, left, _ = segments[before]
            del segments[before:], lower[before:]
    return [(start, end) for start, end, _, _ in segments]


def _without_signs(text: str, start: int, end: int) -> tuple[int, int]:
    """Shrink a stretch to its first and last letter or digit, if it has any."""
    inside = [i for i in range(start, end) if text[i].isalnum()]
    return (inside[0], inside[-1] + 1) if inside else (start, end)


def find_spans(text: str, shares: Index) -> list[tuple[int, int, int]]:
    """Find the stretches of whole words that raise the score, strongest first.

    Whole numbers make the choice the same however they were summed.

    Parameters
    ----------
    text : str
    shares : ndarray of int64, shape (len(text),)
        What each character adds, in any unit.

    Returns
    -------
    list of (start, end, sum of shares)
    """
    bounds = np.array([0, *(match.end() for match in _TOKEN.finditer(text))])
    sums = np.concatenate(([0], np.cumsum(shares)))
    tokens = np.diff(sums[bounds])
    strongest = tokens.max(initial=0)
    if strongest <= 0:
        return []
    spans = []
    for first, last in _maximal_segments((_SPAN_COST * tokens - strongest).tolist()):
        start, end = _without_signs(text, int(bounds[first]), int(bounds[last]))
        spans.append((start, end, int(sums[end] - sums[start])))
    return sorted(spans, key=lambda span: (-span[2], span[0]))


def explain_texts(
    model: RiskModel, texts: Sequence[str], categories: Sequence[Sequence[str]] | None = None
) -> list[dict[str, Explanation]]:
    """Explain texts in one pass of the kernel.

    Parameters
    ----------
    model : RiskModel
    texts : sequence of str
    categories : sequence of sequences of str, optional
        For each text the categories wanted; all of them by default.

    Returns
    -------
    list of dict of str to Explanation, one per text
    """
    batch = fold_batch(texts)
    best, languages = model.best_windows(batch), language_indices(batch)
    shares = integer_shares(batch, model, (best.starts, best.ends))
    logits = model.logits_of(batch, best, languages)
    probabilities = sigmoid(logits)
    slopes, intercepts = model.calibration_of(languages)
    biases = intercepts + slopes * model.biases
    factors = slopes * model.scales * normaliser(best.counts) / _SHARES
    style = style_features(batch, model.styles)
    explained = []
    for row, text in enumerate(texts):
        inside = slice(batch.edges[row] + 1, batch.edges[row + 1])
        found: dict[str, Explanation] = {}
        for name in model.categories if categories is None else categories[row]:
            column = model.categories.index(name)
            factor, added_shares = factors[row, column].item(), np.zeros(len(text), dtype=np.int64)
            np.add.at(added_shares, batch.offsets(row), shares[inside, column])
            sign = -1 if factor < 0 else 1
            weights = model.style_weights[:, column] if model.styles else np.zeros(0)
            added = style[row] * weights * slopes[row, column]
            found[name] = Explanation(
                category=name,
                probability=float(probabilities[row, column]),
                logit=float(logits[row, column]),
                bias=float(biases[row, column]),
                text=text,
                characters=np.multiply(added_shares, factor, dtype=np.float64),
                named=dict(zip(model.styles, added.tolist(), strict=True)),
                spans=tuple(
                    Span(start, end, text[start:end], abs(factor) * total)
                    for start, end, total in find_spans(text, sign * added_shares)
                ),
                window=_original_window(batch, row, best, column),
            )
        explained.append(found)
    return explained


def _original_window(batch: FoldedBatch, row: int, best: Best, column: int) -> tuple[int, int]:
    """Give the stretch of the original text that a winning window comes from."""
    start, end = best.starts[row, column], best.ends[row, column]
    base, after = batch.text_starts[row], np.append(batch.text_starts, len(batch.original))[row + 1]
    first = base if start == batch.edges[row] else batch.sources[start]
    last = after - 1 if end == batch.edges[row + 1] else batch.sources[end - 1] + 1
    return int(first - base), int(last - base)


def explain_text(model: RiskModel, text: str) -> dict[str, Explanation]:
    """Explain one text in every category."""
    return explain_texts(model, [text])[0]


def quote_span(category: str, span: str | None) -> str:
    """Give a span, quoted and cut to 80 characters, with its category.

    >>> quote_span("violence", "break   your legs"), quote_span("rumor", None)
    ('violence: “break your legs”', 'rumor: no single span')
    """
    if span is None:
        return f"{category}: no single span"
    words = " ".join(span.split())
    shown = words if len(words) <= _REASON_CHARS else words[: _REASON_CHARS - 1] + "…"
    return f"{category}: “{shown}”"


def quote_strongest(model: RiskModel, texts: Sequence[str], categories: Sequence[int]) -> list[str]:
    """Quote the strongest span of each text in one category, given by its index."""
    names = [model.categories[column] for column in categories]
    if model.kernel is not None:
        spans = model.kernel.strongest_spans(texts, categories)
        quoted = zip(names, texts, spans, strict=True)
        return [quote_span(n, text[a:b] if a >= 0 else None) for n, text, (a, b) in quoted]
    explained = explain_texts(model, texts, [[name] for name in names])
    found = [one[name].spans for one, name in zip(explained, names, strict=True)]
    return [
        quote_span(name, spans[0].text if spans else None)
        for name, spans in zip(names, found, strict=True)
    ]
