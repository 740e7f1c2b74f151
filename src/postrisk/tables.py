"""CSV in and out, streaming: every row is scored or kept aside with its reason."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TextIO, cast

import numpy as np

from postrisk import arrowmake
from postrisk.assessed import AssessedColumns, Codes8
from postrisk.columnreader import read_columns
from postrisk.columns import Columns
from postrisk.csvblocks import Layout, PlainBlock, RecordBlock
from postrisk.csvcut import ByteLines, block_bytes, blocks
from postrisk.csvjoin import join_rows
from postrisk.cutoffs import BANDS
from postrisk.errors import PostError, TableError, shorten
from postrisk.outputs import is_device, new_file, same_file
from postrisk.post import MAX_CHARS, Post
from postrisk.rows import STANDARD, Lines, Rejected, open_table, read_header, records
from postrisk.rules import OUTCOMES, RECOMMENDATIONS
from postrisk.scorer import Scorer
from postrisk.workers import available_cores, in_order

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

    def add(self, assessed: AssessedColumns) -> None:
        """Count some assessments."""
        self.scored += len(assessed)
        for name, codes in zip(assessed.categories, assessed.bands.T, strict=True):
            self.bands.update({(name, band): n for band, n in _tally(codes, BANDS)})
        self.reach.update(dict(_tally(assessed.outcomes, OUTCOMES)))
        self.recommendations.update(dict(_tally(assessed.recommendations, RECOMMENDATIONS)))


def _tally(codes: Codes8, names: Sequence[StrEnum]) -> Iterator[tuple[str, int]]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return ((name.value, count) for name, count in zip(names, counts, strict=True) if count)


def added_columns(header: Sequence[str], categories: Sequence[str]) -> list[str]:
    """Name the columns that scoring adds; one that exists already gets prefixes."""
    names = ["language", *categories, *(f"{name}_band" for name in categories)]
    names += ["reach", "recommendation", "reason"]
    return [_free_name(name, set(header)) for name in names]


def _free_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"postrisk_{name}"
    return name


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
def _open_target(target: str | Path, encoding: str) -> Iterator[TextIO]:
    """Open the output; a file appears under its name only when it is complete."""
    if str(target) != STANDARD:
        mark = "utf-8-sig" if encoding == "utf-8-sig" else "utf-8"
        with new_file(target, encoding=mark) as file:
            yield cast("TextIO", file)
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
    workers : int or None
        How many threads work on a file; None for one on each core. The output is the same.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    delimiter: str | None = None
    rejected: Path | None = None
    workers: int | None = None


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
    workers = available_cores() if options.workers is None else options.workers
    with ExitStack() as stack:
        text, chosen, raw = stack.enter_context(open_table(source, options.encoding))
        size = block_bytes(workers)
        file = ByteLines(text, chosen, raw, size)
        lines = Lines(file)
        header, separator = read_header(lines, source, options.delimiter)
        columns = _find_columns(source, header, options.given)
        layout = Layout(separator, len(header), file.errors)
        summary = Summary(chosen, columns.found)
        out = stack.enter_context(_open_target(target, chosen))
        names = [*header, *added_columns(header, scorer.model.categories)]
        csv.writer(out, lineterminator="\n").writerow(names)
        out.flush()
        reject = stack.enter_context(_rejected_file(aside))
        work = partial(score_block, scorer, columns, layout)
        found = in_order(work, blocks(file, lines, layout, size), workers)
        for block in stack.enter_context(closing(found)):
            out.buffer.write(block.rows)
            for row in block.rejected:
                reject(row)
            summary.rejected += len(block.rejected)
            summary.add(block.assessed)
            on_progress(block.position, summary)
        on_progress(raw.tell(), summary)
    return summary


@dataclass(frozen=True, slots=True)
class ScoredBlock:
    """What a block of a table came to.

    Attributes
    ----------
    position : int
        How many bytes of the file had been read.
    rows : memoryview
        The rows of the output, as UTF-8.
    rejected : list of Rejected
        In the order of the file.
    assessed : AssessedColumns
    """

    position: int
    rows: memoryview
    rejected: list[Rejected]
    assessed: AssessedColumns


def score_block(
    scorer: Scorer, columns: Columns, layout: Layout, block: PlainBlock | RecordBlock
) -> ScoredBlock:
    """Score the rows of one block; it depends on nothing but what is given."""
    cells = block.read(layout)
    arrays, rejected = cells.arrays, list(cells.rejected)
    read = read_columns(columns, arrays, max_chars=scorer.max_chars, valid_utf8=True)
    if read.rejected:
        places = cells.places([row for row, _ in read.rejected])
        for (row, error), (line, text) in zip(read.rejected, places, strict=True):
            column = columns.column_of(error.field)
            cell = arrays[columns.header.index(column)][row].as_py() if column else None
            value = "" if cell is None else shorten(cell)
            rejected.append(Rejected(line, column, value, str(error), text))
        rejected.sort(key=attrgetter("line"))
        accepted = arrowmake.numbers(read.accepted)
        arrays = [array.take(accepted) for array in arrays]
    assessed = scorer.score_columns(read.posts)
    return ScoredBlock(block.position, join_rows(arrays, assessed), rejected, assessed)


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
