"""Posts in, assessments out: the same path for one post and for a file of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from postrisk.assessed import AssessedColumns
from postrisk.cutoffs import BANDS, Band, Cutoffs
from postrisk.errors import PostError
from postrisk.explanation import Explanation, explain_texts, quote_strongest
from postrisk.model import RiskModel, round_scores, sigmoid
from postrisk.post import MAX_CHARS, Post, clean_text
from postrisk.postcolumns import PostColumns
from postrisk.rules import (
    ReachFinding,
    Recommendation,
    Rulebook,
    recommend,
)
from postrisk.store import load
from postrisk.style import LANGUAGES
from postrisk.utf8 import batches


@dataclass(frozen=True, slots=True)
class Assessment:
    """What postrisk says of one post. It is never a verdict.

    Attributes
    ----------
    scores : dict of str to float
        Calibrated probability per category, rounded to six decimals.
    bands : dict of str to Band
        ``pass``, ``review`` or ``flag`` per category.
    reach : ReachFinding
        What the reach rule says. It changes no score and no band.
    recommendation : Recommendation
        ``none``, ``review`` or ``review_first``.
    reason : str
        The strongest span of the strongest category that is not ``pass``, quoted; empty when
        all are.
    language : str
        As the post says or its text tells.
    script : str
        The language that the text's script shows, ``en``, ``zh`` or ``und``; calibration and
        bands go by it.
    model_version, rulebook_hash : str
    """

    scores: dict[str, float]
    bands: dict[str, Band]
    reach: ReachFinding
    recommendation: Recommendation
    reason: str
    language: str
    script: str
    model_version: str
    rulebook_hash: str

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON."""
        return {
            "scores": self.scores,
            "bands": {name: band.value for name, band in self.bands.items()},
            "reach": {
                "outcome": self.reach.outcome.value,
                "rule_id": self.reach.rule_id,
                "in_scope": self.reach.in_scope,
                "reason": self.reach.reason,
                "not_assessed": list(self.reach.not_assessed),
            },
            "recommendation": self.recommendation.value,
            "reason": self.reason,
            "language": self.language,
            "script": self.script,
            "model_version": self.model_version,
            "rulebook_hash": self.rulebook_hash,
        }


class Scorer:
    """Scores posts with one model and one rulebook.

    Parameters
    ----------
    model : RiskModel, str or Path, optional
        A loaded model, a model folder, or the shipped one.
    rulebook : Rulebook, str or Path, optional
        A rulebook, its file or name, or the shipped default.
    max_chars : int
        The longest text that `score_one` and `score` take as a string.
    review_ceiling, flag_ceiling : float, optional
        Highest false-positive rates of the two upper bands, see `RiskModel.with_ceilings`; those
        of the model when absent. They change bands and no score.

    Examples
    --------
    >>> scorer = Scorer()
    >>> calm, = scorer.score(["Soup with fresh bread for lunch today"])
    >>> calm.recommendation.value
    'none'
    """

    def __init__(
        self,
        model: RiskModel | str | Path | None = None,
        rulebook: Rulebook | str | Path | None = None,
        *,
        max_chars: int = MAX_CHARS,
        review_ceiling: float | None = None,
        flag_ceiling: float | None = None,
    ) -> None:
        self.model = model if isinstance(model, RiskModel) else load(model)
        self.model_version = model_version(self.model)
        ceilings = {"review": review_ceiling, "flag": flag_ceiling}
        if given := {name: rate for name, rate in ceilings.items() if rate is not None}:
            self.model = self.model.with_ceilings(**given)
            shown = ", ".join(f"{name} ceiling {100 * rate:g} %" for name, rate in given.items())
            self.model_version = f"{self.model_version}, {shown}"
        self.rulebook = rulebook if isinstance(rulebook, Rulebook) else Rulebook.load(rulebook)
        self.max_chars = max_chars

    def score_one(self, post: Post | str) -> Assessment:
        """Assess one post.

        Raises
        ------
        PostError
            When a string is not a usable text.
        """
        checked = self._as_post(post)
        return self._score_batch([checked], [checked.text])[0]

    def score(self, posts: Sequence[Post | str]) -> list[Assessment]:
        """Assess posts, in order.

        Raises
        ------
        PostError
            When a string is not a usable text; it says which.
        """
        checked = [self._as_post(post, f"post {index}: ") for index, post in enumerate(posts)]
        assessed: list[Assessment] = []
        for texts in batches([post.text for post in checked]):
            start = len(assessed)
            assessed += self._score_batch(checked[start : start + len(texts)], texts)
        return assessed

    def score_columns(self, posts: PostColumns) -> AssessedColumns:
        """Assess posts that stand in columns; row for row what `score` says of them."""
        from postrisk.columnscorer import assess_columns  # noqa: PLC0415 - loads pyarrow

        return assess_columns(self.model, self.rulebook, posts)

    def _as_post(self, post: Post | str, where: str = "") -> Post:
        if isinstance(post, Post):
            return post
        try:
            return Post.of_text(clean_text(post, max_chars=self.max_chars))
        except PostError as error:
            raise PostError(f"{where}{error.field}", error.reason) from None

    def _score_batch(self, posts: Sequence[Post], texts: Sequence[str]) -> list[Assessment]:
        logits, languages = self.model.read(texts)
        rounded = round_scores(sigmoid(logits))
        categories, cutoffs = self.model.categories, self.model.cutoffs
        rows = [dict(zip(categories, row, strict=True)) for row in rounded.tolist()]
        scripts = [LANGUAGES[index] for index in languages.tolist()]
        bands = [set_bands(cutoffs, row, script) for row, script in zip(rows, scripts, strict=True)]
        reasons = self._reasons(texts, rows, bands)
        assessed = []
        found = zip(posts, rows, scripts, bands, reasons, strict=True)
        for post, scores, script, band, reason in found:
            finding = self.rulebook.evaluate(post, band)
            assessed.append(
                Assessment(
                    scores=scores,
                    bands=band,
                    reach=finding,
                    recommendation=recommend(self.rulebook, band, finding),
                    reason=reason,
                    language=post.language,
                    script=script,
                    model_version=self.model_version,
                    rulebook_hash=self.rulebook.hash,
                )
            )
        return assessed

    def _reasons(
        self,
        texts: Sequence[str],
        scores: Sequence[dict[str, float]],
        bands: Sequence[dict[str, Band]],
    ) -> list[str]:
        reasons = [""] * len(texts)
        raised = [i for i, row in enumerate(bands) if set(row.values()) != {Band.PASS}]
        if not raised:
            return reasons
        wanted = [_strongest(scores[i], bands[i]) for i in raised]
        columns = [self.model.categories.index(name) for name in wanted]
        found = quote_strongest(self.model, [texts[i] for i in raised], columns)
        for index, reason in zip(raised, found, strict=True):
            reasons[index] = reason
        return reasons

    def explain(self, post: Post | str) -> dict[str, Explanation]:
        """Explain one post in every category."""
        return explain_texts(self.model, [self._as_post(post).text])[0]


def model_version(model: RiskModel) -> str:
    """Name a model so that two models never share a name."""
    return f"{model.name} {model.version} ({model.identity[:12] or 'not stored'})"


def set_bands(
    cutoffs: Mapping[str, Cutoffs], scores: Mapping[str, float], language: str
) -> dict[str, Band]:
    """Set the band of each category by the cut-offs of a text's script language."""
    return {name: cutoffs[name].of(language).band(score) for name, score in scores.items()}


def _strongest(scores: dict[str, float], bands: dict[str, Band]) -> str:
    return max(scores, key=lambda name: (BANDS.index(bands[name]), scores[name]))


def reband(
    assessment: Assessment, cutoffs: Mapping[str, Cutoffs], rulebook: Rulebook, post: Post
) -> Assessment:
    """Set other bands on an assessment without scoring the post again.

    The reason stays while its category is not ``pass``. Of the post only what the rule reads
    counts, its reach, account and date: not its text.
    """
    bands = set_bands(cutoffs, assessment.scores, assessment.script)
    finding = rulebook.evaluate(post, bands)
    quoted = assessment.reason.partition(":")[0]
    kept = bands.get(quoted, Band.PASS) is not Band.PASS
    return replace(
        assessment,
        bands=bands,
        reach=finding,
        recommendation=recommend(rulebook, bands, finding),
        reason=assessment.reason if kept else "",
        rulebook_hash=rulebook.hash,
    )


@cache
def _default_scorer() -> Scorer:
    return Scorer()


def score(post: Post | str) -> Assessment:
    """Assess one post with the shipped model and rulebook."""
    return _default_scorer().score_one(post)


def explain(post: Post | str) -> dict[str, Explanation]:
    """Explain one post with the shipped model."""
    return _default_scorer().explain(post)
