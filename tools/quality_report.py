"""Measure both shipped models on everything they did not learn from, for ``docs/quality.md``.

    POSTRISK_DATA=… python tools/quality_report.py

Writes the whole report of each model into ``docs/quality/`` and the table of goals between its
markers. Takes about ten minutes on two cores.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from postrisk.evaluation import Rate
from postrisk.evaluation_report import EvaluationReport
from postrisk.overblocking import is_civic
from postrisk.ranking import RankingLine
from postrisk.recipe import PROTECTED_KINDS
from postrisk.registry import Model
from postrisk.suites import evaluate, public_split

DOCS = Path(__file__).resolve().parents[1] / "docs"
MODELS: tuple[Model, ...] = ("base", "research")
# Weak labels (pictures' titles, search terms, prompts to a chat model) say little; left out here.
_ENOUGH = 100
_WEAK = {"reddit-adult", "i2p", "multijail", "multijail-en"}
_CROSS = "never trained on"
# Pictures that the page does without: they show what flatters.
_LEFT_OUT = re.compile("same-source|authored-twins")
Row = tuple[str, str, str]


def _lines(report: EvaluationReport, category: str, language: str) -> list[RankingLine]:
    lines = report.ranked.lines if report.ranked else ()
    return [
        line
        for line in lines
        if (line.category, line.language) == (category, language) and line.source not in _WEAK
    ]


def _cross(report: EvaluationReport, category: str, language: str) -> list[RankingLine]:
    lines = _lines(report, category, language)
    return [line for line in lines if line.split == _CROSS]


def _named(lines: Iterable[RankingLine]) -> str:
    return ", ".join(f"{line.source} {line.auc}" for line in lines) or "no such set"


def _mean_auc(lines: list[RankingLine]) -> str:
    if not lines:
        return "no such set"
    mean = float(np.mean([line.auc.value for line in lines]))
    return f"mean {mean:.3f}: {_named(lines)}"


def _recall(lines: list[RankingLine]) -> str:
    return ", ".join(f"{line.source} {line.recall_flag.rate:.2f}" for line in lines) or "–"


def _held(report: EvaluationReport, category: str, language: str) -> list[RankingLine]:
    return [line for line in _lines(report, category, language) if line.split != _CROSS]


def _pool(rates: Iterable[Rate]) -> str:
    hits, total = (sum(column) for column in zip(*((r.hits, r.total) for r in rates), strict=True))
    return f"{100 * hits / max(total, 1):.2f} % of {total:,}"


def _ranking_goals(report: EvaluationReport, research: bool) -> Iterable[Row]:  # noqa: FBT001
    porn_zh = _cross(report, "pornography", "zh") or _held(report, "pornography", "zh")
    yield "pornography en", "AUC ≥ .96", _named(_held(report, "pornography", "en"))
    yield "pornography zh", f"AUC ≥ {'.96' if research else '.92'}", _named(porn_zh)
    both = _held(report, "pornography", "en") + porn_zh
    yield "pornography", "recall at flag ≥ .60", _recall(both)
    for language, goal in (("en", ".88"), ("zh", ".85")):
        found = _cross(report, "violence", language) + _held(report, "violence", language)
        yield f"violence {language}", f"AUC ≥ {goal}", _named(found)
        yield f"violence {language}", "recall at flag ≥ .40", _recall(found)
    terror = _held(report, "terrorism", "en")
    yield "terrorism en", "AUC ≥ .92, accounts apart", _named(terror)
    yield "terrorism en", "AP ≥ .80", ", ".join(f"{x.source} {x.ap:.2f}" for x in terror)
    yield "rumor en", "mean AUC ≥ .75, events apart", _mean_auc(_cross(report, "rumor", "en"))
    goal = f"mean AUC ≥ {'.75' if research else '.65'}, events apart"
    yield "rumor zh", goal, _mean_auc(_cross(report, "rumor", "zh"))


def _is_protected(kind: str) -> bool:
    return kind.startswith("protected") or kind in PROTECTED_KINDS or is_civic(kind)


def _safe_goals(report: EvaluationReport) -> Iterable[Row]:
    found = report.overblocking
    if found is None or report.gate is None or report.ranked is None:
        return
    protected = [g for g in found.groups if _is_protected(g.kind)]
    yield "protected speech", "flagged ≤ 1 %", _pool(group.flag for group in protected)
    for language in ("en", "zh"):
        groups = [g for g in protected if g.language == language and g.flag.total >= _ENOUGH]
        worst = max(groups, key=lambda g: (g.flag.low, g.flag.rate))
        shown = f"{worst.source} {worst.kind} {_pool([worst.flag])}"
        yield f"worst group of {_ENOUGH} or more, {language}", "flagged ≤ 2 %", shown
    every = [line for line in found.overall if line.source == "all"]
    for line in every:
        yield f"all safe posts, {line.language}", "–", f"flagged {_pool([line.flag])}"
    for gate in report.gate:
        if gate.source == "all":
            gap = gate.flag.difference
            shown = f"{100 * gap.value:+.2f} ({100 * gap.low:+.2f} to {100 * gap.high:+.2f})"
            yield f"civic against other posts, {gate.language}", "gap at flag ≤ 1 point", shown
    for part in report.ranked.calibration:
        if part.split != _CROSS:
            shown = f"{part.calibration.ece:.3f} ({part.split})"
            yield f"calibration {part.category} {part.language}", "ECE ≤ .03", shown


def _suite_goals(report: EvaluationReport) -> Iterable[Row]:
    twins, flips = report.twins or (), report.robustness or ()
    both = _pool(t.both_right for t in twins)
    ordered = _pool(t.ordered for t in twins)
    yield "functional twins", "≥ 85 % right", f"both bands {both}; ordered rightly {ordered}"
    for invariant, goal in ((True, "0 flips"), (False, "≤ 5 % flips")):
        chosen = [f for f in flips if f.invariant is invariant]
        what = "undone by folding" if invariant else "other rewriting"
        lost, raised = _pool(f.lost for f in chosen), _pool(f.raised for f in chosen)
        yield f"robustness: {what}", goal, f"lost {lost}; raised {raised}"
    for words in sorted({d.words for d in report.dilution or ()}):
        chosen_dilution = [d for d in report.dilution or () if d.words == words]
        kept = _pool(d.kept for d in chosen_dilution)
        review = _pool(d.review for d in chosen_dilution)
        yield f"in {words} safe words", "keeps its band", f"{kept}; at least review {review}"


def goals(name: Model, report: EvaluationReport) -> str:
    """Give the table of goals and of what a model reaches."""
    rows = [
        *_ranking_goals(report, name == "research"),
        *_safe_goals(report),
        *_suite_goals(report),
    ]
    table = ["| | goal | reached |", "|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)]
    return f"### postrisk-{name}\n\n" + "\n".join(table)


def fill(marker: str, content: str) -> None:
    """Replace what stands between ``<!-- marker -->`` and its end in ``docs/quality.md``."""
    page = DOCS / "quality.md"
    pattern = re.compile(rf"(<!-- {marker} -->\n).*?(<!-- /{marker} -->)", re.DOTALL)
    replace: Callable[[re.Match[str]], str] = lambda m: f"{m[1]}\n{content}\n\n{m[2]}"  # noqa: E731
    text, found = pattern.subn(replace, page.read_text("utf-8"))
    if not found:
        raise SystemExit(f"{page}: no marker {marker}")
    page.write_text(text, "utf-8")


def main() -> None:
    """Measure both models."""
    tables = []
    for name in MODELS:
        report = evaluate(name, public_split(name))
        for path in report.save(DOCS / "quality" / name, plots=True, formats=("png",)):
            if path.suffix == ".json" or _LEFT_OUT.search(path.name):
                path.unlink()
        tables.append(goals(name, report))
    fill("goals", "\n\n".join(tables))


if __name__ == "__main__":
    main()
