"""How many pixels parcels have, whatever tiles they lie on.

All Sentinel-2 tiles of a UTM zone share one pixel lattice (their corners are multiples of 60 m), so pixels
are counted on that lattice: a parcel where tiles overlap is counted once, one across a border of tiles whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.outline_pixels import burn_shrunk, count_labels
from sen4cap_core.rasters.mgrs import tile_epsg
from sen4cap_core.rasters.outlines import Outlines

BLOCK_PIXELS = 2048
"""Side of a block at the coarsest resolution."""


def zones_of(outlines: Outlines, tiles: Sequence[str]) -> NDArray[np.int32]:
    """Return the EPSG code of the UTM zone each parcel's pixels are counted in, 0 without outline.

    ``outlines`` are in longitude and latitude [degrees]. A parcel belongs to the zone of its centre; where
    the site has tiles, and none of that zone, to the zone of the tiles nearest to it.
    """
    boxes = outlines.measured().boxes
    there = np.isfinite(boxes).all(axis=1)
    # The centre lies in the box: it is asked for only where the box lies in two zones.
    zone, other = np.zeros(len(outlines), np.int32), np.zeros(len(outlines), np.int32)
    zone[there], other[there] = (
        _zone(boxes[there, 0], boxes[there, 1]),
        _zone(boxes[there, 2], boxes[there, 3]),
    )
    across = np.flatnonzero(zone != other)
    centres = shapely.centroid(outlines.shapes(across))
    zone[across] = _zone(shapely.get_x(centres), shapely.get_y(centres))
    known = np.unique([tile_epsg(tile) for tile in tiles]).astype(np.int32)
    if len(known):
        foreign = there & ~np.isin(zone, known)
        nearest = np.abs(known[None, :] - zone[foreign][:, None]).argmin(axis=1)
        zone[foreign] = known[nearest]
    return zone


def _zone(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
    number = np.clip(np.floor((x + 180) / 6) + 1, 1, 60).astype(np.int32)
    zone: NDArray[np.int32] = np.where(y < 0, 32_700, 32_600).astype(np.int32) + number
    return zone


def count_pixels(
    outlines: Outlines,
    ids: NDArray[np.int64],
    resolutions_m: Sequence[float],
    *,
    threads: int,
) -> list[NDArray[np.int64]]:
    """Count the pixels whose centre lies in each parcel, shrunk by half a pixel.

    Where shrunk parcels overlap, the pixel is the smaller parcel's, and of parcels of one area that with the
    smaller id: as ``rasters.labels`` gives it. Blocks are counted in threads, each with an image of its own.

    Parameters
    ----------
    outlines : parcels in the metres of one UTM zone; one without ring has no pixel
    ids : which parcel comes first among equals
    resolutions_m : pixel sizes; the coarsest is a multiple of each

    Returns
    -------
    int64 array (parcels,) for each resolution
    """
    counts = [np.zeros(len(ids), np.int64) for _ in resolutions_m]
    measures = outlines.measured()
    there = np.flatnonzero(np.isfinite(measures.boxes).all(axis=1))
    # Later parcels take the pixels of earlier ones: largest first, among equals the larger id first.
    there = there[np.lexsort((-ids[there], -measures.areas[there]))]
    side_m = BLOCK_PIXELS * max(resolutions_m)
    lattice = np.floor(measures.boxes[there] / side_m).astype(np.int64)
    low, high = lattice[:, :2], lattice[:, 2:]

    def count(block: tuple[int, int], resolution_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        here = there[((low <= block) & (high >= block)).all(axis=1)]
        corner = block[0] * side_m, (block[1] + 1) * side_m
        return here, _count_block(outlines, here, corner, resolution_m, round(side_m / resolution_m))

    tasks = [(block, k) for block in _blocks(low, high) for k in range(len(resolutions_m))]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        counted = pool.map(lambda task: count(task[0], resolutions_m[task[1]]), tasks)
        for (_, k), (here, pixels) in zip(tasks, counted, strict=True):
            counts[k][here] += pixels
    return counts


def _blocks(low: NDArray[np.int64], high: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Blocks that any box meets; nearly all boxes lie in one."""
    found = {(x, y) for x, y in np.unique(low, axis=0).tolist()}
    wide = np.flatnonzero((low != high).any(axis=1))
    for (left, bottom), (right, top) in zip(low[wide].tolist(), high[wide].tolist(), strict=True):
        found |= {(x, y) for x in range(left, right + 1) for y in range(bottom, top + 1)}
    return sorted(found)


def _count_block(
    outlines: Outlines,
    shapes: NDArray[np.int64],
    corner: tuple[float, float],
    resolution_m: float,
    side: int,
) -> NDArray[np.int64]:
    """Pixels of each shape in one block of ``side`` pixels; later shapes take those of earlier ones."""
    image = np.full((side, side), -1, np.int32)
    burn_shrunk(
        image,
        *corner,
        resolution_m,
        resolution_m / 2,
        outlines.vertices,
        outlines.ring_starts,
        outlines.shape_starts,
        shapes,
        np.arange(len(shapes), dtype=np.int32),
    )
    pixels = np.zeros(len(shapes), np.int64)
    count_labels(image, pixels)
    return pixels
