"""Choose n-gram orders, bucket count and weight type by quality against speed.

    POSTRISK_DATA=… python benchmarks/kernel_sweep.py -o benchmarks/results
    python benchmarks/kernel_sweep.py --quick --rows 2000

Fits the hashed linear model once for each choice of orders and buckets, on the training rows of
`sweep.py` and with the recipe's parameters (no rewritten copies), and rounds the weights of the
shipped hashing to five types. Each is ranked on the validation posts of `sweep.py` as it would
ship, windows included: a quarter of the authored training groups, and three public sources left
out of training. Neither the held-out test posts nor an evaluation set is looked at.

How sure a difference from the shipped choice is has two parts, added as squares. The *draw*: each
setting is fitted again on random halves of the rows, the same halves for all, and the standard
deviation of the difference over them is that of a fit on all rows; where the solver stops is in
it. The *posts*: DeLong's variance of the difference of mean AUC, clustered by group.

Speed is measured as `kernel_speed.py` does, which can measure it again on a quieter machine.
``--quick`` runs three settings on authored posts alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from kernel_settings import (
    GRID,
    QUICK,
    SHIPPED,
    Setting,
    as_model,
    shifts,
    stored_bytes,
    table_bytes,
)
from kernel_speed import rates, timing
from kernel_sweep_report import BETTER, TIED, WORSE, to_markdown, write
from scipy.stats import norm, rankdata, t
from threadpoolctl import threadpool_limits

from postrisk.bands import calibrate
from postrisk.corpora import CATEGORIES, data_folder
from postrisk.features import PostFeatures
from postrisk.folding import Index
from postrisk.linear import UNKNOWN, Labels, LinearCore
from postrisk.model import RiskModel
from postrisk.ngrams import Hashing
from postrisk.recipe import (
    AUTHORED,
    Rows,
    Split,
    all_rows,
    joined_groups,
    make_classifier,
    split_rows,
)
from postrisk.training import texts_languages

SOURCES = ("edos", "hatemoji-build", "automod-nsfw")
_FEWEST = 20
_UPPER = 0.975
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Validation:
    """Posts to measure on.

    Attributes
    ----------
    texts : list of str
    labels : ndarray of int8, shape (n_posts, n_categories)
    groups : ndarray of int64, shape (n_posts,)
        Posts of one group are not independent.
    cells : mapping of str to (ndarray of int64, int)
        The posts and the category column of each figure.
    """

    texts: list[str]
    labels: Labels
    groups: Index
    cells: Mapping[str, tuple[Index, int]]

    @classmethod
    def of(cls, parts: Mapping[str, Rows]) -> Validation:
        """Join parts; a figure for each language and category of each, where there are enough."""
        texts: list[str] = []
        groups, cells, labels = [], {}, []
        start = next_group = 0
        for name, rows in parts.items():
            languages = np.array(rows.languages)
            for language in np.unique(languages).tolist():
                for column, category in enumerate(CATEGORIES):
                    own = np.where(languages == language, rows.labels[:, column], UNKNOWN)
                    if min((own == 1).sum(), (own == 0).sum()) >= _FEWEST:
                        posts = np.flatnonzero(own != UNKNOWN) + start
                        cells[f"{name} {language} {category}"] = posts, column
            groups.append(joined_groups(rows) + next_group)
            next_group += int(groups[-1].max()) + 1
            texts += rows.texts
            labels.append(rows.labels)
            start += len(rows)
        return cls(texts, np.concatenate(labels), np.concatenate(groups), cells)

    def measure(self, logits: Floats) -> tuple[dict[str, float], Floats]:
        """Give the AUC of each cell, and each post's influence on their mean.

        The influences of a post are its placement values less the AUC, over the posts of its
        kind (DeLong, DeLong and Clarke-Pearson, 1988); they sum to 0.
        """
        found = {}
        influence = np.zeros(len(self.texts))
        for name, (posts, column) in self.cells.items():
            positive = self.labels[posts, column] == 1
            scores = logits[posts, column]
            ranks = rankdata(scores)
            within = np.empty(len(scores))
            for kind in (positive, ~positive):
                within[kind] = rankdata(scores[kind])
            n_positive, n_negative = positive.sum(), (~positive).sum()
            placed = (ranks - within) / np.where(positive, n_negative, n_positive)
            placed[~positive] = 1 - placed[~positive]
            found[name] = float(placed[positive].mean())
            share = np.where(positive, n_positive, n_negative) * len(self.cells)
            influence[posts] += (placed - found[name]) / share
        return found, influence

    def error(self, influence: Floats) -> float:
        """Give the standard error that goes with influences, by groups."""
        return float(np.sqrt(np.sum(np.bincount(self.groups, weights=influence) ** 2)))


def learn_and_validate(split: Split) -> tuple[Rows, Validation]:
    """Part the training rows and the sources left out as `sweep.py` does.

    Parameters
    ----------
    split : Split
        With `SOURCES` left out.
    """
    rows = split.train
    quarter = [zlib.crc32(str(g).encode()) % 4 == 0 for g in joined_groups(rows).tolist()]
    fold = np.array(quarter) & (np.array(rows.sources) == AUTHORED)
    unseen = {name: split.unseen[name] for name in SOURCES if name in split.unseen}
    return rows.take(~fold), Validation.of({AUTHORED: rows.take(fold), **unseen})


def draws_of(size: int, draws: int) -> Iterator[tuple[int, Index]]:
    """Yield all rows as draw 0, and then random halves of them by seed."""
    yield 0, np.arange(size)
    for seed in range(1, draws + 1):
        yield seed, np.sort(np.random.default_rng(seed).permutation(size)[: size // 2])


@dataclass
class Fitted:
    """What a setting's fits give: by draw the figures, and what the fit on all rows keeps."""

    aucs: dict[int, dict[str, float]]
    influence: Floats
    core: LinearCore

    def mean(self, draw: int = 0) -> float:
        """Give the mean AUC of one draw."""
        return statistics.fmean(self.aucs[draw].values())


def fit_all(
    learn: Rows, validation: Validation, settings: Sequence[Setting], draws: int
) -> dict[Setting, Fitted]:
    """Fit each hashing on each draw and measure its weight types."""
    fitted: dict[Setting, Fitted] = {}
    recipe = make_classifier()
    together: dict[Hashing, list[Setting]] = {}
    for setting in settings:
        together.setdefault(setting.hashing, []).append(setting)
    for hashing, own in together.items():
        start = time.process_time()
        matrix = PostFeatures(**asdict(hashing)).fit([]).transform(learn.texts)
        for draw, rows in draws_of(len(learn), draws):
            core = LinearCore(recipe.C, recipe.max_iter, recipe.idf)
            core.fit(matrix[rows], learn.labels[rows], learn.weights[rows])
            for setting in own:
                logits = as_model(setting, core).logits(validation.texts)
                aucs, influence = validation.measure(logits)
                kept = fitted.setdefault(setting, Fitted({}, influence, core))
                kept.aucs[draw] = aucs
        for setting in own:
            seconds = time.process_time() - start
            print(f"{setting.name}: {fitted[setting].mean():.4f}; {seconds:.0f} s", flush=True)
    return fitted


def compare(fitted: Fitted, base: Fitted, validation: Validation) -> dict[str, Any]:
    """Say how far one setting is from the shipped one, and how sure that is."""
    gaps = [fitted.mean(draw) - base.mean(draw) for draw in base.aucs if draw]
    by_draw = statistics.stdev(gaps)
    by_posts = validation.error(fitted.influence - base.influence)
    return {
        **judged(fitted.mean() - base.mean(), by_draw, by_posts, len(gaps)),
        "sd_over_draws": by_draw,
        "se_over_posts": by_posts,
        "difference_on_halves": statistics.fmean(gaps),
    }


def judged(gap: float, by_draw: float, by_posts: float, draws: int) -> dict[str, Any]:
    """Give the 95 % half-width of a difference, and whether it is more than noise.

    The deviation over draws is known from few of them, so its quantile is Student's.
    """
    quantiles = t.ppf(_UPPER, draws - 1), norm.ppf(_UPPER)
    half_width = float(np.hypot(quantiles[0] * by_draw, quantiles[1] * by_posts))
    certain = BETTER if gap > 0 else WORSE
    verdict = certain if abs(gap) > half_width else TIED
    return {"difference": gap, "half_width": half_width, "verdict": verdict}


def sweep(  # noqa: PLR0913, PLR0917 - a script's options
    learn: Rows,
    validation: Validation,
    settings: Sequence[Setting],
    draws: int,
    rounds: int,
    size: int,
) -> dict[str, Any]:
    """Fit, measure and time every setting.

    Parameters
    ----------
    learn : Rows
    validation : Validation
    settings : sequence of Setting
        Among them the shipped one, and one with its hashing and float64 weights.
    draws : int
        Random halves on which each setting is fitted again, at least 2.
    rounds, size : int
        Turns of each setting at scoring, and posts a turn.

    Returns
    -------
    dict
        Plain values for JSON: ``how`` and ``settings``, best first.
    """
    with threadpool_limits(limits=1):
        fitted = fit_all(learn, validation, settings, draws)
        models = calibrated(fitted, validation)
        speeds = rates(models, rounds, size)
    typed = {s: m for s, m in models.items() if s.hashing == SHIPPED.hashing}
    moved = shifts(typed, validation.texts)
    lines = []
    for setting, own in fitted.items():
        lines.append(
            {**asdict(setting), "name": setting.name, "mean_auc": own.mean(),
             "auc": own.aucs[0], "mean_auc_by_draw": [own.mean(d) for d in own.aucs],
             **compare(own, fitted[SHIPPED], validation),
             **speeds[setting], "table_bytes": table_bytes(models[setting]),
             "stored_bytes": stored_bytes(models[setting]), **moved.get(setting, {})}
        )  # fmt: skip
    lines.sort(key=lambda line: -line["mean_auc"])
    halves = [fitted[SHIPPED].mean(draw) for draw in range(1, draws + 1)]
    how = {
        "training_rows": len(learn), "draws": draws, **timing(rounds, size),
        "sd_of_shipped": statistics.stdev(halves),
        "iterations_of_shipped": fitted[SHIPPED].core.n_iter_.tolist(),
        **setup(validation),
    }  # fmt: skip
    return {"how": how, "settings": lines}


def setup(validation: Validation) -> dict[str, Any]:
    """Say what was measured on, with which parameters and versions."""
    recipe = make_classifier()
    cells = {
        name: [int((validation.labels[posts, column] == kind).sum()) for kind in (1, 0)]
        for name, (posts, column) in validation.cells.items()
    }
    return {
        "validation_posts": len(validation.texts), "posts_of_cells": cells,
        "C": recipe.C, "max_iter": recipe.max_iter, "idf": recipe.idf,
        "windows": list(recipe.windowing.widths), "scikit_learn": sklearn.__version__,
    }  # fmt: skip


def calibrated(
    fitted: Mapping[Setting, Fitted], validation: Validation
) -> dict[Setting, RiskModel]:
    """Give the models of the fits on all rows, calibrated by one line for each hashing.

    The lines are those of the float64 weights on the validation posts. They put probabilities
    on the scale of the cut-offs and enter no AUC.
    """
    languages = np.array(texts_languages(validation.texts), dtype=object)
    everyone = np.ones(len(validation.texts))
    lines: dict[Hashing, Any] = {}
    models = {}
    for setting, own in fitted.items():
        if setting.hashing not in lines:
            exact = as_model(replace(setting, weights="float64"), own.core)
            decisions = exact.logits(validation.texts)
            lines[setting.hashing] = calibrate(decisions, validation.labels, everyone, languages)
        overall, by_language = lines[setting.hashing]
        models[setting] = replace(as_model(setting, own.core, overall), calibrations=by_language)
    return models


def main(given: Sequence[str] | None = None) -> None:
    """Sweep, print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three settings, authored posts alone")
    parser.add_argument("--draws", type=int, default=5, help="random halves to fit again")
    parser.add_argument("--rounds", type=int, default=5, help="turns at scoring")
    parser.add_argument("--posts", type=int, default=20_000, help="posts to score a turn")
    parser.add_argument("--rows", type=int, help="training rows to draw; all by default")
    parser.add_argument("-o", "--output", type=Path, help="folder for kernel_sweep.{json,md,png}")
    arguments = parser.parse_args(given)
    if min(arguments.draws, arguments.rounds) < 2:  # noqa: PLR2004 - a spread needs two
        parser.error("--draws and --rounds: expected at least 2, for a spread")
    root = None if arguments.quick else data_folder()
    if root is None and not arguments.quick:
        parser.error("no data folder; set POSTRISK_DATA, or use --quick")
    start = time.process_time()
    split = split_rows(all_rows(root), leave_out=SOURCES)
    learn, validation = learn_and_validate(split)
    chosen = np.random.default_rng(0).permutation(len(learn))[: arguments.rows]
    counts = arguments.draws, arguments.rounds, arguments.posts
    settings = QUICK if arguments.quick else GRID
    found = sweep(learn.pick(np.sort(chosen)), validation, settings, *counts)
    found["how"] |= {
        "quick": arguments.quick,
        "training_rows_there": len(learn),
        "sources_left_out": [name for name in SOURCES if name in split.unseen],
        "cpu_minutes": round((time.process_time() - start) / 60, 1),
    }
    print(to_markdown(found))
    if arguments.output:
        write(found, arguments.output)


if __name__ == "__main__":
    main()
