"""One self-contained HTML page about a scored CSV file, for people who decide what to look at.

The file is read once, row by row: counts, and the few posts that stand in front, are all that is
kept. The page needs no network and no script, and it says what its numbers cannot tell.
"""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from importlib.resources import files
from pathlib import Path
from typing import Any

from postrisk._version import __version__
from postrisk.columns import Columns
from postrisk.cutoffs import BANDS, Band
from postrisk.errors import InputError, TableError, shorten, shorten_list
from postrisk.outputs import new_file
from postrisk.rows import Lines, Rejected, open_table, read_header, records
from postrisk.rules import Outcome, Recommendation, Rulebook
from postrisk.tables import added_columns

FIRST_POSTS = 20
_BINS = 20
_REASONS_SHOWN = 6
# More distinct reasons or languages than these are not kept apart, so that memory stays bounded.
_MOST_REASONS, _MOST_LANGUAGES = 100_000, 12
_OTHER = "other"
_LONGEST_LANGUAGE, _LONGEST_DETAIL, _LONGEST_TEXT = 12, 40, 700
_LONGEST_PROBLEM = 200
_BEFORE_MARK = 200
_BLOCKS = "█" * 12
# Joiners hold emoji together; every other invisible character is shown by its number.
_JOINER = "\u200d"
_QUOTED = re.compile(r"(?P<category>[^:]*): “(?P<words>.*)”", re.DOTALL)
_PREFIXES = re.compile("^(postrisk_)+")
_DETAILS = ("platform", "posted_at", "reposts", "views")
_URGENCY = (Recommendation.NONE, Recommendation.REVIEW, Recommendation.REVIEW_FIRST)


@dataclass(frozen=True, slots=True)
class _Row:
    """One scored row; the cells hold its other columns."""

    number: int
    cells: list[str]
    language: str
    probabilities: list[float]
    bands: list[Band]
    reach: Outcome
    recommendation: Recommendation
    reason: str

    @property
    def priority(self) -> tuple[int, int, float, int]:
        """Recommendation, then band, then probability; an earlier row goes first."""
        strongest = max(zip(map(BANDS.index, self.bands), self.probabilities, strict=True))
        return (_URGENCY.index(self.recommendation), *strongest, -self.number)


class _Layout:
    """Where the columns stand that `postrisk.tables.score_table` added."""

    def __init__(self, header: Sequence[str], given: Mapping[str, str] | None) -> None:
        self.start, self.categories = _find_added(header)
        own = header[: self.start]
        self.columns = {
            name: own.index(column) for name, column in Columns(own, given).found.items()
        }

    def read(self, number: int, cells: list[str]) -> _Row:
        """Read one record; a ValueError says what in it is not as scored."""
        n = len(self.categories)
        language, *rest = cells[self.start : self.start + 2 * n + 4]
        probabilities = [float(cell) for cell in rest[:n]]
        if not all(0 <= p <= 1 for p in probabilities):
            raise ValueError(f"found {shorten(rest[:n])}, expected probabilities")
        bands = [Band(cell) for cell in rest[n : 2 * n]]
        reach, recommendation, reason = rest[2 * n :]
        outcome, advice = Outcome(reach), Recommendation(recommendation)
        return _Row(number, cells, language, probabilities, bands, outcome, advice, reason)


def _find_added(header: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Find where the added columns begin, and the categories; columns may stand after them."""
    for start in reversed(range(1, len(header) - 5)):
        if _PREFIXES.sub("", header[start]) != "language":
            continue
        for n in range(1, (len(header) - start - 4) // 2 + 1):
            found = list(header[start : start + 2 * n + 4])
            names = tuple(_PREFIXES.sub("", name) for name in found[1 : n + 1])
            if added_columns(header[:start], names) == found:
                return start, names
    have = shorten_list(header)
    raise TableError(
        f"not a scored file; the header has: {have}; expected language, the categories, their"
        " bands, reach, recommendation and reason at its end: score it with postrisk score first"
    )


@dataclass(slots=True)
class _Tally:
    """What is kept of a file."""

    layout: _Layout
    posts: int = 0
    unreadable: int = 0
    first_problem: str = ""
    bands: Counter[tuple[str, str, Band]] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    bins: Counter[tuple[str, int]] = field(default_factory=Counter)
    lowest: dict[tuple[str, Band], float] = field(default_factory=dict)
    reach: Counter[Outcome] = field(default_factory=Counter)
    recommendations: Counter[Recommendation] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    heap: list[tuple[tuple[int, int, float, int], _Row]] = field(default_factory=list)

    def add(self, row: _Row) -> None:
        """Count one row."""
        self.posts += 1
        language = self._language(row.language)
        self.languages[language] += 1
        for name, p, band in zip(self.layout.categories, row.probabilities, row.bands, strict=True):
            self.bands[language, name, band] += 1
            self.bins[name, min(int(p * _BINS), _BINS - 1)] += 1
            self.lowest[name, band] = min(p, self.lowest.get((name, band), 1.0))
        self.reach[row.reach] += 1
        self.recommendations[row.recommendation] += 1
        if quoted := _QUOTED.fullmatch(row.reason):
            self.reasons[quoted["category"], quoted["words"].casefold()] += 1
            if len(self.reasons) > _MOST_REASONS:
                self.reasons = Counter(dict(self.reasons.most_common(_MOST_REASONS // 2)))
        if row.recommendation is not Recommendation.NONE:
            push = heappush if len(self.heap) < FIRST_POSTS else heappushpop
            push(self.heap, (row.priority, row))

    def reject(self, number: int, reason: str) -> None:
        """Count a row that is not as `postrisk score` wrote it."""
        self.unreadable += 1
        self.first_problem = self.first_problem or f"row {number}: {reason[:_LONGEST_PROBLEM]}"

    def _language(self, cell: str) -> str:
        found = _visible(cell)
        known = found in self.languages or len(self.languages) < _MOST_LANGUAGES
        return found if known and 0 < len(found) <= _LONGEST_LANGUAGE else _OTHER


def _tally(scored: str | Path, given: Mapping[str, str] | None) -> _Tally:
    with open_table(scored) as (file, _, _):
        lines = Lines(file)
        header, delimiter = read_header(lines, scored, None)
        try:
            tally = _Tally(_Layout(header, given))
        except TableError as error:
            raise TableError(f"{scored}: {error}") from None
        for number, record in enumerate(records(lines, delimiter, len(header)), start=1):
            if isinstance(record, Rejected):
                tally.reject(number, record.reason)
                continue
            try:
                tally.add(tally.layout.read(number, record))
            except ValueError as error:
                tally.reject(number, str(error))
    return tally


def _visible(text: str) -> str:
    """Show control, bidirectional and other invisible characters by their numbers."""
    return "".join(
        c if c.isprintable() or c in "\n\t" or c == _JOINER else f"⟨{ord(c):x}⟩" for c in text
    )


def _detail(text: str) -> str:
    shown = " ".join(text.split())
    return _visible(shown if len(shown) <= _LONGEST_DETAIL else shown[: _LONGEST_DETAIL - 1] + "…")


def _marked(text: str, words: str) -> tuple[str, str, str]:
    """Split a text before and after the words that the reason quotes, and cut what is long."""
    pattern = r"\s+".join(map(re.escape, words.removesuffix("…").split()))
    found = re.search(pattern, text) if pattern else None
    start, end = found.span() if found else (0, 0)
    first = max(0, start - _BEFORE_MARK) if end > _LONGEST_TEXT else 0
    last = max(first + _LONGEST_TEXT, end)
    before = ("…" if first else "") + text[first:start]
    after = text[end:last] + ("…" if last < len(text) else "")
    return _visible(before), _visible(text[start:end]), _visible(after)


def _post_view(row: _Row, layout: _Layout, *, redact: bool) -> dict[str, Any]:
    """Give what the page shows of a post; a redacted one carries nothing that its author wrote."""

    def cell(name: str) -> str:
        return row.cells[layout.columns[name]] if name in layout.columns else ""

    quoted = _QUOTED.fullmatch(row.reason)
    words = quoted["words"] if quoted else ""
    text = ("", "", _BLOCKS) if redact else _marked(cell("text"), words)
    scores = zip(layout.categories, row.probabilities, row.bands, strict=True)
    return {
        "number": row.number,
        "id": "" if redact else _detail(cell("id")),
        "details": [] if redact else [(n, _detail(cell(n))) for n in _DETAILS if cell(n).strip()],
        "text": text,
        "scores": sorted(scores, key=lambda s: (BANDS.index(s[2]), s[1]), reverse=True),
        "reach": row.reach,
        "recommendation": row.recommendation,
    }


def _histogram(tally: _Tally, name: str) -> dict[str, Any]:
    """Give the bars of a category on a logarithmic scale, as shares of the height."""
    decades = max(1, math.ceil(math.log10(max([*tally.bins.values(), 1]))))

    def height(count: int) -> float:
        # One post must be seen too, so the scale begins below it.
        return (math.log10(count) + 0.35) / (decades + 0.35) if count else 0.0

    bars = [(i / _BINS, (i + 1) / _BINS, tally.bins[name, i]) for i in range(_BINS)]
    return {
        "bars": [{"low": a, "high": b, "count": n, "height": height(n)} for a, b, n in bars],
        "ticks": [(10**k, height(10**k)) for k in range(decades + 1)],
        "lowest": {band.value: tally.lowest.get((name, band)) for band in BANDS},
    }


def _category_view(tally: _Tally, name: str, *, redact: bool) -> dict[str, Any]:
    def count(band: Band, languages: Sequence[str]) -> int:
        return sum(tally.bands[language, name, band] for language in languages)

    languages = [language for language, _ in tally.languages.most_common()]
    reasons = [(w, n) for (c, w), n in tally.reasons.most_common() if c == name]
    return {
        "name": name,
        "bands": {band.value: count(band, languages) for band in BANDS},
        "raised": {k: count(Band.REVIEW, [k]) + count(Band.FLAG, [k]) for k in languages},
        "reasons": [] if redact else [(_visible(w), n) for w, n in reasons[:_REASONS_SHOWN]],
        **_histogram(tally, name),
    }


def _view(tally: _Tally, scored: str | Path, *, redact: bool) -> dict[str, Any]:
    rule = Rulebook.load()
    return {
        "source": _visible(Path(scored).name),
        "command": _visible(shlex.quote(Path(scored).name)),
        "version": __version__,
        "redact": redact,
        "posts": tally.posts,
        "unreadable": tally.unreadable,
        "first_problem": _visible("" if redact else tally.first_problem),
        "recommendations": {r.value: tally.recommendations[r] for r in reversed(_URGENCY)},
        "reach": {outcome.value: tally.reach[outcome] for outcome in Outcome},
        "languages": dict(tally.languages.most_common()),
        "categories": [_category_view(tally, n, redact=redact) for n in tally.layout.categories],
        "first": [
            _post_view(row, tally.layout, redact=redact)
            for _, row in sorted(tally.heap, key=lambda item: item[0], reverse=True)
        ],
        "rule": rule,
    }


def _percent(part: int, whole: int) -> str:
    if not part or not whole:
        return "0 %"
    share = 100 * part / whole
    return "< 0.1 %" if share < 0.1 else f"{share:.1f} %"  # noqa: PLR2004 - as it reads


def _short(power: int) -> str:
    """Write a power of ten where there is little room: ``100k``."""
    return next(
        (f"{power // size}{unit}" for size, unit in ((10**6, "M"), (1000, "k")) if power >= size),
        str(power),
    )


def render(view: Mapping[str, Any]) -> Iterator[str]:
    """Give the page in pieces."""
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise InputError("jinja2 is not installed: pip install 'postrisk[plots]'") from None
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": _percent, "number": "{:,}".format, "short": _short}
    template = (files("postrisk") / "templates" / "report.html").read_text("utf-8")
    return environment.from_string(template).generate(view)


def write_report(
    scored: str | Path,
    target: str | Path,
    *,
    redact: bool = False,
    given: Mapping[str, str] | None = None,
) -> None:
    """Write one HTML page about a CSV file that `postrisk.tables.score_table` wrote.

    Parameters
    ----------
    scored : str or Path
        ``-`` for standard input.
    target : str or Path
        The page; it appears under its name only when it is complete.
    redact : bool
        Leave out the posts' texts, ids, dates and counts, and the words that reasons quote.
    given : mapping of str to str, optional
        Fields and the columns that hold them, as they were given for scoring.

    Raises
    ------
    TableError
        When the file is not a scored one, or the page cannot be written.
    InputError
        When jinja2 is not installed.
    """
    final = Path(target)
    if final.exists() and Path(scored).exists() and final.samefile(scored):
        raise TableError(f"{target}: is the scored file itself; give the page another name")
    pieces = render(_view(_tally(scored, given), scored, redact=redact))
    with new_file(final) as file:
        file.writelines(pieces)
