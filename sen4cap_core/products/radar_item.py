"""STAC items of our own radar rasters: one COG for each polarisation, ready-made for whoever reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pystac

from sen4cap_core.products.stac import Band, Origin, raster_item
from sen4cap_core.rasters.grids.grid import Grid

SAR = "https://stac-extensions.github.io/sar/v1.0.0/schema.json"
SAT = "https://stac-extensions.github.io/sat/v1.0.0/schema.json"


def radar_item(
    *,
    collection: str,
    item_id: str,
    rasters: Mapping[str, Path],
    grid: Grid,
    tile: str,
    quantity: str,
    started_at: datetime,
    acquired_at: datetime,
    platform: str,
    relative_orbit: int,
    direction: str,
    masked: Sequence[str],
    origin: Origin,
) -> pystac.Item:
    """Describe backscatter of an acquisition or coherence of a pair. The files must exist.

    Parameters
    ----------
    rasters : polarisation (``vv``, ``vh``) -> COG of float32, NaN where missing
    quantity : ``sigma0``, ``gamma0`` (linear power) or ``coherence``
    masked : what has no value although it was looked at: ``border_noise``, ``layover``, ``shadow``
    started_at : the earlier acquisition of a pair; equal to ``acquired_at`` where there is no pair
    """
    is_pair = quantity == "coherence"
    properties: dict[str, Any] = {
        "constellation": "sentinel-1",
        "sar:polarizations": [pol.upper() for pol in rasters],
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:product_type": "COH" if is_pair else "NRB",
        "sat:relative_orbit": relative_orbit,
        "sat:orbit_state": direction,
        "sen4cap:quantity": quantity,
        "sen4cap:scale": "coherence" if is_pair else "power",
        "sen4cap:masked": list(masked),
        "start_datetime": _text(started_at),
        "end_datetime": _text(acquired_at),
    }
    whole: pystac.Item | None = None
    for polarisation, path in rasters.items():
        about = f"{quantity} {polarisation.upper()}"
        item = raster_item(
            collection=collection,
            item_id=item_id,
            asset=path,
            grid=grid,
            tile=tile,
            acquired_at=acquired_at,
            bands=[Band(polarisation, about, "float32")],
            origin=origin,
            platform=platform,
            properties=properties,
        )
        asset = item.assets.pop("data")
        if whole is None:
            whole = item
        whole.add_asset(polarisation, asset)
    if whole is None:
        raise ValueError("an item without a raster")
    whole.stac_extensions += [SAR, SAT]
    return whole


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
