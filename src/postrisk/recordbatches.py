"""Arrow record batches in, the same rows with more columns out: for Parquet, Spark and pandas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from postrisk import arrowmake
from postrisk.columnreader import read_columns
from postrisk.columns import Columns
from postrisk.columnscorer import assessed_arrays
from postrisk.errors import TableError, shorten
from postrisk.scorer import Scorer
from postrisk.tables import added_columns

ERROR_COLUMN = "postrisk_error"


def added_fields(header: Sequence[str], categories: Sequence[str]) -> list[pa.Field]:
    """Name and type the columns that scoring adds.

    The names are those of `postrisk.tables.added_columns`, then ``postrisk_error``. Scores are
    doubles and everything else is a string.

    Raises
    ------
    TableError
        When the rows were scored before, so that a name would stand twice.
    """
    # Spark tells names apart without regard to case, so "Language" clashes with "language".
    taken = {name.casefold() for name in header}
    names = [*added_columns(list(taken), categories), ERROR_COLUMN]
    if twice := [name for name in names if name in taken]:
        found = ", ".join(map(shorten, twice))
        raise TableError(f"columns {found} exist already: drop or rename them to score again")
    scores = range(1, 1 + len(categories))
    return [
        pa.field(name, pa.float64() if index in scores else pa.string())
        for index, name in enumerate(names)
    ]


def _score_batch(batch: pa.RecordBatch, scorer: Scorer, columns: Columns) -> pa.RecordBatch:
    fields = added_fields(batch.schema.names, scorer.model.categories)
    read = read_columns(columns, batch.columns, max_chars=scorer.max_chars)
    rejected = dict(read.rejected)
    places = np.zeros(batch.num_rows, dtype=np.int64)
    places[read.accepted] = np.arange(len(read.accepted))
    mask = np.isin(np.arange(batch.num_rows), read.accepted, invert=True)
    where = arrowmake.optional(places, ~mask)
    added = [one.take(where) for one in assessed_arrays(scorer.score_columns(read.posts))]
    reasons = [str(rejected[row]) if row in rejected else None for row in range(batch.num_rows)]
    added.append(pa.array(reasons, type=pa.string()))
    schema = pa.schema([*batch.schema, *fields], metadata=batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*batch.columns, *added], schema=schema)


def score_batches(
    batches: Iterator[pa.RecordBatch],
    scorer: Scorer,
    columns: Mapping[str, str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Score Arrow batches, such as those of a Parquet file, without an object for each row.

    Parameters
    ----------
    batches : iterator of RecordBatch
    scorer : Scorer
    columns : mapping of str to str, optional
        Fields and the columns that hold them, where the names are not recognised.

    Yields
    ------
    RecordBatch
        Each batch with the columns of `added_fields`. A row that cannot be scored stays, with
        nothing in them but the reason in ``postrisk_error``.

    Raises
    ------
    TableError
        When no column holds the text, or a given column is absent.

    Examples
    --------
    >>> batch = pa.RecordBatch.from_pydict({"text": ["Soup for lunch", " "]})
    >>> scored, = score_batches(iter([batch]), Scorer())
    >>> scored["postrisk_error"].to_pylist()
    [None, 'text: empty or only whitespace; there is nothing to score']

    A Parquet file goes in as ``pyarrow.parquet.ParquetFile(path).iter_batches()``.
    """
    for batch in batches:
        yield _score_batch(batch, scorer, Columns(batch.schema.names, columns))
