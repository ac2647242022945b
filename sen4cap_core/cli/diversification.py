"""``sen4cap diversification``: crop diversification of holdings on tables, without the service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.invocation import tell_new_folder
from sen4cap_core.errors import Sen4capError

app = typer.Typer(help="Crop diversification of holdings from tables of crop types.", no_args_is_help=True)


@app.callback()
def diversification() -> None:
    """Crop diversification of holdings from tables of crop types."""


class Behaviour(StrEnum):
    """Whether the original's defects are reproduced."""

    default = "default"
    sen4cap = "sen4cap"


@app.command()
def assess(
    parcels: Annotated[
        Path, typer.Option(help="Table of declared parcels with predictions; .csv, .csv.gz or .parquet.")
    ],
    crop_codes: Annotated[
        Path, typer.Option(help="Crop code table: all columns, or CTnumDIV and its six flags.")
    ],
    out_parcels: Annotated[
        Path, typer.Option(help="Table to write; .csv, .csv.gz or .parquet.", callback=tell_new_folder)
    ],
    out_holdings: Annotated[
        Path, typer.Option(help="Table to write; .csv, .csv.gz or .parquet.", callback=tell_new_folder)
    ],
    predictions: Annotated[
        Path | None,
        typer.Option(help="Table of predictions by NewID; takes the place of those in the parcels table."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of thresholds; default: Article 44.")] = None,
    compat: Annotated[
        Behaviour, typer.Option(help="sen4cap reproduces the original with its defects.")
    ] = Behaviour.default,
) -> None:
    """Say of each holding whether it is exempt, and if not whether its crops are diverse enough."""
    from sen4cap_core.processors.l4a.diversification.command import assess_tables

    try:
        summary = assess_tables(
            parcels,
            crop_codes,
            out_parcels,
            out_holdings,
            predictions=predictions,
            config=config,
            compat="sen4cap" if compat is Behaviour.sen4cap else "default",
        )
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in summary:
        typer.echo(line, err=True)
