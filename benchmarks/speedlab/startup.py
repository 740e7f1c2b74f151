"""What fresh processes cost: import, load, the first score, the first explanation."""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

from speedlab.processes import watch
from speedlab.timing import spread

_POST = "Doctors hide it: an onion in your sock cures the flu!!"
# Each a fresh process; ``mark`` gives the seconds since the mark before.
_MARKS = """
import json, time
found, last = {}, time.perf_counter()
def mark(name):
    global last
    found[name], last = time.perf_counter() - last, time.perf_counter()
"""
_MODEL = f"""{_MARKS}
import postrisk
mark("`import postrisk`")
model = postrisk.load()
mark("`postrisk.load()`")
model.predict_proba([{_POST!r}])
mark("first `predict_proba`")
model.predict_proba([{_POST!r}])
mark("second `predict_proba`")
print(json.dumps(found))
"""
_SCORER = f"""{_MARKS}
import postrisk
mark("import")
scorer = postrisk.Scorer()
mark("`postrisk.Scorer()`")
scorer.score_one({_POST!r})
mark("first `score_one`")
scorer.score_one({_POST!r})
mark("second `score_one`")
del found["import"]
print(json.dumps(found))
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
    insides = [[sys.executable, "-c", code] for code in (_MODEL, _SCORER)]
    for command in (empty, *commands.values(), *insides):
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
        for command in insides:
            for name, seconds in json.loads(watch(command, [core]).output).items():
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
