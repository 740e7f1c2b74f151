"""Count the labels by reading and measure how two passes agree.

python tools/annotation_report.py            # prints the tables
python tools/annotation_report.py --write    # puts them into datasets/annotation/README.md
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from postrisk.annotation import (
    CODES,
    UNJUDGEABLE,
    Agreement,
    Record,
    agreement,
    read_records,
    shipped_records,
)

CARD = Path(__file__).resolve().parents[1] / "datasets" / "annotation" / "README.md"
_START, _END = "<!-- annotation_report -->", "<!-- /annotation_report -->"


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Write a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def final(records: list[Record]) -> dict[tuple[str, str], Record]:
    """Give the line that counts for each post: decided before first."""
    found: dict[tuple[str, str], Record] = {}
    for turn in ("first", "decided"):
        found |= {record.key: record for record in records if record.turn == turn}
    return found


def counts(records: list[Record]) -> str:
    """Count codes by source; a post with several letters counts for each."""
    kept = final(records).values()
    rows = []
    for source in [*sorted({record.source for record in kept}), "all"]:
        part = [record for record in kept if source in {record.source, "all"}]
        cells = [sum(record.reading.says(name) for record in part) for name in CODES.values()]
        doubtful = sum(record.reading.codes != record.reading.codes.lower() for record in part)
        plain = Counter(record.reading.codes for record in part)
        numbers = [len(part), *cells, doubtful, plain["0"], plain[UNJUDGEABLE]]
        rows.append([source, *(f"{number:,}" for number in numbers)])
    header = ["source", "posts", *CODES.values(), "of these doubtful", "none", "not judgeable"]
    return table(header, rows)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _agreement_row(line: Agreement) -> list[str]:
    interval = "–" if line.low is None else f"{_number(line.low)} to {_number(line.high)}"
    cells = (line.both, line.first_only, line.second_only, line.neither)
    return [line.category, _number(line.kappa), interval, *(f"{cell:,}" for cell in cells)]


def passes(records: list[Record]) -> str:
    """Say how many posts each pass read, how many differed and how many were decided."""
    by_turn: dict[str, dict[tuple[str, str], str]] = {"first": {}, "second": {}, "decided": {}}
    for record in records:
        by_turn[record.turn].setdefault(record.key, record.reading.codes.lower())
    first, second = by_turn["first"], by_turn["second"]
    both = first.keys() & second.keys()
    differ = {key for key in both if set(first[key]) != set(second[key])}
    return (
        f"{len(first):,} posts were read once, {len(both):,} of them twice; the two readings of"
        f" {len(differ):,} differ, and {len(by_turn['decided']):,} posts were decided by a third"
        " reading."
    )


def report(records: list[Record]) -> str:
    """Give both tables in Markdown."""
    if not records:
        return "No labels yet.\n"
    header = ["category", "Cohen's κ", "95 % interval", "both", "first only", "second only",
              "neither"]  # fmt: skip
    agreed = table(header, map(_agreement_row, agreement(records)))
    return f"{counts(records)}\n\n{passes(records)}\n\n{agreed}\n"


def main() -> int:
    """Print the report or write it into the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", nargs="?", type=Path, help="another labels.csv")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = report(shipped_records() if given.labels is None else read_records(given.labels))
    if given.write:
        before, rest = CARD.read_text("utf-8").split(_START)
        after = rest.split(_END)[1]
        CARD.write_text(f"{before}{_START}\n{found}{_END}{after}", "utf-8")
    sys.stdout.buffer.write(found.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
