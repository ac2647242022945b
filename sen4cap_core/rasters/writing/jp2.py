"""Lossless JPEG 2000 files, as Sentinel-2 products hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS

from sen4cap_core.rasters.grids.grid import Grid

BLOCK_PX = 1024
"""Code block of the published products: each is decoded on its own, so readers can work in parallel."""


def write_jp2(
    path: Path,
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    grid: Grid,
    *,
    block_px: int = BLOCK_PX,
    threads: int = 1,
) -> None:
    """Write one image, or several bands of one image, without loss.

    Parameters
    ----------
    path : Path
        The file; its folder must exist. It is overwritten.
    pixels : uint8 or uint16 (rows, columns) or (bands, rows, columns)
        The numbers to store.
    grid : Grid
        Where they lie; rows and columns must be those of ``pixels``.
    block_px : int
        Edge of the independently coded blocks.
    threads : int
        Encoder threads. Memory: twice the image.

    Raises
    ------
    ValueError
        Type or shape of the pixels does not fit.

    Notes
    -----
    Neither a no-data value nor scale can be stored in JPEG 2000; product metadata say them. The same pixels
    give the same bytes.
    """
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pixels are {pixels.dtype}, uint8 or uint16 was expected")
    bands = pixels if pixels.ndim == 3 else pixels[np.newaxis]
    if bands.ndim != 3 or bands.shape[1:] != grid.shape:
        raise ValueError(f"pixels have shape {pixels.shape}, the grid has {grid.shape}")
    # Without PAM no .aux.xml appears beside the file.
    with (
        rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_NUM_THREADS=str(threads)),
        rasterio.open(
            path,
            "w",
            driver="JP2OpenJPEG",
            CODEC="JP2",
            width=grid.width,
            height=grid.height,
            count=bands.shape[0],
            dtype=bands.dtype,
            crs=CRS.from_epsg(grid.epsg),
            transform=grid.transform,
            REVERSIBLE="YES",
            QUALITY="100",
            YCC="NO",
            BLOCKXSIZE=str(block_px),
            BLOCKYSIZE=str(block_px),
        ) as dataset,
    ):
        dataset.write(bands)
