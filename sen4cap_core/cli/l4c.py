"""``sen4cap l4c``: agricultural practices on tables, without the service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option
from sen4cap_core.cli.terminal.invocation import tell_new_folder
from sen4cap_core.errors import Sen4capError

app = typer.Typer(help="Agricultural practices (L4C) from tables of observations.", no_args_is_help=True)


@app.callback()
def l4c() -> None:
    """Agricultural practices (L4C) from tables of observations."""


class Practice(StrEnum):
    """What is monitored."""

    NA = "NA"
    CC = "CC"
    FL = "FL"
    NFC = "NFC"


class Behaviour(StrEnum):
    """Whether the original's defects are reproduced."""

    default = "default"
    sen4cap = "sen4cap"


@app.command()
def monitor(
    observations: Annotated[Path, typer.Option(help="Table of parcel means; .csv, .csv.gz or .parquet.")],
    practices: Annotated[
        list[Path], typer.Option(help="Practice table. Several practices: repeat, with --practice and --out.")
    ],
    practice: Annotated[list[Practice], typer.Option(help="NA is harvest only.")],
    country: Annotated[str, typer.Option(help="Country code, for tables without COUNTRY.")],
    year: Annotated[int, typer.Option(min=1970, max=2100, help="Year of the season.")],
    config: Annotated[Path, typer.Option(help="Practices configuration of the original's form (.cfg).")],
    out: Annotated[
        list[Path], typer.Option(help="Table to write; .csv, .csv.gz or .parquet.", callback=tell_new_folder)
    ],
    until: Annotated[datetime | None, day_option(help="Last day of observations.")] = None,
    acqs_date_limit: Annotated[
        datetime | None,
        day_option(help="Gaps count up to this day; default: the last observation."),
    ] = None,
    min_acqs: Annotated[
        int, typer.Option(min=0, help="Coherences one orbit must have (with --compat sen4cap).")
    ] = 15,
    previous: Annotated[
        list[Path] | None, typer.Option(help="Earlier result whose harvest weeks are kept.")
    ] = None,
    tillage: Annotated[bool, typer.Option("--tillage", help="Look for tillage after the harvest.")] = False,
    weekly: Annotated[list[Path] | None, typer.Option(help="Table of M1..M5 of each week to write.")] = None,
    compat: Annotated[
        Behaviour, typer.Option(help="sen4cap reproduces the original with its defects.")
    ] = Behaviour.default,
) -> None:
    """Judge practices and find harvests of parcels from a table of observations."""
    from sen4cap_core.processors.l4c.command import MonitoringOptions, PracticeJob, monitor_tables

    given = {"--practices": practices, "--out": out, "--previous": previous, "--weekly": weekly}
    for name, values in given.items():
        if values and len(values) != len(practice):
            raise typer.BadParameter(f"{name} is given {len(values)} times, --practice {len(practice)} times")
    jobs = [
        PracticeJob(
            practice[i].value,
            practices[i],
            out[i],
            weekly[i] if weekly else None,
            previous[i] if previous else None,
        )
        for i in range(len(practice))
    ]
    options = MonitoringOptions(
        country=country,
        year=year,
        until=until.date() if until else None,
        acquisitions_limit=acqs_date_limit.date() if acqs_date_limit else None,
        min_acquisitions=min_acqs,
        with_tillage=tillage,
        compat="sen4cap" if compat is Behaviour.sen4cap else "default",
    )
    try:
        summary = monitor_tables(observations, config, jobs, options)
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in summary:
        typer.echo(line, err=True)


@app.command()
def score(
    result: Annotated[Path, typer.Option(help="Result of `sen4cap l4c monitor`.")],
    truth: Annotated[Path, typer.Option(help="Table with parcel_id and what really happened.")],
    out: Annotated[Path, typer.Option(help="Folder for scores.csv and plots.")],
    harvest: Annotated[str, typer.Option(help="Truth column of the harvest day.")] = "harvest_date",
    presence: Annotated[
        str, typer.Option(help="Truth column that is 1, true or yes where the practice is present.")
    ] = "catch_crop",
    tillage_day: Annotated[str, typer.Option(help="Truth column of the day of tillage.")] = "tillage_date",
    crop: Annotated[
        str, typer.Option(help="Column to group by, of the truth or else of the result.")
    ] = "MAIN_CROP",
) -> None:
    """Score a result against reference harvests, practices and tillage, in all and by crop, with plots.

    What the truth or the result has no column for is not scored.
    """
    from sen4cap_core.reports.scores.practice_score_files import score_practices

    try:
        lines = score_practices(
            result, truth, out, harvest=harvest, presence=presence, tillage=tillage_day, crop=crop
        )
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in lines:
        typer.echo(line)
