"""Figures and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def number(value: float) -> str:
    """Show a figure with three significant digits or as a whole number.

    >>> number(0.0123456), number(12.345), number(123456.7)
    ('0.0123', '12.3', '123,457')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"  # noqa: PLR2004


def shown(spread: Mapping[str, Any], unit: float = 1.0) -> str:
    """Show a median with its range, or alone where it is all there is.

    >>> shown({"median": 2.0, "low": 1.0, "high": 3.0}, 1000)
    '2,000 (1,000–3,000)'
    >>> shown({"median": 2.0, "low": 2.0, "high": 2.0})
    '2.00'
    """
    median, low, high = (number(unit * spread[key]) for key in ("median", "low", "high"))
    return median if spread["low"] == spread["high"] else f"{median} ({low}–{high})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table; the first column is to the left and the others to the right.

    >>> print(table(["what", "s"], [["a", "1"]]))
    | what | s |
    |---|--:|
    | a | 1 |
    """
    lines = [header, *rows]
    shown_lines = [f"| {' | '.join(line)} |" for line in lines]
    rule = "|---|" + "--:|" * (len(header) - 1)
    return "\n".join([shown_lines[0], rule, *shown_lines[1:]])
