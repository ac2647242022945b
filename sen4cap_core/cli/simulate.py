"""``sen4cap simulate``: a made-up season as files to drop, with its truth beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option

FIRST, LAST = datetime(2019, 3, 1), datetime(2019, 10, 31)


def register(app: typer.Typer) -> None:
    """Add this command to the top level."""
    app.command(rich_help_panel="To try it out")(simulate)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; not an upload folder.")],
    size_m: Annotated[float, typer.Option(min=1000, help="Edge of the simulated area in metres.")] = 3000.0,
    dates: Annotated[int, typer.Option(min=1, help="Number of Sentinel-2 dates.")] = 30,
    start: Annotated[
        datetime, day_option("--from", help=f"First day; default: {FIRST:%Y-%m-%d}.", show_default=False)
    ] = FIRST,
    end: Annotated[
        datetime, day_option("--to", help=f"Last day; default: {LAST:%Y-%m-%d}.", show_default=False)
    ] = LAST,
    seed: Annotated[int, typer.Option(help="Another seed is another landscape and another weather.")] = 1,
    radar: Annotated[bool, typer.Option(help="Sentinel-1 backscatter and coherence too.")] = True,
) -> None:
    """Write site, declarations, tables and scenes of a simulated season, laid out as an upload folder.

    Copy from site/ in that folder into uploads/SITE what you like, in any order. What really happened is in
    truth/. The land is made up and always lies in the middle of tile 30TUM, in Spain, with parcels of its
    own: its scenes show nothing of an extent or of declarations of yours.
    """
    from sen4cap_core.simulation.season import simulate_season
    from sen4cap_core.simulation.uploads import write_practice_table

    out = folder / "site"
    truth = simulate_season(
        out,
        seed=seed,
        size_m=size_m,
        start=start.date(),
        end=end.date(),
        n_dates=dates,
        radar_orbits=(154,) if radar else (),
        truth=folder / "truth",
    )
    table = out / str(truth.year) / "practices" / "NA" / f"harvest-{truth.year}.csv"
    n_rows = write_practice_table(table, truth.parcels, truth.year)
    rows = f"{n_rows} of them in the practice table"
    typer.echo(f"{len(truth.parcels)} parcels, {rows}, {len(truth.scenes)} scenes: {out}")
