"""``sen4cap markers export``: everything known of a site's parcels, as wide tables."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option

app = typer.Typer(help="Marker databases: all that was observed of each parcel.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``markers`` a group of commands, also while it has one."""


@app.command()
def export(
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    start: Annotated[datetime, day_option("--from", help="First day.")],
    end: Annotated[datetime, day_option("--to", help="Last day; its year is the season's.")],
    markers: Annotated[
        str,
        typer.Option(
            help="MDB1, MDB2, MDB3, L4A, separated by commas; else all, L4A if crop types are made."
        ),
    ] = "",
) -> None:
    """Write marker databases as Arrow IPC and Parquet with the original's column names."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.products.export_markers import DATABASES, export_markers

    asked = [name.strip().upper() for name in markers.split(",") if name.strip()]
    chosen = [name for name in DATABASES if name in asked]
    if len(chosen) != len(set(asked)):
        raise typer.BadParameter(f"{markers!r}: expected some of {', '.join(DATABASES)}")
    done = export_markers(open_step_context(), site, start.date(), end.date(), chosen or None)
    for name, path in done.files.items():
        typer.echo(f"{name}: {done.n_rows[name]} parcels, {done.n_columns[name]} columns: {path}")
