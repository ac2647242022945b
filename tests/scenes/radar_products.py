"""Small radar products for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

UTM = 32630
X_MIN_M, Y_MAX_M = 399960.0 - 60, 4700040.0


def write_radar(
    path: Path,
    values: NDArray[Any] | float,
    *,
    epsg: int | None = UTM,
    corner_m: tuple[float, float] = (X_MIN_M, Y_MAX_M),
    resolution_m: float = 20.0,
    size: int = 60,
    nodata: float | None = None,
    dtype: str = "float32",
    descriptions: tuple[str, ...] = (),
    scale: float | None = None,
) -> Path:
    """Write a GeoTIFF of one band, or of as many as ``values`` has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.asarray(values, np.float64)
    if image.ndim == 0:
        image = np.full((size, size), image)
    if image.ndim == 2:
        image = image[None]
    with rasterio.open(
        path, "w", driver="GTiff", width=image.shape[2], height=image.shape[1], count=image.shape[0],
        dtype=dtype, crs=None if epsg is None else f"EPSG:{epsg}", nodata=nodata,
        transform=Affine(resolution_m, 0, corner_m[0], 0, -resolution_m, corner_m[1]),
    ) as dataset:  # fmt: skip
        dataset.write(image.astype(dtype))
        for index, text in enumerate(descriptions, start=1):
            dataset.set_band_description(index, text)
        if scale is not None:
            dataset.scales = [scale] * image.shape[0]
    return path


def write_radar_item(
    folder: Path, hrefs: dict[str, str], properties: dict[str, Any], *, item_id: str = "radar", **more: Any
) -> Path:
    """Write a STAC item; assets by key."""
    document = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": item_id,
        "geometry": None,
        "properties": {"platform": "sentinel-1a", **properties},
        "links": [],
        "assets": {key: {"href": href, "roles": ["data"]} for key, href in hrefs.items()},
        **more,
    }
    path = folder / f"{item_id}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def cslc(
    folder: Path,
    day: str,
    samples: np.ndarray,
    made: str = "20230101T000000",
    corner_m: tuple[float, float] = (X_MIN_M, Y_MAX_M),
) -> Path:
    """Write a CSLC-S1 file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"OPERA_L2_CSLC-S1_T064-135518-IW1_{day}T140000Z_{made}Z_S1A_VV_v0.1.h5"
    rows, columns = samples.shape
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data["VV"] = samples.astype(np.complex64)
        data["x_coordinates"] = corner_m[0] + 2.5 + 5.0 * np.arange(columns)
        data["y_coordinates"] = corner_m[1] - 5.0 - 10.0 * np.arange(rows)
        data["projection"] = UTM
    return path
