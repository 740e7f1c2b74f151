"""Rows of an export checked in columns, equal to `postrisk.columns.Columns.post` row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from postrisk import arrowmake
from postrisk.arrowtext import (
    Errors,
    read_distinct,
    select,
    text_bytes,
    text_column,
    truths,
)
from postrisk.columns import Columns, read_kind, read_verified
from postrisk.counts import Count
from postrisk.errors import PostError
from postrisk.languages import LANGUAGES, detect_languages
from postrisk.post import MAX_CHARS, clean_text
from postrisk.postcolumns import KINDS, CountColumn, PostColumns
from postrisk.timecolumn import Days, read_days

_SPACES = "".join(sign for sign in map(chr, range(0x3001)) if sign.isspace())
_STARTS_OF_SPACES = np.isin(np.arange(256), [sign.encode()[0] for sign in _SPACES])
_PLAIN_DIGITS = 18  # always below `postrisk.counts.LARGEST`
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Cells = dict[str, pa.StringArray]

_REACH = ("reposts", "views", "likes", "comments")
_COUNTERS = {**{field: f"reach.{field}" for field in _REACH}, "followers": "account.followers"}
# As `Columns.post` reads them, after the text.
_ORDER = (*_REACH, "account_kind", "followers", "verified", "posted_at")


@dataclass(frozen=True, slots=True)
class _Values:
    """What all rows say beside their texts, those to be refused included."""

    counts: dict[str, CountColumn]
    kinds: npt.NDArray[np.int8]
    days: Days


@dataclass(frozen=True, slots=True)
class ColumnsRead:
    """What reading the rows of a batch gives.

    Attributes
    ----------
    posts : PostColumns
        The accepted rows, in order.
    accepted : ndarray of int64, shape (n_accepted,)
        Their row numbers, from 0.
    rejected : list of (int, PostError)
        The other rows, ascending, each with the first reason that `Columns.post` finds.
    """

    posts: PostColumns
    accepted: Rows
    rejected: list[tuple[int, PostError]]


def read_columns(
    columns: Columns,
    arrays: Sequence[pa.Array],
    *,
    max_chars: int = MAX_CHARS,
    valid_utf8: bool = False,
) -> ColumnsRead:
    """Read the rows of a batch as posts, with the same checks as `Columns.post`.

    Parameters
    ----------
    columns : Columns
    arrays : sequence of pyarrow.Array
        One for each name of the header, in its order, such as ``RecordBatch.columns``. Strings
        are read as cells of a CSV export, where "" is missing; other types as
        `postrisk.arrowtext.as_text` writes them. The texts together hold less than 2 GiB.
    max_chars : int
        The longest text allowed, in code points.
    valid_utf8 : bool
        Whether strings need no check, as those that ``pyarrow.csv`` read.

    Raises
    ------
    ValueError
        When the arrays are not as many as the header's names, or not of one length.

    Examples
    --------
    >>> arrays = [pa.array(["soup", " ", "汤"]), pa.array(["612", "", "1万+"])]
    >>> read = read_columns(Columns(["text", "reposts"]), arrays)
    >>> read.posts.languages.to_pylist(), read.posts.reposts.values.tolist()
    (['en', 'zh'], [612, 10000])
    >>> [(row, str(error)) for row, error in read.rejected]
    [(1, 'text: empty or only whitespace; there is nothing to score')]
    """
    cells, unwritten = _cells(columns, arrays, valid_utf8=valid_utf8)
    rows = len(cells["text"])
    values, errors = _read_values(cells, rows)
    # An earlier reason replaces a later one.
    errors |= _text_errors(cells["text"], max_chars) | unwritten
    kept = np.ones(rows, dtype=bool)
    kept[[*errors]] = False
    accepted = np.flatnonzero(kept)
    rejected = sorted(errors.items(), key=lambda item: item[0])
    return ColumnsRead(_kept_posts(cells, values, kept), accepted, rejected)


def _read_values(cells: Cells, rows: int) -> tuple[_Values, Errors]:
    """Read what stands beside the texts, with the first reason that refuses each row."""
    counts, wrong = {}, {}
    for field, name in _COUNTERS.items():
        counts[field], wrong[field] = _read_counts(cells.get(field), name, rows)
    kinds, wrong["account_kind"] = _read_kinds(cells.get("account_kind"), rows)
    wrong["verified"] = _verified_errors(cells.get("verified"))
    days, wrong["posted_at"] = _read_days(cells.get("posted_at"), rows)
    errors: Errors = {}
    for field in reversed(_ORDER):
        errors |= wrong[field]
    return _Values(counts, kinds, days), errors


def _kept_posts(cells: Cells, values: _Values, kept: Mask) -> PostColumns:
    texts, language = select(cells["text"], kept), cells.get("language")
    return PostColumns(
        texts=texts,
        languages=_languages(texts, None if language is None else select(language, kept)),
        kinds=values.kinds[kept],
        days=values.days[kept],
        **{field: _kept_counts(values.counts[field], kept) for field in _REACH},
    )


def _cells(
    columns: Columns, arrays: Sequence[pa.Array], *, valid_utf8: bool
) -> tuple[Cells, Errors]:
    """Give the cells of each field that has a column, and the rows that cannot be written."""
    if len(arrays) != len(columns.header):
        expected = len(columns.header)
        raise ValueError(f"found {len(arrays)} arrays, expected {expected} as the header has")
    if len({len(array) for array in arrays}) > 1:
        raise ValueError("arrays differ in length, expected one row in each for each post")
    cells, stages = {}, []
    for field, name in columns.found.items():
        array = arrays[columns.header.index(name)]
        cells[field], wrong = text_column(array, name, valid_utf8=valid_utf8)
        stages.append(wrong)
    errors: Errors = {}
    for wrong in reversed(stages):
        errors.update(wrong)
    return cells, errors


def _text_errors(texts: pa.StringArray, max_chars: int) -> Errors:
    """Find what `clean_text` refuses; Arrow strings hold no surrogates."""
    data, offsets = text_bytes(texts)
    lengths = np.diff(offsets)
    wrong = lengths == 0
    filled = ~wrong
    maybe_blank = filled.copy()
    maybe_blank[filled] = _STARTS_OF_SPACES[data[offsets[:-1][filled]]]
    if maybe_blank.any():
        left = pc.utf8_ltrim(select(texts, maybe_blank), characters=_SPACES)
        wrong[maybe_blank] = arrowmake.from_numbers(pc.binary_length(left)) == 0
    maybe_long = lengths > max_chars
    if maybe_long.any():
        characters = arrowmake.from_numbers(pc.utf8_length(select(texts, maybe_long)))
        wrong[maybe_long] |= characters > max_chars
    if not wrong.any():
        return {}
    found, codes = read_distinct(select(texts, wrong), partial(clean_text, max_chars=max_chars))
    return _errors(found, codes, np.flatnonzero(wrong))


def _languages(texts: pa.StringArray, given: pa.StringArray | None) -> pa.StringArray:
    """Give the languages that rows say, stripped; those that texts tell where they say none."""
    names = arrowmake.strings(LANGUAGES)
    if given is None:
        return names.take(arrowmake.numbers(detect_languages(texts)))
    stripped = pc.utf8_trim(given, characters=_SPACES)
    missing = arrowmake.from_numbers(pc.binary_length(stripped)) == 0
    if not missing.any():
        return stripped
    told = names.take(arrowmake.numbers(detect_languages(select(texts, missing))))
    return pc.replace_with_mask(stripped, arrowmake.truths(missing), told)


def _read_counts(cells: pa.StringArray | None, name: str, rows: int) -> tuple[CountColumn, Errors]:
    """Read a counter: plain digits by Arrow, each other distinct cell by `Count.parse`."""
    if cells is None:
        return CountColumn.missing(rows), {}
    lengths = np.diff(text_bytes(cells)[1])
    known = truths(pc.ascii_is_decimal(cells)) & (lengths <= _PLAIN_DIGITS) & (lengths > 0)
    digits = pc.if_else(arrowmake.truths(known), cells, arrowmake.constant("0"))
    values = arrowmake.from_numbers(digits.cast(pa.int64())).copy()
    at_least = np.zeros(rows, dtype=bool)
    others = np.flatnonzero(~known & (lengths > 0))
    if not others.size:
        return CountColumn(values, at_least, known), {}
    found, codes = read_distinct(
        cells.take(arrowmake.numbers(others)), lambda cell: Count.parse(cell, name)
    )
    counts = [count if isinstance(count, Count) else None for count in found]
    values[others] = np.array([count.value if count else 0 for count in counts])[codes]
    at_least[others] = np.array([bool(count and count.at_least) for count in counts])[codes]
    known[others] = np.array([count is not None for count in counts])[codes]
    return CountColumn(values, at_least, known), _errors(found, codes, others)


def _errors(found: Sequence[object], codes: Rows, rows: Rows | None = None) -> Errors:
    """Give the rows whose distinct value was refused."""
    refused = np.array([isinstance(value, PostError) for value in found], dtype=bool)[codes]
    where = np.flatnonzero(refused)
    numbers = where if rows is None else rows[where]
    pairs = zip(numbers.tolist(), codes[where].tolist(), strict=True)
    return {row: error for row, code in pairs if isinstance(error := found[code], PostError)}


def _read_kinds(cells: pa.StringArray | None, rows: int) -> tuple[npt.NDArray[np.int8], Errors]:
    if cells is None:
        return np.full(rows, KINDS.index("unknown"), dtype=np.int8), {}
    found, codes = read_distinct(cells, read_kind)
    indices = [KINDS.index(kind) if isinstance(kind, str) else 0 for kind in found]
    return np.array(indices, dtype=np.int8)[codes], _errors(found, codes)


def _verified_errors(cells: pa.StringArray | None) -> Errors:
    return {} if cells is None else _errors(*read_distinct(cells, read_verified))


def _read_days(cells: pa.StringArray | None, rows: int) -> tuple[Days, Errors]:
    if cells is None:
        return np.full(rows, np.datetime64("NaT"), dtype="datetime64[D]"), {}
    return read_days(cells)


def _kept_counts(counts: CountColumn, kept: Mask) -> CountColumn:
    return CountColumn(counts.values[kept], counts.at_least[kept], counts.known[kept])
