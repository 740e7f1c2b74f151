"""Loaders of the English sets about rumor, violence, terrorism and pornography."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from postrisk.corpora import Example, Loader
from postrisk.post import detect_language
from postrisk.sources.files import numbered, only, open_text, table, without


def _constraint_part(folder: Path, part: str) -> Iterator[Example]:
    for _, row in table(folder / "data" / f"{part}.csv"):
        labels = only("rumor", positive=row["label"] == "fake")
        yield Example(row["tweet"], labels, row["id"], "covid", f"{part}:{row['id']}")


def _constraint(folder: Path) -> Iterator[Example]:
    for part in ("Constraint_Train", "Constraint_Val"):
        yield from _constraint_part(folder, part)


def _constraint_test(folder: Path) -> Iterator[Example]:
    return _constraint_part(folder, "english_test_with_labels")


def _mediaeval(folder: Path, part: str) -> Iterator[Example]:
    for name, row in table(folder / "mediaeval2015" / part / "tweets.txt", "\t", quoted=False):
        if row["label"].strip() not in {"fake", "real"}:
            continue
        event = re.split("_|,", row["imageId(s)"])[0].rstrip("AB")
        labels = only("rumor", positive=row["label"].strip() == "fake")
        yield Example(row["tweetText"], labels, event, "picture", name)


def _mediaeval_dev(folder: Path) -> Iterator[Example]:
    return _mediaeval(folder, "devset")


def _mediaeval_test(folder: Path) -> Iterator[Example]:
    return _mediaeval(folder, "testset")


def _covid_rumor(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "Data" / "twitter" / "Twitter.csv"):
        labels = only("rumor", positive=row["label"].strip() in {"F", "U"})
        yield Example(row["content"], labels, row["source"], "covid", row["No."])


def _pheme(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "datasets" / "12_PHEME" / "preprocessed.csv"):
        if row["label"] == "1" and row["veracity_label"] == "1":
            continue  # rumors that proved true: neither class
        tag = re.search(r"#(\w+)", row["text"].lower())
        group = tag.group(1) if tag else row["text"][:40]
        labels = only("rumor", positive=row["label"] == "1")
        yield Example(row["text"], labels, group, "breaking news", name)


def _fakenewsnet(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "datasets" / "25_FakeNewsNet" / "preprocessed.csv"):
        labels = {"rumor": int(row["label"] == "1")}
        yield Example(row["text"], labels, row["text"], "headline", name)


def _liar(folder: Path) -> Iterator[Example]:
    for part in ("train", "valid", "test"):
        with open_text(folder / f"{part}.tsv") as file:
            for cells in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                rumor = {"false": 1, "pants-fire": 1, "true": 0, "mostly-true": 0}.get(cells[1])
                if rumor is not None:
                    yield Example(cells[2], {"rumor": rumor}, cells[4], "statement", cells[0])


def _edos(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "data" / "edos_labelled_aggregated.csv"):
        labels = only("violence", positive=row["label_category"].startswith("1."))
        if row["label_sexist"] == "sexist":
            del labels["pornography"]
        name = row["rewire_id"]
        yield Example(row["text"], labels, name, row["label_category"], name)


def _hatemoji(folder: Path) -> Iterator[Example]:
    for part in ("train", "validation", "test"):
        for _, row in table(folder / "HatemojiBuild" / f"{part}.csv"):
            labels = only("violence", positive=row["type"] == "threateninglanguage")
            pair = "-".join(sorted((row["entry_id"], row["matched_id"])))
            yield Example(row["text"], labels, pair, row["type"], row["entry_id"])


def _hatemoji_check(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "HatemojiCheck" / "test.csv"):
        # Hateful cases may threaten, but no label says which do.
        labels = {"violence": 0} if row["label_gold"] == "0" else {}
        group, kind = row["templ_id"], row["functionality"]
        yield Example(row["text"], labels, group, kind, row["case_id"])


def _hatecheck(folder: Path) -> Iterator[Example]:
    names = ("test_suite_cases.csv", "hatecheck_cases_final_mandarin.csv.gz")
    for _, row in table(next(folder / name for name in names if (folder / name).exists())):
        threat = row["functionality"].startswith("threat_")
        if threat or row["label_gold"] == "non-hateful":
            labels = {"violence": int(threat)}
            name = row.get("mhc_case_id") or row["case_id"]
            yield Example(row["test_case"], labels, row["templ_id"], row["functionality"], name)


def _civil_threat(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "data" / "threat.csv"):
        yield Example(row["text"], {}, row["text"][:40], "comment", name)


def _fanboy(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "First_filter" / "IsisFanboy.csv"):
        text, account = row["tweets"], row["username"]
        if detect_language(text) == "en":
            yield Example(text, {"terrorism": 1}, account, "account label", row["tweetid"])


def _stormfront(folder: Path) -> Iterator[Example]:
    for _, row in table(folder / "all_files_combined.csv"):
        labels = {"terrorism": 0, "pornography": 0} if row["label"] == "noHate" else {}
        thread = row["file_id"].split("_")[0]
        yield Example(row["text"], labels, thread, row["label"], row["file_id"])


def _automod(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "data" / "nsfw.filtered.csv"):
        labels = only("pornography", positive=row["rating"].strip() == "1")
        yield Example(row["content"], labels, row["content"][:30], "profile", name)


def _i2p(folder: Path) -> Iterator[Example]:
    for name, row in table(folder / "i2p_benchmark.filtered.csv"):
        labels = {"pornography": int("sexual" in row["categories"])}
        yield Example(row["prompt"], labels, row["prompt"][:40], "prompt", name)


def _reddit_adult(folder: Path) -> Iterator[Example]:
    token = re.compile(r"[\[(]?nsfw[\])]?", re.IGNORECASE)
    for _, row in table(folder / "reddit_top_adultflag_weak.csv"):
        text = token.sub("", row["title"])
        yield Example(text, {"pornography": 1}, row["subreddit"], "title", row["id"])


def _sms_spam(folder: Path) -> Iterator[Example]:
    with open_text(folder / "SMSSpamCollection") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        for name, cells in numbered("SMSSpamCollection", rows):
            if len(cells) > 1:
                labels = without("pornography") if cells[0] == "spam" else without()
                yield Example(cells[1], labels, cells[1][:30], cells[0], name)


LOADERS: Mapping[str, Loader] = {
    "constraint": _constraint,
    "constraint_test": _constraint_test,
    "mediaeval_dev": _mediaeval_dev,
    "mediaeval_test": _mediaeval_test,
    "covid_rumor": _covid_rumor,
    "pheme": _pheme,
    "fakenewsnet": _fakenewsnet,
    "liar": _liar,
    "edos": _edos,
    "hatemoji": _hatemoji,
    "hatemoji_check": _hatemoji_check,
    "hatecheck": _hatecheck,
    "civil_threat": _civil_threat,
    "fanboy": _fanboy,
    "stormfront": _stormfront,
    "automod": _automod,
    "i2p": _i2p,
    "reddit_adult": _reddit_adult,
    "sms_spam": _sms_spam,
}
