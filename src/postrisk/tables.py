"""CSV in and out, streaming: every row is scored or kept aside with its reason."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from postrisk.columns import Columns
from postrisk.errors import PostError, TableError, shorten
from postrisk.outputs import is_device, new_file, same_file
from postrisk.post import MAX_CHARS, Post
from postrisk.rows import STANDARD, Lines, Rejected, open_table, read_header, records
from postrisk.scorer import Assessment, Scorer

_BATCH_ROWS = 2048
_REJECTED_HEADER = ("line", "column", "value", "reason", "row")


@dataclass(slots=True)
class Summary:
    """What a run did: ``rows`` is always ``scored`` plus ``rejected``."""

    encoding: str
    columns: dict[str, str]
    scored: int = 0
    rejected: int = 0
    bands: Counter[tuple[str, str]] = field(default_factory=Counter)
    reach: Counter[str] = field(default_factory=Counter)
    recommendations: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.scored + self.rejected

    def add(self, assessment: Assessment) -> None:
        """Count one assessment."""
        self.scored += 1
        self.bands.update((name, band.value) for name, band in assessment.bands.items())
        self.reach[assessment.reach.outcome.value] += 1
        self.recommendations[assessment.recommendation.value] += 1


def added_columns(header: Sequence[str], categories: Sequence[str]) -> list[str]:
    """Name the columns that scoring adds; one that exists already gets prefixes."""
    names = ["language", *categories, *(f"{name}_band" for name in categories)]
    names += ["reach", "recommendation", "reason"]
    return [_free_name(name, set(header)) for name in names]


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"postrisk_{name}"
    return name


def added_values(assessment: Assessment) -> list[str | float]:
    """Give the values for `added_columns`."""
    return [
        assessment.language,
        *assessment.scores.values(),
        *(band.value for band in assessment.bands.values()),
        assessment.reach.outcome.value,
        assessment.recommendation.value,
        assessment.reason,
    ]


def added_cells(assessment: Assessment) -> list[str]:
    """Give the cells for `added_columns`, scores with their six decimals."""
    values = added_values(assessment)
    return [value if isinstance(value, str) else f"{value:.6f}" for value in values]


def rejected_path(source: str | Path, target: str | Path) -> Path:
    """Say where rejected rows go: ``OUT.rejected.csv``.

    For ``-`` and for devices it is named after the source, in the working folder.
    """
    if str(target) != STANDARD and not is_device(target):
        return Path(f"{target}.rejected.csv")
    stem = "postrisk" if str(source) == STANDARD else Path(source).name
    return Path(f"{stem}.rejected.csv")


@contextmanager
def _rejected_file(path: Path) -> Iterator[Callable[[Rejected], object]]:
    """Give a writer of rejected rows; the file exists only if there are any."""
    with ExitStack() as stack:
        write: Callable[[Sequence[object]], object] | None = None

        def add(row: Rejected) -> None:
            nonlocal write
            if write is None:
                file = stack.enter_context(new_file(path, errors="backslashreplace"))
                write = csv.writer(file).writerow
                write(_REJECTED_HEADER)
            write((row.line, row.column, row.value, row.reason, row.row))

        yield add
        if write is None:
            _remove_stale(path)


def _remove_stale(path: Path) -> None:
    try:
        if path.is_file():
            path.unlink()
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None


@contextmanager
def _open_target(target: str | Path, encoding: str) -> Iterator[IO[str]]:
    """Open the output; a file appears under its name only when it is complete."""
    if str(target) != STANDARD:
        mark = "utf-8-sig" if encoding == "utf-8-sig" else "utf-8"
        with new_file(target, encoding=mark) as file:
            yield file
        return
    if sys.stdout is None:
        raise TableError(f"{target}: standard output is closed")
    wrapped = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield wrapped
        wrapped.flush()
    finally:
        with suppress(OSError):  # it flushes again, and what failed has been raised
            wrapped.detach()


class _LineFeeds:
    r"""Ends rows with ``\n``: csv quotes no line end but its own, and ``\r`` needs quotes too."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, row: str) -> int:
        """Write a row that ends with CR and LF."""
        return self._file.write(f"{row[:-2]}\n")


def _refuse_one_file_for_two(source: str | Path, target: str | Path, aside: Path) -> None:
    """Refuse to write over the input, or rejected rows over the output."""
    pairs = (
        (target, source, "is the input itself; give the output another name"),
        (aside, source, "is the input itself; give the rejected rows another name"),
        (aside, target, "is the output itself; give the rejected rows another name"),
    )
    for written, other, problem in pairs:
        if STANDARD in {str(written), str(other)} or is_device(written):
            continue
        if same_file(written, other):
            raise TableError(f"{written}: {problem}")


def _find_columns(
    source: str | Path, header: Sequence[str], given: Mapping[str, str] | None = None
) -> Columns:
    try:
        return Columns(header, given)
    except TableError as error:
        raise TableError(f"{source}: {error}") from None


def read_posts(
    lines: Lines, columns: Columns, delimiter: str, *, max_chars: int = MAX_CHARS
) -> Iterator[tuple[list[str], Post] | Rejected]:
    """Read each row as a post, or say why it is not one."""
    for record in records(lines, delimiter, len(columns.header)):
        if isinstance(record, Rejected):
            yield record
            continue
        try:
            yield record, columns.post(record, max_chars=max_chars)
        except PostError as error:
            column = columns.column_of(error.field)
            value = shorten(record[columns.header.index(column)]) if column else ""
            yield Rejected(lines.start, column, value, str(error), lines.text)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table is read and where its rejected rows go; None lets the file tell.

    Attributes
    ----------
    given : mapping of str to str
        Fields and the columns that hold them, where the names are not recognised.
    encoding, delimiter : str or None
    rejected : Path or None
        See `rejected_path`.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    rejected: Path | None = None


def score_table(
    scorer: Scorer,
    source: str | Path,
    target: str | Path,
    options: TableOptions | None = None,
    on_progress: Callable[[int, Summary], None] = lambda _bytes, _summary: None,
) -> Summary:
    """Score a CSV file into another, keeping every column and the order of rows.

    Parameters
    ----------
    scorer : Scorer
    source, target : str or Path
        ``-`` for standard input and output.
    options : TableOptions, optional
    on_progress : callable
        Called after each batch with the bytes read and the summary so far.

    Returns
    -------
    Summary

    Raises
    ------
    TableError
        When the file as a whole cannot be read or written.
    """
    options = options or TableOptions()
    aside = options.rejected or rejected_path(source, target)
    _refuse_one_file_for_two(source, target, aside)
    with ExitStack() as stack:
        file, chosen, raw = stack.enter_context(open_table(source, options.encoding))
        lines = Lines(file)
        header, separator = read_header(lines, source, options.delimiter)
        columns = _find_columns(source, header, options.given)
        summary = Summary(chosen, columns.found)
        out = csv.writer(_LineFeeds(stack.enter_context(_open_target(target, chosen))))
        out.writerow([*header, *added_columns(header, scorer.model.categories)])
        reject = stack.enter_context(_rejected_file(aside))
        batch: list[tuple[list[str], Post]] = []
        for item in read_posts(lines, columns, separator, max_chars=scorer.max_chars):
            if isinstance(item, Rejected):
                summary.rejected += 1
                reject(item)
                continue
            batch.append(item)
            if len(batch) == _BATCH_ROWS:
                _score_rows(scorer, batch, out.writerow, summary)
                batch = []
                on_progress(raw.tell(), summary)
        _score_rows(scorer, batch, out.writerow, summary)
        on_progress(raw.tell(), summary)
    return summary


def _score_rows(
    scorer: Scorer,
    batch: Sequence[tuple[list[str], Post]],
    write: Callable[[list[str]], object],
    summary: Summary,
) -> None:
    for (row, _), assessment in zip(batch, scorer.score([post for _, post in batch]), strict=True):
        write([*row, *added_cells(assessment)])
        summary.add(assessment)


def read_row(source: str | Path, number: int) -> Post:
    """Read one row of a CSV file as a post, counted from 1 after the header.

    Raises
    ------
    TableError
        When the file has no such row, or the row is broken.
    """
    with open_table(source) as (file, _, _):
        lines = Lines(file)
        header, separator = read_header(lines, source, None)
        columns = _find_columns(source, header)
        for count, item in enumerate(read_posts(lines, columns, separator), start=1):
            if count < number:
                continue
            if isinstance(item, Rejected):
                raise TableError(f"{source}: row {number} (line {item.line}): {item.reason}")
            return item[1]
        raise TableError(f"{source}: found no row {number}; the file has fewer rows")
