"""Interleaved repeats: every contender has its turn in every round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speedlab.progress import say

WARM_UP_ROWS = 1000


class NotAvailableError(Exception):
    """Something cannot be measured here; the message says why."""


class WrongResultError(Exception):
    """Something that is timed gives another result than it must; nothing may be reported."""


@dataclass(frozen=True)
class Contender:
    """Somebody to be timed.

    Attributes
    ----------
    name : str
        Short and stable: the key in the JSON.
    label : str
        For readers.
    rows : int
        How many posts a turn takes; slow ones get fewer.
    seconds : callable
        Takes the number of posts, does the work once and gives its seconds.
    """

    name: str
    label: str
    rows: int
    seconds: Callable[[int], float]


def spread(values: Sequence[float], digits: int = 6) -> dict[str, Any]:
    """Give the median, the range and all values, with so many significant digits.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'low': 1.0, 'high': 3.0, 'runs': [3.0, 1.0, 2.0]}
    """
    runs = [float(f"{value:.{digits}g}") for value in values]
    return {
        "median": float(f"{statistics.median(values):.{digits}g}"),
        "low": min(runs),
        "high": max(runs),
        "runs": runs,
    }


def ratio(first: Sequence[float], second: Sequence[float]) -> dict[str, Any]:
    """Give the spread of ``first`` over ``second``, pair by pair of the same round.

    >>> ratio([4.0, 9.0], [2.0, 3.0])["median"]
    2.5
    """
    return spread([a / b for a, b in zip(first, second, strict=True)], digits=4)


def interleave(
    contenders: Sequence[Contender], repeats: int, *, warm_up: bool = True
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Time all contenders in turn.

    Parameters
    ----------
    contenders : sequence of Contender
    repeats : int
    warm_up : bool
        Whether each has a turn on few posts first; one on a file takes all of its rows.

    Returns
    -------
    rates : dict
        By name: label, rows, and the spread of posts a second.
    absent : dict of str to str
        By label: why a contender could not be timed.
    """
    runs: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    absent: dict[str, str] = {}

    def turn(one: Contender, rows: int) -> float:
        if one.label not in absent:
            try:
                return one.seconds(rows)
            except NotAvailableError as reason:
                absent[one.label] = str(reason)
        return float("nan")

    if warm_up:
        for one in contenders:
            turn(one, min(one.rows, WARM_UP_ROWS))
    for number in range(1, repeats + 1):
        say(f"  round {number} of {repeats}")
        for one in contenders:
            runs[one.name].append(one.rows / turn(one, one.rows))
    rates = {
        one.name: {"label": one.label, "rows": one.rows, "per_second": spread(runs[one.name])}
        for one in contenders
        if one.label not in absent
    }
    return rates, absent


def add_ratios(rates: Mapping[str, dict[str, Any]], reference: str) -> None:
    """Add to each rate how many times as fast the reference is, as the median of pairs."""
    if reference not in rates:
        return
    ours = rates[reference]["per_second"]["runs"]
    for name, rate in rates.items():
        if name != reference:
            rate[f"{reference}_is_times_as_fast"] = ratio(ours, rate["per_second"]["runs"])
