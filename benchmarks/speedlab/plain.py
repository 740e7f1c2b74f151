"""The plain C loop of ``plain_kernel.c``: compiled when it is wanted, and compared to the bit."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from postrisk.folding import FoldedBatch, word_codes
from postrisk.model import RiskModel
from postrisk.ngrams import Hashing
from speedlab.processes import BENCHMARKS, last_line
from speedlab.timing import NotAvailableError

SOURCE = BENCHMARKS / "plain_kernel.c"
FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")
_WORD_LIMIT = 0x2000
_CATEGORIES = 4
Sums = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]


def compiler() -> str:
    """Give the C compiler.

    Raises
    ------
    NotAvailableError
    """
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return found
    raise NotAvailableError("no C compiler (cc, gcc or clang)")


def compiler_version() -> str:
    """Give the first line of what the compiler says of itself."""
    command = [compiler(), "--version"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return shown.splitlines()[0].strip()


def build(cache: Path) -> Path:
    """Compile the loop into the cache; once for a source, a compiler and this machine.

    Raises
    ------
    NotAvailableError
        When there is no compiler or it fails.
    """
    key = repr((SOURCE.read_bytes(), compiler_version(), FLAGS))
    target = cache / f"plain-{hashlib.sha256(key.encode()).hexdigest()[:16]}.so"
    if target.exists():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    command = [compiler(), *FLAGS, str(SOURCE), "-o", str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise NotAvailableError(f"the C compiler failed: {last_line(done.stderr)}")
    fresh.replace(target)
    return target


class PlainKernel:
    """The compiled loop with the weights of a model.

    Parameters
    ----------
    library : Path
        What `build` gave.
    model : RiskModel
        With the hashing that the loop is written for.

    Raises
    ------
    NotAvailableError
        When the model has another hashing or not four categories.
    """

    def __init__(self, library: Path, model: RiskModel) -> None:
        wanted = Hashing(char_orders=(1, 2, 3, 4, 5), word_orders=(1, 2), bits=18)
        if model.hashing != wanted or len(model.categories) != _CATEGORIES:
            raise NotAvailableError("the model's hashing is not the one of the plain C loop")
        self._run: Callable[..., None] = ctypes.CDLL(str(library)).plain_sums
        self._table = np.ascontiguousarray(model.weights, dtype=np.int8)
        self._is_word = np.zeros(_WORD_LIMIT + 1, dtype=np.uint8)
        self._is_word[word_codes()] = 1

    def sum_weights(self, batch: FoldedBatch) -> Sums:
        """Give each text's summed weights and number of n-grams, as `RiskModel.sum_weights`."""
        codes = np.ascontiguousarray(batch.codes, dtype=np.uint32)
        edges = np.ascontiguousarray(batch.edges, dtype=np.int64)
        sums = np.empty((len(batch), _CATEGORIES), dtype=np.int32)
        counts = np.empty(len(batch), dtype=np.int64)
        arrays = (self._table, self._is_word, sums, counts)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        self._run(
            ctypes.c_void_p(codes.ctypes.data), ctypes.c_void_p(edges.ctypes.data),
            ctypes.c_int64(len(batch)), *pointers,
        )  # fmt: skip
        return sums, counts

    def agrees(self, model: RiskModel, batches: Sequence[FoldedBatch]) -> bool:
        """Tell whether all sums and counts are the same as the model's."""
        for batch in batches:
            (sums, counts), (plain_sums, plain_counts) = (
                model.sum_weights(batch), self.sum_weights(batch),
            )  # fmt: skip
            if not (np.array_equal(sums, plain_sums) and np.array_equal(counts, plain_counts)):
                return False
        return True
