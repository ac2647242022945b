"""Area, length and box of outlines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def measure_outlines(
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
    areas: NDArray[np.float64],
    lengths: NDArray[np.float64],
    boxes: NDArray[np.float64],
    shapes: NDArray[np.int64],
) -> None:
    """Add the area and the length of each polygon to those of its shape, and widen the shape's box by it.

    Parameters
    ----------
    vertices : (n, 2); rings are closed
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon, its shell
    areas, lengths : (all shapes,), in and out; the area of holes is taken off
    boxes : (all shapes, 4), west, south, east, north, in and out
    shapes : (polygons,), whose polygon it is
    """
    for polygon in range(polygon_starts.size - 1):
        shape = shapes[polygon]
        west, south, east, north = boxes[shape, 0], boxes[shape, 1], boxes[shape, 2], boxes[shape, 3]
        length = lengths[shape]
        for ring in range(polygon_starts[polygon], polygon_starts[polygon + 1]):
            first, end = ring_starts[ring], ring_starts[ring + 1]
            twice = 0.0
            for i in range(first, end):
                x, y = vertices[i, 0], vertices[i, 1]
                west, south, east, north = min(west, x), min(south, y), max(east, x), max(north, y)
                if i + 1 == end:
                    continue
                across, up = vertices[i + 1, 0] - x, vertices[i + 1, 1] - y
                twice += (x - vertices[first, 0]) * up - across * (y - vertices[first, 1])
                length += np.sqrt(across * across + up * up)
            area = 0.5 * abs(twice)
            areas[shape] += area if ring == polygon_starts[polygon] else -area
        boxes[shape, 0], boxes[shape, 1], boxes[shape, 2], boxes[shape, 3] = west, south, east, north
        lengths[shape] = length
