"""What was made: a page for each site."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from flows.runtime import artifact_key, name_run, scope_tags, show, skipped, step_context
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.products import ProductLine, products_markdown
from sen4cap_core.steps.products.page import ProductPage, gather_page, sites_to_show


@flow(name="show-products")
def show_products(site: str | None = None) -> dict[str, Any] | State[None]:
    """Show what was made of a site: kinds, newest pictures, where the files lie; write its QGIS project anew.

    Args:
        site: folder name of the site; where empty every site with something new since its last page.
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


def _markdown(page: ProductPage) -> str:
    lines = [
        ProductLine(one.title, one.n_items, one.newest, one.n_bytes, one.newest_files) for one in page.kinds
    ]
    return products_markdown(
        page.site, lines, page.pictures, catalogue=page.catalogue, project=page.project, address=page.address
    )
