"""How often safe posts are raised: by group, by language, and civic posts against others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from postrisk.evaluation import Mask, Rate, twins_right
from postrisk.intervals import Gap, rate_gap
from postrisk.samples import LOOKALIKE, POSITIVE, Banded, Sample

# What sources call posts about public affairs, and the topics of the authored ones.
CIVIC = frozenset(
    {
        "activism", "civic", "criticism", "criticism of authority", "government", "news politics",
        "petition", "political", "political opinion", "politics", "protest", "protest report",
    }
)  # fmt: skip
_FEWEST = 20
_EVERY = "all"


@dataclass(frozen=True, slots=True)
class SafeLine:
    """Safe posts of one group that are raised; none of them should be."""

    language: str
    source: str
    kind: str
    review: Rate
    flag: Rate


@dataclass(frozen=True, slots=True)
class GateLine:
    """False-positive rates on civic posts against other safe posts, at both bands.

    ``source`` is ``all``, or one that has both, where nothing but the topic differs much.
    """

    language: str
    source: str
    review: Gap
    flag: Gap


@dataclass(frozen=True, slots=True)
class TwinLine:
    """Pairs of a risky post and a safe one that shares its words.

    Attributes
    ----------
    both_right : Rate
        Pairs of which the risky post reaches ``review`` and the safe one does not.
    ordered : Rate
        Pairs of which the risky post gets the higher probability.
    """

    language: str
    category: str
    both_right: Rate
    ordered: Rate


@dataclass(frozen=True, slots=True)
class Overblocking:
    """Safe posts raised, by group and overall; ``worst`` is the worst group a language."""

    groups: tuple[SafeLine, ...]
    overall: tuple[SafeLine, ...]
    worst: tuple[SafeLine, ...]


def is_civic(kind: str) -> bool:
    """Tell whether a post of this kind is about public affairs.

    >>> is_civic("news: politics"), is_civic("protected: criticism_of_authority")
    (True, True)
    >>> is_civic("news: sports")
    False
    """
    return kind.rpartition(":")[2].strip().casefold().replace("_", " ") in CIVIC


def _reached(banded: Banded, mask: Mask) -> tuple[Rate, Rate]:
    strongest = banded.bands[mask].max(axis=1, initial=0)
    return Rate.of(strongest >= 1), Rate.of(strongest >= 2)  # noqa: PLR2004 - the band of flag


def measure_overblocking(sample: Sample, banded: Banded) -> Overblocking:
    """Measure safe posts by language, source and kind.

    The worst group of a language is the one whose interval at ``review`` starts highest, so
    that a handful of posts by chance is not.
    """
    safe = sample.safe
    languages, sources = sample.column("languages"), sample.column("sources")
    kinds = sample.column("kinds")
    keys = set(zip(languages[safe], sources[safe], kinds[safe], strict=True))
    groups = []
    for language, source, kind in sorted((str(a), str(b), str(c)) for a, b, c in keys):
        mask = safe & (languages == language) & (sources == source) & (kinds == kind)
        groups.append(SafeLine(language, source, kind, *_reached(banded, mask)))
    spoken = sorted({group.language for group in groups})
    overall = tuple(
        SafeLine(lang, _EVERY, _EVERY, *_reached(banded, safe & (languages == lang)))
        for lang in spoken
    )
    worst = tuple(
        max((g for g in groups if g.language == lang), key=lambda g: (g.review.low, g.review.rate))
        for lang in spoken
    )
    return Overblocking(tuple(groups), overall, worst)


def measure_gate(sample: Sample, banded: Banded) -> tuple[GateLine, ...]:
    """Measure safe civic posts against other safe posts, per language and per source.

    A source is a line of its own when it has at least 20 of each.
    """
    civic = np.array([is_civic(kind) for kind in sample.kinds], dtype=bool)
    languages, sources = sample.column("languages"), sample.column("sources")
    lines = []
    for language in np.unique(languages[sample.safe]).tolist():
        spoken = sample.safe & (languages == language)
        names = np.unique(sources[spoken]).tolist()
        parts = [(_EVERY, spoken, 1), *((n, spoken & (sources == n), _FEWEST) for n in names)]
        for source, mask, fewest in parts if len(names) > 1 else parts[:1]:
            first, second = mask & civic, mask & ~civic
            if min(first.sum(), second.sum()) >= fewest:
                pairs = zip(_reached(banded, first), _reached(banded, second), strict=True)
                lines.append(GateLine(language, source, *(rate_gap(a, b) for a, b in pairs)))
    return tuple(lines)


def _paired(sample: Sample, column: int, names: npt.NDArray[np.str_]) -> Mask:
    """Find the posts in groups of one risky post and one look-alike."""
    kinds, labels = sample.column("kinds"), sample.labels[:, column]
    risky = (kinds == POSITIVE) & (labels == 1)
    safe = (kinds == LOOKALIKE) & (labels == 0)
    _, which = np.unique(names, return_inverse=True)
    ones = [np.bincount(which, mask, len(names))[which] == 1 for mask in (risky, safe)]
    return np.asarray((risky | safe) & ones[0] & ones[1])


def measure_twins(sample: Sample, banded: Banded) -> tuple[TwinLine, ...]:
    """Measure functional twins: groups of one ``positive`` post and one ``lookalike``."""
    lines = []
    languages = sample.column("languages")
    names = np.char.add(np.char.add(sample.column("sources"), "\n"), sample.column("groups"))
    for column, category in enumerate(sample.categories):
        paired = _paired(sample, column, names)
        for language in np.unique(languages[paired]).tolist():
            mask = paired & (languages == language)
            reached = (banded.bands[mask, column] >= 1).astype(float)
            positive = sample.labels[mask, column] == 1
            pairs = names[mask].tolist()
            both, _ = twins_right(reached, 1.0, pairs, positive)
            _, ordered = twins_right(banded.probabilities[mask, column], 1.0, pairs, positive)
            lines.append(TwinLine(language, category, both, ordered))
    return tuple(sorted(lines, key=lambda line: line.language))
