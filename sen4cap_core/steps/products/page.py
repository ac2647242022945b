"""What the page of a site's products shows: kinds, newest files, pictures, catalogue, QGIS project."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sen4cap_core.db.declared.sites import enabled_sites
from sen4cap_core.db.made.product_list import ProductFacts
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.products.collection_texts import TEXTS
from sen4cap_core.products.naming import L3B_NDVI
from sen4cap_core.products.qgis_project import project_path, write_project
from sen4cap_core.rasters.decoding.preview import read_preview
from sen4cap_core.reports.pictures.quicklook import Ramp, quicklook_png
from sen4cap_core.steps.products.export import find_products
from sen4cap_core.steps.scenes.optical import raster_band
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.product_files import asset_files

PICTURES = 4
PICTURE_PX = 360


@dataclass(frozen=True)
class KindOnPage:
    """One kind of product."""

    title: str
    n_items: int
    newest: date
    n_bytes: int
    newest_files: dict[str, Path]
    """Title -> file of its newest product, relative to the data root."""


@dataclass(frozen=True)
class ProductPage:
    """What was made of a site."""

    site: str
    n_products: int
    kinds: list[KindOnPage]
    pictures: dict[str, bytes]
    catalogue: Path
    project: Path | None
    address: str | None
    """Where a web server offers the data root, if any."""


def sites_to_show(context: Context) -> list[str]:
    """Return the sites with products made since their QGIS project, and so their page, was written."""
    found = []
    with context.session() as session:
        slugs = [site.slug for site in enabled_sites(session)]
    for slug in slugs:
        products = find_products(context, slug)
        project = project_path(context.settings.data, slug)
        written = project.stat().st_mtime if project.is_file() else 0.0
        if products and max(one.created_at for one in products).timestamp() > written:
            found.append(slug)
    return found


def gather_page(context: Context, site: str) -> ProductPage:
    """Gather the page of a site and write its QGIS project anew.

    Raises
    ------
    NothingToDoError
        Nothing was made of this site yet.
    Sen4capError
        There is no such site.
    """
    root = context.settings.data
    products = find_products(context, site)
    if not products:
        raise NothingToDoError(f"nothing was made of {site} yet")
    project = write_project(root, site, [root / one.stac_path for one in products if one.stac_path])
    by_kind: dict[str, list[ProductFacts]] = defaultdict(list)
    for one in products:
        by_kind[one.kind].append(one)
    return ProductPage(
        site,
        len(products),
        [_kind(root, kind, ones) for kind, ones in sorted(by_kind.items())],
        _pictures(root, by_kind.get(L3B_NDVI, [])),
        root / "catalog.json",
        project,
        context.settings.products_url,
    )


def _kind(root: Path, kind: str, ones: list[ProductFacts]) -> KindOnPage:
    newest = max(ones, key=lambda one: (one.end, one.id))
    files = {title: path.relative_to(root) for title, path in asset_files(root, newest).items()}
    n_bytes = sum(
        path.stat().st_size for one in ones for path in asset_files(root, one).values() if path.is_file()
    )
    title = TEXTS[kind].title if kind in TEXTS else kind
    return KindOnPage(title, len(ones), newest.end.date(), n_bytes, files)


def _pictures(root: Path, rasters: list[ProductFacts]) -> dict[str, bytes]:
    """Draw the newest NDVI rasters, title -> PNG."""
    pictures = {}
    for one in sorted(rasters, key=lambda one: (one.end, one.id), reverse=True)[:PICTURES]:
        path = root / one.path
        if not path.is_file():
            continue
        band, _ = raster_band("ndvi", path)
        pixels, grid = read_preview([band], PICTURE_PX)
        title = f"{one.tile} {one.end:%Y-%m-%d}"
        pictures[title] = quicklook_png(
            pixels[0], grid, title=title, ramp=Ramp("NDVI"), max_size_px=PICTURE_PX
        )
    return pictures
