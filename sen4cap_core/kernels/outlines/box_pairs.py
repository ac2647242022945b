"""Boxes that overlap: found strip by strip, each strip from west to east."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def overlapping_boxes(
    boxes: NDArray[np.float64], order: NDArray[np.int64], south: float, height: float, n_strips: int
) -> NDArray[np.int64]:
    """Return the pairs of boxes that share more than an edge, the smaller number first, each pair once.

    Parameters
    ----------
    boxes : (n, 4), west, south, east, north, all finite
    order : (n,), the boxes from west to east by their western edge
    south : of the southernmost box
    height : of a strip, above 0
    n_strips : strips that cover all boxes

    Returns
    -------
    int64 array (pairs, 2)
    """
    starts = np.zeros(n_strips + 1, np.int64)
    for box in range(boxes.shape[0]):
        low, high = _strips(boxes, box, south, height, n_strips)
        for strip in range(low, high + 1):
            starts[strip + 1] += 1
    for strip in range(n_strips):
        starts[strip + 1] += starts[strip]
    members, filled = np.empty(starts[n_strips], np.int64), starts[:-1].copy()
    for box in order:
        low, high = _strips(boxes, box, south, height, n_strips)
        for strip in range(low, high + 1):
            members[filled[strip]] = box
            filled[strip] += 1
    pairs = np.empty((max(64, 4 * boxes.shape[0]), 2), np.int64)
    n = 0
    for strip in range(n_strips):
        for at in range(starts[strip], starts[strip + 1]):
            one = members[at]
            for later in range(at + 1, starts[strip + 1]):
                other = members[later]
                if boxes[other, 0] >= boxes[one, 2]:
                    break
                lower = max(boxes[one, 1], boxes[other, 1])
                # Boxes of several strips in common are a pair of the lowest of these.
                if (
                    lower >= min(boxes[one, 3], boxes[other, 3])
                    or _strip(lower, south, height, n_strips) != strip
                ):
                    continue
                if boxes[one, 0] >= boxes[one, 2] or boxes[other, 0] >= boxes[other, 2]:
                    continue
                if n == pairs.shape[0]:
                    longer = np.empty((2 * n, 2), np.int64)
                    longer[:n] = pairs
                    pairs = longer
                pairs[n, 0], pairs[n, 1] = min(one, other), max(one, other)
                n += 1
    return pairs[:n]


@kernel
def _strip(y: float, south: float, height: float, n_strips: int) -> int:
    return min(max(int((y - south) / height), 0), n_strips - 1)


@kernel
def _strips(
    boxes: NDArray[np.float64], box: int, south: float, height: float, n_strips: int
) -> tuple[int, int]:
    return _strip(boxes[box, 1], south, height, n_strips), _strip(boxes[box, 3], south, height, n_strips)
