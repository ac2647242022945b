"""The aerosol map among the assets of a Sentinel-2 item, by which composites weigh their dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.stac_scaling import stated_number
from sen4cap_core.scenes.files.raster_header import read_raster_header
from sen4cap_core.scenes.stac.stac_assets import resolve_href

USUAL_SCALE = 0.001
"""Optical thickness of a stored 1 (``AOT_QUANTIFICATION_VALUE`` 1000), where the item states none."""

_KEY = re.compile(r"aot(?:[_-](?P<resolution>10|20|60)m)?", re.IGNORECASE)


def aerosol_key(assets: Mapping[str, Any]) -> str | None:
    """Return the key of the coarsest map, None where there is none."""
    keys = [(match, key) for key in assets if (match := _KEY.fullmatch(key))]
    return max(keys, key=lambda found: int(found[0]["resolution"] or 0))[1] if keys else None


def read_aerosol(path: Path, assets: Mapping[str, Any], grid: Grid) -> tuple[BandSource | None, str | None]:
    """Return the map at its coarsest, for it is smooth; or what is wrong with it.

    Neither where the item has none. Stored 0 is no data.
    """
    key = aerosol_key(assets)
    if key is None:
        return None, None
    asset = assets[key]
    try:
        if not isinstance(asset, Mapping):
            raise ValueError("it is no asset")
        file = resolve_href(path, str(asset.get("href", "")))
        own = read_raster_header(file).grid
        if own.epsg != grid.epsg or own.bounds_m != grid.bounds_m:
            raise ValueError("it has not the extent of the red band")
        scale = stated_number(asset, 1, "scale")
        offset = stated_number(asset, 1, "offset") or 0.0
    except ValueError as error:
        what = f"the aerosol map, asset {key!r}, cannot be used ({error})"
        return None, f"{what}: composites take the aerosol as unknown."
    return BandSource("AOT", str(file), own, scale=scale or USUAL_SCALE, offset=offset, nodata=0.0), None
