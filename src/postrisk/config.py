"""What a stored model's ``config.json`` holds: how it is written, and how it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from postrisk.cutoffs import OVERALL, Cutoffs, Step, check_steps
from postrisk.fields import (
    checked,
    filled_text,
    list_of,
    mapping_of,
    number,
    one_of,
    optional,
    positive,
    record,
    text,
    truth,
    whole,
)
from postrisk.model import RiskModel
from postrisk.ngrams import Hashing
from postrisk.style import LANGUAGES, STYLES, Style
from postrisk.windows import Windowing

FORMAT_VERSION = 3
Method = Literal["sigmoid", "none"]
_METHODS: tuple[Method, ...] = ("sigmoid", "none")
_SPOKEN = LANGUAGES[1:]


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A language's calibration per category: ``logit = intercept + slope * logit for all``."""

    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StoredCalibration:
    """Per category, in the model's order: ``logit = bias + scale / sqrt(n) * sum``."""

    method: Method
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    languages: dict[str, StoredLine]


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What ``config.json`` holds; ``style_weights`` has a row for each of ``styles``."""

    format_version: int
    name: str
    version: str
    categories: tuple[str, ...]
    hashing: Hashing
    folding_version: int
    styles: tuple[Style, ...]
    style_weights: tuple[tuple[float, ...], ...]
    windowing: Windowing
    calibration: StoredCalibration
    cutoffs: dict[str, Cutoffs]
    ladder: dict[str, dict[str, tuple[Step, ...]]]
    data_fingerprint: str
    checksums: dict[str, str]
    config_checksum: str


def plain_values(model: RiskModel, method: Method) -> dict[str, Any]:
    """Give what ``config.json`` says of a model itself, for JSON."""
    return {
        "name": model.name,
        "version": model.version,
        "categories": list(model.categories),
        "hashing": {
            "char_orders": list(model.hashing.char_orders),
            "word_orders": list(model.hashing.word_orders),
            "bits": model.hashing.bits,
        },
        "styles": list(model.styles),
        "style_weights": model.style_weights.tolist(),
        "windowing": {
            "widths": list(model.windowing.widths),
            "steps": model.windowing.steps,
            "whole": model.windowing.whole,
        },
        "calibration": {
            "method": method,
            "scales": model.scales.tolist(),
            "biases": model.biases.tolist(),
            "languages": {
                language: {"slopes": line.slopes.tolist(), "intercepts": line.intercepts.tolist()}
                for language, line in model.calibrations.items()
            },
        },
        "cutoffs": {name: _plain_cutoffs(cut) for name, cut in model.cutoffs.items()},
        "ladder": {
            name: {language: list(map(_plain_step, steps)) for language, steps in ladder.items()}
            for name, ladder in model.ladder.items()
        },
    }


def _plain_cutoffs(cut: Cutoffs) -> dict[str, Any]:
    return {
        "review": cut.review,
        "flag": cut.flag,
        "review_only": cut.review_only,
        "reason": cut.reason,
        "languages": {language: _plain_cutoffs(c) for language, c in cut.languages.items()},
    }


def _plain_step(step: Step) -> dict[str, Any]:
    return {
        "ceiling": step.ceiling,
        "cutoff": step.cutoff,
        "proven": step.proven,
        "recall": step.recall,
    }


def _cutoffs(found: Any, where: str) -> Cutoffs:
    read = record(
        Cutoffs,
        review=number,
        flag=optional(number),
        review_only=truth,
        reason=text,
        languages=mapping_of(_cutoffs),
    )
    return read(found, where)


_step = record(Step, ceiling=number, cutoff=optional(number), proven=truth, recall=optional(number))
_line = record(StoredLine, slopes=list_of(positive), intercepts=list_of(number))
read_values = record(
    ModelConfig,
    format_version=whole,
    name=filled_text,
    version=filled_text,
    categories=list_of(text, least=1),
    hashing=record(Hashing, char_orders=list_of(whole), word_orders=list_of(whole), bits=whole),
    folding_version=whole,
    styles=list_of(one_of(STYLES)),
    style_weights=list_of(list_of(number)),
    windowing=record(Windowing, widths=list_of(whole), steps=whole, whole=truth),
    calibration=record(
        StoredCalibration,
        method=one_of(_METHODS),
        scales=list_of(number),
        biases=list_of(number),
        languages=mapping_of(_line, one_of(_SPOKEN)),
    ),
    cutoffs=mapping_of(_cutoffs),
    ladder=mapping_of(
        mapping_of(checked(list_of(_step), check_steps), one_of((OVERALL, *_SPOKEN)))
    ),
    data_fingerprint=text,
    checksums=mapping_of(text),
    config_checksum=text,
)
