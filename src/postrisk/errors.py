"""Every exception that postrisk raises on purpose.

The tree::

    PostriskError
    ├── InputError (ValueError)      a value that the caller gave
    │   ├── PostError                a field of a post
    │   ├── TableError               a file of posts as a whole
    │   └── LabelError               labels, groups or weights for training
    ├── ModelError                   a stored model that cannot be trusted
    ├── RulebookError                a rulebook that cannot be read
    └── DataError                    a data set that is absent, changed or not allowed

Each message says what was found, what was expected and what to do, in that order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_SHOWN = 60
_NAMES_SHOWN = 30


def shorten(value: object, limit: int = _SHOWN) -> str:
    """Give ``repr(value)`` cut to ``limit`` characters, safe to print anywhere.

    >>> shorten("x" * 100, limit=10)
    "'xxxxxxxx…"
    """
    shown = repr(value[: limit + 1]) if isinstance(value, str) else _repr(value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def shorten_list(names: Sequence[str]) -> str:
    """Name the first 30 of some names, and say how many more there are.

    >>> shorten_list(["a", "b"])
    "'a', 'b'"
    """
    shown = ", ".join(map(shorten, names[:_NAMES_SHOWN]))
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - such as an int of more than 4,300 digits
        return object.__repr__(value)


class PostriskError(Exception):
    """The root: catch it to catch all that postrisk raises on purpose."""


class InputError(PostriskError, ValueError):
    """A value given by the caller is not usable."""


class PostError(InputError):
    """A field of a post is not usable.

    Attributes
    ----------
    field : str
        The field's name, dotted for nested ones (``reach.reposts``).
    reason : str
        What was found, what was expected and what would do.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class TableError(InputError):
    """A file of posts cannot be read or written as a whole."""


class LabelError(InputError):
    """Labels, groups or weights do not fit the posts."""


class ModelError(PostriskError):
    """A stored model is absent, damaged or of another format.

    Attributes
    ----------
    path : Path
        The file that failed.
    check : str
        The check that it failed.
    """

    def __init__(self, path: Path, check: str, found: str) -> None:
        self.path = path
        self.check = check
        super().__init__(f"{path}: {check}: {found}")


class RulebookError(PostriskError):
    """A rulebook is absent or not valid.

    Attributes
    ----------
    path : Path
        The rulebook's file.
    key : str
        The key at fault, dotted; empty when the file as a whole is.
    """

    def __init__(self, path: Path, key: str, reason: str) -> None:
        self.path = path
        self.key = key
        super().__init__(f"{path}: {key}: {reason}" if key else f"{path}: {reason}")


class DataError(PostriskError):
    """A data set is absent, differs from its checksum, or may not be used this way."""
