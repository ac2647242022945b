"""Outlines onto a pixel grid: pixels whose centre lies inside and far enough from the outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_CROSSED, _NEAR = 1, 2
"""Marks of a pixel: an outline passes between the pixel before and it; the outline is too near."""


@kernel
def burn_shrunk(
    image: NDArray[np.int32],
    west: float,
    north: float,
    pixel: float,
    distance: float,
    vertices: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    shape_starts: NDArray[np.int64],
    shapes: NDArray[np.int64],
    labels: NDArray[np.int32],
) -> None:
    """Write each shape's label into the pixels whose centre lies in it, ``distance`` or more from its edge.

    That is the shape shrunk by ``distance``, without building it. Later shapes overwrite earlier ones. A
    centre at exactly the distance goes the way GDAL's rasterisation of the shrunk shape has it: out on its
    western side, in on the others.

    Parameters
    ----------
    image : int32 (height, width), in and out
    west, north : corner of the image
    pixel : size of a pixel
    distance : above 0
    vertices : (n, 2), x and y in the units of ``west``, ``north``, ``pixel`` and ``distance``; rings are
        closed; a shape with a coordinate that is not finite has no pixel
    ring_starts : (rings + 1,), first vertex of each ring
    shape_starts : (all shapes + 1,), first ring of each shape; a point is inside that lies in an odd number
        of its rings
    shapes, labels : (m,), shapes to write, in this order
    """
    height, width = image.shape
    reach = distance / pixel
    marks = np.zeros(4096, np.uint8)
    for k in range(shapes.size):
        first_ring, end_ring = shape_starts[shapes[k]], shape_starts[shapes[k] + 1]
        left, right, top, bottom = np.inf, -np.inf, np.inf, -np.inf
        finite = True
        for i in range(ring_starts[first_ring], ring_starts[end_ring]):
            x, y = (vertices[i, 0] - west) / pixel, (north - vertices[i, 1]) / pixel
            finite &= np.isfinite(x) and np.isfinite(y)
            left, right = min(left, x), max(right, x)
            top, bottom = min(top, y), max(bottom, y)
        if not finite or left >= width or right <= 0 or top >= height or bottom <= 0:
            continue
        box = (
            max(0, int(np.floor(top))),
            min(height, int(np.ceil(bottom))),
            max(0, int(np.floor(left))),
            min(width, int(np.ceil(right))),
        )
        columns = box[3] - box[2]
        size = (box[1] - box[0]) * columns
        if size > marks.size:
            marks = np.zeros(2 * size, np.uint8)
        marks[:size] = 0
        for ring in range(first_ring, end_ring):
            for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
                x0, y0 = (vertices[i, 0] - west) / pixel, (north - vertices[i, 1]) / pixel
                x1, y1 = (vertices[i + 1, 0] - west) / pixel, (north - vertices[i + 1, 1]) / pixel
                if y0 > y1:
                    x0, y0, x1, y1 = x1, y1, x0, y0
                _mark_edge(marks, box, x0, y0, x1, y1, reach)
        for row in range(box[0], box[1]):
            inside = 0
            base = (row - box[0]) * columns
            for column in range(columns):
                mark = marks[base + column]
                inside ^= mark & _CROSSED
                if inside and not mark & _NEAR:
                    image[row, box[2] + column] = labels[k]


@kernel
def _mark_edge(
    marks: NDArray[np.uint8],
    box: tuple[int, int, int, int],
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    reach: float,
) -> None:
    """Mark the pixels of a box (rows, then columns) that an edge going down passes or comes near to."""
    start, stop, first, end = box
    columns = end - first
    top, bottom = max(start, int(np.floor(y0 - reach + 0.5))), min(stop, int(np.ceil(y1 + reach - 0.5)))
    for row in range(top, bottom):
        centre = row + 0.5
        base = (row - start) * columns
        if y0 <= centre < y1:
            crossing = x0 + (centre - y0) * (x1 - x0) / (y1 - y0)
            column = max(int(np.floor(crossing + 0.5)), first)
            if column < end:
                marks[base + column - first] ^= _CROSSED
        low, high = _near_edge(centre, x0, y0, x1, y1, reach)
        if low < high:
            left, right = max(int(np.floor(low + 0.5)), first), min(int(np.floor(high + 0.5)), end)
            for column in range(left, right):
                marks[base + column - first] |= _NEAR


@kernel
def _near_edge(y: float, x0: float, y0: float, x1: float, y1: float, reach: float) -> tuple[float, float]:
    """Return where on a level line the edge is nearer than ``reach``: one stretch, as what is near is convex.

    It is near to one of the ends, or to the left and right of the edge itself.
    """
    low, high = np.inf, -np.inf
    if abs(y - y0) < reach:
        half = np.sqrt(reach * reach - (y - y0) * (y - y0))
        low, high = x0 - half, x0 + half
    if abs(y - y1) < reach:
        half = np.sqrt(reach * reach - (y - y1) * (y - y1))
        low, high = min(low, x1 - half), max(high, x1 + half)
    across, down = x1 - x0, y1 - y0
    if down == 0.0:
        if abs(y - y0) < reach:
            low, high = min(low, x0, x1), max(high, x0, x1)
        return low, high
    length = np.sqrt(across * across + down * down)
    beside = reach * length / down
    on_line = x0 + (y - y0) * across / down
    left, right = on_line - beside, on_line + beside
    if across == 0.0:
        if not y0 <= y <= y1:
            return low, high
    else:
        # The perpendiculars at the two ends cut the stripe off.
        one = x0 - (y - y0) * down / across
        other = one + length * length / across
        left, right = max(left, min(one, other)), min(right, max(one, other))
    if left < right:
        low, high = min(low, left), max(high, right)
    return low, high


@kernel
def count_labels(image: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Add the pixels of each label to its count; labels below 0 are nobody's."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if image[row, column] >= 0:
                counts[image[row, column]] += 1
