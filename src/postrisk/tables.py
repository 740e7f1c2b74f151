"""CSV in and out, streaming: every row is scored or kept aside with its reason."""

from __future__ import annotations

import codecs
import csv
import io
import os
import shutil
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from postrisk.columns import Columns
from postrisk.errors import PostError, TableError, shorten
from postrisk.post import MAX_CHARS, Post
from postrisk.scorer import Assessment, Scorer

STANDARD = "-"
_CHUNK = 1 << 20
_BATCH_ROWS = 2048
# A record of more lines than this is a quotation mark that was opened and never closed.
_RECORD_LINES = 1000
_LARGEST_FIELD = 1 << 24
_MOSTLY = 0.9
_REJECTED_HEADER = ("line", "column", "value", "reason", "row")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not scored.

    Attributes
    ----------
    line : int
        Number of the line on which the row begins; the header is on line 1.
    column, value : str
        What was wrong, where that is one cell; the value is shortened.
    reason : str
    row : str
        The row as it stood in the file.
    """

    line: int
    column: str
    value: str
    reason: str
    row: str


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


def detect_encoding(file: BinaryIO) -> str:
    """Tell the encoding of a file: by its mark, strictly UTF-8, mostly UTF-8, else GB18030.

    A file is held to be UTF-8 with damaged rows when nine tenths of its lines that are not
    ASCII are valid UTF-8. The file is read once and left at its start.
    """
    head = file.read(4)
    file.seek(0)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    valid = invalid = 0
    for line in file:
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            valid += 1
        except UnicodeDecodeError:
            invalid += 1
    file.seek(0)
    return "utf-8" if valid >= _MOSTLY * (valid + invalid) else "gb18030"


class _Lines:
    """Lines of a text file, with their numbers and a way to take some back."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._pending: deque[str] = deque()
        self.read = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record) >= _RECORD_LINES:
            raise csv.Error("a quotation mark is opened and never closed")
        line = self._pending.popleft() if self._pending else next(self._file)
        self.read += 1
        self.record.append(line)
        return line

    @property
    def start(self) -> int:
        """Number of the line on which the current record began."""
        return self.read - len(self.record) + 1

    def keep_first_line(self) -> None:
        """Leave the record's first line read and take its other lines back."""
        self._pending.extendleft(reversed(self.record[1:]))
        self.read -= len(self.record) - 1
        del self.record[1:]


def _records(lines: _Lines, delimiter: str, width: int) -> Iterator[list[str] | Rejected]:
    """Read records; one that is broken costs its first line and no other."""

    def start() -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=delimiter, strict=True)

    reader = start()
    while True:
        lines.record.clear()
        try:
            row = next(reader)
            if not row:  # a blank line, such as many files end with
                continue
            problem = "" if len(row) == width else f"{len(row)} columns, expected {width}"
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"broken quoting: {error}"
        if problem:
            lines.keep_first_line()
            reader = start()
            yield Rejected(lines.start, "", "", problem, lines.record[0].rstrip("\r\n"))
        else:
            yield row


@contextmanager
def open_table(
    source: str | Path, encoding: str | None = None
) -> Iterator[tuple[IO[str], str, BinaryIO]]:
    """Open a CSV file for reading, or standard input for ``-``.

    Standard input is spooled to a temporary file, since telling its encoding takes a pass.

    Yields
    ------
    file : text file
        Bytes that do not decode are kept as lone surrogates, for `score_table` to reject.
    encoding : str
    raw : binary file
        For its position.

    Raises
    ------
    TableError
        When the file cannot be opened or the encoding is not known.
    """
    with ExitStack() as stack:
        try:
            if str(source) == STANDARD:
                raw: BinaryIO = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(sys.stdin.buffer, raw, _CHUNK)
                raw.seek(0)
            else:
                raw = stack.enter_context(Path(source).open("rb"))
            chosen = encoding or detect_encoding(raw)
            codecs.lookup(chosen)
        except OSError as error:
            raise TableError(f"{source}: {error.strerror}") from None
        except LookupError:
            raise TableError(f"--encoding: no encoding named {encoding!r}") from None
        wrapped = io.TextIOWrapper(raw, encoding=chosen, errors="surrogateescape", newline="")
        yield stack.enter_context(wrapped), chosen, raw


def _guess_delimiter(header: str) -> str:
    return max(",\t;|", key=header.count)


def read_header(lines: _Lines, source: str | Path, delimiter: str | None) -> tuple[list[str], str]:
    """Read the first line and tell the delimiter."""
    first = next(lines, "")
    if not first.strip():
        raise TableError(f"{source}: empty, expected a header line with the names of the columns")
    chosen = delimiter or _guess_delimiter(first)
    lines.record.clear()
    try:
        return next(csv.reader([first], delimiter=chosen, strict=True)), chosen
    except csv.Error as error:
        raise TableError(f"{source}: the header line cannot be read: {error}") from None


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


def read_posts(
    lines: _Lines, columns: Columns, delimiter: str, *, max_chars: int = MAX_CHARS
) -> Iterator[tuple[list[str], Post] | Rejected]:
    """Read each row as a post, or say why it is not one."""
    for record in _records(lines, delimiter, len(columns.header)):
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
    csv.field_size_limit(_LARGEST_FIELD)
    with ExitStack() as stack:
        file, chosen, raw = stack.enter_context(open_table(source, options.encoding))
        lines = _Lines(file)
        header, separator = read_header(lines, source, options.delimiter)
        columns = Columns(header, options.given)
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
    csv.field_size_limit(_LARGEST_FIELD)
    with open_table(source) as (file, _, _):
        lines = _Lines(file)
        header, separator = read_header(lines, source, None)
        for count, item in enumerate(read_posts(lines, Columns(header), separator), start=1):
            if count < number:
                continue
            if isinstance(item, Rejected):
                raise TableError(f"{source}: row {number} (line {item.line}): {item.reason}")
            return item[1]
        raise TableError(f"{source}: found no row {number}; the file has fewer rows")
