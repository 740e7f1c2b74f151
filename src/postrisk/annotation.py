"""Labels by reading: what readers said of single posts, and how far two of them agree.

``datasets/annotation/labels.csv`` holds a key of the text, codes and a kind for each post that
was read under ``GUIDE.md``; the text itself is not kept.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from postrisk.assets import asset
from postrisk.corpora import Known
from postrisk.errors import DataError, shorten

COLUMNS = ("source", "row", "sha256", "codes", "kind", "pass")
PASSES = ("first", "second", "decided")
UNJUDGEABLE = "?"
CODES: Mapping[str, str] = {
    "r": "rumor",
    "v": "violence",
    "t": "terrorism",
    "p": "pornography",
}
_RESAMPLES = 2000
_SHAPES = {
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "codes": re.compile(r"0|\?|[vtprVTPR]{1,4}"),
    "kind": re.compile(r"[a-z]+"),
}
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader said of one post.

    Attributes
    ----------
    codes : str
        Letters of `CODES`, a capital where a colleague could well disagree; ``0`` or ``?``.
    kind : str
    """

    codes: str
    kind: str

    @property
    def judgeable(self) -> bool:
        """Whether the reader could tell."""
        return self.codes != UNJUDGEABLE

    def says(self, category: str) -> bool:
        """Tell whether the post is of a category, clearly or arguably.

        >>> Reading("vT", "praise").says("terrorism")
        True
        """
        return any(CODES[letter] == category for letter in self.codes.lower() if letter in CODES)


@dataclass(frozen=True, slots=True)
class Record:
    """One line of ``labels.csv``."""

    source: str
    row: str
    sha256: str
    reading: Reading
    turn: str
    line: int

    @property
    def key(self) -> Key:
        """What identifies the post: its set and the SHA-256 of its text."""
        return self.source, self.sha256


def text_key(text: str) -> str:
    """Give the SHA-256 of a text, as ``labels.csv`` holds it.

    >>> text_key("soup")[:8]
    '9014fac8'
    """
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Readings:
    """The final reading of each post that was read.

    Parameters
    ----------
    records : iterable of Record
        A ``decided`` line overrides a ``first`` one; a ``second`` one only measures agreement.

    Raises
    ------
    DataError
        When one pass reads the same text of a set in two ways and no line decides.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        decided: dict[Key, Record] = {}
        first: dict[Key, Record] = {}
        unclear: list[tuple[Record, Record]] = []
        for record in records:
            final = {"decided": decided, "first": first}.get(record.turn)
            if final is not None:
                before = final.setdefault(record.key, record)
                if before.reading.codes != record.reading.codes:
                    unclear.append((before, record))
        for one, other in unclear:
            if one.turn == "decided" or one.key not in decided:
                raise DataError(
                    f"labels.csv: lines {one.line} and {other.line}: the same text of {one.source}"
                    f" reads {one.reading.codes} and {other.reading.codes}; decide on one"
                )
        self._by_key = {key: record.reading for key, record in {**first, **decided}.items()}
        self._sources = {source for source, _ in self._by_key}
        by_text: dict[str, set[str]] = {}
        self._by_text: dict[str, Reading] = {}
        for (_, digest), reading in self._by_key.items():
            by_text.setdefault(digest, set()).add(reading.codes)
            self._by_text[digest] = reading
        for digest, codes in by_text.items():
            if len(codes) > 1:
                del self._by_text[digest]

    def __len__(self) -> int:
        return len(self._by_key)

    def knows(self, source: str) -> bool:
        """Tell whether any post of a set was read."""
        return source in self._sources

    def of(self, source: str, text: str) -> Reading | None:
        """Give the reading of a post, or of the same text in another set where all agree."""
        if not self._by_key:
            return None
        digest = text_key(text)
        return self._by_key.get((source, digest)) or self._by_text.get(digest)


def read_records(path: Path) -> list[Record]:
    """Read a ``labels.csv``.

    Raises
    ------
    DataError
        Names the line, what was found and what is allowed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = tuple(next(rows, ()))
            if header != COLUMNS:
                raise DataError(f"{path}: columns: found {header}, expected {COLUMNS}")
            return [_record(path, rows.line_num, row) for row in rows]
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not CSV in UTF-8: {error}") from None


def _record(path: Path, line: int, row: Sequence[str]) -> Record:
    if len(row) != len(COLUMNS):
        raise DataError(f"{path}: line {line}: found {len(row)} cells, expected {len(COLUMNS)}")
    cells = dict(zip(COLUMNS, row, strict=True))
    for name, shape in _SHAPES.items():
        if not shape.fullmatch(cells[name]):
            found = shorten(cells[name])
            raise DataError(f"{path}: line {line}: {name}: found {found}, expected {shape.pattern}")
    letters = cells["codes"].lower()
    if len(set(letters)) < len(letters):
        raise DataError(f"{path}: line {line}: codes: a letter stands twice in {letters}")
    if cells["pass"] not in PASSES:
        found = shorten(cells["pass"])
        raise DataError(f"{path}: line {line}: pass: found {found}, expected one of {PASSES}")
    reading = Reading(cells["codes"], cells["kind"])
    return Record(cells["source"], cells["row"], cells["sha256"], reading, cells["pass"], line)


def shipped_records() -> list[Record]:
    """Give the lines that come with the package; none when there is no ``labels.csv``."""
    path = asset("datasets", "annotation") / "labels.csv"
    return read_records(path) if path.exists() else []


@cache
def shipped_readings() -> Readings:
    """Give the readings that come with the package."""
    return Readings(shipped_records())


def with_reading(labels: Known, reading: Reading) -> Known | None:
    """Give a post's labels once it was read; None when it must be dropped.

    A reading decides violence, terrorism and pornography. It never decides falsity: a rumor
    needs the source's own label and a reader who agrees that the post states such a claim.

    >>> with_reading({"rumor": 1}, Reading("r", "claim"))["rumor"]
    1
    >>> "rumor" in with_reading({"rumor": 1}, Reading("0", "criticism"))
    False
    >>> "rumor" in with_reading({}, Reading("r", "claim"))
    False
    """
    if not reading.judgeable:
        return None
    read = {name: int(reading.says(name)) for name in CODES.values()}
    own = labels.get("rumor")
    if (own == 1) != (read["rumor"] == 1):
        del read["rumor"]
    return read if own != 0 else {**read, "rumor": 0}


def without_positives(labels: Known) -> Known:
    """Give the labels of a post that nobody read, where reading is needed."""
    return {name: label for name, label in labels.items() if label == 0}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two passes agree on one category.

    Attributes
    ----------
    category : str
    both, first_only, second_only, neither : int
    kappa : float or None
        Cohen's; None when neither pass varies.
    low, high : float or None
        Bootstrap interval of 95 %.
    """

    category: str
    both: int
    first_only: int
    second_only: int
    neither: int
    kappa: float | None
    low: float | None
    high: float | None


def kappa(both: int, first_only: int, second_only: int, neither: int) -> float | None:
    """Give Cohen's kappa of a table of two by two; None when it is not defined.

    >>> kappa(20, 5, 10, 15)
    0.4
    """
    total = both + first_only + second_only + neither
    chance = (both + first_only) * (both + second_only) + (neither + first_only) * (
        neither + second_only
    )
    if not total or chance == total * total:
        return None
    return ((both + neither) * total - chance) / (total * total - chance)


def agreement(records: Iterable[Record], seed: int = 0) -> list[Agreement]:
    """Compare first and second passes, category by category.

    Posts that either pass could not judge count for ``judgeable`` alone, which is last.
    """
    passes: dict[str, dict[Key, Reading]] = {turn: {} for turn in PASSES}
    for record in records:
        passes[record.turn].setdefault(record.key, record.reading)
    pairs = [
        (reading, passes["second"][key])
        for key, reading in passes["first"].items()
        if key in passes["second"]
    ]
    judged = [pair for pair in pairs if pair[0].judgeable and pair[1].judgeable]
    found = [
        _agreement(name, [(a.says(name), b.says(name)) for a, b in judged], seed)
        for name in CODES.values()
    ]
    judgeable = [(a.judgeable, b.judgeable) for a, b in pairs]
    return [*found, _agreement("judgeable", judgeable, seed)]


def _agreement(name: str, pairs: list[tuple[bool, bool]], seed: int) -> Agreement:
    cells = [(True, True), (True, False), (False, True), (False, False)]
    counts = [pairs.count(cell) for cell in cells]
    low = high = None
    if pairs:
        # Drawing pairs anew is drawing the four counts anew.
        shares = np.array(counts) / len(pairs)
        drawn = np.random.default_rng(seed).multinomial(len(pairs), shares, size=_RESAMPLES)
        values = [value for row in drawn.tolist() if (value := kappa(*row)) is not None]
        if values:
            low, high = (float(value) for value in np.quantile(values, [0.025, 0.975]))
    both, first_only, second_only, neither = counts
    return Agreement(name, both, first_only, second_only, neither, kappa(*counts), low, high)
