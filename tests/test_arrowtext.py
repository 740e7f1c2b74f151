"""Arrow columns of any type become the text that a CSV export would hold."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.arrowtext import as_text, plain_values, read_distinct, text_bytes, text_column
from postrisk.errors import PostError

moments = st.datetimes(datetime(1970, 1, 2), datetime(2250, 1, 1))
COLUMNS = [
    (pa.string(), st.text(max_size=5)),
    (pa.large_string(), st.text(max_size=5)),
    (pa.string_view(), st.text(max_size=20)),
    (pa.dictionary(pa.int8(), pa.string()), st.text("ab", max_size=2)),
    (pa.dictionary(pa.int16(), pa.float64()), st.floats(width=16)),
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float16(), st.floats(width=16).map(np.float16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats() | st.integers(-9, 10**6).map(float)),
    (pa.bool_(), st.booleans()),
    (pa.decimal128(8, 2), st.decimals(-9999, 9999, places=2)),
    (pa.decimal128(38, 0), st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal)),
    (pa.date32(), st.dates(date(1970, 1, 2))),
    (pa.date64(), st.dates(date(1970, 1, 2))),
    (pa.timestamp("s"), moments.map(lambda moment: moment.replace(microsecond=0))),
    (pa.timestamp("us"), moments),
    (pa.timestamp("ns"), moments),
    (pa.timestamp("us", "UTC"), moments.map(lambda moment: moment.replace(tzinfo=UTC))),
    (pa.time64("us"), st.just(time(8, 31))),
    (pa.duration("s"), st.just(timedelta(seconds=5))),
    (pa.binary(), st.binary(max_size=3)),
    (pa.list_(pa.int8()), st.lists(st.integers(0, 9), max_size=2)),
    (pa.struct([("x", pa.int8())]), st.fixed_dictionaries({"x": st.integers(0, 9)})),
]
arrays = st.one_of(
    *(
        st.lists(st.none() | values, max_size=6).map(lambda v, kind=kind: pa.array(v, type=kind))
        for kind, values in COLUMNS
    ),
    st.integers(0, 4).map(pa.nulls),
)


def one_by_one(column, name):
    cells, errors = [], {}
    for row, value in enumerate(plain_values(column)):
        try:
            cells.append(as_text(value, name))
        except PostError as error:
            cells.append("")
            errors[row] = str(error)
    return cells, errors


@given(arrays, st.integers(0, 3))
def test_a_column_is_written_as_its_values_are(column, skipped):
    column = column[skipped:]
    cells, errors = text_column(column, "column")
    assert (cells.to_pylist(), {row: str(e) for row, e in errors.items()}) == one_by_one(
        column, "column"
    )
    assert cells.type == pa.string()
    assert cells.null_count == 0


def broken_text():
    # 0xff is never UTF-8, and 0xeda080 is a surrogate.
    values = pa.array([b"\xff", b"soup", None, b"\xed\xa0\x80"], pa.binary())
    buffers = values.buffers()
    return pa.StringArray.from_buffers(4, buffers[1], buffers[2], buffers[0])


def test_text_that_is_not_utf8_costs_its_row_alone():
    cells, errors = text_column(broken_text(), "text")
    assert cells.to_pylist() == ["", "soup", "", ""]
    assert sorted(errors) == [0, 3]
    assert str(errors[0]).startswith("text: a value that cannot be read")
    assert one_by_one(broken_text(), "text")[1] == {row: str(e) for row, e in errors.items()}


def test_times_that_python_cannot_hold_cost_their_row_alone():
    column = pa.array([0, 2**62, None], type=pa.timestamp("us"))
    cells, errors = text_column(column, "time")
    assert cells.to_pylist() == ["1970-01-01T00:00:00", "", ""]
    assert [*errors] == [1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal(10**30), "1" + "0" * 30),
        (Decimal("0.50"), "0.50"),
        (Decimal("-3.00"), "-3"),
        (-0.0, "0"),
        (1e300, str(int(1e300))),
        (math.inf, "inf"),
        (math.nan, ""),
        (True, "true"),
    ],
)
def test_numbers_are_written_whole_where_they_are(value, text):
    assert as_text(value, "reposts") == text


@given(st.lists(st.text(max_size=4), max_size=6), st.integers(0, 6), st.integers(0, 6))
def test_the_bytes_of_cells_are_those_of_each(texts, start, stop):
    column = pa.array(texts, pa.string())[start:stop]
    data, offsets = text_bytes(column)
    found = [bytes(data[a:b]).decode() for a, b in pairwise(offsets)]
    assert found == column.to_pylist()


@given(st.lists(st.sampled_from(["1", "2", "x"]), max_size=9))
def test_each_distinct_cell_is_read_once(texts):
    seen = []

    def read(cell):
        seen.append(cell)
        if cell == "x":
            raise PostError("field", "reason")
        return int(cell)

    values, codes = read_distinct(pa.array(texts, pa.string()), read)
    assert sorted(seen) == sorted(set(texts))
    found = [values[code] for code in codes]
    assert [str(value) for value in found] == [
        "field: reason" if text == "x" else text for text in texts
    ]
