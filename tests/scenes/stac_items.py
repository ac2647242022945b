"""Small STAC items with their assets, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

PROPERTIES = {
    "datetime": "2023-06-16T11:06:21.024Z",
    "platform": "sentinel-2a",
    "constellation": "sentinel-2",
    "grid:code": "MGRS-30TUM",
}


def write_tiff(
    path: Path,
    value: float = 2500,
    *,
    dtype: str = "uint16",
    size: int = 40,
    resolution_m: float = 10,
    epsg: int = 32630,
    x_min_m: float = 344130.0,
    y_max_m: float = 4626620.0,
    **profile: Any,
) -> Path:
    """Write a constant GeoTIFF with noise in one corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n_bands = profile.pop("count", 1)
    scales, offsets = profile.pop("scales", None), profile.pop("offsets", None)
    pixels = np.full((n_bands, size, size), value, dtype)
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=n_bands, dtype=dtype,
        crs=f"EPSG:{epsg}", transform=Affine(resolution_m, 0, x_min_m, 0, -resolution_m, y_max_m),
        **profile,
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
        if scales:
            dataset.scales, dataset.offsets = scales, offsets
    return path


def write_item(
    folder: Path,
    assets: dict[str, dict[str, Any]],
    properties: dict[str, Any] | None = None,
    *,
    item_id: str = "S2A_30TUM_20230616_0_L2A",
    name: str = "item.json",
    **fields: Any,
) -> Path:
    """Write the JSON of an item."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item_id,
        "geometry": None,
        "properties": PROPERTIES | (properties or {}),
        "links": [],
        "assets": assets,
    } | fields
    path = folder / name
    path.write_text(json.dumps(document))
    return path


def plain_item(folder: Path, properties: dict[str, Any] | None = None, **fields: Any) -> Path:
    """Write an item with red, nir and scl and their files."""
    assets = {"red": {"href": "./B04.tif"}, "nir": {"href": "./B08.tif"}, "scl": {"href": "SCL.tif"}}
    write_tiff(folder / "B04.tif")
    write_tiff(folder / "B08.tif", 4500)
    write_tiff(folder / "SCL.tif", 4, dtype="uint8", size=20, resolution_m=20)
    return write_item(folder, assets, properties, **fields)
