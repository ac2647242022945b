"""What was made: a page for each site, and copies for others."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.products import ProductLine, products_markdown
from sen4cap_core.steps.export_products import export_products as run_export
from sen4cap_core.steps.export_products import find_products
from sen4cap_core.steps.product_page import ProductPage, gather_page, sites_to_show


@flow(name="show-products")
def show_products(site: str | None = None) -> dict[str, Any] | State[None]:
    """Show what was made of a site: kinds, newest pictures, where the files lie; write its QGIS project anew.

    Parameters
    ----------
    site : short name of the site; default: every site with something new since its last page.
    """
    context = step_context()
    sites = [site] if site else sites_to_show(context)
    shown: dict[str, int] = {}
    for slug in sites:
        try:
            page = gather_page(context, slug)
        except NothingToDoError as reason:
            if site:
                return skipped(reason)
            continue
        show(artifact_key("products", slug), _markdown(page), f"Products of {slug}")
        shown[slug] = page.n_products
    if not shown:
        return skipped("nothing was made since the last page")
    name_run(f"show-products {', '.join(shown)}", [tag for slug in shown for tag in scope_tags(slug)])
    return {"products": shown}


@flow(name="export-products")
def export_products(
    site: str,
    target: Path,
    kinds: list[str] | None = None,
    tile: str | None = None,
    start: date | None = None,
    end: date | None = None,
    every_version: bool = False,
) -> dict[str, Any] | State[None]:
    """Copy products of a site with a catalogue and a QGIS project of their own.

    Parameters
    ----------
    site : short name of the site.
    target : folder on the worker's machine, or a file ending with .zip.
    kinds : such as l3b-ndvi, l4b-mowing; default: all.
    tile : only this tile.
    start, end : first and last day.
    every_version : earlier versions too, not only those in force.
    """
    context = step_context(f"export {site}")
    name_run(f"export-products {site}", scope_tags(site, tile=tile))
    found = find_products(
        context, site, kinds=kinds or (), tile=tile, start=start, end=end, every_version=every_version
    )
    try:
        done = run_export(context, found, target)
    except NothingToDoError as reason:
        return skipped(reason)
    return {"products": done.n_items, "files": done.n_files, "bytes": done.n_bytes, "target": str(target)}


def _markdown(page: ProductPage) -> str:
    lines = [
        ProductLine(one.title, one.n_items, one.newest, one.n_bytes, one.newest_files) for one in page.kinds
    ]
    return products_markdown(
        page.site, lines, page.pictures, catalogue=page.catalogue, project=page.project, address=page.address
    )
