"""Where the time of CSV to CSV goes, by room of the package."""

from __future__ import annotations

import json
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any

from speedlab.processes import BENCHMARKS, watch

_PROGRAM = BENCHMARKS / "speedlab" / "workers" / "sample.py"
_FUNCTIONS = 12
# What a module does for this path; one that is not named stands under its own name.
_STAGES = {
    "rows": "reading records",
    "columns": "rows to posts", "post": "rows to posts", "counts": "rows to posts",
    "postcolumns": "rows to posts",
    "folding": "folding",
    "ngrams": "hashing n-grams",
    "model": "look-up, sums, calibration", "windows": "look-up, sums, calibration",
    "style": "script and style",
    "explanation": "reasons",
    "cutoffs": "bands", "bands": "bands",
    "rules": "reach rule",
    "scorer": "assembling assessments", "assessed": "assembling assessments",
    "tables": "writing rows, counting", "outputs": "writing rows, counting",
}  # fmt: skip


def stages(source: Path, target: Path, core: int) -> dict[str, Any]:
    """Sample one run and give the share of CPU time by stage, and the costliest functions.

    Hashing that is done for a reason counts as hashing: time goes to the room that spends it.
    """
    command = [sys.executable, str(_PROGRAM), str(source), str(target)]
    found = [(str(m), str(f), float(s)) for m, f, s in json.loads(watch(command, [core]).output)]
    total = sum(seconds for _, _, seconds in found)
    by_stage: dict[str, float] = {}
    for module, _, seconds in found:
        stage = _STAGES.get(module, module or "outside postrisk")
        by_stage[stage] = by_stage.get(stage, 0.0) + seconds
    ranked = sorted(by_stage.items(), key=itemgetter(1), reverse=True)
    return {
        "cpu_seconds": round(total, 3),
        "share": {stage: round(s / total, 4) for stage, s in ranked},
        "functions": [
            {"function": f"{module}.{function}", "share": round(seconds / total, 4)}
            for module, function, seconds in found[:_FUNCTIONS]
        ],
    }
