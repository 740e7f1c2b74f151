"""The command line: verbs over the library's functions, and nothing else.

Exit codes: 0 done (rows may have been rejected, the summary says how many), 2 wrong usage,
3 input that cannot be read, 4 a model that cannot be trusted, 5 a rulebook that is not valid,
6 a data set that is absent or changed, 130 interrupted.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from postrisk._version import __version__
from postrisk.cli_data import data_app, echo_json
from postrisk.cli_evaluate import evaluate
from postrisk.errors import DataError, InputError, ModelError, PostriskError, RulebookError
from postrisk.options import (
    FlagCeiling,
    JsonOption,
    ModelOption,
    ReviewCeiling,
    RulesOption,
    column,
)
from postrisk.post import MAX_CHARS, Post

EXIT_CODES: dict[type[PostriskError], int] = {
    InputError: 3,
    ModelError: 4,
    RulebookError: 5,
    DataError: 6,
}
_INTERRUPTED = 130

app = typer.Typer(
    name="postrisk",
    help=(
        "Tell how risky social-media posts look, which characters say so, and whether a person"
        " should look. Never a verdict."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=(
        "Exit codes: 0 done, 2 usage, 3 input, 4 model, 5 rulebook, 6 data set, 130 interrupted."
    ),
)
rules_app = typer.Typer(no_args_is_help=True, help="Show and check reach rules.")
app.add_typer(rules_app, name="rules")
app.add_typer(data_app, name="data")
app.command()(evaluate)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's signature
    if value:
        typer.echo(f"postrisk {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def score(
    source: Annotated[str, typer.Argument(metavar="IN", help="CSV file, or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT", help="CSV file, or -.")],
    model: ModelOption = None,
    rules: RulesOption = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of IN; told from the file when absent.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Delimiter of IN; told from the header when absent.")
    ] = None,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; OUT.rejected.csv by default.")
    ] = None,
    max_chars: Annotated[int, typer.Option(min=1, help="Longest text allowed.")] = MAX_CHARS,
    review_ceiling: ReviewCeiling = None,
    flag_ceiling: FlagCeiling = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; one for each core when absent.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    text_column: Annotated[str | None, column("text")] = None,
    id_column: Annotated[str | None, column("id")] = None,
    platform_column: Annotated[str | None, column("platform")] = None,
    posted_at_column: Annotated[str | None, column("posted_at")] = None,
    reposts_column: Annotated[str | None, column("reposts")] = None,
    views_column: Annotated[str | None, column("views")] = None,
    likes_column: Annotated[str | None, column("likes")] = None,
    comments_column: Annotated[str | None, column("comments")] = None,
    account_kind_column: Annotated[str | None, column("account_kind")] = None,
    followers_column: Annotated[str | None, column("followers")] = None,
    verified_column: Annotated[str | None, column("verified")] = None,
    language_column: Annotated[str | None, column("language")] = None,
) -> None:
    """Score a CSV file into another.

    Every column and the order of rows are kept; language, four probabilities, four bands,
    reach, recommendation and reason are added. Rows that cannot be scored go to
    OUT.rejected.csv with their line number and the reason.
    """
    from postrisk.scorer import Scorer
    from postrisk.tables import TableOptions, rejected_path, score_table
    from postrisk.terminal import print_summary, progress_of
    from postrisk.workers import keep_freed_memory

    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter("expected one character", param_hint="--delimiter")
    if delimiter is not None and delimiter in '"\r\n':
        raise typer.BadParameter("quotes and line ends separate nothing", param_hint="--delimiter")
    given = {
        field: name
        for field, name in {
            "text": text_column, "id": id_column, "platform": platform_column,
            "posted_at": posted_at_column, "reposts": reposts_column, "views": views_column,
            "likes": likes_column, "comments": comments_column,
            "account_kind": account_kind_column, "followers": followers_column,
            "verified": verified_column, "language": language_column,
        }.items()
        if name is not None
    }  # fmt: skip
    aside = rejected or rejected_path(source, output)
    ceilings = {"review_ceiling": review_ceiling, "flag_ceiling": flag_ceiling}
    scorer = Scorer(model, rules, max_chars=max_chars, **ceilings)
    keep_freed_memory()
    console = Console(stderr=True, quiet=quiet, markup=False, emoji=False)
    size = os.path.getsize(source) if os.path.isfile(source) else None  # noqa: PTH113, PTH202
    with progress_of(console, size) as on_progress:
        options = TableOptions(given, encoding, delimiter, aside, workers)
        summary = score_table(scorer, source, output, options, on_progress)
    print_summary(console, summary, output, aside)


@app.command()
def explain(
    text: Annotated[str | None, typer.Argument(help="The text; or use --file and --row.")] = None,
    file: Annotated[str | None, typer.Option(help="CSV file to take the post from.")] = None,
    row: Annotated[int, typer.Option(min=1, help="Which of its rows, counted from 1.")] = 1,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    model: ModelOption = None,
    rules: RulesOption = None,
    review_ceiling: ReviewCeiling = None,
    flag_ceiling: FlagCeiling = None,
    as_json: JsonOption = False,
) -> None:
    """Show which characters of a post raised which category."""
    from postrisk.scorer import Scorer
    from postrisk.terminal import print_explanation

    if (text is None) == (file is None):
        raise typer.BadParameter("give a text, or --file with --row")
    scorer = Scorer(model, rules, review_ceiling=review_ceiling, flag_ceiling=flag_ceiling)
    if category is not None and category not in scorer.model.categories:
        known = ", ".join(scorer.model.categories)
        raise typer.BadParameter(f"found {category!r}, expected one of {known}")
    post = text if text is not None else _read_row(str(file), row)
    assessment, explanations = scorer.score_one(post), scorer.explain(post)
    if category is not None:
        explanations = {category: explanations[category]}
    if as_json:
        found = {name: explanation.to_dict() for name, explanation in explanations.items()}
        values = {"assessment": assessment.to_dict(), "explanations": found}
        echo_json(values)
    else:
        print_explanation(Console(), assessment, explanations, scorer.model.cutoffs)


def _read_row(file: str, row: int) -> Post:
    from postrisk.tables import read_row

    return read_row(file, row)


@app.command()
def train(
    labelled: Annotated[
        str | None, typer.Argument(metavar="[LABELLED]", help="CSV with a text column and one "
                                   "column of 0, 1 or nothing for each category.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Model folder.")] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Train the shipped model by its recipe instead.")
    ] = False,
    research: Annotated[
        bool, typer.Option("--research", help="With --shipped: the one for research.")
    ] = False,
    group_column: Annotated[
        str | None, typer.Option(help="Column with the event, account or source of a row.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the model.")] = "custom",
    version: Annotated[str, typer.Option(help="Version of the model.")] = "1",
) -> None:  # fmt: skip
    """Train a model on your own labelled posts, or the shipped one by its recipe."""
    from postrisk.registry import Model
    from postrisk.shipping import train_file, train_shipped

    if research and not shipped:
        raise typer.BadParameter("only with --shipped", param_hint="--research")
    if shipped == (labelled is not None):
        raise typer.BadParameter("give a labelled CSV file, or --shipped")
    if labelled is not None and output is None:
        raise typer.BadParameter("expected a folder for the model", param_hint="--output")
    kind: Model = "research" if research else "base"
    console = Console(stderr=True, markup=False, emoji=False)
    with console.status("training", spinner="line"):
        if labelled is None:
            folder = output or Path("models") / f"postrisk-{kind}"
            report = train_shipped(folder, kind)
        else:
            assert output is not None  # noqa: S101 - checked above
            folder = output
            report = train_file(labelled, folder, group_column, name, version)
    console.print(report, highlight=False)
    console.print(f"saved in {folder}")


@app.command()
def info(model: ModelOption = None, as_json: JsonOption = False) -> None:
    """Show version, model, data and checksums."""
    from postrisk.native import library
    from postrisk.store import describe
    from postrisk.terminal import print_info

    kernel = "numpy" if library() is None else "compiled"
    values = {"postrisk": __version__, "kernel": kernel, **describe(model)}
    if as_json:
        echo_json(values)
    else:
        print_info(Console(), values)


@app.command()
def report(
    scored: Annotated[str, typer.Argument(metavar="SCORED", help="CSV written by score.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="HTML file.")],
    redact: Annotated[bool, typer.Option("--redact", help="Leave the texts out.")] = False,
    text_column: Annotated[str | None, column("text")] = None,
    id_column: Annotated[str | None, column("id")] = None,
    reposts_column: Annotated[str | None, column("reposts")] = None,
    views_column: Annotated[str | None, column("views")] = None,
) -> None:
    """Write one self-contained HTML page about a scored file."""
    from postrisk.report import write_report

    named = {"text": text_column, "id": id_column, "reposts": reposts_column}
    given = {f: name for f, name in {**named, "views": views_column}.items() if name is not None}
    write_report(scored, output, redact=redact, given=given)
    typer.echo(f"saved in {output}", err=True)


@app.command()
def lab(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free port.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    model: ModelOption = None,
    rules: RulesOption = None,
) -> None:
    """Open the teaching page in a browser, on this computer only; stops on Ctrl-C."""
    from postrisk.lab import serve

    serve(port=port, model=model, rulebook=rules, open_browser=browser)


@rules_app.command("show")
def rules_show(
    rulebook: Annotated[str | None, typer.Argument(help="File or shipped name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a rulebook in words; the shipped default when none is named."""
    from postrisk.rules import Rulebook
    from postrisk.terminal import print_rulebook

    rule = Rulebook.load(rulebook)
    if as_json:
        values = {**rule.model_dump(mode="json", by_alias=True), "hash": rule.hash}
        echo_json(values)
    else:
        print_rulebook(Console(), rule)


@rules_app.command("check")
def rules_check(rulebook: Annotated[Path, typer.Argument(help="TOML file.")]) -> None:
    """Check a rulebook; the first error names the key and what is allowed."""
    from postrisk.rules import Rulebook

    rule = Rulebook.load(rulebook)
    typer.echo(f"{rulebook}: valid; {rule.id}, hash {rule.hash[:12]}")


def _drop_standard_output() -> None:
    """Let what could not be written be forgotten, or Python tries it again at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except PostriskError as error:
        code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
        message = " ".join(str(error).split())
    except KeyboardInterrupt:
        code, message = _INTERRUPTED, "interrupted"
    except SystemExit as stop:  # typer has turned Ctrl-C into one
        if stop.code != _INTERRUPTED:
            raise
        code, message = _INTERRUPTED, "interrupted"
    except OSError as error:
        _drop_standard_output()
        code, message = 3, f"{error.filename or 'standard output'}: {error.strerror}"
    except (MemoryError, csv.Error) as error:
        code, message = 3, f"{type(error).__name__}: {error}"
    else:
        return
    typer.echo(f"postrisk: {message}", err=True)
    raise SystemExit(code)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with _one_line_errors():
        app()
