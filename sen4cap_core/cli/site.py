"""``sen4cap site``: what site.yaml may say."""

from __future__ import annotations

import typer

app = typer.Typer(help="The settings of a site.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``site`` a group of commands, also while it has one."""


@app.command()
def schema() -> None:
    """Print the JSON schema of site.yaml, for editors that complete and check it."""
    import json

    from sen4cap_core.declarations.site import site_schema

    typer.echo(json.dumps(site_schema(), indent=2))
