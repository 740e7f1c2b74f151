"""Tables and picture of `kernel_sweep.py`, from its JSON alone.

    python benchmarks/kernel_sweep_report.py benchmarks/results/kernel_sweep.json

writes the Markdown and the picture beside the JSON again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from postrisk.plots import tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Line = dict[str, Any]
NAME = "kernel_sweep"
BETTER, TIED, WORSE = "better", "tied", "worse"
_MARKS = {BETTER: "▲", TIED: "=", WORSE: "▼"}
_AXES = {"orders": "n-gram orders", "bits": "buckets", "weights": "weight type"}
_COLOURS = {BETTER: "#009E73", TIED: "#0072B2", WORSE: "#D55E00"}
_QUIET = "#5F6368"
_KIB = 1024
_FASTER = 1.1
_BESIDE = 11
_Z = 1.96


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _gap(line: Line) -> str:
    return f"{line['difference']:+.4f} ± {line['half_width']:.4f}" if line["axis"] else ""


def _named(lines: Sequence[Line]) -> str:
    return "; ".join(
        f"{line['name']} ({_gap(line)}, {line['times_shipped']:.2f} × the speed)" for line in lines
    )


def verdict(lines: Sequence[Line]) -> str:
    """Say what the sweep says about the shipped choice."""
    others = [line for line in lines if line["axis"]]
    found = {kind: [o for o in others if o["verdict"] == kind] for kind in _MARKS}
    told = []
    if found[BETTER]:
        told.append(f"**Beaten beyond noise** by {_named(found[BETTER])}.")
    else:
        told.append(
            f"**Keep.** None of the {len(others)} other settings ranks better than the shipped"
            " choice beyond noise."
        )
    if found[TIED]:
        told.append(f"Tied with it: {_named(found[TIED])}.")
    if found[WORSE]:
        told.append(f"Worse beyond noise: {_named(found[WORSE])}.")
    faster = [o for o in found[TIED] if o["times_shipped"] >= _FASTER]
    if faster:
        least = all(o["difference"] < 0 for o in faster)
        told.append(
            f"Of the ties, {', '.join(o['name'] for o in faster)} would be a tenth faster or more"
            + (", at a lower mean; quality wins ties." if least else ", not all at a lower mean.")
        )
    above = [o for o in found[TIED] if o["difference"] > 0]
    if above:
        told.append(
            f"Of the ties, {', '.join(o['name'] for o in above)} have a higher mean, by"
            f" {max(o['difference'] for o in above):.4f} at most, which is within the noise."
        )
    return "\n".join(map(_bullet, told))


def _by_kind(aucs: dict[str, float]) -> list[str]:
    """Give the mean over authored posts and that over the sources left out."""
    kinds = [[a for name, a in aucs.items() if name.startswith("authored ") is own]
             for own in (True, False)]  # fmt: skip
    return [f"{fmean(values):.4f}" if values else "" for values in kinds]


def _speed(line: Line) -> str:
    rounds = [rate / 1000 for rate in line["posts_per_second_rounds"]]
    return f"{line['posts_per_second'] / 1000:.0f} ({min(rounds):.0f}–{max(rounds):.0f})"


def _main_table(lines: Sequence[Line]) -> str:
    return _table(
        ["setting", "axis", "mean AUC", "tie", "difference from shipped", "on random halves",
         "authored", "left out",
         "thousand posts/s", "× shipped", "tables, KiB", "stored, KiB"],
        [[f"**{x['name']}**" if not x["axis"] else x["name"], _AXES.get(x["axis"], ""),
          f"{x['mean_auc']:.4f}", _MARKS[x["verdict"]] if x["axis"] else "", _gap(x),
          f"{x['difference_on_halves']:+.4f}" if x["axis"] else "",
          *_by_kind(x["auc"]), _speed(x), f"{x['times_shipped']:.2f}",
          f"{x['table_bytes'] / _KIB:,.0f}", f"{x['stored_bytes'] / _KIB:,.0f}"] for x in lines],
    )  # fmt: skip


def _weight_table(lines: Sequence[Line]) -> str:
    typed = [x for x in lines if "mean_shift" in x]
    return _table(
        ["weights", "largest shift of a probability", "mean shift", "bands changed",
         "weights that are 0"],
        [[f"{x['weights']}{'' if x['axis'] else ' (shipped)'}", f"{x['largest_shift']:.4f}",
          f"{x['mean_shift']:.6f}", f"{x['bands_changed']:,} of {x['bands']:,}",
          f"{x['zero_weights']:.1%}"]
         for x in sorted(typed, key=lambda x: x["mean_shift"])],
    )  # fmt: skip


def _cell_table(lines: Sequence[Line], cells: dict[str, Sequence[int]]) -> str:
    names = sorted(cells)
    return _table(
        ["setting", *(f"{name} ({cells[name][0]:,} / {cells[name][1]:,})" for name in names)],
        [[x["name"], *(f"{x['auc'][name]:.3f}" for name in names)] for x in lines],
    )


def _with_normal_quantile(lines: Sequence[Line]) -> str:
    more = [
        x["name"]
        for x in lines
        if x["verdict"] == TIED
        and abs(x["difference"]) > _Z * np.hypot(x["sd_over_draws"], x["se_over_posts"])
    ]
    named = "no tie" if not more else ", ".join(more)
    return f"With 1.96 in place of Student's quantile, {named} would leave it too."


def _how(how: dict[str, Any], lines: Sequence[Line]) -> list[str]:
    cells = how["posts_of_cells"]
    authored = sum(name.startswith("authored ") for name in cells)
    left_out = ", ".join(how["sources_left_out"]) or "none here"
    steps = ", ".join(map(str, how["iterations_of_shipped"]))
    some = "" if how["training_rows"] == how["training_rows_there"] else "drawn at random from "
    return [
        f"""**Rows and validation** are those of `benchmarks/sweep.py`. Training:
        {f"{how['training_rows']:,} rows {some}" if some else "all "}
        {how["training_rows_there"]:,} rows. Validation: {how["validation_posts"]:,} posts, which
        are a quarter of the authored training groups, held out here, and public sources left out
        of training ({left_out}). No held-out test post and no evaluation set is looked at.""",
        f"""**Fits** have the recipe's parameters (C {how["C"]:g}, IDF
        {"on" if how["idf"] else "off"}) and no rewritten copies. The solver may take
        {how["max_iter"]:,} steps; for the shipped setting it stopped after {steps} in the
        categories' order.""",
        f"""**Mean AUC** is over {len(cells)} figures by source, language and category with at
        least 20 posts of each kind, each counting the same; {authored} of them are of authored
        posts, and rumor, terrorism and Chinese are measured on those alone. Posts are scored as
        when shipped, by windows of {", ".join(map(str, how["windows"]))} characters. **Authored**
        and **left out** are the means over these two kinds of posts.""",
        f"""**±** is the half-width of the 95 % interval of the difference from the shipped choice,
        from two parts added as squares. One is the deviation of the difference over
        {how["draws"]} random halves of the rows, the same for all settings, with Student's
        quantile: a difference on halves varies as much as one on all rows does, and where the
        solver stops is in it. The other is DeLong's error over the validation posts, clustered by
        group. `=` is a tie: the difference is within ±. `▲` is better, `▼` worse. One comparison
        in twenty would leave ± by chance alone. {_with_normal_quantile(lines)}""",
        f"""**On random halves** is the mean difference there. The shipped setting's mean AUC
        itself has a standard deviation of {how["sd_of_shipped"]:.4f} over them.""",
        _how_timed(how),
        """**Tables** are what scoring looks up in memory; int6 and int4 lie in the same lanes as
        int8. **Stored** is the compressed array of weights.""",
    ]


def _how_timed(how: dict[str, Any]) -> str:
    again = (
        """It was measured apart from the fits by `benchmarks/kernel_speed.py`, with random
        weights, whose values change no step of scoring."""
        if how.get("timed_again")
        else ""
    )
    return f"""**Speed** is thousand posts per CPU second of `RiskModel.predict_proba` on
        {how["timed_posts"]:,} authored posts, with windows and with calibration by language: the
        median of {how["rounds"]} rounds (slowest–fastest), the settings taking turns every tenth
        of the posts. {again} One core of {how["machine"]} that other programs kept busy too:
        trust the ratios. Python {how["python"]}, numpy {how["numpy"]}, scikit-learn
        {how["scikit_learn"]}. int16 and float64 do not fit the kernel's 16-bit lanes: they have
        two tables of 32-bit lanes, and a table of float64 a category."""


def _bullet(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 100, initial_indent="- ", subsequent_indent="  ",
                         break_on_hyphens=False)  # fmt: skip


def to_markdown(found: dict[str, Any]) -> str:
    """Write the verdict, the tables and how they were made."""
    how, lines = found["how"], found["settings"]
    command = "python benchmarks/kernel_sweep.py" + (" --quick" if how["quick"] else "")
    command = f"POSTRISK_DATA=… {command} -o benchmarks/results"
    bullets = "\n".join(map(_bullet, _how(how, lines)))
    return f"""# Orders, buckets and weight type by quality and speed

{verdict(lines)}

![Mean AUC against speed]({NAME}.png)

{_main_table(lines)}
## Weight types against float64

The same fit, rounded. Shifts are of calibrated probabilities of the validation posts; there is a
band for each post and category, set at the shipped cut-offs.

{_weight_table(lines)}
## AUC by source, language and category

In brackets risky and safe posts.

{_cell_table(lines, how["posts_of_cells"])}
## How it was made

Made in {how["cpu_minutes"]} minutes of CPU by

    {command}

whose [figures](kernel_sweep.json) hold every draw and round; `benchmarks/kernel_sweep_report.py`
writes this page again from them.

{bullets}
"""


def _panel(ax: Axes, lines: Sequence[Line]) -> None:
    for line in lines:
        x, y = line["posts_per_second"] / 1000, line["difference"]
        if not line["axis"]:
            ax.axhline(0, color=_QUIET, linestyle="--", linewidth=1, zorder=1)
            ax.plot(x, y, marker="*", markersize=15, color="black", zorder=4)
        else:
            colour = _COLOURS[line["verdict"]]
            ax.errorbar(x, y, yerr=line["half_width"], marker="o", markersize=6, color=colour,
                        capsize=3, linewidth=1.2, zorder=3)  # fmt: skip


def _label(ax: Axes, lines: Sequence[Line]) -> None:
    """Write the names beside their points, each where it meets no other name, bar or point."""
    from matplotlib.text import Text  # noqa: PLC0415 - an optional dependency

    ax.figure.draw_without_rendering()  # type: ignore[union-attr]
    transform = ax.transData.transform
    taken, points = [], []
    for line in sorted(lines, key=lambda line: line["axis"]):  # the shipped one first
        x, y = line["posts_per_second"] / 1000, line["difference"]
        middle = transform((x, y))
        reach = abs(transform((x, y + line["half_width"]))[1] - middle[1])
        points.append((line["name"], x, y, middle))
        taken.append((middle[0] - 7, middle[1] - max(reach, 9), middle[0] + 7,
                      middle[1] + max(reach, 9)))  # fmt: skip
    frame = ax.get_window_extent()
    level = transform((0, 0))[1]
    taken.append((frame.x0, level - 1, frame.x1, level + 1))
    offsets = sorted(
        itertools.product(
            [side * across for across in range(_BESIDE, 100, _BESIDE) for side in (1, -1)],
            range(-150, 151, 10),
        ),
        key=lambda offset: (np.hypot(offset[0], 1.5 * offset[1]), -offset[0], -offset[1]),
    )
    for name, x, y, middle in points:
        for across, up in offsets:
            note = ax.annotate(
                name, (x, y), xytext=(across, up), textcoords="offset points", fontsize=8.5,
                ha="left" if across > 0 else "right", va="center",
                arrowprops={"arrowstyle": "-", "color": _QUIET, "linewidth": 0.6}
                if (abs(across), up) != (_BESIDE, 0) else None,
            )  # fmt: skip
            note.get_window_extent()  # puts it in its place; with the line to the point, though
            box = Text.get_window_extent(note).padded(1)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0
            meets = [
                box.x0 < right and left < box.x1 and box.y0 < top and bottom < box.y1
                for left, bottom, right, top in taken
            ]
            if inside and box.y1 <= frame.y1 and not any(meets):
                taken.append((box.x0, box.y0, box.x1, box.y1))
                break
            note.remove()
        else:
            raise ValueError(f"no room for the name {name!r} at {middle}")


def draw(found: dict[str, Any]) -> Figure:
    """Draw quality against speed, a panel for each axis of the grid."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an optional dependency

    lines = found["settings"]
    axes = [axis for axis in _AXES if any(line["axis"] == axis for line in lines)]
    figure = Figure(figsize=(5.4 * len(axes), 6.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(axes), squeeze=False, sharey=True)[0]
    lowest = min(line["difference"] - line["half_width"] for line in lines)
    highest = max(line["difference"] + line["half_width"] for line in lines)
    room = 0.12 * max(highest - lowest, 1e-6)
    for ax, axis in zip(panels, axes, strict=True):
        own = [line for line in lines if line["axis"] in {axis, ""}]
        _panel(ax, own)
        speeds = [line["posts_per_second"] / 1000 for line in own]
        aside = max(0.25 * (max(speeds) - min(speeds)), 0.1 * max(speeds))
        tidy(ax, _AXES[axis].capitalize(), xlim=(min(speeds) - aside, max(speeds) + aside),
             ylim=(lowest - room, highest + room),
             xlabel="Thousand posts per CPU second, one core")  # fmt: skip
    panels[0].set_ylabel("Mean AUC on validation posts less the shipped choice's")
    figure.suptitle(
        "★ shipped; blue: tied; red: worse; green: better. Bars: 95 % noise of the difference"
        " from ★. Speed has another scale in each panel.",
        x=0.01, ha="left", fontsize=10, color=_QUIET,
    )  # fmt: skip
    for ax, axis in zip(panels, axes, strict=True):
        _label(ax, [line for line in lines if line["axis"] in {axis, ""}])
    return figure


def write(found: dict[str, Any], folder: Path) -> None:
    """Write the JSON, the Markdown and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = json.dumps(
        found,
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    (folder / f"{NAME}.json").write_text(as_json + "\n", "utf-8")
    (folder / f"{NAME}.md").write_text(to_markdown(found), "utf-8")
    draw(found).savefig(folder / f"{NAME}.png")


def main() -> None:
    """Write tables and picture again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("json", type=Path, help="kernel_sweep.json")
    path = parser.parse_args().json
    write(json.loads(path.read_text("utf-8")), path.parent)


if __name__ == "__main__":
    main()
