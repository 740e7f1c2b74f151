"""postrisk as a worker: the same orders as the peers', and what only its own process can tell.

python -m speedlab.own FOLDER CACHE
"""

from __future__ import annotations

import hashlib
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
from postrisk.native import Kernel
from postrisk.tables import score_table
from postrisk.utf8 import Utf8
from speedlab.plain import PlainKernel, build
from speedlab.timing import NotAvailableError
from speedlab.workers.serve import Work, serve

_BATCH_CHARS = 1 << 17
_BATCH_POSTS = 1024
_CHECKED_ROWS = 500
COMPILED, NUMPY = "compiled kernel", "numpy"
NO_KERNEL = "`postrisk.native.library()` is None: no compiled kernel here"
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
        self._utf8 = cache(self._as_utf8)
        self._plain = cache(self._build_plain)

    def works(self) -> dict[str, Work]:
        """Give what can be ordered, by name."""
        return {
            "list": self.predict_list,
            "prepare_column": self.prepare_column,
            "arrow": self.predict_arrow,
            "digest": self.digest,
            "prepare_native": self.prepare_native,
            "native": self.native,
            "check_native": self.check_native,
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

    def _as_utf8(self, posts: str, rows: int) -> list[Utf8]:
        column = self._columns(posts, rows)
        starts = range(0, len(column), _BATCH_POSTS)
        return [Utf8.of_arrow(column[start : start + _BATCH_POSTS]) for start in starts]

    def _compiled(self) -> Kernel:
        if self.model.kernel is None:
            raise NotAvailableError(NO_KERNEL)
        return self.model.kernel

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
        found = self.model.predict_proba(self._columns(posts, rows)[:some])
        expected = self.model.predict_proba(self.posts[posts][:some])
        return {"agrees": bool(np.array_equal(found, expected))}

    def predict_arrow(self, posts: str, rows: int) -> None:
        """Score an Arrow column."""
        self.model.predict_proba(self._columns(posts, rows))

    def digest(self, posts: str, rows: int) -> dict[str, Any]:
        """Sum up the probabilities of a list, to compare processes with different kernels."""
        found = self.model.predict_proba(self.posts[posts][:rows])
        return {"sha256": hashlib.sha256(found.tobytes()).hexdigest()}

    def prepare_native(self, posts: str, rows: int) -> None:
        """Make batches of UTF-8 and keep them, so that what follows is timed without."""
        self._utf8(posts, rows)

    def native(self, posts: str, rows: int) -> None:
        """Score ready-made batches with the compiled kernel: from UTF-8 to calibrated logits."""
        kernel = self._compiled()
        for batch in self._utf8(posts, rows):
            kernel.score(batch)

    def check_native(self, posts: str, rows: int) -> dict[str, Any]:
        """Compare the logits of the batches with those that the model gives of the list."""
        parts = [self._compiled().score(batch)[0] for batch in self._utf8(posts, rows)]
        expected = self.model.logits(self.posts[posts][:rows])
        return {"agrees": bool(np.array_equal(np.concatenate(parts), expected))}

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
        """Hash, look up and sum in numpy, from folded posts."""
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
        facts = {
            "version": f"postrisk {postrisk.__version__}",
            "kernel": NUMPY if own.model.kernel is None else COMPILED,
        }
        return facts, own.works()

    serve(prepare)


if __name__ == "__main__":
    main()
