"""What numba would give instead of the kernel in C; the reason why it was not chosen.

    pip install numba
    python benchmarks/numba_trial.py

Compiles the hashing, look-up and sums of the shipped model's n-grams (of whole texts, without
folding or windows) with numba and times, each in a fresh process: importing numba, compiling,
loading the compiled function from numba's cache, and one pass over folded authored posts on one
core, beside the same pass by numpy and by the kernel in C, which also folds. Sums are compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

_ROWS, _REPEATS, _RUNS = 20_000, 5, 5


def trial() -> dict[str, float]:
    """Measure one process: import, first call, and the rates."""
    start = time.perf_counter()
    from numba_kernel import sum_texts  # noqa: PLC0415 - it is what is timed

    imported = time.perf_counter() - start

    import numpy as np  # noqa: PLC0415

    import postrisk  # noqa: PLC0415
    from postrisk.corpora import authored  # noqa: PLC0415
    from postrisk.folding import fold_batch, word_codes  # noqa: PLC0415
    from postrisk.utf8 import Utf8  # noqa: PLC0415

    model = postrisk.load()
    texts = [example.text for _, example in authored()][:_ROWS]
    batch = fold_batch(texts)
    is_word = np.zeros(0x2000, dtype=np.bool_)
    is_word[word_codes()] = True
    weights, bits = np.ascontiguousarray(model.weights), model.hashing.bits

    def by_numba() -> object:
        sums = np.zeros((len(texts), weights.shape[1]), dtype=np.int64)
        sum_texts(batch.codes, batch.edges, is_word, weights, bits, sums)
        return sums

    start = time.perf_counter()
    found = by_numba()
    first = time.perf_counter() - start
    expected, _ = model.sum_weights(batch)
    if not np.array_equal(found, expected):
        raise SystemExit("numba: other sums than numpy")

    def rate(work) -> float:  # noqa: ANN001
        seconds = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - start)
        return len(texts) / statistics.median(seconds)

    joined = Utf8.of_list(texts)
    kernel = model.kernel
    return {
        "import numba, s": imported,
        "first call, s": first,
        "numba, posts/s": rate(by_numba),
        "numpy, posts/s": rate(lambda: model.sum_weights(batch)),
        "C with folding and windows, posts/s": rate(lambda: kernel.score(joined)) if kernel else 0,
    }


def main() -> None:
    """Run the trial with an empty cache once, then with a full one, and print medians."""
    if sys.argv[1:] == ["--once"]:
        print(json.dumps(trial()))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, __file__, "--once"]
        runs = []
        for _ in range(1 + _RUNS):
            done = subprocess.run(  # noqa: S603
                command, env=environment, check=True, capture_output=True, text=True
            )
            runs.append(json.loads(done.stdout))
    print("| what | empty cache | full cache, median |\n|---|---|---|")
    for name, value in runs[0].items():
        median = statistics.median(run[name] for run in runs[1:])
        print(f"| {name} | {value:,.3g} | {median:,.3g} |" if value < 100 else  # noqa: PLR2004
              f"| {name} | {value:,.0f} | {median:,.0f} |")  # fmt: skip


if __name__ == "__main__":
    main()
