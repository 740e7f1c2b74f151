"""The command line through its real entry point."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postrisk.cli import EXIT_CODES
from postrisk.store import save
from postrisk.windows import Windowing
from strategies import make_ladder
from tiny import WORDS, tiny_model

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "datasets" / "sample" / "posts.csv"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save(tiny_model(), folder, card="# tiny\n\nA model for tests.\n", data_fingerprint="tests")
    return str(folder)


def run(*arguments, stdin=b"", cwd=None, **environment):
    command = [sys.executable, "-m", "postrisk", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment}
    return subprocess.run(
        command, input=stdin, capture_output=True, cwd=cwd, env=environment, check=False
    )


def test_score_adds_columns_and_says_how_many_of_what(tmp_path, model):
    table = tmp_path / "in.csv"
    table.write_text(f"正文,转发数\n{WORDS['rumor']},500\nsoup,about 5k\nbread,\n", "utf-8")
    done = run("score", table, "-o", tmp_path / "out.csv", "--model", model)
    assert done.returncode == 0, done.stderr
    message = done.stderr.decode()
    assert "3 rows: 2 scored" in message
    assert "1 rejected" in message
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["recommendation"], second["recommendation"]) == ("review_first", "none")
    with (tmp_path / "out.csv.rejected.csv").open(encoding="utf-8", newline="") as file:
        [rejected] = csv.DictReader(file)
    assert (rejected["line"], rejected["column"]) == ("3", "转发数")


def test_score_in_a_pipe_prints_only_the_table(model, tmp_path):
    done = run("score", "-", "-o", "-", "--model", model, "-q", stdin=b"text\nsoup\n", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == b""
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("text,language,rumor,")
    assert len(lines) == 2


def test_the_same_model_scores_the_sample_alike_in_both_encodings(tmp_path, model):
    outputs = []
    for name in ("posts.csv", "posts_gb18030.csv"):
        target = tmp_path / name
        done = run("score", SAMPLE.with_name(name), "-o", target, "--model", model)
        assert done.returncode == 0, done.stderr
        assert b"200 rows: 194 scored" in done.stderr
        outputs.append(target.read_text("utf-8-sig"))
    assert outputs[0] == outputs[1]


def test_columns_can_be_named(tmp_path, model):
    table = tmp_path / "in.csv"
    table.write_text("words,seen\nsoup,7\n", "utf-8")
    done = run("score", table, "-o", "-", "--model", model, "--text-column", "words", cwd=tmp_path)
    assert done.returncode == 0
    assert b"text = words" in done.stderr


def test_explain_shows_the_words_and_the_sum(model):
    done = run("explain", f"hello, {WORDS['violence']}", "--model", model)
    assert done.returncode == 0
    shown = done.stdout.decode()
    assert WORDS["violence"] in shown
    assert "bias" in shown
    assert "recommendation: review" in shown


def test_explain_as_json_sums_to_the_logit(model, tmp_path):
    table = tmp_path / "in.csv"
    table.write_text(f"text\nsoup\n{WORDS['rumor']}\n", "utf-8")
    done = run("explain", "--file", table, "--row", "2", "--json", "--model", model)
    found = json.loads(done.stdout)
    rumor = found["explanations"]["rumor"]
    total = rumor["bias"] + sum(rumor["characters"])
    assert total == pytest.approx(rumor["logit"], abs=1e-9)
    assert found["assessment"]["bands"]["rumor"] == "flag"


def test_explain_shows_hidden_characters_as_numbers(model):
    done = run("explain", "so\u200bup \x1b[31mred", "--model", model)
    assert "⟨200b⟩" in done.stdout.decode()
    assert b"\x1b[31m" not in done.stdout


def test_train_on_a_labelled_file_then_score_with_it(tmp_path):
    table, folder = tmp_path / "labelled.csv", tmp_path / "mine"
    lines = ["text,rumor,thread"]
    for turn in range(30):
        lines += [f"{WORDS['rumor']} {turn},1,a{turn}", f"soup for lunch {turn},0,b{turn}"]
    table.write_text("\n".join(lines), "utf-8")
    done = run("train", table, "-o", folder, "--group-column", "thread", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "rumor" in (folder / "CARD.md").read_text("utf-8")
    done = run(
        "score", "-", "-o", "-", "--model", folder, stdin=b"text\nonion sock cure\n", cwd=tmp_path
    )
    assert done.returncode == 0
    assert ",pass," not in done.stdout.decode()


def test_report_writes_one_page(tmp_path, model):
    table = tmp_path / "in.csv"
    table.write_text(f"words,seen\n{WORDS['rumor']},9000\nsoup <script>x</script>,1\n", "utf-8")
    named = ("--text-column", "words", "--views-column", "seen")
    assert run("score", table, "-o", tmp_path / "out.csv", "--model", model, *named).returncode == 0
    page = tmp_path / "report.html"
    done = run("report", tmp_path / "out.csv", "-o", page, *named)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    assert WORDS["rumor"] in text
    assert "<script" not in text
    done = run("report", table, "-o", page)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1


def test_lab_refuses_a_model_that_is_not_there():
    done = run("lab", "--no-browser", "--model", "absent")
    assert done.returncode == 4
    assert done.stderr.count(b"\n") == 1


def test_info_names_model_and_checksums(model):
    values = json.loads(run("info", "--model", model, "--json").stdout)
    assert values["model"] == "tiny 1"
    assert values["card"] == "A model for tests."
    assert set(values["checksums"]) == {"weights.npy", "CARD.md"}
    assert b"tiny 1" in run("info", "--model", model).stdout


def test_rules_show_and_check(tmp_path):
    shown = run("rules", "show").stdout.decode()
    assert "法释〔2013〕21号" in shown
    assert "not assessed" in shown
    values = json.loads(run("rules", "show", "--json").stdout)
    assert len(values["hash"]) == 64
    broken = tmp_path / "broken.toml"
    broken.write_text('id = "x"', "utf-8")
    done = run("rules", "check", broken)
    assert done.returncode == 5
    assert done.stderr.decode().count("\n") == 1


MISTAKES = {
    "no input": ("score", "absent.csv", "-o", "out.csv"),
    "no text column": ("score", "numbers.csv", "-o", "out.csv"),
    "no model": ("score", "fine.csv", "-o", "out.csv", "--model", "absent"),
    "no rulebook": ("score", "fine.csv", "-o", "out.csv", "--rules", "absent.toml"),
    "no such row": ("explain", "--file", "fine.csv", "--row", "9"),
    "blank text": ("explain", " "),
    "no label column": ("train", "fine.csv", "-o", "mine"),
    "a file for a folder": ("train", "good.csv", "-o", "fine.csv", "--group-column", "id"),
    "a bad label": ("train", "labels.csv", "-o", "mine"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_costs_one_helpful_line(name, tmp_path, model, snapshot):
    (tmp_path / "fine.csv").write_text("text\nsoup\n", "utf-8")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n", "utf-8")
    good = "".join(f"{WORDS['rumor']} {i},1,a{i}\nsoup {i},0,b{i}\n" for i in range(20))
    (tmp_path / "good.csv").write_text(f"text,rumor,id\n{good}", "utf-8")
    (tmp_path / "labels.csv").write_text("text,rumor\nsoup,maybe\n", "utf-8")
    arguments = list(MISTAKES[name])
    if arguments[0] != "train" and "--model" not in arguments:
        arguments += ["--model", model]
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode in EXIT_CODES.values()
    message = done.stderr.decode()
    assert "Traceback" not in message
    assert message.count("\n") == 1
    assert (done.returncode, message) == snapshot
    assert not (tmp_path / "out.csv").exists()


def test_wrong_usage_exits_with_2():
    assert run("score").returncode == 2
    assert run("explain", "--row", "0", "x").returncode == 2
    assert run("explain").returncode == 2
    assert run("train").returncode == 2
    assert run("score", "a", "-o", "b", "--delimiter", "ab").returncode == 2
    assert run("score", "a", "-o", "b", "--delimiter", '"').returncode == 2


def test_a_closed_pipe_is_no_traceback(model, tmp_path):
    rows = b"text\n" + b"soup and bread\n" * 20_000
    (tmp_path / "in.csv").write_bytes(rows)
    command = f'"{sys.executable}" -m postrisk score in.csv -o - -q --model "{model}" | head -1'
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, cwd=tmp_path, check=False
    )
    assert b"Traceback" not in done.stderr


def test_ctrl_c_costs_one_line_and_leaves_no_output(model, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"text\n" + b"soup and bread\n" * 1_000_000)
    command = [sys.executable, "-m", "postrisk", "score", "in.csv", "-o", "out.csv"]
    started = subprocess.Popen([*command, "--model", model], stderr=subprocess.PIPE, cwd=tmp_path)
    while not list(tmp_path.glob(".postrisk-*.part")):
        assert started.poll() is None
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, message = started.communicate(timeout=60)
    assert (started.returncode, message) == (130, b"postrisk: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize("command", ["score", "info", "rules"])
def test_a_full_disk_costs_one_line(command, model, tmp_path):
    full = Path("/dev/full")
    if not full.is_char_device():
        pytest.skip("no /dev/full here")
    (tmp_path / "in.csv").write_bytes(b"text\nsoup\n")
    named = ("--model", model)
    arguments = {"score": ("score", "in.csv", "-o", "-", *named), "info": ("info", *named)}
    line = [sys.executable, "-m", "postrisk", *arguments.get(command, ("rules", "show"))]
    with full.open("wb") as stdout:
        done = subprocess.run(
            line, stdout=stdout, stderr=subprocess.PIPE, cwd=tmp_path, check=False
        )
    assert done.returncode == 3
    assert done.stderr == b"postrisk: standard output: No space left on device\n"


def test_a_stream_that_is_not_unicode_is_no_traceback(model):
    text = "打死 " + WORDS["rumor"] + " 😀"
    environment = {"PYTHONIOENCODING": "ascii"}
    assert run("explain", text, "--model", model, **environment).returncode == 0
    assert run("rules", "show", **environment).returncode == 0
    found = json.loads(run("explain", text, "--json", "--model", model, **environment).stdout)
    assert "rumor" in found["explanations"]


def test_names_in_brackets_are_names(model, tmp_path):
    (tmp_path / "in.csv").write_bytes(b"[/b]\nsoup\n")
    named = ("--model", model, "--text-column", "[/b]")
    done = run("score", "in.csv", "-o", "[red].csv", *named, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"scored to [red].csv" in done.stderr
    assert b"text = [/b]" in done.stderr


def test_a_name_longer_than_a_file_can_have_is_one_line(model, tmp_path):
    done = run("score", "a" * 5000, "-o", "out.csv", "--model", model, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1


def test_the_console_script_is_installed():
    script = shutil.which("postrisk", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("postrisk is not installed in this environment")
    done = subprocess.run([script, "--version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"postrisk ")


@pytest.fixture(scope="module")
def ladder_model(tmp_path_factory):
    """The tiny model with a ladder and windows; pornography is never flagged."""
    folder = tmp_path_factory.mktemp("model") / "ladder"
    found = dataclasses.replace(
        tiny_model(),
        ladder=dict.fromkeys(WORDS, make_ladder(thin=1)),
        windowing=Windowing(widths=(40,)),
    )
    found = found.with_review_only("pornography", "AUC below .70 on unseen sources")
    save(found, folder, card="# tiny\n\nA model for tests.\n", data_fingerprint="tests")
    return str(folder)


def test_ceilings_set_bands(ladder_model, tmp_path):
    bands = {}
    for ceiling in ("0.1%", "0.2"):
        done = run("score", "-", "-o", "-", "--model", ladder_model, "-q", "--review-ceiling",
                   "20%", "--flag-ceiling", ceiling, stdin=f"text\n{WORDS['rumor']}\n".encode(),
                   cwd=tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
        [row] = csv.DictReader(io.StringIO(done.stdout.decode()))
        bands[ceiling] = row["rumor_band"], row["rumor"]
    assert [band for band, _ in bands.values()] == ["review", "flag"]
    assert bands["0.1%"][1] == bands["0.2"][1]


@pytest.mark.parametrize("rate", ["0", "100%", "-1%", "five", "nan", "%"])
def test_a_ceiling_that_is_no_rate_is_wrong_usage(rate, ladder_model):
    done = run("explain", "soup", "--model", ladder_model, "--flag-ceiling", rate)
    assert done.returncode == 2
    assert b"--flag-ceiling" in done.stderr


def test_a_ceiling_that_the_model_cannot_keep(ladder_model):
    done = run("explain", "soup", "--model", ladder_model, "--review-ceiling", "0.01%")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == b"postrisk: review ceiling: found 0.0001, expected at least 0.001\n"


def test_explain_says_which_window_and_why_nothing_is_flagged(ladder_model):
    text = "soup and bread for lunch today " * 4 + WORDS["pornography"] + " soup again" * 6
    done = run("explain", text, "--model", ladder_model, "--category", "pornography")
    shown = done.stdout.decode()
    assert "review" in shown.splitlines()[0]
    assert "never flagged: AUC below .70 on unseen sources" in shown.splitlines()[1]
    start, end = map(int, re.search(r"in characters (\d+)–(\d+)", shown).groups())
    assert "adult" in text[start:end]
    assert end - start <= 41
    short = run("explain", WORDS["rumor"], "--model", ladder_model, "--category", "rumor")
    assert "in characters" not in short.stdout.decode()
    assert "never flagged" not in short.stdout.decode()
    info = run("info", "--model", ladder_model, COLUMNS="200").stdout.decode()
    assert "never flagged: AUC below .70 on unseen sources" in info
    assert "0.2%: from 0." in info
