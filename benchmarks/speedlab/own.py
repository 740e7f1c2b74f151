"""postrisk as a worker: the same orders as the peers', and what only its own process can tell.

python -m speedlab.own FOLDER CACHE
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import postrisk
from postrisk.folding import FoldedBatch, fold_batch
from postrisk.model import RiskModel
from postrisk.tables import score_table
from speedlab.plain import PlainKernel, build
from speedlab.workers.serve import Work, serve

_BATCH_CHARS = 1 << 17
_CHECKED_ROWS = 500
_WARM_UP = 100
_PERCENTILES = (50, 90, 99)


def runs(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut texts into runs of about 131,072 characters, as scoring does."""
    start = total = 0
    for index, text in enumerate(texts):
        if index > start and total + len(text) > _BATCH_CHARS:
            yield texts[start:index]
            start, total = index, 0
        total += len(text)
    if start < len(texts):
        yield texts[start:]


class Own:
    """Everything of postrisk that is timed inside a process.

    Parameters
    ----------
    folder : Path
        Has ``posts.json`` and the CSV files.
    store : Path
        Where the plain C loop is compiled.
    """

    def __init__(self, folder: Path, store: Path) -> None:
        self._folder, self._store = folder, store
        self.posts: dict[str, list[str]] = json.loads((folder / "posts.json").read_text("utf-8"))
        self.model: RiskModel = postrisk.load()
        self.scorer = postrisk.Scorer(self.model)
        self._columns = cache(self._as_column)
        self._folded = cache(self._fold)
        self._plain = cache(self._build_plain)

    def works(self) -> dict[str, Work]:
        """Give what can be ordered, by name."""
        return {
            "list": self.predict_list,
            "prepare_column": self.prepare_column,
            "arrow": self.predict_arrow,
            "table": self.table,
            "fold": self.fold,
            "kernel": self.kernel,
            "plain": self.plain,
            "fold_plain": self.fold_plain,
            "prepare_folded": self.prepare_folded,
            "check_plain": self.check_plain,
            "singles": self.singles,
            "raised": self.raised,
        }

    def _as_column(self, posts: str, rows: int) -> Any:
        return pa.array(self.posts[posts][:rows], type=pa.string())

    def _predict_any(self, column: Any) -> Any:
        return self.model.predict_proba(column)

    def _fold(self, posts: str, rows: int) -> list[FoldedBatch]:
        return [fold_batch(texts) for texts in runs(self.posts[posts][:rows])]

    def _build_plain(self) -> PlainKernel:
        return PlainKernel(build(self._store), self.model)

    def predict_list(self, posts: str, rows: int) -> None:
        """Score a list of strings."""
        self.model.predict_proba(self.posts[posts][:rows])

    def prepare_column(self, posts: str, rows: int) -> dict[str, Any]:
        """Make the Arrow column and tell whether it gets the probabilities of the list."""
        some = min(rows, _CHECKED_ROWS)
        found = self._predict_any(self._columns(posts, rows)[:some])
        expected = self.model.predict_proba(self.posts[posts][:some])
        return {"agrees": bool(np.array_equal(found, expected))}

    def predict_arrow(self, posts: str, rows: int) -> None:
        """Score an Arrow column."""
        self._predict_any(self._columns(posts, rows))

    def table(self, posts: str, _rows: int) -> None:
        """Score a CSV file into another, in this process."""
        source = self._folder / f"{posts}.csv"
        score_table(self.scorer, source, self._folder / "inside.csv")

    def prepare_folded(self, posts: str, rows: int) -> None:
        """Fold the posts and keep them, so that what follows is timed without."""
        self._folded(posts, rows)

    def fold(self, posts: str, rows: int) -> None:
        """Fold a list of strings."""
        for texts in runs(self.posts[posts][:rows]):
            fold_batch(texts)

    def kernel(self, posts: str, rows: int) -> None:
        """Hash, look up and sum, from folded posts."""
        for batch in self._folded(posts, rows):
            self.model.sum_weights(batch)

    def plain(self, posts: str, rows: int) -> None:
        """Do the same in plain C."""
        kernel = self._plain()
        for batch in self._folded(posts, rows):
            kernel.sum_weights(batch)

    def fold_plain(self, posts: str, rows: int) -> None:
        """Fold as postrisk does, then sum in plain C."""
        kernel = self._plain()
        for texts in runs(self.posts[posts][:rows]):
            kernel.sum_weights(fold_batch(texts))

    def check_plain(self, posts: str, rows: int) -> dict[str, Any]:
        """Compare the sums of the plain C loop with the model's."""
        batches = self._folded(posts, rows)
        agrees = self._plain().agrees(self.model, batches)
        return {"agrees": agrees, "compared": sum(map(len, batches))}

    def singles(self, posts: str, rows: int) -> dict[str, Any]:
        """Time `Scorer.score_one` on different posts, as strings and as posts.

        Returns
        -------
        dict
            Microseconds by kind and percentile, and how many posts.
        """
        texts = list(dict.fromkeys(self.posts[posts]))[:rows]
        kinds: dict[str, list[Any]] = {
            "str": texts,
            "Post": [postrisk.Post(text=text) for text in texts],
        }
        found = {kind: _percentiles(self.scorer.score_one, items) for kind, items in kinds.items()}
        return {"posts": len(texts), "microseconds": found}

    def raised(self, posts: str, rows: int) -> dict[str, Any]:
        """Count posts with a band above ``pass``, and those of each script."""
        found = self.scorer.score(self.posts[posts][:rows])
        above = sum(any(band.value != "pass" for band in one.bands.values()) for one in found)
        scripts = [one.script for one in found]
        return {
            "of": len(found),
            "raised": above,
            "scripts": {script: scripts.count(script) for script in sorted(set(scripts))},
        }


def _percentiles(work: Callable[[Any], object], items: Sequence[Any]) -> dict[str, float]:
    for item in items[:_WARM_UP]:
        work(item)
    times = []
    for item in items:
        start = time.perf_counter_ns()
        work(item)
        times.append(time.perf_counter_ns() - start)
    values = np.percentile(times, _PERCENTILES) / 1000
    return {f"p{p}": round(float(v), 1) for p, v in zip(_PERCENTILES, values, strict=True)}


def main() -> None:
    """Serve postrisk."""
    folder, store = map(Path, sys.argv[1:])

    def prepare() -> tuple[dict[str, Any], dict[str, Work]]:
        own = Own(folder, store)
        return {"version": f"postrisk {postrisk.__version__}"}, own.works()

    serve(prepare)


if __name__ == "__main__":
    main()
