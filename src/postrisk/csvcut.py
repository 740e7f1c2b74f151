"""A CSV file cut into blocks of whole records, one after the other and cheaply."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import IO, BinaryIO

import numpy as np

from postrisk.csvblocks import (
    LINE_FEED,
    QUOTE,
    RETURN,
    Bytes,
    Index,
    Layout,
    Outline,
    PlainBlock,
    RecordBlock,
)
from postrisk.errors import TableError
from postrisk.rows import LARGEST_FIELD, Lines, Rejected, records

_MIB = 1 << 20
# What is not plain is looked for in an eighth of a block, so that the rest is read fast.
_PARTS = 8
_NOT_PLAIN, _MORE = 0, -1


class ByteLines:
    """A text file as lines or as bytes of UTF-8, from the same place.

    Parameters
    ----------
    text : text file
        As `postrisk.rows.open_table` opens it; nothing has been read of it.
    encoding : str
    raw : binary file
        What ``text`` reads from.
    size : int
        How many bytes to read at once.

    Attributes
    ----------
    errors : str
        The error handler that gives back lines from the bytes, and bytes from the lines.
    """

    def __init__(self, text: IO[str], encoding: str, raw: BinaryIO, size: int) -> None:
        self._text, self._raw, self._size = text, raw, size
        self._data, self._start, self._feed, self._ended = b"", 0, -1, False
        name = codecs.lookup(encoding).name
        self._is_utf8 = name in {"utf-8", "utf-8-sig"}
        self.errors = "surrogateescape" if self._is_utf8 else "surrogatepass"
        if name == "utf-8-sig":
            head = raw.read(len(codecs.BOM_UTF8))
            self._data = b"" if head == codecs.BOM_UTF8 else head

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while not (end := self._line_end()):
            if self._ended:
                end = len(self._data)
                break
            self._fill(2 * (len(self._data) - self._start) + 1)
        if end == self._start:
            raise StopIteration
        return self.take(end - self._start).decode("utf-8", self.errors)

    def _line_end(self) -> int:
        """Find where the next line ends; 0 when more bytes must tell."""
        data, start = self._data, self._start
        if self._feed < start:
            found = data.find(b"\n", start)
            self._feed = len(data) if found < 0 else found
        found = data.find(b"\r", start, self._feed)
        if found < 0 or found + 1 == self._feed < len(data):
            return self._feed + 1 if self._feed < len(data) else 0
        return found + 1 if found + 1 < len(data) or self._ended else 0

    @property
    def position(self) -> int:
        """How many bytes of the file were read up to here; of other encodings about."""
        return self._raw.tell() - (len(self._data) - self._start if self._is_utf8 else 0)

    def peek(self, wanted: int) -> tuple[bytes, bool]:
        """Give the next bytes, and whether the file ends with them."""
        self._fill(wanted)
        data = self._data[self._start : self._start + wanted]
        return data, self._ended and self._start + len(data) == len(self._data)

    def take(self, count: int) -> bytes:
        """Read bytes that stand ready."""
        self._start += count
        return self._data[self._start - count : self._start]

    def put_back(self, text: str) -> None:
        """Take back lines that were read."""
        self._replace(text.encode("utf-8", self.errors) + self._data[self._start :])

    def _fill(self, wanted: int) -> None:
        while not self._ended and len(self._data) - self._start < wanted:
            try:
                piece = self._read(max(self._size, wanted - len(self._data) + self._start))
            except UnicodeError as error:
                raise TableError(f"--encoding: the file is not in it: {error}") from None
            self._ended = not piece
            self._replace(self._data[self._start :] + piece)

    def _read(self, count: int) -> bytes:
        if self._is_utf8:
            return self._raw.read(count)
        return self._text.read(count).encode("utf-8", self.errors)

    def _replace(self, data: bytes) -> None:
        self._data, self._start, self._feed = data, 0, -1


def block_bytes(workers: int) -> int:
    """Give the size of blocks: large ones cost less for each row, and each worker holds some.

    >>> [block_bytes(workers) / 2**20 for workers in (1, 2, 16)]
    [4.0, 2.0, 1.0]
    """
    return max(4 * _MIB // workers, _MIB)


def blocks(
    source: ByteLines, lines: Lines, layout: Layout, size: int
) -> Iterator[PlainBlock | RecordBlock]:
    """Cut the rest of a file into blocks.

    Parameters
    ----------
    source : ByteLines
    lines : Lines
        Over ``source``, its header read.
    layout : Layout
    size : int
        How many bytes a block has, about.
    """
    wanted = step = size
    while True:
        data, last = source.peek(wanted)
        if not data:
            return
        end = plain_end(data, layout, lines.most_lines, last=last)
        if end == _MORE and not last and wanted < LARGEST_FIELD:
            wanted = min(2 * wanted, LARGEST_FIELD)
            continue
        if end <= 0 and step == size >= _PARTS and layout.may_be_plain:
            wanted = step = size // _PARTS
            continue
        if end > 0:
            plain, line = source.take(end), lines.read + 1
            lines.skip(_count_lines(plain))
            yield PlainBlock(source.position, line, plain)
        else:
            most = lines.read + max(data.count(b"\n") + data.count(b"\r"), 1)
            yield _read_records(source, lines, layout, most)
            step = size
        wanted = step


def _read_records(source: ByteLines, lines: Lines, layout: Layout, most: int) -> RecordBlock:
    """Read records one by one until so many lines of the file have been read."""
    rows, found_at, rejected = [], [], []
    for record in records(lines, layout.delimiter, layout.width):
        if isinstance(record, Rejected):
            rejected.append(record)
        else:
            rows.append(record)
            found_at.append((lines.start, lines.text))
        if lines.read >= most:
            break
    source.put_back(lines.give_back())
    return RecordBlock(source.position, rows, found_at, rejected)


def plain_end(data: bytes, layout: Layout, most_lines: int, *, last: bool) -> int:
    """Find where plain bytes end with a record; 0 if they are not plain, -1 if more must tell.

    Parameters
    ----------
    data : bytes
        They begin with a record.
    layout : Layout
    most_lines : int
        How many lines a record may have.
    last : bool
        Whether the file ends with them.
    """
    if not layout.may_be_plain:
        return _NOT_PLAIN
    if b'"' not in data:
        end = len(data) if last else data.rfind(b"\n") + 1
        if not end:
            return _MORE
        return _NOT_PLAIN if _has_lone_return(data, end) else end
    found = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(found == QUOTE)
    feeds = np.flatnonzero(found == LINE_FEED)
    before = np.searchsorted(quotes, feeds)
    closed = np.flatnonzero(before % 2 == 0)
    ends, lines = feeds[closed] + 1, closed + 1
    if last and len(quotes) % 2 == 0:
        if not len(ends) or ends[-1] < len(data):
            ends, lines = np.append(ends, len(data)), np.append(lines, len(feeds) + 1)
    elif len(ends):
        quotes = quotes[: before[closed[-1]]]
    else:
        return _NOT_PLAIN if last or len(feeds) >= most_lines else _MORE
    end = int(ends[-1])
    fits = (
        not _has_lone_return(data, end)
        and _are_paired(found[:end], quotes, ord(layout.delimiter))
        and _long_records_fit(data, ends, np.diff(lines, prepend=0), most_lines, layout)
    )
    return end if fits else _NOT_PLAIN


def _count_lines(data: bytes) -> int:
    feeds = np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == LINE_FEED)
    return int(feeds) + (data[-1] != LINE_FEED)


def _has_lone_return(data: bytes, end: int) -> bool:
    return data.find(b"\r", 0, end) >= 0 and data.count(b"\r", 0, end) != data.count(
        b"\r\n", 0, end
    )


def _are_paired(found: Bytes, quotes: Index, delimiter: int) -> bool:
    """Tell whether quotation marks stand only where cells begin and end, or in pairs."""
    opens, closes = quotes[::2], quotes[1::2]
    may_stand = np.zeros((2, 256), dtype=bool)
    may_stand[:, [delimiter, LINE_FEED, QUOTE]] = True
    may_stand[1, RETURN] = True
    before = found[opens[opens > 0] - 1]
    after = found[closes[closes < len(found) - 1] + 1]
    return bool(may_stand[0, before].all() and may_stand[1, after].all())


def _long_records_fit(
    data: bytes, ends: Index, lines: Index, most_lines: int, layout: Layout
) -> bool:
    """Tell whether the records of several lines have the right width and not too many lines.

    One of another width costs its first line only, so it moves where records begin.
    """
    several = np.flatnonzero(lines > 1)
    if not len(several):
        return True
    if lines.max() > most_lines:
        return False
    starts = np.where(several > 0, ends[several - 1], 0).tolist()
    pieces = [data[a:b] for a, b in zip(starts, ends[several].tolist(), strict=True)]
    outline = Outline.of(b"".join(pieces), layout.delimiter)
    return bool((outline.widths == layout.width).all())
