"""``sen4cap site``: what site.yaml may say, and the life of a site."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    help="Sites: list, pause, resume, rename, delete, purge; what site.yaml may say.", no_args_is_help=True
)


@app.command()
def schema() -> None:
    """Print the JSON schema of site.yaml, for editors that complete and check it."""
    import json

    from sen4cap_core.declarations.sites.site import site_schema

    typer.echo(json.dumps(site_schema(), indent=2))


@app.command("list")
def list_() -> None:
    """List all sites and their seasons, with what is paused or deleted."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.site_life import list_sites

    for line in list_sites(open_step_context()):
        typer.echo(line)


Name = Annotated[str, typer.Argument(help="Folder name of the site.")]
Season = Annotated[str | None, typer.Option(help="Only this season.")]
Year = Annotated[int | None, typer.Option(help="Year of the season, where several have its name.")]


@app.command()
def pause(site: Name, season: Season = None, year: Year = None) -> None:
    """Pause a site or one of its seasons: nothing more is fetched, processed or planned; all is kept."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.site_life import pause as run_step

    typer.echo(run_step(open_step_context(), site, season, year))


@app.command()
def resume(site: Name, season: Season = None, year: Year = None) -> None:
    """Let a paused or deleted site, or a paused season, go on; what was missed is made up for."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.site_life import resume as run_step

    typer.echo(run_step(open_step_context(), site, season, year))


@app.command()
def rename(site: Name, name: Annotated[str, typer.Argument(help="New name for people.")]) -> None:
    """Give a site another name; its folder, and with it all paths, stays."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.by_hand_forms import EditSite
    from sen4cap_core.steps.upkeep.site_life import edit_site

    answer = edit_site(open_step_context(), EditSite(site=site, name=name))
    typer.echo(f"{site} is called {answer['site']}; a site.yaml with another name goes over it")


@app.command()
def delete(
    site: Name,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what hangs on it.")] = False,
) -> None:
    """Delete a site: it stops and is no longer offered; everything is kept until it is purged or resumed."""
    from sen4cap_core.reports.pages.answer import answer_lines
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.site_life import delete_site

    for line in answer_lines(delete_site(open_step_context(), site, dry_run=dry_run)):
        typer.echo(line)


@app.command()
def purge(
    site: Name,
    confirm: Annotated[str, typer.Option(help="Name of the folder once more; without it a dry run.")] = "",
) -> None:
    """Remove a deleted site for good: its rows and what was made of it, never what people dropped."""
    from sen4cap_core.reports.pages.answer import answer_lines
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.by_hand_forms import PurgeSite
    from sen4cap_core.steps.upkeep.site_life import purge_site

    form = PurgeSite(site=site, dry_run=not confirm, confirm=confirm)
    for line in answer_lines(purge_site(open_step_context(), form)):
        typer.echo(line)
