"""Reach rules as dated, cited data, evaluated to met, not met or unknown.

A rulebook is a TOML file with a closed vocabulary: counters, thresholds, a scope and what is
not assessed. It holds no expressions and no code. A rule orders what a person looks at; it
never changes a score and never says that anything is illegal.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from postrisk.cutoffs import Band
from postrisk.errors import RulebookError, shorten
from postrisk.post import AccountKind, Category, Post, Reach

DEFAULT_RULEBOOK = "fa_shi_2013_21"
Counter = Literal["reposts", "views", "likes", "comments"]
_NOUNS = {"reposts": "reposts", "views": "views", "likes": "likes", "comments": "comments"}


class Outcome(StrEnum):
    """What a rule says: a missing count makes it unknown, never a yes or a no."""

    MET = "met"
    NOT_MET = "not_met"
    UNKNOWN = "unknown"


class Recommendation(StrEnum):
    """The most that postrisk says. None of them is a verdict."""

    NONE = "none"
    REVIEW = "review"
    REVIEW_FIRST = "review_first"


OUTCOMES = tuple(Outcome)
RECOMMENDATIONS = tuple(Recommendation)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Section):
    """Where a rule comes from, with the words that matter."""

    issuer: str = Field(min_length=1)
    citation: str = Field(min_length=1)
    original: str = ""
    translation: str = ""


class Effective(_Section):
    """Days on which the rule is in force, both included."""

    from_: date | None = Field(default=None, alias="from")
    until: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Effective:
        if self.from_ and self.until and self.until < self.from_:
            raise ValueError("until must not be before from")
        return self


class Scope(_Section):
    """Posts that the rule speaks of. An absent list allows all."""

    categories: tuple[Category, ...] = Field(min_length=1)
    bands: tuple[Band, ...] = Field(default=(Band.REVIEW, Band.FLAG), min_length=1)
    account_kinds: tuple[AccountKind, ...] | None = Field(default=None, min_length=1)
    posted_from: date | None = None
    posted_until: date | None = None


class Threshold(_Section):
    """A counter and the number from which, itself included, it is met."""

    counter: Counter
    at_least: int = Field(ge=1)


class Result(_Section):
    """How thresholds join and what follows for the queue."""

    join: Literal["any", "all"] = "any"
    recommendation: Literal["review", "review_first"] = "review_first"


class Limits(_Section):
    """What software cannot tell; shown with every finding."""

    not_assessed: tuple[str, ...] = Field(min_length=1)
    notes: tuple[str, ...] = ()


class Rulebook(_Section):
    """One reach rule, as validated from its file."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = Field(min_length=1)
    source: Source
    effective: Effective = Field(default_factory=Effective)
    scope: Scope
    threshold: tuple[Threshold, ...] = Field(min_length=1)
    outcome: Result = Field(default_factory=Result)
    limits: Limits

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the rule's values, whatever the layout and comments of its file."""
        values = self.model_dump(mode="json", by_alias=True)
        canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @classmethod
    def load(cls, source: str | Path | None = None) -> Rulebook:
        """Read a rulebook from a path, by the name of a shipped one, or the default.

        Raises
        ------
        RulebookError
            Names the file, the key, what was found and what is allowed.
        """
        return _load(None if source is None else str(source))

    def evaluate(self, post: Post, bands: Mapping[str, Band]) -> ReachFinding:
        """Evaluate the rule on one post with its bands."""
        return evaluate(self, post, bands)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One counter against its threshold."""

    counter: str
    found: str | None
    at_least: int
    outcome: Outcome

    def __str__(self) -> str:
        noun = _NOUNS[self.counter]
        if self.found is None:
            return f"{noun} missing"
        sign = {Outcome.MET: "≥", Outcome.NOT_MET: "<", Outcome.UNKNOWN: "may reach"}
        return f"{self.found} {noun} {sign[self.outcome]} {self.at_least}"


@dataclass(frozen=True, slots=True)
class ReachFinding:
    """What a rule says of one post, with everything that it used.

    Attributes
    ----------
    rule_id, rulebook_hash : str
    outcome : Outcome
    in_scope : bool or None
        None when an account kind or a date that the scope asks for is missing.
    reason : str
        One sentence with the actual numbers.
    comparisons : tuple of Comparison
    not_assessed : tuple of str
        What software cannot tell.
    """

    rule_id: str
    rulebook_hash: str
    outcome: Outcome
    in_scope: bool | None
    reason: str
    comparisons: tuple[Comparison, ...]
    not_assessed: tuple[str, ...] = field(repr=False)


def compare(threshold: Threshold, reach: Reach) -> Comparison:
    """Compare one counter; counters are never converted into each other.

    >>> print(compare(Threshold(counter="views", at_least=5000), Reach(views="1万+")))
    10000+ views ≥ 5000
    """
    count = getattr(reach, threshold.counter)
    reached = None if count is None else count.reaches(threshold.at_least)
    outcome = {True: Outcome.MET, False: Outcome.NOT_MET, None: Outcome.UNKNOWN}[reached]
    found = None if count is None else str(count)
    return Comparison(threshold.counter, found, threshold.at_least, outcome)


def join(outcomes: list[Outcome], how: Literal["any", "all"]) -> Outcome:
    """Join outcomes by Kleene's strong three-valued ``or`` and ``and``.

    >>> join([Outcome.UNKNOWN, Outcome.MET], "any").value
    'met'
    >>> join([Outcome.UNKNOWN, Outcome.NOT_MET], "any").value
    'unknown'
    """
    decisive, other = (
        (Outcome.MET, Outcome.NOT_MET) if how == "any" else (Outcome.NOT_MET, Outcome.MET)
    )
    if decisive in outcomes:
        return decisive
    return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else other


def _scope_doubts(rule: Rulebook, post: Post, bands: Mapping[str, Band]) -> tuple[str, str]:
    """Give why the post is outside the rule, and what is missing to tell; both may be empty."""
    scope, missing = rule.scope, []
    seen = {str(category): bands.get(category, Band.PASS) for category in scope.categories}
    if not any(band in scope.bands for band in seen.values()):
        bands_seen = ", ".join(f"{name} band is {band}" for name, band in seen.items())
        return f"outside the rule: {bands_seen}", ""
    day = post.posted_at.date() if post.posted_at else None
    if day and not _within(day, rule.effective.from_, rule.effective.until):
        return f"outside the rule: posted on {day}, when it was not in force", ""
    if day and not _within(day, scope.posted_from, scope.posted_until):
        return f"outside the rule: posted on {day}", ""
    if (scope.posted_from or scope.posted_until) and not day:
        missing.append("posted_at missing")
    if scope.account_kinds is not None and post.account.kind not in scope.account_kinds:
        if post.account.kind != "unknown":
            return f"outside the rule: {post.account.kind} account", ""
        missing.append("account kind unknown")
    return "", "; ".join(missing)


def _within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)


def evaluate(rule: Rulebook, post: Post, bands: Mapping[str, Band]) -> ReachFinding:
    """Evaluate a rule on one post.

    A post outside the scope does not meet the rule. A post without a date is taken to be from
    when the rule was in force; a scope of its own between two dates needs the date.

    Parameters
    ----------
    rule : Rulebook
    post : Post
    bands : mapping of str to Band
        The post's band in each category.
    """
    comparisons = tuple(compare(threshold, post.reach) for threshold in rule.threshold)
    outcome = join([c.outcome for c in comparisons], rule.outcome.join)
    reason = "; ".join(map(str, comparisons))
    outside, missing = _scope_doubts(rule, post, bands)
    in_scope: bool | None = True
    if outside:
        outcome, in_scope, reason = Outcome.NOT_MET, False, outside
    elif missing:
        in_scope, reason = None, f"{reason}; {missing}"
        outcome = join([outcome, Outcome.UNKNOWN], "all")
    return ReachFinding(
        rule_id=rule.id,
        rulebook_hash=rule.hash,
        outcome=outcome,
        in_scope=in_scope,
        reason=reason,
        comparisons=comparisons,
        not_assessed=rule.limits.not_assessed,
    )


def recommend(rule: Rulebook, bands: Mapping[str, Band], finding: ReachFinding) -> Recommendation:
    """Say whether a person should look, and whether first."""
    if all(band is Band.PASS for band in bands.values()):
        return Recommendation.NONE
    if finding.outcome is Outcome.MET:
        return Recommendation(rule.outcome.recommendation)
    return Recommendation.REVIEW


def shipped_rulebooks() -> list[str]:
    """Give the names of the rulebooks that come with the package."""
    folder = files("postrisk") / "rulebooks"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def _load(source: str | None) -> Rulebook:
    name = DEFAULT_RULEBOOK if source is None else source
    if name in shipped_rulebooks() and not Path(name).is_file():
        path = Path(str(files("postrisk") / "rulebooks" / f"{name}.toml"))
    else:
        path = Path(name)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        known = ", ".join(shipped_rulebooks())
        reason = f"{error.strerror}; give a TOML file or one of: {known}"
        raise RulebookError(path, "", reason) from None
    except UnicodeDecodeError:
        raise RulebookError(path, "", "not UTF-8 text") from None
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # such as a number of 5,000 digits
        raise RulebookError(path, "", f"not TOML: {error}") from None
    try:
        return Rulebook.model_validate(values)
    except ValidationError as error:
        raise _explain(path, error) from None


def _explain(path: Path, error: ValidationError) -> RulebookError:
    # A misspelt key also leaves one missing; the misspelling is what helps.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        allowed = _keys_beside(first["loc"])
        near = get_close_matches(str(first["loc"][-1]), allowed, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(allowed)}"
        return RulebookError(path, key, f"unknown key; {hint}")
    if first["type"] == "missing":
        return RulebookError(path, key, "missing; every rulebook needs it")
    message = first["msg"][0].lower() + first["msg"][1:]
    return RulebookError(path, key, f"found {shorten(first['input'])}; {message}")


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    section: type[BaseModel] = Rulebook
    kinds: dict[str, Any] = {
        "source": Source, "effective": Effective, "scope": Scope, "threshold": Threshold,
        "outcome": Result, "limits": Limits,
    }  # fmt: skip
    if len(location) > 1:
        section = kinds[str(location[0])]
    return [info.alias or name for name, info in section.model_fields.items()]
