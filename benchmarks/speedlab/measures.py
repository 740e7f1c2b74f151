"""Rates, workers, single posts and the scaling curve."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speedlab import posts as made
from speedlab.peers import Peer
from speedlab.processes import Worker, watch
from speedlab.progress import say
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
_COMPARED = 20_000
_TABLE = "`score_table`, CSV to CSV, in-process"
_COMMAND = "`postrisk score`, CSV to CSV, process"
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
    without : Worker, optional
        Ours again, with numpy's kernel instead of the compiled one.
    """

    data: Path
    own: Worker
    peers: Mapping[Peer, Worker]
    sets: Mapping[str, int]
    repeats: int
    core: int
    without: Worker | None = None

    @property
    def kernel(self) -> str:
        """Say which kernel ours has, ``compiled kernel`` or ``numpy``."""
        return str(self.own.facts["kernel"])

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
            must_agree(self.own.ask("prepare_column", posts, rows), "an Arrow column")
            return float(self.own.ask("arrow", posts, rows)["seconds"])

        label = f"`RiskModel.predict_proba`, Arrow column ({self.kernel})"
        return Contender("arrow", label, self.sets[posts], seconds)

    def numpy(self, posts: str) -> list[Contender]:
        """Make a contender of the list without the compiled kernel, where there is one.

        Raises
        ------
        WrongResultError
            When the kernels differ.
        """
        without = self.without
        if without is None:
            return []
        first, second = (
            worker.ask("digest", posts, min(self.sets[posts], _COMPARED))["result"]
            for worker in (self.own, without)
        )
        if first != second:
            raise WrongResultError("numpy's kernel gives other numbers than the compiled one")

        def seconds(rows: int) -> float:
            return float(without.ask("list", posts, rows)["seconds"])

        label = "`RiskModel.predict_proba`, list (numpy, no compiled kernel)"
        return [Contender("list_numpy", label, self.sets[posts], seconds)]

    def peer(self, peer: Peer, posts: str) -> Contender:
        """Make a contender of a peer."""

        def seconds(rows: int) -> float:
            return float(self.peers[peer].ask("predict", posts, rows)["seconds"])

        return Contender(peer.name, peer.label, min(self.sets[posts], peer.most_rows), seconds)

    def command(self, posts: str, *more: str) -> list[str]:
        """Give the command that scores a set's CSV file."""
        score = [sys.executable, "-m", "postrisk", "score", str(self.source(posts)), "--quiet"]
        return [*score, "--output", str(self.data / "scored.csv"), *more]

    def process(
        self, name: str, label: str, posts: str, *more: str, chosen: Sequence[int] = ()
    ) -> Contender:
        """Make a contender of ``postrisk score`` as a process, its start included."""
        command, allowed = self.command(posts, *more), chosen or [self.core]
        return Contender(
            name, label, self.sets[posts], lambda _rows: watch(command, allowed).seconds
        )


def must_agree(reply: Section, what: str) -> Section:
    """Give the result of a comparison.

    Raises
    ------
    WrongResultError
        When it says that something differs.
    """
    result: Section = reply["result"]
    if not result["agrees"]:
        raise WrongResultError(f"{what} gives other numbers than the list")
    return result


def rates(bench: Bench, posts: str) -> Section:
    """Time lists, columns and files of one set of posts beside the peers, interleaved."""
    contenders = [
        bench.own_work("list", f"`RiskModel.predict_proba`, list ({bench.kernel})", posts, "list"),
        bench.column(posts),
        *bench.numpy(posts),
        bench.own_work("table", _TABLE, posts, "table"),
        bench.process("command", _COMMAND, posts),
        *(bench.peer(peer, posts) for peer in bench.peers),
    ]
    found, absent = interleave(contenders, bench.repeats)
    for reference in ("list", "arrow"):
        add_ratios(found, reference)
    for peer in bench.peers:
        if peer.name in found:
            found[peer.name]["note"] = f"{bench.peers[peer].facts['version']}; {peer.note}"
    return {"rates": found, "absent": absent}


def files(bench: Bench, posts: str, beside: str) -> Section:
    """Time files alone, for sets too large for lists, beside fastText's list of another set."""
    contenders = [
        bench.own_work("table", _TABLE, posts, "table"),
        bench.process("command", _COMMAND, posts),
        *(
            replace(one, label=f"{one.label}: `predict` alone, list")
            for one in (bench.peer(peer, beside) for peer in bench.peers)
            if one.name == "fasttext"
        ),
    ]
    found, absent = interleave(contenders, bench.repeats, warm_up=False)
    add_ratios(found, "command")
    return {"rates": found, "absent": absent}


def workers(bench: Bench, posts: str, second: int | None) -> Section:
    """Time one worker on one core and two workers on two, from file to file.

    Raises
    ------
    NotAvailableError
        When ``postrisk score`` has no such option, or there is one core.
    """
    shown = watch([sys.executable, "-m", "postrisk", "score", "--help"]).output
    if "--workers" not in shown:
        raise NotAvailableError("`postrisk score` has no option --workers")
    if second is None:
        raise NotAvailableError("one core")
    # No other program of a run may use the second core.
    contenders = [
        bench.process("one", "`postrisk score --workers 1`, one core", posts, "--workers", "1"),
        bench.process("two", "`postrisk score --workers 2`, two cores", posts, "--workers", "2",
                      chosen=[second, bench.core]),
    ]  # fmt: skip
    found, absent = interleave(contenders, bench.repeats, warm_up=False)
    if absent:
        raise NotAvailableError("; ".join(absent.values()))
    one, both = (found[name]["per_second"]["runs"] for name in ("one", "two"))
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
        Writes a CSV file of so many rows, one after the other.
    """
    sizes = [10**power for power in range(3, 8) if 10**power < largest]
    lines = []
    for rows in [*sizes, largest]:
        source, target = bench.data / "scaling.csv", bench.data / "scaled.csv"
        say(f"  {rows:,} rows")
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
