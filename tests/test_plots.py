"""The displays show the numbers that evaluation gives, on any axes, without global state."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from postrisk.cutoffs import Cutoffs
from postrisk.errors import InputError, LabelError
from postrisk.evaluation import Rate, expected_calibration_error, rates_by_group

pytest.importorskip("matplotlib")

from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from postrisk.plots import OverblockingDisplay, PrecisionRecallDisplay, ReliabilityDisplay

RNG = np.random.default_rng(7)
PROBABILITIES = RNG.beta(0.4, 1.2, 500)
POSITIVE = RNG.random(500) < PROBABILITIES
GROUPS = ["news", "satire", "历史讨论", "<b>&"] * 25
RAISED = np.array([index % 4 == 1 and index < 40 for index in range(100)])
PNG = b"\x89PNG"


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def texts_of(display):
    return [text.get_text() for text in display.ax_.texts]


def displays():
    return [
        ReliabilityDisplay.from_predictions(POSITIVE, PROBABILITIES, name="rumor"),
        PrecisionRecallDisplay.from_predictions(
            POSITIVE, PROBABILITIES, cutoffs=Cutoffs(review=0.3, flag=0.8), name="rumor"
        ),
        OverblockingDisplay.from_predictions(RAISED, GROUPS, ceiling=0.05, name="review"),
    ]


@pytest.mark.parametrize("display", displays(), ids=lambda display: type(display).__name__)
def test_each_display_draws_saves_and_draws_again(display, tmp_path):
    first = display.figure_
    display.figure_.savefig(tmp_path / "plot.svg")
    assert display._repr_png_().startswith(PNG)
    figure = Figure()
    axes = figure.subplots(1, 2)
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
    assert display.figure_ is figure is not first
    assert display.ax_.get_title(loc="left").endswith(display.name)
    assert not axes[0].has_data()


def test_no_display_touches_pyplot():
    had = "matplotlib.pyplot" in sys.modules
    displays()
    assert ("matplotlib.pyplot" in sys.modules) == had


def test_a_figure_of_pyplot_is_left_to_pyplot():
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, ax = plt.subplots()
    display = ReliabilityDisplay.from_predictions(POSITIVE, PROBABILITIES, ax=ax)
    assert display._repr_png_() is None
    plt.close(figure)


def test_reliability_shows_every_post_and_exact_intervals():
    display = ReliabilityDisplay.from_predictions(POSITIVE, PROBABILITIES, n_bins=5)
    assert display.counts.sum() == len(POSITIVE)
    assert sum(share.total for share in display.shares) == len(POSITIVE)
    assert sum(share.hits for share in display.shares) == POSITIVE.sum()
    last = POSITIVE[PROBABILITIES >= 0.8]
    assert display.shares[-1] == Rate.of(last)
    assert display.ece == expected_calibration_error(POSITIVE, PROBABILITIES, 5)
    [bars] = [c for c in display.ax_.containers if len(c) == 5 and hasattr(c, "patches")]
    heights = [bar.get_height() for bar in bars]
    assert np.allclose(np.array(heights) / max(heights), display.counts / max(display.counts))
    assert {f"{n:,}" for n in display.counts} <= set(texts_of(display))


def test_reliability_leaves_empty_bins_out_and_takes_the_ends():
    display = ReliabilityDisplay.from_predictions([0, 1], [0.0, 1.0])
    assert display.counts.tolist() == [1, *[0] * 8, 1]
    assert display.mean_probabilities.tolist() == [0.0, 1.0]
    assert [share.total for share in display.shares] == [1, 1]


def test_precision_recall_marks_the_cutoffs():
    cutoffs = Cutoffs(review=0.3, flag=0.8)
    display = PrecisionRecallDisplay.from_predictions(POSITIVE, PROBABILITIES, cutoffs=cutoffs)
    assert list(display.marks) == ["review", "flag"]
    cut, precision, recall = display.marks["flag"]
    raised = PROBABILITIES >= 0.8
    assert cut == 0.8
    assert precision == Rate.of(POSITIVE[raised])
    assert recall == Rate.of(raised[POSITIVE])
    assert display.prevalence == POSITIVE.mean()
    shown = f"flag ≥ 0.80: precision {precision.rate:.2f}, recall {recall.rate:.2f}"
    assert shown in legend_of(display)


@pytest.mark.parametrize(
    ("cutoffs", "marks"), [(None, 0), (Cutoffs(review=0.5), 1), (Cutoffs(review=0.1, flag=1.0), 2)]
)
def test_precision_recall_without_a_flag_or_above_all_posts(cutoffs, marks):
    display = PrecisionRecallDisplay.from_predictions(
        POSITIVE, PROBABILITIES * 0.9, cutoffs=cutoffs
    )
    assert len(display.marks) == marks
    assert ("flag ≥ 1.00: raises no post" in legend_of(display)) == (marks == 2)


def test_overblocking_shows_the_rates_and_what_is_over_the_ceiling():
    display = OverblockingDisplay.from_predictions(RAISED, GROUPS, ceiling=0.05)
    assert display.rates == rates_by_group(RAISED, GROUPS)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels[-1] == "satire"
    assert set(labels) == set(GROUPS)
    assert "40.0%  (10 of 25)" in texts_of(display)
    assert "ceiling 5.0%" in texts_of(display)
    points = [container.lines[0] for container in display.ax_.containers]
    assert [to_hex(point.get_color()).upper() for point in points[-2:]] == ["#0072B2", "#D55E00"]


def test_overblocking_of_nothing_raised_keeps_its_doubt():
    display = OverblockingDisplay.from_predictions([0] * 20, ["news"] * 20)
    assert 0.16 < display.rates["news"].high < 0.17
    assert display.ax_.get_xlim()[1] > display.rates["news"].high


WRONG = {
    "no posts": (ReliabilityDisplay, [], []),
    "labels of three kinds": (ReliabilityDisplay, [0, 1, -1], [0.1, 0.2, 0.3]),
    "too few probabilities": (ReliabilityDisplay, [0, 1], [0.1]),
    "not probabilities": (PrecisionRecallDisplay, [0, 1], [0.1, 1.5]),
    "not numbers": (PrecisionRecallDisplay, [0, 1], [0.1, np.nan]),
    "no positive": (PrecisionRecallDisplay, [0, 0], [0.1, 0.2]),
    "too few groups": (OverblockingDisplay, [0, 1], ["news"]),
    "a table": (OverblockingDisplay, [[0, 1]], ["news"]),
}


@pytest.mark.parametrize(("display", "first", "second"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_a_label_error(display, first, second):
    with pytest.raises(LabelError, match="expected"):
        display.from_predictions(first, second)


def test_no_bins_is_an_input_error():
    with pytest.raises(InputError, match="n_bins: found 0"):
        ReliabilityDisplay.from_predictions([0, 1], [0.1, 0.9], n_bins=0)


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r"^matplotlib is not installed: pip install 'postrisk"):
        ReliabilityDisplay.from_predictions([0, 1], [0.1, 0.9])
