"""Whether a probability of .8 means eight in ten: bins, calibration errors, Brier score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from postrisk.errors import InputError, LabelError
from postrisk.evaluation import Mask, Rate
from postrisk.model import Floats

Binning = Literal["width", "mass"]


@dataclass(frozen=True, slots=True)
class Bin:
    """The posts whose probability lies between two edges.

    Attributes
    ----------
    low, high : float
        Edges; posts at the upper one belong to the next bin, except at 1.
    mean : float
        Mean probability.
    share : Rate
        Share of the posts that have the category.
    """

    low: float
    high: float
    mean: float
    share: Rate


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well probabilities of one category are calibrated.

    Attributes
    ----------
    ece : float
        Expected calibration error over bins of equal width (Naeini, Cooper and Hauskrecht,
        AAAI 2015). It depends on the bins and is biased upwards on few posts.
    ece_mass : float
        The same over bins of about equally many posts.
    rms : float
        Debiased root mean square calibration error over the bins of equal mass (Kumar, Liang
        and Ma, NeurIPS 2019): 0 where the gaps are no larger than chance would make them.
    brier : float
        Mean squared error.
    bins : tuple of Bin
        The bins of equal width that hold any post.
    """

    ece: float
    ece_mass: float
    rms: float
    brier: float
    bins: tuple[Bin, ...]


def reliability(
    positive: Mask, probabilities: Floats, bins: int = 10, binning: Binning = "width"
) -> tuple[Bin, ...]:
    """Give the table behind a reliability diagram; empty bins are left out.

    Equal probabilities are never parted, so bins of equal mass are only about equal.

    Raises
    ------
    InputError
        When there is to be no bin.

    Examples
    --------
    >>> found = reliability(np.array([False, True]), np.array([0.1, 0.9]))
    >>> [(b.low, b.high, b.share.rate) for b in found]
    [(0.1, 0.2, 0.0), (0.9, 1.0, 1.0)]
    """
    if bins < 1:
        raise InputError(f"bins: found {bins}, expected at least 1")
    edges = np.round(np.linspace(0, 1, bins + 1), 6)
    if binning == "mass":
        inner = np.quantile(probabilities, edges[1:-1], method="lower")
        edges = np.unique(np.concatenate(([0.0], inner, [1.0])))
    which = np.clip(np.searchsorted(edges, probabilities, side="right") - 1, 0, len(edges) - 2)
    return tuple(
        Bin(
            low=float(edges[index]),
            high=float(edges[index + 1]),
            mean=float(probabilities[inside].mean()),
            share=Rate.of(positive[inside]),
        )
        for index in range(len(edges) - 1)
        if (inside := which == index).any()
    )


def _error(bins: tuple[Bin, ...]) -> float:
    total = sum(b.share.total for b in bins)
    return sum(b.share.total * abs(b.mean - b.share.rate) for b in bins) / total


def _debiased_rms(bins: tuple[Bin, ...]) -> float:
    squares = [
        b.share.total
        * ((b.mean - b.share.rate) ** 2 - b.share.rate * (1 - b.share.rate) / (b.share.total - 1))
        for b in bins
        if b.share.total > 1
    ]
    total = sum(b.share.total for b in bins if b.share.total > 1)
    return float(np.sqrt(max(sum(squares) / total, 0.0))) if total else 0.0


def calibrate(positive: Mask, probabilities: Floats, bins: int = 10) -> Calibration:
    """Measure the calibration of one category.

    Raises
    ------
    LabelError
        When there is no post.

    Examples
    --------
    >>> found = calibrate(np.array([False, True] * 10), np.full(20, 0.5))
    >>> found.ece, found.ece_mass, found.rms, found.brier
    (0.0, 0.0, 0.0, 0.25)
    """
    if not len(positive):
        raise LabelError("calibration: found no post, expected at least one")
    width = reliability(positive, probabilities, bins)
    mass = reliability(positive, probabilities, bins, "mass")
    return Calibration(
        ece=_error(width),
        ece_mass=_error(mass),
        rms=_debiased_rms(mass),
        brier=float(np.mean((probabilities - positive) ** 2)),
        bins=width,
    )
