"""The command: what is asked for, in which order it is measured, and where it goes."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speedlab import measures, posts
from speedlab.instructions import instructions
from speedlab.kernels import kernel
from speedlab.machine import describe_machine, load, model_bytes
from speedlab.measures import LARGE, LONG, ORDINARY, Bench
from speedlab.own import COMPILED
from speedlab.peers import PEERS, TEACHER, start_peers
from speedlab.pictures import draw
from speedlab.processes import BENCHMARKS, cores, partner, pin, working
from speedlab.progress import say
from speedlab.stages import stages
from speedlab.startup import startup
from speedlab.timing import NotAvailableError
from speedlab.writeup import to_markdown

RESULTS = BENCHMARKS / "results"
_README = BENCHMARKS / "README.md"
_COUNTED_POSTS = 20_000
_SINGLES = 10_000
_QUICK_ROWS, _QUICK_REPEATS, _QUICK_SINGLES = 5000, 2, 500
_FORMAT = 2


@dataclass(frozen=True)
class Settings:
    """What is asked for; see ``--help``."""

    rows: int
    large: int
    largest: int
    repeats: int
    quick: bool
    public: bool
    teacher: bool
    install: bool
    redraw: bool
    note: str
    cache: Path
    output: Path


def default_cache() -> Path:
    """Give the folder that environments and the compiled loop are kept in."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "postrisk-benchmarks"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="speed.py", description="Measure how fast postrisk is, beside its peers."
    )
    add = parser.add_argument
    add("--rows", type=int, default=100_000, help="posts in lists and files")
    add("--large", type=int, default=1_000_000, help="rows of the large file; 0 leaves it out")
    add("--largest", type=int, default=1_000_000, help="last point of the scaling curve")
    add("--repeats", type=int, default=5, help="interleaved repeats")
    add("--quick", action="store_true", help="few rows, installs nothing; to see that it runs")
    add("--public", action="store_true", help="rows of the data sets in POSTRISK_DATA as posts")
    add("--teacher", action="store_true", help="time the multilingual sentence encoder too")
    add("--no-install", action="store_true", help="leave out peers that are not in the cache")
    add("--redraw", action="store_true", help="measure nothing; page and plots from the JSON")
    add("--note", default="", help="a sentence on the run, shown with it")
    add("--cache", type=Path, default=default_cache(), help="folder for what is built")
    add("--output", type=Path, default=RESULTS, help="folder for the results")
    return parser


def parse(arguments: list[str] | None = None) -> Settings:
    """Read the command line."""
    given = _parser().parse_args(arguments)
    if given.quick:
        given.rows, given.repeats = min(given.rows, _QUICK_ROWS), _QUICK_REPEATS
        given.large, given.largest = 0, min(given.largest, _QUICK_ROWS)
    return Settings(
        rows=given.rows, large=given.large, largest=given.largest, repeats=given.repeats,
        quick=given.quick, public=given.public, teacher=given.teacher,
        install=not (given.no_install or given.quick), redraw=given.redraw, note=given.note,
        cache=given.cache.resolve(), output=given.output.resolve(),
    )  # fmt: skip


Source = Callable[[float], Iterator[str]]


def _source(settings: Settings) -> Source:
    """Give what makes posts, by the share of long ones."""
    if settings.public:
        return lambda long_share: posts.public_posts(long_share=long_share)
    pools = posts.authored_pools()
    return lambda long_share: posts.make_posts(pools, long_share=long_share)


def measure(settings: Settings) -> dict[str, Any]:
    """Measure everything and give the results as plain values.

    What cannot be measured is under ``not_available``, with the reason.
    """
    start, allowed = time.perf_counter(), cores()
    found: dict[str, Any] = {
        "format": _FORMAT,
        "settings": {
            "rows": settings.rows, "large": settings.large, "largest": settings.largest,
            "repeats": settings.repeats, "quick": settings.quick, "seed": posts.SEED,
            "posts": "public data sets" if settings.public else "authored corpora",
            "note": settings.note,
        },
        "machine": describe_machine() | {"pinned": pin(allowed[-1:])},
    }  # fmt: skip
    settings.cache.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory(dir=settings.cache))
        source, data = _source(settings), Path(temporary)
        say("making posts")
        sets = {
            ORDINARY: posts.take(source(0.0), settings.rows),
            LONG: posts.take(source(posts.LONG_SHARE), settings.rows),
        }
        posts.write_lists(data, sets)
        for name, texts in sets.items():
            posts.write_csv(data / f"{name}.csv", texts)
        say("starting peers")
        peers = (*PEERS, TEACHER) if settings.teacher else PEERS
        workers, absent = stack.enter_context(
            start_peers(peers, settings.cache, data, allowed=settings.install)
        )
        command = [sys.executable, "-m", "speedlab.own", str(data), str(settings.cache)]
        own = stack.enter_context(working(command, own_path=True))
        without = None
        if own.facts["kernel"] == COMPILED:
            numpy = working(command, own_path=True, more={"POSTRISK_KERNEL": "numpy"})
            without = stack.enter_context(numpy)
        found["machine"]["kernel"] = own.facts["kernel"]
        sizes = {name: len(texts) for name, texts in sets.items()}
        if settings.large:
            sizes[LARGE] = settings.large
        bench = Bench(data, own, workers, sizes, settings.repeats, allowed[-1], without)
        found["posts"] = {
            name: measures.describe_posts(bench, name, texts, _COUNTED_POSTS)
            for name, texts in sets.items()
        }
        found["not_available"] = dict(absent)
        _fill(found, Sections(bench, settings, source, allowed, sets[ORDINARY]).all())
    found["machine"]["load_at_end"] = load()
    found["seconds"] = round(time.perf_counter() - start)
    return found


@dataclass(frozen=True)
class Sections:
    """What is measured, section by section.

    Attributes
    ----------
    bench : Bench
    settings : Settings
    source : callable
        What makes posts, by the share of long ones.
    allowed : list of int
        Cores that may be used.
    texts : list of str
        Ordinary posts.
    """

    bench: Bench
    settings: Settings
    source: Source
    allowed: list[int]
    texts: list[str]

    def all(self) -> dict[str, Callable[[], Any]]:
        """Give the sections in the order that they are measured in."""
        bench, settings = self.bench, self.settings
        return {
            "model_bytes": model_bytes,
            ORDINARY: lambda: measures.rates(bench, ORDINARY),
            LONG: lambda: measures.rates(bench, LONG),
            "kernel": lambda: kernel(bench, ORDINARY),
            "startup": lambda: startup(bench.core, bench.repeats),
            "singles": lambda: measures.singles(
                bench, ORDINARY, _QUICK_SINGLES if settings.quick else _SINGLES
            ),
            "stages": self._stages,
            LARGE: self._large,
            "workers": self._workers,
            "scaling": lambda: measures.scaling(bench, settings.largest, self._write),
            "instructions": self._instructions,
        }

    def _write(self, path: Path, rows: int) -> None:
        """Write the first posts without keeping them, or take the large file if it has as many."""
        large = self.bench.source(LARGE)
        if path != large and rows == self.settings.large and large.exists():
            large.replace(path)
        else:
            posts.write_csv(path, itertools.islice(self.source(0.0), rows))

    def _stages(self) -> Any:
        bench = self.bench
        source, target = bench.source(ORDINARY), bench.data / "staged.csv"
        return stages(source, bench.sets[ORDINARY], target, bench.core)

    def _large(self) -> Any:
        if not self.settings.large:
            raise NotAvailableError("left out of this run")
        say(f"  writing {self.settings.large:,} rows")
        self._write(self.bench.source(LARGE), self.settings.large)
        return measures.files(self.bench, LARGE, ORDINARY)

    def _workers(self) -> Any:
        posts = LARGE if self.bench.source(LARGE).exists() else ORDINARY
        return measures.workers(self.bench, posts, partner(self.bench.core, self.allowed))

    def _instructions(self) -> Any:
        if self.settings.quick:
            raise NotAvailableError("left out of a quick run: it takes minutes")
        return instructions(self.texts, self.bench.data, self.settings.cache)


def _fill(found: dict[str, Any], sections: Mapping[str, Callable[[], Any]]) -> None:
    """Measure the sections, each with its reason where it cannot be."""
    for name, section in sections.items():
        say(name)
        try:
            found[name] = section()
        except NotAvailableError as reason:
            found["not_available"][name] = str(reason)
        else:
            if isinstance(found[name], dict):
                found["not_available"] |= found[name].pop("absent", {})


def fill_readme(readme: Path, markdown: str) -> None:
    """Put the tables between the markers of a page."""
    text = readme.read_text("utf-8")
    pattern = re.compile(r"(<!-- speed -->\n).*?(<!-- /speed -->)", re.DOTALL)
    readme.write_text(pattern.sub(lambda m: f"{m[1]}\n{markdown}\n{m[2]}", text), "utf-8")


def write_results(found: dict[str, Any], output: Path) -> None:
    """Write the JSON, the Markdown and the plots."""
    output.mkdir(parents=True, exist_ok=True)
    shown = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    (output / "speed.json").write_text(shown, "utf-8")
    markdown = to_markdown(found)
    (output / "speed.md").write_text(markdown, "utf-8")
    draw(found, output)
    if output == RESULTS:
        fill_readme(_README, markdown.partition("\n")[2].strip() + "\n")


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the results and print the Markdown."""
    settings = parse(arguments)
    stored = settings.output / "speed.json"
    found = json.loads(stored.read_text("utf-8")) if settings.redraw else measure(settings)
    write_results(found, settings.output)
    print(to_markdown(found))
