"""The same scores on Spark: batches of Arrow rows in, the same rows with more columns out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa

from postrisk.columns import Columns
from postrisk.model import RiskModel
from postrisk.recordbatches import added_fields, score_batches
from postrisk.rules import Rulebook
from postrisk.scorer import Scorer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What a worker needs to build a `Scorer`; two are equal when their keys are."""

    key: str
    model: RiskModel = field(compare=False)
    rulebook: Rulebook = field(compare=False)

    @classmethod
    def of(cls, scorer: Scorer) -> _Recipe:
        # A model that was never stored is known by nothing but this call.
        name = scorer.model.identity or uuid4().hex
        # The copy leaves behind what the model caches for scoring, several times its size.
        return cls(f"{name} {scorer.rulebook.hash}", replace(scorer.model), scorer.rulebook)


@lru_cache(maxsize=4)
def _worker_scorer(recipe: _Recipe) -> Scorer:
    """Build a scorer once per worker process, which Spark keeps for many tasks."""
    return Scorer(recipe.model, recipe.rulebook)


def _spark_types() -> ModuleType:
    try:
        types: ModuleType = import_module("pyspark.sql").types
    except ImportError:
        raise ImportError("pyspark is not installed: pip install 'postrisk[spark]'") from None
    return types


def score(
    df: DataFrame,
    *,
    model: RiskModel | str | Path | None = None,
    rulebook: Rulebook | str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> DataFrame:
    """Score a Spark DataFrame, lazily, as ``postrisk score`` does a CSV file.

    The model is read and checked on the driver and travels with the task, so that all workers
    score with the same one; they need postrisk installed, but no model folder.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
    model : RiskModel, str or Path, optional
        A loaded model, a model folder, or the shipped one.
    rulebook : Rulebook, str or Path, optional
    columns : mapping of str to str, optional
        Fields and the columns that hold them, where the names are not recognised.

    Returns
    -------
    pyspark.sql.DataFrame
        The same rows with the columns of `added_fields`; see `score_batches`.

    Raises
    ------
    ImportError
        When pyspark is not installed.
    TableError
        When no column holds the text, a given column is absent, or the rows were scored before.
    ModelError, RulebookError
        When the model or the rulebook cannot be read.
    """
    types = _spark_types()
    recipe = _Recipe.of(Scorer(model, rulebook))
    header, given = df.columns, dict(columns or {})
    Columns(header, given)
    fields = added_fields(header, recipe.model.categories)
    kinds = {pa.float64(): types.DoubleType(), pa.string(): types.StringType()}
    added = [types.StructField(one.name, kinds[one.type]) for one in fields]

    def score_part(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        named = (batch.rename_columns(header) for batch in batches)
        return score_batches(named, _worker_scorer(recipe), given)

    # mapInArrow looks its columns up by name, which fails on names with dots.
    plain = df.toDF(*(f"c{index}" for index in range(len(header))))
    return plain.mapInArrow(score_part, types.StructType([*df.schema.fields, *added]))
