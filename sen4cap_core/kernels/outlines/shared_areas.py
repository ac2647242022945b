"""The area two polygons share, without building their intersection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def ring_signs(
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    polygon_starts: NDArray[np.int64],
    signs: NDArray[np.float64],
) -> None:
    """Say for each ring whether its area counts (1, shells) or is taken off (-1, holes), times its turn.

    Parameters
    ----------
    vertices : (n, 2); rings are closed
    ring_starts : (rings + 1,), first vertex of each ring
    polygon_starts : (polygons + 1,), first ring of each polygon, its shell
    signs : (rings,), written; 1 for a shell that turns left and a hole that turns right, else -1
    """
    for polygon in range(polygon_starts.size - 1):
        for ring in range(polygon_starts[polygon], polygon_starts[polygon + 1]):
            first, end = ring_starts[ring], ring_starts[ring + 1]
            twice = 0.0
            for i in range(first, end - 1):
                x0, y0 = vertices[i, 0] - vertices[first, 0], vertices[i, 1] - vertices[first, 1]
                x1, y1 = vertices[i + 1, 0] - vertices[first, 0], vertices[i + 1, 1] - vertices[first, 1]
                twice += x0 * y1 - x1 * y0
            turn = 1.0 if twice >= 0 else -1.0
            signs[ring] = turn if ring == polygon_starts[polygon] else -turn


@kernel
def shared_areas(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    boxes: NDArray[np.float64],
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    shape_starts: NDArray[np.int64],
    signs: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Write the area that each pair of shapes shares.

    A shape is the signed sum of the trapezoids below its edges, so the shared area is the signed sum of what
    each two trapezoids share, which is a closed formula. Holes and several polygons need no care.

    Parameters
    ----------
    left, right : (pairs,), shapes of each pair
    boxes : (shapes, 4), west, south, east, north
    vertices, ring_starts : as `ring_signs`
    shape_starts : (shapes + 1,), first ring of each shape
    signs : (rings,) of `ring_signs`
    out : (pairs,), in square units of the vertices
    """
    edges = np.empty((64, 5), np.float64)
    ends = np.empty((64, 5), np.float64)
    for pair in range(left.size):
        one, other = left[pair], right[pair]
        west, east = max(boxes[one, 0], boxes[other, 0]), min(boxes[one, 2], boxes[other, 2])
        south, north = max(boxes[one, 1], boxes[other, 1]), min(boxes[one, 3], boxes[other, 3])
        out[pair] = 0.0
        if not (west < east and south < north):
            continue
        m, edges = _edges_over(one, west, east, south, vertices, ring_starts, shape_starts, signs, edges)
        n, ends = _edges_over(other, west, east, south, vertices, ring_starts, shape_starts, signs, ends)
        total = 0.0
        for i in range(m):
            x0, x1, y0, slope, sign = edges[i, 0], edges[i, 1], edges[i, 2], edges[i, 3], edges[i, 4]
            for k in range(n):
                low, high = max(x0, ends[k, 0], west), min(x1, ends[k, 1], east)
                if low >= high:
                    continue
                u0, u1 = y0 + slope * (low - x0), y0 + slope * (high - x0)
                v0 = ends[k, 2] + ends[k, 3] * (low - ends[k, 0])
                v1 = ends[k, 2] + ends[k, 3] * (high - ends[k, 0])
                total += sign * ends[k, 4] * _below_both(u0, u1, v0, v1, high - low)
        out[pair] = max(total, 0.0)


@kernel
def _edges_over(
    shape: int,
    west: float,
    east: float,
    south: float,
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    shape_starts: NDArray[np.int64],
    signs: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> tuple[int, NDArray[np.float64]]:
    """Collect the edges above ``south`` and between ``west`` and ``east``: x0, x1, y0, slope, sign."""
    n = 0
    for ring in range(shape_starts[shape], shape_starts[shape + 1]):
        for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
            x0, x1 = vertices[i, 0], vertices[i + 1, 0]
            y0, y1 = vertices[i, 1] - south, vertices[i + 1, 1] - south
            sign = -signs[ring]
            if x0 > x1:
                x0, x1, y0, y1, sign = x1, x0, y1, y0, -sign
            if x1 <= west or x0 >= east or x0 == x1 or (y0 <= 0 and y1 <= 0):
                continue
            if n == ends.shape[0]:
                longer = np.empty((2 * n, 5), np.float64)
                longer[:n] = ends
                ends = longer
            ends[n, 0], ends[n, 1], ends[n, 2] = x0, x1, y0
            ends[n, 3], ends[n, 4] = (y1 - y0) / (x1 - x0), sign
            n += 1
    return n, ends


@kernel
def _below_both(u0: float, u1: float, v0: float, v1: float, width: float) -> float:
    """Area below two lines and above zero, over a stretch of x; the heights are those at its ends."""
    if u0 <= v0 and u1 <= v1:
        return _positive(u0, u1, width)
    if v0 <= u0 and v1 <= u1:
        return _positive(v0, v1, width)
    share = (u0 - v0) / ((u0 - v0) - (u1 - v1))
    middle = u0 + share * (u1 - u0)
    return _positive(min(u0, v0), middle, share * width) + _positive(
        middle, min(u1, v1), (1.0 - share) * width
    )


@kernel
def _positive(h0: float, h1: float, width: float) -> float:
    """Area below a line and above zero."""
    if h0 >= 0 and h1 >= 0:
        return 0.5 * (h0 + h1) * width
    if h0 <= 0 and h1 <= 0:
        return 0.0
    if h0 > 0:
        return 0.5 * h0 * width * h0 / (h0 - h1)
    return 0.5 * h1 * width * h1 / (h1 - h0)
