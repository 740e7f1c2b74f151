"""Work on many pieces by several workers, with the results in order and memory bounded.

Workers are threads: numpy, pyarrow and the compiled kernel free the interpreter's lock while they
work. Processes would each load the library and the model once more and copy every piece and every
result; ``docs/architecture.md`` has figures of both.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")
# A worker that ends early finds the next piece waiting.
_WAITING_PER_WORKER = 1
# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 25


def keep_freed_memory() -> None:
    """Let glibc keep what is freed for the next array, for programs that are about to work on much.

    Otherwise each block's arrays come from the system and go back to it, which costs a few per cent
    with several workers (``benchmarks/workers_trial.py``). It holds for the whole process, so that
    libraries leave it to programs; without glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        mallopt(parameter, _KEPT_BYTES)


def available_cores() -> int:
    """Count the cores that this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def in_order(
    work: Callable[[_Piece], _Result], pieces: Iterable[_Piece], workers: int
) -> Generator[_Result, None, None]:
    """Work on pieces and give the results in their order, whatever the number of workers.

    Close it (`contextlib.closing`) when results are left: pieces that wait are dropped then, and
    no worker outlives it.

    Parameters
    ----------
    work : callable
        Called in other threads, unless there is one worker.
    pieces : iterable
        Taken in the caller's thread, not many more than there are workers.
    workers : int

    Raises
    ------
    ValueError
        When there is no worker.

    Examples
    --------
    >>> list(in_order(abs, [3, -1, 2], workers=2))
    [3, 1, 2]
    """
    if workers < 1:
        raise ValueError(f"found {workers} workers, expected at least 1")
    if workers == 1:
        yield from map(work, pieces)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="postrisk") as pool:
        pending: deque[Future[_Result]] = deque()
        try:
            for piece in pieces:
                pending.append(pool.submit(work, piece))
                if len(pending) > workers * (1 + _WAITING_PER_WORKER):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
