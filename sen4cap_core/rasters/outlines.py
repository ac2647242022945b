"""Polygons as plain arrays: what kernels over outlines read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.outline_measures import measure_outlines
from sen4cap_core.kernels.outline_wkb import count_outlines, read_outlines

_CHUNK_ROWS = 50_000
_POLYGONS = (3, 6)


@dataclass(frozen=True, eq=False)
class Outlines:
    """The rings of many shapes, one after the other."""

    vertices: NDArray[np.float64]
    """(n, 2), x and y; rings are closed."""
    ring_starts: NDArray[np.int64]
    """(rings + 1,), first vertex of each ring."""
    polygon_starts: NDArray[np.int64]
    """(polygons + 1,), first ring of each polygon, its shell."""
    shape_starts: NDArray[np.int64]
    """(shapes + 1,), first ring of each shape."""

    def part(self, first: int, end: int) -> Outlines:
        """Return the shapes from ``first`` up to, not including, ``end``."""
        rings = slice(*self.shape_starts[[first, end]].tolist())
        polygons = slice(*np.searchsorted(self.polygon_starts[:-1], [rings.start, rings.stop]).tolist())
        vertices = slice(*self.ring_starts[[rings.start, rings.stop]].tolist())
        return Outlines(
            self.vertices[vertices],
            self.ring_starts[rings.start : rings.stop + 1] - vertices.start,
            self.polygon_starts[polygons.start : polygons.stop + 1] - rings.start,
            self.shape_starts[first : end + 1] - rings.start,
        )

    def measured(self) -> Measures:
        """Measure all shapes in the units of the vertices."""
        n = len(self.shape_starts) - 1
        measures = Measures(np.zeros(n), np.zeros(n), np.tile([np.inf, np.inf, -np.inf, -np.inf], (n, 1)))
        measure_outlines(
            self.vertices,
            self.ring_starts,
            self.polygon_starts,
            measures.areas,
            measures.lengths,
            measures.boxes,
            np.searchsorted(self.shape_starts, self.polygon_starts[:-1], side="right") - 1,
        )
        return measures


@dataclass(frozen=True, eq=False)
class Measures:
    """What is known of the extent of shapes."""

    areas: NDArray[np.float64]
    """(shapes,), 0 without ring."""
    lengths: NDArray[np.float64]
    """(shapes,), of shells and holes."""
    boxes: NDArray[np.float64]
    """(shapes, 4), west, south, east, north; from inf to -inf without ring."""


def outlines_of(geometry: NDArray[np.object_]) -> Outlines:
    """Take Polygons and MultiPolygons apart; heights are dropped, what is no polygon has no ring."""
    is_polygon = np.isin(shapely.get_type_id(geometry), _POLYGONS)
    # One array from the start: joining those of the parts would hold all vertices twice.
    vertices = np.empty((int(shapely.get_num_coordinates(geometry[is_polygon]).sum()), 2))
    parts: list[Outlines] = []
    filled = 0
    for row in range(0, len(geometry), _CHUNK_ROWS):
        parts.append(_part(geometry[row : row + _CHUNK_ROWS], vertices[filled:]))
        filled += len(parts[-1].vertices)
    if not parts:
        none = np.zeros(1, np.int64)
        return Outlines(vertices, none, none, none)
    return Outlines(
        vertices,
        _one_after_other([part.ring_starts for part in parts]),
        _one_after_other([part.polygon_starts for part in parts]),
        _one_after_other([part.shape_starts for part in parts]),
    )


def _part(geometry: NDArray[np.object_], room: NDArray[np.float64]) -> Outlines:
    """Take some shapes apart; their vertices go to the beginning of ``room``."""
    there = np.flatnonzero(np.isin(shapely.get_type_id(geometry), _POLYGONS))
    wkb = shapely.to_wkb(geometry[there], output_dimension=2, byte_order=1).tolist()
    lengths = np.zeros(len(geometry), np.int64)
    lengths[there] = np.fromiter(map(len, wkb), np.int64, len(wkb))
    starts = _starts(lengths)
    data = np.frombuffer(b"".join(wkb), np.uint8)
    counts = np.empty((len(geometry), 3), np.int64)
    count_outlines(data, starts, counts)
    n_polygons, n_rings, n_vertices = counts.sum(axis=0).tolist()
    vertices = room[:n_vertices]
    ring_starts, polygon_starts = np.empty(n_rings + 1, np.int64), np.empty(n_polygons + 1, np.int64)
    read_outlines(data, starts, counts, vertices.reshape(-1).view(np.uint8), ring_starts, polygon_starts)
    return Outlines(vertices, ring_starts, polygon_starts, _starts(counts[:, 1]))


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _one_after_other(starts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Join the starts of parts, each counted on from the end of the one before."""
    before = _starts(np.array([part[-1] for part in starts], np.int64))
    shifted = [part[:-1] + offset for part, offset in zip(starts, before[:-1].tolist(), strict=True)]
    return np.concatenate([*shifted, before[-1:]])
