"""Blocks of a file hold the rows that reading row by row gives, wherever it is cut."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postrisk.csvblocks import Layout, Outline, PlainBlock
from postrisk.csvcut import ByteLines, blocks, plain_end
from postrisk.errors import TableError
from postrisk.rows import Lines, Rejected, records

CELLS = ["a", "bc", "", "谣言", "é", "😀", " ", "\x00", "\ufeff", "1", "x" * 20]
QUOTED = ['"a"', '""', '"b,c"', '"d;e"', '"f\ng"', '"h\r\ni"', '"j\rk"', '"l""m"', '""""', '"\n\n"']
STRAY = ['"', 'n"o', '"p"q', '"r', 's"', '"' * 3, "\r"]
ENDS = ["\n"] * 8 + ["\r\n"] * 2 + ["\n\n", "\r", "\r\r\n", "", " \n"]
BROKEN = [b"\xff", b"\xe8\xb0", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xc0\x80"]


@st.composite
def tables(draw, width=2, delimiter=","):
    """Bytes of a table in which most is well, and the rest is anything."""
    wild = draw(st.sampled_from([0, 0, 1, 5, 30]))
    odd = st.integers(0, 99)
    parts = []
    for _ in range(draw(st.integers(0, 14))):
        cells = draw(st.lists(st.sampled_from(CELLS + QUOTED), min_size=width, max_size=width))
        cells = [cell.replace(",", delimiter) for cell in cells]
        if draw(odd) < wild:
            cells = draw(st.lists(st.sampled_from(CELLS + QUOTED + STRAY), max_size=width + 1))
        end = draw(st.sampled_from(ENDS if wild else ENDS[:11]))
        parts.append((delimiter.join(cells) + end).encode())
        if draw(odd) < wild:
            parts.append(draw(st.sampled_from(BROKEN) | st.binary(max_size=3)))
    return b"".join(parts)


def text_of(data, encoding):
    raw = io.BufferedReader(io.BytesIO(data))
    return io.TextIOWrapper(raw, encoding=encoding, errors="postrisk.keep", newline=""), raw


def by_rows(data, delimiter, width, encoding="utf-8"):
    lines = Lines(text_of(data, encoding)[0])
    return [
        record if isinstance(record, Rejected) else (lines.start, lines.text, record)
        for record in records(lines, delimiter, width)
    ]


def by_blocks(data, delimiter, width, encoding="utf-8", size=64):
    text, raw = text_of(data, encoding)
    file = ByteLines(text, encoding, raw, size)
    layout = Layout(delimiter, width, file.errors)
    found, kinds = [], []
    for block in blocks(file, Lines(file), layout, size):
        kinds.append(type(block))
        cells = block.read(layout)
        rows = list(zip(*(array.to_pylist() for array in cells.arrays), strict=True))
        places = cells.places(range(len(rows)))
        items = [(*place, list(row)) for place, row in zip(places, rows, strict=True)]
        items += cells.rejected
        found += sorted(items, key=lambda i: i.line if isinstance(i, Rejected) else i[0])
    return found, kinds


sizes = st.sampled_from([1, 2, 3, 7, 8, 16, 31, 64, 1 << 20])


@given(data=tables() | st.binary(max_size=60), size=sizes)
@example(data=b'a,"b\nc,d\n', size=4)
@example(data=b'a,b\n"c\n",\n"d\ne"\nf,g\n', size=64)
@example(data=b"\xef\xbb\xbfa,b\n" * 3, size=8)
@example(data=b"a,b\r", size=2)
@example(data=b"a,b\r\n", size=4)
@example(data=b'a,"b"\r\n', size=6)
@example(data=b'\xff,"\n"\n', size=64)
def test_any_bytes_in_blocks_are_the_rows_of_the_file(data, size):
    assert by_blocks(data, ",", 2, size=size)[0] == by_rows(data, ",", 2)


@given(data=tables(width=1), size=sizes)
def test_tables_of_one_column(data, size):
    assert by_blocks(data, ",", 1, size=size)[0] == by_rows(data, ",", 1)


@pytest.mark.parametrize("delimiter", [";", "\t", " ", "\x01", "，", "a", "\x00", "0"])
@settings(max_examples=25)
@given(data=st.data(), size=sizes)
def test_any_delimiter(delimiter, data, size):
    table = data.draw(tables(width=3, delimiter=delimiter))
    assert by_blocks(table, delimiter, 3, size=size)[0] == by_rows(table, delimiter, 3)


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "gb18030", "utf-16", "utf-16-le", "latin-1", "ascii", "utf-7"]
)
@settings(max_examples=25)
@given(data=tables(), size=sizes, convert=st.booleans())
def test_any_encoding(encoding, data, size, convert):
    if convert:
        data = data.decode("utf-8", "replace").encode(encoding, "replace")
    try:
        expected = by_rows(data, ",", 2, encoding)
    except TableError as error:
        with pytest.raises(TableError) as found:
            by_blocks(data, ",", 2, encoding, size)
        assert str(found.value)[:20] == str(error)[:20]
        return
    assert by_blocks(data, ",", 2, encoding, size)[0] == expected


def test_what_is_plain_is_read_as_a_whole():
    data = b'a,b\n\n"c, d","e ""f"""\r\nwrong\n\xff,g\n"two\nlines",h\n\x00,\n' * 40
    found, kinds = by_blocks(data, ",", 2, size=1 << 20)
    assert kinds == [PlainBlock]
    assert found == by_rows(data, ",", 2)


@pytest.mark.parametrize("quotes", [1, 40])
def test_open_quotation_marks_are_read_as_row_by_row(quotes):
    data = b"a,b\n" * 30 + b'c,"d\n' * quotes + b"e,f\n" * 2500
    for size in (64, 1000, 1 << 20):
        assert by_blocks(data, ",", 2, size=size)[0] == by_rows(data, ",", 2)


def test_the_limit_of_lines_holds_once_many_were_taken_back():
    data = b'c,"d\n' * 1001 + b'b,"' + b"\n" * 12 + b'"\n' + b'"' + b"\n" * 998 + b'",\n' + b"a,b\n"
    for size in (64, 1 << 12, 1 << 20):
        assert by_blocks(data, ",", 2, size=size)[0] == by_rows(data, ",", 2)


def test_a_record_of_as_many_lines_as_allowed_is_plain():
    layout = Layout(",", 2)
    data = b'"' + b"\n" * 9 + b'",b\n'
    assert plain_end(data, layout, 10, last=True) == len(data)
    assert plain_end(data, layout, 9, last=True) == 0


def test_a_record_longer_than_a_block_is_read_on():
    data = (b"a," + b"b" * 5000 + b'\n"c' + b" " * 5000 + b'",d\n') * 2
    found, kinds = by_blocks(data, ",", 2, size=64)
    assert found == by_rows(data, ",", 2)
    assert set(kinds) == {PlainBlock}


def test_the_largest_cell_is_the_same(monkeypatch):
    monkeypatch.setattr("postrisk.rows.LARGEST_FIELD", 100)
    monkeypatch.setattr("postrisk.csvcut.LARGEST_FIELD", 100)
    data = b"".join(b"a," + b"b" * n + b"\n" for n in (99, 100, 101)) + b'"' + b"c" * 101 + b'",\n'
    for size in (1, 50, 64):
        found, _ = by_blocks(data, ",", 2, size=size)
        assert found == by_rows(data, ",", 2)
        assert "field larger" in found[2].reason


def test_positions_tell_how_far_the_file_was_read():
    data = b"a,b\n" * 100
    text, raw = text_of(data, "utf-8")
    file = ByteLines(text, "utf-8", raw, 64)
    found = [block.position for block in blocks(file, Lines(file), Layout(",", 2), 64)]
    assert found == [*range(64, 400, 64), 400]


@given(data=tables())
def test_an_outline_covers_all_plain_bytes(data):
    data = data[: max(plain_end(data, Layout(",", 2), 1000, last=True), 0)]
    outline = Outline.of(data, ",")
    pieces = [data[a:b] for a, b in zip(outline.starts, outline.ends, strict=True)]
    assert b"".join(pieces) == data
    assert all(pieces)
