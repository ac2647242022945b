"""``sen4cap``: the entry point that gathers the groups of commands.

Only this file and the groups' argument lists are loaded for ``--help``; each command imports what it needs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sen4cap_core import __version__
from sen4cap_core.cli import (
    alerts,
    by_hand,
    config,
    crop_codes,
    database,
    demo,
    diversification,
    keeping,
    l4a,
    l4b,
    l4c,
    markers,
    products,
    season,
    services,
    simulate,
    site,
    upload,
    work,
)
from sen4cap_core.cli.terminal.failures import sentence_of

app = typer.Typer(
    name="sen4cap",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_SITES, _RESULTS = "Sites and seasons", "What was made"
_TABLES, _OPERATION = "On tables of your own, without services", "Operation"

services.register(app)
demo.register(app)
simulate.register(app)
upload.register(app)
work.register(app)
app.add_typer(site.app, name="site", rich_help_panel=_SITES)
app.add_typer(season.app, name="season", rich_help_panel=_SITES)
app.add_typer(config.app, name="config", rich_help_panel=_SITES)
app.add_typer(crop_codes.app, name="crop-codes", rich_help_panel=_SITES)
app.add_typer(by_hand.app, name="run", rich_help_panel=_SITES)
app.add_typer(products.app, name="products", rich_help_panel=_RESULTS)
app.add_typer(markers.app, name="markers", rich_help_panel=_RESULTS)
keeping.register(app, _RESULTS)
app.add_typer(l4a.app, name="l4a", rich_help_panel=_TABLES)
app.add_typer(l4b.app, name="l4b", rich_help_panel=_TABLES)
app.add_typer(l4c.app, name="l4c", rich_help_panel=_TABLES)
app.add_typer(diversification.app, name="diversification", rich_help_panel=_TABLES)
app.add_typer(alerts.app, name="alerts", rich_help_panel=_OPERATION)
app.add_typer(database.app, name="db", rich_help_panel=_OPERATION)


@app.command(rich_help_panel="Services")
def version() -> None:
    """Print the version."""
    typer.echo(f"sen4cap {__version__}")


def _show_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Checks farmers' declarations by satellite.

    Begin with: sen4cap demo (a simulated season), or sen4cap up and docs/quick-start.md (your own).
    """


def main() -> None:
    """Run a command; what is no mistake in the code is a sentence, not a traceback."""
    try:
        app()
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
