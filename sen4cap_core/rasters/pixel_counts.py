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

from sen4cap_core.kernels.polygon_pixels import burn_polygons
from sen4cap_core.rasters.mgrs import tile_epsg

BLOCK_PIXELS = 4096
_CHUNK_ROWS = 20_000


def zones_of(geometry: NDArray[np.object_], tiles: Sequence[str]) -> NDArray[np.int32]:
    """Return the EPSG code of the UTM zone each parcel's pixels are counted in, 0 without geometry.

    ``geometry`` is in longitude and latitude [degrees]. A parcel belongs to the zone of its centre; where the
    site has tiles, and none of that zone, to the zone of the tiles nearest to it.
    """
    x, y = shapely.get_x(shapely.centroid(geometry)), shapely.get_y(shapely.centroid(geometry))
    there = np.isfinite(x) & np.isfinite(y)
    zone = np.zeros(len(geometry), np.int32)
    number = np.clip(np.floor((x[there] + 180) / 6) + 1, 1, 60)
    zone[there] = np.where(y[there] < 0, 32_700, 32_600) + number
    known = np.unique([tile_epsg(tile) for tile in tiles]).astype(np.int32)
    if len(known):
        foreign = there & ~np.isin(zone, known)
        nearest = np.abs(known[None, :] - zone[foreign][:, None]).argmin(axis=1)
        zone[foreign] = known[nearest]
    return zone


def count_pixels(
    geometry: NDArray[np.object_], ids: NDArray[np.int64], resolution_m: float, *, threads: int
) -> NDArray[np.int64]:
    """Count the pixels whose centre lies in each parcel, shrunk by half a pixel.

    Where shrunk parcels overlap, the pixel is the smaller parcel's, and of parcels of one area that with the
    smaller id: as ``rasters.labels`` gives it.

    Parameters
    ----------
    geometry : MultiPolygons in the metres of one UTM zone; None has no pixel
    ids : which parcel comes first among equals

    Returns
    -------
    int64 array (parcels,)
    """
    counts = np.zeros(len(geometry), np.int64)
    areas = np.nan_to_num(shapely.area(geometry))
    shrunk = _shrunk(geometry, -resolution_m / 2, threads)
    usable = ~(shapely.is_missing(shrunk) | shapely.is_empty(shrunk))
    order = np.lexsort((-ids, -areas))
    order = order[usable[order]]
    if not len(order):
        return counts
    side_m = BLOCK_PIXELS * resolution_m
    bounds = shapely.bounds(shrunk[order])
    low = np.floor(bounds[:, :2] / side_m).astype(np.int64)
    high = np.floor(bounds[:, 2:] / side_m).astype(np.int64)
    for block_x, block_y in _blocks(low, high):
        here = (low[:, 0] <= block_x) & (high[:, 0] >= block_x)
        here &= (low[:, 1] <= block_y) & (high[:, 1] >= block_y)
        corner = block_x * side_m, (block_y + 1) * side_m
        counts += _count_block(shrunk, order[here], corner, resolution_m, len(counts))
    return counts


def _shrunk(geometry: NDArray[np.object_], distance_m: float, threads: int) -> NDArray[np.object_]:
    chunks = [geometry[start : start + _CHUNK_ROWS] for start in range(0, len(geometry), _CHUNK_ROWS)]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        done = list(pool.map(lambda chunk: shapely.buffer(chunk, distance_m), chunks))
    return np.concatenate([np.empty(0, dtype=object), *done])


def _blocks(low: NDArray[np.int64], high: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Blocks that any box meets; nearly all boxes lie in one."""
    found = {(x, y) for x, y in np.unique(low, axis=0).tolist()}
    wide = np.flatnonzero((low != high).any(axis=1))
    for (left, bottom), (right, top) in zip(low[wide].tolist(), high[wide].tolist(), strict=True):
        found |= {(x, y) for x in range(left, right + 1) for y in range(bottom, top + 1)}
    return sorted(found)


def _count_block(
    shrunk: NDArray[np.object_],
    chosen: NDArray[np.intp],
    corner: tuple[float, float],
    resolution_m: float,
    n: int,
) -> NDArray[np.int64]:
    if not len(chosen):
        return np.zeros(n, np.int64)
    polygons, of_shape = shapely.get_parts(shrunk[chosen], return_index=True)
    parts = shapely.multipolygons(polygons, indices=of_shape)
    _, vertices, offsets = shapely.to_ragged_array(parts, include_z=False)
    ring_starts, polygon_starts, shape_starts = offsets
    image = np.full((BLOCK_PIXELS, BLOCK_PIXELS), -1, np.int32)
    burn_polygons(
        image,
        (vertices[:, 0] - corner[0]) / resolution_m,
        (corner[1] - vertices[:, 1]) / resolution_m,
        ring_starts.astype(np.int64),
        polygon_starts[shape_starts].astype(np.int64),
        np.arange(len(chosen), dtype=np.int32),
    )
    counts = np.zeros(n, np.int64)
    counts[chosen] = np.bincount(image.ravel() + 1, minlength=len(chosen) + 1)[1:]
    return counts
