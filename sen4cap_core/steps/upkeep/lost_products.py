"""Composites and marker databases of which a file is lost are made again, with what they were made with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import disk_facts
from sen4cap_core.db.models import Product, Site
from sen4cap_core.products.naming import L3A_COMPOSITE, MARKERS, S1_COMPOSITE
from sen4cap_core.products.stac import read_json
from sen4cap_core.steps.composites.optical import BANDS
from sen4cap_core.steps.shared.work import (
    COMPOSITE_OPTICAL,
    EXPORT_MARKERS,
    ask_composite_radar,
    ask_lost,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def ask_lost_products(session: Session, root: Path, lost: Sequence[int]) -> None:
    """Ask for the composites and marker databases again of which a file is lost, and forget the lost ones.

    What was put in since is used: where it changes what is made, the new one has a name of its own, and what
    is left of the lost one is an orphan.

    Parameters
    ----------
    lost : products of which a file is missing; those of other kinds are passed over.
    """
    forgotten = []
    for number in lost:
        product = session.get_one(Product, number)
        site = session.get_one(Site, product.site_id)
        if product.kind == L3A_COMPOSITE:
            ask_lost(session, COMPOSITE_OPTICAL, site.slug, _optical(root, site.slug, product))
            # Written last, it says that the rasters are there.
            (root / product.path).unlink(missing_ok=True)
        elif product.kind == S1_COMPOSITE:
            days = (product.start.date(), product.end.date())
            seasons = {one.id for day in days for one in site_rows.seasons_on(session, site.id, day)}
            if not seasons:
                continue
            for season_id in sorted(seasons):
                ask_composite_radar(session, site.slug, season_id)
            (root / product.path).with_name("done").unlink(missing_ok=True)
        elif product.kind == MARKERS:
            ask_lost(session, EXPORT_MARKERS, site.slug, _markers(site.slug, product))
        else:
            continue
        forgotten.append(number)
    disk_facts.forget_products(session, forgotten)


def _optical(root: Path, slug: str, product: Product) -> dict[str, object]:
    """Return the parameters of the flow that makes a composite again."""
    path = PurePosixPath(product.path)
    _, first, last, _ = path.stem.rsplit("_", 3)
    day, start, end = (_date(text) for text in (path.parent.name, first, last))
    parameters: dict[str, object] = {
        "site": slug,
        "synthesis_date": day.isoformat(),
        "days_before": (day - start).days,
        "days_after": (end - day).days,
        "tile": product.tile,
    }
    # Where the item is what was lost, it was made by the usual method of all bands.
    if item := read_json(root / product.path):
        method = str(item["properties"]["sen4cap:method"]).removesuffix("-sen4cap")
        bands = [band for band in BANDS if band.lower() in item["assets"]]
        parameters |= {"method": method, "bands": bands}
    return parameters


def _markers(slug: str, product: Product) -> dict[str, object]:
    """Return the parameters of the flow that writes a marker database again."""
    database = PurePosixPath(product.path).parent.name
    start, end = (at.date().isoformat() for at in (product.start, product.end))
    return {"site": slug, "start": start, "end": end, "markers": [database]}


def _date(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()
