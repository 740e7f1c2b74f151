"""The ablation runs on the authored posts, with hashed words in place of the encoder."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from postrisk.corpora import CATEGORIES
from postrisk.recipe import all_rows, split_rows
from postrisk.samples import CROSS, TWINS
from tiny import bag_of_words

PATH = Path(__file__).resolve().parents[1] / "benchmarks" / "ablation.py"


@pytest.fixture(scope="module")
def ablation():
    spec = importlib.util.spec_from_file_location("ablation_benchmark", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.make_classifier = partial(module.make_classifier, bits=12, C=0.5)
    module._TIMED = 100
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def split():
    rows = all_rows(None)
    return split_rows(rows.take(np.array(rows.languages) == "en"))


@pytest.fixture(scope="module")
def found(ablation, split, tmp_path_factory):
    cache = tmp_path_factory.mktemp("embeddings") / "cache.npz"
    unlabelled = [f"{text} indeed" for text in split.train.texts[:100]]
    also = ["nb", "words"]
    return ablation.ablate(split, unlabelled, bag_of_words, cache, 10_000, also, repeats=10)


def test_all_arms_are_measured_on_the_same_posts_with_speed(found):
    names = [arm["name"] for arm in found["arms"]]
    assert names == [
        "direct", "teacher", "student", "student + labels", "teacher + direct", "nb", "words",
    ]  # fmt: skip
    assert all(arm["posts_per_second"] > 0 for arm in found["arms"])
    keys = {}
    for line in found["rankings"]:
        keys.setdefault(line["arm"], []).append((line["category"], line["risky"], line["safe"]))
    assert set(keys) == set(names)
    assert len({tuple(posts) for posts in keys.values()}) == 1
    assert {category for category, *_ in keys["direct"]} == set(CATEGORIES)


def test_every_arm_but_direct_is_compared_with_it(found):
    for line in [*found["rankings"], *found["means"]]:
        assert ("better_by" in line) == (line["arm"] != "direct")
    for line in found["rankings"]:
        assert line["auc"]["value"] > 0.5
        if line["arm"] != "direct":
            gap = line["better_by"]
            assert gap["low"] <= gap["value"] <= gap["high"]


def test_tables_say_what_won(ablation, found):
    shown = ablation.to_markdown(found)
    assert shown.startswith("Over 4 figures on sets held out, *")
    for words in ("ranks best: mean AUC", "*student*:", "## By source", TWINS):
        assert words in shown


def test_the_verdict_heeds_sets_never_trained_on_alone(ablation):
    def line(split, arm, value, **gap):
        gap = {"better_by": {"value": gap["low"], **gap}} if gap else {}
        return {"split": split, "arm": arm, "auc": {"value": value}, **gap}

    told = ablation.verdict(
        [
            line(CROSS, "direct", 0.6),
            line(CROSS, "teacher", 0.7, low=0.1, high=0.2),
            line(TWINS, "direct", 0.9),
            line(TWINS, "teacher", 0.5, low=-0.4, high=-0.3),
        ]
    )
    assert told.startswith("Over 1 figures on sets never trained on, *teacher* ranks best")
    assert "better beyond chance on 1, worse on 0" in told


def test_the_limit_keeps_every_risky_and_authored_post(ablation, split):
    rows = split.train
    renamed = rows.take(np.ones(len(rows), dtype=bool))
    renamed.sources[:] = ["elsewhere"] * len(rows)
    risky = int((rows.labels == 1).any(axis=1).sum())
    kept = ablation.limited(renamed, risky + 10)
    assert len(kept) == risky + 10
    assert (kept.labels == 1).any(axis=1).sum() == risky
    assert len(ablation.limited(rows, 0)) == len(rows)


def test_scaling_by_one_changes_nothing(ablation, split):
    rows = split.train
    matrix = ablation.make_classifier().make_features().fit([]).transform(rows.texts)
    scaled = ablation.scaled_core(matrix, rows, [np.ones(matrix.shape[1])] * 4)
    plain = ablation._core().fit(matrix, rows.labels, rows.weights)
    np.testing.assert_allclose(scaled.coef_, plain.coef_, atol=1e-6)
