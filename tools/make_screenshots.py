"""Draw what ``postrisk explain`` prints as ``docs/images/explain.svg``, from the shipped model."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from postrisk.post import Post
from postrisk.scorer import Scorer
from postrisk.terminal import print_explanation

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
POST = Post(
    text="Pass it on before they take it down: doctors don’t want you to know an onion in your sоck"
    " cures the flu overnight!!",
    reach={"reposts": 612},
)


def main() -> None:
    """Write the picture; the fonts that rich would fetch are left to the reader's system."""
    console = Console(record=True, width=92, file=io.StringIO(), force_terminal=True)
    scorer = Scorer()
    found, why = scorer.score_one(POST), scorer.explain(POST)
    print_explanation(console, found, why, scorer.model.cutoffs)
    svg = console.export_svg(title="postrisk explain")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "explain.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
