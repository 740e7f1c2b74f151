"""Why workers are threads, and why the command keeps freed memory: the other choices, timed.

    python benchmarks/workers_trial.py [--rows 1000000] [--rounds 3]

Scores one CSV file of authored posts in turns: by one worker, by two threads, by two processes that
are started for it (spawned, as on every system); and in fresh processes, where glibc keeps freed
memory, as `postrisk score` asks it to, and where it does not. The first three must give the same
bytes. Start-up is left out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from speedlab import posts

import postrisk
from postrisk import tables
from postrisk.workers import keep_freed_memory

_kept: dict[str, Callable[[Any], Any]] = {}
in_threads = tables.in_order


def _prepare(work: Callable[[Any], Any]) -> None:
    _kept["work"] = work


def _do(block: Any) -> tuple[Any, ...]:
    found = _kept["work"](block)
    return found.position, bytes(found.rows), found.rejected, found.assessed


def in_processes(
    work: Callable[[Any], Any], pieces: Iterable[Any], workers: int
) -> Iterator[tables.ScoredBlock]:
    """Stand in for `postrisk.workers.in_order`, with processes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(work,)) as pool:
        pending: deque[Future[tuple[Any, ...]]] = deque()
        for piece in pieces:
            pending.append(pool.submit(_do, piece))
            if len(pending) > 2 * workers:
                yield _block(pending.popleft())
        while pending:
            yield _block(pending.popleft())


def _block(future: Future[tuple[Any, ...]]) -> tables.ScoredBlock:
    position, rows, rejected, assessed = future.result()
    return tables.ScoredBlock(position, memoryview(rows), rejected, assessed)


def once(kept: str, workers: str, source: str) -> None:
    """Score one file in this process, and print the seconds."""
    if kept == "kept":
        keep_freed_memory()
    scorer, start = postrisk.Scorer(), time.perf_counter()
    options = tables.TableOptions(workers=int(workers))
    tables.score_table(scorer, source, f"{source}.{kept}", options)
    print(time.perf_counter() - start)


def main() -> None:
    """Take turns and print medians."""
    if sys.argv[1:2] == ["--once"]:
        once(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    scorer = postrisk.Scorer()
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.csv", Path(folder) / "out.csv"
        posts.write_csv(source, islice(posts.make_posts(posts.authored_pools()), given.rows))
        expected = b""

        def run(name: str, workers: int, order: Any) -> None:
            nonlocal expected
            tables.in_order = order
            start = time.perf_counter()
            tables.score_table(scorer, source, target, tables.TableOptions(workers=workers))
            seconds.setdefault(name, []).append(time.perf_counter() - start)
            expected = expected or target.read_bytes()
            if target.read_bytes() != expected:
                raise SystemExit(f"{name}: another output")

        for _ in range(given.rounds):
            run("one worker", 1, in_threads)
            run("two threads", 2, in_threads)
            run("two processes, started for it", 2, in_processes)
            for workers in (1, 2):
                for kept in ("plain", "kept"):
                    command = [sys.executable, __file__, "--once", kept, str(workers), str(source)]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
                    name = f"{workers} in a fresh process, freed memory {kept}"
                    seconds.setdefault(name, []).append(float(done.stdout))
    first = statistics.median(seconds["one worker"])
    print("| what | posts/s, median (range) | over one worker |\n|---|--:|--:|")
    for name, found in seconds.items():
        rates = sorted(given.rows / one for one in found)
        median = statistics.median(found)
        print(f"| {name} | {given.rows / median:,.0f} ({rates[0]:,.0f}–{rates[-1]:,.0f})"
              f" | {first / median:.2f} × |")  # fmt: skip


if __name__ == "__main__":
    main()
