"""Posts in columns to assessments in columns, without an object for each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from postrisk import arrowmake
from postrisk.assessed import AssessedColumns
from postrisk.cutoffs import BANDS, Cutoffs
from postrisk.explanation import quote_strongest
from postrisk.folding import Index
from postrisk.model import Floats, RiskModel, round_scores, sigmoid
from postrisk.postcolumns import PostColumns
from postrisk.rulecolumns import evaluate_columns, recommend_columns
from postrisk.rules import OUTCOMES, RECOMMENDATIONS, Rulebook
from postrisk.style import LANGUAGES

if TYPE_CHECKING:
    import pyarrow as pa


def assess_columns(model: RiskModel, rulebook: Rulebook, posts: PostColumns) -> AssessedColumns:
    """Assess a batch of posts; row for row what `postrisk.scorer.Scorer.score` says of them."""
    logits, languages = model.read(posts.texts)
    scores = round_scores(sigmoid(logits))
    bands = set_band_columns(model.cutoffs, model.categories, scores, languages)
    outcomes = evaluate_columns(rulebook, posts, bands, model.categories)
    return AssessedColumns(
        categories=model.categories,
        scores=scores,
        bands=bands,
        outcomes=outcomes,
        recommendations=recommend_columns(rulebook, bands, outcomes),
        scripts=languages.astype(np.int8),
        languages=posts.languages,
        reasons=find_reasons(model, posts.texts, scores, bands),
    )


def set_band_columns(
    cutoffs: Mapping[str, Cutoffs], categories: tuple[str, ...], scores: Floats, languages: Index
) -> npt.NDArray[np.int8]:
    """Set the bands of all scores; shape (n_rows, n_categories).

    >>> cuts = {"rumor": Cutoffs(review=0.2, flag=0.8)}
    >>> set_band_columns(cuts, ("rumor",), np.array([[0.1], [0.8]]), np.array([1, 1])).tolist()
    [[0], [2]]
    """
    cut = [[cutoffs[name].of(language) for name in categories] for language in LANGUAGES]
    review = np.array([[c.review for c in row] for row in cut])
    flag = np.array([[np.inf if c.flag is None else c.flag for c in row] for row in cut])
    bands = (scores >= review[languages]).astype(np.int8)
    bands[scores >= flag[languages]] = len(BANDS) - 1
    return bands


def find_reasons(
    model: RiskModel, texts: pa.StringArray, scores: Floats, bands: npt.NDArray[np.int8]
) -> pa.StringArray:
    """Quote the strongest span of the strongest category of each post that is not all ``pass``."""
    raised = np.flatnonzero(bands.any(axis=1))
    if not raised.size:
        return arrowmake.scattered([], raised, len(texts))
    # Scores are at most 1 and lie on a grid, so that the sum orders by band, then by score.
    strongest = (4.0 * bands[raised] + scores[raised]).argmax(axis=1).tolist()
    quoted = quote_strongest(model, texts.take(arrowmake.numbers(raised)).to_pylist(), strongest)
    return arrowmake.scattered(quoted, raised, len(texts))


def assessed_arrays(assessed: AssessedColumns) -> list[pa.Array]:
    """Give language, scores, bands, reach, recommendation and reason as Arrow columns.

    They stand as `postrisk.tables.added_columns` names them; scores are doubles and all else is
    strings.
    """

    def named(names: Iterable[StrEnum], codes: npt.NDArray[np.int8]) -> pa.Array:
        values = arrowmake.strings([name.value for name in names])
        return values.take(arrowmake.numbers(codes))

    return [
        assessed.languages,
        *(arrowmake.numbers(column) for column in assessed.scores.T),
        *(named(BANDS, column) for column in assessed.bands.T),
        named(OUTCOMES, assessed.outcomes),
        named(RECOMMENDATIONS, assessed.recommendations),
        assessed.reasons,
    ]
