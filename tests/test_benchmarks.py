"""The speed benchmark runs from end to end, and compares what it says it compares."""

from __future__ import annotations

import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import postrisk
from postrisk import native
from postrisk.folding import fold_batch
from postrisk.scorer import Scorer
from postrisk.tables import score_table
from strategies import texts as any_texts

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from speedlab import goals, kernels, measures, peers, posts, processes, stages, timing  # noqa: E402
from speedlab.plain import PlainKernel, build, compiler  # noqa: E402
from speedlab.program import fill_readme  # noqa: E402
from speedlab.writeup import summary, to_markdown  # noqa: E402

try:
    compiler()
    HAS_COMPILER = True
except timing.NotAvailableError:
    HAS_COMPILER = False
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="no C compiler")


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Run the whole program once, small and without network."""
    folder = tmp_path_factory.mktemp("speed")
    output, cache = folder / "results", folder / "cache"
    given = ["--quick", "--rows", "600", "--largest", "1000"]
    command = [sys.executable, str(ROOT / "benchmarks" / "speed.py"), *given]
    # The package that the tests run on: it has the compiled kernel where one was built.
    package = str(Path(postrisk.__file__).parents[1])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [*command, "--cache", str(cache), "--output", str(output)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return output, cache, done.stdout


@pytest.fixture(scope="module")
def found(quick):
    return json.loads((quick[0] / "speed.json").read_text("utf-8"))


def test_every_section_is_measured_or_says_why_not(found):
    sections = {
        "model_bytes", "ordinary", "long", "kernel", "startup", "singles", "stages", "workers",
        "large", "scaling", "instructions",
    }  # fmt: skip
    assert sections <= set(found) | set(found["not_available"])
    assert {"model_bytes", "ordinary", "long", "kernel", "startup", "singles", "stages",
            "scaling"} <= set(found)  # fmt: skip
    assert all(reason.strip() for reason in found["not_available"].values())
    for peer in peers.PEERS:
        assert "installs nothing" in found["not_available"][peer.label]


def test_rates_are_medians_with_all_their_runs(found):
    for name in ("ordinary", "long"):
        rates = found[name]["rates"]
        assert {"list", "table", "command"} <= set(rates)
        for rate in rates.values():
            spread = rate["per_second"]
            assert len(spread["runs"]) == found["settings"]["repeats"]
            assert 0 < spread["low"] <= spread["median"] <= spread["high"]
        pairs = zip(*(rates[n]["per_second"]["runs"] for n in ("list", "command")), strict=True)
        ratio = rates["command"]["list_is_times_as_fast"]["median"]
        assert ratio == pytest.approx(statistics.median(a / b for a, b in pairs), rel=1e-3)


def test_time_and_memory_are_measured_over_rows(found):
    rows = [line["rows"] for line in found["scaling"]]
    assert rows == sorted(rows)
    for line in found["scaling"]:
        assert line["bytes"] > line["rows"]
        assert line["seconds"]["median"] > 0
        assert line["peak_bytes"] > 1 << 24


def test_shares_of_the_profile_add_up(found):
    assert sum(found["stages"]["share"].values()) == pytest.approx(1, abs=0.01)
    assert found["stages"]["share"].get("outside postrisk", 0) < 0.2
    before = found["stages"]["before"]
    assert before["commit"] == "927c5e9"
    assert sum(before["share"].values()) == pytest.approx(1, abs=0.01)
    assert set(before["share"]) <= {*stages._STAGES, "outside postrisk"}


def test_every_module_of_the_profile_has_a_stage(found):
    known = {*stages._STAGES, "outside postrisk"}
    assert set(found["stages"]["share"]) <= known
    assert stages.stage_of("native", "_score") == "kernel"
    assert stages.stage_of("native", "strongest_spans") == "reasons"


def test_rows_say_which_kernel_they_are_of(found):
    rates = found["ordinary"]["rates"]
    assert ("compiled" in rates["list"]["label"]) == (native.library() is not None)
    assert found["machine"]["kernel"] in rates["arrow"]["label"]
    if native.library() is None:
        assert "list_numpy" not in rates
        assert any("None" in reason for reason in found["not_available"].values())
    else:
        assert "numpy" in rates["list_numpy"]["label"]
        assert {"native", "kernel", "list"} <= set(found["kernel"]["rates"])
    for rate in rates.values():
        if rate is not rates["arrow"]:
            assert rate["arrow_is_times_as_fast"]["low"] > 0


def test_first_scores_are_timed_in_processes_of_their_own(found):
    inside = found["startup"]["inside"]
    for name in ("predict_proba", "score_one"):
        assert 0 < inside[f"second `{name}`"]["low"] <= inside[f"first `{name}`"]["high"]
    assert inside["`postrisk.load()`"]["low"] > 0


@needs_compiler
def test_the_plain_sums_were_compared_before_they_were_timed(found):
    same = found["kernel"]["texts_with_the_same_sums"]
    assert same == {"ordinary": 600, "long": 600}
    assert {"plain", "fold_plain", "kernel"} <= set(found["kernel"]["rates"])
    expected = {"kernel over plain", "list over fold_plain", "list over plain"}
    if native.library() is not None:
        expected |= {"native over plain", "native over fold_plain"}
    assert set(found["kernel"]["ratios"]) == expected


def test_no_path_and_no_host_name_is_in_what_is_written(quick):
    output, cache, printed = quick
    host = socket.gethostname()
    shown = printed + "".join(
        (output / name).read_text("utf-8") for name in ("speed.json", "speed.md")
    )
    for path in (ROOT, cache, output, Path.home() / "", Path(sys.prefix)):
        assert f"{path}/" not in shown
    assert not re.search(rf"\b{re.escape(host)}\b", shown)
    assert not re.search(r"(?<![\w.:/])/(?:home|root|tmp|work|usr|Users)/", shown)
    assert not list(cache.glob("tmp*"))


def test_the_plots_are_pictures_and_the_page_is_made_from_the_json_alone(quick, found):
    for name in ("rates.png", "scaling.png"):
        assert (quick[0] / name).read_bytes().startswith(b"\x89PNG")
    assert (quick[0] / "speed.md").read_text("utf-8") == to_markdown(found)
    assert "posts/s" in summary(found)
    noted = {**found, "settings": {**found["settings"], "note": "On a busy machine."}}
    for write in (to_markdown, summary):
        assert "A quick run" in write(found)
        assert "On a busy machine." in write(noted)


def test_the_tables_go_between_the_markers_of_a_page(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n", "utf-8")
    fill_readme(page, "new\n")
    assert page.read_text("utf-8") == "before\n<!-- speed -->\n\nnew\n\n<!-- /speed -->\nafter\n"


def test_the_same_seed_gives_the_same_posts_and_a_share_of_them_is_long():
    pools = posts.authored_pools()
    first, again = (posts.take(posts.make_posts(pools), 3000) for _ in range(2))
    assert first == again
    assert first != posts.take(posts.make_posts(pools, seed=1), 3000)
    about = posts.describe(first)
    assert 75 < about["characters"]["mean"] < 92
    assert about["characters"]["median"] < 0.8 * about["characters"]["mean"]
    assert about["characters"]["p99"] > 3 * about["characters"]["mean"]
    long = posts.take(posts.make_posts(pools, long_share=0.1), 3000)
    assert 0.07 < np.mean([len(text) > 1500 for text in long]) < 0.13


def test_posts_are_those_of_an_export_in_scripts_and_bands():
    texts = posts.take(posts.make_posts(posts.authored_pools()), 3000)
    assessed = Scorer().score(texts)
    raised = np.mean([any(b.value != "pass" for b in one.bands.values()) for one in assessed])
    assert 0.03 < raised < 0.12
    assert 0.26 < np.mean([one.script == "zh" for one in assessed]) < 0.34


def test_every_row_of_the_export_can_be_scored(tmp_path):
    texts = posts.take(posts.make_posts(posts.authored_pools(), long_share=0.1), 500)
    posts.write_csv(tmp_path / "in.csv", texts)
    summary = score_table(Scorer(), tmp_path / "in.csv", tmp_path / "out.csv")
    assert (summary.scored, summary.rejected) == (500, 0)
    assert {"text", "posted_at", "reposts", "views"} <= set(summary.columns)


@pytest.fixture(scope="module")
def pools():
    return posts.authored_pools()


@given(st.integers(0, 2**32), st.integers(4, 600), st.sampled_from(["en", "zh"]))
def test_a_post_is_no_longer_than_was_drawn_for_it(pools, seed, length, language):
    text = posts.compose(pools[language], length, random.Random(seed))  # noqa: S311
    assert 0 < len(text) <= length
    assert text == text.strip()


@pytest.fixture(scope="module")
def model():
    return postrisk.load()


@pytest.fixture(scope="module")
def kernel(model, tmp_path_factory):
    return PlainKernel(build(tmp_path_factory.mktemp("plain")), model)


@needs_compiler
@settings(max_examples=200)
@given(st.lists(any_texts(), max_size=8))
def test_the_plain_c_loop_gives_the_sums_of_the_model(kernel, model, texts):
    batch = fold_batch(texts)
    sums, counts = model.sum_weights(batch)
    plain_sums, plain_counts = kernel.sum_weights(batch)
    assert np.array_equal(sums, plain_sums)
    assert np.array_equal(counts, plain_counts)


@needs_compiler
def test_texts_longer_than_the_buffer_of_the_loop_have_the_same_sums(kernel, model):
    texts = ["".join(f"word{n} " for n in range(size)) for size in (30, 31, 32, 33, 500, 5000)]
    texts += ["字" * 3 + "符 " * size for size in (127, 128, 129)] + ["a" * 700, ""]
    assert kernel.agrees(model, [fold_batch(texts)])


@needs_compiler
def test_a_difference_in_one_category_is_seen(kernel, model):
    weights = model.weights.copy()
    weights[:, 2] = np.where(weights[:, 2] < 127, weights[:, 2] + 1, 126)
    batches = [fold_batch(["soup with bread"])]
    assert kernel.agrees(model, batches)
    assert not kernel.agrees(replace(model, weights=weights), batches)


def test_sums_that_differ_end_the_run():
    class Differing:
        facts = {"kernel": "compiled kernel"}  # noqa: RUF012

        def __init__(self, differs, probabilities="1"):
            self.differs, self.probabilities = differs, probabilities

        def ask(self, work, _posts, _rows):
            agrees = work != self.differs
            result = {"agrees": agrees, "compared": 1, "sha256": self.probabilities}
            return {"seconds": 1.0, "result": result}

    def bench(own, without=None):
        return measures.Bench(ROOT, own, {}, {"ordinary": 1}, 1, 0, without)

    for differs, named in (("check_plain", "plain C"), ("check_native", "compiled kernel")):
        with pytest.raises(timing.WrongResultError, match=named):
            kernels.kernel(bench(Differing(differs)), "ordinary")
    assert bench(Differing(""), Differing("")).numpy("ordinary")[0].seconds(1) == 1.0
    with pytest.raises(timing.WrongResultError, match="numpy"):
        bench(Differing(""), Differing("", probabilities="2")).numpy("ordinary")


def test_the_second_core_is_of_another_physical_core_where_there_is_one(tmp_path):
    for core, threads in enumerate(("0-1", "0-1", "2-3", "2-3")):
        folder = tmp_path / f"cpu{core}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(threads, "utf-8")
    assert processes.partner(3, [0, 1, 2, 3], tmp_path) == 1
    assert processes.partner(3, [2, 3], tmp_path) == 2
    assert processes.partner(3, [0, 1, 2, 3], tmp_path / "none") == 2
    assert processes.partner(3, [3], tmp_path) is None


def test_only_two_workers_get_two_cores(monkeypatch):
    given = []

    def watched(command, chosen=None):
        if "--help" not in command:
            given.append((command[-1], chosen))
        return processes.Run(1.0 / len(chosen or [0]), 1.0, 1, "--workers")

    monkeypatch.setattr(measures, "watch", watched)
    bench = measures.Bench(ROOT, None, {}, {"large": 10}, repeats=2, core=3)
    found = measures.workers(bench, "large", 1)
    assert given == [("1", [3]), ("2", [1, 3])] * 2
    assert found["two_over_one"]["runs"] == [2.0, 2.0]
    assert (
        _verdicts({"workers": found})["two cores over one, `postrisk score`, end to end"] == "yes"
    )
    with pytest.raises(timing.NotAvailableError, match="one core"):
        measures.workers(bench, "large", None)


def _spread(median, low=None, high=None):
    return {"median": median, "low": low or median, "high": high or median}


def _verdicts(results):
    return {goal.what: goal.row(results)[-1] for goal in goals.GOALS}


def test_goals_of_which_nothing_was_measured_say_so():
    assert set(_verdicts({}).values()) == {"not measured"}
    assert goals.goals_table({}).startswith("0 of 14 goals reached")


@pytest.mark.parametrize(
    ("by_list", "by_column", "said"),
    [
        (_spread(9, 8.5, 9), _spread(8), "yes"),
        (_spread(9, 7.5, 9), _spread(8), "yes; not in every repeat"),
        (_spread(7.9), _spread(8), "column only"),
        (_spread(7.9), _spread(7.9), "**no**"),
    ],
)
def test_a_goal_is_reached_when_its_medians_reach_it(by_list, by_column, said):
    rate = {"list_is_times_as_fast": by_list, "arrow_is_times_as_fast": by_column}
    found = _verdicts({"ordinary": {"rates": {"fasttext": rate}}})
    assert [v for what, v in found.items() if "fastText, dim" in what] == [said]


def test_goals_of_memory_go_by_the_last_point_of_the_curve():
    def points(*lines):
        return {"scaling": [{"rows": rows, "peak_bytes": peak} for rows, peak in lines]}

    def verdicts(results):
        return [v for what, v in _verdicts(results).items() if "peak memory" in what]

    assert verdicts(points((10**6, 2 * 10**8))) == ["not measured", "not measured"]
    assert verdicts(points((10**5, 10**8), (10**6, 2 * 10**8))) == ["not measured", "**no**"]
    assert verdicts(points((10**6, 2 * 10**8), (10**7, 2 * 10**8))) == ["yes", "yes"]
    assert verdicts(points((10**6, 3 * 10**8), (10**7, 3.1e8))) == ["**no**", "yes"]


def test_times_are_shown_in_the_units_of_their_goals():
    found = {
        "startup": {"inside": {"first `score_one`": _spread(0.006)}},
        "singles": {"microseconds": {"str": {"p50": _spread(99.0)}}},
    }
    rows = {row[0]: row[1:] for row in (goal.row(found) for goal in goals.GOALS)}
    assert rows["first score after loading"] == ("≤ 5 ms", "`score_one` 6.00", "**no**")
    assert rows["one post at a time, p50"] == ("≤ 100 µs", "99.0", "yes")


@needs_compiler
def test_another_hashing_is_refused(model, tmp_path):
    other = replace(model, hashing=replace(model.hashing, bits=17))
    with pytest.raises(timing.NotAvailableError, match="hashing"):
        PlainKernel(build(tmp_path), other)


def test_contenders_take_turns_and_those_that_cannot_say_why():
    turns = []

    def able(name):
        def seconds(rows):
            turns.append((name, rows))
            return rows / 1000

        return timing.Contender(name, name, 5000, seconds)

    def unable(_rows):
        raise timing.NotAvailableError("no such option")

    rates, absent = timing.interleave(
        [able("a"), able("b"), timing.Contender("c", "C", 10, unable)], repeats=2
    )
    assert turns == [("a", 1000), ("b", 1000)] + [("a", 5000), ("b", 5000)] * 2
    assert absent == {"C": "no such option"}
    assert rates["a"]["per_second"]["runs"] == [1000, 1000]


def test_a_program_is_watched_and_its_failure_says_its_last_line():
    small, large = (
        processes.watch([sys.executable, "-c", f"x = bytearray({size}); print(len(x))"])
        for size in (1, 200 << 20)
    )
    assert (small.output.strip(), large.output.strip()) == ("1", str(200 << 20))
    assert large.peak_bytes - small.peak_bytes > 150 << 20
    failing = "import sys; print('gone: /home/a/in.csv', file=sys.stderr); sys.exit(3)"
    with pytest.raises(timing.NotAvailableError, match="exit 3: gone: in.csv"):
        processes.watch([sys.executable, "-c", failing])


def test_a_peer_that_is_not_there_is_left_out_with_a_reason(tmp_path):
    with peers.start_peers(peers.PEERS[:1], tmp_path, tmp_path, allowed=False) as (able, absent):
        assert not able
        assert list(absent) == [peers.PEERS[0].label]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("No such file: '/home/ann/.cache/x.csv'", "No such file: 'x.csv'"),
        ("see https://a.example/b/c", "see https://a.example/b/c"),
        ("posts/s and a/b", "posts/s and a/b"),
    ],
)
def test_reasons_keep_no_folders(said, kept):
    assert processes.without_paths(said) == kept
