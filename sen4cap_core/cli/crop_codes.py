"""``sen4cap crop-codes draft``: a crop code table to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sen4cap_core.cli.terminal.invocation import tell_new_folder

app = typer.Typer(
    help="A crop code table to begin with, drafted from your declarations.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Keep ``crop-codes`` a group of commands, also while it has one."""


def _code(country: str | None) -> str | None:
    from sen4cap_core.declarations.texts.countries import country_code

    try:
        return None if country is None else country_code(country)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def draft(
    declarations: Annotated[Path, typer.Option(help="File of declared parcels.")],
    out: Annotated[Path, typer.Option(help="CSV to write.", callback=tell_new_folder)] = Path(
        "crop-codes-draft.csv"
    ),
    country: Annotated[
        str | None,
        typer.Option(help="ISO 3166 code (NLD): in which language names are read.", callback=_code),
    ] = None,
    columns: Annotated[
        Path | None, typer.Option(help="declarations.yaml, where columns are not guessed right.")
    ] = None,
) -> None:
    """Write a draft of the crop code table from the codes that are declared; edit it, then drop it."""
    from sen4cap_core.declarations.parcels.columns import read_column_mapping
    from sen4cap_core.declarations.tables.crop_code_draft import draft_crop_codes
    from sen4cap_core.errors import BadUploadError
    from sen4cap_core.files import write_text_atomic

    if out.exists():
        raise BadUploadError(out, "is there already.", remedy="Give another name with --out.")
    mapping = None if columns is None else read_column_mapping(columns)
    made = draft_crop_codes(declarations, mapping, country)
    write_text_atomic(out, made.text)
    typer.echo(
        f"{made.n_codes} crop codes written to {out}; the land cover of {made.n_guessed} was seen in their "
        "names, the others are written as annual crops: go through the column Check."
    )
