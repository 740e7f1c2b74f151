"""How well a model orders posts, source by source and language by language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from postrisk.calibration import Calibration, calibrate
from postrisk.evaluation import Mask, Rate
from postrisk.intervals import Estimate, auc_interval
from postrisk.linear import UNKNOWN
from postrisk.model import Floats
from postrisk.samples import LANGUAGES, SPLITS, Banded, Sample

_CURVE_POINTS = 120


@dataclass(frozen=True, slots=True)
class RankingLine:
    """How well posts of one source, language and category are ordered.

    Attributes
    ----------
    auc : Estimate
    ap : float
        Average precision; compare it with the share of positives, which chance reaches.
    recall_review, recall_flag : Rate
        Share of risky posts in at least that band.
    """

    split: str
    source: str
    language: str
    category: str
    positives: int
    negatives: int
    auc: Estimate
    ap: float
    recall_review: Rate
    recall_flag: Rate


@dataclass(frozen=True, slots=True)
class Curve:
    """The ROC and precision-recall curves of one split, language and category, thinned."""

    split: str
    language: str
    category: str
    auc: float
    ap: float
    share: float
    roc: tuple[tuple[float, float], ...]
    precision_recall: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """How well probabilities of one split, language and category are calibrated."""

    split: str
    language: str
    category: str
    posts: int
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Ranked:
    """What `rank_sample` found; ``skipped`` says what had too few posts of either kind."""

    lines: tuple[RankingLine, ...]
    curves: tuple[Curve, ...]
    calibration: tuple[CalibrationLine, ...]
    skipped: tuple[str, ...]


def by_split(sample: Sample) -> Iterator[tuple[str, str, Mask]]:
    """Give each split and language with its posts, in the order of `SPLITS`."""
    splits, languages = sample.column("splits"), sample.column("languages")
    for split in SPLITS:
        spoken = set(languages[splits == split].tolist())
        for language in [*(x for x in LANGUAGES if x in spoken), *sorted(spoken - {*LANGUAGES})]:
            yield split, language, (splits == split) & (languages == language)


def _thin(points: Floats) -> tuple[tuple[float, float], ...]:
    places = np.unique(np.linspace(0, len(points) - 1, _CURVE_POINTS).round().astype(int))
    return tuple((float(x), float(y)) for x, y in points[places])


def _curve(
    split: str, language: str, category: str, positive: Mask, probabilities: Floats
) -> Curve:
    fpr, tpr, _ = roc_curve(positive, probabilities)
    precision, recall, _ = precision_recall_curve(positive, probabilities)
    return Curve(
        split=split,
        language=language,
        category=category,
        auc=auc_interval(positive, probabilities).value,
        ap=float(average_precision_score(positive, probabilities)),
        share=float(positive.mean()),
        roc=_thin(np.column_stack((fpr, tpr))),
        precision_recall=_thin(np.column_stack((recall, precision))[::-1]),
    )


def _line(
    sample: Sample, banded: Banded, mask: Mask, column: int, names: tuple[str, str, str]
) -> RankingLine:
    positive = sample.labels[mask, column] == 1
    probabilities = banded.probabilities[mask, column]
    reached = banded.bands[mask, column][positive]
    return RankingLine(
        *names,
        category=sample.categories[column],
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        auc=auc_interval(positive, probabilities),
        ap=float(average_precision_score(positive, probabilities)),
        recall_review=Rate.of(reached >= 1),
        recall_flag=Rate.of(reached >= 2),  # noqa: PLR2004 - the band of flag
    )


def rankable(
    sample: Sample, inside: Mask, column: int, fewest: int
) -> tuple[dict[str, Mask], dict[str, tuple[int, int]]]:
    """Tell the sources that have enough posts of both kinds from those that have too few.

    Returns
    -------
    enough : dict of str to ndarray of bool, shape (n_posts,)
        The posts of each source whose label is known.
    few : dict of str to (int, int)
        Risky and safe posts of the sources that have some risky ones.
    """
    sources, labels = sample.column("sources"), sample.labels[:, column]
    known = inside & (labels != UNKNOWN)
    enough, few = {}, {}
    for source in np.unique(sources[known]).tolist():
        mask = known & (sources == source)
        risky = int((labels[mask] == 1).sum())
        safe = int(mask.sum()) - risky
        if min(risky, safe) >= fewest:
            enough[source] = mask
        elif risky:
            few[source] = risky, safe
    return enough, few


def rank_sample(sample: Sample, banded: Banded, fewest: int) -> Ranked:
    """Measure ranking by source, and curves and calibration by split, in each language.

    Parameters
    ----------
    sample : Sample
    banded : Banded
    fewest : int
        Risky and safe posts that a source needs; others are named in ``skipped``. Curves and
        calibration pool the sources that have enough.
    """
    lines, curves, calibration, skipped = [], [], [], []
    for split, language, inside in by_split(sample):
        for column, category in enumerate(sample.categories):
            enough, few = rankable(sample, inside, column, fewest)
            for source, (risky, safe) in few.items():
                skipped.append(f"{source} {language} {category}: {risky} risky, {safe} safe")
            for source, mask in enough.items():
                lines.append(_line(sample, banded, mask, column, (split, source, language)))
            if enough:
                pooled = np.any(list(enough.values()), axis=0)
                positive, p = (
                    sample.labels[pooled, column] == 1,
                    banded.probabilities[pooled, column],
                )
                curves.append(_curve(split, language, category, positive, p))
                found = calibrate(positive, p)
                line = CalibrationLine(split, language, category, len(positive), found)
                calibration.append(line)
    return Ranked(tuple(lines), tuple(curves), tuple(calibration), tuple(skipped))
