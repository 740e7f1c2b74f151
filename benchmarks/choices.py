"""Repeat two choices of the recipe: the weight of authored posts, and the windows.

    POSTRISK_DATA=… python benchmarks/choices.py

Prints AUC on the sets that the base model never learnt from and on held-out groups of those it
did, for weights of authored posts (no windows, no rewritten copies) and for the shipped model
with other windows. These sets were looked at when both were chosen, so their figures flatter a
little; hidden sets are the clean test. Takes about six minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from postrisk.corpora import CATEGORIES
from postrisk.intervals import auc
from postrisk.linear import UNKNOWN, LinearCore
from postrisk.recipe import AUTHORED, Rows, Split, make_classifier
from postrisk.store import load
from postrisk.suites import public_split
from postrisk.windows import Windowing

WEIGHTS = (3.0, 5.0, 10.0)
WIDTHS: tuple[tuple[int, ...], ...] = ((), (48, 128), (128,), (160,))
_FEWEST = 20
Floats = npt.NDArray[np.float64]
Scores = Callable[[Sequence[str]], Floats]


def measured(split: Split) -> dict[str, Rows]:
    """Give the sets to measure on, by name."""
    sources = np.array(split.test.sources)
    held_out = {
        f"held out: {name}": split.test.take(sources == name) for name in sorted(set(sources))
    }
    return {**split.unseen, **held_out}


def aucs(parts: dict[str, Rows], scores: Scores) -> dict[tuple[str, str], float]:
    """Give AUC by set and category, where 20 posts of each kind are there."""
    found = {}
    for name, rows in parts.items():
        given = scores(rows.texts)
        for column, category in enumerate(CATEGORIES):
            labels = rows.labels[:, column]
            known = labels != UNKNOWN
            positive = labels[known] == 1
            if min(positive.sum(), (~positive).sum()) >= _FEWEST:
                found[name, category] = auc(positive, given[known, column])
    return found


def show(title: str, arms: dict[str, dict[tuple[str, str], float]]) -> None:
    """Print a table, a column for each arm."""
    print(f"### {title}\n\n| set | category | {' | '.join(arms)} |")
    print(f"|{'---|' * (len(arms) + 2)}")
    for key in next(iter(arms.values())):
        cells = [f"{found[key]:.3f}" for found in arms.values()]
        print(f"| {' | '.join([*key, *cells])} |")
    print(flush=True)


def main() -> None:
    """Print both tables."""
    split = public_split("base")
    parts = measured(split)
    model = load("base")
    windows = {}
    for widths in WIDTHS:
        other = replace(model, windowing=Windowing(widths=widths), identity="")
        windows["+".join(map(str, widths)) or "none"] = aucs(parts, other.logits)
    show("Windows of the shipped model, in characters", windows)
    classifier = make_classifier()
    features = classifier.make_features().fit([])
    matrix = features.transform(split.train.texts)
    authored = np.array(split.train.sources) == AUTHORED
    weights = {}
    for weight in WEIGHTS:
        core = LinearCore(classifier.C, classifier.max_iter, classifier.idf, n_jobs=-1)
        shares = np.where(authored, weight, split.train.weights)
        core.fit(matrix, split.train.labels, shares)

        def decide(texts: Sequence[str], core: LinearCore = core) -> Floats:
            return core.decision_function(features.transform(texts))

        weights[f"{weight:g}"] = aucs(parts, decide)
    show("Weight of authored posts", weights)


if __name__ == "__main__":
    main()
