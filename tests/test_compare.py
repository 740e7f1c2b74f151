"""The comparison runs on the authored posts and measures each system on what it claims."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from postrisk.corpora import CATEGORIES
from postrisk.recipe import all_rows, split_rows
from postrisk.samples import make_sample, split_sample
from tiny import tiny_model

PATH = Path(__file__).resolve().parents[1] / "benchmarks" / "compare.py"


@pytest.fixture(scope="module")
def compare():
    spec = importlib.util.spec_from_file_location("compare_benchmark", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def split():
    rows = all_rows(None)
    return split_rows(rows.take(np.array(rows.languages) == "en"))


@pytest.fixture(scope="module")
def found(compare, split):
    systems = [
        compare.postrisk_system(tiny_model()),
        compare.tfidf_system(split.train, features=5000),
        compare.learnt_list_system(split.train),
    ]
    return compare.compare(split_sample(split), systems, repeats=20)


def test_all_are_measured_on_the_same_posts(found):
    keys = {}
    for line in found["rankings"]:
        keys.setdefault(line["system"], []).append((line["category"], line["risky"], line["safe"]))
    assert len(keys) == 3
    assert len({tuple(posts) for posts in keys.values()}) == 1
    assert {category for category, *_ in keys["postrisk"]} == set(CATEGORIES)


def test_the_trained_baseline_beats_a_model_that_knows_four_phrases(found):
    gaps = [
        line["postrisk_better_by"]["value"]
        for line in found["rankings"]
        if line["system"].startswith("TF-IDF")
    ]
    assert np.mean(gaps) < 0
    assert all(
        "postrisk_better_by" not in r for r in found["rankings"] if r["system"] == "postrisk"
    )


def test_tables_have_every_system_with_speed_and_protected_posts(compare, found, split):
    hard = sum(kind in {"protected", "lookalike"} for kind in split.test.kinds)
    shown = compare.to_markdown({**found, "missing": ["x: not installed"]})
    for words in ("posts/s", "Protected posts raised", "word list, learnt", "- x: not installed"):
        assert words in shown
    assert all(system["posts_per_second"] > 0 for system in found["systems"])
    assert {line["rate"]["total"] for line in found["protected"]} == {hard}


def test_a_filter_of_offence_is_measured_on_offence_alone(compare):
    words = ["damn you", "lovely tea"] * 25
    sample = replace(
        make_sample(words, [[0] * 4] * 50, CATEGORIES, kinds=["abuse", "tweet"] * 25),
        splits=["same source, other groups"] * 50,
    )
    filter_of_words = compare.System(
        "filter", "", (compare.OFFENCE,),
        lambda texts: np.array([[float("damn" in text)] for text in texts]),
        lambda _texts, scores: scores >= 1,
    )  # fmt: skip
    found = compare.compare(sample, [compare.postrisk_system(tiny_model()), filter_of_words], 5)
    lines = {line["system"]: line for line in found["rankings"]}
    assert set(lines) == {"postrisk (does not claim it)", "filter"}
    assert {line["category"] for line in lines.values()} == {compare.OFFENCE}
    assert lines["filter"]["auc"]["value"] == 1.0


def test_a_teacher_is_read_from_its_scores_and_says_what_it_lacks(compare, tmp_path):
    texts = ["one", "two"]
    keys = np.array([compare.sha256(text) for text in texts])
    np.savez(tmp_path / "t.npz", keys=keys, scores=np.array([[0.9] * 4, [0.1] * 4]))
    teacher = compare.teacher_system(tmp_path / "t.npz")
    assert teacher.score(["two", "one"])[:, 0].tolist() == [0.1, 0.9]
    assert np.isnan(teacher.score(["three"])).all()


@pytest.mark.parametrize("name", ["alt_profanity_system", "glin_profanity_system"])
def test_the_profanity_filters_where_they_are_installed(compare, name):
    module = {"alt_profanity_system": "profanity_check", "glin_profanity_system": "glin_profanity"}
    pytest.importorskip(module[name])
    system = getattr(compare, name)()
    texts = ["you fucking idiot", "a nice cup of tea"]
    scores = system.score(texts)
    assert scores.shape == (2, 1)
    assert system.raises(texts, scores)[:, 0].tolist() == [True, False]
