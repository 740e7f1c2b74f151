"""A batch read in columns holds what `Columns.post` reads of each row, and its errors."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postrisk import columnreader
from postrisk.arrowtext import as_text, plain_values
from postrisk.columnreader import read_columns
from postrisk.columns import Columns
from postrisk.counts import Count
from postrisk.errors import PostError
from postrisk.postcolumns import KINDS


def _read_posts(batch, columns, max_chars):
    """Read row by row, each cell as a CSV export would write it."""
    used = [columns.header.index(name) for name in columns.found.values()]
    names = [columns.header[index] for index in used]
    lists = [plain_values(batch.column(index)) for index in used]
    row = [""] * len(columns.header)
    for values in zip(*lists, strict=True):
        try:
            for index, name, value in zip(used, names, values, strict=True):
                row[index] = as_text(value, name)
            yield columns.post(row, max_chars=max_chars)
        except PostError as error:
            yield error


COUNTERS = ("reposts", "views", "likes", "comments")
HEADER = [
    "id", "正文", "转发数", "阅读数", "点赞数", "评论数", "发布时间", "账号类型", "粉丝数", "认证",
    "语言", "platform", "extra",
]  # fmt: skip
SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
blanks = st.text(SPACES, max_size=4)
hostile = st.text(st.characters(codec="utf-8"), max_size=8) | blanks
texts = (
    st.sampled_from(
        ["Soup for lunch", "我今晚打死你", "かなと漢字", "123", "x" * 21, "é" * 20, "中" * 21,
         "😀e\u0301", "\0", "“No”", "\u3000。", "　中", "\x85x", "\u200b", "👩‍👩‍👧"]
    )
    | hostile
    | st.text("ab中か \u3000", max_size=24)
)  # fmt: skip
counts = (
    st.sampled_from(
        ["", " ", "0", "499", "500", "5,000", "1万+", "１２", "1.2k", "612.0", "5.000", "-1",
         "about 5k", "007", "9" * 18, "9" * 19, "9223372036854775807", "9223372036854775808",
         "0" * 101, "1\0", "+5", "٣", "12 345", "nan", "1e5"]
    )
    | st.integers(0, 10**20).map(str)
    | hostile
)  # fmt: skip
times = (
    st.sampled_from(
        ["", "2014-06-12 08:31", "2014/6/1", "yesterday", "1402561860", "2023-02-29",
         "2014-06-12T24:00:00", "2014-06-12T08:31:00+08:00", "Thu Jun 12 08:31:00 +0000 2014"]
    )
    | hostile
)  # fmt: skip
kinds = (
    st.sampled_from(["", " ", "public", "ＰＵＢＬＩＣ", "公众号", "个人", "secret", "unknown"])
    | hostile
)
truths = st.sampled_from(["", "是", "1", "no", "TRUE ", "maybe"]) | hostile
tongues = st.sampled_from(["", " ", "zh", " en\u3000", "\x1f", "de"]) | hostile
ROW = st.tuples(
    hostile, texts, counts, counts, counts, counts, times, kinds, counts, truths, tongues, hostile,
    hostile,
)  # fmt: skip
good_counts = st.sampled_from(["", "0", "499", "500", "1万+", "5,000", "１２"])
GOOD = st.tuples(
    hostile, texts, *[good_counts] * 4, st.sampled_from(["", "2014-06-12", "2014年6月12日"]),
    st.sampled_from(["", "公众号", "private"]), good_counts, st.sampled_from(["", "是", "no"]),
    tongues, hostile, hostile,
)  # fmt: skip
tables = st.lists(ROW | GOOD, max_size=12)


def as_arrays(rows, header=HEADER, kind=None):
    lists = zip(*rows, strict=True) if rows else [[] for _ in header]
    return [pa.array(values, type=kind or pa.string()) for values in lists]


def told(error):
    return type(error), error.field, error.reason, str(error)


def check(read, posts):
    """Compare what a batch holds with posts or errors read row by row."""
    accepted = [row for row, post in enumerate(posts) if not isinstance(post, PostError)]
    assert read.accepted.tolist() == accepted
    assert [(row, told(error)) for row, error in read.rejected] == [
        (row, told(post)) for row, post in enumerate(posts) if isinstance(post, PostError)
    ]
    good, found = [posts[row] for row in accepted], read.posts
    assert len(found) == len(good)
    assert found.texts.to_pylist() == [post.text for post in good]
    assert found.languages.to_pylist() == [post.language for post in good]
    assert found.texts.type == found.languages.type == pa.string()
    assert [KINDS[code] for code in found.kinds] == [post.account.kind for post in good]
    assert found.days.tolist() == [post.posted_at and post.posted_at.date() for post in good]
    for name in COUNTERS:
        column = getattr(found, name)
        values = zip(column.values, column.at_least, column.known, strict=True)
        assert [
            Count(value=int(value), at_least=bool(more)) if known else None
            for value, more, known in values
        ] == [getattr(post.reach, name) for post in good]
        assert not column.values[~column.known].any()
        assert not column.at_least[~column.known].any()
        assert column.values.dtype == np.int64
    assert found.kinds.dtype == np.int8
    assert found.days.dtype == np.dtype("datetime64[D]")


def one_by_one(columns, rows, max_chars):
    for row in rows:
        try:
            yield columns.post(row, max_chars=max_chars)
        except PostError as error:
            yield error


@given(tables, st.sampled_from([0, 1, 20, 100_000]))
@example([], 20)
def test_rows_are_read_as_each_is(rows, max_chars):
    columns = Columns(HEADER)
    read = read_columns(columns, as_arrays(rows), max_chars=max_chars)
    check(read, [*one_by_one(columns, rows, max_chars)])


@given(tables, st.sets(st.sampled_from(HEADER)))
def test_fields_may_be_absent(rows, dropped):
    kept = [index for index, name in enumerate(HEADER) if name == "正文" or name not in dropped]
    columns = Columns([HEADER[index] for index in kept])
    rows = [[row[index] for index in kept] for row in rows]
    check(
        read_columns(columns, as_arrays(rows, columns.header)), [*one_by_one(columns, rows, 10**5)]
    )


@given(tables, st.integers(0, 5), st.integers(0, 12))
def test_slices_and_other_string_types_are_read_alike(rows, start, stop):
    columns, expected = Columns(HEADER), [*one_by_one(Columns(HEADER), rows[start:stop], 10**5)]
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        arrays = [array[start:stop] for array in as_arrays(rows, kind=kind)]
        check(read_columns(columns, arrays), expected)
    arrays = [array.dictionary_encode()[start:stop] for array in as_arrays(rows)]
    check(read_columns(columns, arrays), expected)


@given(tables)
def test_valid_text_needs_no_check(rows):
    columns = Columns(HEADER)
    read = read_columns(columns, as_arrays(rows), valid_utf8=True)
    check(read, [*one_by_one(columns, rows, 100_000)])


some_texts = st.sampled_from([None, "soup", "汤", " ", "x" * 30])
TYPED = {
    "text": [
        (pa.string(), some_texts),
        (pa.dictionary(pa.int8(), pa.string()), some_texts),
        (pa.int64(), st.none() | st.integers(0, 10**6)),
        (pa.list_(pa.string()), st.none() | st.just(["soup"])),
        (pa.binary(), st.none() | st.just(b"soup")),
    ],
    "id": [
        (pa.int64(), st.integers(0, 2**62)),
        (pa.list_(pa.int8()), st.none() | st.just([1])),
    ],
    "reposts": [
        (pa.int64(), st.none() | st.integers(-2, 2**62)),
        (pa.float64(), st.none() | st.floats() | st.sampled_from([612.0, -0.0])),
        (pa.decimal128(38, 0), st.none() | st.integers(0, 10**37).map(Decimal)),
        (pa.bool_(), st.none() | st.booleans()),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
    ],
    "posted_at": [
        (pa.timestamp("us"), st.none() | st.datetimes()),
        (pa.timestamp("us"), st.none() | st.integers(-(2**62), 2**62)),
        (pa.timestamp("us", "UTC"), st.none() | st.integers(0, 2**50)),
        (pa.date32(), st.none() | st.dates()),
        (pa.int64(), st.none() | st.integers(0, 10**11)),
        (pa.float64(), st.none() | st.floats(0, 1e10)),
        (pa.time64("us"), st.none()),
    ],
    "verified": [(pa.bool_(), st.none() | st.booleans()), (pa.int8(), st.integers(0, 2))],
    "language": [(pa.string(), st.sampled_from([None, "zh", " "])), (pa.null(), st.none())],
    "followers": [(pa.float32(), st.none() | st.floats(width=32))],
}


@st.composite
def batches(draw):
    rows = draw(st.integers(0, 6))
    names = ["text", *draw(st.sets(st.sampled_from([*TYPED][1:])))]
    arrays = []
    for name in names:
        kind, values = draw(st.sampled_from(TYPED[name]))
        arrays.append(pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), type=kind))
    return pa.RecordBatch.from_arrays(arrays, names=names)


@given(batches())
def test_typed_columns_are_read_as_on_spark(batch):
    columns = Columns(batch.schema.names)
    expected = [*_read_posts(batch, columns, 20)]
    check(read_columns(columns, batch.columns, max_chars=20), expected)


def test_text_that_is_not_utf8_costs_its_row_alone():
    offsets, data = pa.py_buffer(b"\0\0\0\0\1\0\0\0\5\0\0\0"), pa.py_buffer(b"\xffsoup")
    batch = pa.RecordBatch.from_pydict({"text": pa.StringArray.from_buffers(2, offsets, data)})
    columns = Columns(["text"])
    read = read_columns(columns, batch.columns)
    assert [row for row, _ in read.rejected] == [0]
    check(read, [*_read_posts(batch, columns, 100)])


def test_the_spaces_are_those_of_python():
    assert columnreader._SPACES == SPACES


def test_blank_texts_of_every_space_are_refused():
    values = [*SPACES, SPACES, "", *(f"{space}x" for space in SPACES)]
    read = read_columns(Columns(["text"]), [pa.array(values)])
    assert [row for row, _ in read.rejected] == [*range(len(SPACES) + 2)]
    assert read.posts.texts.to_pylist() == values[len(SPACES) + 2 :]


def test_a_blank_text_is_refused_as_blank_however_many_bytes_it_has():
    columns, rows = Columns(["text"]), [["\u3000"], ["\u3000\u3000"], ["中"], ["中文"]]
    read = read_columns(columns, as_arrays(rows, columns.header), max_chars=1)
    check(read, [*one_by_one(columns, rows, 1)])
    assert [row for row, _ in read.rejected] == [0, 1, 3]


def test_a_language_is_stripped_of_every_space():
    columns = Columns(["text", "language"])
    rows = [["soup", part] for space in SPACES for part in (space, f"{space}de{space}")]
    check(read_columns(columns, as_arrays(rows, columns.header)), [*one_by_one(columns, rows, 9)])


def test_plain_columns_are_kept_as_they_are_and_parse_nothing(monkeypatch):
    def never(*arguments):
        raise AssertionError(arguments)

    monkeypatch.setattr(columnreader.Count, "parse", never)
    monkeypatch.setattr(columnreader, "clean_text", never)
    texts = pa.array(["soup", "汤"])
    header = ["text", "reposts", "posted_at"]
    arrays = [texts, pa.array(["612", ""]), pa.array(["2014-06-12 08:31:00", ""])]
    read = read_columns(Columns(header), arrays)
    assert read.posts.texts.buffers()[2].address == texts.buffers()[2].address
    assert read.posts.reposts.known.tolist() == [True, False]
    assert read.posts.days.tolist() == [date(2014, 6, 12), None]


@pytest.mark.parametrize("arrays", [[["a"]], [["a"], ["b", "c"]]])
def test_arrays_that_do_not_fit_the_header_are_refused(arrays):
    with pytest.raises(ValueError, match="expected"):
        read_columns(Columns(["text", "id"]), [pa.array(values) for values in arrays])
