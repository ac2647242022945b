"""Bands of several products on one grid, block by block, without holding any of them whole.

A pass over one scene keeps what does not lie on its grid in memory. A pass over ten scenes cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from sen4cap_core.kernels.optical.status import coarsen_status, overlay_nearest
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block, nearest_indices
from sen4cap_core.rasters.decoding.decode import BandFiles, as_classes, unreadable
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import LAND, NO_DATA
from sen4cap_core.rasters.masks.status_masks import StatusMask


def finer_by(source: Grid, grid: Grid) -> int:
    """How many times smaller the pixels of a source are; 1 where they are not."""
    return max(1, round(grid.resolution_m / source.resolution_m))


def read_on(files: BandFiles, source: BandSource, grid: Grid, block: Block) -> tuple[NDArray[Any], bool]:
    """Read a band on a block of a grid.

    Finer pixels are averaged (of JPEG 2000 the wavelet level is taken, which costs a quarter), coarser ones
    repeated.

    Returns
    -------
    numbers : as stored (rows, columns) of the block
    whole : False where a part lies outside the source; there the numbers are its no-data value, else 0

    Raises
    ------
    UnreadableSceneError
        When the file cannot be read, lies in another zone, or does not fill pixels of the grid's size.
    """
    zoom = finer_by(source.grid, grid)
    own = source.grid.zoomed(zoom)
    if own is None:
        raise unreadable(
            source, f"its {source.grid.shape} pixels do not fill pixels of {grid.resolution_m:g} m"
        )
    rows, cols = _indices(own, grid, block, source)
    inside_rows, inside_cols = rows >= 0, cols >= 0
    outside = 0.0 if source.nodata is None else source.nodata
    if not inside_rows.any() or not inside_cols.any():
        dtype = files.dataset(source).dtypes[source.band_index - 1]
        return np.full((block.height, block.width), outside, dtype), False
    found_rows, found_cols = rows[inside_rows], cols[inside_cols]
    part = Block(
        int(found_rows[0]),
        int(found_cols[0]),
        int(found_rows[-1] - found_rows[0]) + 1,
        int(found_cols[-1] - found_cols[0]) + 1,
    )
    values = files.read(source, part) if zoom == 1 else _averaged(files, source, part, zoom)
    if own == grid:
        return values, True
    whole = bool(inside_rows.all() and inside_cols.all())
    out = np.full((block.height, block.width), outside, values.dtype)
    taken = values[np.ix_(found_rows - part.row, found_cols - part.col)]
    out[np.ix_(inside_rows, inside_cols)] = taken
    return out, whole


def status_on(
    files: BandFiles, masks: Sequence[StatusMask], grid: Grid, block: Block
) -> NDArray[np.uint8] | None:
    """Status of a block's pixels by a product's masks, the most important first; None without masks.

    Where masks are finer than the grid a pixel is as its worst part.

    Returns
    -------
    uint8 (rows, columns); no data outside the masks
    """
    if not masks:
        return None
    finest = max(finer_by(mask.source.grid, grid) for mask in masks)
    fine = grid.at_resolution(grid.resolution_m / finest)
    at = Block(block.row * finest, block.col * finest, block.height * finest, block.width * finest)
    status = np.full((at.height, at.width), LAND, np.uint8)
    every_row, every_col = np.arange(at.height, dtype=np.int32), np.arange(at.width, dtype=np.int32)
    for mask in masks:
        rows, cols = _indices(mask.source.grid, fine, at, mask.source)
        numbers, _ = read_on(files, mask.source, fine, at)
        inside_rows = np.where(rows >= 0, every_row, -1).astype(np.int32)
        inside_cols = np.where(cols >= 0, every_col, -1).astype(np.int32)
        codes = numbers if numbers.dtype in (np.uint8, np.uint16) else as_classes(numbers)
        overlay_nearest(codes, inside_rows, inside_cols, mask.table, NO_DATA, status)
    if finest == 1:
        return status
    out = np.empty((block.height, block.width), np.uint8)
    coarsen_status(status, finest, out)
    return out


def _indices(
    own: Grid, grid: Grid, block: Block, source: BandSource
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each row and column of a block the one of ``own`` that holds its centre, -1 outside."""
    if own.epsg != grid.epsg:
        raise unreadable(source, f"it lies in EPSG:{own.epsg}, the others in EPSG:{grid.epsg}")
    step = grid.resolution_m
    top, left = grid.y_max_m - block.row * step, grid.x_min_m + block.col * step
    return (
        nearest_indices(-top, step, block.height, -own.y_max_m, own.resolution_m, own.height),
        nearest_indices(left, step, block.width, own.x_min_m, own.resolution_m, own.width),
    )


def _averaged(files: BandFiles, source: BandSource, part: Block, zoom: int) -> NDArray[Any]:
    """Read a part, counted in pixels of ``zoom`` times the size."""
    window = Block(part.row * zoom, part.col * zoom, part.height * zoom, part.width * zoom).window
    try:
        values: NDArray[Any] = files.dataset(source).read(
            source.band_index,
            window=window,
            out_shape=(part.height, part.width),
            resampling=Resampling.average,
        )
    except (RasterioError, OSError) as error:
        raise unreadable(source, error.__cause__ or error) from error
    return values
