"""Which cells of a map the radar cannot tell apart (layover) or does not see (shadow), from the terrain."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.visibility import layover_and_shadow
from sen4cap_core.sentinel1.annotation import SPEED_OF_LIGHT_M_S, Annotation
from sen4cap_core.sentinel1.box import CELL_M
from sen4cap_core.sentinel1.geometry import Nodes

_FIT_STEP = 16
"""Each so many nodes enter the fit of the lines of one time."""


def unseen_cells(heights_m: NDArray[np.float32], nodes: Nodes, annotation: Annotation) -> NDArray[np.bool_]:
    """Return the cells with a corner in layover or shadow; none where no height is known.

    Parameters
    ----------
    heights_m, nodes : (rows + 1, columns + 1), with 2 km of land around what is asked for

    Returns
    -------
    bool (rows, columns)
    """
    known = np.isfinite(nodes.time_s[::_FIT_STEP, ::_FIT_STEP])
    if known.sum() < 6:
        return np.zeros((heights_m.shape[0] - 1, heights_m.shape[1] - 1), bool)
    (time_rows, time_columns), (range_rows, range_columns) = (
        _slopes(values[::_FIT_STEP, ::_FIT_STEP], known) for values in (nodes.time_s, nodes.range_m)
    )
    # Far range is to the right, whatever the orbit: rows become columns near the poles, both may turn round.
    upright = abs(range_columns) >= abs(range_rows)
    away = range_columns if upright else range_rows
    drift = -time_columns / time_rows if upright else -time_rows / time_columns

    def turned(values: NDArray[Any]) -> NDArray[Any]:
        values = values if upright else values.T
        return np.ascontiguousarray(values if away > 0 else values[:, ::-1])

    heights, ranges = turned(heights_m), turned(nodes.range_m)
    # One direction for the whole box: over the 2 km in which hills matter it changes by less than a cell.
    columns = np.full(heights.shape[1], drift if away > 0 else -drift)
    marks = np.empty(heights.shape, np.uint8)
    layover_and_shadow(heights, ranges, columns, _rise(annotation, ranges), CELL_M, marks)
    flagged = marks > 0
    flagged = flagged if away > 0 else flagged[:, ::-1]
    flagged = flagged if upright else flagged.T
    return np.asarray(flagged[:-1, :-1] | flagged[:-1, 1:] | flagged[1:, :-1] | flagged[1:, 1:])


def _slopes(values: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[float, float]:
    """Change of a field from row to row and from column to column, by the plane that fits it best."""
    row, column = np.nonzero(known)
    table = np.column_stack([np.ones(len(row)), row, column])
    fit = np.linalg.lstsq(table, values[known], rcond=None)[0]
    return float(fit[1]), float(fit[2])


def _rise(annotation: Annotation, ranges_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cotangent of the incidence angle in each column, from the geolocation grid."""
    grid = annotation.grid
    grid_m = grid.range_time_s * (SPEED_OF_LIGHT_M_S / 2.0)
    middle_m = float(grid_m.mean())
    fit = np.polynomial.Polynomial.fit(grid_m, grid.incidence_deg, 3)
    with np.errstate(invalid="ignore"):
        column_m = np.array(
            [np.nanmean(c) if np.isfinite(c).any() else middle_m for c in ranges_m[::_FIT_STEP].T]
        )
    # Beyond the image the incidence of its edge counts.
    inside_m = np.clip(column_m, grid_m.min(), grid_m.max())
    return np.asarray(1.0 / np.tan(np.radians(fit(inside_m))), np.float64)
