"""Counts as platforms print them: exact, a lower bound such as ``1万+``, or missing."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from postrisk.errors import PostError, shorten

LARGEST = 2**63 - 1
_LONGEST_TEXT = 100
_UNITS = {
    "": 1, "k": 10**3, "千": 10**3, "m": 10**6, "b": 10**9,
    "w": 10**4, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
}  # fmt: skip
_GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]+"
_COUNT = re.compile(rf"({_GROUPED})(\.[0-9]+)? ?([kmbw千万萬亿億]?)(\+?)", re.IGNORECASE)
_WOULD_DO = "a whole number such as 5000, 5,000, 5.2k, 1万 or 10k+, or nothing when it is missing"


def is_number(value: Any, kinds: Any = (Real, Decimal)) -> bool:
    """Tell whether a value is a number of these kinds; a truth value is none.

    >>> is_number(5), is_number(True)
    (True, False)
    """
    return isinstance(value, kinds) and type(value) is not bool


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
            try:
                return cls.model_validate(value)
            except ValidationError:
                raise _refuse(value, field) from None
        return _parse_number(value, field)


def _refuse(value: object, field: str) -> PostError:
    return PostError(field, f"found {shorten(value)}, expected {_WOULD_DO}")


def _parse_number(value: Any, field: str) -> Count | None:
    number = value.item() if isinstance(value, np.generic) else value
    if not is_number(number):
        raise _refuse(value, field)
    if number != number:  # noqa: PLR0124 - NaN is how pandas says missing
        return None
    if not 0 <= number <= LARGEST or int(number) != number:
        raise _refuse(value, field)
    return Count(value=int(number))


@lru_cache(maxsize=65_536)
def _parse_text(text: str, field: str) -> Count | None:
    folded = " ".join(unicodedata.normalize("NFKC", text).split())
    if not folded:
        return None
    match = _COUNT.fullmatch(folded)
    if match is None or len(folded) > _LONGEST_TEXT:
        raise _refuse(text, field)
    whole, fraction, unit, plus = match.groups()
    if fraction and not unit and fraction != ".0":
        raise _refuse(text, field)
    whole, decimals = whole.replace(",", "").replace(" ", ""), (fraction or "")[1:]
    number, rest = divmod(int(whole + decimals) * _UNITS[unit.lower()], 10 ** len(decimals))
    if rest or number > LARGEST:
        raise _refuse(text, field)
    return Count(value=number, at_least=bool(plus))
