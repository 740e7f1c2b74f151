"""The figures of a model card: cross-source first, then held-out groups, over-blocking, twins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from postrisk.corpora import CATEGORIES
from postrisk.cutoffs import Cutoffs
from postrisk.evaluation import Mask, Ranking, Rate, rank, rates_by_group, twins_right
from postrisk.linear import UNKNOWN, LinearCore
from postrisk.model import Floats, RiskModel, sigmoid
from postrisk.recipe import AUTHORED, Rows, Split, make_classifier, split_rows
from postrisk.training import texts_languages

# Each is left out of training in turn, alone, since sets of one category share no source.
_LEFT_OUT = frozenset({"pheme", "covid19-rumor", "edos", "hatemoji-build", "automod-nsfw"})
_TRANSFERS = 0.70
# Sets that hold one label only, and a source whose held-out safe posts are about the same.
_WEAK = {"fanboy": "radicalization", "reddit-adult": "reddit-benign"}
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table of figures."""

    split: str
    source: str
    language: str
    category: str
    ranking: Ranking


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the card reports."""

    lines: tuple[Line, ...]
    overblocking: dict[str, tuple[Rate, Rate]]
    twins: dict[tuple[str, str], tuple[Rate, Rate]]
    used: dict[str, int]
    removed: int
    authored_only: bool
    calibration: tuple[Line, ...]


def _rankings(
    split: str, name: str, rows: Rows, probabilities: Floats, cutoffs: Mapping[str, Cutoffs] | None
) -> list[Line]:
    lines = []
    for column, category in enumerate(CATEGORIES):
        labels = rows.labels[:, column]
        known = labels != UNKNOWN
        positive = labels[known] == 1
        if min(positive.sum(), (~positive).sum()) < _FEWEST:
            continue
        cut = cutoffs[category].of(rows.languages[0]) if cutoffs else Cutoffs(review=1.0)
        found = rank(positive, probabilities[known, column], cut.review, cut.flag)
        lines.append(Line(split, name, rows.languages[0], category, found))
    return lines


def _left_out_lines(rows: Rows) -> list[Line]:
    """Train the category of a source without it and measure on all of it."""
    lines = []
    classifier = make_classifier()
    features = classifier.make_features().fit([])
    for name in sorted(_LEFT_OUT & set(rows.sources)):
        split = split_rows(rows, leave_out=(name,))
        unseen = split.unseen[name]
        column = CATEGORIES.index(_category_of(unseen))
        train = split.train.take(split.train.labels[:, column] != UNKNOWN)
        core = LinearCore(classifier.C, classifier.max_iter, classifier.idf)
        matrix = features.transform(train.texts)
        core.fit(matrix, train.labels[:, column], train.weights)
        scores = np.zeros((len(unseen), len(CATEGORIES)))
        scores[:, column] = sigmoid(core.decision_function(features.transform(unseen.texts)))
        found = _rankings("left out", name, unseen, scores, None)
        lines += [line for line in found if line.category == CATEGORIES[column]]
    return lines


def hold_back(model: RiskModel, split: Split) -> RiskModel:
    """Keep a category from being flagged in a language where there is too little to go by.

    Rumor is for review only where its AUC on any set that the model never learnt from is below
    .70: a score that ranks another source's posts hardly better than chance must not flag. So
    is any category of which no 20 real posts were there to learn from or to measure on.
    """
    lines, _ = _cross_source(model, split.unseen)
    for language in ("en", "zh"):
        for category, found in _real_positives(split, language).items():
            if found < _FEWEST:
                reason = f"only {found} real posts of it to learn from or to measure on"
                model = model.with_review_only(category, reason, language)
        found_lines = [ln for ln in lines if (ln.category, ln.language) == ("rumor", language)]
        worst = min(found_lines, key=lambda line: line.ranking.auc, default=None)
        if worst is not None and worst.ranking.auc < _TRANSFERS:
            reason = f"AUC {worst.ranking.auc:.2f} on {worst.source}, which it never learnt from"
            model = model.with_review_only("rumor", reason, language)
    return model


def _real_positives(split: Split, language: str) -> dict[str, int]:
    """Count posts of each category that nobody wrote for this project."""
    counts = np.zeros(len(CATEGORIES), dtype=int)
    for rows in (split.train, split.test, *split.unseen.values()):
        real = np.array(rows.sources) != AUTHORED
        counts += (rows.labels[real & (np.array(rows.languages) == language)] == 1).sum(axis=0)
    return dict(zip(CATEGORIES, counts.tolist(), strict=True))


def _cross_source(
    model: RiskModel, unseen: Mapping[str, Rows]
) -> tuple[list[Line], dict[str, tuple[Rate, Rate]]]:
    lines: list[Line] = []
    overblocking: dict[str, tuple[Rate, Rate]] = {}
    for name, rows in unseen.items():
        probabilities = model.predict_proba(rows.texts)
        lines += _rankings("never trained on", name, rows, probabilities, model.cutoffs)
        if (rows.labels == 0).all():
            overblocking |= _overblocking(model, rows, probabilities, name)
    return lines, overblocking


def _weak_lines(model: RiskModel, split: Split) -> list[Line]:
    """Measure sets of one label against held-out safe posts of a related source."""
    lines = []
    for name, safe in _WEAK.items():
        if name not in split.unseen:
            continue  # posts of it were read, so its labels are no longer weak
        risky = split.unseen[name]
        negatives = split.test.take(np.array(split.test.sources) == safe)
        column = CATEGORIES.index(_category_of(risky))
        scores = [model.predict_proba(rows.texts)[:, column] for rows in (risky, negatives)]
        positive = np.repeat([True, False], [len(risky), len(negatives)])
        cut = model.cutoffs[CATEGORIES[column]].of("en")
        ranking = rank(positive, np.concatenate(scores), cut.review, cut.flag)
        lines.append(
            Line("weak labels", f"{name} against {safe}", "en", CATEGORIES[column], ranking)
        )
    return lines


def _category_of(rows: Rows) -> str:
    return CATEGORIES[int(np.argmax((rows.labels == 1).sum(axis=0)))]


def _raised(model: RiskModel, rows: Rows, probabilities: Floats) -> tuple[Mask, Mask]:
    by_language = {
        language: [model.cutoffs[name].of(language) for name in CATEGORIES]
        for language in ("en", "zh", "und")
    }
    cuts = [by_language[language] for language in texts_languages(rows.texts)]
    reviews = np.array([[cut.review for cut in row] for row in cuts])
    flagged = np.array([[np.inf if c.flag is None else c.flag for c in row] for row in cuts])
    reviewed: Mask = np.any(probabilities >= reviews, axis=1)
    raised: Mask = np.any(probabilities >= flagged, axis=1)
    return reviewed, raised


def _overblocking(
    model: RiskModel, rows: Rows, probabilities: Floats, name: str
) -> dict[str, tuple[Rate, Rate]]:
    groups = [f"{name}: {kind}" for kind in rows.kinds]
    reviewed, flagged = _raised(model, rows, probabilities)
    by_review, by_flag = rates_by_group(reviewed, groups), rates_by_group(flagged, groups)
    return {group: (by_review[group], by_flag[group]) for group in by_review}


def _in_domain(model: RiskModel, test: Rows) -> tuple[list[Line], dict[str, tuple[Rate, Rate]]]:
    lines: list[Line] = []
    overblocking: dict[str, tuple[Rate, Rate]] = {}
    probabilities = model.predict_proba(test.texts)
    sources, languages = np.array(test.sources), np.array(test.languages)
    for name, language in sorted(set(zip(test.sources, test.languages, strict=True))):
        mask = (sources == name) & (languages == language)
        rows = test.take(mask)
        split = "authored twins" if name == "authored" else "same source, other groups"
        lines += _rankings(split, name, rows, probabilities[mask], model.cutoffs)
        safe = (rows.labels == 0).all(axis=1)
        if safe.any():
            label = f"{name} {language}" if name == "authored" else name
            found = _overblocking(model, rows.take(safe), probabilities[mask][safe], label)
            overblocking |= found
    return lines, overblocking


def _calibration(model: RiskModel, test: Rows) -> tuple[Line, ...]:
    languages = np.array(test.languages)
    lines: list[Line] = []
    for language in ("en", "zh"):
        rows = test.take(languages == language)
        lines += _rankings("held out", "all", rows, model.predict_proba(rows.texts), model.cutoffs)
    return tuple(lines)


def _twins(model: RiskModel, test: Rows) -> dict[tuple[str, str], tuple[Rate, Rate]]:
    found: dict[tuple[str, str], tuple[Rate, Rate]] = {}
    for language in ("en", "zh"):
        for column, category in enumerate(CATEGORIES):
            prefix = f"authored\0{language}-{category}-"
            rows = test.take(np.array([group.startswith(prefix) for group in test.groups]))
            if len(rows):
                scores = model.predict_proba(rows.texts)[:, column]
                positive = rows.labels[:, column] == 1
                cut = model.cutoffs[category].of(language).review
                found[language, category] = twins_right(scores, cut, rows.groups, positive)
    return found


def measure(model: RiskModel, rows: Rows, split: Split) -> Figures:
    """Measure a model on everything that it did not learn from.

    Parameters
    ----------
    model : RiskModel
    rows : Rows
        All rows, from which each left-out model is trained.
    split : Split
        What ``model`` learnt from and what it did not.
    """
    lines, overblocking = _in_domain(model, split.test)
    authored_only = set(rows.sources) == {AUTHORED}
    if not authored_only:
        crossed, safe = _cross_source(model, split.unseen)
        lines = crossed + _left_out_lines(rows) + _weak_lines(model, split) + lines
        overblocking = safe | overblocking
    return Figures(
        lines=tuple(lines),
        overblocking=overblocking,
        twins=_twins(model, split.test),
        used=dict(Counter(split.train.sources)),
        removed=sum(split.removed.values()),
        authored_only=authored_only,
        calibration=_calibration(model, split.test),
    )
