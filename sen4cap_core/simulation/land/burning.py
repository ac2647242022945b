"""Paint polygons onto a grid.

The simulator does it in its own way, so that its truth does not rest on the code it is to test.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.rasters.grids.grid import Grid

BACKGROUND = -1


def burn(polygons: NDArray[np.object_], grid: Grid) -> NDArray[np.int32]:
    """Return the number of the last polygon that holds each pixel's centre, -1 where there is none.

    Parameters
    ----------
    polygons : (unit,) shapely polygons in the grid's coordinates
        Without holes or with; painted in this order.
    grid : Grid
        The pixels.

    Returns
    -------
    int32 (rows, columns)
    """
    labels = np.full(grid.shape, BACKGROUND, np.int32)
    parts, owner = shapely.get_parts(polygons, return_index=True)
    parts, owner = parts[~shapely.is_empty(parts)], owner[~shapely.is_empty(parts)]
    if len(parts):
        # Pixel coordinates in which centres have whole numbers.
        _, coordinates, (rings, polygon_rings) = shapely.to_ragged_array(parts)
        columns = (coordinates[:, 0] - grid.x_min_m) / grid.resolution_m - 0.5
        rows = (grid.y_max_m - coordinates[:, 1]) / grid.resolution_m - 0.5
        _paint(
            columns,
            rows,
            rings.astype(np.int64),
            polygon_rings.astype(np.int64),
            owner.astype(np.int32),
            labels,
        )
    return labels


@kernel
def _paint(
    columns: NDArray[np.float64],
    rows: NDArray[np.float64],
    rings: NDArray[np.int64],
    polygon_rings: NDArray[np.int64],
    owner: NDArray[np.int32],
    labels: NDArray[np.int32],
) -> None:
    """Scan-line fill by the even-odd rule over all rings of a polygon."""
    n_rows, n_columns = labels.shape
    crossings = np.empty(4096)
    for polygon in range(len(owner)):
        first, last = rings[polygon_rings[polygon]], rings[polygon_rings[polygon + 1]]
        top = max(0, int(np.ceil(rows[first:last].min())))
        bottom = min(n_rows - 1, int(np.floor(rows[first:last].max())))
        for row in range(top, bottom + 1):
            n = 0
            for ring in range(polygon_rings[polygon], polygon_rings[polygon + 1]):
                for i in range(rings[ring], rings[ring + 1] - 1):
                    a, b = rows[i], rows[i + 1]
                    if (a <= row) != (b <= row) and n < len(crossings):
                        crossing = columns[i] + (row - a) / (b - a) * (columns[i + 1] - columns[i])
                        # Kept in order: rarely more than four, and np.sort takes seconds to compile.
                        place = n
                        while place > 0 and crossings[place - 1] > crossing:
                            crossings[place] = crossings[place - 1]
                            place -= 1
                        crossings[place] = crossing
                        n += 1
            for pair in range(0, n - 1, 2):
                left = max(0, int(np.ceil(crossings[pair])))
                right = min(n_columns - 1, int(np.ceil(crossings[pair + 1])) - 1)
                for column in range(left, right + 1):
                    labels[row, column] = owner[polygon]
