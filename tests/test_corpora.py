"""Authored corpora as their card says, and public ones only as they may be used."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from postrisk import recipe
from postrisk.annotation import Reading, Readings, Record, text_key
from postrisk.corpora import CATEGORIES, NOTHING, Example, authored, data_folder, fingerprint
from postrisk.errors import DataError
from postrisk.recipe import AUTHORED, Rows, all_rows, is_test_group, joined_groups, split_rows
from postrisk.sources import BY_NAME, Source

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "datasets" / "authored"
ROWS = [
    json.loads(line)
    for path in sorted(FOLDER.glob("*.jsonl"))
    for line in path.read_text("utf-8").splitlines()
]


def test_there_are_enough_of_each_kind():
    assert len(ROWS) >= 10_000
    for category in CATEGORIES:
        kinds = Counter(row["kind"] for row in ROWS if row["category"] == category)
        assert kinds["positive"] >= 800
        assert kinds["lookalike"] >= 800
    # More Chinese than English, since permissive Chinese data have no positives.
    languages = Counter(row["language"] for row in ROWS)
    assert languages["en"] >= 0.35 * len(ROWS)
    assert languages["zh"] >= 0.5 * len(ROWS)
    protected = Counter(row["language"] for row in ROWS if row["kind"] == "protected")
    assert min(protected["en"], protected["zh"]) >= 400


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


def test_an_absent_folder_is_a_clear_error(tmp_path, monkeypatch):
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
    assert len(split.train) + len(split.test) + split.removed.total() == len(rows)
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


def test_near_copies_in_held_out_posts_are_removed_and_counted_by_pairs():
    text = "the bridge will be closed on monday for repairs says the council, number {}"
    names = ["a", "a", "b", "c", "a", "c"]
    rows = Rows(
        texts=[text.format(i % 3) for i in range(5)] + ["something else entirely, far from it"],
        labels=np.zeros((6, 4), dtype=np.int8),
        groups=[str(i) for i in range(6)],
        kinds=["benign"] * 6,
        sources=names,
        languages=["en"] * 6,
        weights=np.ones(6),
        learnable=np.array([True, True, True, False, True, False]),
        held_out=np.array([False, False, True, False, False, False]),
        copies=np.array([0, 0, 0, 0, 1, 2]),
    )
    split = split_rows(rows)
    assert split.removed == {"a": 2}
    assert split.copied == {("a", "b"): 2, ("a", "c"): 2}
    assert split.train.texts == [rows.texts[4]]
    assert set(split.unseen) == {"c"}
    left_out = split_rows(rows, leave_out=["b"])
    assert set(left_out.unseen) == {"b", "c"}
    assert not len(left_out.test)


def test_the_held_out_share_is_the_cards():
    groups = [str(i) for i in range(2000)]
    for percent in (0, 20, 40, 100):
        share = np.mean([is_test_group("a", group, percent) for group in groups])
        assert share == pytest.approx(percent / 100, abs=0.03)
    twenty = {group for group in groups if is_test_group("a", group)}
    assert twenty < {group for group in groups if is_test_group("a", group, 40)}


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Three sources of three posts each, and their folders."""

    def posts(name, label):
        return lambda _: [Example(f"{name} {i}", dict(label), str(i)) for i in range(3)]

    made = {"edos": {"violence": 0}, "ced": {"rumor": 1}, "hatexplain": {}}
    sources = tuple(Source(BY_NAME[name].card, posts(name, own)) for name, own in made.items())
    monkeypatch.setattr(recipe, "SOURCES", sources)
    for source in sources:
        (tmp_path / source.folder).mkdir(parents=True)
    return tmp_path


def test_what_a_model_may_not_learn_from_is_there_to_measure_on(small):
    rows = all_rows(small, readings=Readings())
    learnable = dict(zip(rows.sources, rows.learnable.tolist(), strict=True))
    assert learnable == {AUTHORED: True, "edos": True, "ced": False}
    read = Readings([Record("ced", "0", text_key("ced 0"), Reading("r", "claim"), "first", 2)])
    rows = all_rows(small, "research", read)
    ced = rows.take(np.array(rows.sources) == "ced")
    assert (ced.texts, ced.labels.tolist()) == (["ced 0"], [[1, 0, 0, 0]])
    assert ced.learnable.all()
    base = all_rows(small, "base", read)
    assert not base.learnable[np.array(base.sources) == "ced"].any()
