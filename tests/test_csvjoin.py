"""Columns joined into rows are the bytes that the csv module writes."""

from __future__ import annotations

import csv
import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.assessed import AssessedColumns
from postrisk.csvjoin import decimals, join_rows, quote
from postrisk.cutoffs import BANDS
from postrisk.rules import OUTCOMES, RECOMMENDATIONS

CELLS = st.text(st.sampled_from('ab,"\n\r ;\t谣😀\x00'), max_size=6)


def strings(values):
    return pa.array(values, type=pa.string())


def as_written(rows):
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()


@given(cells=st.lists(CELLS, max_size=8), start=st.integers(0, 8))
def test_quotation_marks_stand_where_the_csv_module_puts_them(cells, start):
    quoted = quote(strings(cells).slice(start)).to_pylist()
    assert [f"{cell},x\r\n".encode() for cell in quoted] == [
        as_written([[cell, "x"]]) for cell in cells[start:]
    ]


@given(rows=st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), max_size=5))
def test_decimals_are_those_of_python(rows):
    scores = np.round(np.array(rows, dtype=np.float64).reshape(-1, 3) / 10**6, 6)
    expected = [",".join(f"{score:.6f}" for score in row) for row in scores.tolist()]
    assert decimals(scores).to_pylist() == expected


def test_every_score_there_is_has_its_decimals():
    scores = np.round(np.arange(10**6 + 1).reshape(-1, 1) / 10**6, 6)
    found = decimals(scores).to_pylist()
    assert found == [f"{number // 10**6}.{number % 10**6:06d}" for number in range(10**6 + 1)]


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_probability_is_refused(score):
    with pytest.raises(ValueError, match="between 0 and 1"):
        decimals(np.array([[0.5, score]]))


@st.composite
def assessments(draw, rows, categories=2):
    def codes(names, *shape):
        size = int(np.prod((rows, *shape)))
        drawn = st.lists(st.integers(0, len(names) - 1), min_size=size, max_size=size)
        return np.array(draw(drawn), dtype=np.int8).reshape(rows, *shape)

    texts = st.lists(CELLS, min_size=rows, max_size=rows)
    micro = st.lists(st.integers(0, 10**6), min_size=rows * categories, max_size=rows * categories)
    return AssessedColumns(
        categories=tuple(f"c{index}" for index in range(categories)),
        scores=np.array(draw(micro), dtype=np.float64).reshape(rows, categories) / 10**6,
        bands=codes(BANDS, categories),
        outcomes=codes(OUTCOMES),
        recommendations=codes(RECOMMENDATIONS),
        scripts=np.zeros(rows, dtype=np.int8),
        languages=strings(draw(texts)),
        reasons=strings(draw(texts)),
    )


@given(data=st.data(), rows=st.integers(0, 6), width=st.integers(1, 3))
def test_rows_are_written_as_the_csv_module_writes_them(data, rows, width):
    found = data.draw(assessments(rows))
    cells = [data.draw(st.lists(CELLS, min_size=rows, max_size=rows)) for _ in range(width)]
    expected = [
        [
            *(column[row] for column in cells),
            found.languages[row].as_py(),
            *(f"{score:.6f}" for score in found.scores[row]),
            *(BANDS[code].value for code in found.bands[row]),
            OUTCOMES[found.outcomes[row]].value,
            RECOMMENDATIONS[found.recommendations[row]].value,
            found.reasons[row].as_py(),
        ]
        for row in range(rows)
    ]
    written = b"".join(as_written([row])[:-2] + b"\n" for row in expected)
    assert bytes(join_rows([strings(column) for column in cells], found)) == written
