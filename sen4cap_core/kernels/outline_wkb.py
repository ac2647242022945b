"""Well-known binary of polygons into plain arrays of vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_MULTI = 6
_POINT_BYTES = 16


@kernel
def _whole_number(data: NDArray[np.uint8], at: int) -> int:
    return int(data[at]) | int(data[at + 1]) << 8 | int(data[at + 2]) << 16 | int(data[at + 3]) << 24


@kernel
def count_outlines(data: NDArray[np.uint8], starts: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Count what shapes are made of.

    Parameters
    ----------
    data : little-endian WKB of Polygons and MultiPolygons in two dimensions, one after the other
    starts : (shapes + 1,), first byte of each; a shape of no bytes is empty
    counts : (shapes, 3), written: polygons, rings, vertices
    """
    for shape in range(starts.size - 1):
        polygons, rings, vertices = 0, 0, 0
        at = starts[shape]
        if at < starts[shape + 1]:
            polygons = 1
            if _whole_number(data, at + 1) == _MULTI:
                polygons = _whole_number(data, at + 5)
                at += 9
            for _ in range(polygons):
                of_polygon = _whole_number(data, at + 5)
                at += 9
                rings += of_polygon
                for _ in range(of_polygon):
                    of_ring = _whole_number(data, at)
                    vertices += of_ring
                    at += 4 + _POINT_BYTES * of_ring
        counts[shape, 0], counts[shape, 1], counts[shape, 2] = polygons, rings, vertices


@kernel
def read_outlines(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    vertex_bytes: NDArray[np.uint8],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
) -> None:
    """Write the vertices of all shapes, and where rings and polygons begin.

    Parameters
    ----------
    data, starts, counts : as `count_outlines` has them
    vertex_bytes : (16 * vertices,), the memory of a float64 array (vertices, 2)
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon
    """
    polygon, ring, vertex = 0, 0, 0
    for shape in range(starts.size - 1):
        at = starts[shape]
        if at < starts[shape + 1] and _whole_number(data, at + 1) == _MULTI:
            at += 9
        for _ in range(counts[shape, 0]):
            polygon_starts[polygon] = ring
            polygon += 1
            of_polygon = _whole_number(data, at + 5)
            at += 9
            for _ in range(of_polygon):
                ring_starts[ring] = vertex
                ring += 1
                of_ring = _whole_number(data, at)
                at += 4
                to = vertex * _POINT_BYTES
                for byte in range(of_ring * _POINT_BYTES):
                    vertex_bytes[to + byte] = data[at + byte]
                at += of_ring * _POINT_BYTES
                vertex += of_ring
    ring_starts[ring] = vertex
    polygon_starts[polygon] = ring
