"""Counts as platforms print them: exact, a lower bound such as ``1万+``, or missing."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from postrisk.errors import PostError, shorten

LARGEST = 2**63 - 1
_UNITS = {
    "": 1, "k": 10**3, "千": 10**3, "m": 10**6, "b": 10**9,
    "w": 10**4, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
_GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]+"
_COUNT = re.compile(rf"({_GROUPED})(\.[0-9]+)? ?([kmbw千万萬亿億]?)(\+?)", re.IGNORECASE)
_WOULD_DO = "a whole number such as 5000, 5,000, 5.2k, 1万 or 10k+, or nothing when it is missing"


class Count(BaseModel):
    """A number of reposts, views, likes, comments or followers.

    A missing count is ``None`` in the field that would hold it, and never 0.

    Attributes
    ----------
    value : int
        The number, or the lower bound.
    at_least : bool
        True when the platform showed a lower bound (``1万+``).

    Examples
    --------
    >>> Count.parse("1.2万+", "reach.views")
    Count(value=12000, at_least=True)
    >>> str(Count.parse("5,000", "reach.views"))
    '5000'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: int = Field(ge=0, le=LARGEST)
    at_least: bool = False

    def __str__(self) -> str:
        return f"{self.value}+" if self.at_least else str(self.value)

    def reaches(self, threshold: int) -> bool | None:
        """Tell whether the count is ``threshold`` or more; None when it cannot be known.

        >>> Count(value=400, at_least=True).reaches(500) is None
        True
        """
        if self.value >= threshold:
            return True
        return None if self.at_least else False

    @classmethod
    def parse(cls, value: Any, field: str) -> Count | None:
        """Read a count from whatever an export or a caller holds.

        Parameters
        ----------
        value : int, float, str, Count, dict or None
            None, NaN and blank text mean missing. A decimal that a unit does not make
            whole (``1.23456k``) is refused, as is ``5.000``, which is five or five
            thousand depending on the country; ``612.0``, as pandas writes it, is 612.
        field : str
            The field's name, for the message.

        Returns
        -------
        Count or None
            None when the count is missing.

        Raises
        ------
        PostError
            With the field, the value found and what would do.
        """
        if value is None or isinstance(value, Count):
            return value
        if isinstance(value, str):
            return _parse_text(value, field)
        if isinstance(value, dict):
            return cls.model_validate(value)
        return _parse_number(value, field)


def _refuse(value: object, field: str) -> PostError:
    return PostError(field, f"found {shorten(value)}, expected {_WOULD_DO}")


def _parse_number(value: Any, field: str) -> Count | None:
    if isinstance(value, bool) or not hasattr(value, "__int__") or not hasattr(value, "__float__"):
        raise _refuse(value, field)
    if value != value:  # noqa: PLR0124 - NaN is how pandas says missing
        return None
    if abs(float(value)) > LARGEST or int(value) != value or value < 0:
        raise _refuse(value, field)
    if int(value) > LARGEST:
        raise _refuse(value, field)
    return Count(value=int(value))


@lru_cache(maxsize=65_536)
def _parse_text(text: str, field: str) -> Count | None:
    folded = " ".join(unicodedata.normalize("NFKC", text).split())
    if not folded:
        return None
    match = _COUNT.fullmatch(folded)
    if match is None:
        raise _refuse(text, field)
    whole, fraction, unit, plus = match.groups()
    if fraction and not unit and fraction != ".0":
        raise _refuse(text, field)
    digits = whole.replace(",", "").replace(" ", "")
    number = Decimal(digits + (fraction or "")) * _UNITS[unit.lower()]
    if number != int(number) or number > LARGEST:
        raise _refuse(text, field)
    return Count(value=int(number), at_least=bool(plus))
