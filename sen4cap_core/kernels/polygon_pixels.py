"""Polygons onto a pixel grid: pixels whose centre lies inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def burn_polygons(
    image: NDArray[np.int32],
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    ring_starts: NDArray[np.int64],
    shape_starts: NDArray[np.int64],
    labels: NDArray[np.int32],
) -> None:
    """Write each shape's label into the pixels whose centre lies inside; later shapes overwrite earlier ones.

    Centres exactly on an outline go the way they go in GDAL's rasterisation.

    Parameters
    ----------
    image : int32 (height, width), in and out
    columns, rows : float64 (n,), vertices in pixels from the image's upper left corner; rings are closed
    ring_starts : (rings + 1,), first vertex of each ring
    shape_starts : (shapes + 1,), first ring of each shape; a point is inside that lies in an odd number of
        its rings
    labels : int32 (shapes,)
    """
    height, width = image.shape
    crossings = np.empty(64, np.float64)
    for shape in range(labels.size):
        first_ring, end_ring = shape_starts[shape], shape_starts[shape + 1]
        top, bottom = np.inf, -np.inf
        for i in range(ring_starts[first_ring], ring_starts[end_ring]):
            top, bottom = min(top, rows[i]), max(bottom, rows[i])
        if bottom <= 0.0 or top >= height:
            continue
        start, stop = max(0, int(np.floor(top))), min(height, int(np.ceil(bottom)))
        for row in range(start, stop):
            centre = row + 0.5
            n = 0
            for ring in range(first_ring, end_ring):
                for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
                    if (rows[i] <= centre) != (rows[i + 1] <= centre):
                        if n == crossings.size:
                            longer = np.empty(2 * n, np.float64)
                            longer[:n] = crossings
                            crossings = longer
                        slope = (columns[i + 1] - columns[i]) / (rows[i + 1] - rows[i])
                        crossings[n] = columns[i] + (centre - rows[i]) * slope
                        n += 1
            along = np.sort(crossings[:n])
            for k in range(0, n - 1, 2):
                left = max(0, int(np.floor(along[k] + 0.5)))
                right = min(width, int(np.floor(along[k + 1] + 0.5)))
                for column in range(left, right):
                    image[row, column] = labels[shape]
            for ring in range(first_ring, end_ring):
                for i in range(ring_starts[ring], ring_starts[ring + 1] - 1):
                    # A level lower edge exactly on the centres; GDAL takes these pixels in.
                    if rows[i] == centre and rows[i + 1] == centre and columns[i] > columns[i + 1]:
                        left = max(0, int(np.floor(columns[i + 1] + 0.5)))
                        right = min(width, int(np.floor(columns[i] + 0.5)))
                        for column in range(left, right):
                            image[row, column] = labels[shape]


@kernel
def count_labels(image: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Add the pixels of each label to its count; labels below 0 are nobody's."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            if image[row, column] >= 0:
                counts[image[row, column]] += 1
