"""Files of data sets to records, each with the name of its row; and a few label shorthands."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Literal, TypeVar

from postrisk.corpora import NOTHING, Known

T = TypeVar("T")


def open_text(path: Path) -> IO[str]:
    """Open a text file, gzipped or not; bytes that are not UTF-8 become U+FFFD."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def table(
    path: Path, delimiter: str = ",", *, quoted: bool = True
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield ``file:record number`` and the record, for each after the header."""
    csv.field_size_limit(sys.maxsize)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with open_text(path) as file:
        reader = csv.DictReader(file, delimiter=delimiter, quoting=quoting)
        yield from numbered(path.name, reader)


def objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield ``file:record number`` and the object of each line of JSON."""
    with open_text(path) as file:
        yield from numbered(path.name, (json.loads(line) for line in file if line.strip()))


def lines(path: Path, name: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield ``file:line number`` and each line."""
    yield from numbered(name or path.name, path.read_text("utf-8").splitlines())


def numbered(name: str, records: Iterable[T]) -> Iterator[tuple[str, T]]:
    """Name records by a file and their number.

    >>> list(numbered("a.csv", "xy"))
    [('a.csv:1', 'x'), ('a.csv:2', 'y')]
    """
    for number, record in enumerate(records, 1):
        yield f"{name}:{number}", record


def only(category: str, *, positive: bool) -> Known:
    """Give labels for one category, the others being 0."""
    return {**NOTHING, category: int(positive)}


def without(*categories: str) -> Known:
    """Give 0 for every category but some, which are unknown.

    >>> without("violence", "rumor")
    {'terrorism': 0, 'pornography': 0}
    """
    return {name: 0 for name in NOTHING if name not in categories}
