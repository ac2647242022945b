"""``sen4cap products``: what was made, where it lies, and a copy of it for others."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sen4cap_core.cli.terminal.days import day_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sen4cap_core.db.made.product_list import ProductFacts

app = typer.Typer(help="What was made: list, show, export.", no_args_is_help=True)

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Kind, such as l3b-ndvi, l3a-composite or l4b-mowing; may be repeated. A wrong word lists all.",
    ),
]
Tile = Annotated[str | None, typer.Option(help="Only this tile.")]
Start = Annotated[datetime | None, day_option("--from", help="First day.")]
End = Annotated[datetime | None, day_option("--to", help="Last day.")]
Every = Annotated[bool, typer.Option("--all", help="Earlier versions too, not only those in force.")]


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Folder name of the site.")] = None,
    kind: Kinds = None,
    tile: Tile = None,
    start: Start = None,
    end: End = None,
    every: Every = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """List products: those in force, by site, kind and time."""
    import dataclasses
    import json

    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.products.export import find_products, full_kind

    names = [full_kind(one) for one in kind or ()]
    found = find_products(
        open_step_context(),
        site,
        kinds=names,
        tile=tile,
        start=_day(start),
        end=_day(end),
        every_version=every,
    )
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(one) for one in found], default=str, indent=2))
        return
    if found:
        typer.echo(f"{'number':>7}  site  period  files")
    for one in found:
        note = "" if one.is_current else "  (not in force)"
        typer.echo(f"{one.id:>7}  {one.site}  {_period(one)}  {one.path}{note}")
    typer.echo(f"{len(found)} product{'' if len(found) == 1 else 's'}" if found else "no product matches")


@app.command()
def show(
    product: Annotated[str, typer.Argument(help="Number or name of a product, as list prints them.")],
) -> None:
    """Show a product: period, files with size, what it was made from, and whether it is in force."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.steps.products.show import describe_product

    typer.echo(describe_product(open_step_context(), product))


@app.command()
def export(
    target: Annotated[
        str, typer.Argument(help="Folder to copy into, a file ending with .zip, or s3://bucket/folder.")
    ],
    site: Annotated[str, typer.Option(help="Folder name of the site.")],
    kind: Kinds = None,
    tile: Tile = None,
    start: Start = None,
    end: End = None,
    every: Every = False,
    secret: Annotated[
        str | None, typer.Option(help="Account of the object store, see docs/sources.md.")
    ] = None,
) -> None:
    """Copy products with a catalogue of their own; a broken export goes on where it stopped."""
    from sen4cap_core.service.connection import open_step_context
    from sen4cap_core.sources.accounts import find_account
    from sen4cap_core.steps.products.export import export_products, find_products, full_kind, upload_products

    names = [full_kind(one) for one in kind or ()]
    context = open_step_context()
    found = find_products(
        context, site, kinds=names, tile=tile, start=_day(start), end=_day(end), every_version=every
    )
    if target.startswith("s3://"):
        account = find_account(secret, _stored_account)
        typer.echo(f"{upload_products(context, found, target, account)} files sent to {target}")
        return
    done = export_products(context, found, Path(target).absolute())
    typer.echo(
        f"{done.n_items} products, {done.n_files} files, {done.n_bytes / 1e6:.1f} MB copied to {target}"
    )


@app.command()
def rebuild() -> None:
    """Make the STAC catalogue anew from the items on disk, after a restored backup for example."""
    from sen4cap_core.products.catalog import rebuild_catalog
    from sen4cap_core.service.connection import open_step_context

    root = open_step_context().settings.data
    typer.echo(f"{rebuild_catalog(root)} items are in {root / 'catalog.json'}")


def _stored_account(name: str) -> Mapping[str, object] | None:
    """Return the account of a Secret block of this installation's server, whatever the shell knows."""
    from sen4cap_core.service.accounts import stored_account
    from sen4cap_core.service.place import Place, point_prefect_here
    from sen4cap_core.settings import Settings

    point_prefect_here(Place(Settings()))
    return stored_account(name)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _period(one: ProductFacts) -> str:
    start, end = f"{one.start:%Y-%m-%d}", f"{one.end:%Y-%m-%d}"
    return start if start == end else f"{start}..{end}"
