"""Readers of plain JSON values: each checks one value and says where it stands.

A reader takes a value and its place, and gives the value or raises `InputError`. Schemas of
pydantic do the same and more, but importing and building them takes longer than loading a model.

>>> read = record(dict, bits=whole, orders=list_of(whole))
>>> read({"bits": 18, "orders": [1, 2]}, "hashing")
{'bits': 18, 'orders': (1, 2)}
>>> read({"bits": 18, "orders": [1, "2"]}, "hashing")
Traceback (most recent call last):
    ...
postrisk.errors.InputError: hashing.orders.1: found '2', expected a whole number
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from postrisk.errors import InputError, shorten

T = TypeVar("T")
Reader = Callable[[Any, str], T]


def _wrong(found: Any, where: str, expected: str) -> InputError:
    return InputError(f"{where}: found {shorten(found)}, expected {expected}")


def _located(error: ValueError, where: str) -> InputError:
    return InputError(f"{where}: {' '.join(str(error).split())}")


def _inside(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def text(found: Any, where: str) -> str:
    """Read a text that can be written out again, so none with a lone surrogate."""
    if not isinstance(found, str) or any("\ud800" <= char <= "\udfff" for char in found):
        raise _wrong(found, where, "text")
    return found


def filled_text(found: Any, where: str) -> str:
    """Read a text of at least one character."""
    if not text(found, where):
        raise _wrong(found, where, "at least one character")
    return str(found)


def whole(found: Any, where: str) -> int:
    """Read a whole number."""
    if type(found) is not int:
        raise _wrong(found, where, "a whole number")
    return found


def truth(found: Any, where: str) -> bool:
    """Read ``true`` or ``false``."""
    if not isinstance(found, bool):
        raise _wrong(found, where, "true or false")
    return found


def number(found: Any, where: str) -> float:
    """Read a finite number."""
    try:
        read = float(found) if type(found) in {int, float} else math.nan
    except OverflowError:
        read = math.inf
    if not math.isfinite(read):
        raise _wrong(found, where, "a finite number")
    return read


def positive(found: Any, where: str) -> float:
    """Read a finite number above 0."""
    if number(found, where) <= 0:
        raise _wrong(found, where, "a number above 0")
    return number(found, where)


def optional(read: Reader[T]) -> Reader[T | None]:
    """Read ``null`` as None and everything else by ``read``."""
    return lambda found, where: None if found is None else read(found, where)


def one_of(allowed: Collection[T]) -> Reader[T]:
    """Read one of some texts."""

    def choose(found: Any, where: str) -> T:
        for choice in allowed:
            if isinstance(found, str) and found == choice:
                return choice
        raise _wrong(found, where, f"one of {', '.join(map(str, allowed))}")

    return choose


def list_of(read: Reader[T], least: int = 0) -> Reader[tuple[T, ...]]:
    """Read a list, each item by ``read``."""

    def read_list(found: Any, where: str) -> tuple[T, ...]:
        if not isinstance(found, list) or len(found) < least:
            raise _wrong(found, where, f"a list of at least {least}")
        return tuple(read(item, _inside(where, index)) for index, item in enumerate(found))

    return read_list


def mapping_of(read: Reader[T], keys: Reader[str] = text) -> Reader[dict[str, T]]:
    """Read an object with any keys that ``keys`` takes, each value by ``read``."""

    def read_mapping(found: Any, where: str) -> dict[str, T]:
        if not isinstance(found, dict):
            raise _wrong(found, where, "an object")
        return {keys(key, where): read(item, _inside(where, key)) for key, item in found.items()}

    return read_mapping


def checked(read: Reader[T], check: Callable[[T], object]) -> Reader[T]:
    """Read by ``read``, then let ``check`` raise a `ValueError`, which becomes an `InputError`."""

    def read_checked(found: Any, where: str) -> T:
        value = read(found, where)
        try:
            check(value)
        except ValueError as error:
            raise _located(error, where) from None
        return value

    return read_checked


def record(make: Callable[..., T], **readers: Reader[Any]) -> Reader[T]:
    """Read an object with exactly these keys and make of it what ``make`` takes by name.

    A `ValueError` of ``make`` becomes an `InputError` that says where.
    """

    def read_record(found: Any, where: str) -> T:
        if not isinstance(found, dict):
            raise _wrong(found, where, "an object")
        if differing := sorted(found.keys() ^ readers.keys()):
            reason = "unknown key" if differing[0] in found else "missing"
            raise InputError(f"{_inside(where, shorten(differing[0]))}: {reason}")
        values = {key: read(found[key], _inside(where, key)) for key, read in readers.items()}
        try:
            return make(**values)
        except ValueError as error:
            raise _located(error, where) from None

    return read_record
