"""Count the authored corpora and measure their near-duplicate rate.

python tools/corpus_report.py            # prints the table
python tools/corpus_report.py --write    # puts it into datasets/authored/README.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from postrisk.assets import asset
from postrisk.grouping import near_duplicate_groups

CARD = Path(__file__).resolve().parents[1] / "datasets" / "authored" / "README.md"
_START, _END = "<!-- corpus_report -->", "<!-- /corpus_report -->"
THRESHOLDS = (0.8, 0.5)


def near_duplicate_share(rows: list[dict[str, str]], threshold: float) -> float:
    """Give the share of posts with a near-copy in another pair.

    The twins of a pair share words on purpose, so one of the same pair is no copy.
    """
    groups = near_duplicate_groups([row["text"] for row in rows], threshold=threshold)
    pairs: dict[int, set[str]] = {}
    for group, row in zip(groups.tolist(), rows, strict=True):
        pairs.setdefault(group, set()).add(row["pair"])
    return sum(len(pairs[group]) > 1 for group in groups.tolist()) / len(rows)


def report() -> str:
    """Give the table in Markdown."""
    paths = sorted(asset("datasets", "authored").glob("*.jsonl"))
    lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
    rows = [json.loads(line) for line in lines]
    counts = Counter((r["language"], r["category"] or r["kind"], r["kind"]) for r in rows)
    names = sorted({(language, name) for language, name, _ in counts})
    table = ["| language | file | posts | positives | safe | test share | median characters |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for language, name in names:
        part = [r for r in rows if (r["language"], r["category"] or r["kind"]) == (language, name)]
        positives = counts[language, name, "positive"]
        test = sum(r["split"] == "test" for r in part) / len(part)
        median = sorted(len(r["text"]) for r in part)[len(part) // 2]
        table.append(
            f"| {language} | {name} | {len(part)} | {positives} | {len(part) - positives}"
            f" | {test:.2f} | {median} |"
        )
    shares = ", ".join(
        f"{100 * near_duplicate_share(rows, t):.2f} % at a Jaccard similarity of {t}"
        for t in THRESHOLDS
    )
    languages = Counter(row["language"] for row in rows)
    total = ", ".join(f"{n:,} {language}" for language, n in sorted(languages.items()))
    return (
        "\n".join(table) + f"\n\n{len(rows):,} posts: {total}. Posts with a near-copy in another"
        f" pair: {shares} of folded character shingles.\n"
    )


def main() -> int:
    """Print the report or write it into the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    found = report()
    if parser.parse_args().write:
        before, rest = CARD.read_text("utf-8").split(_START)
        after = rest.split(_END)[1]
        CARD.write_text(f"{before}{_START}\n{found}{_END}{after}", "utf-8")
    sys.stdout.write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
