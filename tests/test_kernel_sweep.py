"""The sweep of orders, buckets and weight type runs on authored posts and tells noise from more."""

from __future__ import annotations

import importlib
import json
import sys
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk.corpora import CATEGORIES
from postrisk.features import PostFeatures
from postrisk.intervals import auc, auc_interval
from postrisk.linear import LinearCore, quantise
from postrisk.recipe import all_rows, make_classifier, split_rows
from strategies import texts

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = ("kernel_sweep", "kernel_sweep_report", "kernel_settings", "kernel_speed", "sweep")


def _imported(name):
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


kernel_sweep, report, settings, kernel_speed, plain_sweep = map(_imported, NAMES)


def core_of(coefficients):
    core = LinearCore()
    core.coef_ = np.asarray(coefficients, dtype=float)
    core.intercept_ = np.arange(len(CATEGORIES)) / 10
    core.is_multilabel_ = True
    core.n_features_in_ = core.coef_.shape[1]
    return core


def setting_of(weights):
    return settings.Setting("weights", char_orders=(1, 3), bits=6, weights=weights)


@pytest.fixture(scope="module")
def learnt():
    return kernel_sweep.learn_and_validate(split_rows(all_rows(None)))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    # Strongly held back, so that the solver stops soon.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_sweep, "make_classifier", partial(make_classifier, C=0.02))
        kernel_sweep.main([
            "--quick", "--rows", "1500", "--draws", "2", "--rounds", "2", "--posts", "300",
            "-o", str(folder),
        ])  # fmt: skip
    return folder


def test_quick_writes_figures_tables_and_picture(quick):
    found = json.loads((quick / "kernel_sweep.json").read_text("utf-8"))
    lines = {line["name"]: line for line in found["settings"]}
    assert set(lines) == {"shipped", "float64", "16 bits"}
    assert found["how"]["sources_left_out"] == []
    assert found["how"]["training_rows"] == 1500
    means = [line["mean_auc"] for line in found["settings"]]
    assert means == sorted(means, reverse=True)
    for line in lines.values():
        assert len(line["mean_auc_by_draw"]) == 3
        assert len(set(line["mean_auc_by_draw"])) == 3
        assert len(line["posts_per_second_rounds"]) == 2
        assert line["mean_auc"] == pytest.approx(np.mean(list(line["auc"].values())))
        assert min(line["auc"].values()) > 0.5
    assert lines["shipped"]["difference"] == lines["shipped"]["half_width"] == 0
    entry = lines["shipped"]["table_bytes"] // (2**18 + 1)  # one more than there are buckets
    assert lines["16 bits"]["table_bytes"] == entry * (2**16 + 1)
    assert lines["float64"]["table_bytes"] == 4 * lines["shipped"]["table_bytes"]
    assert lines["float64"]["bands_changed"] == lines["float64"]["largest_shift"] == 0
    assert 0 < lines["shipped"]["mean_shift"] < lines["shipped"]["largest_shift"] < 0.1
    written = (quick / "kernel_sweep.md").read_text("utf-8")
    assert written == report.to_markdown(found)
    for words in ("**shipped**", "| 16 bits |", "authored zh pornography", "1,500 rows drawn"):
        assert words in written
    assert (quick / "kernel_sweep.png").read_bytes().startswith(b"\x89PNG")


def test_speeds_are_measured_again_and_nothing_else_changes(quick, tmp_path):
    before = json.loads((quick / "kernel_sweep.json").read_text("utf-8"))
    path = tmp_path / "kernel_sweep.json"
    path.write_text(json.dumps(before), "utf-8")
    kernel_speed.main([str(path), "--rounds", "3", "--posts", "200"])
    after = json.loads(path.read_text("utf-8"))
    assert after["how"].pop("timed_again")
    assert "It was measured apart" in (tmp_path / "kernel_sweep.md").read_text("utf-8")
    for found in (before, after):
        for name in ("rounds", "timed_posts"):
            found["how"].pop(name)
    lengths = []
    for line in after["settings"]:
        rounds = line.pop("posts_per_second_rounds")
        lengths.append(len(rounds))
        assert line.pop("posts_per_second") == np.median(rounds) > 0
        times = line.pop("times_shipped")
        assert times == 1 if line["name"] == "shipped" else times > 0
    assert lengths == [3] * 3
    for line in before["settings"]:
        for name in ("posts_per_second_rounds", "posts_per_second", "times_shipped"):
            line.pop(name)
    assert after == before


def test_the_committed_tables_are_those_of_the_committed_figures():
    folder = FOLDER / "results"
    found = json.loads((folder / "kernel_sweep.json").read_text("utf-8"))
    assert (folder / "kernel_sweep.md").read_text("utf-8") == report.to_markdown(found)
    assert {line["name"] for line in found["settings"]} == {s.name for s in settings.GRID}
    [shipped] = [line for line in found["settings"] if not line["axis"]]
    recipe = make_classifier()
    for name in ("char_orders", "word_orders", "bits"):
        assert shipped[name] == json.loads(json.dumps(getattr(recipe, name)))
    assert found["how"]["sources_left_out"] == list(plain_sweep.SOURCES)


def test_validation_is_a_quarter_of_authored_groups_and_the_sources_of_sweep(learnt):
    learn, validation = learnt
    assert kernel_sweep.SOURCES == plain_sweep.SOURCES
    assert set(learn.texts).isdisjoint(validation.texts)
    share = len(validation.texts) / (len(validation.texts) + len(learn))
    assert 0.15 < share < 0.35
    assert len(validation.cells) == 2 * len(CATEGORIES)
    held_out = set(split_rows(all_rows(None)).test.texts)
    assert held_out.isdisjoint(validation.texts)


def test_measures_are_those_of_delong(learnt):
    _, validation = learnt
    logits = np.random.default_rng(0).normal(size=validation.labels.shape).round(1)
    logits += validation.labels
    aucs, influence = validation.measure(logits)
    assert abs(influence.sum()) < 1e-12
    one = kernel_sweep.Validation(
        validation.texts, validation.labels, np.arange(len(validation.texts)), {}
    )
    for name, (posts, column) in validation.cells.items():
        positive, scores = validation.labels[posts, column] == 1, logits[posts, column]
        assert aucs[name] == pytest.approx(auc(positive, scores))
        single = kernel_sweep.Validation(one.texts, one.labels, one.groups, {name: (posts, column)})
        found, own = single.measure(logits)
        interval = auc_interval(positive, scores)
        spread = (interval.high - interval.low) / (2 * 1.96)
        assert single.error(own) == pytest.approx(spread, rel=0.03)
        assert found[name] == pytest.approx(interval.value)


def test_posts_of_one_group_count_as_one_doubt():
    influence = np.array([0.1, 0.1, -0.2])
    parts = {"apart": [0, 1, 2], "together": [0, 0, 1]}
    errors = {
        name: kernel_sweep.Validation([], np.zeros((0, 4)), np.array(groups), {}).error(influence)
        for name, groups in parts.items()
    }
    assert errors["apart"] == pytest.approx(np.sqrt(0.06))
    assert errors["together"] == pytest.approx(np.sqrt(0.08))


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ([0.02, 0.02, 0.021], "better"),
        ([-0.02, -0.02, -0.019], "worse"),
        ([0.02, -0.02, 0.04], "tied"),
    ],
)
def test_a_difference_within_its_noise_is_a_tie(gaps, verdict):
    def fitted(means):
        aucs = {draw: {"only": mean} for draw, mean in enumerate(means)}
        return kernel_sweep.Fitted(aucs, np.zeros(2), None)

    base = [0.8, 0.78, 0.79]
    validation = kernel_sweep.Validation([], np.zeros((0, 4)), np.arange(2), {})
    other = fitted([b + g for b, g in zip(base, gaps, strict=True)])
    found = kernel_sweep.compare(other, fitted(base), validation)
    assert found["verdict"] == verdict
    assert found["difference"] == pytest.approx(gaps[0])
    assert found["sd_over_draws"] == pytest.approx(np.std(gaps[1:], ddof=1))


def test_int8_is_rounded_as_shipped():
    coefficients = np.random.default_rng(1).normal(size=(4, 64))
    model = settings.as_model(setting_of("int8"), core_of(coefficients))
    weights, scales = quantise(coefficients)
    assert (model.weights == weights).all()
    assert model.scales.tolist() == scales.tolist()


@pytest.mark.parametrize("weights", settings.LARGEST)
def test_rounding_errs_by_half_a_step_at_most(weights):
    coefficients = np.random.default_rng(2).normal(size=(4, 64))
    model = settings.as_model(setting_of(weights), core_of(coefficients))
    assert np.abs(model.weights).max() == settings.LARGEST[weights]
    gaps = np.abs(model.weights * model.scales - coefficients.T)
    assert (gaps <= model.scales / 2 * (1 + 1e-9)).all()


@given(st.lists(texts(), max_size=5))
def test_all_types_score_as_the_window_matrix_does(posts):
    coefficients = np.random.default_rng(3).normal(size=(4, 64))
    core = core_of(coefficients)
    features = PostFeatures((1, 3), bits=6).fit([])
    posts = [*posts, "a long post " * 40]
    for weights in settings.WEIGHTS:
        model = settings.as_model(setting_of(weights), core)
        matrix, owners = features.transform_windows(posts, model.windowing)
        rounded = core_of((model.weights * model.scales).T)
        decided = rounded.decision_function(matrix)
        firsts = np.flatnonzero(np.diff(owners, prepend=-1))
        np.testing.assert_allclose(
            model.logits(posts), np.maximum.reduceat(decided, firsts), atol=1e-9
        )


def line_of(name, speed, difference, verdict="tied", axis="orders"):
    return {
        "name": name, "axis": axis, "posts_per_second": speed, "difference": difference,
        "half_width": 0.002, "verdict": verdict, "times_shipped": speed / 100_000,
    }  # fmt: skip


def test_names_in_the_picture_meet_nothing():
    from matplotlib.text import Text

    crowd = [line_of(f"setting {i}", 100_000 + 300 * i, 0.001 * (i % 2)) for i in range(6)]
    figure = report.draw({"settings": [line_of("shipped", 100_000, 0, axis=""), *crowd]})
    figure.draw_without_rendering()
    [ax] = figure.axes
    boxes = [Text.get_window_extent(note) for note in ax.texts]
    assert len(boxes) == 7
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    frame = ax.get_window_extent()
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)


def test_the_verdict_names_what_beats_the_shipped_choice():
    shipped = line_of("shipped", 100_000, 0, axis="")
    tied, worse = line_of("a", 120_000, 0.001), line_of("b", 90_000, -0.01, "worse")
    kept = report.verdict([shipped, tied, worse])
    assert kept.startswith("- **Keep.** None of the 2 other settings")
    assert "Tied with it: a (+0.0010 ± 0.0020, 1.20 × the speed)" in kept
    assert "Worse beyond noise: b" in kept
    beaten = report.verdict([shipped, line_of("c", 80_000, 0.01, "better"), worse])
    assert beaten.startswith("- **Beaten beyond noise** by c (+0.0100")


@pytest.mark.parametrize("options", [["--draws", "1"], ["--rounds", "1"]])
def test_a_spread_needs_two(options, capsys):
    with pytest.raises(SystemExit):
        kernel_sweep.main(["--quick", *options])
    assert "at least 2" in capsys.readouterr().err


def test_without_data_it_says_so(monkeypatch, capsys):
    monkeypatch.setenv("POSTRISK_DATA", "")
    with pytest.raises(SystemExit):
        kernel_sweep.main([])
    assert "set POSTRISK_DATA, or use --quick" in capsys.readouterr().err
