"""Labelled posts, where the public ones lie, and the authored corpora.

The authored corpora come with the package. The public ones are read from a folder,
``POSTRISK_DATA`` or ``../shared/datasets``; their rows never enter the repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from postrisk.assets import asset
from postrisk.errors import DataError
from postrisk.post import Category

Known = dict[str, int]

CATEGORIES = tuple(category.value for category in Category)
# What a source says nothing about is absent; the training code reads that as unknown.
NOTHING: Known = dict.fromkeys(CATEGORIES, 0)


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled post.

    Attributes
    ----------
    text : str
    labels : dict of str to int
        1 or 0 for each category that the source tells about; absent where it does not.
    group : str
        Event, account, thread, subreddit or pair: what must not be split.
    kind : str
        ``positive``, ``lookalike``, ``benign``, ``protected``, or what the source calls it.
    row : str
        Names the post within its set: its own id, or ``file:record number``.
    """

    text: str
    labels: Known
    group: str
    kind: str = ""
    row: str = ""


Loader = Callable[[Path], Iterable[Example]]


def data_folder() -> Path | None:
    """Give the folder of the public data sets, or None when there is none.

    Raises
    ------
    DataError
        When ``POSTRISK_DATA`` names a folder that is not there.
    """
    named = os.environ.get("POSTRISK_DATA")
    if named is not None:
        if not named:
            return None
        if not Path(named).is_dir():
            raise DataError(f"POSTRISK_DATA: no folder {named}; expected one with en/ and zh/")
        return Path(named)
    default = Path("..") / "shared" / "datasets"
    return default if default.is_dir() else None


def authored(split: Literal["train", "test", "all"] = "all") -> Iterator[tuple[str, Example]]:
    """Yield the language and the example of each synthetic post of the authored corpora.

    Both posts of a twin pair are in the same split.
    """
    for path in sorted(asset("datasets", "authored").glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            if split not in {"all", row["split"]}:
                continue
            labels = {**NOTHING}
            if row["kind"] == "positive":
                labels[row["category"]] = 1
            group = row["topic"] if row["kind"] in {"benign", "protected"} else row["pair"]
            yield row["language"], Example(row["text"], labels, group, row["kind"], row["id"])


def fingerprint(texts: Sequence[str], labels: Sequence[Sequence[int]]) -> str:
    """Give a SHA-256 over texts and labels, whatever their order.

    >>> fingerprint(["a", "b"], [[0], [1]]) == fingerprint(["b", "a"], [[1], [0]])
    True
    """
    keys = (f"{text}\0{list(map(int, row))}" for text, row in zip(texts, labels, strict=True))
    digests = sorted(sha256(key.encode("utf-8", "surrogatepass")).digest() for key in keys)
    return sha256(b"".join(digests)).hexdigest()
