"""The posts that everything is measured on, made from the authored corpora with a seed.

A post is made so: seven in ten are English and three Chinese; its length is drawn from a
log-normal distribution (means of 105 and 43 characters, sigma .75, so that half are short and a
few are very long); authored posts of its language are joined until they are long enough, and
cut at the last word that fits. Its parts are drawn from the safe authored posts: benign and
protected ones, and one in four a look-alike. One post in eighteen begins with a post that is
risky, so that the share that gets a band above ``pass``, and with it a reason, is about that of an
export that people bother to check. That share is measured and shown.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postrisk.corpora import authored, data_folder
from postrisk.errors import PostError
from postrisk.post import clean_text
from speedlab.timing import NotAvailableError

SEED = 20130910
ENGLISH_SHARE = 0.7
RISKY_SHARE = 1 / 18
LOOKALIKE_SHARE = 0.25
LONG_SHARE, LONG_CHARS = 0.1, 2000
_MEANS = {"en": 105.0, "zh": 43.0}
_SIGMA = 0.75
_SHORTEST, _LONGEST = 4, 1500
_GLUE = " "
HEADER = ("id", "posted_at", "text", "reposts", "views")


@dataclass(frozen=True)
class Pool:
    """Texts of one language to make posts of."""

    safe: Sequence[str]
    lookalike: Sequence[str]
    risky: Sequence[str]


def authored_pools() -> dict[str, Pool]:
    """Give the authored posts by language; the risky and the look-alike ones apart."""
    texts: dict[tuple[str, str], list[str]] = {}
    for language, example in authored():
        texts.setdefault((language, example.kind), []).append(example.text)
    return {
        language: Pool(
            texts[language, "benign"] + texts[language, "protected"],
            texts[language, "lookalike"],
            texts[language, "positive"],
        )
        for language in _MEANS
    }


def _length(language: str, chooser: random.Random) -> int:
    mu = math.log(_MEANS[language]) - _SIGMA**2 / 2
    return min(max(_SHORTEST, round(chooser.lognormvariate(mu, _SIGMA))), _LONGEST)


def _part(pool: Pool, chooser: random.Random) -> str:
    return chooser.choice(pool.lookalike if chooser.random() < LOOKALIKE_SHARE else pool.safe)


def _cut(text: str, length: int) -> str:
    """Cut a text at the last blank within its length, or within a word that is all of it."""
    if len(text) <= length:
        return text
    before, blank, _ = text[: length + 1].rpartition(_GLUE)
    return before if blank and 2 * len(before) > length else text[:length].rstrip()


def compose(pool: Pool, length: int, chooser: random.Random) -> str:
    """Join parts of a pool until they have ``length`` characters, and cut what is over."""
    risky = chooser.random() < RISKY_SHARE
    parts = [chooser.choice(pool.risky) if risky else _part(pool, chooser)]
    total = len(parts[0])
    while total < length:
        parts.append(_part(pool, chooser))
        total += len(_GLUE) + len(parts[-1])
    return _cut(_GLUE.join(" ".join(part.split()) for part in parts), length)


def make_posts(pools: dict[str, Pool], seed: int = SEED, long_share: float = 0.0) -> Iterator[str]:
    """Yield posts without end; the same seed gives the same posts.

    Parameters
    ----------
    pools : dict of str to Pool
        By language, as `authored_pools` gives.
    seed : int
    long_share : float
        Share of posts of about 2,000 characters.
    """
    chooser = random.Random(seed)  # noqa: S311 - not for secrets
    while True:
        language = "en" if chooser.random() < ENGLISH_SHARE else "zh"
        length = _length(language, chooser)
        if chooser.random() < long_share:
            length = round(chooser.uniform(0.75, 1.25) * LONG_CHARS)
        yield compose(pools[language], length, chooser)


def public_posts(seed: int = SEED, long_share: float = 0.0) -> Iterator[str]:
    """Yield rows of the public data sets in ``POSTRISK_DATA``, in the same languages.

    Raises
    ------
    NotAvailableError
        When there is no such folder.
    """
    folder = data_folder()
    if folder is None:
        raise NotAvailableError("POSTRISK_DATA: no folder of public data sets")
    from postrisk.recipe import all_rows  # noqa: PLC0415 - it loads scikit-learn

    rows = all_rows(folder, "research")
    texts: dict[str, list[str]] = {"en": [], "zh": []}
    for text, language, source in zip(rows.texts, rows.languages, rows.sources, strict=True):
        if source != "authored" and language in texts and _is_usable(text):
            texts[language].append(text)
    return _public(texts, seed, long_share)


def _is_usable(text: str) -> bool:
    try:
        clean_text(text)
    except PostError:
        return False
    return True


def _public(texts: dict[str, list[str]], seed: int, long_share: float) -> Iterator[str]:
    chooser = random.Random(seed)  # noqa: S311 - not for secrets
    while True:
        pool = texts["en" if chooser.random() < ENGLISH_SHARE else "zh"]
        post = chooser.choice(pool)
        if chooser.random() < long_share:
            while len(post) < LONG_CHARS:
                post += _GLUE + chooser.choice(pool)
        yield post


def write_csv(path: Path, posts: Iterable[str]) -> None:
    """Write posts as an export with dates and counts, some of them missing or rounded up."""
    chooser = random.Random(SEED + 1)  # noqa: S311 - not for secrets
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for number, text in enumerate(posts):
            reposts = min(int(chooser.paretovariate(0.8)) - 1, 10**7)
            views = chooser.choice(("", "1万+", str(reposts * 9)))
            day = f"2024-{number % 12 + 1:02}-{number % 28 + 1:02} {number % 24:02}:30:00"
            writer.writerow((number, day, text, reposts, views))


def write_lists(folder: Path, sets: dict[str, list[str]]) -> None:
    """Write what workers read: the posts by set, and labelled posts for the untrained."""
    (folder / "posts.json").write_text(json.dumps(sets), "utf-8")
    training = [{"text": e.text, "labels": e.labels} for _, e in authored("train")]
    (folder / "training.json").write_text(json.dumps(training), "utf-8")


def take(posts: Iterator[str], rows: int) -> list[str]:
    """Take the first posts as a list."""
    return list(itertools.islice(posts, rows))


def describe(posts: Sequence[str]) -> dict[str, Any]:
    """Give the number of posts and how long they are, in characters."""
    lengths = sorted(map(len, posts))
    return {
        "rows": len(posts),
        "different": len(set(posts)),
        "characters": {
            "mean": round(statistics.mean(lengths), 1),
            "median": lengths[len(lengths) // 2],
            "p99": lengths[len(lengths) * 99 // 100],
            "longest": lengths[-1],
        },
    }
