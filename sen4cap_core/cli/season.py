"""``sen4cap season``: what is planned for a site's seasons, and what it waits for."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="Seasons of a site: how they stand, what is planned, what it waits for.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep ``season`` a group of commands."""


@app.command()
def show(
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Show the planned runs of a site: what ran, what waits for what and until when, what comes next."""
    import dataclasses
    import json

    from sen4cap_core.reports.pages.season import season_lines
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.seasons.page import season_page

    with open_step_context().session() as session:
        page = season_page(session, site)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(page), default=str, indent=2))
        return
    for line in season_lines(page):
        typer.echo(line)


@app.command()
def plan(
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
) -> None:
    """Bring the planned runs up to this moment now, instead of within a minute."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.seasons.plan import plan_seasons

    done = plan_seasons(open_step_context(), site)
    for title, texts in (
        ("planned", done.planned),
        ("asked", done.asked),
        ("ended", done.ended),
        ("withdrawn", done.withdrawn),
        ("searched", done.searches),
    ):
        for text in texts:
            typer.echo(f"{title}: {text}")
    if not done.is_changed:
        typer.echo("nothing is due")


@app.command()
def report(
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    season: Annotated[str | None, typer.Option(help="Name of the season; default: those under way.")] = None,
    unseen_days: Annotated[int, typer.Option(help="Parcels unseen for longer are counted.")] = 30,
) -> None:
    """Say how a season stands: scenes, downloads, parcels nobody has seen, what waits, what to look at."""
    from sen4cap_core.reports.pages.season_report import digest_lines
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.seasons.report import season_report

    done = season_report(open_step_context(), site, unseen_days=unseen_days, season_name=season)
    for one in done:
        for line in digest_lines(one):
            typer.echo(line)
