"""Options that several verbs of the command line share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

ModelOption = Annotated[
    str | None, typer.Option("--model", help="Model folder or shipped name.", metavar="MODEL")
]
RulesOption = Annotated[
    str | None, typer.Option("--rules", help="Rulebook file or shipped name.", metavar="RULEBOOK")
]


def rate_of(value: str) -> float:
    """Read a rate.

    >>> rate_of("5%"), rate_of("0.05")
    (0.05, 0.05)
    """
    number = value.strip().removesuffix("%")
    try:
        rate = float(number) / (100 if number != value.strip() else 1)
    except ValueError:
        raise typer.BadParameter(f"found {value!r}, expected a rate such as 5% or 0.05") from None
    if not 0 < rate < 1:
        raise typer.BadParameter(f"found {value!r}, expected a rate between 0 and 100%")
    return rate


def ceiling(band: str) -> Any:
    """Give the option for the ceiling of a band."""
    return typer.Option(
        f"--{band}-ceiling", parser=rate_of, metavar="RATE", help="Highest rate of held-out safe"
        f" posts that may reach {band}, such as 5%; the model's own when absent.",
    )  # fmt: skip


ReviewCeiling = Annotated[float | None, ceiling("review")]
FlagCeiling = Annotated[float | None, ceiling("flag")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def column(field: str) -> Any:
    """Give the option that names the column of a field."""
    return typer.Option(
        f"--{field.replace('_', '-')}-column", metavar="NAME", rich_help_panel="Columns",
        help=f"Column that holds {field.replace('_', ' ')}.",
    )  # fmt: skip
