"""``sen4cap l4a``: crop types on tables, without the service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option
from sen4cap_core.cli.terminal.invocation import tell_new_folder
from sen4cap_core.errors import Sen4capError

app = typer.Typer(help="Crop types (L4A) from tables of observations.", no_args_is_help=True)


@app.callback()
def l4a() -> None:
    """Crop types (L4A) from tables of observations."""


class Behaviour(StrEnum):
    """Whether the original's method is used with its defects."""

    default = "default"
    sen4cap = "sen4cap"


Observations = Annotated[
    Path,
    typer.Option(
        help="Table of parcel means (.csv, .csv.gz, .parquet), long or wide, or a folder of the store."
    ),
]
Parcels = Annotated[Path, typer.Option(help="Table of declared parcels; .csv, .csv.gz or .parquet.")]
CropCodes = Annotated[
    Path, typer.Option(help="Crop code table: Ori_crop, CTnumL4A, CTL4A, LC or all columns.")
]
Config = Annotated[Path | None, typer.Option(help="YAML file of settings; default: the original's values.")]
Start = Annotated[datetime | None, day_option(help="First day of observations.")]
Until = Annotated[
    datetime | None,
    day_option(help="Use only what was known on this day."),
]
Compat = Annotated[Behaviour, typer.Option(help="sen4cap learns as the original: SMOTE and a random forest.")]
Strata = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|COLUMN",
        help="Regions with a model each: a file of polygons (parcels are GeoParquet then), or the column of "
        "the parcels that names them.",
    ),
]


@app.command("classify")
def classify_command(
    observations: Observations,
    parcels: Parcels,
    crop_codes: CropCodes,
    out: Annotated[
        Path,
        typer.Option(
            help="Table to write (.csv, .csv.gz, .parquet), or a folder for all files.",
            callback=tell_new_folder,
        ),
    ],
    config: Config = None,
    start: Start = None,
    until: Until = None,
    compat: Compat = Behaviour.default,
    strata: Strata = None,
    reports: Annotated[
        Path | None, typer.Option(help="Folder of side tables and pictures; default: <out>-report.")
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Also write the features that were learnt from (large).")
    ] = False,
) -> None:
    """Tell the crop type of each parcel from a season's observations."""
    import geopandas as gpd

    from sen4cap_core.processors.l4a.crop_type.command import classify_tables
    from sen4cap_core.processors.l4a.crop_type.regions import read_shapes
    from sen4cap_core.products.crop_type_shapes import write_crop_type_shapes
    from sen4cap_core.reports.pictures.crop_type import write_pictures

    try:
        done = classify_tables(
            observations,
            parcels,
            crop_codes,
            out,
            config=config,
            start=start.date() if start else None,
            until=until.date() if until else None,
            method="sen4cap" if compat is Behaviour.sen4cap else "default",
            strata=strata,
            reports=reports,
            keep_samples=samples,
            say=lambda text: typer.echo(text, err=True),
        )
        write_pictures(done.crop_map, done.classes, done.folder, done.suffix)
        shapes = read_shapes(parcels, done.classes.ids) if done.folder == out else None
        if shapes is not None and shapes.crs is not None:
            write_crop_type_shapes(gpd.GeoDataFrame(done.predictions, geometry=shapes), out)
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in done.summary:
        typer.echo(line, err=True)
    typer.echo(f"Side tables and pictures: {done.folder}", err=True)


@app.command("early-season")
def early_season_command(
    observations: Observations,
    parcels: Parcels,
    crop_codes: CropCodes,
    out: Annotated[
        Path,
        typer.Option(
            help="Table of accuracies to write; a plot goes beside it (.png).", callback=tell_new_folder
        ),
    ],
    config: Config = None,
    start: Start = None,
    until: Until = None,
    compat: Compat = Behaviour.default,
    every_days: Annotated[int, typer.Option(min=1, help="Days between the dates looked at.")] = 30,
) -> None:
    """Show how accurate the map would have been on each date of the season."""
    from sen4cap_core.files import atomic_path
    from sen4cap_core.processors.l4a.crop_type.early_season import early_season
    from sen4cap_core.reports.pictures.crop_type import early_season_png

    try:
        found = early_season(
            observations,
            parcels,
            crop_codes,
            out,
            config=config,
            start=start.date() if start else None,
            until=until.date() if until else None,
            method="sen4cap" if compat is Behaviour.sen4cap else "default",
            every_days=every_days,
        )
        table = found.table
        plot = out.with_name(out.name.split(".")[0] + ".png")
        png = early_season_png(table["date"].tolist(), table["overall"].tolist(), table["macro_f"].tolist())
        with atomic_path(plot) as temporary:
            temporary.write_bytes(png)
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for line in (*(f"skipped {text}" for text in found.skipped), f"{len(table)} dates: {out}, {plot}"):
        typer.echo(line, err=True)
