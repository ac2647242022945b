"""Small pictures of large bands, read from overviews or wavelet levels where they exist."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.decoding.decode import BandFiles, unreadable
from sen4cap_core.rasters.grids.grid import Grid


def read_preview(sources: Sequence[BandSource], max_size_px: int) -> tuple[NDArray[np.float32], Grid]:
    """Read bands decimated to at most ``max_size_px`` a side.

    Returns
    -------
    values : float32 (bands, rows, columns) in physical units, NaN missing
    grid : where they lie; its pixels are those of the first band times a power of two

    Raises
    ------
    UnreadableSceneError
        When a band cannot be read.
    ValueError
        Without sources, or when they do not share one extent.
    """
    if not sources:
        raise ValueError("no band to make a preview of")
    first = sources[0].grid
    factor = 1
    while max(first.shape) / factor > max_size_px:
        factor *= 2
    shape = (-(-first.height // factor), -(-first.width // factor))
    grid = Grid(first.epsg, first.x_min_m, first.y_max_m, first.resolution_m * factor, shape[1], shape[0])
    values = np.empty((len(sources), *shape), np.float32)
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        files = BandFiles()
        try:
            for index, source in enumerate(sources):
                if not _same_extent(source.grid, first):
                    raise ValueError(f"band {source.name} has another extent than {sources[0].name}")
                values[index] = _decimated(source, shape, files)
        finally:
            files.close()
    return values, grid


def _decimated(source: BandSource, shape: tuple[int, int], files: BandFiles) -> NDArray[np.float32]:
    try:
        stored = files.dataset(source).read(source.band_index, out_shape=shape)
    except (RasterioError, OSError) as error:
        raise unreadable(source, error.__cause__ or error) from error
    values: NDArray[np.float32] = (stored * source.scale + source.offset).astype(np.float32)
    if source.nodata is not None:
        values[stored == source.nodata] = np.nan
    return values


def _same_extent(one: Grid, other: Grid) -> bool:
    tolerance_m = max(one.resolution_m, other.resolution_m)
    return one.epsg == other.epsg and all(
        abs(a - b) < tolerance_m for a, b in zip(one.bounds_m, other.bounds_m, strict=True)
    )
