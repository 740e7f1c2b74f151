"""Time the settings of `kernel_sweep.py` again, on a quiet machine.

    python benchmarks/kernel_speed.py benchmarks/results/kernel_sweep.json [--rounds 9]

writes the speeds into the JSON, and the tables and the picture anew. Weights are random here: the
kernel takes the same steps whatever they are. Speed is posts per CPU second of
`RiskModel.predict_proba` on authored posts, on one core. The settings take turns every tenth of
the posts, so that what else the machine does slows all of them alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from kernel_settings import GRID, SHIPPED, Setting, as_model
from kernel_sweep_report import write

from postrisk.corpora import CATEGORIES, authored
from postrisk.linear import LinearCore
from postrisk.model import Calibration, RiskModel

_SLICES = 10


def rates(
    models: Mapping[Setting, RiskModel], rounds: int, size: int
) -> dict[Setting, dict[str, Any]]:
    """Give posts per CPU second of each setting, and how many times the shipped one's that is.

    Parameters
    ----------
    models : mapping of Setting to RiskModel
        The shipped setting among them.
    rounds, size : int
        Rounds, and posts a round.
    """
    posts = random.Random(0).choices([e.text for _, e in authored()], k=size)  # noqa: S311
    parts = [posts[first::_SLICES] for first in range(_SLICES)]
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
    if cores:
        os.sched_setaffinity(0, {min(cores)})
    found: dict[Setting, list[float]] = {setting: [] for setting in models}
    for model in models.values():
        model.predict_proba(parts[0])
    for _ in range(rounds):
        seconds = dict.fromkeys(models, 0.0)
        for part in parts:
            for setting, model in models.items():
                start = time.process_time()
                model.predict_proba(part)
                seconds[setting] += time.process_time() - start
        for setting, taken in seconds.items():
            found[setting].append(size / taken)
    if cores:
        os.sched_setaffinity(0, cores)
    base = found[SHIPPED]
    return {
        setting: {
            "posts_per_second": statistics.median(own),
            "posts_per_second_rounds": own,
            "times_shipped": statistics.median(a / b for a, b in zip(own, base, strict=True)),
        }
        for setting, own in found.items()
    }


def timing(rounds: int, size: int) -> dict[str, Any]:
    """Say how speed was measured, and on what."""
    return {
        "rounds": rounds,
        "timed_posts": size,
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def random_model(setting: Setting) -> RiskModel:
    """Give a model with random weights, calibrated by language as shipped ones are."""
    core = LinearCore()
    shape = len(CATEGORIES), setting.hashing.buckets
    core.coef_ = np.random.default_rng(0).normal(size=shape)
    core.intercept_ = np.zeros(len(CATEGORIES))
    line = Calibration(np.ones(len(CATEGORIES)), np.zeros(len(CATEGORIES)))
    return replace(as_model(setting, core), calibrations={"en": line, "zh": line})


def main(given: list[str] | None = None) -> None:
    """Measure the settings of a JSON again and write it, the tables and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path, help="kernel_sweep.json")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--posts", type=int, default=20_000, help="posts to score a round")
    arguments = parser.parse_args(given)
    found = json.loads(arguments.json.read_text("utf-8"))
    names = {line["name"] for line in found["settings"]}
    models = {s: random_model(s) for s in GRID if s.name in names}
    speeds = {s.name: own for s, own in rates(models, arguments.rounds, arguments.posts).items()}
    for line in found["settings"]:
        line.update(speeds[line["name"]])
    found["how"] |= {**timing(arguments.rounds, arguments.posts), "timed_again": True}
    write(found, arguments.json.parent)


if __name__ == "__main__":
    main()
