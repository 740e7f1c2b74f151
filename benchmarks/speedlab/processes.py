"""Programs that are run and watched: time, peak memory, and which cores they may use."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speedlab.timing import NotAvailableError

BENCHMARKS = Path(__file__).resolve().parents[1]
_WATCHER = BENCHMARKS / "speedlab" / "workers" / "watch.py"
_TOPOLOGY = Path("/sys/devices/system/cpu")
# Numeric libraries would otherwise start a thread a core.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
_ABSOLUTE = re.compile(r"(?<![\w.:/])(?:/[\w.+@-]+)+/(?=[\w.+@-])")


def without_paths(text: str) -> str:
    """Drop the folders of absolute paths, so that results say nothing of the machine's.

    >>> without_paths("no file /home/ann/in.csv, nor a/b")
    'no file in.csv, nor a/b'
    """
    return _ABSOLUTE.sub("", text)


def last_line(text: str) -> str:
    """Give the last line that says something, without paths: the reason, mostly."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return without_paths(lines[-1]) if lines else "no message"


def cores() -> list[int]:
    """Give the cores that this process may use, in order."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def partner(core: int, allowed: Sequence[int], topology: Path = _TOPOLOGY) -> int | None:
    """Give the core to use beside another: of another physical core where there is one.

    None where there is no second core.
    """

    def threads(one: int) -> str:
        siblings = topology / f"cpu{one}" / "topology" / "thread_siblings_list"
        return siblings.read_text("utf-8") if siblings.exists() else str(one)

    others = [one for one in allowed if one != core]
    apart = [one for one in others if threads(one) != threads(core)]
    return (apart or others)[-1] if others else None


def pin(chosen: Sequence[int]) -> bool:
    """Keep this process, and those that it starts, on some cores; False where it cannot be."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, set(chosen))
    return True


def environment(*, own_path: bool = True) -> dict[str, str]:
    """Give the environment for workers; peers must not see our packages."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if own_path:
        given = os.environ.get("PYTHONPATH")
        kept["PYTHONPATH"] = os.pathsep.join([str(BENCHMARKS), *([given] if given else [])])
    return {**kept, **ONE_THREAD, "PYTHONNOUSERSITE": "1", "NO_COLOR": "1", "COLUMNS": "100"}


@dataclass(frozen=True)
class Run:
    """One run of a program: wall and CPU seconds, peak resident bytes, what it printed."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def watch(command: Sequence[str], chosen: Sequence[int] | None = None) -> Run:
    """Run a program once, started by a small process so that its peak memory is its own.

    Parameters
    ----------
    command : sequence of str
    chosen : sequence of int, optional
        The cores that it may use; those of this process when absent.

    Raises
    ------
    NotAvailableError
        When it fails; says the last line of what it printed as errors.
    """
    order = json.dumps({"command": list(command), "cores": list(chosen or [])})
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-I", "-S", str(_WATCHER), order],
        env=environment(), capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    if found["code"]:
        raise NotAvailableError(f"exit {found['code']}: {last_line(found['errors'])}")
    return Run(found["seconds"], found["cpu_seconds"], found["peak_bytes"], found["output"])


class Worker:
    """A process that has loaded a model and the posts, and times a pass when told to."""

    def __init__(
        self, command: Sequence[str], *, own_path: bool, more: Mapping[str, str] | None = None
    ) -> None:
        # A file, since a pipe that nobody reads would fill and stop the worker.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603 - our own commands
            list(command), env=environment(own_path=own_path) | dict(more or {}), text=True,
            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip
        try:
            self.facts: dict[str, Any] = self._reply()
        except NotAvailableError:
            self.stop()
            raise

    def _reply(self) -> dict[str, Any]:
        process = self._process
        if process.stdout is None:
            raise NotAvailableError("no pipe from the worker")
        line = process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise NotAvailableError(last_line(self._errors.read()))
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise NotAvailableError(without_paths(reply["error"]))
        return reply

    def ask(self, work: str, posts: str, rows: int) -> dict[str, Any]:
        """Have a piece of work done once on the first ``rows`` of a set of posts.

        Returns
        -------
        dict
            ``seconds``, and ``result`` where the work gives one.

        Raises
        ------
        NotAvailableError
            Says what the worker raised.
        """
        if self._process.stdin is None:
            raise NotAvailableError("no pipe to the worker")
        self._process.stdin.write(json.dumps({"work": work, "posts": posts, "rows": rows}) + "\n")
        self._process.stdin.flush()
        return self._reply()

    def stop(self) -> None:
        """End the process by closing its input."""
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


@contextmanager
def working(
    command: Sequence[str], *, own_path: bool, more: Mapping[str, str] | None = None
) -> Iterator[Worker]:
    """Keep a worker for a while; ``more`` is added to its environment."""
    worker = Worker(command, own_path=own_path, more=more)
    try:
        yield worker
    finally:
        worker.stop()
