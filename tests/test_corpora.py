"""Authored corpora as their card says, and public ones only as they may be used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from postrisk.corpora import CATEGORIES, NOTHING, authored, data_folder, fingerprint
from postrisk.errors import DataError
from postrisk.recipe import AUTHORED, all_rows, joined_groups, split_rows
from postrisk.sources import BY_NAME, SOURCES

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "datasets" / "authored"
ROWS = [
    json.loads(line)
    for path in sorted(FOLDER.glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()
]


def test_there_are_enough_of_each_kind():
    assert len(ROWS) >= 2400
    for category in CATEGORIES:
        kinds = Counter(row["kind"] for row in ROWS if row["category"] == category)
        assert kinds["positive"] >= 250
        assert kinds["lookalike"] >= 250
    languages = Counter(row["language"] for row in ROWS)
    assert min(languages.values()) >= 0.45 * len(ROWS)
    protected = Counter(row["language"] for row in ROWS if row["kind"] == "protected")
    assert min(protected["en"], protected["zh"]) >= 150


def test_twins_are_pairs_in_one_split():
    pairs = {}
    for row in ROWS:
        pairs.setdefault(row["pair"], []).append(row)
    for rows in pairs.values():
        assert len({row["split"] for row in rows}) == 1
        if rows[0]["category"]:
            assert sorted(row["kind"] for row in rows) == ["lookalike", "positive"]
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert len({row["text"] for row in ROWS}) == len(ROWS)


def test_no_template_can_be_memorised():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "corpus_report.py"], capture_output=True, check=True
    )
    report = done.stdout.decode()
    card = (FOLDER / "README.md").read_text("utf-8")
    assert report in card
    share = float(report.split("another pair: ")[1].split(" %")[0])
    assert share < 2


def test_no_political_label_exists():
    names = {row["category"] for row in ROWS} - {""}
    assert names == set(CATEGORIES)
    protected = {row["topic"] for row in ROWS if row["kind"] == "protected"}
    assert {"criticism_of_authority", "protest_report", "satire", "religion"} <= protected
    for _, example in authored():
        if example.kind != "positive":
            assert example.labels == NOTHING
        else:
            assert sum(example.labels.values()) == 1


def test_an_evaluation_set_refuses_training(tmp_path):
    for source in SOURCES:
        if source.use == "evaluation":
            with pytest.raises(DataError, match="never train on it"):
                source.examples(tmp_path, "train")


def test_no_restricted_licence_is_trained_on():
    allowed = {"MIT", "Apache-2.0", "CC0-1.0", "CC-BY-4.0", "PDDL-1.0"}
    assert {source.licence for source in SOURCES if source.use == "train"} <= allowed


def test_an_absent_folder_is_a_clear_error(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="POSTRISK_DATA"):
        BY_NAME["edos"].examples(tmp_path, "train")
    monkeypatch.setenv("POSTRISK_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no folder"):
        data_folder()
    monkeypatch.setenv("POSTRISK_DATA", "")
    assert data_folder() is None


def test_a_fingerprint_changes_with_a_label():
    assert fingerprint(["a"], [[0]]) != fingerprint(["a"], [[1]])


def test_without_public_data_the_authored_posts_are_split_by_pair():
    rows = all_rows(None)
    split = split_rows(rows)
    assert set(rows.sources) == {AUTHORED}
    assert not split.unseen
    assert len(split.train) + len(split.test) + split.removed == len(rows)
    twins = zip(split.test.groups, split.test.kinds, strict=True)
    held_out = {group for group, kind in twins if kind in {"positive", "lookalike"}}
    assert held_out
    assert not held_out & set(split.train.groups)


def test_near_copies_join_groups():
    rows = all_rows(None).take(np.arange(len(ROWS)) < 40)
    joined = joined_groups(rows)
    by_group = {}
    for group, number in zip(rows.groups, joined.tolist(), strict=True):
        assert by_group.setdefault(group, number) == number


@pytest.mark.skipif(data_folder() is None, reason="no public data sets: set POSTRISK_DATA")
@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_each_public_set_loads(name):
    source = BY_NAME[name]
    rows = source.examples(data_folder(), source.use)
    assert len(rows) > 500
    assert {label for row in rows for label in row.labels.values()} <= {0, 1}
    assert all(set(row.labels) <= set(CATEGORIES) for row in rows)
