"""Arrow arrays from numpy arrays and strings, and back, by their memory.

``pyarrow.array`` and ``to_numpy`` import pandas where it is installed, only to ask whether a value
is one of its own: a fifth of a second and more that no caller wants.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def numbers(values: npt.NDArray[Any]) -> pa.Array:
    """Give numbers.

    >>> numbers(np.array([3, 1])).to_pylist()
    [3, 1]
    """
    data = np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [None, pa.py_buffer(data)])


def from_numbers(column: pa.Array) -> npt.NDArray[Any]:
    """Give a column of numbers without nulls as numpy sees it, without a copy.

    >>> from_numbers(pa.array([1, 2, 3])[1:]).tolist()
    [2, 3]
    """
    _, data = column.buffers()
    kind = column.type.to_pandas_dtype()
    if not len(column):
        return np.zeros(0, dtype=kind)
    return np.frombuffer(data, dtype=kind)[column.offset : column.offset + len(column)]


def truths(mask: npt.NDArray[np.bool_]) -> pa.BooleanArray:
    """Give truth values.

    >>> truths(np.array([True, False])).to_pylist()
    [True, False]
    """
    bits = np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])


def optional(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> pa.Array:
    """Give numbers that are null where they are not known.

    >>> optional(np.array([3, 0]), np.array([True, False])).to_pylist()
    [3, None]
    """
    data, bits = np.ascontiguousarray(values), np.packbits(known, bitorder="little")
    kind = pa.from_numpy_dtype(data.dtype)
    return pa.Array.from_buffers(kind, len(data), [pa.py_buffer(bits), pa.py_buffer(data)])


@cache
def constant(value: str) -> pa.StringScalar:
    """Give one string for a function that takes a column.

    >>> constant(",").as_py()
    ','
    """
    return strings([value])[0]


def strings(values: Sequence[str]) -> pa.StringArray:
    """Give strings, of less than 2 GiB together.

    Raises
    ------
    UnicodeEncodeError
        When one has a lone surrogate.
    OverflowError
        When they are 2 GiB or more.

    Examples
    --------
    >>> strings(["soup", "", "汤"]).to_pylist()
    ['soup', '', '汤']
    """
    return scattered(values, np.arange(len(values)), len(values))


def scattered(values: Sequence[str], rows: npt.NDArray[np.int64], n_rows: int) -> pa.StringArray:
    """Give strings in some rows and empty ones in the others.

    >>> scattered(["soup"], np.array([1]), 3).to_pylist()
    ['', 'soup', '']
    """
    encoded = [value.encode() for value in values]
    ends = np.zeros(n_rows + 1, dtype=np.int64)
    ends[rows + 1] = list(map(len, encoded))
    np.cumsum(ends, out=ends)
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError("strings of 2 GiB or more in one column")
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), n_rows, buffers)
