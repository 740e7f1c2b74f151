"""A CSV file as blocks of whole records: plain ones as bytes, the others read row by row.

A block is plain when every quotation mark in it opens a cell, closes one or is one of a pair
inside one, and no line ends with CR alone. Of such a block `csv.reader`, the outline by
arithmetic and pyarrow's parser give the same cells. All else is read by `postrisk.rows.records`,
so that a file gives the same rows however it is cut.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv as arrow_csv

from postrisk import arrowmake
from postrisk.rows import NOT_TEXT, Rejected, is_utf8, wrong_width

Bytes = npt.NDArray[np.uint8]
Index = npt.NDArray[np.int64]
Place = tuple[int, str]

QUOTE, LINE_FEED, RETURN = b'"\n\r'


@dataclass(frozen=True, slots=True)
class Layout:
    """What the rows of one table have in common.

    Attributes
    ----------
    delimiter : str
    width : int
        How many cells a row has.
    errors : str
        How bytes that are no UTF-8 are decoded, for rows that are shown as they stood.
    """

    delimiter: str
    width: int
    errors: str = "postrisk.keep"

    @property
    def may_be_plain(self) -> bool:
        """Whether the delimiter is one that pyarrow takes."""
        return self.delimiter.isascii() and self.delimiter not in '"\r\n\x00'

    def text(self, record: bytes) -> str:
        """Give a record as it stands in the file, without its line end."""
        return record.decode("utf-8", self.errors).rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Cells:
    """The rows of a block that have the right width and are text, as columns.

    Attributes
    ----------
    arrays : list of pyarrow.StringArray
        One for each column of the table, in its order.
    rejected : list of Rejected
    """

    arrays: list[pa.StringArray]
    rejected: list[Rejected]
    block: PlainBlock | RecordBlock
    layout: Layout

    def places(self, rows: Sequence[int]) -> list[Place]:
        """Give the line on which each of some rows begins, and the row as it stood."""
        return self.block.places(rows, self.layout) if rows else []


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Rows that `postrisk.rows.records` has read.

    Attributes
    ----------
    position : int
        How many bytes of the file had been read.
    rows : list of list of str
    found_at : list of (int, str)
        The line on which each row begins, and the row as it stood.
    rejected : list of Rejected
    """

    position: int
    rows: list[list[str]] = field(default_factory=list)
    found_at: list[Place] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def read(self, layout: Layout) -> Cells:
        """Give the rows as columns."""
        columns: Iterable[Sequence[str]] = zip(*self.rows, strict=True)
        if not self.rows:
            columns = [()] * layout.width
        arrays = [arrowmake.strings(column) for column in columns]
        return Cells(arrays, self.rejected, self, layout)

    def places(self, rows: Sequence[int], _layout: Layout) -> list[Place]:
        """See `Cells.places`."""
        return [self.found_at[row] for row in rows]


@dataclass(frozen=True, slots=True)
class PlainBlock:
    """Whole records as bytes of UTF-8.

    Attributes
    ----------
    position : int
        How many bytes of the file had been read.
    line : int
        Number of the first line.
    data : bytes
    """

    position: int
    line: int
    data: bytes

    def read(self, layout: Layout) -> Cells:
        """Give the rows as columns, without those of another width and those that are no text."""
        try:
            arrays = _parse(self.data, layout)
        except pa.ArrowInvalid:
            outline = Outline.of(self.data, layout.delimiter)
            bad = self._bad(outline, layout)
            starts, ends = outline.starts, outline.ends
            edges = [0, *(edge for row in bad for edge in (starts[row], ends[row])), len(self.data)]
            kept = [self.data[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]
            arrays = _parse(b"".join(kept), layout)
            found = outline.places(list(bad), self, layout)
            reasons = zip(found, bad.values(), strict=True)
            rejected = [Rejected(line, "", "", why, text) for (line, text), why in reasons]
            return Cells(arrays, rejected, self, layout)
        return Cells(arrays, [], self, layout)

    def _bad(self, outline: Outline, layout: Layout) -> dict[int, str]:
        """Say what is wrong with each record that is not a row, by its index."""
        bad: dict[int, str] = {}
        all_text = is_utf8(self.data)
        wrong = (outline.widths != layout.width) & (outline.widths != 0)
        suspects = np.flatnonzero(wrong) if all_text else np.arange(len(outline.widths))
        for row in suspects.tolist():
            if wrong[row]:
                bad[row] = wrong_width(outline.widths[row], layout.width)
            elif not is_utf8(self.data[outline.starts[row] : outline.ends[row]]):
                bad[row] = NOT_TEXT
        return bad

    def places(self, rows: Sequence[int], layout: Layout) -> list[Place]:
        """See `Cells.places`."""
        outline = Outline.of(self.data, layout.delimiter)
        filled = outline.widths == layout.width
        if not is_utf8(self.data):
            filled[list(self._bad(outline, layout))] = False
        return outline.places(np.flatnonzero(filled)[list(rows)].tolist(), self, layout)


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the records of plain bytes stand, blank lines among them.

    Attributes
    ----------
    starts, ends : ndarray of int64, shape (n_records,)
        Their bytes, line ends included.
    lines : ndarray of int64, shape (n_records,)
        The line on which each begins; the first is 0.
    widths : ndarray of int64, shape (n_records,)
        How many cells they have; a blank line has none.
    """

    starts: Index
    ends: Index
    lines: Index
    widths: Index

    @classmethod
    def of(cls, data: bytes, delimiter: str) -> Outline:
        """Count cells by the delimiters that stand outside quotation marks."""
        found = np.frombuffer(data, dtype=np.uint8)
        quotes = np.flatnonzero(found == QUOTE)
        feeds = np.flatnonzero(found == LINE_FEED)
        before = np.searchsorted(quotes, feeds)
        outside = np.flatnonzero(before % 2 == 0)
        ends, closed = feeds[outside] + 1, before[outside] // 2
        lines = np.concatenate(([0], outside + 1))
        if data and (not len(ends) or ends[-1] < len(data)):
            ends, closed = np.append(ends, len(data)), np.append(closed, len(quotes) // 2)
        lines = lines[: len(ends)]
        starts = np.concatenate(([0], ends[:-1]))[: len(ends)]
        delimiters = np.flatnonzero(found == ord(delimiter))
        quoted = np.searchsorted(delimiters, quotes[1::2]) - np.searchsorted(
            delimiters, quotes[::2]
        )
        inside = np.concatenate(([0], np.cumsum(quoted)))
        widths = np.diff(np.searchsorted(delimiters, ends) - inside[closed], prepend=0) + 1
        first = found[starts]
        blank = (first == LINE_FEED) | ((first == RETURN) & (ends - starts == 2))  # noqa: PLR2004
        return cls(starts, ends, lines, np.where(blank, 0, widths))

    def places(self, records_: Sequence[int], block: PlainBlock, layout: Layout) -> list[Place]:
        """Give the line on which each of some records begins, and the record as it stood."""
        return [
            (
                block.line + int(self.lines[record]),
                layout.text(block.data[self.starts[record] : self.ends[record]]),
            )
            for record in records_
        ]


def _parse(data: bytes, layout: Layout) -> list[pa.StringArray]:
    """Read plain bytes as columns.

    Raises
    ------
    pyarrow.ArrowInvalid
        When a row has another width, or the bytes are no UTF-8.
    """
    names = [str(column) for column in range(layout.width)]
    if not data.strip(b"\r\n"):
        return [arrowmake.strings([]) for _ in names]
    if data.startswith(codecs.BOM_UTF8):  # no mark here, but pyarrow would drop it
        data = b"\n" + data
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        read_options=arrow_csv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=names
        ),
        parse_options=arrow_csv.ParseOptions(delimiter=layout.delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=[]
        ),
    )
    return [column.combine_chunks() for column in table.columns]
