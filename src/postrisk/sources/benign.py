"""Loaders of the English sets of ordinary, protected and merely rude posts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from postrisk.corpora import NOTHING, Example, Loader
from postrisk.post import detect_language
from postrisk.sources.files import lines, objects, table, without


def _politics_probe(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "data" / "politically_controversial.csv"):
        yield Example(row["content"], dict(NOTHING), row["content"], "political opinion", name)


def _reddit(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "reddit_top_benign_subset.csv.gz"):
        text = f"{row['title']}\n{row['selftext']}" if row["selftext"] else row["title"]
        labels = without("pornography") if row["over_18"] == "True" else dict(NOTHING)
        yield Example(text, labels, row["subreddit"], row["group"], row["id"])


def _radicalization(folder: Path) -> Iterator[Example]:
    seen: set[str] = set()
    for _, row in objects(folder / "tweets_en_slim.jsonl.gz"):
        key = re.sub(r"https?://\S+|^RT @\w+:", "", row["text"]).strip()
        if key not in seen:
            seen.add(key)
            labels = {"terrorism": 0}
            yield Example(row["text"], labels, row["user_hash"], "topic tweet", row["id"])


def _crisislex(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "data" / "CrisisLexT26").glob("*/*.csv")):
        for name, row in table(path):
            text = row[" Tweet Text"]
            if detect_language(text) == "en":
                yield Example(text, without("rumor"), path.parent.name, "crisis news", name)


def _civil_safe(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "data" / "safe.csv"):
        yield Example(row["text"], dict(NOTHING), row["text"][:40], "comment", name)


def _davidson(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "data" / "labeled_data.csv"):
        rude = row["class"] != "2"
        labels = without("violence", "pornography") if rude else dict(NOTHING)
        yield Example(row["tweet"], labels, row[""], "abuse" if rude else "tweet", row[""])


def _hatexplain(folder: Path) -> Iterator[Example]:
    kinds = {"0": "normal", "1": "offensive", "2": "hate"}
    for name, row in table(folder / "datasets" / "92_HateXplain" / "preprocessed.csv"):
        yield Example(row["text"], {}, row["text"][:40], kinds[row["label"]], name)


def _surge_toxicity(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "toxicity_en.csv"):
        rude = row["is_toxic"] == "Toxic"
        labels = without("violence", "pornography") if rude else dict(NOTHING)
        yield Example(row["text"], labels, row["text"][:30], "abuse" if rude else "comment", name)


def _disaster(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "nlp-getting-started" / "train.csv"):
        yield Example(row["text"], dict(NOTHING), row["keyword"], "disaster or metaphor", row["id"])


def _stance(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "datasets" / "stance").glob("*/*_text.txt")):
        topic = path.parent.name
        for name, line in lines(path, f"{topic}/{path.name}"):
            yield Example(line, dict(NOTHING), topic, "political opinion", name)


def _everyday(folder: Path) -> Iterator[Example]:
    for task in ("irony", "emotion"):
        for path in sorted((folder / "datasets" / task).glob("*_text.txt")):
            for name, line in lines(path, f"{task}/{path.name}"):
                yield Example(line, dict(NOTHING), task, "everyday tweet", name)


LOADERS: Mapping[str, Loader] = {
    "politics_probe": _politics_probe,
    "reddit": _reddit,
    "radicalization": _radicalization,
    "crisislex": _crisislex,
    "civil_safe": _civil_safe,
    "davidson": _davidson,
    "hatexplain": _hatexplain,
    "surge_toxicity": _surge_toxicity,
    "disaster": _disaster,
    "stance": _stance,
    "everyday": _everyday,
}
