"""Generate ``src/postrisk/folding_table.npy``, the one code-point table behind folding.

Run with any Python that has the two generator-time packages::

    pip install numpy opencc confusable-homoglyphs
    python tools/make_folding_table.py            # writes the table and its provenance
    python tools/make_folding_table.py --check    # exits 1 if the committed table differs

Sources: Python's ``unicodedata`` (Unicode Character Database), ``confusable-homoglyphs``
(Unicode UTS #39 confusables, MIT) and ``opencc`` (OpenCC ``t2s`` dictionaries, Apache-2.0).
The packages are needed here only; the library reads the arrays.
"""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import confusable_homoglyphs
import numpy as np
import opencc

TABLE = Path(__file__).resolve().parents[1] / "src" / "postrisk" / "folding_table.npy"
PROVENANCE = TABLE.with_suffix(".json")
CODE_POINTS = 0x110000
FOLDING_VERSION = 1
# Letters and digits below this form words (alphabets); above are signs, emoji and CJK.
WORD_LIMIT = 0x2000

# Default_Ignorable_Code_Point members that are letters, symbols or unassigned, which no
# general category gives away (DerivedCoreProperties.txt), the replacement character, which
# stands for text already lost, and the emoji skin tones.
INVISIBLE = {
    0x115F, 0x1160, 0x2065, 0x3164, 0xFFA0, 0xFFFD,
    *range(0xFFF0, 0xFFF9), *range(0x1F3FB, 0x1F400), *range(0xE0000, 0xE1000),
}  # fmt: skip
BLANK = {0x2800, *range(0x1C, 0x20), 0x85}
# Commas and semicolons part words and say nothing else; left in, lists look like adverts.
PUNCTUATION = str.maketrans({
    ",": " ", ";": " ", "、": " ", "‚": " ",
    "。": ".", "“": '"', "”": '"', "„": '"', "‟": '"', "‘": "'", "’": "'",
    "‐": "-", "–": "-", "—": "-", "―": "-", "•": ".", "·": ".", "・": ".", "【": "[", "】": "]",
    "「": '"', "」": '"', "『": '"', "』": '"', "《": '"', "》": '"',
})  # fmt: skip
# UTS #39 has look-alikes across these scripts too ("工" and "エ"), but there they are the text.
NEVER_CONFUSABLE = (
    "CJK ", "HIRAGANA ", "KATAKANA", "HANGUL ", "BOPOMOFO ", "KANGXI ", "IDEOGRAPHIC ",
)  # fmt: skip
ENCLOSED = ("NEGATIVE SQUARED LATIN CAPITAL LETTER ", "NEGATIVE CIRCLED LATIN CAPITAL LETTER ")
SMALL_CAPITAL = "LATIN LETTER SMALL CAPITAL "

_T2S = opencc.OpenCC("t2s")
_CONFUSABLES: dict[str, list[dict[str, str]]] = json.loads(
    (Path(confusable_homoglyphs.__file__).parent / "confusables.json").read_text("utf-8")
)


def _ascii_lookalike(char: str) -> str:
    """Give the one ASCII character that UTS #39 holds to look like ``char``, or an empty string."""
    for entry in _CONFUSABLES.get(char, ()):
        look = _without_deleted(unicodedata.normalize("NFKD", entry["c"]))
        if len(look) == 1 and look.isascii() and look.isprintable():
            return look.lower()
    return ""


def _is_deleted(char: str) -> bool:
    code = ord(char)
    if char.isspace() or code in BLANK:
        return False
    return code in INVISIBLE or unicodedata.category(char) in {"Cf", "Cc", "Cs", "Mn", "Me"}


def _without_deleted(text: str) -> str:
    return "".join(c for c in text if not _is_deleted(c))


def _letter_of_name(char: str) -> str:
    name = unicodedata.name(char, "")
    for prefix in (*ENCLOSED, SMALL_CAPITAL):
        if name.startswith(prefix) and len(name) == len(prefix) + 1:
            return name[-1].lower()
    return ""


def _confusable(char: str) -> str:
    """Fold a single non-ASCII character to ASCII where it is confusable with it."""
    if char.isascii() or unicodedata.name(char, "").startswith(NEVER_CONFUSABLE):
        return char
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.digit(char))
    look = _letter_of_name(char) or _ascii_lookalike(char)
    if not look and len(char.upper()) == 1:
        look = _ascii_lookalike(char.upper())
    return look or char


def _step(text: str) -> str:
    bare = _without_deleted(unicodedata.normalize("NFKD", text))
    bare = _without_deleted(unicodedata.normalize("NFKD", bare.casefold()))
    kept = [" " if c.isspace() or ord(c) in BLANK else c for c in bare]
    converted: str = _T2S.convert("".join(map(_confusable, kept)).translate(PUNCTUATION))
    return converted


@cache
def fold(char: str) -> str:
    """Fold one character to the fixed point of all steps; an empty string means deleted."""
    if _is_deleted(char):
        return ""
    before, after = char, _step(char)
    while before != after:
        before, after = after, "".join(map(_step, after))
    return after


def build() -> tuple[np.ndarray, dict[str, object]]:
    """Build the table and the provenance that goes with it.

    The table is a row of whole numbers: the sizes of its five sections, then these: sources,
    targets, lengths of expansions, characters of expansions, and the characters of words.
    """
    sources: list[int] = []
    targets: list[int] = []
    expansions: list[str] = []
    for code in range(CODE_POINTS):
        char = chr(code)
        folded = fold(char)
        if folded == char:
            continue
        sources.append(code)
        if len(folded) <= 1:
            targets.append(ord(folded) if folded else 0)
        else:
            targets.append(CODE_POINTS + len(expansions))
            expansions.append(folded)
    sections = [
        sources,
        targets,
        [len(e) for e in expansions],
        [ord(c) for e in expansions for c in e],
        [code for code in range(WORD_LIMIT) if chr(code).isalnum()],
    ]
    table = np.array([*map(len, sections), *chain.from_iterable(sections)], dtype=np.uint32)
    provenance: dict[str, object] = {
        "folding_version": FOLDING_VERSION,
        "generator": "tools/make_folding_table.py",
        "unicode": unicodedata.unidata_version,
        "confusable-homoglyphs": version("confusable-homoglyphs"),
        "opencc": version("opencc"),
        "changed": len(sources),
        "deleted": targets.count(0),
        "expanded": len(expansions),
    }
    return table, provenance


def main() -> int:
    """Write the table, or with ``--check`` compare it with the committed one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    table, provenance = build()
    if arguments.check:
        same = np.array_equal(np.load(TABLE, allow_pickle=False), table)
        sys.stdout.write("folding table is up to date\n" if same else "folding table differs\n")
        return 0 if same else 1
    np.save(TABLE, table)
    PROVENANCE.write_text(json.dumps(provenance, indent=2) + "\n", "utf-8")
    sys.stdout.write(f"{json.dumps(provenance)}\n{TABLE.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
