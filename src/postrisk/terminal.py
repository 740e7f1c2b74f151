"""What the command line shows: progress, summary, highlighted explanations, rulebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, JustifyMethod
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from postrisk.cutoffs import BANDS, Band, Cutoffs
from postrisk.explanation import Explanation
from postrisk.rules import Rulebook
from postrisk.scorer import Assessment

if TYPE_CHECKING:  # it loads scikit-learn, which other verbs do without
    from postrisk.datareport import Check
    from postrisk.evaluation_report import EvaluationReport
    from postrisk.registry import Card
    from postrisk.tables import Summary

_BAND_STYLES = {Band.PASS: "green", Band.REVIEW: "yellow", Band.FLAG: "bold red"}
# Share of the strongest character's contribution from which a character is tinted.
_STEPS = ((0.66, "black on red"), (0.33, "black on yellow"), (0.12, "underline"))
_BAR = 20
_SPANS_SHOWN = 3


def _escape(text: str) -> str:
    """Show control and invisible characters as numbers, so that no text acts on a terminal."""
    return "".join(c if c.isprintable() or c in "\n " else f"⟨{ord(c):x}⟩" for c in text)


@contextmanager
def progress_of(console: Console, size: int | None) -> Iterator[Callable[[int, Summary], None]]:
    """Show a bar with rate and time left on a terminal, and nothing in a pipe."""
    if not console.is_terminal or console.quiet:
        yield lambda _position, _summary: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} posts, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=size, rows=0, rate=0.0)

        def update(position: int, summary: Summary) -> None:
            elapsed = progress.tasks[0].elapsed or 0.0
            rate = summary.rows / elapsed if elapsed else 0.0
            progress.update(task, completed=position, rows=summary.rows, rate=rate)

        yield update


def print_summary(console: Console, summary: Summary, output: str, rejected: Path) -> None:
    """Say how many of what."""
    from postrisk.rows import STANDARD  # noqa: PLC0415 - loads pyarrow, which showing texts need not

    names = list(dict.fromkeys(name for name, _ in summary.bands))
    table = Table("category", *(band.value for band in BANDS), title_justify="left", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in names:
        table.add_row(name, *(f"{summary.bands[name, band.value]:,}" for band in BANDS))
    target = "standard output" if output == STANDARD else output
    console.print(
        f"{summary.rows:,} rows: {summary.scored:,} scored to {target},"
        f" {summary.rejected:,} rejected" + (f" to {rejected}" if summary.rejected else ""),
        highlight=False,
        soft_wrap=True,
    )
    found = ", ".join(f"{field} = {column}" for field, column in summary.columns.items())
    console.print(f"{summary.encoding}; {found}", style="dim", highlight=False, soft_wrap=True)
    if summary.scored:
        console.print(table)
        for title, counts in (("reach", summary.reach), ("look", summary.recommendations)):
            shown = ", ".join(f"{counts[key]:,} {key}" for key in sorted(counts))
            console.print(f"{title}: {shown}", highlight=False)


def highlight(explanation: Explanation) -> Text:
    """Give the text with its characters tinted by what they add."""
    strongest = explanation.characters.max(initial=0.0)
    shown = Text()
    for character, value in zip(explanation.text, explanation.characters, strict=True):
        share = value / strongest if strongest > 0 else 0.0
        style = next((style for step, style in _STEPS if share >= step), "")
        shown.append(_escape(character), style=style)
    return shown


def print_explanation(
    console: Console,
    assessment: Assessment,
    explanations: Mapping[str, Explanation],
    cutoffs: Mapping[str, Cutoffs],
) -> None:
    """Show probabilities and bands, then the text for each category that stands out."""
    for name, explanation in explanations.items():
        band = assessment.bands[name]
        filled = round(explanation.probability * _BAR)
        bar = Text("█" * filled + "░" * (_BAR - filled), style=_BAND_STYLES[band])
        line = Text.assemble(f"{name:<12} ", bar, f" {explanation.probability:.3f}  ")
        console.print(line.append(band.value, style=_BAND_STYLES[band]))
        why = cutoffs[name].of(assessment.script).why_never_flagged
        if why and band is Band.REVIEW:
            console.print(Text(f"{'':<12} never flagged: {why}", style="dim"))
    standing = [n for n in explanations if assessment.bands[n] is not Band.PASS]
    if not standing:
        standing = [max(explanations, key=lambda n: explanations[n].probability)]
    for name in standing:
        explanation = explanations[name]
        window = explanation.window
        place = "" if explanation.is_whole else f"  in characters {window[0]}–{window[1]}"
        console.print()
        console.print(Text.assemble((name, "bold"), f"  logit {explanation.logit:+.2f}"
                      f" = bias {explanation.bias:+.2f} + text {explanation.characters.sum():+.2f}",
                      *[f" + {k} {v:+.2f}" for k, v in explanation.named.items()],
                      place))  # fmt: skip
        console.print(highlight(explanation))
        for span in explanation.spans[:_SPANS_SHOWN]:
            console.print(Text(f"  {span.contribution:+.2f}  {_escape(span.text)!s}"))
    console.print()
    console.print(Text(f"reach: {assessment.reach.outcome.value} ({assessment.reach.reason})"))
    console.print(Text(f"recommendation: {assessment.recommendation.value}"))


def print_evaluation(console: Console, report: EvaluationReport) -> None:
    """Show the tables of an evaluation."""
    console.print(Text(f"How good {report.model} is", style="bold"))
    for found in report.tables():
        table = Table(box=None, pad_edge=False)
        for index, name in enumerate(found.header):
            justify: JustifyMethod = "right" if index >= found.names else "left"
            table.add_column(Text(name), justify=justify, overflow="fold")
        for row in found.rows:
            table.add_row(*(Text(_escape(cell)) for cell in row))
        console.print()
        console.print(Text(found.title, style="bold"))
        console.print(Text(_escape(found.about), style="dim"), soft_wrap=not console.is_terminal)
        console.print(table)


def print_info(console: Console, values: Mapping[str, Any]) -> None:
    """Show versions, the model and its checksums."""
    table = Table(show_header=False, box=None)
    for key, value in values.items():
        shown = value
        if isinstance(value, dict):
            shown = "\n".join(f"{k}: {v}" for k, v in value.items())
        elif isinstance(value, list):
            shown = ", ".join(map(str, value))
        table.add_row(key.replace("_", " "), Text(str(shown)))
    console.print(table)


def print_rulebook(console: Console, rule: Rulebook) -> None:
    """Show a rule in words, with what it does not assess."""
    joined = {"any": " or ", "all": " and "}[rule.outcome.join]
    needs = joined.join(f"{t.counter} ≥ {t.at_least:,}" for t in rule.threshold)
    days = rule.effective.from_ or "always", rule.effective.until or "today"
    lines = [
        Text(rule.title, style="bold"),
        Text(f"{rule.source.issuer}\n{rule.source.citation}"),
        Text(f"“{rule.source.original}”\n“{rule.source.translation}”", style="italic"),
        Text(f"in force: {days[0]} to {days[1]}"),
        Text(f"met when: {needs} (the numbers included)"),
        Text(
            f"for posts whose {', '.join(rule.scope.categories)} band is"
            f" {' or '.join(rule.scope.bands)}; then: {rule.outcome.recommendation}"
        ),
        Text("not assessed:\n" + "\n".join(f"  - {line}" for line in rule.limits.not_assessed)),
        Text("notes:\n" + "\n".join(f"  - {line}" for line in rule.limits.notes)),
        Text(f"id {rule.id}, hash {rule.hash}", style="dim"),
    ]
    for line in lines:
        console.print(line, soft_wrap=not console.is_terminal)


@contextmanager
def download_progress(
    console: Console,
) -> Iterator[Callable[[str, int], AbstractContextManager[Callable[[int], None]]]]:
    """Show a bar for each download on a terminal, and nothing in a pipe."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    shown = console.is_terminal and not console.quiet
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:

        @contextmanager
        def start(name: str, size: int) -> Iterator[Callable[[int], None]]:
            task = progress.add_task(_escape(name), total=size)
            try:
                yield lambda done: progress.update(task, completed=done)
            finally:
                progress.remove_task(task)

        yield start


def print_cards(console: Console, cards: Sequence[Card], rows: Mapping[str, int] | None) -> None:
    """Show the registry of data sets."""
    table = Table("name", "language", "categories", "licence", "may train", box=None)
    if rows is not None:
        table.add_column("rows", justify="right")
    for card in cards:
        counted = [] if rows is None else [f"{rows[card.name]:,}" if card.name in rows else ""]
        table.add_row(
            card.name, card.language, ", ".join(card.categories), card.licence, card.train, *counted
        )
    console.print(table)


def print_checks(console: Console, checks: Sequence[Check]) -> None:
    """Show what was found of each set in the data folder."""
    table = Table("name", "files right", "rows", "problem", box=None)
    table.columns[2].justify = "right"
    for check in checks:
        right = sum(found == "right" for found in check.files.values())
        wrong = [f"{path} {found}" for path, found in check.files.items() if found != "right"]
        problem = check.problem or ", ".join(wrong[:_SPANS_SHOWN])
        if len(wrong) > _SPANS_SHOWN:
            problem += f" and {len(wrong) - _SPANS_SHOWN} more"
        table.add_row(
            check.name,
            f"{right} of {len(check.files)}",
            "" if check.rows is None else f"{check.rows:,}",
            Text(_escape(problem), style="red"),
        )
    console.print(table)
