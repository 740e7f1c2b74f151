"""How far a run is, on standard error."""

from __future__ import annotations

import sys
import time

_START = time.perf_counter()


def say(what: str) -> None:
    """Say what comes next, with the seconds since the start."""
    seconds = time.perf_counter() - _START
    print(f"[{seconds:6.0f} s] {what}", file=sys.stderr, flush=True)
