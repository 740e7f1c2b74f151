"""The README says what really happens."""

from __future__ import annotations

import csv
import doctest
import re
from pathlib import Path

from postrisk.scorer import Scorer
from postrisk.tables import score_table

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def test_its_python_blocks_run_and_print_what_they_show():
    results = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert results.attempted >= 8
    assert results.failed == 0


def test_its_first_command_gives_the_counts_that_it_shows(tmp_path):
    summary = score_table(
        Scorer(), ROOT / "datasets" / "sample" / "posts.csv", tmp_path / "scored.csv"
    )
    shown = README.read_text("utf-8")
    first = (
        f"{summary.rows} rows: {summary.scored} scored to scored.csv, {summary.rejected} rejected"
    )
    assert first in shown
    for category in ("rumor", "violence", "terrorism", "pornography"):
        counts = [str(summary.bands[category, band]) for band in ("pass", "review", "flag")]
        assert re.search(rf"{category} +{' +'.join(counts)}", shown), category


def test_the_two_commands_come_first_and_the_refusals_before_them():
    shown = README.read_text("utf-8")
    order = [
        "What it refuses to do",
        "pip install . && postrisk score",
        "pip install '.[test]' && pytest",
    ]
    places = [shown.index(words) for words in order]
    assert places == sorted(places)
    assert places[-1] < len(shown) / 3


def test_the_sample_is_what_its_card_says():
    with (ROOT / "datasets" / "sample" / "posts.csv").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        rows = list(csv.reader(file))
    assert rows[0] == [
        "id",
        "platform",
        "发布时间",
        "正文",
        "转发数",
        "阅读数",
        "点赞数",
        "评论数",
        "account_kind",
    ]
    assert len(rows) == 201
    with (ROOT / "datasets" / "sample" / "posts_gb18030.csv").open(
        encoding="gb18030", newline=""
    ) as file:
        assert list(csv.reader(file)) == rows
