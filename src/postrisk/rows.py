"""A CSV file as rows: encoding, delimiter, and broken records that cost no other row."""

from __future__ import annotations

import codecs
import csv
import io
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np
import pyarrow as pa

from postrisk.errors import TableError

STANDARD = "-"
NOT_TEXT = "bytes that are not text in the encoding of this file"
CHUNK = 1 << 20
# A record of more lines than this is a quotation mark that was opened and never closed.
_RECORD_LINES = 1000
# Lines read again for the sake of open quotation marks, at most: this many and so many for each
# line of the file. Beyond them a record may have few lines, so that no file takes forever.
_SPARE_LINES, _SPARE_PER_LINE, _FEW_LINES = 64_000, 8, 10
LARGEST_FIELD = 1 << 24
_WORTH_A_CALL, _LARGEST_OFFSET = 1 << 12, (1 << 31) - 1
_MOSTLY = 0.9
_DELIMITERS = ",\t;|"


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    """Keep bytes that do not decode, as ``surrogateescape`` does, but also below 128."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    kept = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in kept), error.end


codecs.register_error("postrisk.keep", _keep_bytes)


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
    ASCII are valid UTF-8. The file is read once where all of it is, and left at its start.
    """
    head = file.read(4)
    file.seek(0)
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if all(map(is_utf8, _whole_lines(file))):
        file.seek(0)
        return "utf-8"
    file.seek(0)
    valid = invalid = 0
    for piece in _whole_lines(file):
        if piece.isascii():
            continue
        lines = piece.split(b"\n")
        foreign = sum(not line.isascii() for line in lines)
        damaged = 0 if is_utf8(piece) else sum(not is_utf8(line) for line in lines)
        valid += foreign - damaged
        invalid += damaged
    file.seek(0)
    return "utf-8" if valid >= _MOSTLY * (valid + invalid) else "gb18030"


def is_utf8(data: bytes) -> bool:
    r"""Tell whether bytes are UTF-8 text; it is several times faster than decoding them.

    >>> is_utf8("谣言".encode()), is_utf8("谣言".encode("gb18030")), is_utf8(b"\xed\xa0\x80")
    (True, False, False)
    """
    if data.isascii():
        return True
    if not _WORTH_A_CALL <= len(data) <= _LARGEST_OFFSET:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Read a file in pieces that end with a line feed, but for the last one."""
    pieces: list[bytes] = []
    while piece := file.read(CHUNK):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*pieces, piece[:end]])
            pieces = []
        pieces.append(piece[end:])
    yield b"".join(pieces)


class Lines:
    """Lines of a text file, with their numbers and a way to take some back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._pending: deque[str] = deque()
        self._taken_back = 0
        self.read = 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.record) >= self.most_lines:
            raise csv.Error("a quotation mark is opened and never closed")
        try:
            line = self._pending.popleft() if self._pending else next(self._file)
        except UnicodeError as error:
            raise TableError(f"--encoding: the file is not in it: {error}") from None
        self.read += 1
        self.record.append(line)
        return line

    @property
    def most_lines(self) -> int:
        """How many lines a record may have that begins now; reading on never makes it less."""
        spare = _SPARE_LINES + _SPARE_PER_LINE * self.read
        return _RECORD_LINES if self._taken_back < spare else _FEW_LINES

    @property
    def start(self) -> int:
        """Number of the line on which the current record began."""
        return self.read - len(self.record) + 1

    @property
    def text(self) -> str:
        """The current record as it stands in the file."""
        return "".join(self.record).rstrip("\r\n")

    def keep_first_line(self) -> None:
        """Leave the record's first line read and take its other lines back."""
        self._pending.extendleft(reversed(self.record[1:]))
        self.read -= len(self.record) - 1
        self._taken_back += len(self.record) - 1
        del self.record[1:]

    def skip(self, count: int) -> None:
        """Count lines that were read elsewhere."""
        self.read += count

    def give_back(self) -> str:
        """Give the lines that were taken back and not read again; they are forgotten here."""
        text = "".join(self._pending)
        self._pending.clear()
        return text


def wrong_width(found: int, width: int) -> str:
    """Say that a row has not as many cells as the header."""
    return f"{found} columns, expected {width}"


def records(lines: Lines, delimiter: str, width: int) -> Iterator[list[str] | Rejected]:
    """Read records; one that is broken costs its first line and no other."""

    def start() -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=delimiter, strict=True)

    csv.field_size_limit(LARGEST_FIELD)
    reader = start()
    while True:
        lines.record.clear()
        try:
            row = next(reader)
            if not row:  # a blank line, such as many files end with
                continue
            problem = "" if len(row) == width else wrong_width(len(row), width)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"broken quoting: {error}"
        if problem:
            lines.keep_first_line()
            reader = start()
            yield Rejected(lines.start, "", "", problem, lines.text)
        elif not _is_text(row):
            yield Rejected(lines.start, "", "", NOT_TEXT, lines.text)
        else:
            yield row


def _is_text(cells: Sequence[str]) -> bool:
    try:
        for cell in cells:
            if not cell.isascii():
                cell.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _open_bytes(source: str | Path) -> Iterator[BinaryIO]:
    """Open a file; standard input and pipes are spooled, since they are read twice."""
    with ExitStack() as stack:
        if str(source) != STANDARD:
            stream: BinaryIO = stack.enter_context(Path(source).open("rb"))
        elif sys.stdin is None:
            raise TableError(f"{source}: standard input is closed")
        else:
            stream = sys.stdin.buffer
        if str(source) == STANDARD or not stream.seekable():
            spooled = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(stream, spooled, CHUNK)
            spooled.seek(0)
            stream = spooled
        yield stream


@contextmanager
def open_table(
    source: str | Path, encoding: str | None = None
) -> Iterator[tuple[IO[str], str, BinaryIO]]:
    """Open a CSV file for reading, or standard input for ``-``.

    Standard input and pipes are spooled to a temporary file, since telling the encoding takes
    a pass.

    Yields
    ------
    file : text file
        Bytes that do not decode are kept as lone surrogates, for `records` to reject.
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
            raw = stack.enter_context(_open_bytes(source))
            chosen = encoding or detect_encoding(raw)
            text = io.TextIOWrapper(raw, encoding=chosen, errors="postrisk.keep", newline="")
        except OSError as error:
            raise TableError(f"{source}: {error.strerror}") from None
        except LookupError:
            raise TableError(f"--encoding: no encoding named {encoding!r}") from None
        yield stack.enter_context(text), chosen, raw


def _guess_delimiter(header: str) -> str:
    def columns(delimiter: str) -> int:
        try:
            return len(next(csv.reader([header], delimiter=delimiter, strict=True)))
        except csv.Error:
            return 0

    return max(_DELIMITERS, key=columns)


def read_header(lines: Lines, source: str | Path, delimiter: str | None) -> tuple[list[str], str]:
    """Read the first line and tell the delimiter."""
    first = next(lines, "").lstrip("\ufeff")
    if not first.strip():
        raise TableError(f"{source}: empty, expected a header line with the names of the columns")
    if not _is_text([first]):
        raise TableError(f"{source}: the header line has {NOT_TEXT}; name it with --encoding")
    chosen = delimiter or _guess_delimiter(first)
    lines.record.clear()
    try:
        return next(csv.reader([first], delimiter=chosen, strict=True)), chosen
    except csv.Error as error:
        raise TableError(f"{source}: the header line cannot be read: {error}") from None
