"""How the shipped model is made: which posts, what is held out, and what is fitted."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from postrisk.corpora import CATEGORIES, Example, Source, Use, authored
from postrisk.folding import fold_batch
from postrisk.model import batches
from postrisk.sources import SOURCES
from postrisk.training import UNKNOWN, Labels, RiskClassifier

MODEL_NAME = "postrisk-base"
MODEL_VERSION = "0.1"
AUTHORED_WEIGHT = 3.0
_TEST_SHARE = 20
_NOISE = re.compile(r"https?://\S+|(?<!\w)@\w+|^RT\b:?|\[(?:USER|URL)\]|&\w+;")


@dataclass(frozen=True)
class Rows:
    """Labelled posts as arrays.

    Attributes
    ----------
    texts : list of str
    labels : ndarray of int8, shape (n_posts, n_categories)
    groups, kinds, sources, languages : list of str
    weights : ndarray of float64, shape (n_posts,)
    """

    texts: list[str]
    labels: Labels
    groups: list[str]
    kinds: list[str]
    sources: list[str]
    languages: list[str]
    weights: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """Give the rows where ``mask`` is true."""
        keep = np.flatnonzero(mask)
        lists = (self.texts, self.groups, self.kinds, self.sources, self.languages)
        texts, groups, kinds, sources, languages = ([part[i] for i in keep] for part in lists)
        labels, weights = self.labels[keep], self.weights[keep]
        return Rows(texts, labels, groups, kinds, sources, languages, weights)


def clean(text: str) -> str:
    """Take links, mentions and repost marks out of a training text.

    They tell the source, not the risk, so a model must not learn them; posts are scored as
    they are.

    >>> clean("RT @ann: see https://a.example &amp; run")
    ': see   run'
    """
    return _NOISE.sub(" ", text).strip() or text


def is_test_group(source: str, group: str) -> bool:
    """Tell whether a group of a training source is held out for the in-domain figures."""
    return zlib.crc32(f"{source}\0{group}".encode("utf-8", "surrogatepass")) % 100 < _TEST_SHARE


def _rows(items: Sequence[tuple[str, str, float, Example]]) -> Rows:
    labels = [[e.labels.get(name, UNKNOWN) for name in CATEGORIES] for *_, e in items]
    return Rows(
        texts=[clean(e.text) for *_, e in items],
        labels=np.array(labels, dtype=np.int8).reshape(len(items), len(CATEGORIES)),
        groups=[f"{name}\0{e.group}" for name, _, _, e in items],
        kinds=[e.kind for *_, e in items],
        sources=[name for name, *_ in items],
        languages=[language for _, language, _, _ in items],
        weights=np.array([weight for _, _, weight, _ in items]),
    )


def authored_rows(split: str) -> Rows:
    """Give the authored posts of ``train`` or ``test``."""
    items = [
        ("authored", language, AUTHORED_WEIGHT, example)
        for language, example in authored("train" if split == "train" else "test")
    ]
    return _rows(items)


def source_rows(source: Source, root: Path, purpose: Use) -> Rows:
    """Give the rows of one public source."""
    examples = source.examples(root, purpose)
    return _rows([(source.name, source.language, source.weight, example) for example in examples])


def join(parts: Sequence[Rows]) -> Rows:
    """Put rows end to end."""
    return Rows(
        texts=[t for part in parts for t in part.texts],
        labels=np.concatenate([part.labels for part in parts]),
        groups=[g for part in parts for g in part.groups],
        kinds=[k for part in parts for k in part.kinds],
        sources=[s for part in parts for s in part.sources],
        languages=[x for part in parts for x in part.languages],
        weights=np.concatenate([part.weights for part in parts]),
    )


def folded_keys(texts: Sequence[str]) -> list[str]:
    """Give each text folded, without blanks and signs, as a key for copies."""
    keys = []
    for part in batches(texts):
        folded = fold_batch(part)
        keys += ["".join(filter(str.isalnum, folded.text(i))) for i in range(len(folded))]
    return keys


def without_copies(rows: Rows, of: Rows | None = None) -> Rows:
    """Drop rows whose folded text came before, in ``rows`` or in ``of``."""
    seen = set(folded_keys(of.texts)) if of is not None else set()
    kept = []
    for key in folded_keys(rows.texts):
        kept.append(key not in seen)
        seen.add(key)
    return rows.take(np.array(kept, dtype=bool))


def training_rows(root: Path | None, leave_out: Sequence[str] = ()) -> tuple[Rows, Rows]:
    """Give the training rows and the in-domain test rows, which share no group and no copy."""
    train, test = [authored_rows("train")], [authored_rows("test")]
    for source in SOURCES:
        if root is None or source.use != "train" or source.name in leave_out:
            continue
        rows = source_rows(source, root, "train")
        groups = (group.split("\0", 1)[1] for group in rows.groups)
        held_out = np.array(
            [not source.official_test and is_test_group(source.name, group) for group in groups]
        )
        train.append(rows.take(~held_out))
        test.append(rows.take(held_out))
    tests = without_copies(join(test))
    return without_copies(join(train), of=tests), tests


def make_classifier(**parameters: Any) -> RiskClassifier:
    """Give the estimator with the shipped model's parameters."""
    return RiskClassifier(**{"name": MODEL_NAME, "version": MODEL_VERSION, **parameters})


def fit(rows: Rows, classifier: RiskClassifier) -> RiskClassifier:
    """Fit on training rows, with the ceilings held per language and on protected speech."""
    languages, kinds = np.array(rows.languages), np.array(rows.kinds)
    masks = [languages == "en", languages == "zh", np.isin(kinds, ("protected", "lookalike"))]
    return classifier.fit(
        rows.texts,
        rows.labels,
        groups=rows.groups,
        sample_weight=rows.weights,
        safe_groups=[mask for mask in masks if mask.any()],
    )
