"""Columns joined into rows of CSV, the same bytes as `csv.writer` writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from postrisk import arrowmake
from postrisk.arrowtext import text_bytes
from postrisk.assessed import AssessedColumns
from postrisk.cutoffs import BANDS
from postrisk.rules import OUTCOMES, RECOMMENDATIONS

_QUOTED = b',"\r\n'
_DIGITS = 6
# One row for each of three places, one column for each number below a thousand.
_PLACES = np.array([list(b"%03d" % number) for number in range(1000)], dtype=np.uint8).T.copy()


def join_rows(columns: Sequence[pa.StringArray], assessed: AssessedColumns) -> memoryview:
    r"""Join the cells of rows and what was found of them, each row with its ``\n``.

    Parameters
    ----------
    columns : sequence of pyarrow.StringArray, each of length n_rows
    assessed : AssessedColumns of n_rows
        The cells of `postrisk.tables.added_columns` come from it.

    Returns
    -------
    memoryview
        UTF-8.
    """
    if not len(assessed):
        return memoryview(b"")
    cells = [*map(quote, columns), quote(assessed.languages), decimals(assessed.scores)]
    cells += [_names(assessed), _with(quote(assessed.reasons), "", "\n")]
    rows = pc.binary_join_element_wise(*cells, arrowmake.constant(","))
    return text_bytes(rows)[0].data


def quote(cells: pa.StringArray) -> pa.StringArray:
    r"""Put cells that hold a comma, a quotation mark, CR or LF into quotation marks.

    >>> quote(pa.array(["plain", 'a "b", c', ""])).to_pylist()
    ['plain', '"a ""b"", c"', '']
    """
    data, offsets = text_bytes(cells)
    raw = data.tobytes()
    present = [code for code in _QUOTED if code in raw]
    if not present:
        return cells
    special = np.flatnonzero(reduce(np.logical_or, [data == code for code in present]))
    rows = np.searchsorted(offsets, special, side="right") - 1
    mask = np.zeros(len(cells), dtype=bool)
    mask[rows] = True
    some = cells.filter(arrowmake.truths(mask))
    doubled = pc.replace_substring(some, '"', '""')
    return pc.replace_with_mask(cells, arrowmake.truths(mask), _with('"', doubled, '"'))


def _with(*parts: pa.StringArray | str) -> pa.StringArray:
    columns = [arrowmake.constant(p) if isinstance(p, str) else p for p in parts]
    return pc.binary_join_element_wise(*columns, arrowmake.constant(""))


def decimals(scores: npt.NDArray[np.float64]) -> pa.StringArray:
    """Give each row's scores with six decimals, joined by commas.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_rows, n_scores)
        Rounded to six decimals and between 0 and 1.

    Raises
    ------
    ValueError
        When a score is no probability.

    Examples
    --------
    >>> decimals(np.array([[0.25, 1.0], [1e-06, 0.0]])).to_pylist()
    ['0.250000,1.000000', '0.000001,0.000000']
    """
    rows, columns = scores.shape
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("found a score that is not between 0 and 1")
    whole = np.rint(scores.ravel() * 10**_DIGITS).astype(np.int32)
    thousands = whole // 1000
    units, high, low = thousands // 1000, thousands % 1000, whole % 1000
    digits = np.full((rows * columns, _DIGITS + 3), ord(","), dtype=np.uint8)
    digits[:, 0] = units + ord("0")
    digits[:, 1] = ord(".")
    for place, numerals in enumerate(_PLACES):
        digits[:, 2 + place] = numerals[high]
        digits[:, 5 + place] = numerals[low]
    width = columns * (_DIGITS + 3) - 1
    data = np.ascontiguousarray(digits.reshape(rows, width + 1)[:, :width])
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(data))


def _names(assessed: AssessedColumns) -> pa.StringArray:
    """Give bands, reach and recommendation of each row, joined by commas."""
    codes = np.zeros(len(assessed), dtype=np.int64)
    tables = [[band.value for band in BANDS]] * len(assessed.categories)
    tables += [[o.value for o in OUTCOMES], [r.value for r in RECOMMENDATIONS]]
    columns = [*assessed.bands.T, assessed.outcomes, assessed.recommendations]
    for table, column in zip(tables, columns, strict=True):
        codes = codes * len(table) + column
    _, firsts, which = np.unique(codes, return_index=True, return_inverse=True)
    names = [
        ",".join(table[column[row]] for table, column in zip(tables, columns, strict=True))
        for row in firsts.tolist()
    ]
    return arrowmake.strings(names).take(arrowmake.numbers(which.ravel()))
