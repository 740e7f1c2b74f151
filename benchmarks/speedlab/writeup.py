"""The results as Markdown, from the JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_MIB = 1 << 20
_ORDINARY, _LONG, _LARGE = "ordinary", "long", "large"
Found = Mapping[str, Any]


def number(value: float) -> str:
    """Show a figure with three significant digits or as a whole number.

    >>> number(0.0123456), number(12.345), number(123456.7)
    ('0.0123', '12.3', '123,457')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004


def shown(spread: Mapping[str, Any], unit: float = 1.0) -> str:
    """Show a median with its range."""
    median, low, high = (number(unit * spread[key]) for key in ("median", "low", "high"))
    return f"{median} ({low}–{high})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table; the first column is to the left and the others to the right.

    >>> print(table(["what", "s"], [["a", "1"]]))
    | what | s |
    |---|--:|
    | a | 1 |
    """
    lines = [header, *rows]
    shown_lines = [f"| {' | '.join(line)} |" for line in lines]
    rule = "|---|" + "--:|" * (len(header) - 1)
    return "\n".join([shown_lines[0], rule, *shown_lines[1:]])


def _remarks(settings: Mapping[str, Any]) -> str:
    remarks = ["A quick run: only to see that it works."] if settings["quick"] else []
    remarks += [settings["note"]] if settings["note"] else []
    return f" **{' '.join(remarks)}**" if remarks else ""


def _machine(found: Found) -> str:
    machine, settings = found["machine"], found["settings"]
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches_of_a_core"].items())
    versions = ", ".join(f"{name} {value}" for name, value in machine["versions"].items())
    core = "one of them" if machine["pinned"] else "not pinned"
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({core} used but where two are said;"
        f" {caches}), {machine['memory_gib']} GiB, {machine['system']}; {versions};"
        f" {machine['compiler']}. Load at the start"
        f" {machine['load_at_start']}, at the end {machine['load_at_end']}."
        f" Medians of {settings['repeats']} interleaved repeats with their range; ratios are"
        f" medians of pairs.{_remarks(settings)}"
    )


def _posts(found: Found) -> str:
    rows = []
    for name, one in found["posts"].items():
        chars, bands = one["characters"], one["bands"]
        zh = bands["scripts"].get("zh", 0) / bands["of"]
        rows.append((
            name, f"{one['rows']:,}", f"{chars['mean']:.0f}", f"{chars['median']:,}",
            f"{chars['p99']:,}", f"{chars['longest']:,}", f"{zh:.0%}",
            f"{bands['share_raised']:.1%}",
        ))  # fmt: skip
    header = ("posts", "number", "mean characters", "median", "p99", "longest", "Chinese",
              "above `pass`")  # fmt: skip
    return table(header, rows)


def _rates(section: Found, reference: str = "list") -> str:
    key = f"{reference}_is_times_as_fast"
    rows = [
        (
            rate["label"],
            f"{rate['rows']:,}",
            shown(rate["per_second"]),
            f"{shown(rate[key])} ×" if key in rate else "",
        )
        for rate in section["rates"].values()
    ]
    return table(("what", "posts", "posts/s", "the list is faster by"), rows)


def _plain_rates(section: Found) -> str:
    rows = [
        (rate["label"], f"{rate['rows']:,}", shown(rate["per_second"]))
        for rate in section["rates"].values()
    ]
    return table(("what", "posts", "posts/s"), rows)


def _notes(section: Found) -> str:
    rates = section["rates"].values()
    return "\n".join(f"- {rate['label']}: {rate['note']}." for rate in rates if "note" in rate)


_RATIOS = {
    "kernel over plain": "`sum_weights` over plain C, both on folded posts",
    "list over fold_plain": "`predict_proba` on a list over `fold_batch` and plain C; ours has"
    " windows, calibration and probabilities besides",
    "list over plain": "`predict_proba` on a list over plain C that is given folded posts",
}


def _kernel(section: Found) -> str:
    compared = section["texts_with_the_same_sums"]
    lines = [_plain_rates(section)]
    if section["ratios"]:
        rows = [(_RATIOS[name], f"{shown(r)} ×") for name, r in section["ratios"].items()]
        lines += ["", table(("ratio", "ours over C"), rows), ""]
        total = sum(compared.values())
        lines.append(f"Sums and counts of {total:,} posts are the same in both, every bit.")
    return "\n".join(lines)


def _startup(section: Found) -> str:
    rows = [
        (name, shown(spread, 1000), f"{section['peak_bytes'][name] / _MIB:.0f}")
        for name, spread in section["over_empty"].items()
    ]
    inside = [(f"{name}, within the process", shown(spread, 1000), "")
              for name, spread in section["inside"].items()]  # fmt: skip
    empty = ("an empty interpreter", shown(section["empty_interpreter"], 1000), "")
    header = ("fresh process", "ms over an empty one", "peak MiB")
    return table(header, [*rows, *inside, (empty[0], f"itself {empty[1]}", "")])


def _singles(section: Found) -> str:
    percentiles = section["microseconds"]
    names = list(next(iter(percentiles.values())))
    rows = [(f"`score_one({kind})`", *(shown(found[name]) for name in names))
            for kind, found in percentiles.items()]  # fmt: skip
    header = (f"one at a time, {section['posts']:,} posts, µs", *names)
    return table(header, rows)


def _stages(section: Found) -> str:
    rows = [(stage, f"{share:.1%}") for stage, share in section["share"].items()]
    functions = [(f"`{one['function']}`", f"{one['share']:.1%}") for one in section["functions"]]
    return "\n\n".join(
        (
            table(("stage", "share of CPU time"), rows),
            table(("function, with what it calls outside postrisk", "share"), functions),
        )
    )


def _workers(section: Found) -> str:
    return f"{_plain_rates(section)}\n\nTwo over one: {shown(section['two_over_one'])} ×."


def _scaling(section: Sequence[Found]) -> str:
    rows = [
        (
            f"{one['rows']:,}",
            f"{one['bytes'] / _MIB:,.1f}",
            shown(one["seconds"]) if len(one["seconds"]["runs"]) > 1
            else number(one["seconds"]["median"]),
            number(one["rows"] / one["seconds"]["median"]),
            f"{one['peak_bytes'] / _MIB:,.0f}",
        )
        for one in section
    ]  # fmt: skip
    return table(("rows", "MiB in", "seconds", "rows/s", "peak MiB"), rows)


def _instructions(section: Found) -> str:
    names = {"fold": "`fold_batch`", "kernel": "`sum_weights`", "plain": "plain C",
             "list": "`predict_proba` on a list"}  # fmt: skip
    rows = [(names[work], f"{count:,}") for work, count in section["a_post"].items()]
    header = ("what", f"instructions a post ({section['counter']})")
    return table(header, rows)


def summary(found: Found) -> str:
    """Give the few lines that the README shows.

    Parameters
    ----------
    found : mapping
        What ``speed.json`` holds.
    """
    machine, ordinary = found["machine"], found["posts"][_ORDINARY]
    rates = found[_ORDINARY]["rates"]
    key = "list_is_times_as_fast"
    rows = [
        (rate["label"], f"{shown(rate['per_second'])} posts/s",
         f"{shown(rate[key])} ×" if key in rate else "")
        for rate in rates.values()
    ]  # fmt: skip
    starts = found["startup"]["over_empty"]
    single = found["singles"]["microseconds"]["str"]
    rows += [(f"{name}, ms over an empty interpreter", shown(spread, 1000), "")
             for name, spread in starts.items()]  # fmt: skip
    one_post = ", ".join(number(single[p]["median"]) for p in ("p50", "p99"))
    rows.append(("one post at a time, µs, p50 and p99", one_post, ""))
    rows.append(("shipped model, bytes", f"{found['model_bytes']['stored']:,}", ""))
    versions = machine["versions"]
    line = (
        f"One core of {machine['cpu']}; {versions['python']}, numpy {versions['numpy']},"
        f" {ordinary['rows']:,} posts with a mean of {ordinary['characters']['mean']:.0f}"
        f" characters; medians of {found['settings']['repeats']} interleaved repeats (range)."
        f"{_remarks(found['settings'])}"
    )
    return f"{line}\n\n{table(('what', 'figure', 'the list is faster by'), rows)}"


def _sections(found: Found) -> Iterable[tuple[str, str]]:
    parts: dict[str, tuple[str, Any]] = {
        _ORDINARY: ("Ordinary posts", lambda s: f"{_rates(s)}\n\n{_notes(s)}"),
        _LONG: ("One post in ten long", _rates),
        _LARGE: ("A large file", _plain_rates),
        "kernel": ("The kernel beside plain C", _kernel),
        "workers": ("Two cores", _workers),
        "scaling": ("`postrisk score` over rows, one core", _scaling),
        "startup": ("Starting up", _startup),
        "singles": ("One post at a time", _singles),
        "stages": ("Where the time goes, CSV to CSV", _stages),
        "instructions": ("Instructions", _instructions),
    }
    for name, (title, write) in parts.items():
        if name in found:
            yield title, write(found[name]).strip()
    size = found["model_bytes"]
    yield (
        "Size",
        (
            f"The shipped model takes {size['stored']:,} bytes; its weights take"
            f" {size['weights_in_memory']:,} in memory."
        ),
    )
    if found["not_available"]:
        lines = (f"- {name}: {reason}" for name, reason in found["not_available"].items())
        yield "Not available", "\n".join(lines)


def to_markdown(found: Found) -> str:
    """Give the whole page.

    Parameters
    ----------
    found : mapping
        What ``speed.json`` holds.
    """
    lines = ["# Speed", "", _machine(found), "", _posts(found), ""]
    for title, text in _sections(found):
        lines += [f"### {title}", "", text, ""]
    return "\n".join(lines)
