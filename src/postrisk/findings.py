"""What the suites found, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from postrisk.evaluation import Rate
from postrisk.learning import LearningPoint
from postrisk.overblocking import GateLine, Overblocking, TwinLine
from postrisk.ranking import Ranked
from postrisk.robustness import Dilution, Flip

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class PostCount:
    """Posts of one split, source and language that were measured on."""

    split: str
    source: str
    language: str
    posts: int
    risky: int
    safe: int


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Everything that the suites found; one that did not run is None.

    Attributes
    ----------
    model : str
        Name, version and identity.
    fewest : int
        Risky and safe posts that a source needs for a line of its own.
    share : float
        Share of characters or words that perturbations change.
    posts : tuple of PostCount
    ranked : Ranked or None
    overblocking : Overblocking or None
    gate : tuple of GateLine or None
    twins : tuple of TwinLine or None
    robustness : tuple of Flip or None
    dilution : tuple of Dilution or None
    learning : tuple of LearningPoint or None
    """

    model: str
    fewest: int
    share: float
    posts: tuple[PostCount, ...]
    ranked: Ranked | None = None
    overblocking: Overblocking | None = None
    gate: tuple[GateLine, ...] | None = None
    twins: tuple[TwinLine, ...] | None = None
    robustness: tuple[Flip, ...] | None = None
    dilution: tuple[Dilution, ...] | None = None
    learning: tuple[LearningPoint, ...] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give plain values for JSON, rounded to six decimals."""
        found: dict[str, Any] = _plain(self)
        return found

    def to_json(self) -> str:
        """Give JSON that is the same whenever the figures are."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Rate):
        return _plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(cell) for key, cell in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(cell) for cell in value]
    return round(value, _DECIMALS) + 0.0 if isinstance(value, float) else value
