"""The verbs of ``postrisk data``: which sets there are, whether they are right, fetching them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from postrisk.options import JsonOption

data_app = typer.Typer(no_args_is_help=True, help="List, check and fetch the public data sets.")
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]…", help="Sets by name; all by default.")
]
FolderOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="FOLDER", help="Data folder; POSTRISK_DATA by default."),
]


def echo_json(values: object) -> None:
    """Print JSON; a stream that is not Unicode gets JSON's own escapes."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    escaped = "utf" not in encoding.casefold()
    typer.echo(json.dumps(values, ensure_ascii=escaped, indent=2))


@data_app.command("list")
def data_list(
    names: NamesArgument = None,
    data: FolderOption = None,
    count: Annotated[
        bool, typer.Option("--count", help="Load the sets that are there and count rows.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show each set: language, categories, licence, and which model may learn from it."""
    from postrisk.corpora import data_folder
    from postrisk.datareport import row_counts
    from postrisk.registry import pick
    from postrisk.terminal import print_cards

    cards = pick(names or [])
    root = data or data_folder()
    rows = row_counts(cards, root) if count else {}
    if as_json:
        hidden = {"files"}
        found = [card.model_dump(mode="json", exclude=hidden) for card in cards]
        echo_json([{**card, "rows": rows.get(card["name"])} for card in found])
    else:
        print_cards(Console(), cards, rows if count else None)


@data_app.command("check")
def data_check(
    names: NamesArgument = None, data: FolderOption = None, as_json: JsonOption = False
) -> None:
    """Check that each set is there, has the bytes of its card, and loads."""
    from postrisk.datareport import check, require_folder
    from postrisk.errors import DataError
    from postrisk.registry import pick
    from postrisk.terminal import print_checks

    cards = pick(names or [])
    root = require_folder(data)
    checks = [check(card, root) for card in cards]
    if as_json:
        echo_json([found.to_dict() for found in checks])
    else:
        print_checks(Console(), checks)
    wrong = sum(not found.right for found in checks)
    if wrong:
        raise DataError(f"{wrong} of {len(checks)} sets are absent or not right in {root}")


@data_app.command("fetch")
def data_fetch(
    names: NamesArgument = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Data folder; POSTRISK_DATA by default."),
    ] = None,
) -> None:
    """Download what can be had from upstream, with checksums; goes on where it stopped.

    Files that are there and right are skipped. Sets that were repacked say so: nothing
    upstream has their bytes.
    """
    from postrisk.datareport import fetch_all, require_folder
    from postrisk.errors import DataError
    from postrisk.registry import pick
    from postrisk.terminal import download_progress

    cards = pick(names or [])
    root = to if to is not None else require_folder(None)
    console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
    with download_progress(console) as on_progress:
        outcomes = fetch_all(cards, root, on_progress, console.print)
    if outcomes.failed or (names and outcomes.refused):
        missing = outcomes.failed + (outcomes.refused if names else 0)
        raise DataError(f"{missing} files could not be fetched; see above")
