"""Which outlines are valid beyond doubt: a proof that takes a tenth of what a full test of validity takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_SURE = 1e-15
"""Times the size of its terms, a determinant of two products is beyond rounding (Shewchuk 1997: 3.3e-16)."""
_FEW_EDGES = 48
"""Up to here comparing each edge with each is faster than sorting them."""


@kernel
def prove_sound(
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    shape_starts: NDArray[np.int64],
    sound: NDArray[np.bool_],
) -> None:
    """Say which shapes are surely valid polygons: one closed ring whose edges meet at their common ends only.

    What is not proven may be valid as well: holes, several polygons, repeated points, edges that come nearer
    to one another than rounding can tell. Shewchuk, Adaptive precision floating-point arithmetic and fast
    robust geometric predicates, 1997, has the error bound.

    Parameters
    ----------
    vertices : (n, 2), x and y
    ring_starts : (rings + 1,), first vertex of each ring
    shape_starts : (shapes + 1,), first ring of each shape
    sound : (shapes,), written
    """
    order, lefts = np.empty(256, np.int64), np.empty(256, np.float64)
    for shape in range(sound.size):
        ring = shape_starts[shape]
        if shape_starts[shape + 1] - ring != 1:
            sound[shape] = False
            continue
        first, n_edges = ring_starts[ring], ring_starts[ring + 1] - ring_starts[ring] - 1
        if not _ring_closes(vertices, first, n_edges):
            sound[shape] = False
            continue
        if n_edges <= _FEW_EDGES:
            sound[shape] = _each_with_each(vertices, first, n_edges)
            continue
        if n_edges > lefts.size:
            lefts = np.empty(2 * n_edges, np.float64)
        for edge in range(n_edges):
            lefts[edge] = min(vertices[first + edge, 0], vertices[first + edge + 1, 0])
        order = np.argsort(lefts[:n_edges])
        sound[shape] = _in_order(vertices, first, n_edges, order, lefts)


@kernel
def _ring_closes(vertices: NDArray[np.float64], first: int, n_edges: int) -> bool:
    """Whether a ring has three edges or more, is finite, closed, and repeats no point at once."""
    if n_edges < 3:
        return False
    last = first + n_edges
    if vertices[first, 0] != vertices[last, 0] or vertices[first, 1] != vertices[last, 1]:
        return False
    for i in range(first, last):
        x, y = vertices[i, 0], vertices[i, 1]
        if not (np.isfinite(x) and np.isfinite(y)):
            return False
        if x == vertices[i + 1, 0] and y == vertices[i + 1, 1]:
            return False
    return True


@kernel
def _each_with_each(vertices: NDArray[np.float64], first: int, n_edges: int) -> bool:
    for one in range(n_edges - 1):
        for other in range(one + 1, n_edges):
            if not _apart(vertices, first, n_edges, one, other):
                return False
    return True


@kernel
def _in_order(
    vertices: NDArray[np.float64],
    first: int,
    n_edges: int,
    order: NDArray[np.int64],
    lefts: NDArray[np.float64],
) -> bool:
    """As `_each_with_each`; edges that begin east of another's end are not asked."""
    for place in range(n_edges - 1):
        one = order[place]
        right = max(vertices[first + one, 0], vertices[first + one + 1, 0])
        for later in range(place + 1, n_edges):
            other = order[later]
            if lefts[other] > right:
                break
            if not _apart(vertices, first, n_edges, min(one, other), max(one, other)):
                return False
    return True


@kernel
def _apart(vertices: NDArray[np.float64], first: int, n_edges: int, one: int, other: int) -> bool:
    """Whether two edges, the first one first, surely share no point but the common end of neighbours."""
    ax, ay = vertices[first + one, 0], vertices[first + one, 1]
    bx, by = vertices[first + one + 1, 0], vertices[first + one + 1, 1]
    cx, cy = vertices[first + other, 0], vertices[first + other, 1]
    dx, dy = vertices[first + other + 1, 0], vertices[first + other + 1, 1]
    if other == one + 1:
        return _goes_on(bx - ax, by - ay, dx - cx, dy - cy)
    if one == 0 and other == n_edges - 1:
        return _goes_on(dx - cx, dy - cy, bx - ax, by - ay)
    if max(ax, bx) < min(cx, dx) or max(cx, dx) < min(ax, bx):
        return True
    if max(ay, by) < min(cy, dy) or max(cy, dy) < min(ay, by):
        return True
    side = _side(ax, ay, bx, by, cx, cy)
    if side != 0 and side == _side(ax, ay, bx, by, dx, dy):
        return True
    side = _side(cx, cy, dx, dy, ax, ay)
    return bool(side != 0 and side == _side(cx, cy, dx, dy, bx, by))


@kernel
def _goes_on(ux: float, uy: float, vx: float, vy: float) -> bool:
    """Whether a step after another surely does not run back over it."""
    across, along = ux * vx, uy * vy
    if across + along > _SURE * (abs(across) + abs(along)):
        return True
    one, other = ux * vy, uy * vx
    return bool(abs(one - other) > _SURE * (abs(one) + abs(other)))


@kernel
def _side(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """1 where c lies left of the line from a to b, -1 right of it, 0 where rounding cannot tell."""
    one, other = (ax - cx) * (by - cy), (ay - cy) * (bx - cx)
    size = _SURE * (abs(one) + abs(other))
    if one - other > size:
        return 1
    return -1 if other - one > size else 0
