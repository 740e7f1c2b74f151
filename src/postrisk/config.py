"""What a stored model's ``config.json`` holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from postrisk.cutoffs import Cutoffs, Step, check_steps
from postrisk.ngrams import Hashing
from postrisk.style import Style
from postrisk.windows import Windowing

FORMAT_VERSION = 2
_Digest = Field(pattern="^[0-9a-f]{64}$")


def _checked(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    check_steps(steps)
    return steps


_Steps = AfterValidator(_checked)


class StoredLine(BaseModel):
    """A language's calibration per category: ``logit = intercept + slope * logit for all``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slopes: tuple[Annotated[float, Field(gt=0)], ...]
    intercepts: tuple[float, ...]


class StoredCalibration(BaseModel):
    """Per category, in the model's order: ``logit = bias + scale / sqrt(n) * sum``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["sigmoid", "none"]
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    languages: dict[Literal["en", "zh"], StoredLine]


class ModelConfig(BaseModel):
    """What ``config.json`` holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format_version: Literal[2]
    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    categories: tuple[str, ...] = Field(min_length=1)
    hashing: Hashing
    folding_version: int
    styles: tuple[Style, ...]
    windowing: Windowing
    calibration: StoredCalibration
    cutoffs: dict[str, Cutoffs]
    ladder: dict[str, dict[Literal["all", "en", "zh"], Annotated[tuple[Step, ...], _Steps]]]
    data_fingerprint: str
    checksums: dict[str, str]
    config_checksum: str = _Digest
