"""Fill in the bytes and SHA-256 of every file that a registry card lists.

python tools/update_registry_checksums.py FOLDER [NAME…]   # FOLDER holds en/ and zh/

To add a file, write ``[[files]]`` with its ``path`` at the end of the card and run this.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

CARDS = Path(__file__).resolve().parents[1] / "datasets" / "registry"
_KEYS = ("path", "bytes", "sha256", "upstream_path", "repacked")


def measured(file: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Give a file's entry with what lies in the folder."""
    data = (folder / file["path"]).read_bytes()
    return {**file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def entry(file: dict[str, Any]) -> str:
    """Write an entry as TOML."""
    lines = [f"{key} = {json.dumps(file[key], ensure_ascii=False)}" for key in _KEYS if key in file]
    return "\n".join(["[[files]]", *lines])


def update(card: Path, data: Path) -> bool:
    """Rewrite the files of one card; tell whether anything changed."""
    text = card.read_text("utf-8")
    values = tomllib.loads(text)
    entries = [entry(measured(file, data / values["folder"])) for file in values["files"]]
    new = "\n\n".join([text.split("[[files]]", 1)[0].rstrip(), *entries]) + "\n"
    card.write_text(new, "utf-8")
    return new != text


def main() -> int:
    """Rewrite the cards and name those that changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    for card in sorted(CARDS.glob("*.toml")):
        if (not given.names or card.stem in given.names) and update(card, given.folder):
            sys.stdout.write(f"{card.stem}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
