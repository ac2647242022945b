"""Outlines put into another order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def copy_outlines(
    order: NDArray[np.int64],
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
    first_polygons: NDArray[np.int64],
    to_vertices: NDArray[np.float64],
    to_ring_starts: NDArray[np.int64],
    to_polygon_starts: NDArray[np.int64],
) -> None:
    """Copy shapes one after the other.

    Parameters
    ----------
    order : (m,), shapes to copy
    vertices : (n, 2)
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon
    first_polygons : (shapes + 1,), first polygon of each shape
    to_vertices, to_ring_starts, to_polygon_starts : the same of the copied shapes, written
    """
    vertex, ring, polygon = 0, 0, 0
    for shape in order:
        for one in range(first_polygons[shape], first_polygons[shape + 1]):
            to_polygon_starts[polygon] = ring
            polygon += 1
            for old in range(polygon_starts[one], polygon_starts[one + 1]):
                to_ring_starts[ring] = vertex
                ring += 1
                for at in range(ring_starts[old], ring_starts[old + 1]):
                    to_vertices[vertex, 0], to_vertices[vertex, 1] = vertices[at, 0], vertices[at, 1]
                    vertex += 1
    to_ring_starts[ring] = vertex
    to_polygon_starts[polygon] = ring
