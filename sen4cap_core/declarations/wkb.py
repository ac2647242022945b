"""Columns of well-known binary into geometries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray


def from_wkb(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """Decode a column of WKB, chunk by chunk so that the bytes are never all in memory twice.

    Raises
    ------
    shapely.errors.ShapelyError, NotImplementedError
        Damaged WKB; curves.
    """
    chunks = [shapely.from_wkb(chunk.to_numpy(zero_copy_only=False)) for chunk in column.chunks]
    geometry: NDArray[np.object_] = np.concatenate([np.empty(0, dtype=object), *chunks])
    return geometry


def in_two_dimensions(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Drop heights, copying only where there are some."""
    flat = np.asarray(geometry, dtype=object)
    lifted = np.flatnonzero(shapely.get_coordinate_dimension(flat) > 2)
    if len(lifted):
        flat = flat.copy()
        flat[lifted] = shapely.force_2d(flat[lifted])
    return flat
