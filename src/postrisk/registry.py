"""The registry of data sets: one TOML card each, with licence, use, label mapping and checksums.

A licence class sets the most that a set may be used for, whatever its card asks for. Nothing
here reads a post.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from postrisk.assets import asset
from postrisk.errors import DataError, shorten

Model = Literal["base", "research"]
Purpose = Literal["base", "research", "evaluation"]
Train = Literal["never", "research", "base"]
LicenceClass = Literal[
    "permissive", "share-alike", "non-commercial", "not-stated", "research-only", "no-derivatives"
]
_ORDER: tuple[Train, ...] = ("never", "research", "base")
MOST_FOR: Mapping[LicenceClass, Train] = {
    "permissive": "base",
    "share-alike": "research",
    "non-commercial": "research",
    "not-stated": "research",
    "research-only": "research",
    "no-derivatives": "never",
}
PERMISSIVE = frozenset({"MIT", "Apache-2.0", "CC0-1.0", "CC-BY-4.0", "PDDL-1.0"})
_TOLD_BY_NAME: Mapping[str, LicenceClass] = {
    "-ND": "no-derivatives",
    "-NC": "non-commercial",
    "-SA": "share-alike",
}
Words = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _inside(path: str) -> str:
    parts = path.split("/")
    if not path or "\\" in path or ":" in path or {"", ".", ".."} & set(parts):
        raise ValueError("expected a relative path with / and without ..")
    return path


class DataFile(_Section):
    """One file of a set as it should lie in the data folder."""

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    upstream_path: str = ""
    repacked: str = ""

    _path = field_validator("path")(_inside)


class Upstream(_Section):
    """Where the files came from, and why they cannot be fetched again where that is so."""

    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    commit: str = Field(pattern=r"^[0-9a-f]{40}$")
    url: str = Field(default="", pattern=r"^(https?://.+)?$")
    repacked: str = ""


class Card(_Section):
    """What the registry says of one set.

    Attributes
    ----------
    licence, licence_words : str
        A short name; and what the set's own files say.
    train : {"base", "research", "never"}
        Which shipped model may learn from it; ``base`` implies ``research``.
    held_out_percent : int
        Share of groups that training leaves for the figures of the set itself.
    test_set : str
        The set that is its official test part; none of its groups is then held out.
    needs_reading : bool
        Posts that nobody read give no positive label in training.
    official : bool
        The only authority behind its rumor labels is a state body or an official debunking
        platform, so they are never positive.
    limit : int
        Most rows taken, chosen by a hash of the text; 0 for all.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: Words
    language: Literal["en", "zh", "mul"]
    categories: tuple[Literal["rumor", "violence", "terrorism", "pornography", "benign"], ...] = (
        Field(min_length=1)
    )
    licence: Words
    licence_class: LicenceClass
    licence_words: Words
    train: Train
    purpose: Literal["train", "validation", "evaluation", "functional-test", "unlabelled", "tables"]
    judge: Words
    labels: Words
    groups: Words
    folder: str
    upstream: Upstream
    files: tuple[DataFile, ...] = Field(min_length=1)
    loader: str = ""
    held_out_percent: int = Field(default=10, ge=0, le=100)
    test_set: str = ""
    needs_reading: bool = False
    official: bool = False
    limit: int = Field(default=0, ge=0)
    weight: float = Field(default=1.0, gt=0, strict=False)

    _folder = field_validator("folder")(_inside)

    @field_validator("categories", "files", mode="before")
    @classmethod
    def _tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _as_policy_says(self) -> Card:
        told = next((c for mark, c in _TOLD_BY_NAME.items() if mark in self.licence), None)
        if told is not None and self.licence_class != told:
            raise ValueError(f"licence_class: {self.licence} is {told}, not {self.licence_class}")
        if (self.licence in PERMISSIVE) != (self.licence_class == "permissive"):
            allowed = ", ".join(sorted(PERMISSIVE))
            raise ValueError(f"licence_class: permissive is for {allowed}, and for each of them")
        if _ORDER.index(self.train) > _ORDER.index(self.most):
            raise ValueError(f"train: a {self.licence_class} set allows at most {self.most}")
        if self.train != "never" and self.purpose in {"evaluation", "functional-test", "tables"}:
            raise ValueError(f"train: a set for {self.purpose} must be never")
        if self.purpose == "tables" and self.loader:
            raise ValueError("loader: tables hold no posts")
        if self.test_set and self.held_out_percent:
            raise ValueError("held_out_percent: must be 0 beside an official test_set")
        if len({file.path for file in self.files}) < len(self.files):
            raise ValueError("files: a path is listed twice")
        return self

    @property
    def most(self) -> Train:
        """The most that the licence allows, whatever ``train`` says."""
        return MOST_FOR[self.licence_class]

    def refusal(self, purpose: Purpose) -> str:
        """Say why the set may not be used for a purpose; empty when it may."""
        if self.purpose == "tables" or not self.loader:
            what = "tables, not posts" if self.purpose == "tables" else "no loader reads it yet"
            return f"{self.name}: {what}; see its card in datasets/registry"
        if purpose == "evaluation":
            return ""
        allowed = min(self.train, self.most, key=_ORDER.index)
        if allowed == "never":
            return f"{self.name}: for evaluation only ({self.licence}); never train on it"
        if _ORDER.index(purpose) > _ORDER.index(allowed):
            return (
                f"{self.name}: for the research model only ({self.licence});"
                f" never train on it for {purpose}"
            )
        return ""

    def unfetchable(self, file: DataFile) -> str:
        """Say why a file cannot be fetched; empty when it can."""
        reason = file.repacked or self.upstream.repacked
        if reason:
            return f"repacked from {self.upstream.repository} ({reason})"
        return "" if self.upstream.url else f"no address in {self.upstream.repository} is known"

    def url(self, file: DataFile) -> str:
        """Give the address of a file's bytes upstream."""
        parts = {
            "{repository}": self.upstream.repository,
            "{commit}": self.upstream.commit,
            "{path}": quote(file.upstream_path or file.path),
        }
        url = self.upstream.url
        for mark, part in parts.items():
            url = url.replace(mark, part)
        return url


def read_card(path: Path) -> Card:
    """Read one card.

    Raises
    ------
    DataError
        Names the file, the key, what was found and what is allowed.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML
        raise DataError(f"{path}: not TOML in UTF-8: {error}") from None
    try:
        card = Card.model_validate(values)
    except ValidationError as error:
        raise DataError(_explain(path, error)) from None
    if card.name != path.stem:
        raise DataError(f"{path}: name: found {shorten(card.name)}, expected the file's own name")
    return card


def read_cards(folder: Path) -> tuple[Card, ...]:
    """Read every card of a folder: what trains first, then by language and name.

    Raises
    ------
    DataError
        As `read_card`; also when a ``test_set`` is not a card of the folder.
    """
    found = [read_card(path) for path in sorted(folder.glob("*.toml"))]
    names = {card.name for card in found}
    for card in found:
        if card.test_set and card.test_set not in names:
            path = folder / f"{card.name}.toml"
            raise DataError(f"{path}: test_set: no set is named {shorten(card.test_set)}")
    return tuple(sorted(found, key=lambda c: (-_ORDER.index(c.train), c.language, c.name)))


@cache
def cards() -> tuple[Card, ...]:
    """Give the cards that come with the package."""
    return read_cards(asset("datasets", "registry"))


def pick(names: list[str], known: tuple[Card, ...] | None = None) -> tuple[Card, ...]:
    """Give the cards of some names, or every card when none is named.

    >>> [card.title for card in pick(["edos"])]
    ['Explainable Detection of Online Sexism']
    """
    every = {card.name: card for card in (cards() if known is None else known)}
    for name in names:
        if name not in every:
            near = get_close_matches(name, every, n=1)
            hint = f"did you mean {near[0]}?" if near else "postrisk data list shows all"
            raise DataError(f"{shorten(name)}: no such data set; {hint}")
    return tuple(every[name] for name in dict.fromkeys(names)) if names else tuple(every.values())


def _explain(path: Path, error: ValidationError) -> str:
    # A misspelt key also leaves one missing; the misspelling is what helps.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        sections: dict[str, type[BaseModel]] = {"upstream": Upstream, "files": DataFile}
        nested = len(first["loc"]) > 1
        section = sections[str(first["loc"][0])] if nested else Card
        near = get_close_matches(str(first["loc"][-1]), section.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(section.model_fields)}"
        return f"{path}: {key}: unknown key; {hint}"
    if first["type"] == "missing":
        return f"{path}: {key}: missing; every card needs it"
    if not key:  # a rule between keys, whose message names the key
        return f"{path}: {first['msg'].removeprefix('Value error, ')}"
    message = first["msg"].removeprefix("Value error, ")
    return f"{path}: {key}: found {shorten(first['input'])}; {message[0].lower()}{message[1:]}"
