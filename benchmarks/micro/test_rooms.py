"""One micro-benchmark for each room that scoring goes through, on 2,000 posts each.

pytest benchmarks/micro --benchmark-only
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from postrisk.explanation import explain_texts
from postrisk.folding import FoldedBatch, fold_batch
from postrisk.model import RiskModel
from postrisk.ngrams import grams
from postrisk.post import Post, Reach
from postrisk.rules import Rulebook
from postrisk.scorer import round_scores, set_bands
from postrisk.style import language_indices, script_languages
from postrisk.tables import read_row

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


def test_explain_texts(benchmark: BenchmarkFixture, texts: list[str], model: RiskModel) -> None:
    """Explain 100 posts in one category each, as reasons do."""
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
    posts = [
        Post(text="soup", reach=Reach(reposts=number, views=None if number % 3 else number * 9))
        for number in range(2000)
    ]
    bands = set_bands(model.cutoffs, dict.fromkeys(model.categories, 0.99), "en")

    def evaluate_all() -> None:
        for post in posts:
            rulebook.evaluate(post, bands)

    benchmark(evaluate_all)
