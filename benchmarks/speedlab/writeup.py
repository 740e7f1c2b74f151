"""The results as Markdown, from the JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from speedlab.goals import goals_table
from speedlab.markdown import number, shown, table

_MIB = 1 << 20
_FASTER = ("the list is faster by", "the column is faster by")
_ORDINARY, _LONG, _LARGE = "ordinary", "long", "large"
Found = Mapping[str, Any]


def _remarks(settings: Mapping[str, Any]) -> str:
    remarks = ["A quick run: only to see that it works."] if settings["quick"] else []
    remarks += [settings["note"]] if settings["note"] else []
    return f"**{' '.join(remarks)}**" if remarks else ""


def _machine(found: Found) -> str:
    machine, settings = found["machine"], found["settings"]
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches_of_a_core"].items())
    kernel = {"numpy": "numpy's kernel"}.get(machine["kernel"], machine["kernel"])
    versions = ", ".join(f"{name} {value}" for name, value in machine["versions"].items())
    core = "one of them" if machine["pinned"] else "not pinned"
    return (
        f"{machine['cpu']}, {machine['cores']} cores ({core} used but where two are said;"
        f" {caches}), {machine['memory_gib']} GiB, {machine['system']}; {kernel}; {versions};"
        f" {machine['compiler']}. Load at the start"
        f" {machine['load_at_start']}, at the end {machine['load_at_end']}."
        f" Medians of {settings['repeats']} interleaved repeats with their range; ratios are"
        " medians of pairs."
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


def _times(rate: Found, *references: str) -> list[str]:
    """Show how many times as fast as a rate the references are, where they were compared."""
    ratios = [rate.get(f"{reference}_is_times_as_fast") for reference in references]
    return [f"{shown(one)} ×" if one else "" for one in ratios]


def _rates(section: Found) -> str:
    rows = [
        (rate["label"], f"{rate['rows']:,}", shown(rate["per_second"]),
         *_times(rate, "list", "arrow"))
        for rate in section["rates"].values()
    ]  # fmt: skip
    return table(("what", "posts", "posts/s", *_FASTER), rows)


def _large(section: Found) -> str:
    rows = [
        (rate["label"], f"{rate['rows']:,}", shown(rate["per_second"]), *_times(rate, "command"))
        for rate in section["rates"].values()
    ]
    return table(("what", "posts", "posts/s", "the process is faster by"), rows)


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
    "native over plain": "compiled kernel on UTF-8 over plain C that is given folded posts",
    "native over fold_plain": "compiled kernel on UTF-8 over `fold_batch` and plain C",
    "kernel over plain": "numpy's `sum_weights` over plain C, both on folded posts",
    "list over fold_plain": "`predict_proba` on a list over `fold_batch` and plain C",
    "list over plain": "`predict_proba` on a list over plain C that is given folded posts",
}


def _kernel(section: Found) -> str:
    compared = section["texts_with_the_same_sums"]
    lines = [_plain_rates(section)]
    if section["ratios"]:
        rows = [(_RATIOS[name], f"{shown(r)} ×") for name, r in section["ratios"].items()]
        lines += ["", table(("ratio", "ours over C"), rows), ""]
        lines.append(
            "The compiled kernel decodes, folds, hashes, looks up, sums windows and calibrates;"
            " plain C hashes, looks up and sums whole posts."
        )
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


def _stage(name: str, profiles: Sequence[Found]) -> list[str]:
    """Give a line of the profiles: the share of a stage and what it takes; all without a name."""
    line = [name or "all"]
    for one in profiles:
        share = one["share"].get(name, 0.0) if name else 1.0
        line += [f"{share:.1%}", number(1e6 * share * one["cpu_seconds"] / one["rows"])]
    return line


def _stages(section: Found) -> str:
    before = section["before"]
    profiles = (before, section)
    names = dict.fromkeys([*section["share"], *before["share"]])
    rows = [_stage(name, profiles) for name in names]
    rows.append(_stage("", profiles))
    functions = [(f"`{one['function']}`", f"{one['share']:.1%}") for one in section["functions"]]
    return "\n\n".join(
        (
            table(("stage", "before: share", "µs a post", "now: share", "µs a post"), rows),
            f"Before is commit {before['commit']}. {before['note']}",
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
    names = {
        "fold": "`fold_batch` (numpy)", "kernel": "`sum_weights` on folded posts (numpy)",
        "plain": "plain C on folded posts", "list": "`predict_proba` on a list",
        "native": "`Kernel.score` on UTF-8 (compiled kernel)",
    }  # fmt: skip
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
    rows = [
        (rate["label"], f"{shown(rate['per_second'])} posts/s", *_times(rate, "list", "arrow"))
        for rate in rates.values()
    ]
    starts = found["startup"]["over_empty"]
    single = found["singles"]["microseconds"]["str"]
    rows += [(f"{name}, ms over an empty interpreter", shown(spread, 1000), "", "")
             for name, spread in starts.items()]  # fmt: skip
    one_post = ", ".join(number(single[p]["median"]) for p in ("p50", "p99"))
    rows.append(("one post at a time, µs, p50 and p99", one_post, "", ""))
    rows.append(("shipped model, bytes", f"{found['model_bytes']['stored']:,}", "", ""))
    versions = machine["versions"]
    line = (
        f"One core of {machine['cpu']}; {versions['python']}, numpy {versions['numpy']},"
        f" {ordinary['rows']:,} posts with a mean of {ordinary['characters']['mean']:.0f}"
        f" characters; medians of {found['settings']['repeats']} interleaved repeats (range)."
        f" {_remarks(found['settings'])}"
    )
    return f"{line.rstrip()}\n\n{table(('what', 'figure', *_FASTER), rows)}"


def _sections(found: Found) -> Iterable[tuple[str, str]]:
    parts: dict[str, tuple[str, Any]] = {
        _ORDINARY: ("Ordinary posts", lambda s: f"{_rates(s)}\n\n{_notes(s)}"),
        _LONG: ("One post in ten long", _rates),
        _LARGE: ("A large file", _large),
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
    remarks = _remarks(found["settings"])
    lines = ["# Speed", "", *([remarks, ""] if remarks else []), "### Goals", ""]
    lines += [goals_table(found), "", "### Machine and posts", ""]
    lines += [_machine(found), "", _posts(found), ""]
    for title, text in _sections(found):
        lines += [f"### {title}", "", text, ""]
    return "\n".join(lines)
