"""Two plots of the results: rates beside peers, and time and memory over rows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

_OURS, _FILES, _PEERS, _PLAIN = "#1f6f8b", "#7fb3c8", "#b0b0b0", "#d9893b"
_KINDS = {
    _OURS: "postrisk, in memory", _FILES: "postrisk, file to file", _PEERS: "peers",
    _PLAIN: "plain C loop",
}  # fmt: skip
_OWN_FILES = ("table", "command")
_OWN = ("list", "arrow", "list_numpy", "native", *_OWN_FILES)
_MIB = 1 << 20
Found = Mapping[str, Any]


def _plain_words(label: str) -> str:
    return re.sub(r"`", "", label)


def _colour(name: str) -> str:
    if name in _OWN_FILES:
        return _FILES
    return _OURS if name in _OWN else _PEERS


def _save(figure: Figure, path: Path) -> None:
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=150, metadata={"Software": None})


def draw_rates(found: Found, path: Path) -> None:
    """Draw posts a second beside peers; lines show the range."""
    bars = [(_plain_words(rate["label"]), rate["per_second"], _colour(name))
            for name, rate in found["ordinary"]["rates"].items()]  # fmt: skip
    kernel = found.get("kernel", {}).get("rates", {})
    for name in ("native", "plain", "fold_plain"):
        if name in kernel:
            label = _plain_words(kernel[name]["label"]).partition(":")[0]
            label, colour = (label, _OURS) if name == "native" else (f"{label} (sums only)", _PLAIN)
            bars.append((label, kernel[name]["per_second"], colour))
    bars.sort(key=lambda bar: bar[1]["median"])
    figure = Figure(figsize=(8.5, 0.9 + 0.46 * len(bars)), layout="constrained")
    axes = figure.subplots()
    medians = [spread["median"] for _, spread, _ in bars]
    errors = [
        [spread["median"] - spread["low"] for _, spread, _ in bars],
        [spread["high"] - spread["median"] for _, spread, _ in bars],
    ]
    rows = range(len(bars))
    axes.barh(rows, medians, color=[colour for *_, colour in bars], height=0.66,
              xerr=errors, error_kw={"ecolor": "#333333", "capsize": 3, "lw": 1})  # fmt: skip
    for row, (_, spread, _) in enumerate(bars):
        axes.annotate(f"{spread['median']:,.0f}", (spread["high"], row), xytext=(6, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    axes.set_yticks(rows, [label for label, *_ in bars], fontsize=9)
    axes.set_xlim(0, 1.2 * max(spread["high"] for _, spread, _ in bars))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    drawn = {colour for *_, colour in bars}
    patches = [Patch(color=c, label=label) for c, label in _KINDS.items() if c in drawn]
    axes.legend(handles=patches, fontsize=9, frameon=False, loc="lower right")
    axes.set_xlabel("posts a second on one core; lines: range of the repeats", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _decade(value: float, *, down: bool) -> float:
    """Give the power of ten next to a value, with some room for its label."""
    power = math.floor(math.log10(value / 1.2)) if down else math.ceil(math.log10(value * 1.6))
    return float(10.0**power)


def _decades(rows: Sequence[int]) -> list[int]:
    return [10**power for power in range(3, 9) if rows[0] <= 10**power <= rows[-1]]


def draw_scaling(found: Found, path: Path) -> None:
    """Draw seconds and peak memory of ``postrisk score`` over rows, both logarithmic."""
    lines = found["scaling"]
    rows = [one["rows"] for one in lines]
    figure = Figure(figsize=(8.5, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    seconds = [one["seconds"]["median"] for one in lines]
    peaks = [one["peak_bytes"] / _MIB for one in lines]
    for axes, values, label in (
        (left, seconds, "seconds, start of the process included"),
        (right, peaks, "peak memory, MiB"),
    ):
        axes.plot(rows, values, "o-", color=_OURS, label="postrisk score")
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(_decade(min(values), down=True), _decade(max(values), down=False))
        axes.set_xlim(rows[0] / 2.5, rows[-1] * 2.5)
        axes.set_xticks(_decades(rows))
        axes.set_xlabel("rows (log)", fontsize=9)
        axes.set_title(label, fontsize=10, loc="left")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(visible=True, which="major", color="#e5e5e5")
        axes.spines[["top", "right"]].set_visible(False)
        for x, y in zip(rows, values, strict=True):
            axes.annotate(f"{y:,.3g}" if y < 100 else f"{y:,.0f}", (x, y), xytext=(-6, 7),  # noqa: PLR2004
                          textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
    rate = rows[-1] / seconds[-1]
    left.plot(rows, [count / rate for count in rows], "--", color="#999999", lw=1,
              label="proportional to rows")  # fmt: skip
    left.legend(fontsize=8, frameon=False)
    _save(figure, path)


def draw(found: Found, folder: Path) -> None:
    """Draw what the results have."""
    draw_rates(found, folder / "rates.png")
    if "scaling" in found:
        draw_scaling(found, folder / "scaling.png")
