"""``sen4cap l4b``: grassland mowing on tables, without the service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option
from sen4cap_core.cli.terminal.invocation import tell_new_folder
from sen4cap_core.errors import Sen4capError

app = typer.Typer(help="Grassland mowing (L4B) from tables of observations.", no_args_is_help=True)


@app.callback()
def l4b() -> None:
    """Grassland mowing (L4B) from tables of observations."""


class Missions(StrEnum):
    """Which satellites are used."""

    S2 = "S2"
    S1 = "S1"
    S1_S2 = "S1_S2"


class Behaviour(StrEnum):
    """Whether the original's defects are reproduced."""

    default = "default"
    sen4cap = "sen4cap"


class Methods(StrEnum):
    """How cuts are told from other falls."""

    neighbourhood = "neighbourhood"
    falls = "falls"


@app.command()
def detect(
    observations: Annotated[Path, typer.Option(help="Table of parcel means; .csv, .csv.gz or .parquet.")],
    parcels: Annotated[Path, typer.Option(help="Table of parcels; .csv, .csv.gz or .parquet.")],
    config: Annotated[Path, typer.Option(help="Mowing configuration of the original's form (.cfg).")],
    start: Annotated[datetime, day_option(help="First day.")],
    end: Annotated[datetime, day_option(help="Last day.")],
    out: Annotated[
        Path, typer.Option(help="Table to write; .csv, .csv.gz or .parquet.", callback=tell_new_folder)
    ],
    missions: Annotated[Missions, typer.Option(help="Satellites to use.")] = Missions.S1_S2,
    compat: Annotated[
        Behaviour, typer.Option(help="sen4cap reproduces the original with its defects.")
    ] = Behaviour.default,
    method: Annotated[
        Methods | None,
        typer.Option(
            help="neighbourhood: falls beyond what all grassland shows; falls: the original's rule on three "
            "clear values. Default: neighbourhood, with --compat sen4cap falls."
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            help="Also write a table of all mowings; .csv, .csv.gz or .parquet.", callback=tell_new_folder
        ),
    ] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add columns that say what each answer rests on.")
    ] = False,
) -> None:
    """Find the mowings of each parcel in a table of observations."""
    from sen4cap_core.processors.l4b.command import detect_tables

    if compat is Behaviour.sen4cap and method is Methods.neighbourhood:
        raise typer.BadParameter("the original has the method falls only", param_hint="--method")
    try:
        summary = detect_tables(
            observations,
            parcels,
            config,
            start.date(),
            end.date(),
            out,
            missions=tuple(sorted(missions.value.split("_"), reverse=True)),
            compat="sen4cap" if compat is Behaviour.sen4cap else "default",
            method=method.value if method else None,
            events_out=events,
            with_evidence=evidence,
        )
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in summary:
        typer.echo(line, err=True)


@app.command()
def score(
    detections: Annotated[
        Path, typer.Option(help="Result of `l4b detect` or of the service, or its table of all mowings.")
    ],
    reference: Annotated[
        Path,
        typer.Option(help="parcel_id and date of each true mowing; an empty date: watched, not mown."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for scores.csv, reliability.csv and plots.")],
    parcels: Annotated[
        Path | None, typer.Option(help="Table with crop_code and area_m2, where the detections lack them.")
    ] = None,
    all_parcels: Annotated[
        bool,
        typer.Option("--all-parcels", help="Parcels that the reference does not name were not mown."),
    ] = False,
    tolerance: Annotated[int, typer.Option(min=0, help="Days a detection may be off.")] = 12,
    first_doy: Annotated[int, typer.Option(min=1, max=366, help="First day of the year that counts.")] = 75,
    last_doy: Annotated[int, typer.Option(min=1, max=366, help="Last day of the year that counts.")] = 300,
) -> None:
    """Score mowings against dated ones: MODCiX protocol and strict one to one; by crop, size and month."""
    from sen4cap_core.reports.scores.mowing_score_files import score_mowings

    try:
        lines = score_mowings(
            detections,
            reference,
            out,
            parcels=parcels,
            with_unnamed=all_parcels,
            tolerance_days=tolerance,
            first_doy=first_doy,
            last_doy=last_doy,
        )
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in lines:
        typer.echo(line)
