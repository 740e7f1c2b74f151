"""Instructions a post, counted by ``perf stat`` or by valgrind, where either can."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speedlab.posts import write_lists
from speedlab.processes import environment
from speedlab.progress import say
from speedlab.timing import NotAvailableError

_FEW, _MANY = 200, 1200
# By work: what has been prepared when it begins, whose instructions are subtracted.
_WORKS = {
    "kernel": "prepare_folded", "plain": "prepare_folded", "list": "prepare_folded",
    "native": "prepare_native",
}  # fmt: skip
_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")
_PERF_EVENT = "instructions:u"
Counted = Callable[[list[str]], int]


def _run(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, env=environment() | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise NotAvailableError(f"{Path(command[0]).name} ended with {done.returncode}")
    return done.stderr


def _with_perf(command: list[str]) -> int:
    with tempfile.NamedTemporaryFile() as file:
        _run(["perf", "stat", "-x", ",", "-e", _PERF_EVENT, "-o", file.name, "--", *command])
        shown = Path(file.name).read_text("utf-8")
    lines = [line for line in shown.splitlines() if _PERF_EVENT in line]
    value = lines[0].partition(",")[0] if lines else ""
    if not value.isdigit():
        raise NotAvailableError("perf stat: this machine does not count instructions")
    return int(value)


def _with_valgrind(command: list[str]) -> int:
    shown = _run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--", *command])
    found = _COLLECTED.search(shown)
    if not found:
        raise NotAvailableError("valgrind: no count in what it printed")
    return int(found[1])


def _counter() -> tuple[str, Counted]:
    """Choose the counter that works here."""
    reasons = []
    for name, label, count in (
        ("perf", "perf stat", _with_perf),
        ("valgrind", "valgrind --tool=callgrind", _with_valgrind),
    ):
        if shutil.which(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            count([sys.executable, "-S", "-c", "pass"])
        except NotAvailableError as reason:
            reasons.append(str(reason))
        else:
            return label, count
    raise NotAvailableError("; ".join(reasons))


def instructions(texts: Sequence[str], data: Path, cache: Path) -> dict[str, Any]:
    """Count instructions a post: a run on many posts less one on few, so that start-up cancels.

    All runs fold the posts first, so what is prepared is counted alone too, and subtracted.

    Parameters
    ----------
    texts : sequence of str
        The first of them are counted.
    data : Path
        Where they are written, alone, since a program is some fifty times slower when counted.
    cache : Path
        Where the plain C loop is.

    Raises
    ------
    NotAvailableError
        Says why nothing counts here.
    """
    label, count = _counter()
    folder = data / "counted"
    folder.mkdir()
    write_lists(folder, {"counted": list(texts[:_MANY])})

    def a_post(work: str) -> float:
        say(f"  {work}")
        command = [sys.executable, "-m", "speedlab.workers.count", str(folder), str(cache), work]
        few, many = (count([*command, str(rows)]) for rows in (_FEW, _MANY))
        return (many - few) / (_MANY - _FEW)

    folding = a_post("prepare_folded")
    found: dict[str, int] = {"fold": round(folding)}
    absent: dict[str, str] = {}
    prepared = {"prepare_folded": folding}
    for work, before in _WORKS.items():
        try:
            if before not in prepared:
                prepared[before] = a_post(before)
            found[work] = round(a_post(work) - prepared[before])
        except NotAvailableError as reason:
            absent[work] = str(reason)
    return {"counter": label, "posts": _MANY - _FEW, "a_post": found, "absent": absent}
