"""How many pixels parcels have, whatever tiles they lie on.

All Sentinel-2 tiles of a UTM zone share one pixel lattice (their corners are multiples of 60 m), so pixels
are counted on that lattice: a parcel where tiles overlap is counted once, one across a border of tiles whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.polygon_pixels import burn_polygons, count_labels
from sen4cap_core.rasters.mgrs import tile_epsg

BLOCK_PIXELS = 2048
"""Side of a block at the coarsest resolution."""
MARGIN_M = 50.0
"""The box of a parcel is projected, not the parcel: its edges bend by less than this."""
_CHUNK_ROWS = 5_000

Project = Callable[[NDArray[np.object_]], NDArray[np.object_]]


def _as_they_are(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    return geometry


def zones_of(geometry: NDArray[np.object_], tiles: Sequence[str]) -> NDArray[np.int32]:
    """Return the EPSG code of the UTM zone each parcel's pixels are counted in, 0 without geometry.

    ``geometry`` is in longitude and latitude [degrees]. A parcel belongs to the zone of its centre; where the
    site has tiles, and none of that zone, to the zone of the tiles nearest to it.
    """
    centres = shapely.centroid(geometry)
    x, y = shapely.get_x(centres), shapely.get_y(centres)
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
    geometry: NDArray[np.object_],
    ids: NDArray[np.int64],
    resolutions_m: Sequence[float],
    *,
    threads: int,
    project: Project = _as_they_are,
) -> list[NDArray[np.int64]]:
    """Count the pixels whose centre lies in each parcel, shrunk by half a pixel.

    Where shrunk parcels overlap, the pixel is the smaller parcel's, and of parcels of one area that with the
    smaller id: as ``rasters.labels`` gives it. Works block by block, so that only a block's parcels are held
    projected and shrunk.

    Parameters
    ----------
    geometry : MultiPolygons; None has no pixel
    ids : which parcel comes first among equals
    resolutions_m : pixel sizes; the coarsest is a multiple of each
    project : brings geometries into the metres of one UTM zone

    Returns
    -------
    int64 array (parcels,) for each resolution
    """
    counts = [np.zeros(len(geometry), np.int64) for _ in resolutions_m]
    there = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    if not len(there):
        return counts
    side_m = BLOCK_PIXELS * max(resolutions_m)
    boxes = shapely.bounds(geometry[there])
    bounds = shapely.bounds(project(shapely.box(*boxes.T)))
    low = np.floor((bounds[:, :2] - MARGIN_M) / side_m).astype(np.int64)
    high = np.floor((bounds[:, 2:] + MARGIN_M) / side_m).astype(np.int64)
    for block_x, block_y in _blocks(low, high):
        here = (low[:, 0] <= block_x) & (high[:, 0] >= block_x)
        here &= (low[:, 1] <= block_y) & (high[:, 1] >= block_y)
        rows = there[here]
        shapes = project(geometry[rows])
        order = np.lexsort((-ids[rows], -shapely.area(shapes)))
        corner = block_x * side_m, (block_y + 1) * side_m
        for of_resolution, resolution_m in zip(counts, resolutions_m, strict=True):
            shrunk = _shrunk(shapes[order], -resolution_m / 2, threads)
            side = round(side_m / resolution_m)
            of_resolution[rows[order]] += _count_block(shrunk, corner, resolution_m, side)
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
    shrunk: NDArray[np.object_], corner: tuple[float, float], resolution_m: float, side: int
) -> NDArray[np.int64]:
    """Pixels of each shape in one block of ``side`` pixels; later shapes take those of earlier ones."""
    counts = np.zeros(len(shrunk), np.int64)
    chosen = np.flatnonzero(~(shapely.is_missing(shrunk) | shapely.is_empty(shrunk)))
    if not len(chosen):
        return counts
    polygons, of_shape = shapely.get_parts(shrunk[chosen], return_index=True)
    parts = shapely.multipolygons(polygons, indices=of_shape)
    _, vertices, offsets = shapely.to_ragged_array(parts, include_z=False)
    ring_starts, polygon_starts, shape_starts = offsets
    image = np.full((side, side), -1, np.int32)
    burn_polygons(
        image,
        (vertices[:, 0] - corner[0]) / resolution_m,
        (corner[1] - vertices[:, 1]) / resolution_m,
        ring_starts.astype(np.int64),
        polygon_starts[shape_starts].astype(np.int64),
        np.arange(len(chosen), dtype=np.int32),
    )
    of_chosen = np.zeros(len(chosen), np.int64)
    count_labels(image, of_chosen)
    counts[chosen] = of_chosen
    return counts
