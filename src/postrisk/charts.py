"""The pictures of an evaluation report, drawn from its figures alone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from postrisk.errors import InputError
from postrisk.findings import Findings
from postrisk.plots import OverblockingDisplay, tidy, whiskers
from postrisk.robustness import ANY, PLACES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Named = tuple[str, Figure]

FORMATS = ("svg", "png")
# Okabe and Ito's palette, as in `postrisk.plots`.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
_QUIET = "#5F6368"
_BAR = 0.38
_ASIDE = 1.07
_DPI = 110


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise InputError("matplotlib is not installed: pip install 'postrisk[plots]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def _colour(names: Sequence[str]) -> dict[str, str]:
    return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(names)}


def _curves(report: Findings) -> Iterator[Named]:
    found = report.ranked.curves if report.ranked else ()
    colours = _colour(list(dict.fromkeys(curve.category for curve in found)))
    for split, language in dict.fromkeys((c.split, c.language) for c in found):
        figure = _figure(9.2, 4.6)
        left, right = figure.subplots(1, 2)
        for curve in found:
            if (curve.split, curve.language) != (split, language):
                continue
            style = {"color": colours[curve.category], "linewidth": 1.8}
            label = f"{curve.category}, AUC {curve.auc:.2f}"
            left.plot(*np.array(curve.roc).T, label=label, **style)
            label = f"{curve.category}, AP {curve.ap:.2f} (chance {curve.share:.2f})"
            right.plot(*np.array(curve.precision_recall).T, label=label, **style)
        left.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1)
        tidy(left, f"ROC: {split}, {language}", xlim=(0, 1), ylim=(0, 1.02),
             xlabel="Share of safe posts raised", ylabel="Share of risky posts raised")  # fmt: skip
        tidy(right, "Precision and recall", xlim=(0, 1), ylim=(0, 1.02),
             xlabel="Recall", ylabel="Precision")  # fmt: skip
        for ax in (left, right):
            ax.legend(frameon=False, fontsize="small")
        yield f"curves {split} {language}", figure


def _reliability(report: Findings) -> Iterator[Named]:
    found = report.ranked.calibration if report.ranked else ()
    for split, language in dict.fromkeys((c.split, c.language) for c in found):
        lines = [c for c in found if (c.split, c.language) == (split, language)]
        figure = _figure(3.3 * len(lines), 3.7)
        for ax, line in zip(figure.subplots(1, len(lines), squeeze=False)[0], lines, strict=True):
            bins = line.calibration.bins
            ax.plot([0, 1], [0, 1], color=_QUIET, linestyle="--", linewidth=1)
            ax.errorbar([b.mean for b in bins], [b.share.rate for b in bins],
                        yerr=whiskers([b.share for b in bins]), color=_COLOURS[0], marker="o",
                        linewidth=1.2, capsize=3)  # fmt: skip
            error = f"Mean probability; calibration error {line.calibration.ece:.3f}"
            tidy(ax, line.category, xlim=(0, 1), ylim=(0, 1.02), xlabel=error)
            ax.set_ylabel(f"Share of risky posts ({split}, {language})" if ax is figure.axes[0]
                          else "")  # fmt: skip
        yield f"reliability {split} {language}", figure


def _overblocking(report: Findings) -> Iterator[Named]:
    if report.overblocking is None:
        return
    for language in dict.fromkeys(g.language for g in report.overblocking.groups):
        rates = {
            f"{g.source}: {g.kind}".removesuffix(": "): g.review
            for g in report.overblocking.groups
            if g.language == language
        }
        display = OverblockingDisplay(rates=rates, name=f"at least review, {language}").plot()
        yield f"overblocking {language}", display.figure_


def _robustness(report: Findings) -> Iterator[Named]:
    # What folding undoes flips nothing, and is drawn only if it ever does.
    flips = [
        f
        for f in report.robustness or ()
        if f.category == ANY and (not f.invariant or f.lost.hits or f.raised.hits)
    ]
    if not flips:
        return
    names = list(dict.fromkeys(f.perturbation for f in flips))[::-1]
    languages = list(dict.fromkeys(f.language for f in flips))
    colours = _colour(languages)
    figure = _figure(9.2, 1.6 + 0.42 * len(names))
    for ax, which, label in zip(
        figure.subplots(1, 2, sharey=True), ("lost", "raised"),
        ("Share of risky posts that is lost", "Share of safe posts that is raised"), strict=True,
    ):  # fmt: skip
        for index, language in enumerate(languages):
            held = [f for f in flips if f.language == language and getattr(f, which).total]
            if not held:
                continue
            rates = [getattr(f, which) for f in held]
            rows = [names.index(f.perturbation) + (0.5 - index) * _BAR for f in held]
            ax.barh(rows, [r.rate for r in rates], _BAR, xerr=whiskers(rates),
                    color=colours[language], ecolor=_QUIET, capsize=2, label=language)  # fmt: skip
        tidy(ax, {"lost": "Rewritten posts", "raised": ""}[which], xlim=(0, 1), xlabel=label)
        ax.set_yticks(range(len(names)), names)
        ax.legend(frameon=False, fontsize="small", loc="lower right")
    yield "robustness", figure


def _panels(figure: Figure, names: Sequence[Any], draw: Callable[[Axes, Any], None]) -> Figure:
    for ax, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        draw(ax, name)
        ax.legend(frameon=False, fontsize="small")
    return figure


def _dilution(report: Findings) -> Iterator[Named]:
    found = report.dilution or ()
    languages = list(dict.fromkeys(d.language for d in found))
    if not languages:
        return

    def draw(ax: Axes, language: str) -> None:
        for index, (place, colour) in enumerate(_colour(PLACES).items()):
            held = [d for d in found if (d.language, d.place) == (language, place)]
            aside = _ASIDE ** (index - 1)
            words, rates = [d.words * aside for d in held], [d.review for d in held]
            ax.errorbar(words, [r.rate for r in rates], yerr=whiskers(rates), marker="o",
                        capsize=3, color=colour, label=f"post at the {place}")  # fmt: skip
        held = [d for d in found if (d.language, d.place) == (language, PLACES[0])]
        ax.plot([d.words for d in held], [d.filler.rate for d in held], color=_QUIET,
                linestyle="--", label="safe words alone")  # fmt: skip
        ax.set_xscale("log")
        ax.minorticks_off()
        tidy(ax, f"Among safe words: {language}", ylim=(0, 1.02), xlabel="Safe words around",
             ylabel="Share still at least review")  # fmt: skip
        words = sorted({d.words for d in held})
        ax.set_xticks(words, [str(count) for count in words])

    yield "dilution", _panels(_figure(4.6 * len(languages), 4.2), languages, draw)


def _learning(report: Findings) -> Iterator[Named]:
    found = report.learning or ()
    panels = list(dict.fromkeys((p.split, p.language) for p in found))
    colours = _colour(list(dict.fromkeys(p.category for p in found)))
    if not panels:
        return

    def draw(ax: Axes, panel: tuple[str, str]) -> None:
        for category, colour in colours.items():
            held = [p for p in found if (p.split, p.language, p.category) == (*panel, category)]
            if not held:
                continue
            values = np.array([(p.auc.value, p.auc.low, p.auc.high) for p in held])
            posts = [p.posts for p in held]
            ax.plot(posts, values[:, 0], marker="o", color=colour, label=category)
            ax.fill_between(posts, values[:, 1], values[:, 2], color=colour, alpha=0.12)
        tidy(ax, f"{panel[0]}, {panel[1]}", xlabel="Posts learnt from", ylabel="AUC, held out")

    yield "learning", _panels(_figure(4.6 * len(panels), 4.2), panels, draw)


def charts(report: Findings) -> Iterator[Named]:
    """Draw the suites that ran: names and matplotlib figures, made as they are asked for.

    Raises
    ------
    InputError
        When matplotlib is not installed.
    """
    for draw in (_curves, _reliability, _overblocking, _robustness, _dilution, _learning):
        yield from draw(report)


def save_charts(report: Findings, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the pictures; the same figures and formats give the same bytes.

    Raises
    ------
    InputError
        When matplotlib is not installed, or a format is neither ``svg`` nor ``png``.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"formats: found {unknown[0]!r}, expected {' or '.join(FORMATS)}")
    written = []
    for name, figure in charts(report):
        from matplotlib import rc_context  # noqa: PLC0415 - an optional dependency

        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        for suffix in formats:
            path = folder / f"{stem}.{suffix}"
            dated = {"Date": None} if suffix == "svg" else {"Software": None}
            # Names in Chinese are boxes where no font has them; that is no reason to complain.
            with rc_context({"svg.hashsalt": "postrisk"}), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from font")
                figure.savefig(path, dpi=_DPI, metadata=dated)
            written.append(path)
    return written
