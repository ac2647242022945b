"""Columns of well-known binary into geometries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray


def from_wkb(column: pa.Array) -> NDArray[np.object_]:
    """Decode a column of WKB; None where it is missing.

    Raises
    ------
    shapely.errors.ShapelyError, NotImplementedError
        Damaged WKB; curves.
    """
    # One more, as an array of nothing but missing ones is no array of objects.
    wkb = np.array([*column.to_pylist(), None], dtype=object)
    geometry: NDArray[np.object_] = shapely.from_wkb(wkb)[:-1]
    return geometry


def in_two_dimensions(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Drop heights, copying only where there are some."""
    flat = np.asarray(geometry, dtype=object)
    lifted = np.flatnonzero(shapely.get_coordinate_dimension(flat) > 2)
    if len(lifted):
        flat = flat.copy()
        flat[lifted] = shapely.force_2d(flat[lifted])
    return flat
