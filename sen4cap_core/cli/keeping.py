"""``sen4cap retention`` and ``sen4cap check``: what may go, and whether tables and disk agree."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(
    help="Free disk space by what site.yaml says of retention: report, then apply.", no_args_is_help=True
)
Site = Annotated[str, typer.Option(help="Folder name of the site.")]
SHOWN = 20


def register(main: typer.Typer, panel: str) -> None:
    """Add the group and the command to the top level, under a heading of its help."""
    main.add_typer(app, name="retention", rich_help_panel=panel)
    main.command(rich_help_panel=panel)(check)


@app.command()
def report(site: Site) -> None:
    """Say what the site's retention lets go, and what stays and why. Nothing is changed."""
    from sen4cap_core.reports.pages.keeping import retention_lines
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.retention import plan_retention

    plan = plan_retention(open_step_context(), site)
    going = [(one.kind, one.why, one.n_bytes) for one in plan.going]
    for line in retention_lines(plan.site, going, plan.kept):
        typer.echo(line)
    if plan.going:
        typer.echo(f"To delete exactly these:  sen4cap retention apply {plan.id} --site {site}")


@app.command("apply")
def apply_(
    plan: Annotated[str, typer.Argument(help="Id of the report, as report prints it.")],
    site: Site,
) -> None:
    """Delete what the report with this id named. Refused when the selection has changed since."""
    from sen4cap_core.reports.pages.text import size
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.retention import apply_retention, sweep_retired

    context = open_step_context()
    done = apply_retention(context, site, plan)
    sweep_retired(context, site)
    typer.echo(f"{len(done.going)} products and downloads are gone, {size(done.n_bytes)} of files")


@app.command()
def restore(
    site: Site,
    year: Annotated[int, typer.Option(help="Year of the season.")],
) -> None:
    """Fetch the downloads of a year again that retention gave up."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.retention import restore_downloads

    typer.echo(f"{restore_downloads(open_step_context(), site, year)} acquisitions are fetched again")


def check(
    repair: Annotated[
        bool, typer.Option("--repair", help="Let lost files be made again and rebuild the catalogue.")
    ] = False,
) -> None:
    """Compare tables, disk and catalogue. Exit code 0 only when they agree."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.upkeep.check_files import check_files
    from sen4cap_core.steps.upkeep.check_files import repair as mend

    context = open_step_context()
    found = check_files(context)
    if repair and found.found():
        mend(context, found)
        found = check_files(context)
    for name, entries in found.found().items():
        typer.echo(f"{name}: {len(entries)}")
        for entry in entries[:SHOWN]:
            typer.echo(f"  {entry}")
        if len(entries) > SHOWN:
            typer.echo(f"  and {len(entries) - SHOWN} more")
    if found.found():
        sys.exit(1)
    typer.echo("tables, disk and catalogue agree")
