"""How the shipped models are made: which posts, what is held out, and what is fitted."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from postrisk.annotation import Readings
from postrisk.corpora import CATEGORIES, Example, authored
from postrisk.folding import Index
from postrisk.grouping import near_duplicate_groups
from postrisk.linear import UNKNOWN, Labels
from postrisk.perturb import PERTURBATIONS
from postrisk.registry import Model
from postrisk.sources import SOURCES, Source
from postrisk.training import RiskClassifier
from postrisk.windows import Windowing

MODEL_VERSION = "0.2"
AUTHORED = "authored"
# Kinds of safe posts on which the ceilings hold by themselves, beside all safe posts and beside
# the authored ones, which are the hardest: speech that is protected whatever its words.
PROTECTED_KINDS = (
    "protected", "activism", "news_politics", "crime_war_conflict", "topic tweet", "crisis news",
    "sexual_health_relationships", "opinion", "debate",
)  # fmt: skip
# A second, narrower width of 48 lost AUC wherever posts are long (docs/quality.md).
WINDOWING = Windowing(widths=(128,))
# Ceilings hold for each of four categories; 2 % keeps safe posts reviewed in any near 5 %.
REVIEW_CEILING = 0.02
# Weights of 3 and 10 differ little on sets never trained on (docs/quality.md): 5 is between.
AUTHORED_WEIGHT = 5.0
_HELD_OUT_PERCENT = 20
_DISGUISES = [rewrite for rewrite in PERTURBATIONS.values() if not rewrite.invariant]
_SHARES = (0.1, 0.2, 0.35, 0.5)
_NOISE = re.compile(r"https?://\S+|(?<!\w)@\w+|^RT\b:?|\[(?:USER|URL)\]|&\w+;")
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Labelled posts as arrays.

    Attributes
    ----------
    texts : list of str
    labels : ndarray of int8, shape (n_posts, n_categories)
    groups, kinds, sources, languages : list of str
    weights : ndarray of float64, shape (n_posts,)
    learnable : ndarray of bool, shape (n_posts,)
        Of a source that the model may learn from.
    held_out : ndarray of bool, shape (n_posts,)
        Kept from training for the figures of its own source.
    copies : ndarray of int64, shape (n_posts,)
        Near-identical posts share a number.
    """

    texts: list[str]
    labels: Labels
    groups: list[str]
    kinds: list[str]
    sources: list[str]
    languages: list[str]
    weights: npt.NDArray[np.float64]
    learnable: Mask
    held_out: Mask
    copies: Index

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, mask: Mask) -> Rows:
        """Give the rows where ``mask`` is true."""
        return self.pick(np.flatnonzero(mask))

    def pick(self, keep: Index) -> Rows:
        """Give the rows of these numbers, in their order."""
        return Rows(
            texts=[self.texts[i] for i in keep],
            labels=self.labels[keep],
            groups=[self.groups[i] for i in keep],
            kinds=[self.kinds[i] for i in keep],
            sources=[self.sources[i] for i in keep],
            languages=[self.languages[i] for i in keep],
            weights=self.weights[keep],
            learnable=self.learnable[keep],
            held_out=self.held_out[keep],
            copies=self.copies[keep],
        )


@dataclass(frozen=True)
class Split:
    """What a model may learn from and what it is measured on.

    Attributes
    ----------
    train, test : Rows
        ``test`` holds held-out groups of the training sources and held-out authored posts.
    unseen : mapping of str to Rows
        Sources of which no row is in ``train``.
    removed : mapping of str to int
        Training rows of each source dropped because a near-copy is in ``test`` or ``unseen``.
    copied : mapping of (str, str) to int
        The same by pairs of sources: the training one, and one that holds a near-copy. A row
        with copies in several counts for each.
    """

    train: Rows
    test: Rows
    unseen: Mapping[str, Rows]
    removed: Mapping[str, int]
    copied: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class _Item:
    """One post on its way into `Rows`."""

    source: str
    language: str
    weight: float
    learnable: bool
    held_out: bool
    example: Example


def clean(text: str) -> str:
    """Take links, mentions and repost marks out of a training text.

    They tell the source, not the risk, so a model must not learn them; posts are scored as
    they are.

    >>> clean("RT @ann: see https://a.example")
    ': see'
    """
    return _NOISE.sub(" ", text).strip() or text


def is_test_group(source: str, group: str, percent: int = _HELD_OUT_PERCENT) -> bool:
    """Tell whether a group of a training source is held out for the in-domain figures."""
    return zlib.crc32(f"{source}\0{group}".encode("utf-8", "surrogatepass")) % 100 < percent


def _source_items(
    source: Source, root: Path, model: Model, readings: Readings | None
) -> list[_Item]:
    learns = source.learns(model, readings)
    percent = source.card.held_out_percent if learns else 0
    return [
        _Item(
            source.name,
            source.language,
            source.weight,
            learns,
            is_test_group(source.name, example.group, percent),
            example,
        )
        for example in source.examples(root, model if learns else "evaluation", readings)
        if example.labels
    ]


def _authored_items() -> list[_Item]:
    return [
        _Item(
            source=AUTHORED,
            language=language,
            weight=AUTHORED_WEIGHT,
            learnable=True,
            held_out=split == "test",
            example=example,
        )
        for split in ("train", "test")
        for language, example in authored(split)
    ]


def all_rows(root: Path | None, model: Model = "base", readings: Readings | None = None) -> Rows:
    """Give every row of every source, with exact copies within a source left out.

    Posts without any label are left out. A source that the model may not learn from, or that
    has nothing to teach it, is there to measure on.

    Parameters
    ----------
    root : Path or None
        The folder of the public data sets; the authored corpora alone when None.
    model : {"base", "research"}
        Whose licences count.
    readings : Readings, optional
        Labels by reading; those that come with the package by default.
    """
    items = _authored_items()
    if root is not None:
        for source in SOURCES:
            items += _source_items(source, root, model, readings)
    seen: set[tuple[str, str]] = set()
    kept: list[_Item] = []
    texts: list[str] = []
    for item in items:
        key = (item.source, clean(item.example.text))
        if key not in seen:
            seen.add(key)
            kept.append(item)
            texts.append(key[1])
    labels = [[item.example.labels.get(name, UNKNOWN) for name in CATEGORIES] for item in kept]
    return Rows(
        texts=texts,
        labels=np.array(labels, dtype=np.int8),
        groups=[f"{item.source}\0{item.example.group}" for item in kept],
        kinds=[item.example.kind for item in kept],
        sources=[item.source for item in kept],
        languages=[item.language for item in kept],
        weights=np.array([item.weight for item in kept]),
        learnable=np.array([item.learnable for item in kept], dtype=bool),
        held_out=np.array([item.held_out for item in kept], dtype=bool),
        copies=near_duplicate_groups(texts),
    )


def split_rows(rows: Rows, leave_out: Collection[str] = ()) -> Split:
    """Split all rows so that training shares no group and no near-copy with anything else.

    Parameters
    ----------
    rows : Rows
        From `all_rows`.
    leave_out : collection of str
        Training sources to treat as unseen.
    """
    sources = np.array(rows.sources)
    unseen = ~rows.learnable | np.isin(sources, sorted(leave_out))
    test = rows.held_out & ~unseen
    train = ~unseen & ~test
    dropped = train & np.isin(rows.copies, rows.copies[unseen | test])
    names = sorted(set(sources[unseen].tolist()))
    return Split(
        train=rows.take(train & ~dropped),
        test=rows.take(test),
        unseen={name: rows.take(sources == name) for name in names},
        removed=Counter(sources[dropped].tolist()),
        copied=_copied(rows, dropped, unseen | test),
    )


def _copied(rows: Rows, dropped: Mask, kept: Mask) -> Counter[tuple[str, str]]:
    holders: dict[int, set[str]] = {}
    for i in np.flatnonzero(kept).tolist():
        holders.setdefault(int(rows.copies[i]), set()).add(rows.sources[i])
    return Counter(
        (rows.sources[i], holder)
        for i in np.flatnonzero(dropped).tolist()
        for holder in holders[int(rows.copies[i])]
    )


def joined_groups(rows: Rows) -> Index:
    """Merge groups that share near-copies and number them; shape (n_posts,)."""
    _, names = np.unique(rows.groups, return_inverse=True)
    _, copies = np.unique(rows.copies, return_inverse=True)
    size = int(names.max()) + 1
    links = csr_matrix(
        (np.ones(len(names), dtype=bool), (names, copies + size)),
        shape=(size + int(copies.max()) + 1,) * 2,
    )
    _, components = connected_components(links, directed=False)
    return np.asarray(components[names], dtype=np.int64)


def make_classifier(model: Model = "base", **parameters: Any) -> RiskClassifier:
    """Give the estimator with a shipped model's parameters."""
    chosen = {
        "name": f"postrisk-{model}",
        "version": MODEL_VERSION,
        "idf": True,
        "windowing": WINDOWING,
        "review_ceiling": REVIEW_CEILING,
    }
    return RiskClassifier(**{**chosen, **parameters})


def with_disguises(rows: Rows) -> Rows:
    """Append a rewritten copy of each authored post and of each post that has a category.

    Which of the rewritings that folding does not undo, and how much of the text it changes, is
    told by a hash of the text. Safe posts are rewritten too, so that a disguise by itself
    speaks for nothing. A copy is in the group of its post and weighs half as much.

    Examples
    --------
    >>> rows = all_rows(None)
    >>> rewritten = with_disguises(rows)
    >>> len(rows) < len(rewritten) <= 2 * len(rows)
    True
    """
    chosen, texts = [], []
    for index in range(len(rows)):
        if rows.sources[index] != AUTHORED and not (rows.labels[index] == 1).any():
            continue
        text = rows.texts[index]
        number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
        for turn in range(len(_DISGUISES)):
            rewrite = _DISGUISES[(number + turn) % len(_DISGUISES)]
            changed = rewrite(text, share=_SHARES[number // 97 % len(_SHARES)])
            if changed != text:
                chosen.append(index)
                texts.append(changed)
                break
    order = np.concatenate((np.arange(len(rows)), np.array(chosen, dtype=np.int64)))
    both = rows.pick(order)
    weights = both.weights.copy()
    weights[len(rows) :] /= 2
    return replace(both, texts=[*rows.texts, *texts], weights=weights)


def fit(rows: Rows, classifier: RiskClassifier) -> RiskClassifier:
    """Fit on training rows, with the ceilings held on protected speech by itself too.

    Probabilities are calibrated for the posts as they come: neither the weight that authored
    posts have while learning nor rewritten copies make a category look more common than it is.
    """
    learnt = with_disguises(rows)
    return classifier.fit(
        learnt.texts,
        learnt.labels,
        groups=joined_groups(learnt),
        sample_weight=learnt.weights,
        calibration_weight=(np.arange(len(learnt)) < len(rows)).astype(float),
        safe_groups=[
            np.isin(learnt.kinds, PROTECTED_KINDS),
            np.array(learnt.sources) == AUTHORED,
        ],
    )
