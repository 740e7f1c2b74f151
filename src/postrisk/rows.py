"""A CSV file as rows: encoding, delimiter, and broken records that cost no other row."""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from postrisk.errors import TableError

STANDARD = "-"
CHUNK = 1 << 20
# A record of more lines than this is a quotation mark that was opened and never closed.
_RECORD_LINES = 1000
_LARGEST_FIELD = 1 << 24
_MOSTLY = 0.9


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


class Lines:
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


def records(lines: Lines, delimiter: str, width: int) -> Iterator[list[str] | Rejected]:
    """Read records; one that is broken costs its first line and no other."""

    def start() -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=delimiter, strict=True)

    csv.field_size_limit(_LARGEST_FIELD)
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
                shutil.copyfileobj(sys.stdin.buffer, raw, CHUNK)
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


def read_header(lines: Lines, source: str | Path, delimiter: str | None) -> tuple[list[str], str]:
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
