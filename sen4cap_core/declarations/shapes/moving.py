"""Points from one reference system to another: exact at nodes, interpolated between, checked in each cell.

A map projection is so smooth that cubic interpolation between nodes 5 km apart errs by some micrometres, and
it takes a tenth of the time. Where a cell does not pass its check (a datum grid with a
kink, the edge of what a projection can show), its points are transformed one by one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from sen4cap_core.kernels.outlines.cell_interpolation import (
    UNUSABLE,
    corners_of,
    find_cells,
    interpolate_cells,
)
from sen4cap_core.tables.threads import run_in_chunks

Points = NDArray[np.float64]
"""(n, 2), x and y."""

CELL_M = 5_000.0
CELL_DEG = 0.04
MAX_ERROR_M = 1e-5
"""A cell in which a test point is further off is not interpolated."""

_METRES_PER_DEGREE = 111_320.0
_TEST_POINTS = np.array([(0.5, 0.5), (0.21, 0.77), (0.83, 0.36), (0.05, 0.12), (0.94, 0.95)])
_CHUNK_POINTS = 500_000


@lru_cache(maxsize=64)
def transformer(source: CRS, target: CRS) -> Transformer:
    """Return the transformation between two CRS, x before y on both sides; finding one takes 50 ms."""
    return Transformer.from_crs(source, target, always_xy=True)


def move_points(points: Points, source: CRS, target: CRS) -> Points:
    """Return many points in another CRS; in threads, and in parts, so that what is between takes no room."""
    out = np.empty_like(points)

    def move(first: int, last: int) -> None:
        mover = Mover(source, target)
        for start in range(first, last, _CHUNK_POINTS):
            part = slice(start, min(start + _CHUNK_POINTS, last))
            out[part] = mover.move(points[part])

    run_in_chunks(move, len(points))
    return out


class Mover:
    """Moves points from one CRS to another; what it learns of a cell serves the next points.

    What becomes of a point depends on the point and the two systems alone, not on the other points: cells
    are counted from the origin of the source.
    """

    def __init__(self, source: CRS, target: CRS) -> None:
        self._transformer = transformer(source, target)
        unit = source.axis_info[0].unit_conversion_factor or 1.0
        self._side = CELL_DEG if source.is_geographic else CELL_M / unit
        unit = target.axis_info[0].unit_conversion_factor or 1.0
        self._tolerance = MAX_ERROR_M / (_METRES_PER_DEGREE if target.is_geographic else unit)
        self._keys = np.empty(0, np.int64)
        """Of the known cells, ascending."""
        self._row = np.empty(0, np.int64)
        self._nodes = np.empty((0, 4, 4, 2))

    def move(self, points: Points) -> Points:
        """Return the points in the other CRS; infinite where it cannot show them."""
        points = np.ascontiguousarray(points, dtype=np.float64)
        if not len(points):
            return points.copy()
        rows = np.empty(len(points), np.int64)
        first = len(self._nodes)
        new = find_cells(points, self._side, self._keys, self._row, first, rows)
        if len(new):
            unusable = first + np.flatnonzero(~self._learn(new))
            if len(unusable):
                rows[np.isin(rows, unusable)] = UNUSABLE
        out = np.empty_like(points)
        interpolate_cells(points, self._side, rows, self._nodes, out)
        rest = np.flatnonzero(rows < 0)
        if len(rest):
            out[rest] = self._exact(points[rest])
        return out

    def _exact(self, points: Points) -> Points:
        return np.column_stack(self._transformer.transform(points[:, 0], points[:, 1]))

    def _learn(self, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Find the nodes of cells that are not known yet; return which of them may be used."""
        corners = corners_of(keys)
        steps = np.arange(-1.0, 3.0)
        at = np.empty((len(keys), 4, 4, 2))
        at[..., 0] = corners[:, 0, None, None] + steps[None, None, :]
        at[..., 1] = corners[:, 1, None, None] + steps[None, :, None]
        nodes = self._exact(at.reshape(-1, 2) * self._side).reshape(-1, 4, 4, 2)
        tests = ((corners[:, None, :] + _TEST_POINTS[None]) * self._side).reshape(-1, 2)
        there = np.empty_like(tests)
        owner = np.repeat(np.arange(len(keys)), len(_TEST_POINTS))
        interpolate_cells(tests, self._side, owner, nodes, there)
        with np.errstate(invalid="ignore"):
            off = np.abs(there - self._exact(tests)).max(axis=1).reshape(len(keys), -1).max(axis=1)
        # NaN and infinity do not pass.
        passed: NDArray[np.bool_] = off <= self._tolerance
        rows = np.where(passed, len(self._nodes) + np.arange(len(keys)), UNUSABLE)
        self._nodes = np.concatenate([self._nodes, nodes])
        order = np.argsort(known := np.concatenate([self._keys, keys]))
        self._keys, self._row = known[order], np.concatenate([self._row, rows])[order]
        return passed
