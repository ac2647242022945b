"""How many pixels parcels have, whatever tiles they lie on.

All Sentinel-2 tiles of a UTM zone share one pixel lattice (their corners are multiples of 60 m), so pixels
are counted on that lattice: a parcel where tiles overlap is counted once, one across a border of tiles whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.outlines.pixels import burn_shrunk, count_labels
from sen4cap_core.rasters.grids.mgrs import tile_epsg
from sen4cap_core.rasters.parcels.outlines import Outlines

BLOCK_PIXELS = 512
"""Side of a block at the coarsest resolution: four million finer pixels stay near the processor."""


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


@dataclass(frozen=True)
class Counted:
    """Parcels whose pixels are all counted."""

    parcels: NDArray[np.int64]
    """Places of these among the parcels that were given."""
    pixels: list[NDArray[np.int64]]
    """How many each of them has, for each resolution."""


def count_pixels(
    outlines: Outlines,
    ids: NDArray[np.int64],
    resolutions_m: Sequence[float],
    *,
    threads: int,
) -> Iterator[Counted]:
    """Count the pixels whose centre lies in each parcel, shrunk by half a pixel; block by block.

    Where shrunk parcels overlap, the pixel is the smaller parcel's, and of parcels of one area that with the
    smaller id: as ``rasters.labels`` gives it. Blocks are counted in threads, each with an image of its own.
    A parcel comes with the last block that it meets: those that come together are neighbours.

    Parameters
    ----------
    outlines : parcels in the metres of one UTM zone; one without ring has no pixel
    ids : which parcel comes first among equals
    resolutions_m : pixel sizes; the coarsest is a multiple of each
    """
    counts = [np.zeros(len(ids), np.int64) for _ in resolutions_m]
    measures = outlines.measured()
    there = np.isfinite(measures.boxes).all(axis=1)
    nowhere, order = np.flatnonzero(~there), np.flatnonzero(there)
    # Later parcels take the pixels of earlier ones: largest first, among equals the larger id first.
    order = order[np.lexsort((-ids[order], -measures.areas[order]))]
    side_m = BLOCK_PIXELS * max(resolutions_m)
    blocks = _blocks(order, measures.boxes[order], side_m)
    sides = [round(side_m / resolution_m) for resolution_m in resolutions_m]
    images = SimpleQueue[NDArray[np.int32]]()
    n_threads = max(threads, 1)
    for _ in range(n_threads):
        images.put(np.empty(max(sides) ** 2, np.int32))

    def count(block: _Block) -> list[NDArray[np.int64]]:
        corner = block.column * side_m, (block.row + 1) * side_m
        image = images.get()
        try:
            return [
                _count_block(outlines, block.parcels, corner, resolution_m, _square(image, side))
                for resolution_m, side in zip(resolutions_m, sides, strict=True)
            ]
        finally:
            images.put(image)

    if len(nowhere):
        yield Counted(nowhere, [total[nowhere] for total in counts])
    with ThreadPoolExecutor(n_threads) as pool:
        for block, counted in zip(blocks, pool.map(count, blocks), strict=True):
            for total, pixels in zip(counts, counted, strict=True):
                total[block.parcels] += pixels
            done = block.parcels[block.last]
            if len(done):
                yield Counted(done, [total[done] for total in counts])


@dataclass(frozen=True)
class _Block:
    """A square of the lattice and what meets it."""

    column: int
    row: int
    """Upwards."""
    parcels: NDArray[np.int64]
    """In the order of those given."""
    last: NDArray[np.bool_]
    """Which of them meet no later block."""


def _blocks(parcels: NDArray[np.int64], boxes: NDArray[np.float64], side_m: float) -> list[_Block]:
    """Share parcels out to the blocks that their boxes meet; nearly all boxes lie in one."""
    if not len(parcels):
        return []
    cells = np.floor(boxes / side_m).astype(np.int64)
    low, extent = cells[:, :2], cells[:, 2:] - cells[:, :2] + 1
    n_cells = extent.prod(axis=1)
    place = np.repeat(np.arange(len(parcels)), n_cells)
    nth = np.arange(len(place)) - np.repeat(np.cumsum(n_cells) - n_cells, n_cells)
    row, column = np.divmod(nth, extent[place, 0])
    row, column = row + low[place, 1], column + low[place, 0]
    order = np.lexsort((column, row))  # stable: parcels of a block keep their order
    row, column, place = row[order], column[order], place[order]
    starts = np.flatnonzero(np.concatenate([[True], (np.diff(row) != 0) | (np.diff(column) != 0)]))
    last = np.zeros(len(place), np.bool_)
    # Of what was written several times to one place, the last time stays.
    final = np.empty(len(parcels), np.int64)
    final[place] = np.arange(len(place))
    last[final] = True
    shares, ends = np.split(parcels[place], starts[1:]), np.split(last, starts[1:])
    return [
        _Block(*block)
        for block in zip(column[starts].tolist(), row[starts].tolist(), shares, ends, strict=True)
    ]


def _square(image: NDArray[np.int32], side: int) -> NDArray[np.int32]:
    return image[: side * side].reshape(side, side)


def _count_block(
    outlines: Outlines,
    shapes: NDArray[np.int64],
    corner: tuple[float, float],
    resolution_m: float,
    image: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Pixels of each shape in the block of an image; later shapes take those of earlier ones."""
    image.fill(-1)
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
