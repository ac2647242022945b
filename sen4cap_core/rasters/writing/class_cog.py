"""Rasters of codes as cloud-optimised GeoTIFFs: overviews take a pixel, they never average codes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grids.grid import Grid


def write_class_cog(
    path: Path,
    grid: Grid,
    codes: NDArray[np.uint8],
    *,
    nodata: int,
    description: str,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write one band of codes; the file appears whole or not at all.

    Parameters
    ----------
    codes : uint8 of the grid's shape

    Raises
    ------
    ValueError
        When the codes have another shape than the grid.
    OSError
        When the file cannot be written; nothing is left behind.
    """
    if codes.shape != grid.shape:
        raise ValueError(f"codes of {codes.shape} on a grid of {grid.shape}")
    with atomic_path(path) as temporary, rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="uint8",
            crs=f"EPSG:{grid.epsg}", transform=grid.transform, nodata=nodata, tiled=True, compress="ZSTD",
        ) as dataset:  # fmt: skip
            dataset.write(codes, 1)
            dataset.set_band_description(1, description)
            dataset.update_tags(**(tags or {}))
        with memory.open() as dataset:
            rasterio.shutil.copy(
                dataset, temporary, driver="COG", compress="ZSTD", level=1,
                overview_resampling="NEAREST", blocksize=512,
            )  # fmt: skip
