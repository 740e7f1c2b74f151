"""What fresh processes cost: import, load, the first score, the first explanation."""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

from speedlab.processes import watch
from speedlab.timing import spread

_POST = "Doctors hide it: an onion in your sock cures the flu!!"
_FIRST = f"""
import json, time
start = time.perf_counter()
import postrisk
imported = time.perf_counter()
model = postrisk.load()
loaded = time.perf_counter()
scorer = postrisk.Scorer(model)
scorer.score_one({_POST!r})
first = time.perf_counter()
scorer.score_one({_POST!r})
second = time.perf_counter()
print(json.dumps({{
    "import": imported - start, "load": loaded - imported,
    "first score after load": first - loaded, "second score": second - first,
}}))
"""
_PROGRAMS = {
    "`import postrisk`": ["-c", "import postrisk"],
    "import and `postrisk.load()`": ["-c", "import postrisk; postrisk.load()"],
    "import, load and first score": ["-c", f"import postrisk; postrisk.score({_POST!r})"],
    '`postrisk explain "…"`': ["-m", "postrisk", "explain", _POST],
}  # fmt: skip


def startup(core: int, repeats: int) -> dict[str, Any]:
    """Time fresh processes beside an empty interpreter, interleaved, after one warm-up each.

    Returns
    -------
    dict
        ``over_empty`` has seconds over those of an empty program, pair by pair; ``inside`` has
        seconds by the process's own clock.
    """
    empty = [sys.executable, "-c", "pass"]
    commands = {name: [sys.executable, *arguments] for name, arguments in _PROGRAMS.items()}
    inside_command = [sys.executable, "-c", _FIRST]
    for command in (empty, *commands.values(), inside_command):
        watch(command, [core])
    nothing: list[float] = []
    over: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, int] = {}
    inside: dict[str, list[float]] = {}
    for _ in range(repeats):
        base = watch(empty, [core]).seconds
        nothing.append(base)
        for name, command in commands.items():
            run = watch(command, [core])
            over[name].append(run.seconds - base)
            memory[name] = max(memory.get(name, 0), run.peak_bytes)
        for name, seconds in json.loads(watch(inside_command, [core]).output).items():
            inside.setdefault(name, []).append(seconds)
    return {
        "empty_interpreter": spread(nothing, digits=4),
        "over_empty": {name: spread(values, digits=4) for name, values in over.items()},
        "inside": {name: spread(values, digits=4) for name, values in inside.items()},
        "peak_bytes": memory,
        "explain_whole": round(
            statistics.median(nothing) + statistics.median(list(over.values())[-1]), 4
        ),
    }
