"""What speed is wanted, and whether a run reaches it: all from the JSON of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from speedlab.markdown import shown, table

Found = Mapping[str, Any]
_MISSING = "not measured"
_MOST_ROWS = 10**7
_MB, _MS, _US = 1e6, 1e-3, 1e-6


@dataclass(frozen=True)
class Figure:
    """One figure that a goal is about.

    Attributes
    ----------
    label : str
        What it is of, where a goal has several; may be empty.
    spread : mapping
        ``median``, ``low`` and ``high``.
    """

    label: str
    spread: Mapping[str, float]


Figures = Callable[[Found], Iterator[Figure]]


@dataclass(frozen=True)
class Goal:
    """A goal.

    Attributes
    ----------
    what : str
    limit : float
        In the units of the figures.
    figures : callable
        Takes the results and yields the figures, none where nothing was measured.
    at_least : bool
        Whether more is better.
    unit : str
    size : float
        How much of the figures' unit one of ``unit`` is.
    """

    what: str
    limit: float
    figures: Figures
    at_least: bool = True
    unit: str = "×"
    size: float = 1.0

    def reaches(self, value: float) -> bool:
        """Tell whether a figure is good enough."""
        return value >= self.limit if self.at_least else value <= self.limit

    def verdict(self, figures: Sequence[Figure]) -> str:
        """Say whether the medians reach the goal: all, none, or which of them."""
        if not figures:
            return _MISSING
        able = [one for one in figures if self.reaches(one.spread["median"])]
        if not able:
            return "**no**"
        worst = "low" if self.at_least else "high"
        steady = all(self.reaches(one.spread[worst]) for one in able)
        said = "yes" if len(able) == len(figures) else f"{', '.join(f.label for f in able)} only"
        return said if steady else f"{said}; not in every repeat"

    def row(self, found: Found) -> tuple[str, str, str, str]:
        """Give the goal, its limit, the figures and the verdict."""
        figures = list(self.figures(found))
        sign = "≥" if self.at_least else "≤"
        limit = f"{self.limit / self.size:,.10g}"
        reached = ", ".join(f"{f.label} {shown(f.spread, 1 / self.size)}".strip() for f in figures)
        return (
            self.what, f"{sign} {limit} {self.unit}".strip(), reached or "–",
            self.verdict(figures),
        )  # fmt: skip


def at(found: Any, *path: str) -> Any:
    """Give what lies at a path of keys, or None.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": {}}, "a", "b", "c")
    (1, None)
    """
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _single(value: float) -> dict[str, float]:
    return {"median": value, "low": value, "high": value}


def _beside(peer: str, found: Found) -> Iterator[Figure]:
    rate = at(found, "ordinary", "rates", peer) or {}
    for label, key in (("list", "list"), ("column", "arrow")):
        if ratio := rate.get(f"{key}_is_times_as_fast"):
            yield Figure(label, ratio)


def _at(path: Sequence[str], found: Found) -> Iterator[Figure]:
    if spread := at(found, *path):
        yield Figure("", spread)


def _of_rows(section: str, name: str, key: str, found: Found) -> Iterator[Figure]:
    """Give a figure of a file, labelled with the file's rows."""
    rate = at(found, section, "rates", name) or {}
    if key in rate:
        rows = found[section]["rates"]["command"]["rows"]
        yield Figure(f"{rows:,} rows:", rate[key])


def _two_over_one(found: Found) -> Iterator[Figure]:
    if section := found.get("workers"):
        rows = next(iter(section["rates"].values()))["rows"]
        yield Figure(f"{rows:,} rows:", section["two_over_one"])


def _first(found: Found) -> Iterator[Figure]:
    for label in ("first `predict_proba`", "first `score_one`"):
        if spread := at(found, "startup", "inside", label):
            yield Figure(label.removeprefix("first "), spread)


def _peak(found: Found) -> Iterator[Figure]:
    last = (found.get("scaling") or [{"rows": 0}])[-1]
    if last["rows"] >= _MOST_ROWS:
        yield Figure("", _single(last["peak_bytes"]))


def _flat(found: Found) -> Iterator[Figure]:
    before, last = ([None, None, *found.get("scaling", [])])[-2:]
    if before and last:
        ratio = float(f"{last['peak_bytes'] / before['peak_bytes']:.4g}")
        yield Figure(f"{last['rows']:,} rows over {before['rows']:,}:", _single(ratio))


def _size(found: Found) -> Iterator[Figure]:
    if stored := at(found, "model_bytes", "stored"):
        yield Figure("", _single(stored))


def _single_post(percentile: str) -> Figures:
    return partial(_scaled, ("singles", "microseconds", "str", percentile), _US)


def _scaled(path: Sequence[str], unit: float, found: Found) -> Iterator[Figure]:
    for one in _at(path, found):
        yield Figure("", {key: unit * one.spread[key] for key in ("median", "low", "high")})


_LOADED = ("startup", "over_empty", "import and `postrisk.load()`")
_LIST = "`predict_proba` of a list or an Arrow column over"
GOALS = (
    Goal(f"{_LIST} fastText, dim 16, sub-words", 8, partial(_beside, "fasttext")),
    Goal(f"{_LIST} alt-profanity-check", 4, partial(_beside, "profanity")),
    Goal(f"{_LIST} scikit-learn, hashing and 4 regressions", 50, partial(_beside, "sklearn")),
    Goal("compiled kernel on UTF-8 over plain C on folded posts", 0.8,
         partial(_at, ("kernel", "ratios", "native over plain"))),
    Goal("`postrisk score`, CSV to CSV, one core, start included", 150_000,
         partial(_of_rows, "large", "command", "per_second"), unit="posts/s"),
    Goal("`postrisk score`, CSV to CSV, over fastText's `predict` alone", 2,
         partial(_of_rows, "large", "fasttext", "command_is_times_as_fast")),
    Goal("two cores over one, `postrisk score`, end to end", 1.8, _two_over_one),
    Goal("import and load, over an empty interpreter", 0.3, partial(_at, _LOADED),
         at_least=False, unit="ms", size=_MS),
    Goal("first score after loading", 5 * _MS, _first, at_least=False, unit="ms", size=_MS),
    Goal("one post at a time, p50", 100 * _US, _single_post("p50"),
         at_least=False, unit="µs", size=_US),
    Goal("one post at a time, p99", 300 * _US, _single_post("p99"),
         at_least=False, unit="µs", size=_US),
    Goal("peak memory for 10,000,000 rows, one core", 300 * _MB, _peak,
         at_least=False, unit="MB", size=_MB),
    Goal("peak memory, the last point of the curve over the one before", 1.1, _flat,
         at_least=False),
    Goal("shipped model", 8 * _MB, _size, at_least=False, unit="MB", size=_MB),
)  # fmt: skip


def goals_table(found: Found) -> str:
    """Give all goals as a table.

    Parameters
    ----------
    found : mapping
        What ``speed.json`` holds.
    """
    rows = [goal.row(found) for goal in GOALS]
    reached = sum(row[-1].startswith("yes") for row in rows)
    header = ("goal", "wanted", "measured", "reached")
    counted = f"{reached} of {len(rows)} goals reached"
    return f"{counted}; the verdicts go by the medians.\n\n{table(header, rows)}"
