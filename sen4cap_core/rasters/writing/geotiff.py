"""Plain GeoTIFF files, as MAJA and USGS write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from sen4cap_core.rasters.grids.grid import Grid

BLOCK_PX = 256


def write_geotiff(
    path: Path, pixels: NDArray[Any], grid: Grid, *, nodata: float | None = None, tiled: bool = True
) -> None:
    """Write one band, deflated; in tiles of 256 pixels, or in strips of a few rows.

    Parameters
    ----------
    pixels : (rows, columns) of the grid, of a type GeoTIFF knows
    nodata : no-data value to write into the file

    Raises
    ------
    ValueError
        When the shape is not that of the grid.
    """
    if pixels.shape != grid.shape:
        raise ValueError(f"pixels have shape {pixels.shape}, the grid has {grid.shape}")
    options: dict[str, Any] = {"compress": "DEFLATE"}
    if tiled:
        options |= {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=grid.width,
        height=grid.height,
        count=1,
        dtype=pixels.dtype,
        crs=f"EPSG:{grid.epsg}",
        transform=grid.transform,
        nodata=nodata,
        **options,
    ) as dataset:
        dataset.write(np.ascontiguousarray(pixels), 1)
