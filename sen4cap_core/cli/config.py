"""``sen4cap config show``: the configuration a processor runs with, and where each value comes from."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Settings of mowing and practices in force, and where each comes from.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep ``config`` a group of commands, also while it has one."""


@app.command()
def show(
    processor: Annotated[Literal["l4b", "l4c"], typer.Argument(help="Mowing (l4b) or practices (l4c).")],
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    year: Annotated[int | None, typer.Option(help="Year of the season; default: the latest.")] = None,
    practice: Annotated[Literal["NA", "CC", "FL", "NFC"], typer.Option(help="Of l4c: which one.")] = "NA",
) -> None:
    """Show every setting in force with its source: built-in, default, country, site.yaml, upload."""
    from sen4cap_core.db.declared import sites
    from sen4cap_core.errors import NothingToDoError
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.uploads.config_in_force import l4b_settings, l4c_settings

    with open_step_context().session() as session:
        found = sites.known_site(session, site)
        years = [season.year for season in sites.seasons_of(session, found.id)]
        if year is None and not years:
            raise NothingToDoError(f"{site} has no season yet: give --year")
        if year is not None and years and year not in years:
            there_are = ", ".join(map(str, sorted(set(years))))
            raise NothingToDoError(f"{site} has no season of {year}; there are {there_are}")
        country = found.country
        of_year = year if year is not None else max(years)
        if processor == "l4b":
            settings = l4b_settings(session, found, of_year)
        else:
            settings = l4c_settings(session, found, of_year, practice)
    title = f"{processor} {practice}" if processor == "l4c" else processor
    typer.echo(f"{title}, {site} {of_year}, country {country or 'not given'}")
    width = max(len(setting.name) for setting in settings)
    for setting in settings:
        value = "" if setting.value is None else setting.value
        typer.echo(f"{setting.name:<{width}}  {value!s:<24}  {setting.source}")
