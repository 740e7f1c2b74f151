"""What ``postrisk data`` finds out: counts, checks and the outcome of fetching many sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postrisk.corpora import data_folder
from postrisk.datafiles import Progress, State, fetch, state, states
from postrisk.errors import DataError
from postrisk.registry import Card, DataFile
from postrisk.sources import LOADERS, Source

Start = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True, slots=True)
class Check:
    """One set as found in the data folder.

    Attributes
    ----------
    name : str
    files : dict of str to State
    rows : int or None
        None when no loader reads the set, or it does not load.
    problem : str
        Why it does not load; empty otherwise.
    """

    name: str
    files: dict[str, State]
    rows: int | None
    problem: str = ""

    @property
    def right(self) -> bool:
        """Whether every file is right and the set loads."""
        return not self.problem and set(self.files.values()) == {State.RIGHT}

    def to_dict(self) -> dict[str, Any]:
        """Give it for JSON."""
        files = {path: found.value for path, found in self.files.items()}
        return {"name": self.name, "right": self.right, "rows": self.rows,
                "problem": self.problem, "files": files}  # fmt: skip


@dataclass(slots=True)
class Outcomes:
    """How many files came, were there, cannot be had, and failed."""

    fetched: int = 0
    there: int = 0
    refused: int = 0
    failed: int = 0


def require_folder(given: Path | None) -> Path:
    """Give the data folder.

    Raises
    ------
    DataError
        When none is named or there is none.
    """
    found = given or data_folder()
    if found is None:
        raise DataError("no data folder; set POSTRISK_DATA or name one")
    return found


def _count(card: Card, root: Path) -> int | None:
    if not card.loader:
        return None
    return len(Source(card, LOADERS[card.loader]).examples(root, "evaluation"))


def row_counts(cards: Iterable[Card], root: Path | None) -> dict[str, int]:
    """Count the rows of every set that is there and has a loader."""
    if root is None:
        return {}
    there = [card for card in cards if (root / card.folder).is_dir()]
    rows = {card.name: check(card, root, checksums=False).rows for card in there}
    return {name: number for name, number in rows.items() if number is not None}


def check(card: Card, root: Path, *, checksums: bool = True) -> Check:
    """Compare a set's files with its card and load it."""
    files = states(card, root) if checksums else {}
    if State.ABSENT in files.values():
        return Check(card.name, files, None)
    try:
        return Check(card.name, files, _count(card, root))
    except Exception as error:  # noqa: BLE001 - a changed file breaks a loader in any way
        return Check(card.name, files, None, f"{type(error).__name__}: {error}")


def fetch_all(
    cards: Iterable[Card], root: Path, on_start: Start, say: Callable[[str], object]
) -> Outcomes:
    """Fetch the files of many sets, saying one line for each set or file that stays away."""
    outcomes = Outcomes()
    for card in cards:
        reasons: Counter[str] = Counter()
        for file in card.files:
            if state(root / card.folder / file.path, file) is State.RIGHT:
                outcomes.there += 1
            elif reason := card.unfetchable(file):
                reasons[reason] += 1
            elif problem := _problem(card, file, root, on_start):
                outcomes.failed += 1
                say(f"{card.name}: {problem}")
            else:
                outcomes.fetched += 1
        for reason, number in reasons.items():
            outcomes.refused += number
            say(f"{card.name}: cannot be fetched: {reason}")
    say(
        f"{outcomes.fetched} files fetched, {outcomes.there} already right,"
        f" {outcomes.refused} cannot be fetched, {outcomes.failed} failed"
    )
    return outcomes


def _problem(card: Card, file: DataFile, root: Path, on_start: Start) -> str:
    try:
        with on_start(f"{card.name}/{file.path}", file.bytes) as progress:
            fetch(card, file, root, progress)
    except DataError as error:
        return str(error)
    return ""
