"""CSV in and out, streaming: every row is scored or kept aside with its reason."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from postrisk.columns import Columns
from postrisk.errors import PostError, TableError, shorten
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
    """Name the columns that scoring adds; one that exists already gets a prefix."""
    names = ["language", *categories, *(f"{name}_band" for name in categories)]
    names += ["reach", "recommendation", "reason"]
    return [f"postrisk_{name}" if name in header else name for name in names]


def added_cells(assessment: Assessment) -> list[str]:
    """Give the cells for `added_columns`."""
    return [
        assessment.language,
        *(f"{score:.6f}" for score in assessment.scores.values()),
        *(band.value for band in assessment.bands.values()),
        assessment.reach.outcome.value,
        assessment.recommendation.value,
        assessment.reason,
    ]


def rejected_path(source: str | Path, target: str | Path) -> Path:
    """Say where rejected rows go: ``OUT.rejected.csv``, in the working folder for ``-``."""
    if str(target) != STANDARD:
        return Path(f"{target}.rejected.csv")
    stem = "postrisk" if str(source) == STANDARD else Path(source).name
    return Path(f"{stem}.rejected.csv")


class _RejectedFile:
    """Writes rejected rows; the file exists only if there are any."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path, self._stack = path, stack
        self._writer: Callable[[Sequence[object]], object] | None = None
        path.unlink(missing_ok=True)

    def write(self, row: Rejected) -> None:
        if self._writer is None:
            file = self._path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
            self._writer = csv.writer(self._stack.enter_context(file)).writerow
            self._writer(_REJECTED_HEADER)
        self._writer((row.line, row.column, row.value, row.reason, row.row))


@contextmanager
def _open_target(target: str | Path, encoding: str) -> Iterator[IO[str]]:
    """Open the output; a file appears under its name only when it is complete."""
    if str(target) == STANDARD:
        wrapped = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
        try:
            yield wrapped
            wrapped.flush()
        finally:
            wrapped.detach()
        return
    final = Path(target)
    partial = final.with_name(f"{final.name}.part")
    mark = "utf-8-sig" if encoding == "utf-8-sig" else "utf-8"
    try:
        with partial.open("w", encoding=mark, newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(final)
    except OSError as error:
        raise TableError(f"{target}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def _as_line(row: Sequence[str], delimiter: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="").writerow(row)
    return buffer.getvalue()


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
            for cell in record:
                if not cell.isascii():
                    cell.encode("utf-8")
            yield record, columns.post(record, max_chars=max_chars)
        except UnicodeEncodeError:
            reason = "bytes that are not text in the encoding of this file"
            yield Rejected(lines.start, "", "", reason, _as_line(record, delimiter))
        except PostError as error:
            column = columns.column_of(error.field)
            value = shorten(record[columns.header.index(column)]) if column else ""
            yield Rejected(lines.start, column, value, str(error), _as_line(record, delimiter))


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
    with ExitStack() as stack:
        file, chosen, raw = stack.enter_context(open_table(source, options.encoding))
        lines = Lines(file)
        header, separator = read_header(lines, source, options.delimiter)
        columns = _find_columns(source, header, options.given)
        summary = Summary(chosen, columns.found)
        out = csv.writer(stack.enter_context(_open_target(target, chosen)), lineterminator="\n")
        out.writerow([*header, *added_columns(header, scorer.model.categories)])
        aside = _RejectedFile(options.rejected or rejected_path(source, target), stack)
        batch: list[tuple[list[str], Post]] = []
        for item in read_posts(lines, columns, separator, max_chars=scorer.max_chars):
            if isinstance(item, Rejected):
                summary.rejected += 1
                aside.write(item)
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
