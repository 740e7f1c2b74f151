"""The verb that measures a model: ``postrisk evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from postrisk.options import JsonOption, ModelOption

if TYPE_CHECKING:
    from postrisk.recipe import Split

# As wide as the tables need to be, since nothing in a pipe has a width.
_PIPE_WIDTH = 240
_LABELLED = typer.Argument(
    metavar="[LABELLED.csv]",
    help="CSV with a text column, one column of 0, 1 or nothing for each category, and if you"
    " have them source, group, kind and language; the authored test posts when absent.",
)
_SUITE = typer.Option(
    "--suite",
    metavar="NAME",
    help="Which to run, once for each: ranking, overblocking, gate, twins, robustness, dilution,"
    " learning, or all. All but learning, which trains the recipe four times, when absent.",
)


def evaluate(
    labelled: Annotated[str | None, _LABELLED] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for report.json, report.md and pictures."),
    ] = None,
    model: ModelOption = None,
    public: Annotated[
        bool, typer.Option("--public", help="Measure on the public data sets; see POSTRISK_DATA.")
    ] = False,
    as_json: JsonOption = False,
    suite: Annotated[list[str] | None, _SUITE] = None,
) -> None:
    """Measure a model on labelled posts: ranking, over-blocking, twins, rewriting, dilution."""
    from postrisk.registry import Model
    from postrisk.store import load
    from postrisk.suites import DEFAULT_SUITES, evaluate, public_split
    from postrisk.terminal import print_evaluation

    if public and labelled is not None:
        raise typer.BadParameter("give a labelled CSV file, or --public")
    console = Console(stderr=True, markup=False, emoji=False)
    with console.status("measuring", spinner="line"):
        measured = load(model)
        kind: Model = "research" if measured.name == "postrisk-research" else "base"
        posts: Split | str | None = public_split(kind) if public else labelled
        report = evaluate(measured, posts, suites=suite or DEFAULT_SUITES)
    if output is not None:
        written = report.save(output)
        drawn = any(path.suffix == ".svg" for path in written)
        missing = "" if drawn else "; for pictures: pip install 'postrisk[plots]'"
        console.print(f"saved {len(written)} files in {output}{missing}", highlight=False)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2, sort_keys=True))
    else:
        shown = Console(markup=False, emoji=False, highlight=False)
        if not shown.is_terminal:
            shown.width = _PIPE_WIDTH
        print_evaluation(shown, report)
