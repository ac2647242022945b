"""STAC items of composites: one COG for each band and for what weighed, one item for all of a pixel size."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pystac

from sen4cap_core.products.naming import L3A_COMPOSITE
from sen4cap_core.products.stac import Band, Origin, raster_item
from sen4cap_core.rasters.grids.grid import Grid


def composite_item(
    *,
    item_id: str,
    rasters: Mapping[str, tuple[Path, Band]],
    grid: Grid,
    tile: str,
    at: datetime,
    first: datetime,
    last: datetime,
    origin: Origin,
    properties: Mapping[str, object],
) -> pystac.Item:
    """Describe a composite. The files must exist.

    Parameters
    ----------
    rasters : name -> file and the band in it
    at : instant the composite is for
    first, last : the earliest and the latest acquisition in it

    Raises
    ------
    ValueError
        Without a raster.
    """
    whole: pystac.Item | None = None
    for name, (path, band) in rasters.items():
        item = raster_item(
            collection=L3A_COMPOSITE,
            item_id=item_id,
            asset=path,
            grid=grid,
            tile=tile,
            acquired_at=at,
            bands=[band],
            origin=origin,
            properties={**properties, "start_datetime": _text(first), "end_datetime": _text(last)},
        )
        asset = item.assets.pop("data")
        whole = whole or item
        whole.add_asset(name, asset)
    if whole is None:
        raise ValueError("an item without a raster")
    return whole


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
