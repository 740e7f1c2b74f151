"""``postrisk evaluate`` through the real entry point."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from postrisk.store import save
from tiny import WORDS, tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save(tiny_model(), folder, card="# tiny\n\nA model for tests.\n", data_fingerprint="tests")
    return str(folder)


@pytest.fixture
def labelled(tmp_path):
    posts = [f"{WORDS['violence']} {i},1,threat" for i in range(25)]
    posts += [f"soup and bread {i},0,[red]a|b[/red]\x1b" for i in range(25)]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["text,violence,kind", *posts]) + "\n", "utf-8")
    return path


def run(*arguments, cwd=None, **environment):
    command = [sys.executable, "-m", "postrisk", "evaluate", *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1", **environment}
    return subprocess.run(command, capture_output=True, cwd=cwd, env=environment, check=False)


def test_it_prints_tables_and_writes_the_folder(model, labelled, tmp_path):
    done = run(labelled, "--model", model, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    titles = ["Ranking", "Safe posts raised", "Twins", "Rewritten posts"]
    places = [shown.index(title) for title in titles]
    assert places == sorted(places)
    assert "1.000 (0.863–1.000)" in shown
    assert "[red]a|b[/red]⟨1b⟩" in shown
    assert "…" not in shown
    assert b"saved" in done.stderr
    markdown = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "[red]a\\|b[/red]" in markdown
    assert json.loads((tmp_path / "out" / "report.json").read_text("utf-8"))["posts"]


def test_json_is_all_that_is_printed(model, labelled):
    done = run(labelled, "--model", model, "--json", "--suite", "gate", "--suite", "twins")
    found = json.loads(done.stdout)
    assert found["ranked"] is None
    assert (found["gate"], found["twins"]) == ([], [])
    assert done.stderr == b""


def test_a_fresh_checkout_needs_no_file(model):
    done = run("--model", model, "--suite", "twins", POSTRISK_DATA="")
    assert done.returncode == 0, done.stderr
    assert b"terrorism" in done.stdout


MISTAKES = {
    "no file": (("absent.csv",), 3),
    "no text column": (("numbers.csv",), 3),
    "no category": (("fine.csv",), 3),
    "no post": (("empty.csv",), 3),
    "a bad label": (("labels.csv",), 3),
    "no model": (("--model", "absent"), 4),
    "no data": (("--public",), 6),
    "no such suite": (("--suite", "magic"), 3),
    "a learning curve of own posts": (("good.csv", "--suite", "learning"), 3),
    "a file for a folder": (("--suite", "twins", "-o", "fine.csv"), 3),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_costs_one_helpful_line(name, model, tmp_path, snapshot):
    (tmp_path / "fine.csv").write_text("text\nsoup\n", "utf-8")
    (tmp_path / "numbers.csv").write_text("a,rumor\n1,0\n", "utf-8")
    (tmp_path / "good.csv").write_text("text,rumor\nsoup,0\n", "utf-8")
    (tmp_path / "empty.csv").write_text("text,rumor\n", "utf-8")
    (tmp_path / "labels.csv").write_text("text,rumor\nsoup,maybe\n", "utf-8")
    arguments, code = MISTAKES[name]
    if "--model" not in arguments:
        arguments = (*arguments, "--model", model)
    done = run(*arguments, cwd=tmp_path, POSTRISK_DATA="")
    message = done.stderr.decode()
    assert (done.returncode, message.count("\n")) == (code, 1), message
    assert message.startswith("postrisk: ")
    assert message == snapshot


def test_a_file_and_the_public_sets_together_are_wrong_usage():
    done = run("mine.csv", "--public")
    assert done.returncode == 2
