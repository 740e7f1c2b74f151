"""From labelled posts to a model folder with an honest card."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from postrisk.columns import Columns
from postrisk.corpora import CATEGORIES, data_folder, fingerprint
from postrisk.errors import LabelError, TableError
from postrisk.evaluation import Mask, Ranking, Rate, rank, rates_by_group, twins_right
from postrisk.grouping import near_duplicate_groups
from postrisk.model import Cutoffs, Floats, RiskModel, sigmoid
from postrisk.recipe import (
    Rows,
    fit,
    make_classifier,
    source_rows,
    training_rows,
    without_copies,
)
from postrisk.sources import SOURCES, source
from postrisk.store import save
from postrisk.tables import open_table
from postrisk.training import UNKNOWN, Labels, LinearCore, RiskClassifier

# Each is left out of training in turn, alone, since sets of one category share no source.
_LEFT_OUT = (("pheme",), ("covid19-rumor",), ("edos",), ("hatemoji-build",), ("automod-nsfw",))
_FEWEST = 20
_LABEL_CELLS = {"": UNKNOWN, "0": 0, "1": 1}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table of figures."""

    split: str
    source: str
    language: str
    category: str
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the card reports."""

    lines: tuple[Line, ...]
    overblocking: dict[str, tuple[Rate, Rate]]
    twins: dict[tuple[str, str], tuple[Rate, Rate]]
    used: dict[str, int]
    authored_only: bool


def _rankings(
    split: str, name: str, rows: Rows, probabilities: Floats, cutoffs: Mapping[str, Cutoffs] | None
) -> list[Line]:
    lines = []
    for column, category in enumerate(CATEGORIES):
        labels = rows.labels[:, column]
        known = labels != UNKNOWN
        positive = labels[known] == 1
        if min(positive.sum(), (~positive).sum()) < _FEWEST:
            continue
        cut = cutoffs[category] if cutoffs else Cutoffs(review=1.0)
        found = rank(positive, probabilities[known, column], cut.review, cut.flag)
        lines.append(Line(split, name, rows.languages[0], category, found))
    return lines


def _left_out_lines(root: Path) -> list[Line]:
    """Train without a source and measure on all of it."""
    lines = []
    for names in _LEFT_OUT:
        train, _ = training_rows(root, leave_out=names)
        classifier = make_classifier()
        features = classifier.make_features()
        core = LinearCore(classifier.C, classifier.max_iter)
        core.fit(features.fit([]).transform(train.texts), train.labels, train.weights)
        for name in names:
            rows = without_copies(source_rows(source(name), root, "evaluation"), of=train)
            scores = sigmoid(core.decision_function(features.transform(rows.texts)))
            lines += _rankings("left out", name, rows, scores, None)
    return lines


def _cross_source(
    model: RiskModel, train: Rows, root: Path
) -> tuple[list[Line], dict[str, tuple[Rate, Rate]]]:
    lines: list[Line] = []
    overblocking: dict[str, tuple[Rate, Rate]] = {}
    for other in SOURCES:
        if other.use != "evaluation":
            continue
        rows = without_copies(source_rows(other, root, "evaluation"), of=train)
        probabilities = model.predict_proba(rows.texts)
        lines += _rankings("never trained on", other.name, rows, probabilities, model.cutoffs)
        if (rows.labels == 0).all():
            overblocking |= _overblocking(model, rows, probabilities, other.name)
    return lines, overblocking


def _raised(model: RiskModel, probabilities: Floats) -> tuple[Mask, Mask]:
    reviews = np.array([model.cutoffs[name].review for name in CATEGORIES])
    flags = [model.cutoffs[name].flag for name in CATEGORIES]
    flagged = np.array([np.inf if flag is None else flag for flag in flags])
    reviewed: Mask = np.any(probabilities >= reviews, axis=1)
    raised: Mask = np.any(probabilities >= flagged, axis=1)
    return reviewed, raised


def _overblocking(
    model: RiskModel, rows: Rows, probabilities: Floats, name: str
) -> dict[str, tuple[Rate, Rate]]:
    groups = [f"{name}: {kind}" for kind in rows.kinds]
    reviewed, flagged = _raised(model, probabilities)
    by_review, by_flag = rates_by_group(reviewed, groups), rates_by_group(flagged, groups)
    return {group: (by_review[group], by_flag[group]) for group in by_review}


def _in_domain(model: RiskModel, test: Rows) -> tuple[list[Line], dict[str, tuple[Rate, Rate]]]:
    lines: list[Line] = []
    overblocking: dict[str, tuple[Rate, Rate]] = {}
    probabilities = model.predict_proba(test.texts)
    sources, languages = np.array(test.sources), np.array(test.languages)
    for name, language in sorted(set(zip(test.sources, test.languages, strict=True))):
        mask = (sources == name) & (languages == language)
        rows = test.take(mask)
        split = "authored twins" if name == "authored" else "same source, other groups"
        lines += _rankings(split, name, rows, probabilities[mask], model.cutoffs)
        safe = (rows.labels == 0).all(axis=1)
        if safe.any():
            label = f"{name} {language}" if name == "authored" else name
            found = _overblocking(model, rows.take(safe), probabilities[mask][safe], label)
            overblocking |= found
    return lines, overblocking


def _twins(model: RiskModel, test: Rows) -> dict[tuple[str, str], tuple[Rate, Rate]]:
    found: dict[tuple[str, str], tuple[Rate, Rate]] = {}
    for language in ("en", "zh"):
        for column, category in enumerate(CATEGORIES):
            prefix = f"authored\0{language}-{category}-"
            rows = test.take(np.array([group.startswith(prefix) for group in test.groups]))
            if len(rows):
                scores = model.predict_proba(rows.texts)[:, column]
                positive = rows.labels[:, column] == 1
                cut = model.cutoffs[category].review
                found[language, category] = twins_right(scores, cut, rows.groups, positive)
    return found


def train_shipped(folder: Path) -> str:
    """Train the shipped model, measure it and write its folder.

    Without the public data sets it learns from the authored corpora alone, and the card says so.
    """
    from postrisk.card import shipped_card  # noqa: PLC0415 - the card needs this module's classes

    root = data_folder()
    train, test = training_rows(root)
    classifier = fit(train, make_classifier())
    model = classifier.model_
    lines, overblocking = _in_domain(model, test)
    if root is not None:
        crossed, safe = _cross_source(model, train, root)
        lines = crossed + _left_out_lines(root) + lines
        overblocking = safe | overblocking
    figures = Figures(
        lines=tuple(lines),
        overblocking=overblocking,
        twins=_twins(model, test),
        used=dict(Counter(train.sources)),
        authored_only=root is None,
    )
    card = shipped_card(model, figures)
    save(model, folder, card=card, data_fingerprint=fingerprint(train.texts, train.labels.tolist()))
    data = "the authored corpora alone (no data folder)" if root is None else "all train-use sets"
    return f"{len(train):,} posts from {data}; {len(test):,} held out; figures in CARD.md"


@dataclass(frozen=True, slots=True)
class Labelled:
    """A user's labelled posts."""

    texts: list[str]
    categories: list[str]
    labels: Labels
    groups: list[str] | None


def read_labelled(path: str | Path, group_column: str | None = None) -> Labelled:
    """Read a CSV file with a text column and a column of 0, 1 or nothing for each category.

    Raises
    ------
    TableError, LabelError
        With the line and what was found.
    """
    texts: list[str] = []
    labels: list[list[int]] = []
    groups: list[str] = []
    with open_table(path) as (file, _, _):
        reader = csv.DictReader(file)
        header = list(reader.fieldnames or ())
        text_column = Columns(header).found["text"]
        categories = [name for name in CATEGORIES if name in header]
        if not categories:
            raise TableError(f"{path}: no column named {', '.join(CATEGORIES)}")
        if group_column is not None and group_column not in header:
            raise TableError(f"{path}: no column {group_column!r} for --group-column")
        for row in reader:
            cells = [(row[name] or "").strip() for name in categories]
            if not set(cells) <= _LABEL_CELLS.keys():
                where = f"{path}: line {reader.line_num}"
                raise LabelError(f"{where}: found {cells}, expected 0, 1 or nothing in each")
            texts.append(row[text_column] or "")
            labels.append([_LABEL_CELLS[cell] for cell in cells])
            groups.append((row[group_column] or "") if group_column else "")
    matrix = np.array(labels, dtype=np.int8).reshape(len(texts), len(categories))
    return Labelled(texts, categories, matrix, groups if group_column else None)


def train_file(
    path: str | Path, folder: Path, group_column: str | None, name: str, version: str
) -> str:
    """Train on a labelled CSV file and write a model folder.

    Without a group column, near-identical posts are held out together.
    """
    from postrisk.card import custom_card  # noqa: PLC0415

    data = read_labelled(path, group_column)
    groups = data.groups if data.groups is not None else near_duplicate_groups(data.texts)
    classifier = RiskClassifier(categories=data.categories, name=name, version=version)
    classifier.fit(data.texts, data.labels, groups=groups)
    card = custom_card(classifier.model_, data.labels, classifier.held_out_)
    key = fingerprint(data.texts, data.labels.tolist())
    save(classifier.model_, folder, card=card, data_fingerprint=key)
    return f"{len(data.texts):,} posts, categories: {', '.join(data.categories)}"
