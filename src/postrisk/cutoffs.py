"""Bands, and the probabilities from which they start."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator

_TOO_THIN = "too few held-out safe posts"


class Band(StrEnum):
    """What to do with a post in one category, weakest first."""

    PASS = "pass"  # noqa: S105 - not a password
    REVIEW = "review"
    FLAG = "flag"


BANDS = tuple(Band)


class Cutoffs(BaseModel):
    """Probabilities from which a category's band is ``review`` and ``flag``.

    ``flag`` is None where the evidence is too thin to flag anything. ``languages`` holds the
    cut-offs of texts in one language, as `postrisk.style.script_languages` tells it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    review: float = Field(ge=0, le=1)
    flag: float | None = Field(default=None, ge=0, le=1)
    languages: dict[str, Cutoffs] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Cutoffs:
        if self.flag is not None and self.flag < self.review:
            raise ValueError("flag must not be below review")
        return self

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
