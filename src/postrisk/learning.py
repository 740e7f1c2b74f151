"""How much more data would help: AUC on held-out posts against the share of groups learnt from."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from postrisk.intervals import Estimate, auc_interval
from postrisk.linear import LinearCore
from postrisk.model import Floats, sigmoid
from postrisk.ranking import by_split, rankable
from postrisk.recipe import Split, make_classifier
from postrisk.samples import Sample, split_sample

SHARES = (0.1, 0.25, 0.5, 1.0)
_STEPS = 1000


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """AUC of the recipe on held-out posts, after learning from a share of the groups.

    Attributes
    ----------
    posts : int
        Posts learnt from.
    auc : Estimate
        On the pooled posts of the split's sources that have enough of both kinds.
    """

    split: str
    language: str
    category: str
    share: float
    posts: int
    auc: Estimate


def _is_within(group: str, share: float) -> bool:
    # Each share holds the smaller ones.
    return (
        zlib.crc32(f"learning\0{group}".encode("utf-8", "surrogatepass")) % _STEPS < share * _STEPS
    )


def _points(
    sample: Sample, scores: Floats, share: float, posts: int, fewest: int
) -> Iterator[LearningPoint]:
    for split, language, inside in by_split(sample):
        for column, category in enumerate(sample.categories):
            enough, _ = rankable(sample, inside, column, fewest)
            if enough:
                pooled = np.any(list(enough.values()), axis=0)
                found = auc_interval(sample.labels[pooled, column] == 1, scores[pooled, column])
                yield LearningPoint(split, language, category, share, posts, found)


def learning_curve(
    split: Split, shares: tuple[float, ...] = SHARES, fewest: int = 20
) -> tuple[LearningPoint, ...]:
    """Train the recipe on growing shares of the training groups.

    Parameters
    ----------
    split : Split
        From `postrisk.recipe.split_rows`; nothing is measured on what is learnt from.
    shares : tuple of float
    fewest : int
        Risky and safe posts that a source needs.

    Notes
    -----
    Each point is one training: with the public sets the whole curve takes minutes. Only
    rankings are measured, so nothing is calibrated.
    """
    sample = split_sample(split)
    classifier = make_classifier()
    features = classifier.make_features().fit([])
    held_out = features.transform(sample.texts)
    points: list[LearningPoint] = []
    for share in shares:
        mask = np.array([_is_within(group, share) for group in split.train.groups], dtype=bool)
        part = split.train.take(mask)
        core = LinearCore(classifier.C, classifier.max_iter)
        with threadpool_limits(limits=1):
            core.fit(features.transform(part.texts), part.labels, part.weights)
        scores = sigmoid(core.decision_function(held_out))
        points += _points(sample, scores, share, len(part), fewest)
    return tuple(points)
