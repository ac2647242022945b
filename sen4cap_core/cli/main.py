"""``sen4cap``: the entry point that gathers the groups of commands.

Only this file and the groups' argument lists are loaded for ``--help``; each command imports what it needs.
"""

from __future__ import annotations

import sys

import typer

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
from sen4cap_core.errors import Sen4capError

app = typer.Typer(
    name="sen4cap",
    help="Checks farmers' declarations by satellite.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
services.register(app)
work.register(app)
app.add_typer(site.app, name="site")
app.add_typer(season.app, name="season")
app.add_typer(by_hand.app, name="run")
app.add_typer(alerts.app, name="alerts")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(crop_codes.app, name="crop-codes")
upload.register(app)
keeping.register(app)
demo.register(app)
simulate.register(app)
app.add_typer(l4a.app, name="l4a")
app.add_typer(l4b.app, name="l4b")
app.add_typer(l4c.app, name="l4c")
app.add_typer(markers.app, name="markers")
app.add_typer(products.app, name="products")
app.add_typer(diversification.app, name="diversification")


def main() -> None:
    """Run a command; an error we raise on purpose is a sentence, not a traceback."""
    try:
        app()
    except Sen4capError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except PermissionError as error:
        typer.echo(f"{error.filename} is closed to you. Run as the user who ran sen4cap up.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
