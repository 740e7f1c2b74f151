"""Compare postrisk with what else one could take, on the same rows in one run.

    python benchmarks/compare.py [--public] [--teacher scores.npz] [-o FOLDER] [--json]

Systems: the shipped model; TF-IDF (words 1-2, characters 2-5) with logistic regressions trained
on the same rows as the recipe's; a word list learnt from them; published word lists, where the
data folder has them; alt-profanity-check and glin-profanity where they are installed; a teacher's
stored scores. A system is measured only on what it claims to detect: the two profanity filters
on offensive language, which postrisk does not claim, and not on the four categories.

Without ``--public`` the rows are the authored ones; the shipped model has learnt from public sets
as well, and the trained baselines then have not, so only ``--public`` compares on equal terms.
Bands and thresholds are each system's own
defaults, so AUC is what compares; speeds are of one process on this machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_union

from postrisk.corpora import CATEGORIES, data_folder
from postrisk.evaluation import Rate
from postrisk.intervals import auc, auc_interval, paired_bootstrap
from postrisk.model import RiskModel
from postrisk.overblocking import is_civic
from postrisk.ranking import by_split, rankable
from postrisk.recipe import Rows, Split, all_rows, split_rows
from postrisk.samples import LOOKALIKE, Sample, as_model, band, split_sample

Floats = npt.NDArray[np.float64]
Score = Callable[[list[str]], Floats]
POSTRISK = "postrisk"
OFFENCE = "offensive language"
FEWEST = 20
_LIST_WORDS = 40
_LEAST_ODDS = float(np.log(4))
_FEWEST_USES = 5
_TIMED = 2000
_HALF = 0.5
_UNIT = re.compile(r"[a-z']+|[\u4e00-\u9fff]")
# Kinds in sources whose annotators judged offence, whatever the risk.
_OFFENSIVE, _INOFFENSIVE = {"abuse"}, {"tweet", "opinion"}


@dataclass(frozen=True)
class System:
    """Something that scores texts.

    Attributes
    ----------
    name, note : str
    claims : tuple of str
        Categories that it says it detects, in the order of its columns.
    score : callable
        Texts to scores; shape (n_texts, n_claims), NaN where it has none.
    raises : callable
        Texts and their scores to a mask of what its default would raise, of the same shape.
    languages : tuple of str
        Those that it claims to read.
    """

    name: str
    note: str
    claims: tuple[str, ...]
    score: Score
    raises: Callable[[list[str], Floats], npt.NDArray[np.bool_]]
    languages: tuple[str, ...] = ("en", "zh")


def _above(cut: float) -> Callable[[list[str], Floats], npt.NDArray[np.bool_]]:
    return lambda _texts, scores: scores >= cut


def postrisk_system(model: RiskModel) -> System:
    """Wrap a model; it raises what its bands call review or flag."""
    return System(
        name=POSTRISK,
        note=f"{model.name} {model.version}, at review",
        claims=CATEGORIES,
        score=lambda texts: band(model, texts, CATEGORIES).probabilities,
        raises=lambda texts, _scores: band(model, texts, CATEGORIES).bands > 0,
    )


def tfidf_system(rows: Rows, features: int = 300_000) -> System:
    """Train the usual first baseline on the rows that the recipe learns from."""
    vectorizer = make_union(
        *(
            TfidfVectorizer(
                analyzer=kind, ngram_range=span, min_df=2, sublinear_tf=True,
                max_features=features, dtype=np.float32, token_pattern=pattern,
            )
            for kind, span, pattern in (("word", (1, 2), r"(?u)\b\w+\b"), ("char_wb", (2, 5), None))
        )
    )  # fmt: skip
    matrix = vectorizer.fit_transform(rows.texts)
    heads = []
    for labels in rows.labels.T:
        known = np.flatnonzero(labels >= 0)
        head = LogisticRegression(C=4.0, class_weight="balanced", solver="liblinear")
        heads.append(head.fit(matrix[known], labels[known], rows.weights[known]))

    def score(texts: list[str]) -> Floats:
        found = vectorizer.transform(texts)
        return np.column_stack([head.predict_proba(found)[:, 1] for head in heads])

    note = f"{matrix.shape[1]:,} features, trained on {len(rows):,} posts, at .5"
    return System("TF-IDF + logistic regression", note, CATEGORIES, score, _above(_HALF))


def _units(text: str) -> set[str]:
    """Give the words of a text, and its pairs of Chinese characters."""
    units = _UNIT.findall(text.lower())
    pairs = {a + b for a, b in pairwise(units) if not (a + b).isascii()}
    return {unit for unit in units if unit.isascii()} | pairs


def learnt_list_system(rows: Rows, most: int = _LIST_WORDS) -> System:
    """Take the words that best tell each category apart in training, and count them."""
    units = [_units(text) for text in rows.texts]
    lists: list[frozenset[str]] = []
    for labels in rows.labels.T:
        counts = [Counter[str](), Counter[str]()]
        for found, label in zip(units, labels, strict=True):
            if label >= 0:
                counts[label].update(found)
        totals = [max(int((labels == value).sum()), 1) for value in (0, 1)]
        odds = {
            unit: float(np.log((n + 0.5) / totals[1] * totals[0] / (counts[0][unit] + 0.5)))
            for unit, n in counts[1].items()
            if n >= _FEWEST_USES
        }
        telling = [unit for unit, value in odds.items() if value > _LEAST_ODDS]
        lists.append(frozenset(sorted(telling, key=lambda u: (-odds[u], u))[:most]))

    def score(texts: list[str]) -> Floats:
        found = [_units(text) for text in texts]
        return np.array([[len(u & words) for words in lists] for u in found], dtype=float)

    note = f"at most {most} words a category by log odds in training, at one word"
    return System("word list, learnt", note, CATEGORIES, score, _above(1))


def published_list_system(root: Path) -> System | None:
    """Count the words of published lists about sex, where the data folder has them."""
    paths = [
        *sorted((root / "en" / "lexicons" / "ldnoobw").rglob("en*")),
        *sorted((root / "zh" / "lexicon_konsheng").glob("色情*.txt")),
    ]
    words = {
        line.strip().strip(",").casefold()
        for path in paths
        if path.is_file()
        for line in path.read_text("utf-8", "replace").splitlines()
        if line.strip() and not line.startswith("#")
    }
    if not words:
        return None
    latin = sorted((re.escape(word) for word in words if word.isascii()), key=len, reverse=True)
    han = sorted((re.escape(w) for w in words if w and not w.isascii()), key=len, reverse=True)
    parts = [rf"\b(?:{'|'.join(latin)})\b"] if latin else []
    pattern = re.compile("|".join([*parts, *han]), re.IGNORECASE)

    def score(texts: list[str]) -> Floats:
        return np.array([[len(pattern.findall(text))] for text in texts], dtype=float)

    note = f"LDNOOBW and konsheng, {len(words):,} words, at one word"
    return System("word lists, published", note, ("pornography",), score, _above(1))


def alt_profanity_system() -> System:
    """Wrap alt-profanity-check, a linear model of offensive English."""
    predict = import_module("profanity_check").predict_prob
    note = "claims offensive English; learnt from davidson's tweets, which flatters it there"
    return System(
        "alt-profanity-check", note, (OFFENCE,),
        lambda texts: np.asarray(predict(texts), dtype=float)[:, np.newaxis], _above(_HALF),
        languages=("en",),
    )  # fmt: skip


def glin_profanity_system() -> System:
    """Wrap glin-profanity, word lists of many languages with rules against disguise."""
    made = import_module("glin_profanity").Filter({"languages": ["english", "chinese"]})

    def score(texts: list[str]) -> Floats:
        found = [made.check_profanity(text)["profane_words"] for text in texts]
        return np.array([[len(words)] for words in found], dtype=float)

    note = "claims profanity, English and Chinese lists, at one word"
    return System("glin-profanity", note, (OFFENCE,), score, _above(1))


def sha256(text: str) -> str:
    """Name a text without holding it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def teacher_system(path: Path) -> System:
    """Read a teacher's scores: arrays ``keys`` (SHA-256 of texts) and ``scores`` (n, 4)."""
    with np.load(path, allow_pickle=False) as stored:
        keys = dict(zip(stored["keys"].tolist(), stored["scores"].astype(float), strict=True))
    nothing = np.full(len(CATEGORIES), np.nan)

    def score(texts: list[str]) -> Floats:
        return np.array([keys.get(sha256(text), nothing) for text in texts])

    return System("teacher", f"{path.name}, at .5", CATEGORIES, score, _above(_HALF))


def systems_of(
    split: Split, root: Path | None, teacher: Path | None
) -> tuple[list[System], list[str]]:
    """Make every system that can be made here, and say what is missing."""
    systems = [postrisk_system(as_model(None)), tfidf_system(split.train)]
    systems.append(learnt_list_system(split.train))
    missing = []
    published = published_list_system(root) if root else None
    if published:
        systems.append(published)
    else:
        missing.append("word lists, published: not in the data folder")
    for make in (alt_profanity_system, glin_profanity_system):
        try:
            systems.append(make())
        except ImportError as error:
            missing.append(f"{error.name}: not installed")
    if teacher:
        systems.append(teacher_system(teacher))
    return systems, missing


def offence_sample(sample: Sample) -> Sample | None:
    """Give the posts whose annotators judged offence, labelled with that."""
    kinds = sample.column("kinds")
    offensive = np.isin(kinds, sorted(_OFFENSIVE))
    judged = set(sample.column("sources")[offensive].tolist())
    mask = offensive | np.isin(kinds, sorted(_INOFFENSIVE))
    mask &= np.isin(sample.column("sources"), sorted(judged))
    if not mask.any():
        return None
    part = sample.take(mask)
    labels = np.isin(part.column("kinds"), sorted(_OFFENSIVE)).astype(np.int8)[:, np.newaxis]
    return replace(part, labels=labels, categories=(OFFENCE,))


def is_protected(kind: str) -> bool:
    """Tell posts that must not be raised: civic and protected speech, and safe look-alikes."""
    return is_civic(kind) or kind.startswith("protected") or kind == LOOKALIKE


def _ranking_lines(
    sample: Sample, results: Sequence[tuple[System, Floats, Any]], repeats: int
) -> list[dict[str, Any]]:
    lines = []
    first_system, first_scores, _ = results[0]
    for split, language, inside in by_split(sample):
        for column, category in enumerate(sample.categories):
            enough, _ = rankable(sample, inside, column, FEWEST)
            for source, mask in enough.items():
                positive = sample.labels[mask, column] == 1
                groups = np.array(sample.groups)[mask]
                for system, scores, raised in results:
                    if category not in system.claims or language not in system.languages:
                        continue
                    place = system.claims.index(category)
                    own = scores[mask, place]
                    line: dict[str, Any] = {
                        "system": system.name, "split": split, "source": source,
                        "language": language, "category": category,
                        "risky": int(positive.sum()), "safe": int((~positive).sum()),
                    }  # fmt: skip
                    if np.isnan(own).any():
                        line["missing"] = int(np.isnan(own).sum())
                    else:
                        line["auc"] = auc_interval(positive, own).to_dict()
                        line["recall"] = Rate.of(raised[mask, place][positive]).to_dict()
                        if system is not first_system and category in first_system.claims:
                            other = first_scores[mask, first_system.claims.index(category)]
                            gap = paired_bootstrap(auc, positive, other, own, groups, repeats)
                            line["postrisk_better_by"] = gap.to_dict()
                    lines.append(line)
    return lines


def _protected_lines(
    sample: Sample, results: Iterable[tuple[System, Floats, Any]]
) -> list[dict[str, Any]]:
    protected = sample.safe & np.array([is_protected(kind) for kind in sample.kinds], dtype=bool)
    languages = sample.column("languages")
    return [
        {
            "system": system.name,
            "language": language,
            "rate": Rate.of(raised[protected & (languages == language)].any(axis=1)).to_dict(),
        }
        for language in np.unique(languages[protected]).tolist()
        for system, _, raised in results
        if language in system.languages
    ]


def _speed(system: System, texts: list[str]) -> float:
    chosen = (texts * (_TIMED // max(len(texts), 1) + 1))[:_TIMED]
    system.score(chosen[:10])
    start = time.perf_counter()
    system.score(chosen)
    return _TIMED / (time.perf_counter() - start)


def _on_offence(system: System, texts: list[str]) -> tuple[System, Floats, Any]:
    """Score for offence; what does not claim it is left out, but for postrisk, marked so."""
    scores = system.score(texts)
    raised = system.raises(texts, scores)
    if system.name != POSTRISK:
        return system, scores, raised
    named = replace(system, name=f"{POSTRISK} (does not claim it)", claims=(OFFENCE,))
    return named, scores.max(axis=1, keepdims=True), raised.any(axis=1)[:, np.newaxis]


def compare(sample: Sample, systems: Sequence[System], repeats: int = 200) -> dict[str, Any]:
    """Measure systems on the same posts; the first is the one that others are compared with."""
    results = []
    for system in systems:
        scores = system.score(sample.texts)
        results.append((system, scores, system.raises(sample.texts, scores)))
    lines = _ranking_lines(sample, results, repeats)
    offence = offence_sample(sample)
    if offence is not None:
        measured = [_on_offence(system, offence.texts) for system in systems]
        lines += _ranking_lines(offence, measured, repeats)
    return {
        "systems": [
            {"name": s.name, "note": s.note, "claims": list(s.claims),
             "posts_per_second": round(_speed(s, sample.texts))}
            for s in systems
        ],
        "rankings": lines,
        "protected": _protected_lines(sample, results),
    }  # fmt: skip


def _percent(rate: dict[str, float]) -> str:
    return f"{100 * rate['rate']:.1f} % ({100 * rate['low']:.1f}–{100 * rate['high']:.1f})"


def _estimate(found: dict[str, float] | None) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f}–{found['high']:.3f})" if found else ""


def _gap(found: dict[str, float] | None) -> str:
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})" if found else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def to_markdown(found: dict[str, Any]) -> str:
    """Write the tables."""
    systems = _table(
        ["system", "what it is, and its default", "claims", "posts/s here"],
        [[s["name"], s["note"], ", ".join(s["claims"]), f"{s['posts_per_second']:,}"]
         for s in found["systems"]],
    )  # fmt: skip
    rankings = _table(
        ["split", "source", "language", "category", "risky", "safe", "system", "AUC",
         "recall at its default", "postrisk better by (AUC)"],
        [[r["split"], r["source"], r["language"], r["category"], f"{r['risky']:,}",
          f"{r['safe']:,}", r["system"],
          _estimate(r["auc"]) if "auc" in r else f"no score for {r['missing']:,} posts",
          _percent(r["recall"]) if "recall" in r else "", _gap(r.get("postrisk_better_by"))]
         for r in found["rankings"]],
    )  # fmt: skip
    protected = _table(
        ["language", "system", "protected posts", "raised"],
        [[p["language"], p["system"], f"{p['rate']['total']:,}", _percent(p["rate"])]
         for p in found["protected"]],
    )  # fmt: skip
    missing = "".join(f"- {line}\n" for line in found.get("missing", ()))
    return (
        f"## Systems\n\n{systems}\n{missing}\n## Ranking and recall\n\n{rankings}\n"
        f"## Protected posts raised\n\nCivic and protected speech, and safe look-alikes.\n\n"
        f"{protected}"
    )


def main() -> None:
    """Compare, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", action="store_true", help="use the public data sets too")
    parser.add_argument("--teacher", type=Path, help=".npz with keys and scores")
    parser.add_argument("--repeats", type=int, default=200, help="bootstrap repeats")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument("-o", "--output", type=Path, help="folder for compare.md and compare.json")
    arguments = parser.parse_args()
    root = data_folder() if arguments.public else None
    if arguments.public and root is None:
        parser.error("no data folder; set POSTRISK_DATA")
    split = split_rows(all_rows(root))
    systems, missing = systems_of(split, root, arguments.teacher)
    found = {**compare(split_sample(split), systems, arguments.repeats), "missing": missing}
    as_json = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False)
    markdown = to_markdown(found)
    print(as_json if arguments.json else markdown)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "compare.json").write_text(as_json + "\n", "utf-8")
        (arguments.output / "compare.md").write_text(markdown, "utf-8")


if __name__ == "__main__":
    main()
