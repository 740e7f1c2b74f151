"""Measure postrisk on this machine, beside a scikit-learn pipeline in the same run.

    python benchmarks/run.py [--rows 100000] [--repeats 5]

Prints Markdown; absolute figures are this machine's, ratios travel better. The posts are the
authored corpora, repeated in a shuffled order, so their lengths are real and no public row is
needed. It measures: `postrisk score` from file to file; `RiskModel.predict_proba` on a list;
a `HashingVectorizer` (character 2- to 5-grams) with four logistic regressions on the same list
and core; import time; the first score; model and module sizes.
"""

from __future__ import annotations

import argparse
import csv
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

import postrisk
from postrisk.corpora import CATEGORIES, authored
from postrisk.store import find_model

_PEER_ROWS = 10_000


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def make_posts(rows: int) -> list[str]:
    """Repeat the authored posts in a shuffled order."""
    texts = [example.text for _, example in authored()]
    chooser = random.Random(0)  # noqa: S311 - not for secrets
    return chooser.choices(texts, k=rows)


def write_csv(path: Path, posts: list[str]) -> None:
    """Write the posts as an export with counts."""
    chooser = random.Random(1)  # noqa: S311 - not for secrets
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text", "reposts", "views"))
        for number, text in enumerate(posts):
            reposts = int(chooser.paretovariate(0.8)) - 1
            writer.writerow((number, text, reposts, chooser.choice(("", "1万+", reposts * 9))))


def make_peer() -> Callable[[list[str]], object]:
    """Train the scikit-learn pipeline on the authored training posts."""
    examples = [example for _, example in authored("train")]
    vectorizer = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), n_features=2**18)
    features = vectorizer.transform([e.text for e in examples])
    heads = [
        LogisticRegression(C=8.0, max_iter=1000).fit(features, [e.labels[c] for e in examples])
        for c in CATEGORIES
    ]

    def predict(texts: list[str]) -> object:
        rows = vectorizer.transform(texts)
        return [head.predict_proba(rows) for head in heads]

    return predict


def python_seconds(code: str, repeats: int) -> float:
    """Give the median wall time of ``python -c code`` over that of an empty program."""

    def once(program: str) -> float:
        return timed(lambda: subprocess.run([sys.executable, "-c", program], check=True))  # noqa: S603

    pairs = [(once(code), once("pass")) for _ in range(repeats)]
    return statistics.median(first - second for first, second in pairs)


def spread(values: list[float]) -> str:
    """Show a median with its range."""
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})"


def rates(rows: int, repeats: int) -> list[tuple[str, str]]:
    """Measure rates, the peer's turn between ours."""
    posts = make_posts(rows)
    model, peer = postrisk.load(), make_peer()
    ours, theirs, files = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.csv", Path(folder) / "out.csv"
        write_csv(source, posts)
        command = [sys.executable, "-m", "postrisk", "score", str(source), "-o", str(target), "-q"]
        for _ in range(repeats):
            ours.append(rows / timed(lambda: model.predict_proba(posts)))
            theirs.append(_PEER_ROWS / timed(lambda: peer(posts[:_PEER_ROWS])))
            run = lambda: subprocess.run(command, check=True)  # noqa: E731, S603
            files.append(rows / timed(run))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    mean = statistics.mean(map(len, posts))
    return [
        ("posts", f"{rows:,}, mean {mean:.0f} characters"),
        ("`postrisk score`, CSV to CSV, posts/s", spread(files)),
        ("`RiskModel.predict_proba` on a list, posts/s", spread(ours)),
        ("scikit-learn hashing + 4 logistic regressions, posts/s", spread(theirs)),
        ("ratio of the two lists, median of pairs", f"{ratio:.1f} ×"),
    ]


def sizes(repeats: int) -> list[tuple[str, str]]:
    """Measure start-up and sizes."""
    score = "import postrisk; postrisk.score('soup')"
    folder = find_model()
    total = sum(path.stat().st_size for path in folder.iterdir())
    package = Path(postrisk.__file__).parent
    modules = {p.relative_to(package): len(p.read_text("utf-8").splitlines())
               for p in package.rglob("*.py")}  # fmt: skip
    largest = max(modules, key=lambda path: modules[path])
    described = (
        f"{len(modules)}, {sum(modules.values()):,} lines in all,"
        f" median {statistics.median(modules.values()):.0f},"
        f" largest {largest} with {modules[largest]}"
    )
    return [
        ("`import postrisk`, s", f"{python_seconds('import postrisk', repeats):.3f}"),
        ("import, load and first score, s", f"{python_seconds(score, repeats):.3f}"),
        ("shipped model, bytes", f"{total:,}"),
        ("modules", described),
    ]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    lines = rates(arguments.rows, arguments.repeats) + sizes(arguments.repeats)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"One core of {platform.machine()}; {versions}, scikit-learn {sklearn.__version__};"
          f" medians of {arguments.repeats} interleaved repeats (range).\n")  # fmt: skip
    print("| what | figure |\n|---|---|")
    for name, figure in lines:
        print(f"| {name} | {figure} |")


if __name__ == "__main__":
    main()
