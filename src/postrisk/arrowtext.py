"""Arrow columns of any type as text, as a CSV export would write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from postrisk import arrowmake
from postrisk.errors import PostError, shorten

Value = TypeVar("Value")
Errors = dict[int, PostError]
Offsets = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_TEXTS = ("string", "large_string", "string_view")
# Arrow finds the distinct ones of these, so that each is written once.
_SCALARS = (
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_timestamp,
)


def plain_values(column: pa.Array) -> list[Any]:
    """Give plain values; one that Arrow cannot turn into Python stands as its error."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_plain_value(cell) for cell in column]


def _plain_value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError) as error:
        return error


def as_text(value: Any, name: str) -> str:
    """Write one of `plain_values` as a CSV export would.

    Parameters
    ----------
    value : object
    name : str
        The column's name, for the message.

    Raises
    ------
    PostError
        When the value is neither text, a number, a truth value, a date nor missing.

    Examples
    --------
    >>> as_text(612.0, "reposts"), as_text(None, "reposts"), as_text(True, "verified")
    ('612', '', 'true')
    """
    if isinstance(value, str):
        return value
    if value is None or value != value:  # noqa: PLR0124 - NaN is how pandas says missing
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        # ``value % 1`` fails for decimals of more than 28 digits.
        whole = math.isfinite(value) and value == int(value)
        return str(int(value)) if whole else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Exception):
        raise PostError(name, f"a value that cannot be read: {shorten(str(value))}")
    kind = type(value).__name__
    raise PostError(name, f"found a {kind}, expected text, a number, a date or nothing")


def text_column(
    column: pa.Array, name: str, *, valid_utf8: bool = False
) -> tuple[pa.StringArray, Errors]:
    """Give a column's cells as text, each as `as_text` writes it.

    Parameters
    ----------
    column : pyarrow.Array
        Of any type; less than 2 GiB of text.
    name : str
        The column's name, for messages.
    valid_utf8 : bool
        Whether strings need no check, as those that ``pyarrow.csv`` read.

    Returns
    -------
    cells : pyarrow.StringArray
        Valid UTF-8 without nulls, "" where a value is missing or cannot be written.
    errors : dict of int to PostError
        The rows whose values cannot be written.

    Examples
    --------
    >>> cells, errors = text_column(pa.array([612.0, None, 0.5]), "reposts")
    >>> cells.to_pylist(), errors
    (['612', '', '0.5'], {})
    """
    kind = column.type
    if str(kind) in _TEXTS:
        if not valid_utf8 and not _is_valid(column):
            return _written(column, name)
        return _filled(column.cast(pa.string())), {}
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return _filled(column.cast(pa.string())), {}
    if any(is_kind(kind) for is_kind in _SCALARS):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        return _written(column, name)
    cells, wrong = _written(column.dictionary, name)
    codes = arrowmake.from_numbers(column.indices.fill_null(-1))
    errors = {row: error for code, error in wrong.items() for row in _where(codes == code)}
    return _filled(cells.take(column.indices)), errors


def _is_valid(column: pa.Array) -> bool:
    """Tell whether strings are UTF-8; Spark lets others through."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _filled(cells: pa.StringArray) -> pa.StringArray:
    return cells.fill_null("") if cells.null_count else cells


def _where(mask: npt.NDArray[np.bool_]) -> list[int]:
    rows: list[int] = np.flatnonzero(mask).tolist()
    return rows


def _written(column: pa.Array, name: str) -> tuple[pa.StringArray, Errors]:
    cells, errors = [], {}
    for row, value in enumerate(plain_values(column)):
        try:
            cells.append(as_text(value, name))
        except PostError as error:
            cells.append("")
            errors[row] = error
    return arrowmake.strings(cells), errors


def text_bytes(cells: pa.StringArray) -> tuple[Bytes, Offsets]:
    r"""Give the UTF-8 bytes of cells end to end, without a copy, and where each starts and ends.

    Parameters
    ----------
    cells : pyarrow.StringArray
        Without nulls.

    Returns
    -------
    data : ndarray of uint8
    offsets : ndarray of int64, shape (n_rows + 1,)

    Examples
    --------
    >>> data, offsets = text_bytes(pa.array(["x", "", "né"])[1:])
    >>> bytes(data), offsets.tolist()
    (b'n\xc3\xa9', [0, 0, 3])
    """
    _, ends, data = cells.buffers()
    if not len(cells) or data is None:
        return np.zeros(0, dtype=np.uint8), np.zeros(len(cells) + 1, dtype=np.int64)
    stored = np.frombuffer(ends, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    used = np.frombuffer(data, dtype=np.uint8)[stored[0] : stored[-1]]
    return used, stored.astype(np.int64) - int(stored[0])


def truths(found: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """Give truth values without nulls as numpy does."""
    _, bits = found.buffers()
    if not len(found):
        return np.zeros(0, dtype=bool)
    ends = found.offset + len(found)
    unpacked = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=ends, bitorder="little")
    return unpacked[found.offset :].view(bool)


def select(cells: pa.StringArray, mask: npt.NDArray[np.bool_]) -> pa.StringArray:
    """Give the cells of some rows, without a copy where they are all."""
    return cells if mask.all() else cells.filter(arrowmake.truths(mask))


def read_distinct(
    cells: pa.StringArray, read: Callable[[str], Value]
) -> tuple[list[Value | PostError], Offsets]:
    """Read cells by reading each distinct one once.

    Parameters
    ----------
    cells : pyarrow.StringArray
        Without nulls.
    read : callable
        May raise `PostError`.

    Returns
    -------
    values : list
        What ``read`` gives or raises for each distinct cell.
    codes : ndarray of int64, shape (n_rows,)
        For each row, its index in ``values``.

    Examples
    --------
    >>> values, codes = read_distinct(pa.array(["x", "yy", "x"]), len)
    >>> values, codes.tolist()
    ([1, 2], [0, 1, 0])
    """
    encoded = pc.dictionary_encode(cells)
    values: list[Value | PostError] = []
    for cell in encoded.dictionary.to_pylist():
        try:
            values.append(read(cell))
        except PostError as error:
            values.append(error)
    return values, arrowmake.from_numbers(encoded.indices).astype(np.int64)
