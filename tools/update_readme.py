"""Put what the commands really print into README.md and docs/evaluating.md, between markers.

    python tools/update_readme.py [--benchmark]

``score`` and ``rejected`` are run on the sample; ``figures`` comes from the shipped card;
``benchmark``, when asked for, comes from the stored results of ``benchmarks/speed.py``, since
a run takes long. ``evaluate`` is what ``postrisk evaluate`` prints of the labelled sample.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BENCHMARKS = ROOT / "benchmarks"
EVALUATING = ROOT / "docs" / "evaluating.md"
CARD = ROOT / "models" / "postrisk-base" / "CARD.md"
_SHOWN_REJECTED = 3


def run(*command: str) -> str:
    """Run a command of the repository and give what it prints."""
    environment = {**os.environ, "COLUMNS": "96", "NO_COLOR": "1"}
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    return (done.stdout + done.stderr).decode()


def score() -> tuple[str, str]:
    """Score the sample; give the summary and the first rejected rows."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "scored.csv"
        summary = run("-m", "postrisk", "score", "datasets/sample/posts.csv", "-o", str(target))
        rejected = target.with_name("scored.csv.rejected.csv").read_text("utf-8").splitlines()
    return summary.replace(f"{folder}/", ""), "\n".join(rejected[: _SHOWN_REJECTED + 1])


def figures() -> str:
    """Give the cross-source lines of the card's first table."""
    lines = [line for line in CARD.read_text("utf-8").splitlines() if line.startswith("| ")]
    start = next(i for i, line in enumerate(lines) if line.startswith("| split |"))
    kept = [line for line in lines[start + 2 :] if re.match(r"\| (never|left out)", line)]
    return "\n".join([*lines[start : start + 2], *kept])


def evaluated() -> str:
    """Give what an evaluation of the labelled sample prints."""
    suites = ("ranking", "overblocking", "gate", "twins", "robustness")
    asked = [part for name in suites for part in ("--suite", name)]
    return run("-m", "postrisk", "evaluate", "datasets/sample/labelled.csv", *asked).rstrip()


def benchmark() -> str:
    """Give the few lines of the stored speed results that the README shows."""
    results = BENCHMARKS / "results" / "speed.json"
    if not results.exists():
        raise SystemExit("no benchmarks/results/speed.json; run benchmarks/speed.py first")
    sys.path.insert(0, str(BENCHMARKS))
    summary: Callable[[Any], str] = import_module("speedlab.writeup").summary
    return summary(json.loads(results.read_text("utf-8")))


def fill(text: str, marker: str, content: str) -> str:
    """Replace what stands between ``<!-- marker -->`` and the next closing comment."""
    pattern = re.compile(rf"(<!-- {marker} -->\n).*?(<!-- /)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no marker {marker}")
    return pattern.sub(lambda m: f"{m[1]}{content}\n{m[2]}", text)


def main() -> None:
    """Fill the markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmark", action="store_true")
    summary, rejected = score()
    text = README.read_text("utf-8")
    text = fill(text, "output: score", f"\n```text\n{summary.rstrip()}\n```\n")
    text = fill(text, "output: rejected", f"\n```text\n{rejected}\n```\n")
    text = fill(text, "figures", f"\n{figures()}\n")
    if parser.parse_args().benchmark:
        text = fill(text, "benchmark", f"\n{benchmark()}\n")
    README.write_text(text, "utf-8")
    page = EVALUATING.read_text("utf-8")
    EVALUATING.write_text(
        fill(page, "output: evaluate", f"\n```text\n{evaluated()}\n```\n"), "utf-8"
    )


if __name__ == "__main__":
    main()
