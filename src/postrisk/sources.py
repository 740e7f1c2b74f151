"""The public data sets, one loader each: files to examples with the labels they support.

Labels follow one rule: a source speaks only of the categories that its annotators looked at,
and of those that its topic makes implausible. Anything else is left unknown.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from postrisk.corpora import NOTHING, Example, Known, Source
from postrisk.post import detect_language

_VIOLENT_VERBS = re.compile("[杀砍捅揍打弄宰]死|[杀砍捅宰揍]了|打爆|打残|弄死|砍|捅|枪毙|活埋|炸")


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _csv(path: Path, delimiter: str = ",", *, quoted: bool = True) -> Iterator[dict[str, str]]:
    csv.field_size_limit(sys.maxsize)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with _open(path) as file:
        yield from csv.DictReader(file, delimiter=delimiter, quoting=quoting)


def _jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with _open(path) as file:
        yield from (json.loads(line) for line in file if line.strip())


def _is(category: str, positive: bool, **other: int) -> Known:  # noqa: FBT001
    return {**NOTHING, category: int(positive), **other}


def _without(*categories: str) -> Known:
    return {name: 0 for name in NOTHING if name not in categories}


# English, rumor


def _constraint(folder: Path) -> Iterator[Example]:
    for part in ("Constraint_Train", "Constraint_Val"):
        for row in _csv(folder / "data" / f"{part}.csv"):
            yield Example(row["tweet"], _is("rumor", row["label"] == "fake"), row["id"], "covid")


def _constraint_test(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "english_test_with_labels.csv"):
        yield Example(row["tweet"], _is("rumor", row["label"] == "fake"), row["id"], "covid")


def _mediaeval(folder: Path, part: str) -> Iterator[Example]:
    for row in _csv(folder / "mediaeval2015" / part / "tweets.txt", "\t", quoted=False):
        if row["label"].strip() not in {"fake", "real"}:
            continue
        event = re.split("_|,", row["imageId(s)"])[0].rstrip("AB")
        rumor = row["label"].strip() == "fake"
        yield Example(row["tweetText"], _is("rumor", rumor), event, "picture")


def _mediaeval_dev(folder: Path) -> Iterator[Example]:
    return _mediaeval(folder, "devset")


def _mediaeval_test(folder: Path) -> Iterator[Example]:
    return _mediaeval(folder, "testset")


def _covid_rumor(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "Data" / "twitter" / "Twitter.csv"):
        rumor = row["label"].strip() in {"F", "U"}
        yield Example(row["content"], _is("rumor", rumor), row["source"], "covid")


def _pheme(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "datasets" / "12_PHEME" / "preprocessed.csv"):
        if row["label"] == "1" and row["veracity_label"] == "1":
            continue  # rumors that proved true: neither class
        tag = re.search(r"#(\w+)", row["text"].lower())
        group = tag.group(1) if tag else row["text"][:40]
        yield Example(row["text"], _is("rumor", row["label"] == "1"), group, "breaking news")


def _fakenewsnet(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "datasets" / "25_FakeNewsNet" / "preprocessed.csv"):
        yield Example(row["text"], {"rumor": int(row["label"] == "1")}, row["text"], "headline")


def _liar(folder: Path) -> Iterator[Example]:
    for part in ("train", "valid", "test"):
        with _open(folder / f"{part}.tsv") as file:
            for cells in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                rumor = {"false": 1, "pants-fire": 1, "true": 0, "mostly-true": 0}.get(cells[1])
                if rumor is not None:
                    yield Example(cells[2], {"rumor": rumor}, cells[4], "statement")


# English, violence


def _edos(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "edos_labelled_aggregated.csv"):
        threat = row["label_category"].startswith("1.")
        labels = _is("violence", threat)
        if row["label_sexist"] == "sexist":
            del labels["pornography"]
        yield Example(row["text"], labels, row["rewire_id"], row["label_category"])


def _hatemoji(folder: Path) -> Iterator[Example]:
    for part in ("train", "validation", "test"):
        for row in _csv(folder / "HatemojiBuild" / f"{part}.csv"):
            threat = row["type"] == "threateninglanguage"
            pair = "-".join(sorted((row["entry_id"], row["matched_id"])))
            yield Example(row["text"], _is("violence", threat), pair, row["type"])


def _hatecheck(folder: Path) -> Iterator[Example]:
    names = ("test_suite_cases.csv", "hatecheck_cases_final_mandarin.csv.gz")
    for row in _csv(next(folder / name for name in names if (folder / name).exists())):
        threat = row["functionality"].startswith("threat_")
        if threat or row["label_gold"] == "non-hateful":
            labels = {"violence": int(threat)}
            yield Example(row["test_case"], labels, row["templ_id"], row["functionality"])


# English, pornography and terrorism


def _automod(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "nsfw.filtered.csv"):
        adult = row["rating"].strip() == "1"
        yield Example(row["content"], _is("pornography", adult), row["content"][:30], "profile")


def _politics_probe(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "politically_controversial.csv"):
        yield Example(row["content"], dict(NOTHING), row["content"], "political opinion")


def _i2p(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "i2p_benchmark.filtered.csv"):
        sexual = "sexual" in row["categories"]
        yield Example(row["prompt"], {"pornography": int(sexual)}, row["prompt"][:40], "prompt")


def _reddit(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "reddit_top_benign_subset.csv.gz"):
        text = f"{row['title']}\n{row['selftext']}" if row["selftext"] else row["title"]
        labels = _without("pornography") if row["over_18"] == "True" else dict(NOTHING)
        yield Example(text, labels, row["subreddit"], row["group"])


def _reddit_adult(folder: Path) -> Iterator[Example]:
    token = re.compile(r"[\[(]?nsfw[\])]?", re.IGNORECASE)
    for row in _csv(folder / "reddit_top_adultflag_weak.csv"):
        yield Example(token.sub("", row["title"]), {"pornography": 1}, row["subreddit"], "title")


def _fanboy(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "First_filter" / "IsisFanboy.csv"):
        if detect_language(row["tweets"]) == "en":
            yield Example(row["tweets"], {"terrorism": 1}, row["username"], "account label")


def _radicalization(folder: Path) -> Iterator[Example]:
    seen: set[str] = set()
    for row in _jsonl(folder / "tweets_en_slim.jsonl.gz"):
        key = re.sub(r"https?://\S+|^RT @\w+:", "", row["text"]).strip()
        if key not in seen:
            seen.add(key)
            yield Example(row["text"], {"terrorism": 0}, row["user_hash"], "topic tweet")


# English, benign


def _crisislex(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "data" / "CrisisLexT26").glob("*/*.csv")):
        for row in _csv(path):
            text = row[" Tweet Text"]
            if detect_language(text) == "en":
                yield Example(text, _without("rumor"), path.parent.name, "crisis news")


def _civil(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "safe.csv"):
        yield Example(row["text"], dict(NOTHING), row["text"][:40], "comment")


def _davidson(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "data" / "labeled_data.csv"):
        labels = dict(NOTHING) if row["class"] == "2" else _without("violence", "pornography")
        yield Example(row["tweet"], labels, row[""], "abuse" if row["class"] != "2" else "tweet")


def _disaster(folder: Path) -> Iterator[Example]:
    for row in _csv(folder / "nlp-getting-started" / "train.csv"):
        yield Example(row["text"], dict(NOTHING), row["keyword"], "disaster or metaphor")


def _stance(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "datasets" / "stance").glob("*/*_text.txt")):
        for line in path.read_text("utf-8").splitlines():
            yield Example(line, dict(NOTHING), path.parent.name, "political opinion")


def _irony(folder: Path) -> Iterator[Example]:
    for task in ("irony", "emotion"):
        for path in sorted((folder / "datasets" / task).glob("*_text.txt")):
            for line in path.read_text("utf-8").splitlines():
                yield Example(line, dict(NOTHING), task, "everyday tweet")


# Chinese


def _weibo(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        for row in _jsonl(path):
            rumor = str(row["label"]) in {"1", "fake"}
            yield Example(str(row["text"]), {"rumor": int(rumor)}, str(row["id"]), "weibo")


def _harm_bench(folder: Path) -> Iterator[Example]:
    for path in sorted((folder / "benchmark").glob("*.json")):
        adult = path.name.startswith("低俗色情")
        for row in json.loads(path.read_text("utf-8")):
            text = str(row["文本"])
            yield Example(text, {"pornography": int(adult)}, text[:20], path.name.split(".")[0])


def _cold(folder: Path) -> Iterator[Example]:
    for part in ("train", "dev", "test"):
        for row in _csv(folder / "COLDataset" / f"{part}.csv.gz"):
            text = row["TEXT"]
            labels = _without("violence") if _VIOLENT_VERBS.search(text) else dict(NOTHING)
            kind = "abuse" if row["label"] == "1" else "opinion"
            yield Example(text, labels, row["topic"] + text[:10], kind)


def _swsr(folder: Path) -> Iterator[Example]:
    for row in _jsonl(folder / "SexComment.jsonl.gz"):
        if row["category"] != "SO":
            yield Example(str(row["comment_text"]), dict(NOTHING), str(row["weibo_id"]), "debate")


def _titles(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.jsonl.gz")):
        for row in _jsonl(path):
            yield Example(row["title"], dict(NOTHING), row["first_date"][:7], "title")


def _thucnews(folder: Path) -> Iterator[Example]:
    names = (folder / "class.txt").read_text("utf-8").split()
    for line in (folder / "dev.txt").read_text("utf-8").splitlines():
        title, number = line.rsplit("\t", 1)
        yield Example(title, dict(NOTHING), names[int(number)], f"news: {names[int(number)]}")


def _ewect(folder: Path) -> Iterator[Example]:
    for path in sorted(folder.glob("*.txt.gz")):
        with _open(path) as file:
            for row in json.load(file):
                yield Example(str(row["content"]), dict(NOTHING), str(row["id"]), "weibo")


PLATFORM = "the platform's own misreport verdicts"
CHECKERS = "fact-checkers and news agencies"
ANNOTATORS = "annotators paid for the set"
PRESUMED = "presumed from where it was posted"

SOURCES: tuple[Source, ...] = (
    Source("constraint2021", "en", "MIT", "train", "en/constraint2021_covid", _constraint,
           CHECKERS, limit=4000, weight=0.5, official_test=True),
    Source("mediaeval2015-dev", "en", "Apache-2.0", "train", "en/mediaeval_verification",
           _mediaeval_dev, CHECKERS, limit=6000, weight=0.5, official_test=True),
    Source("covid19-rumor", "en", "MIT", "train", "en/covid19_rumor", _covid_rumor, CHECKERS),
    Source("pheme", "en", "Apache-2.0", "train", "en/pheme", _pheme, "journalists"),
    Source("edos", "en", "CC0-1.0", "train", "en/edos", _edos, ANNOTATORS),
    Source("hatemoji-build", "en", "CC-BY-4.0", "train", "en/hatemoji", _hatemoji, ANNOTATORS),
    Source("automod-nsfw", "en", "MIT", "train", "en/automod_nsfw", _automod, "the set's author"),
    Source("reddit-benign", "en", "PDDL-1.0", "train", "en/reddit_top", _reddit, PRESUMED,
           limit=20000),
    Source("crisislex", "en", "MIT", "train", "en/crisislex_t26", _crisislex, PRESUMED, limit=8000),
    Source("civil-safe", "en", "CC0-1.0", "train", "en/civil_comments_threat", _civil,
           "the set's raters", limit=5000),
    Source("davidson", "en", "MIT", "train", "en/davidson", _davidson, ANNOTATORS, limit=6000),
    Source("radicalization", "en", "MIT", "train", "en/radicalization_tt", _radicalization,
           PRESUMED, limit=4000),
    Source("cold", "zh", "Apache-2.0", "train", "zh/cold", _cold, ANNOTATORS, limit=9000),
    Source("swsr", "zh", "MIT", "train", "zh/swsr", _swsr, ANNOTATORS, limit=4000),
    Source("zhihu-hot", "zh", "MIT", "train", "zh/zhihu_hot", _titles, PRESUMED, limit=8000),
    Source("weibo-hot", "zh", "MIT", "train", "zh/weibo_hot", _titles, PRESUMED, limit=8000),
    Source("constraint2021-test", "en", "MIT", "evaluation", "en/constraint2021_covid",
           _constraint_test, CHECKERS),
    Source("mediaeval2015-test", "en", "Apache-2.0", "evaluation", "en/mediaeval_verification",
           _mediaeval_test, CHECKERS),
    Source("fakenewsnet", "en", "none stated", "evaluation", "en/fakenewsnet_titles", _fakenewsnet,
           CHECKERS, limit=8000),
    Source("liar", "en", "none stated", "evaluation", "en/liar", _liar, CHECKERS),
    Source("hatecheck", "en", "CC-BY-4.0", "evaluation", "en/hatecheck", _hatecheck, ANNOTATORS),
    Source("i2p", "en", "MIT", "evaluation", "en/i2p", _i2p, "the set's authors, by search term"),
    Source("reddit-adult", "en", "PDDL-1.0", "evaluation", "en/reddit_top", _reddit_adult,
           PRESUMED),
    Source("fanboy", "en", "CC0-1.0", "evaluation", "en/isis_fanboy", _fanboy,
           "accounts, not posts: most rows are news or chat", limit=4000),
    Source("disaster-tweets", "en", "none stated", "evaluation", "en/disaster_tweets", _disaster,
           PRESUMED),
    Source("tweeteval-stance", "en", "none stated", "evaluation", "en/tweeteval", _stance,
           PRESUMED),
    Source("tweeteval-everyday", "en", "none stated", "evaluation", "en/tweeteval", _irony,
           PRESUMED),
    Source("politics-probe", "en", "MIT", "evaluation", "en/automod_nsfw", _politics_probe,
           PRESUMED),
    Source("ced", "zh", "none stated", "evaluation", "zh/ced", _weibo, PLATFORM),
    Source("weibo-ma2016", "zh", "none stated", "evaluation", "zh/weibo_ma2016", _weibo, PLATFORM),
    Source("weibo-jin2017", "zh", "none stated", "evaluation", "zh/weibo_jin2017_eann", _weibo,
           PLATFORM),
    Source("checked", "zh", "research only", "evaluation", "zh/checked", _weibo, PLATFORM),
    Source("hatecheck-zh", "zh", "CC-BY-4.0", "evaluation", "zh/multilingual_hatecheck",
           _hatecheck, ANNOTATORS),
    Source("chineseharm", "zh", "CC-BY-NC-4.0", "evaluation", "zh/chineseharm_bench", _harm_bench,
           ANNOTATORS),
    Source("thucnews", "zh", "unclear", "evaluation", "zh/thucnews_titles", _thucnews, PRESUMED),
    Source("ewect", "zh", "none stated", "evaluation", "zh/smp2020_ewect", _ewect, PRESUMED),
)  # fmt: skip


BY_NAME = {source.name: source for source in SOURCES}
