"""``sen4cap import``: bring a file in by hand and read its receipt at the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    """Add this command to the top level."""
    app.command(name="import", rich_help_panel="What was dropped")(import_)


def _known_kind(kind: str) -> str:
    from sen4cap_core.errors import unknown_word
    from sen4cap_core.steps.uploads.import_file import kinds

    if kind not in kinds():
        raise typer.BadParameter(unknown_word(kind, kinds(), "kind of file"), param_hint="--kind")
    return kind


def import_(
    file: Annotated[Path, typer.Argument(help="File, or folder of a scene.")],
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    kind: Annotated[
        str,
        typer.Option(
            callback=_known_kind,
            # Told before what is missing: a wrong word is the likelier mistake.
            is_eager=True,
            help="What it is: site-extent, site-config, declarations, declarations-config, crop-codes, "
            "l4b-config, l4c-config, practices-na, practices-cc, practices-fl, practices-nfc, strata, scene, "
            "radar.",
        ),
    ],
    year: Annotated[
        int | None, typer.Option(help="Year of the season; not needed for site-extent and site-config.")
    ] = None,
) -> None:
    """Put a file where it would be dropped, receive it, and print the receipt."""
    from rich.console import Console

    from sen4cap_core.errors import BadUploadError
    from sen4cap_core.reports.pages.receipt import receipt_markdown
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.uploads.import_file import import_file

    if not year and not kind.startswith("site-"):
        raise BadUploadError(file, "of which year is it?", remedy="Give --year.")
    imported = import_file(open_step_context(), file, site, year or 0, kind)
    print_page(Console(), receipt_markdown(imported.receipt))
    if not imported.accepted:
        raise typer.Exit(1)


def print_page(console: Console, page: str) -> None:
    """Print a page of markdown: laid out on a terminal, as it is into a file or a pipe."""
    from rich.markdown import Markdown

    if console.is_terminal:
        console.print(Markdown(page))
    else:
        typer.echo(page)
