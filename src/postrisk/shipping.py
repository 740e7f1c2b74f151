"""From labelled posts to a model folder with an honest card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from postrisk.card import custom_card, shipped_card
from postrisk.columns import Columns
from postrisk.corpora import CATEGORIES, data_folder, fingerprint
from postrisk.errors import LabelError, TableError
from postrisk.figures import hold_back, measure
from postrisk.grouping import near_duplicate_groups
from postrisk.linear import UNKNOWN, Labels
from postrisk.recipe import all_rows, fit, make_classifier, split_rows
from postrisk.registry import Model
from postrisk.rows import Lines, Rejected, open_table, read_header, records
from postrisk.store import save
from postrisk.training import RiskClassifier

_LABEL_CELLS = {"": UNKNOWN, "0": 0, "1": 1}


def train_shipped(folder: Path, model: Model = "base") -> str:
    """Train a shipped model, measure it and write its folder.

    Without the public data sets it learns from the authored corpora alone, and the card says so.

    Parameters
    ----------
    folder : Path
    model : {"base", "research"}
        Whose licences count, see `postrisk.registry`.
    """
    root = data_folder()
    rows = all_rows(root, model)
    split = split_rows(rows)
    trained = hold_back(fit(split.train, make_classifier(model)).model_, split)
    card = shipped_card(trained, measure(trained, rows, split))
    key = fingerprint(split.train.texts, split.train.labels.tolist())
    save(trained, folder, card=card, data_fingerprint=key)
    removed = sum(split.removed.values())
    data = "the authored corpora alone (no data folder)" if root is None else "all train-use sets"
    return (
        f"{len(split.train):,} posts from {data}; {len(split.test):,} held out,"
        f" {removed:,} near-copies of held-out posts removed; figures in CARD.md"
    )


@dataclass(frozen=True, slots=True)
class Labelled:
    """A user's labelled posts; ``extras`` holds further columns, those that were there."""

    texts: list[str]
    categories: list[str]
    labels: Labels
    groups: list[str] | None
    extras: dict[str, list[str]] = field(default_factory=dict)


def read_labelled(
    path: str | Path, group_column: str | None = None, extras: Sequence[str] = ()
) -> Labelled:
    """Read a CSV file with a text column and a column of 0, 1 or nothing for each category.

    The columns named in ``extras`` are read too where the file has them.

    Raises
    ------
    TableError, LabelError
        With the line and what was found.
    """
    texts: list[str] = []
    labels: list[list[int]] = []
    groups: list[str] = []
    with open_table(path) as (file, _, _):
        lines = Lines(file)
        header, delimiter = read_header(lines, path, None)
        try:
            text_column = header.index(Columns(header).found["text"])
        except TableError as error:
            raise TableError(f"{path}: {error}") from None
        categories = [name for name in CATEGORIES if name in header]
        if not categories:
            raise TableError(f"{path}: no column named {', '.join(CATEGORIES)}")
        if group_column is not None and group_column not in header:
            raise TableError(f"{path}: no column {group_column!r} for --group-column")
        kept = {name: header.index(name) for name in extras if name in header}
        further: dict[str, list[str]] = {name: [] for name in kept}
        label_columns = [header.index(name) for name in categories]
        for row in records(lines, delimiter, len(header)):
            where = f"{path}: line {lines.start}"
            if isinstance(row, Rejected):
                raise TableError(f"{where}: {row.reason}")
            cells = [row[column].strip() for column in label_columns]
            if not set(cells) <= _LABEL_CELLS.keys():
                raise LabelError(f"{where}: found {cells}, expected 0, 1 or nothing in each")
            texts.append(row[text_column])
            labels.append([_LABEL_CELLS[cell] for cell in cells])
            groups.append(row[header.index(group_column)] if group_column else "")
            for name, column in kept.items():
                further[name].append(row[column].strip())
    matrix = np.array(labels, dtype=np.int8).reshape(len(texts), len(categories))
    return Labelled(texts, categories, matrix, groups if group_column else None, further)


def train_file(
    path: str | Path, folder: Path, group_column: str | None, name: str, version: str
) -> str:
    """Train on a labelled CSV file and write a model folder.

    Without a group column, near-identical posts are held out together.
    """
    data = read_labelled(path, group_column)
    groups = data.groups if data.groups is not None else near_duplicate_groups(data.texts)
    classifier = RiskClassifier(categories=data.categories, name=name, version=version)
    classifier.fit(data.texts, data.labels, groups=groups)
    card = custom_card(classifier.model_, data.labels, classifier.held_out_)
    key = fingerprint(data.texts, data.labels.tolist())
    save(classifier.model_, folder, card=card, data_fingerprint=key)
    return f"{len(data.texts):,} posts, categories: {', '.join(data.categories)}"
