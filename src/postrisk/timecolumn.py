"""Days of many times at once: usual forms by their bytes, all others through `parse_time`."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from postrisk.arrowtext import Bytes, Errors, read_distinct, select, text_bytes
from postrisk.errors import PostError
from postrisk.post import parse_time

Days = npt.NDArray[np.datetime64]
Mask = npt.NDArray[np.bool_]

# How the usual exports write a time, one sign a byte: 0 for a digit, a for a letter,
# one of `_SIGNS` or itself.
_DATE, _CLOCK = "0000/00/00", "0000/00/00 00:00:00"
_ISO = "0000-00-00 00:00:00"
_ZONES = ("Z", "+00:00", "+0000")
_FRACTIONS = (".000", ".000000")
_FORMS = (
    _DATE,
    f"{_DATE} 00:00",
    _CLOCK,
    *(f"{_ISO}{fraction}{zone}" for fraction in ("", *_FRACTIONS) for zone in _ZONES),
    *(f"{_ISO}{fraction}" for fraction in _FRACTIONS),
)
_TWITTER = "aaa_aaa_00_00:00:00_+0000_0000"
_UNIX = ("0" * 9, "0" * 10)
_LENGTHS = sorted({len(form) for form in (*_FORMS, *_UNIX, _TWITTER)})
_SIGNS = {"/": b"-/.", " ": b" T", "+": b"+-", "_": b" "}
_DAY = 86_400


def read_days(cells: pa.StringArray) -> tuple[Days, Errors]:
    """Read the day of each time, in its own zone, as `postrisk.post.parse_time` reads it.

    Parameters
    ----------
    cells : pyarrow.StringArray
        Without nulls.

    Returns
    -------
    days : ndarray of datetime64[D], shape (n_rows,)
        NaT where the time is missing or cannot be read.
    errors : dict of int to PostError
        The rows whose times cannot be read.

    Examples
    --------
    >>> days, errors = read_days(pa.array(["2014/6/12", "1402561860", "", "2023-02-29"]))
    >>> days.tolist()
    [datetime.date(2014, 6, 12), datetime.date(2014, 6, 12), None, None]
    >>> [*errors]
    [3]
    """
    lengths = np.diff(text_bytes(cells)[1])
    days = np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[D]")
    rest = lengths > 0
    for length in _LENGTHS:
        here = lengths == length
        if not here.any():
            continue
        rows = np.flatnonzero(here)
        signs = text_bytes(select(cells, here))[0].reshape(-1, length)
        found, known = _read(np.ascontiguousarray(signs.T))
        days[rows[known]] = found[known]
        rest[rows[known]] = False
    rows = np.flatnonzero(rest)
    if not rows.size:
        return days, {}
    found, errors = _read_rest(select(cells, rest))
    days[rows] = found
    return days, {int(rows[row]): error for row, error in errors.items()}


def _read(signs: Bytes) -> tuple[Days, Mask]:
    """Read texts of one length, shape (length, n_texts); give days and which are known."""
    length, count = signs.shape
    days = np.full(count, np.datetime64("NaT"), dtype="datetime64[D]")
    known = np.zeros(count, dtype=bool)
    if length in map(len, _UNIX):
        known = _fits(signs, "0" * length)
        days[known] = (_number(signs, 0, length)[known] // _DAY).astype("datetime64[D]")
    if length == len(_TWITTER):
        return _read_twitter(signs)
    for form in _FORMS:
        if len(form) == length and not known.all():
            fits = _fits(signs, form)
            found, valid = _read_date(signs)
            fits &= valid & _clock_is_valid(signs, form)
            days[fits] = found[fits]
            known |= fits
    return days, known


def _fits(signs: Bytes, form: str) -> Mask:
    """Tell which texts are of a form."""
    fits = np.ones(signs.shape[1], dtype=bool)
    for position, sign in enumerate(form):
        allowed = _SIGNS.get(sign, sign.encode())
        column = signs[position]
        if sign == "0":
            fits &= (column - np.uint8(ord("0"))) < 10  # noqa: PLR2004 - digits
        elif sign == "a":
            fits &= ((column | 0x20) - np.uint8(ord("a"))) < 26  # noqa: PLR2004 - letters
        else:
            fits &= np.logical_or.reduce([column == byte for byte in allowed])
    return fits


def _number(signs: Bytes, start: int, stop: int) -> npt.NDArray[np.int64]:
    number = np.zeros(signs.shape[1], dtype=np.int64)
    for column in signs[start:stop]:
        number = number * 10 + (column - np.uint8(ord("0")))
    return number


def _read_date(signs: Bytes) -> tuple[Days, Mask]:
    year, month, day = _number(signs, 0, 4), _number(signs, 5, 7), _number(signs, 8, 10)
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = (months.astype("datetime64[D]") + (day - 1)).astype("datetime64[D]")
    valid = (year > 0) & (month > 0) & (month <= 12) & (day > 0)  # noqa: PLR2004 - months
    return days, valid & (days.astype("datetime64[M]") == months)


def _clock_is_valid(signs: Bytes, form: str) -> Mask:
    """Tell which hours, minutes, seconds and zones of a form exist."""
    valid = np.ones(signs.shape[1], dtype=bool)
    limits = [(11, 24), (14, 60), (17, 60)]
    zone = form.find("+")
    if zone > 0:
        limits += [(zone + 1, 24), (len(form) - 2, 60)]
    for start, limit in limits:
        if start < len(form):
            valid &= _number(signs, start, start + 2) < limit
    return valid


def _read_twitter(signs: Bytes) -> tuple[Days, Mask]:
    """Read ``Thu Jun 12 08:31:00 +0000 2014``: one `parse_time` for all times of a day.

    The clock and the zone say nothing about the day in the time's own zone, so any that exist
    may stand for them.
    """
    fits = _fits(signs, _TWITTER)
    for start, limit in ((11, 24), (14, 60), (17, 60), (21, 24), (23, 60)):
        fits &= _number(signs, start, start + 2) < limit
    days = np.full(signs.shape[1], np.datetime64("NaT"), dtype="datetime64[D]")
    same = signs[:, fits].T.copy()
    same[:, 11:25] = np.frombuffer(b"00:00:00 +0000", dtype=np.uint8)
    ends = np.arange(0, same.size + 1, len(_TWITTER), dtype=np.int32)
    buffers = pa.py_buffer(ends), pa.py_buffer(same.tobytes())
    found, errors = _read_rest(pa.StringArray.from_buffers(len(same), *buffers))
    days[fits] = found
    rows = np.flatnonzero(fits)
    fits[rows[[*errors]]] = False
    return days, fits


def _read_rest(cells: pa.StringArray) -> tuple[Days, Errors]:
    """Read each distinct time through `parse_time`."""

    def day_of(cell: str) -> date | None:
        time = parse_time(cell)
        return None if time is None else time.date()

    values, codes = read_distinct(cells, day_of)
    wrong = np.array([isinstance(value, PostError) for value in values], dtype=bool)
    days = np.array(
        [None if isinstance(value, PostError) else value for value in values],
        dtype="datetime64[D]",
    )
    errors = {row: values[codes[row]] for row in np.flatnonzero(wrong[codes]).tolist()}
    return days[codes], errors
