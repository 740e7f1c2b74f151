"""Bands, the probabilities from which they start, and the ladder of ceilings they are from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

from postrisk.errors import InputError

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


class Cutoffs(BaseModel):
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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: float = Field(ge=0, le=1)
    flag: float | None = Field(default=None, ge=0, le=1)
    review_only: bool = False
    reason: str = ""
    languages: dict[str, Cutoffs] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Cutoffs:
        if self.flag is not None and self.flag < self.review:
            raise ValueError("flag must not be below review")
        if self.flag is not None and (self.review_only or self.reason):
            raise ValueError("review_only and reason go with no flag")
        if self.review_only and not self.reason:
            raise ValueError("review_only needs a reason")
        return self

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


class Step(BaseModel):
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
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ceiling: float = Field(gt=0, lt=1)
    cutoff: float | None = Field(ge=0, le=1)
    proven: bool
    recall: float | None = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _proof_has_a_cutoff(self) -> Step:
        if self.proven and self.cutoff is None:
            raise ValueError("proven needs a cutoff")
        return self


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
    return overall.model_copy(update={"languages": by_language})
