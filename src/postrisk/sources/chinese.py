"""Loaders of the Chinese sets, and of the prompts in both languages."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postrisk.corpora import NOTHING, Example, Loader
from postrisk.sources.files import lines, numbered, objects, open_text, table, without

_VIOLENT_VERBS = re.compile("[杀砍捅揍打弄宰]死|[杀砍捅宰揍]了|打爆|打残|弄死|砍|捅|枪毙|活埋|炸")


def _weibo(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        for _, row in objects(path):
            labels = {"rumor": int(str(row["label"]) in {"1", "fake"})}
            yield Example(str(row["text"]), labels, str(row["id"]), "weibo", str(row["id"]))


def _harm_bench(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "benchmark").glob("*.json")):
        labels = {"pornography": int(path.name.startswith("低俗色情"))}
        kind = path.name.split(".")[0]
        for name, row in numbered(path.name, json.loads(path.read_text("utf-8"))):
            text = str(row["文本"])
            yield Example(text, dict(labels), text[:20], kind, name)


def _cold(folder: Path) -> Iterator[Example]:
    for part in ("train", "dev", "test"):
        for name, row in table(folder / "COLDataset" / f"{part}.csv.gz"):
            text = row["TEXT"]
            labels = without("violence") if _VIOLENT_VERBS.search(text) else dict(NOTHING)
            kind = "abuse" if row["label"] == "1" else "opinion"
            yield Example(text, labels, row["topic"] + text[:10], kind, name)


def _toxicn(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "ToxiCN_1.0.csv"):
        text, rude = row["content"], row["toxic"] == "1"
        unknown = ["violence"] if _VIOLENT_VERBS.search(text) else []
        labels = without(*unknown, *(["pornography"] if rude else []))
        kind = "abuse" if rude else "opinion"
        yield Example(text, labels, row["topic"] + text[:10], kind, name)


def _swsr(folder: Path) -> Iterator[Example]:
    for _, row in objects(folder / "SexComment.jsonl.gz"):
        sexual = row["category"] == "SO"
        labels = {} if sexual else dict(NOTHING)
        kind = "sexual offence" if sexual else "debate"
        group, name = str(row["weibo_id"]), str(row["index"])
        yield Example(str(row["comment_text"]), labels, group, kind, name)


def _multijail(folder: Path, language: str) -> Iterator[Example]:
    for _, row in objects(folder / "multijail.filtered.jsonl.gz"):
        tags = ast.literal_eval(row["tags"])
        found = {
            "violence": {"Violence & incitement", "Weapons"},
            "terrorism": {"Terrorism & organized crime"},
            "pornography": {"Adult content"},
        }
        labels = {name: int(bool(wanted & set(tags))) for name, wanted in found.items()}
        yield Example(row[language], labels, row["id"], str(tags[0]), row["id"])


def _multijail_zh(folder: Path) -> Iterator[Example]:
    return _multijail(folder, "zh")


def _multijail_en(folder: Path) -> Iterator[Example]:
    return _multijail(folder, "en")


def _titles(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        for name, row in objects(path):
            yield Example(row["title"], dict(NOTHING), row["first_date"][:7], "title", name)


def _thucnews(folder: Path) -> Iterator[Example]:
    classes = (folder / "class.txt").read_text("utf-8").split()
    for name, line in lines(folder / "dev.txt"):
        title, number = line.rsplit("\t", 1)
        kind = classes[int(number)]
        yield Example(title, dict(NOTHING), kind, f"news: {kind}", name)


def _ewect(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.txt.gz")):
        for _, row in _array(path):
            name = f"{path.name}:{row['id']}"
            yield Example(str(row["content"]), dict(NOTHING), str(row["id"]), "weibo", name)


def _array(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with open_text(path) as file:
        yield from numbered(path.name, json.load(file))


def _factcheck(folder: Path) -> Iterator[Example]:
    # An official platform alone calls these claims false: what they claim stays unknown.
    for site, debunk in (("较真网谣言", "abstract"), ("丁香医生谣言", "body")):
        for name, row in _array(folder / f"{site}.json.gz"):
            group = f"{site}:{row['id']}"
            yield Example(row["title"], without("rumor"), group, "claim", f"{name}:title")
            yield Example(row[debunk], dict(NOTHING), group, "debunk", f"{name}:{debunk}")
    for name, row in _array(folder / "较真网问答.json.gz"):
        yield Example(row["question"], dict(NOTHING), name, "question", f"{name}:question")
        for part, answer in numbered(name, row["answer_list"]):
            yield Example(answer, dict(NOTHING), name, "debunk", part)


LOADERS: Mapping[str, Loader] = {
    "weibo": _weibo,
    "harm_bench": _harm_bench,
    "cold": _cold,
    "toxicn": _toxicn,
    "swsr": _swsr,
    "multijail": _multijail_zh,
    "multijail_en": _multijail_en,
    "titles": _titles,
    "thucnews": _thucnews,
    "ewect": _ewect,
    "factcheck": _factcheck,
}
