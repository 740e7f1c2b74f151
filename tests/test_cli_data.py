"""``postrisk data``: list, check and fetch through the command line's own entry point."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest

from postrisk import cli, registry
from postrisk.registry import Card, cards

TEXT = "rewire_id,text,label_sexist,label_category\n1,soup,not sexist,none\n"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run it in this process, so that the registry can be another one."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")

    def run_(*arguments):
        monkeypatch.setattr(sys, "argv", ["postrisk", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    return run_


@pytest.fixture
def known(monkeypatch, tmp_path):
    """A registry of two sets: one that could be fetched from nowhere, and one repacked."""
    [edos] = registry.pick(["edos"])
    values = edos.model_dump()
    body = TEXT.encode()
    values["files"] = [{"path": "data/edos_labelled_aggregated.csv", "bytes": len(body),
                        "sha256": hashlib.sha256(body).hexdigest()}]  # fmt: skip
    values["upstream"]["url"] = "http://127.0.0.1:1/{path}"
    packed = {**values, "name": "packed", "folder": "en/packed"}
    packed["upstream"] = {**values["upstream"], "repacked": "gzipped here"}
    both = (Card.model_validate(values), Card.model_validate(packed))
    monkeypatch.setattr(registry, "cards", lambda: both)
    path = tmp_path / "en/edos/data/edos_labelled_aggregated.csv"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, "utf-8")
    return path


def test_list_shows_every_set(run):
    code, out, _ = run("data", "list")
    assert code == 0
    assert len(out.splitlines()) == len(cards()) + 1
    code, out, _ = run("data", "list", "ced", "--json")
    [card] = json.loads(out)
    assert (card["name"], card["train"], card["rows"]) == ("ced", "research", None)


def test_list_as_a_table(run, snapshot):
    _, out, _ = run("data", "list", "ced", "edos", "opencc", "toxicn")
    assert out == snapshot


def test_list_counts_what_is_there(run, known, tmp_path):
    code, out, _ = run("data", "list", "--count", "--json", "--data", tmp_path)
    assert code == 0
    assert {card["name"]: card["rows"] for card in json.loads(out)} == {"edos": 1, "packed": None}
    _, out, _ = run("data", "list", "--count", "--data", tmp_path)
    assert out.splitlines()[1].split()[-1] == "1"


def test_check_says_what_is_right(run, known, tmp_path):
    code, out, _ = run("data", "check", "edos", "--data", tmp_path)
    assert (code, out.splitlines()[1].split()) == (0, ["edos", "1", "of", "1", "1"])
    code, out, error = run("data", "check", "--json", "--data", tmp_path)
    assert code == 6
    assert "1 of 2 sets" in error
    found = {check["name"]: check for check in json.loads(out)}
    assert found["edos"] == {
        "name": "edos", "right": True, "rows": 1, "problem": "",
        "files": {"data/edos_labelled_aggregated.csv": "right"},
    }  # fmt: skip
    assert set(found["packed"]["files"].values()) == {"absent"}


def test_check_names_a_changed_file(run, known, tmp_path, snapshot):
    known.write_text(TEXT.replace("soup", "salt"), "utf-8")
    code, out, _ = run("data", "check", "--data", tmp_path)
    assert code == 6
    assert out == snapshot


def test_check_without_a_folder(run, monkeypatch):
    monkeypatch.setenv("POSTRISK_DATA", "")
    code, _, error = run("data", "check")
    assert (code, error) == (6, "postrisk: no data folder; set POSTRISK_DATA or name one\n")


def test_fetch_skips_what_is_right_and_says_why_the_rest_stays_away(run, known, tmp_path):
    code, out, error = run("data", "fetch", "--to", tmp_path)
    assert (code, out) == (0, "")
    assert "packed: cannot be fetched: repacked from rewire-online/edos (gzipped here)" in error
    assert "0 files fetched, 1 already right, 1 cannot be fetched, 0 failed" in error


def test_fetch_by_name_fails_for_what_cannot_be_fetched(run, known, tmp_path):
    code, _, error = run("data", "fetch", "packed", "--to", tmp_path)
    assert code == 6
    assert error.endswith("postrisk: 1 files could not be fetched; see above\n")


def test_fetch_fails_when_nobody_answers(run, known, tmp_path):
    known.unlink()
    code, _, error = run("data", "fetch", "--to", tmp_path)
    assert code == 6
    assert "refused" in error


@pytest.mark.parametrize("verb", ["list", "check", "fetch"])
def test_an_unknown_name(run, verb, tmp_path, monkeypatch):
    monkeypatch.setenv("POSTRISK_DATA", str(tmp_path))
    code, _, error = run("data", verb, "edoss")
    assert (code, error) == (6, "postrisk: 'edoss': no such data set; did you mean edos?\n")
