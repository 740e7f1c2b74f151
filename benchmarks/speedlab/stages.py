"""Where the time of CSV to CSV goes, by room of the package."""

from __future__ import annotations

import json
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any

from speedlab.processes import BENCHMARKS, watch

_PROGRAM = BENCHMARKS / "speedlab" / "workers" / "sample.py"
_BEFORE = BENCHMARKS / "results" / "before.json"
_FUNCTIONS = 12
_STAGES = {
    "reading and cutting CSV": "rows csvcut csvblocks workers",
    "checking cells": "columnreader arrowtext timecolumn languages columns counts post postcolumns"
    " fields",
    "kernel": "native utf8 model lanes ngrams folding windows calibration style",
    "bands, assembling": "columnscorer scorer assessed cutoffs bands",
    "reach rule": "rulecolumns rules",
    "reasons": "explanation",
    "writing CSV, counting": "csvjoin tables outputs",
}
# What a module does for this path; one that is not named stands under its own name.
_STAGE_OF = {module: stage for stage, modules in _STAGES.items() for module in modules.split()}
# Functions that work for another stage than the rest of their module.
_STAGE_OF_FUNCTION = dict.fromkeys(
    ("native.strongest_spans", "native.learn", "native._span_class"), "reasons"
)
# The stages of the profile before the rewrite, by their names then.
_FORMERLY = {
    "reading records": "reading and cutting CSV",
    "rows to posts": "checking cells",
    "folding": "kernel", "hashing n-grams": "kernel", "look-up, sums, calibration": "kernel",
    "script and style": "kernel",
    "bands": "bands, assembling", "assembling assessments": "bands, assembling",
    "writing rows, counting": "writing CSV, counting",
}  # fmt: skip


def stage_of(module: str, function: str) -> str:
    """Name the stage that a function of postrisk works for.

    >>> stage_of("lanes", "before"), stage_of("native", "strongest_spans")
    ('kernel', 'reasons')
    """
    known = _STAGE_OF.get(module, module or "outside postrisk")
    return _STAGE_OF_FUNCTION.get(f"{module}.{function}", known)


def before() -> dict[str, Any]:
    """Give the stored profile from before the rewrite, with the stages of today."""
    stored: dict[str, Any] = json.loads(_BEFORE.read_text("utf-8"))
    share: dict[str, float] = {}
    for name, part in stored["share"].items():
        stage = _FORMERLY.get(name, name)
        share[stage] = round(share.get(stage, 0.0) + part, 4)
    return {**stored, "share": share}


def stages(source: Path, rows: int, target: Path, core: int) -> dict[str, Any]:
    """Sample one run and give the share of CPU time by stage, and the costliest functions.

    Time goes to the module that spends it, so what a reason has to hash in numpy counts as kernel.
    The profile from before the rewrite stands beside it.
    """
    command = [sys.executable, str(_PROGRAM), str(source), str(target)]
    found = [(str(m), str(f), float(s)) for m, f, s in json.loads(watch(command, [core]).output)]
    total = sum(seconds for _, _, seconds in found)
    by_stage: dict[str, float] = {}
    for module, function, seconds in found:
        stage = stage_of(module, function)
        by_stage[stage] = by_stage.get(stage, 0.0) + seconds
    ranked = sorted(by_stage.items(), key=itemgetter(1), reverse=True)
    return {
        "rows": rows,
        "cpu_seconds": round(total, 3),
        "share": {stage: round(s / total, 4) for stage, s in ranked},
        "functions": [
            {"function": f"{module}.{function}", "share": round(seconds / total, 4)}
            for module, function, seconds in found[:_FUNCTIONS]
        ],
        "before": before(),
    }
