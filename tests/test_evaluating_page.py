"""docs/evaluating.md says what really happens."""

from __future__ import annotations

import csv
import doctest
import importlib.util
from pathlib import Path

from postrisk.corpora import authored

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evaluating.md"


def test_its_python_blocks_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    results = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert results.attempted >= 10
    assert results.failed == 0


def test_its_output_really_came_out():
    path = ROOT / "tools" / "update_readme.py"
    spec = importlib.util.spec_from_file_location("update_readme", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.evaluated() in PAGE.read_text("utf-8"), "run python tools/update_readme.py"


def test_the_labelled_sample_is_of_authored_test_posts():
    with (ROOT / "datasets" / "sample" / "labelled.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    known = {example.text: example.labels["violence"] for _, example in authored("test")}
    assert len(rows) == 178
    assert all(known[row["text"]] == int(row["violence"]) for row in rows)
