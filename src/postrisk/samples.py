"""Labelled posts to measure a model on, and what the model says of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from postrisk.corpora import CATEGORIES, authored
from postrisk.errors import InputError, LabelError
from postrisk.evaluation import Mask
from postrisk.linear import Labels
from postrisk.model import Floats, RiskModel, round_scores
from postrisk.recipe import AUTHORED, Split
from postrisk.scorer import Scorer
from postrisk.store import load
from postrisk.training import RiskClassifier, texts_languages

if TYPE_CHECKING:
    from postrisk.recipe import Rows

CROSS, OWN, SAME, TWINS = (
    "never trained on",
    "your own posts",
    "same source, other groups",
    "authored twins",
)
SPLITS = (CROSS, OWN, SAME, TWINS)
LANGUAGES = ("en", "zh")
POSITIVE, LOOKALIKE = "positive", "lookalike"
_LISTS = ("texts", "splits", "sources", "groups", "kinds", "languages")


@dataclass(frozen=True, eq=False)
class Sample:
    """Labelled posts, one entry of each list a post.

    Attributes
    ----------
    categories : tuple of str
        Those that the labels tell about.
    labels : ndarray of int8, shape (n_posts, n_categories)
        1, 0, or -1 where it is not known.
    splits : list of str
        How far a post is from what the model learnt: one of `SPLITS`.
    sources, groups, kinds, languages : list of str
        Where it is from; what must not be split; what it is; ``en``, ``zh`` or other.
    """

    texts: list[str]
    categories: tuple[str, ...]
    labels: Labels
    splits: list[str]
    sources: list[str]
    groups: list[str]
    kinds: list[str]
    languages: list[str]

    def __post_init__(self) -> None:
        n = len(self.texts)
        if self.labels.shape != (n, len(self.categories)):
            expected = (n, len(self.categories))
            raise LabelError(f"labels: found shape {self.labels.shape}, expected {expected}")
        for name in _LISTS:
            if len(getattr(self, name)) != n:
                raise LabelError(f"{name}: found {len(getattr(self, name))}, expected {n}")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def risky(self) -> Mask:
        """Posts that have a category."""
        return np.asarray((self.labels == 1).any(axis=1))

    @property
    def safe(self) -> Mask:
        """Posts known to have none."""
        return np.asarray((self.labels == 0).all(axis=1))

    def column(self, name: str) -> npt.NDArray[np.str_]:
        """Give one of the lists as an array."""
        return np.array(getattr(self, name), dtype=str)

    def take(self, mask: Mask) -> Sample:
        """Give the posts where ``mask`` is true."""
        keep = np.flatnonzero(mask)
        lists: dict[str, Any] = {}
        for name in _LISTS:
            column = getattr(self, name)
            lists[name] = [column[index] for index in keep]
        return replace(self, labels=self.labels[keep], **lists)


def make_sample(
    texts: Sequence[str],
    labels: Any,
    categories: Sequence[str] = CATEGORIES,
    **columns: Sequence[str] | None,
) -> Sample:
    """Give a sample of your own posts.

    Parameters
    ----------
    texts : sequence of str
    labels : array-like of int, shape (n_posts, n_categories)
        1, 0, or -1 where it is not known.
    categories : sequence of str
    **columns : sequence of str, optional
        Any of ``sources``, ``groups``, ``kinds`` and ``languages``. An empty language is told
        from the script, an empty group is the post by itself.

    Examples
    --------
    >>> sample = make_sample(["soup"], [[0]], ["violence"], kinds=["food"])
    >>> sample.languages, sample.kinds, sample.splits
    (['en'], ['food'], ['your own posts'])
    """
    texts = list(texts)
    given = {name: list(column) for name, column in columns.items() if column is not None}
    told = texts_languages(texts)
    spoken = given.get("languages", [""] * len(texts))
    groups = given.get("groups", [""] * len(texts))
    return Sample(
        texts=texts,
        categories=tuple(categories),
        labels=np.asarray(labels, dtype=np.int8).reshape(len(texts), -1),
        splits=[OWN] * len(texts),
        sources=[source or "yours" for source in given.get("sources", ["yours"] * len(texts))],
        groups=[group or f"post {index}" for index, group in enumerate(groups)],
        kinds=given.get("kinds", [""] * len(texts)),
        languages=[cell or script for cell, script in zip(spoken, told, strict=False)],
    )


def _kind(kind: str, group: str) -> str:
    """Name the group of a protected post too; authored groups are its topic."""
    return f"protected: {group.rpartition(chr(0))[2]}" if kind == "protected" else kind


def authored_sample() -> Sample:
    """Give the authored test split, which comes with the package."""
    found = list(authored("test"))
    return Sample(
        texts=[example.text for _, example in found],
        categories=CATEGORIES,
        labels=np.array([[e.labels[name] for name in CATEGORIES] for _, e in found], np.int8),
        splits=[TWINS] * len(found),
        sources=[AUTHORED] * len(found),
        groups=[example.group for _, example in found],
        kinds=[_kind(example.kind, example.group) for _, example in found],
        languages=[language for language, _ in found],
    )


def _of_rows(rows: Rows, split: str) -> Sample:
    return Sample(
        texts=rows.texts,
        categories=CATEGORIES,
        labels=rows.labels,
        splits=[TWINS if source == AUTHORED else split for source in rows.sources],
        sources=rows.sources,
        groups=rows.groups,
        kinds=[_kind(k, g) for k, g in zip(rows.kinds, rows.groups, strict=True)],
        languages=rows.languages,
    )


def split_sample(split: Split) -> Sample:
    """Give everything that the recipe keeps from training, sets never trained on first."""
    parts = [_of_rows(rows, CROSS) for rows in split.unseen.values()]
    parts.append(_of_rows(split.test, SAME))
    labels = np.concatenate([part.labels for part in parts])
    lists = {name: [cell for part in parts for cell in getattr(part, name)] for name in _LISTS}
    return Sample(categories=CATEGORIES, labels=labels, **lists)


@dataclass(frozen=True, eq=False)
class Banded:
    """What a model says of posts.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_posts, n_categories)
        Rounded as they are shown.
    bands : ndarray of int8, shape (n_posts, n_categories)
        0 for ``pass``, 1 for ``review``, 2 for ``flag``.
    """

    probabilities: Floats
    bands: npt.NDArray[np.int8]

    def take(self, mask: Mask) -> Banded:
        """Give what it says of the posts where ``mask`` is true."""
        return Banded(self.probabilities[mask], self.bands[mask])


def as_model(model: RiskModel | RiskClassifier | Scorer | str | Path | None) -> RiskModel:
    """Give the model behind whatever holds one; the shipped one for None."""
    if isinstance(model, Scorer):
        return model.model
    if isinstance(model, RiskClassifier):
        return model.model_
    return model if isinstance(model, RiskModel) else load(model)


def band(model: RiskModel, texts: Sequence[str], categories: Sequence[str]) -> Banded:
    """Score posts as `Scorer` does, and keep numbers alone.

    Raises
    ------
    InputError
        When the model does not have one of the categories.
    """
    missing = sorted(set(categories) - set(model.categories))
    if missing:
        known = ", ".join(model.categories)
        raise InputError(f"categories: found {', '.join(missing)}; the model has {known}")
    columns = [model.categories.index(name) for name in categories]
    probabilities = round_scores(model.predict_proba(texts))[:, columns]
    languages = np.array(texts_languages(texts), dtype=str)
    bands = np.zeros(probabilities.shape, dtype=np.int8)
    for language in np.unique(languages).tolist():
        spoken = languages == language
        for column, name in enumerate(categories):
            cut = model.cutoffs[name].of(language)
            for cutoff in (cut.review, np.inf if cut.flag is None else cut.flag):
                bands[spoken, column] += probabilities[spoken, column] >= cutoff
    return Banded(probabilities, bands)


def first_by_hash(sample: Sample, mask: Mask, most: int) -> npt.NDArray[np.int64]:
    """Choose at most so many posts of each language, the same ones on every run."""
    chosen: list[int] = []
    for language in sorted(set(sample.languages)):
        places = np.flatnonzero(mask & (sample.column("languages") == language)).tolist()
        keys = {i: zlib.crc32(sample.texts[i].encode("utf-8", "surrogatepass")) for i in places}
        chosen += sorted(places, key=lambda index: (keys[index], sample.texts[index]))[:most]
    return np.array(sorted(chosen), dtype=np.int64)


def found_risky(sample: Sample, banded: Banded) -> tuple[npt.NDArray[np.int64], Mask]:
    """Give each post's strongest category among those that it has, and whether it is raised.

    Returns
    -------
    strongest : ndarray of int64, shape (n_posts,)
        A column; 0 where the post has no category.
    found : ndarray of bool, shape (n_posts,)
    """
    has = sample.labels == 1
    strength = np.where(has, 2 * banded.bands + banded.probabilities, -1.0)
    strongest = strength.argmax(axis=1).astype(np.int64)
    raised = np.take_along_axis(banded.bands, strongest[:, np.newaxis], axis=1)[:, 0] > 0
    return strongest, sample.risky & raised


def calm_safe(sample: Sample, banded: Banded) -> Mask:
    """Give the safe posts that pass in every category."""
    return np.asarray(sample.safe & (banded.bands == 0).all(axis=1))
