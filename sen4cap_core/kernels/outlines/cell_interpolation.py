"""A smooth map of the plane, interpolated cell by cell between exact values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_FAR = 2**30
"""Cells further from the origin hold no coordinates."""
UNUSABLE = -1
"""Row of a point that is in no cell, or in one that is not interpolated."""


@kernel
def find_cells(
    points: NDArray[np.float64],
    side: float,
    keys: NDArray[np.int64],
    rows: NDArray[np.int64],
    next_row: int,
    found: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Write for each point the row of its cell; cells that are not known yet get the next rows.

    Parameters
    ----------
    points : (n, 2), x and y
    side : of a cell, in units of the points; cells are counted from the origin
    keys : of the known cells, ascending
    rows : of the known cells, `UNUSABLE` where a cell is known to be
    next_row : of the first cell that is not known
    found : (n,), written; `UNUSABLE` for a point that is in no cell

    Returns
    -------
    Keys of the cells that were not known, the first one that of ``next_row``. A key holds both numbers of
    its cell, see `corners_of`.
    """
    new, n_new = np.empty(64, np.int64), 0
    west = east = south = north = 0.0
    row = np.int64(UNUSABLE)
    for i in range(points.shape[0]):
        x, y = points[i, 0] / side, points[i, 1] / side
        # Nearly all points lie in the cell of the one before.
        if not (west <= x < east and south <= y < north):
            west, south = np.floor(x), np.floor(y)
            east, north = west + 1.0, south + 1.0
            row = np.int64(UNUSABLE)
            if abs(west) < _FAR and abs(south) < _FAR:  # NaN is nowhere
                key = (np.int64(west) + _FAR) * (2 * _FAR) + np.int64(south) + _FAR
                at = np.searchsorted(keys, key)
                if at < keys.size and keys[at] == key:
                    row = rows[at]
                else:
                    place = n_new - 1
                    while place >= 0 and new[place] != key:
                        place -= 1
                    if place < 0:
                        if n_new == new.size:
                            longer = np.empty(2 * n_new, np.int64)
                            longer[:n_new] = new
                            new = longer
                        new[n_new] = key
                        place = n_new
                        n_new += 1
                    row = np.int64(next_row + place)
        found[i] = row
    return new[:n_new]


def corners_of(keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the numbers (n, 2) of cells along x and y."""
    x, y = np.divmod(keys, 2 * _FAR)
    return np.column_stack([x - _FAR, y - _FAR]).astype(np.float64)


@kernel
def interpolate_cells(
    points: NDArray[np.float64],
    side: float,
    cell: NDArray[np.int64],
    nodes: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Map points by cubic interpolation (Lagrange, four nodes along each axis) in their cell.

    Parameters
    ----------
    points : (n, 2), x and y
    side : of a cell, in units of the points; cells are counted from the origin
    cell : (n,), row of ``nodes`` for each point; below 0 the point is left out
    nodes : (cells, 4, 4, 2), images of the lattice points -1, 0, 1, 2 sides from the cell's lower left
        corner, along y, then along x
    out : (n, 2), images of the points
    """
    for i in range(points.shape[0]):
        at = cell[i]
        if at < 0:
            continue
        u, v = points[i, 0] / side, points[i, 1] / side
        u, v = u - np.floor(u), v - np.floor(v)
        a0, a1 = -u * (u - 1) * (u - 2) / 6, (u + 1) * (u - 1) * (u - 2) / 2
        a2, a3 = -(u + 1) * u * (u - 2) / 2, (u + 1) * u * (u - 1) / 6
        b0, b1 = -v * (v - 1) * (v - 2) / 6, (v + 1) * (v - 1) * (v - 2) / 2
        b2, b3 = -(v + 1) * v * (v - 2) / 2, (v + 1) * v * (v - 1) / 6
        for k in range(2):
            r0 = a0 * nodes[at, 0, 0, k] + a1 * nodes[at, 0, 1, k]
            r0 += a2 * nodes[at, 0, 2, k] + a3 * nodes[at, 0, 3, k]
            r1 = a0 * nodes[at, 1, 0, k] + a1 * nodes[at, 1, 1, k]
            r1 += a2 * nodes[at, 1, 2, k] + a3 * nodes[at, 1, 3, k]
            r2 = a0 * nodes[at, 2, 0, k] + a1 * nodes[at, 2, 1, k]
            r2 += a2 * nodes[at, 2, 2, k] + a3 * nodes[at, 2, 3, k]
            r3 = a0 * nodes[at, 3, 0, k] + a1 * nodes[at, 3, 1, k]
            r3 += a2 * nodes[at, 3, 2, k] + a3 * nodes[at, 3, 3, k]
            out[i, k] = b0 * r0 + b1 * r1 + b2 * r2 + b3 * r3
