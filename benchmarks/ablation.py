"""Does meaning help? A teacher, its students and plain labels on posts never trained on.

    POSTRISK_DATA=… python benchmarks/ablation.py [--cache FILE] [--limit N] [-o FOLDER]

Arms, all fitted on the same training posts of the recipe:

- *direct*: the hashed n-grams of the shipped model, learning from labels;
- *teacher*: sentence embeddings (`postrisk.teacher`) with a logistic regression per category;
- *student*: the hashed n-grams, learning what the teacher says of the same posts and of posts
  without a label, which are what the recipe leaves of its training sources;
- *student + labels*: the same, half label and half teacher where the label is known;
- *teacher + direct*: the mean of both logits, each scaled by its spread on held-out posts
  (whose labels are not looked at).

``--also nb,idf,bits20,words`` adds variants of *direct*: n-grams scaled by the log-count ratio of
Wang and Manning (2012), scaled by inverse document frequency, 2^20 buckets, no word n-grams.

``--limit`` keeps all risky and all authored posts and draws the safe ones. Hashed arms are scored
as they would ship, through whole-number weights. What the teacher says of posts that it learnt
from is what it says after learning from them. ``--cache`` keeps embeddings for the next run,
outside the repository.

With ``--limit 30000``, all variants and a cache that held four of five texts it took 11 minutes on
two busy cores, almost half of it for the bootstraps. The default limit was not timed; it has 30,000
posts more to fit and, without a cache, about 135,000 texts to embed at 500 to 700 a second.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags
from threadpoolctl import threadpool_limits

from postrisk.corpora import CATEGORIES, data_folder
from postrisk.cutoffs import Cutoffs
from postrisk.distil import SoftCore, soft_rows
from postrisk.features import PostFeatures
from postrisk.grouping import near_duplicate_groups
from postrisk.intervals import Estimate, auc, auc_interval, paired_bootstrap
from postrisk.linear import UNKNOWN, LinearCore, quantise
from postrisk.model import RiskModel
from postrisk.ranking import by_split, rankable
from postrisk.recipe import (
    AUTHORED,
    Rows,
    Split,
    all_rows,
    clean,
    is_test_group,
    make_classifier,
    split_rows,
)
from postrisk.samples import CROSS, Sample, split_sample
from postrisk.sources import SOURCES
from postrisk.teacher import Encode, TeacherHeads, embed, load_encoder

Floats = npt.NDArray[np.float64]
Score = Callable[[list[str]], Floats]
DIRECT, TEACHER, BOTH = "direct", "teacher", "teacher + direct"
VARIANTS = ("nb", "idf", "bits20", "words")
FEWEST = 20
_TIMED = 2000
_SHARE = 0.5


@dataclass(frozen=True)
class Arm:
    """A way of scoring.

    Attributes
    ----------
    name, note : str
    score : callable
        Texts to logits; shape (n_texts, n_categories).
    timed : callable, optional
        The same without a cache, for its speed.
    """

    name: str
    note: str
    score: Score
    timed: Score | None = None

    def posts_per_second(self, texts: list[str]) -> float:
        """Score some posts and take the time."""
        score = self.timed or self.score
        chosen = (texts * (_TIMED // len(texts) + 1))[:_TIMED]
        score(chosen[:10])
        start = time.perf_counter()
        score(chosen)
        return _TIMED / (time.perf_counter() - start)


def _hash(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def limited(rows: Rows, limit: int) -> Rows:
    """Keep all risky and authored posts and as many safe ones as fit, the same on every run."""
    kept = (rows.labels == 1).any(axis=1) | (np.array(rows.sources) == AUTHORED)
    others = sorted(np.flatnonzero(~kept).tolist(), key=lambda i: (_hash(rows.texts[i]), i))
    kept[others[: max(limit - int(kept.sum()), 0)]] = True
    return rows.take(kept)


def unlabelled_texts(root: Path, split: Split, most: int) -> list[str]:
    """Give posts of the training sources beyond their limits, with no near-copy held out."""
    parts = [split.train, split.test, *split.unseen.values()]
    known = {text for part in parts for text in part.texts}
    found = {
        clean(example.text)
        for source in SOURCES
        if source.use == "train" and source.limit
        for example in replace(source, limit=0).examples(root, "train")
        if not is_test_group(source.name, example.group)
    }
    chosen = sorted(found - known, key=lambda text: (_hash(text), text))[:most]
    held_out = [text for part in parts[1:] for text in part.texts]
    copies = near_duplicate_groups([*held_out, *chosen])
    taken = np.isin(copies[len(held_out) :], copies[: len(held_out)])
    return [text for text, is_copy in zip(chosen, taken.tolist(), strict=True) if not is_copy]


def hashed_arm(name: str, note: str, core: LinearCore, features: PostFeatures) -> Arm:
    """Put coefficients into the kernel that ships, as whole numbers."""
    buckets = features.hashing_.buckets
    weights, scales = quantise(core.coef_[:, :buckets])
    model = RiskModel(
        name="ablation",
        version="0",
        categories=CATEGORIES,
        hashing=features.hashing_,
        weights=weights,
        scales=scales,
        biases=core.intercept_,
        cutoffs={category: Cutoffs(review=0.5) for category in CATEGORIES},
        styles=tuple(features.styles),
        style_weights=core.coef_[:, buckets:].T.copy(),
        windowing=make_classifier().windowing,
    )
    return Arm(name, note, model.logits)


def _core(kind: type[LinearCore] = LinearCore) -> LinearCore:
    recipe = make_classifier()
    return kind(recipe.C, recipe.max_iter)


def teacher_arms(
    rows: Rows, unlabelled: list[str], cache: Path, encode: Encode, features: PostFeatures
) -> list[Arm]:
    """Fit the teacher, and its students on what it says."""
    texts = [*rows.texts, *unlabelled]
    vectors = embed(texts, cache, encode)
    heads = TeacherHeads().fit(vectors[: len(rows)], rows.labels, rows.weights)
    taught = heads.predict_proba(vectors)
    teacher = Arm(
        TEACHER,
        f"sentence embeddings, {len(rows):,} labelled posts",
        lambda texts: heads.decision_function(embed(texts, cache, encode)),
        lambda texts: heads.decision_function(embed(texts, None, encode)),
    )
    nothing = np.full(taught.shape, UNKNOWN)
    labels = np.concatenate((rows.labels, nothing[len(rows) :]))
    weights = np.concatenate((rows.weights, np.ones(len(unlabelled))))
    matrix = features.transform(texts)
    arms = [teacher]
    for name, given, share in (
        ("student", nothing, 1.0),
        ("student + labels", labels, _SHARE),
    ):
        core = _core(SoftCore).fit(matrix, soft_rows(given, taught, share), weights)
        note = f"hashed n-grams, soft targets, {len(unlabelled):,} posts more without a label"
        arms.append(hashed_arm(name, note, core, features))
    return arms


def mean_arm(first: Arm, second: Arm, texts: list[str]) -> Arm:
    """Give the mean of two arms' logits, each scaled by its mean and spread on some texts."""
    lines = [(s.mean(axis=0), s.std(axis=0)) for s in (first.score(texts), second.score(texts))]

    def mean(one: Score, other: Score) -> Score:
        def score(texts: list[str]) -> Floats:
            logits = one(texts), other(texts)
            scaled = [(x - m) / s for x, (m, s) in zip(logits, lines, strict=True)]
            return np.mean(scaled, axis=0)

        return score

    return Arm(
        BOTH,
        "mean of standardised logits",
        mean(first.score, second.score),
        mean(first.timed or first.score, second.timed or second.score),
    )


def _ratios(matrix: csr_matrix, rows: Rows) -> list[Floats]:
    """Give the size of each bucket's log-count ratio in each category, smoothed by one."""
    present = (matrix > 0).astype(np.float64)
    found = []
    for labels in rows.labels.T:
        counts = [present.T @ (rows.weights * (labels == value)) + 1 for value in (1, 0)]
        found.append(np.abs(np.log(counts[0] / counts[0].sum() / (counts[1] / counts[1].sum()))))
    return found


def _frequencies(matrix: csr_matrix, rows: Rows) -> list[Floats]:
    """Give each bucket's inverse document frequency, for every category the same."""
    counts = np.bincount(matrix.indices, minlength=matrix.shape[1])
    return [np.log((len(rows) + 1) / (counts + 1))] * len(CATEGORIES)


def scaled_core(matrix: csr_matrix, rows: Rows, scales: Sequence[Floats]) -> LinearCore:
    """Fit each category on scaled columns and give the coefficients for plain ones."""
    joined = _core()
    fitted, spreads = [], []
    for labels, scale in zip(rows.labels.T, scales, strict=True):
        known = np.flatnonzero(labels != UNKNOWN)
        # Of the size of plain columns, so that the regularisation means the same.
        spread = scale / np.sqrt(np.mean(scale[matrix.indices] ** 2))
        own = csr_matrix(matrix[known] @ diags(spread))
        fitted.append(_core().fit(own, labels[known], rows.weights[known]))
        spreads.append(spread)
    joined.coef_ = np.stack([c.coef_[0] * s for c, s in zip(fitted, spreads, strict=True)])
    joined.intercept_ = np.concatenate([core.intercept_ for core in fitted])
    return joined


def variant_arm(name: str, rows: Rows) -> Arm:
    """Fit one variant of *direct*."""
    notes = {
        "nb": "n-grams scaled by the log-count ratio",
        "idf": "n-grams scaled by inverse document frequency",
        "bits20": "2^20 buckets",
        "words": "no word n-grams",
    }
    parameters: dict[str, dict[str, Any]] = {"bits20": {"bits": 20}, "words": {"word_orders": ()}}
    features = make_classifier(**parameters.get(name, {})).make_features().fit([])
    matrix = features.transform(rows.texts)
    scaling = {"nb": _ratios, "idf": _frequencies}.get(name)
    if scaling:
        core = scaled_core(matrix, rows, scaling(matrix, rows))
    else:
        core = _core().fit(matrix, rows.labels, rows.weights)
    return hashed_arm(name, f"direct, but {notes[name]}", core, features)


def _measured(sample: Sample) -> Sample:
    """Leave out the posts of sources that cannot be ranked."""
    inside = np.zeros(len(sample), dtype=bool)
    for _, _, mask in by_split(sample):
        for column in range(len(sample.categories)):
            for ranked in rankable(sample, mask, column, FEWEST)[0].values():
                inside |= ranked
    return sample.take(inside)


def rankings(sample: Sample, scores: dict[str, Floats], repeats: int) -> list[dict[str, Any]]:
    """Measure each arm on each source, and how much better than *direct* it is there."""
    lines = []
    for split, language, inside in by_split(sample):
        for column, category in enumerate(sample.categories):
            for source, mask in rankable(sample, inside, column, FEWEST)[0].items():
                positive = sample.labels[mask, column] == 1
                groups = np.array(sample.groups)[mask]
                direct = scores[DIRECT][mask, column]
                for name, logits in scores.items():
                    own = logits[mask, column]
                    line: dict[str, Any] = {
                        "split": split, "source": source, "language": language,
                        "category": category, "arm": name,
                        "risky": int(positive.sum()), "safe": int((~positive).sum()),
                        "auc": auc_interval(positive, own).to_dict(),
                    }  # fmt: skip
                    if name != DIRECT:
                        gap = paired_bootstrap(auc, positive, own, direct, groups, repeats)
                        line["better_by"] = gap.to_dict()
                    lines.append(line)
    return lines


def _mean(estimates: Sequence[dict[str, float]]) -> dict[str, float]:
    """Average figures of sources that share no post; half-widths add up as squares."""
    value, low, high = (np.array([e[key] for e in estimates]) for key in ("value", "low", "high"))
    below, above = (np.sqrt(np.sum(w**2)) / len(value) for w in (value - low, high - value))
    mean = float(value.mean())
    return Estimate(mean, mean - float(below), mean + float(above)).to_dict()


def means(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Average over the sources of each split, language and category."""
    keys = ("split", "language", "category", "arm")
    together: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in lines:
        together.setdefault(tuple(line[key] for key in keys), []).append(line)
    found = []
    for key, own in together.items():
        mean: dict[str, Any] = dict(zip(keys, key, strict=True)) | {"sources": len(own)}
        mean["auc"] = float(np.mean([line["auc"]["value"] for line in own]))
        if "better_by" in own[0]:
            mean["better_by"] = _mean([line["better_by"] for line in own])
        found.append(mean)
    return found


def verdict(lines: Sequence[dict[str, Any]]) -> str:
    """Say what won on posts never trained on, or on what there is."""
    crossed = [line for line in lines if line["split"] == CROSS]
    decisive, where = (crossed, CROSS) if crossed else (lines, "held out")
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for line in decisive:
        by_arm.setdefault(line["arm"], []).append(line)
    averages = {n: float(np.mean([x["auc"]["value"] for x in own])) for n, own in by_arm.items()}
    best = max(averages, key=averages.__getitem__)
    first = (
        f"Over {len(by_arm[DIRECT])} figures on sets {where}, *{best}* ranks best: mean AUC "
        f"{averages[best]:.3f}, *{DIRECT}* {averages[DIRECT]:.3f}."
    )
    told = [first]
    for name, own in by_arm.items():
        if name == DIRECT:
            continue
        mean = _mean([line["better_by"] for line in own])
        better = sum(line["better_by"]["low"] > 0 for line in own)
        worse = sum(line["better_by"]["high"] < 0 for line in own)
        told.append(f"*{name}*: {_gap(mean)}, better beyond chance on {better}, worse on {worse}.")
    return " ".join(told)


def ablate(  # noqa: PLR0913, PLR0917 - a script's options
    split: Split,
    unlabelled: list[str],
    encode: Encode,
    cache: Path,
    limit: int,
    also: Sequence[str] = (),
    repeats: int = 200,
) -> dict[str, Any]:
    """Fit all arms and measure them on the same posts."""
    rows = limited(split.train, limit)
    features = make_classifier().make_features().fit([])
    with threadpool_limits(limits=1):
        core = _core().fit(features.transform(rows.texts), rows.labels, rows.weights)
    note = f"hashed n-grams, {len(rows):,} labelled posts"
    direct = hashed_arm(DIRECT, note, core, features)
    arms = [direct, *teacher_arms(rows, unlabelled, cache, encode, features)]
    arms.append(mean_arm(arms[1], direct, split.test.texts))
    arms += [variant_arm(name, rows) for name in also]
    sample = _measured(split_sample(split))
    scores = {}
    for arm in arms:
        scores[arm.name] = arm.score(sample.texts)
        print(f"{arm.name}: scored {len(sample):,} posts", flush=True)
    lines = rankings(sample, scores, repeats)
    return {
        "arms": [
            {"name": arm.name, "note": arm.note,
             "posts_per_second": round(arm.posts_per_second(sample.texts))}
            for arm in arms
        ],
        "means": means(lines),
        "rankings": lines,
        "verdict": verdict(lines),
    }  # fmt: skip


def _gap(found: dict[str, float] | None) -> str:
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})" if found else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def to_markdown(found: dict[str, Any]) -> str:
    """Write the tables."""
    arms = _table(
        ["arm", "what it is", "posts/s here"],
        [[a["name"], a["note"], f"{a['posts_per_second']:,}"] for a in found["arms"]],
    )
    averages = _table(
        ["split", "language", "category", "sources", "arm", "mean AUC", "better than direct by"],
        [[m["split"], m["language"], m["category"], str(m["sources"]), m["arm"],
          f"{m['auc']:.3f}", _gap(m.get("better_by"))] for m in found["means"]],
    )  # fmt: skip
    sources = _table(
        ["split", "source", "language", "category", "risky", "safe", "arm", "AUC",
         "better than direct by"],
        [[r["split"], r["source"], r["language"], r["category"], f"{r['risky']:,}",
          f"{r['safe']:,}", r["arm"], str(Estimate(**r["auc"])), _gap(r.get("better_by"))]
         for r in found["rankings"]],
    )  # fmt: skip
    return (
        f"{found['verdict']}\n\n## Arms\n\n{arms}\n## By split, language and category\n\n"
        f"Means over sources, each counting the same.\n\n{averages}\n## By source\n\n{sources}"
    )


def main() -> None:
    """Fit, measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help=".npz of embeddings, outside the repository")
    parser.add_argument("--limit", type=int, default=60_000, help="labelled training posts")
    parser.add_argument("--unlabelled", type=int, default=20_000, help="posts without a label")
    parser.add_argument("--also", default="", help=f"some of {','.join(VARIANTS)}")
    parser.add_argument("--repeats", type=int, default=200, help="bootstrap repeats")
    parser.add_argument("-o", "--output", type=Path, help="folder for ablation.md and .json")
    arguments = parser.parse_args()
    also = [name for name in arguments.also.split(",") if name]
    if unknown := sorted(set(also) - set(VARIANTS)):
        parser.error(f"--also: found {', '.join(unknown)}; expected some of {', '.join(VARIANTS)}")
    root = data_folder()
    if root is None:
        parser.error("no data folder; set POSTRISK_DATA")
    encode = load_encoder()
    start = time.perf_counter()
    split = split_rows(all_rows(root))
    unlabelled = unlabelled_texts(root, split, arguments.unlabelled)
    with tempfile.TemporaryDirectory() as folder:
        cache = arguments.cache or Path(folder) / "embeddings.npz"
        found = ablate(split, unlabelled, encode, cache, arguments.limit, also, arguments.repeats)
    markdown = to_markdown(found)
    print(markdown)
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes")
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        as_json = json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False)
        (arguments.output / "ablation.json").write_text(as_json + "\n", "utf-8")
        (arguments.output / "ablation.md").write_text(markdown, "utf-8")


if __name__ == "__main__":
    main()
