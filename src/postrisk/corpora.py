"""The data sets that postrisk learns from and is measured on: licence, use and label mapping.

The authored corpora come with the package. The public ones are read from a folder,
``POSTRISK_DATA`` or ``../shared/datasets``; their rows never enter the repository.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from postrisk.assets import asset
from postrisk.errors import DataError
from postrisk.post import Category

Use = Literal["train", "evaluation"]
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
    """

    text: str
    labels: Known
    group: str
    kind: str = ""


Loader = Callable[[Path], Iterable[Example]]


@dataclass(frozen=True, slots=True)
class Source:
    """One data set.

    Attributes
    ----------
    name, language, licence : str
    use : {"train", "evaluation"}
        A set for evaluation raises `DataError` when training asks for it.
    folder : str
        Below the data folder.
    load : callable
    limit : int
        Most rows taken, chosen by a hash of the text; 0 for all.
    weight : float
        Weight of each row in training.
    judge : str
        Whose judgement the labels are.
    official_test : bool
        The set has a test part of its own, so none of its training groups is held out.
    """

    name: str
    language: str
    licence: str
    use: Use
    folder: str
    load: Loader
    judge: str
    limit: int = 0
    weight: float = 1.0
    official_test: bool = False

    def examples(self, root: Path, purpose: Use) -> list[Example]:
        """Load the rows for a purpose.

        Raises
        ------
        DataError
            When the set is absent or may not be used this way.
        """
        if purpose == "train" and self.use != "train":
            raise DataError(f"{self.name}: for evaluation only ({self.licence}); never train on it")
        path = root / self.folder
        if not path.exists():
            raise DataError(f"{self.name}: no folder {path}; set POSTRISK_DATA")
        rows = [row for row in self.load(path) if row.text and not row.text.isspace()]
        if self.limit and len(rows) > self.limit:
            rows = sorted(rows, key=lambda row: (zlib.crc32(row.text.encode()), row.text))
            rows = rows[: self.limit]
        return rows


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
            yield row["language"], Example(row["text"], labels, group, row["kind"])


def fingerprint(texts: Sequence[str], labels: Sequence[Sequence[int]]) -> str:
    """Give a SHA-256 over texts and labels, whatever their order.

    >>> fingerprint(["a", "b"], [[0], [1]]) == fingerprint(["b", "a"], [[1], [0]])
    True
    """
    keys = (f"{text}\0{list(map(int, row))}" for text, row in zip(texts, labels, strict=True))
    digests = sorted(sha256(key.encode("utf-8", "surrogatepass")).digest() for key in keys)
    return sha256(b"".join(digests)).hexdigest()
