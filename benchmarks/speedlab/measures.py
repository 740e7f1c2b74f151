"""Rates, workers, single posts and the scaling curve."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speedlab import posts as made
from speedlab.peers import Peer
from speedlab.processes import Worker, watch
from speedlab.timing import (
    Contender,
    NotAvailableError,
    WrongResultError,
    add_ratios,
    interleave,
    ratio,
    spread,
)

_FEW_ROWS_REPEATS, _FEW_ROWS = 3, 100_000
_TWO = 2
_COMPARED = 100_000
ORDINARY, LONG, LARGE = "ordinary", "long", "large"
Section = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What the measures share.

    Attributes
    ----------
    data : Path
        Folder of the posts' files.
    own : Worker
    peers : dict of Peer to Worker
    sets : dict of str to int
        Number of posts by the name of their set.
    repeats : int
    core : int
        The one that everything runs on but where two are said.
    """

    data: Path
    own: Worker
    peers: Mapping[Peer, Worker]
    sets: Mapping[str, int]
    repeats: int
    core: int

    def source(self, posts: str) -> Path:
        """Give the CSV file of a set of posts."""
        return self.data / f"{posts}.csv"

    def own_work(self, name: str, label: str, posts: str, work: str) -> Contender:
        """Make a contender of a piece of work that our own process does."""

        def seconds(rows: int) -> float:
            return float(self.own.ask(work, posts, rows)["seconds"])

        return Contender(name, label, self.sets[posts], seconds)

    def column(self, posts: str) -> Contender:
        """Make a contender of an Arrow column, which is made before its turn and not in it."""

        def seconds(rows: int) -> float:
            _must_agree(self.own.ask("prepare_column", posts, rows), "an Arrow column")
            return float(self.own.ask("arrow", posts, rows)["seconds"])

        label = "`RiskModel.predict_proba`, Arrow column"
        return Contender("arrow", label, self.sets[posts], seconds)

    def peer(self, peer: Peer, posts: str) -> Contender:
        """Make a contender of a peer."""

        def seconds(rows: int) -> float:
            return float(self.peers[peer].ask("predict", posts, rows)["seconds"])

        return Contender(peer.name, peer.label, min(self.sets[posts], peer.most_rows), seconds)

    def command(self, posts: str, *more: str) -> list[str]:
        """Give the command that scores a set's CSV file."""
        score = [sys.executable, "-m", "postrisk", "score", str(self.source(posts)), "--quiet"]
        return [*score, "--output", str(self.data / "scored.csv"), *more]

    def process(self, name: str, label: str, posts: str, *more: str) -> Contender:
        """Make a contender of ``postrisk score`` as a process, its start included."""
        command, chosen = self.command(posts, *more), [self.core]
        return Contender(
            name, label, self.sets[posts], lambda _rows: watch(command, chosen).seconds
        )


def _must_agree(reply: Section, what: str) -> Section:
    result: Section = reply["result"]
    if not result["agrees"]:
        raise WrongResultError(f"{what} gives other numbers than the list")
    return result


def rates(bench: Bench, posts: str) -> Section:
    """Time lists, columns and files of one set of posts beside the peers, interleaved."""
    contenders = [
        bench.own_work("list", "`RiskModel.predict_proba`, list", posts, "list"),
        bench.column(posts),
        bench.own_work("table", "`score_table`, CSV to CSV, in-process", posts, "table"),
        bench.process("command", "`postrisk score`, CSV to CSV, process", posts),
        *(bench.peer(peer, posts) for peer in bench.peers),
    ]
    found, absent = interleave(contenders, bench.repeats)
    add_ratios(found, "list")
    for peer in bench.peers:
        if peer.name in found:
            found[peer.name]["note"] = f"{bench.peers[peer].facts['version']}; {peer.note}"
    return {"rates": found, "absent": absent}


def files(bench: Bench, posts: str) -> Section:
    """Time files alone, for sets too large for lists and peers."""
    contenders = [
        bench.own_work("table", "`score_table`, CSV to CSV, in-process", posts, "table"),
        bench.process("command", "`postrisk score`, CSV to CSV, process", posts),
    ]
    found, absent = _without_warm_up(contenders, bench.repeats)
    return {"rates": found, "absent": absent}


def _without_warm_up(
    contenders: Sequence[Contender], repeats: int
) -> tuple[dict[str, Any], dict[str, str]]:
    # A turn on a file takes all of its rows: a warm-up on large ones would be a whole turn.
    runs: dict[str, list[float]] = {one.name: [] for one in contenders}
    absent: dict[str, str] = {}
    for _ in range(repeats):
        for one in contenders:
            if one.label in absent:
                continue
            try:
                runs[one.name].append(one.rows / one.seconds(one.rows))
            except NotAvailableError as reason:
                absent[one.label] = str(reason)
    found = {
        one.name: {"label": one.label, "rows": one.rows, "per_second": spread(runs[one.name])}
        for one in contenders
        if one.label not in absent
    }
    return found, absent


def kernel(bench: Bench, posts: str) -> Section:
    """Time the kernel beside the plain C loop, whose sums are compared to the bit first.

    Raises
    ------
    WrongResultError
        When a sum differs.
    """
    rows = bench.sets[posts]
    compared: dict[str, int] = {}
    absent: dict[str, str] = {}
    ours = [
        bench.own_work("list", "`predict_proba`, list: folding, sums, windows, calibration",
                       posts, "list"),
        bench.own_work("fold", "`fold_batch` alone", posts, "fold"),
        bench.own_work("kernel", "`sum_weights` on folded posts", posts, "kernel"),
    ]  # fmt: skip
    plain = [
        bench.own_work("plain", "plain C on folded posts", posts, "plain"),
        bench.own_work("fold_plain", "`fold_batch`, then plain C", posts, "fold_plain"),
    ]
    bench.own.ask("prepare_folded", posts, rows)
    try:
        for name, size in bench.sets.items():
            if name != LARGE:
                found = bench.own.ask("check_plain", name, min(size, _COMPARED))
                compared[name] = _must_agree(found, "the plain C loop")["compared"]
    except NotAvailableError as reason:
        absent, plain = {"plain C loop": str(reason)}, []
    found_rates, more = interleave([*ours, *plain], bench.repeats)
    ratios = {}
    for first, second in (("kernel", "plain"), ("list", "fold_plain"), ("list", "plain")):
        if first in found_rates and second in found_rates:
            pair = (found_rates[name]["per_second"]["runs"] for name in (first, second))
            ratios[f"{first} over {second}"] = ratio(*pair)
    return {
        "rates": found_rates, "absent": absent | more, "ratios": ratios,
        "texts_with_the_same_sums": compared,
    }  # fmt: skip


def workers(bench: Bench, posts: str, allowed: Sequence[int]) -> Section:
    """Time one and two workers on two cores, from file to file.

    Raises
    ------
    NotAvailableError
        When ``postrisk score`` has no such option, or there is one core.
    """
    shown = watch([sys.executable, "-m", "postrisk", "score", "--help"]).output
    if "--workers" not in shown:
        raise NotAvailableError("`postrisk score` has no option --workers")
    if len(allowed) < _TWO:
        raise NotAvailableError("one core")
    two = list(allowed[:_TWO])

    def contender(count: int) -> Contender:
        command = bench.command(posts, "--workers", str(count))
        label = f"--workers {count}"
        return Contender(label, label, bench.sets[posts], lambda _rows: watch(command, two).seconds)

    found, absent = _without_warm_up([contender(1), contender(2)], bench.repeats)
    if absent:
        raise NotAvailableError("; ".join(absent.values()))
    one, both = (found[f"--workers {n}"]["per_second"]["runs"] for n in (1, 2))
    return {"rates": found, "two_over_one": ratio(both, one)}


def singles(bench: Bench, posts: str, most: int) -> Section:
    """Time different posts one at a time: percentiles, each with the spread over passes."""
    passes = [bench.own.ask("singles", posts, most)["result"]
              for _ in range(min(bench.repeats, 3))]  # fmt: skip
    kinds = passes[0]["microseconds"]
    return {
        "posts": passes[0]["posts"],
        "microseconds": {
            kind: {p: spread([one["microseconds"][kind][p] for one in passes]) for p in kinds[kind]}
            for kind in kinds
        },
    }


def scaling(
    bench: Bench, largest: int, write: Callable[[Path, int], object]
) -> list[dict[str, Any]]:
    """Score files of 10^3 posts and more as processes, with the peak memory of each.

    Parameters
    ----------
    bench : Bench
    largest : int
        Rows of the largest file; files of every power of ten below it too.
    write : callable
        Writes a CSV file of so many rows.
    """
    sizes = [10**power for power in range(3, 8) if 10**power < largest]
    lines = []
    for rows in [*sizes, largest]:
        source, target = bench.data / "scaling.csv", bench.data / "scaled.csv"
        write(source, rows)
        command = [sys.executable, "-m", "postrisk", "score", str(source), "--quiet"]
        repeats = min(bench.repeats, _FEW_ROWS_REPEATS) if rows <= _FEW_ROWS else 1
        found = [watch([*command, "-o", str(target)], [bench.core]) for _ in range(repeats)]
        lines.append(
            {
                "rows": rows,
                "bytes": os.stat(source).st_size,  # noqa: PTH116 - one call for one number
                "seconds": spread([one.seconds for one in found]),
                "cpu_seconds": spread([one.cpu_seconds for one in found]),
                "peak_bytes": max(one.peak_bytes for one in found),
            }
        )
        source.unlink()
        target.unlink(missing_ok=True)
    return lines


def describe_posts(bench: Bench, posts: str, texts: Sequence[str], most: int) -> Section:
    """Say how long the posts are and how many of them get a band above ``pass``."""
    counted = bench.own.ask("raised", posts, min(len(texts), most))["result"]
    share = counted["raised"] / counted["of"]
    return {**made.describe(texts), "bands": {**counted, "share_raised": round(share, 4)}}
