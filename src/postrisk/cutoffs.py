"""Bands, the probabilities from which they start, and the ladder of ceilings they are from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from postrisk.errors import InputError, shorten

LADDER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
OVERALL = "all"
TOO_THIN = "too few held-out safe posts"
_NEARLY = 1e-12


class Band(StrEnum):
    """What to do with a post in one category, weakest first."""

    PASS = "pass"  # noqa: S105 - not a password
    REVIEW = "review"
    FLAG = "flag"


BANDS = tuple(Band)


def _rate(value: Any, name: str) -> float:
    try:
        rate = float(value)
    except (TypeError, ValueError, OverflowError):
        rate = math.nan
    if not 0 <= rate <= 1:
        raise InputError(f"{name}: found {shorten(value)}, expected a number from 0 to 1")
    return rate


def _rate_or_none(value: Any, name: str) -> float | None:
    return None if value is None else _rate(value, name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cutoffs:
    """Probabilities from which a category's band is ``review`` and ``flag``.

    Attributes
    ----------
    review : float
    flag : float or None
        None where nothing is flagged.
    review_only : bool
        Whether nothing is to be flagged under any ceiling.
    reason : str
        Why nothing is flagged; empty where only the evidence is too thin.
    languages : dict of str to Cutoffs
        The cut-offs of texts in one language, as `postrisk.style.script_languages` tells it.

    Raises
    ------
    InputError
        When a cut-off is no probability, or they contradict each other.
    """

    review: float
    flag: float | None = None
    review_only: bool = False
    reason: str = ""
    languages: Mapping[str, Cutoffs] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "review", _rate(self.review, "review"))
        object.__setattr__(self, "flag", _rate_or_none(self.flag, "flag"))
        if self.flag is not None and self.flag < self.review:
            raise InputError("flag must not be below review")
        if self.flag is not None and (self.review_only or self.reason):
            raise InputError("review_only and reason go with no flag")
        if self.review_only and not self.reason:
            raise InputError("review_only needs a reason")

    @property
    def why_never_flagged(self) -> str:
        """Why nothing is flagged; empty where something may be."""
        return "" if self.flag is not None else self.reason or TOO_THIN

    def of(self, language: str) -> Cutoffs:
        """Give the cut-offs for a language; those for all where it has none of its own."""
        return self.languages.get(language, self)

    def band(self, probability: float) -> Band:
        """Give the band of one probability.

        >>> Cutoffs(review=0.2, flag=0.8).band(0.5).value
        'review'
        """
        if self.flag is not None and probability >= self.flag:
            return Band.FLAG
        return Band.REVIEW if probability >= self.review else Band.PASS

    def only_review(self, reason: str) -> Cutoffs:
        """Give the same cut-offs with nothing flagged, in no language and under no ceiling.

        >>> Cutoffs(review=0.2, flag=0.8).only_review("AUC below .70").why_never_flagged
        'AUC below .70'
        """
        languages = {name: cut.only_review(reason) for name, cut in self.languages.items()}
        return Cutoffs(review=self.review, review_only=True, reason=reason, languages=languages)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A ceiling on false positives, and what keeping it costs.

    Attributes
    ----------
    ceiling : float
        Highest false-positive rate on held-out safe posts, as an upper 95 % bound.
    cutoff : float or None
        The lowest cut-off that keeps it on every group of safe posts that is large enough to
        tell; None when none is.
    proven : bool
        Whether all groups were large enough. Only a proven step flags.
    recall : float or None
        Share of held-out posts with the category that reach the cut-off; None without any.

    Raises
    ------
    InputError
        When a number is no rate, or a step is proven without a cut-off.
    """

    ceiling: float
    cutoff: float | None
    proven: bool
    recall: float | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ceiling", _rate(self.ceiling, "ceiling"))
        object.__setattr__(self, "cutoff", _rate_or_none(self.cutoff, "cutoff"))
        object.__setattr__(self, "recall", _rate_or_none(self.recall, "recall"))
        if self.ceiling in {0, 1}:
            raise InputError(f"ceiling: found {self.ceiling:g}, expected one between 0 and 1")
        if self.proven and self.cutoff is None:
            raise InputError("proven needs a cutoff")


def check_steps(steps: Sequence[Step]) -> None:
    """Check that there are steps, that ceilings rise and that cut-offs never do.

    Raises
    ------
    ValueError
    """
    ceilings = [step.ceiling for step in steps]
    cuts = [step.cutoff for step in steps if step.cutoff is not None]
    if not ceilings or ceilings != sorted(set(ceilings)):
        raise ValueError("expected ceilings in ascending order")
    if cuts != sorted(cuts, reverse=True):
        raise ValueError("a looser ceiling must not have a higher cutoff")


def _step_under(steps: Sequence[Step], ceiling: float) -> Step | None:
    """Give the loosest step that keeps a ceiling."""
    return next((s for s in reversed(steps) if s.ceiling <= ceiling + _NEARLY), None)


def restep(
    kept: Cutoffs, steps: Sequence[Step], review: float | None = None, flag: float | None = None
) -> Cutoffs:
    """Give the cut-offs under other ceilings; a ceiling that is None keeps its cut-off.

    A ceiling between two steps takes the stricter one. Without a proven step nothing is flagged,
    and without one that tells anything the cut-off of ``review`` is .5.

    Raises
    ------
    InputError
        When a ceiling is no rate, or that of ``review`` is below all steps.

    Examples
    --------
    >>> steps = (Step(ceiling=0.01, cutoff=0.9, proven=True, recall=0.2),
    ...          Step(ceiling=0.05, cutoff=0.4, proven=True, recall=0.6))
    >>> found = restep(Cutoffs(review=0.5), steps, review=0.07, flag=0.02)
    >>> found.review, found.flag
    (0.4, 0.9)
    """
    for name, ceiling in (("review", review), ("flag", flag)):
        if ceiling is not None and not 0 < ceiling < 1:
            raise InputError(f"{name} ceiling: found {ceiling}, expected a rate between 0 and 1")
    review_cut, flag_cut, reason = kept.review, kept.flag, kept.reason
    if review is not None:
        step = _step_under(steps, review)
        if step is None:
            lowest = f"at least {steps[0].ceiling:g}" if steps else "none: the model has no ladder"
            raise InputError(f"review ceiling: found {review:g}, expected {lowest}")
        review_cut = 0.5 if step.cutoff is None else step.cutoff
    if flag is not None and not kept.review_only:
        step = _step_under(steps, flag)
        flag_cut = step.cutoff if step is not None and step.proven else None
        reason = "" if step is not None else f"no cut-off is known for {flag:.2%} false positives"
    if flag_cut is not None:
        flag_cut = max(flag_cut, review_cut)
    return Cutoffs(review=review_cut, flag=flag_cut, review_only=kept.review_only, reason=reason)


Ladder = Mapping[str, tuple[Step, ...]]


def restep_languages(
    kept: Cutoffs, ladder: Ladder, review: float | None = None, flag: float | None = None
) -> Cutoffs:
    """Do what `restep` does, for all and for each language that has steps or cut-offs."""
    overall = restep(kept, ladder[OVERALL], review, flag)
    languages = sorted({*kept.languages, *ladder} - {OVERALL})
    by_language = {
        language: restep(kept.of(language), ladder.get(language, ladder[OVERALL]), review, flag)
        for language in languages
    }
    return replace(overall, languages=by_language)
