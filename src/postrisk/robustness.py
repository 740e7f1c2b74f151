"""Whether risky posts stay raised when they are rewritten, or hidden among safe words."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postrisk.evaluation import Mask, Rate
from postrisk.model import RiskModel
from postrisk.perturb import PERTURBATIONS, SHARE, Perturbation
from postrisk.samples import Banded, Sample, band, calm_safe, first_by_hash, found_risky

ANY = "any"
WORDS = (10, 40, 160, 640)
PLACES = ("start", "middle", "end")
_HAN_A_WORD = 1.6
_MOST_RISKY, _MOST_SAFE = 1000, 2000
_MOST_DILUTED = 200


@dataclass(frozen=True, slots=True)
class Flip:
    """What one perturbation does to posts of one language and category.

    Only posts that it changes are counted.

    Attributes
    ----------
    category : str
        ``any`` for all of them together.
    lost : Rate
        Of the risky posts that the model found, those whose strongest category (among the ones
        that they have) falls to ``pass``.
    raised : Rate
        Of the safe posts that pass in every category, those raised in this one.
    """

    perturbation: str
    invariant: bool
    language: str
    category: str
    lost: Rate
    raised: Rate


@dataclass(frozen=True, slots=True)
class Dilution:
    """What becomes of risky posts that the model found, inside so many safe words.

    Attributes
    ----------
    words : int
        In Chinese, 1.6 characters stand for a word.
    place : {"start", "middle", "end"}
        Where the post stands.
    kept : Rate
        Posts that keep the band of their strongest category, or rise.
    review : Rate
        Posts that are still at least ``review`` in it.
    filler : Rate
        The safe words without the post that reach ``review`` in that category by themselves.
    """

    language: str
    words: int
    place: str
    kept: Rate
    review: Rate
    filler: Rate


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The posts that a suite rewrites, and what the model said of them."""

    sample: Sample
    banded: Banded
    strongest: npt.NDArray[np.int64]
    risky: Mask
    safe: Mask


def _choose(sample: Sample, banded: Banded) -> _Chosen:
    strongest, found = found_risky(sample, banded)
    calm = calm_safe(sample, banded)
    kept = np.zeros(len(sample), dtype=bool)
    kept[first_by_hash(sample, found, _MOST_RISKY)] = True
    kept[first_by_hash(sample, calm, _MOST_SAFE)] = True
    return _Chosen(
        sample.take(kept), banded.take(kept), strongest[kept], found[kept], calm[kept]
    )  # fmt: skip


def _flips(chosen: _Chosen, changed: Mask, after: Banded, p: Perturbation) -> Iterator[Flip]:
    sample = chosen.sample
    languages = sample.column("languages")
    kept = np.take_along_axis(after.bands, chosen.strongest[:, np.newaxis], axis=1)[:, 0]
    for language in np.unique(languages[changed]).tolist():
        spoken = changed & (languages == language)
        for column, category in [(-1, ANY), *enumerate(sample.categories)]:
            risky = spoken & chosen.risky
            raised: Mask = after.bands.max(axis=1) > 0
            if column >= 0:
                risky &= chosen.strongest == column
                raised = after.bands[:, column] > 0
            lost = Rate.of(kept[risky] == 0)
            yield Flip(
                perturbation=p.name,
                invariant=p.invariant,
                language=language,
                category=category,
                lost=lost,
                raised=Rate.of(raised[spoken & chosen.safe]),
            )


def measure_flips(
    model: RiskModel,
    sample: Sample,
    banded: Banded | None = None,
    perturbations: Iterable[str] = tuple(PERTURBATIONS),
    share: float = SHARE,
) -> tuple[Flip, ...]:
    """Rewrite posts and count the bands that change.

    Parameters
    ----------
    model : RiskModel
    sample : Sample
    banded : Banded, optional
        What the model says of the sample, if it is known.
    perturbations : iterable of str
        Names in `postrisk.perturb.PERTURBATIONS`.
    share : float
        Of the characters or words that a perturbation applies to.

    Notes
    -----
    At most 1,000 risky and 2,000 safe posts a language are rewritten, chosen by a hash.
    """
    banded = band(model, sample.texts, sample.categories) if banded is None else banded
    chosen = _choose(sample, banded)
    texts = chosen.sample.texts
    flips: list[Flip] = []
    for name in perturbations:
        perturbation = PERTURBATIONS[name]
        rewritten = [perturbation(text, share) for text in texts]
        pairs = zip(rewritten, texts, strict=True)
        changed = np.array([new != old for new, old in pairs], dtype=bool)
        after = band(model, rewritten, sample.categories)
        flips += _flips(chosen, changed, after, perturbation)
    return tuple(flips)


def _safe_words(sample: Sample, calm: Mask, language: str) -> list[str]:
    """Give the words of safe posts, or their characters in Chinese, in a fixed order."""
    places = first_by_hash(sample, calm & (sample.column("languages") == language), _MOST_SAFE)
    keys = {int(i): zlib.crc32(sample.texts[i].encode("utf-8", "surrogatepass")) for i in places}
    words: list[str] = []
    for index in sorted(keys, key=lambda i: (keys[i], sample.texts[i])):
        text = sample.texts[index]
        words += list(text) if language == "zh" else text.split()
    return words


def _filler(words: list[str], text: str, length: int) -> list[str]:
    """Take so many words in a row, from a place that the text decides."""
    start = zlib.crc32(text.encode("utf-8", "surrogatepass")) % len(words)
    rounds = -(-(start + length) // len(words))
    return (words * rounds)[start : start + length]


def _placed(text: str, filler: list[str], place: str, joint: str) -> str:
    cut = {"start": 0, "middle": len(filler) // 2, "end": len(filler)}[place]
    parts = (joint.join(filler[:cut]), text, joint.join(filler[cut:]))
    return " ".join(part for part in parts if part)


def measure_dilution(
    model: RiskModel, sample: Sample, banded: Banded | None = None
) -> tuple[Dilution, ...]:
    """Hide risky posts that the model found among the words of safe ones that pass.

    Notes
    -----
    At most 200 risky posts a language, chosen by a hash. The words are those of safe posts
    of the same sample and language.
    """
    banded = band(model, sample.texts, sample.categories) if banded is None else banded
    strongest, found = found_risky(sample, banded)
    calm = calm_safe(sample, banded)
    lines = []
    for language in sorted(set(sample.languages)):
        risky = first_by_hash(
            sample, found & (sample.column("languages") == language), _MOST_DILUTED
        )
        words = _safe_words(sample, calm, language)
        if not len(risky) or not words:
            continue
        texts, columns = [sample.texts[i] for i in risky], strongest[risky]
        before = banded.bands[risky, columns]
        joint, a_word = ("", _HAN_A_WORD) if language == "zh" else (" ", 1.0)
        for length in WORDS:
            fillers = [_filler(words, text, round(length * a_word)) for text in texts]
            alone = band(model, [joint.join(filler) for filler in fillers], sample.categories)
            rows = np.arange(len(texts))
            filler = Rate.of(alone.bands[rows, columns] > 0)
            for place in PLACES:
                pairs = zip(texts, fillers, strict=True)
                hidden = [_placed(text, around, place, joint) for text, around in pairs]
                after = band(model, hidden, sample.categories).bands[rows, columns]
                kept, review = Rate.of(after >= before), Rate.of(after > 0)
                lines.append(Dilution(language, length, place, kept, review, filler))
    return tuple(lines)
