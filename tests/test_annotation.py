"""Labels by reading: which pass counts, what a line may say, and how agreement is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from postrisk.annotation import (
    CODES,
    COLUMNS,
    Reading,
    Readings,
    Record,
    agreement,
    kappa,
    read_records,
    shipped_readings,
    shipped_records,
    text_key,
    with_reading,
    without_positives,
)
from postrisk.corpora import CATEGORIES
from postrisk.errors import DataError
from postrisk.sources import BY_NAME

ROOT = Path(__file__).resolve().parents[1]
KEY = text_key("soup")
codes = st.just("0") | st.text("vtpr", min_size=1, max_size=4).map(
    lambda text: "".join(dict.fromkeys(text))
)
labels = st.dictionaries(st.sampled_from(CATEGORIES), st.sampled_from([0, 1]))


def record(code, turn="first", source="ced", key=KEY, line=2):
    return Record(source, "7", key, Reading(code, "other"), turn, line)


def test_a_decided_line_counts_and_a_second_does_not():
    records = [record("r"), record("0", "second"), record("v", "decided")]
    assert Readings(records).of("ced", "soup").codes == "v"
    assert Readings(records[:2]).of("ced", "soup").codes == "r"
    assert Readings(records[1:2]).of("ced", "soup") is None
    assert not Readings(records[1:2]).knows("ced")


def test_the_same_text_in_another_set_is_the_same_reading_where_all_agree():
    one = record("r")
    assert Readings([one]).of("weibo-ma2016", "soup").codes == "r"
    assert not Readings([one]).knows("weibo-ma2016")
    both = [one, record("0", source="checked")]
    assert Readings(both).of("weibo-ma2016", "soup") is None
    assert Readings(both).of("checked", "soup").codes == "0"
    assert Readings(both).of("ced", "bread") is None


def test_one_text_read_in_two_ways_must_be_decided():
    with pytest.raises(DataError, match="lines 2 and 9: .* reads r and 0; decide on one"):
        Readings([record("r"), record("0", line=9)])
    decided = [record("r"), record("0", line=9), record("r", "decided")]
    assert Readings(decided).of("ced", "soup").codes == "r"
    with pytest.raises(DataError, match="decide on one"):
        Readings([*decided, record("0", "decided")])
    assert len(Readings([record("r"), record("r", line=9)])) == 1


@given(labels, codes, st.booleans())
def test_a_reading_decides_three_categories_and_never_makes_a_rumor(own, code, capital):
    found = with_reading(own, Reading(code.upper() if capital else code, "other"))
    for letter, name in CODES.items():
        if name != "rumor":
            assert found[name] == int(letter in code)
    assert found.get("rumor") != 1 or (own.get("rumor") == 1 and "r" in code)
    if own.get("rumor") == 0:
        assert found["rumor"] == 0
    if own.get("rumor") == 1:
        assert found.get("rumor") == (1 if "r" in code else None)
    if "rumor" not in own:
        assert found.get("rumor") == (None if "r" in code else 0)


@given(labels)
def test_an_unread_post_keeps_only_its_zeros(own):
    found = without_positives(own)
    assert set(found.values()) <= {0}
    assert all(own[name] == 0 for name in found)
    assert with_reading(own, Reading("?", "other")) is None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60))
def test_kappa_is_scikit_learns(pairs):
    first, second = zip(*pairs, strict=True)
    assume(len(set(first) | set(second)) > 1)
    cells = [(True, True), (True, False), (False, True), (False, False)]
    found = kappa(*(pairs.count(cell) for cell in cells))
    assert found == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_is_unknown_where_nothing_varies():
    assert kappa(0, 0, 0, 0) is None
    assert kappa(0, 0, 0, 9) is None
    assert kappa(9, 0, 0, 0) is None


def test_agreement_by_category():
    turns = [("v", "v"), ("v", "0"), ("0", "V"), ("0", "0"), ("?", "v"), ("vt", "vt")]
    records = []
    for number, pair in enumerate(turns):
        key = text_key(str(number))
        records += [record(pair[0], "first", key=key), record(pair[1], "second", key=key)]
    records.append(record("v", "first", key=text_key("read once")))
    found = {line.category: line for line in agreement(records)}
    assert list(found) == [*CODES.values(), "judgeable"]
    violence = found["violence"]
    assert (violence.both, violence.first_only, violence.second_only, violence.neither) == (
        2, 1, 1, 1,
    )  # fmt: skip
    assert violence.low <= violence.kappa <= violence.high
    assert found["terrorism"].kappa == 1
    assert found["pornography"].kappa is None
    assert found["judgeable"].second_only == 1
    assert agreement(records) == list(found.values())
    assert [line.low for line in agreement([])] == [None] * 5


GOOD = ",".join(COLUMNS) + f"\nced,1,{KEY},rV,claim,first\n"
BROKEN = {
    "no columns": GOOD.replace("sha256", "sha"),
    "empty": "",
    "cells": GOOD.replace(",first", ""),
    "checksum": GOOD.replace(KEY, KEY.upper()),
    "codes": GOOD.replace("rV", "violence"),
    "codes: none and one": GOOD.replace("rV", "0v"),
    "codes: twice": GOOD.replace("rV", "rR"),
    "kind": GOOD.replace("claim", ""),
    "pass": GOOD.replace("first", "third"),
    "quotes": GOOD.replace("ced,", '"ced"x,'),
}


def test_lines_are_read(tmp_path):
    (tmp_path / "labels.csv").write_text(GOOD, "utf-8")
    [found] = read_records(tmp_path / "labels.csv")
    assert found == Record("ced", "1", KEY, Reading("rV", "claim"), "first", 2)
    assert found.reading.says("rumor")
    assert found.reading.says("violence")
    assert not found.reading.says("terrorism")


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_messages_of_broken_lines(text, snapshot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("labels.csv").write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        read_records(Path("labels.csv"))
    assert str(caught.value) == snapshot


def test_a_file_that_cannot_be_read_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_records(tmp_path / "labels.csv")
    (tmp_path / "labels.csv").write_bytes(b"\xff")
    with pytest.raises(DataError, match="not CSV in UTF-8"):
        read_records(tmp_path / "labels.csv")


def test_the_shipped_lines_are_of_known_sets():
    assert {line.source for line in shipped_records()} <= set(BY_NAME)
    assert len(shipped_readings()) <= len(shipped_records())


def test_the_readme_reports_the_shipped_lines():
    tool = ROOT / "tools" / "annotation_report.py"
    done = subprocess.run([sys.executable, tool], capture_output=True, check=True)
    card = ROOT / "datasets" / "annotation" / "README.md"
    assert done.stdout.decode() in card.read_text("utf-8")


def test_the_report_counts_and_compares(tmp_path):
    turns = [("ced", "r", "r"), ("ced", "R", "0"), ("edos", "v", "v"), ("edos", "0", "?")]
    lines = [",".join(COLUMNS)]
    for number, (source, first, second) in enumerate(turns):
        key = text_key(str(number))
        lines += [f"{source},{number},{key},{first},chat,first"]
        lines += [f"{source},{number},{key},{second},chat,second"]
    lines += [f"ced,1,{text_key('1')},0,opinion,decided"]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    tool = ROOT / "tools" / "annotation_report.py"
    done = subprocess.run([sys.executable, tool, path], capture_output=True, check=True)
    shown = done.stdout.decode()
    assert "| ced | 2 | 1 | 0 | 0 | 0 | 0 | 1 | 0 |" in shown
    assert "| all | 4 | 1 | 1 | 0 | 0 | 0 | 2 | 0 |" in shown
    assert "4 posts were read once, 4 of them twice; the two readings of 2 differ" in shown
    assert "1 posts were decided" in shown
    assert "| violence | 1.00 | 1.00 to 1.00 | 1 | 0 | 0 | 2 |" in shown
