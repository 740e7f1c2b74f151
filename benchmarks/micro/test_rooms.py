"""One micro-benchmark for each room that scoring goes through, on 2,000 posts each.

pytest benchmarks/micro --benchmark-only
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from speedlab import posts

from postrisk.columnreader import read_columns
from postrisk.columns import Columns
from postrisk.columnscorer import assess_columns
from postrisk.explanation import explain_texts, quote_strongest
from postrisk.folding import FoldedBatch, fold_batch
from postrisk.model import RiskModel
from postrisk.ngrams import grams
from postrisk.post import Post, Reach
from postrisk.postcolumns import PostColumns
from postrisk.rulecolumns import evaluate_columns
from postrisk.rules import Rulebook
from postrisk.scorer import round_scores, set_bands
from postrisk.style import language_indices, script_languages
from postrisk.tables import read_row
from postrisk.utf8 import Utf8

_EXPLAINED = 100


def test_fold_batch(benchmark: BenchmarkFixture, texts: list[str]) -> None:
    """Fold a batch."""
    benchmark(fold_batch, texts)


def test_grams(benchmark: BenchmarkFixture, batch: FoldedBatch, model: RiskModel) -> None:
    """Hash all n-grams of a folded batch."""
    benchmark(lambda: deque(grams(batch, model.hashing), maxlen=0))


def test_sum_weights(benchmark: BenchmarkFixture, batch: FoldedBatch, model: RiskModel) -> None:
    """Hash, look up and sum."""
    benchmark(model.sum_weights, batch)


def test_best_windows(benchmark: BenchmarkFixture, batch: FoldedBatch, model: RiskModel) -> None:
    """Find the riskiest window of each text."""
    benchmark(model.best_windows, batch)


def test_compiled_kernel(benchmark: BenchmarkFixture, texts: list[str], model: RiskModel) -> None:
    """Score UTF-8 in the compiled kernel."""
    if model.kernel is None:
        pytest.skip("no compiled kernel here")
    benchmark(model.kernel.score, Utf8.of_arrow(pa.array(texts)))


def test_predict_column(benchmark: BenchmarkFixture, texts: list[str], model: RiskModel) -> None:
    """Give the probabilities of an Arrow column."""
    benchmark(model.predict_proba, pa.array(texts))


def test_reasons(benchmark: BenchmarkFixture, texts: list[str], model: RiskModel) -> None:
    """Quote the strongest span of 100 posts, as files do."""
    wanted = [index % len(model.categories) for index in range(_EXPLAINED)]
    benchmark(quote_strongest, model, texts[:_EXPLAINED], wanted)


def test_explain_texts(benchmark: BenchmarkFixture, texts: list[str], model: RiskModel) -> None:
    """Explain 100 posts in one category each."""
    wanted = [[model.categories[index % len(model.categories)]] for index in range(_EXPLAINED)]
    benchmark(explain_texts, model, texts[:_EXPLAINED], wanted)


def test_language(benchmark: BenchmarkFixture, batch: FoldedBatch) -> None:
    """Tell the script language of each text."""
    benchmark(language_indices, batch)


def test_bands(
    benchmark: BenchmarkFixture, texts: list[str], batch: FoldedBatch, model: RiskModel
) -> None:
    """Set four bands a post from its rounded scores."""
    rounded = round_scores(model.predict_proba(texts)).tolist()
    scores = [dict(zip(model.categories, row, strict=True)) for row in rounded]
    scripts = script_languages(batch)

    def set_all() -> None:
        for row, script in zip(scores, scripts, strict=True):
            set_bands(model.cutoffs, row, script)

    benchmark(set_all)


def test_csv_reading(benchmark: BenchmarkFixture, table: Path, texts: list[str]) -> None:
    """Read and check all rows of a file as posts."""
    benchmark(read_row, table, len(texts))


def test_rules(benchmark: BenchmarkFixture, rulebook: Rulebook, model: RiskModel) -> None:
    """Put 2,000 posts with counts to the reach rule."""
    counted = [
        Post(text="soup", reach=Reach(reposts=number, views=None if number % 3 else number * 9))
        for number in range(2000)
    ]
    bands = set_bands(model.cutoffs, dict.fromkeys(model.categories, 0.99), "en")

    def evaluate_all() -> None:
        for post in counted:
            rulebook.evaluate(post, bands)

    benchmark(evaluate_all)


def test_cells(benchmark: BenchmarkFixture, arrays: list[pa.Array]) -> None:
    """Check the cells of an export in columns."""
    benchmark(read_columns, Columns(posts.HEADER), arrays)


def test_rule_columns(
    benchmark: BenchmarkFixture, rulebook: Rulebook, model: RiskModel, columns: PostColumns
) -> None:
    """Put a batch of columns to the reach rule."""
    bands = np.full((len(columns), len(model.categories)), 2, dtype=np.int8)
    benchmark(evaluate_columns, rulebook, columns, bands, model.categories)


def test_assess_columns(
    benchmark: BenchmarkFixture, rulebook: Rulebook, model: RiskModel, columns: PostColumns
) -> None:
    """Assess a batch of columns: scores, bands, reach rule, reasons."""
    benchmark(assess_columns, model, rulebook, columns)
