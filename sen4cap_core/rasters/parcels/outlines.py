"""Polygons as plain arrays: what kernels over outlines read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.kernels.outlines.measures import measure_outlines
from sen4cap_core.kernels.outlines.order import copy_outlines
from sen4cap_core.kernels.outlines.wkb import count_outlines, read_outlines, write_outlines

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

    def __len__(self) -> int:
        return len(self.shape_starts) - 1

    @cached_property
    def first_polygons(self) -> NDArray[np.int64]:
        """(shapes + 1,), first polygon of each shape."""
        return np.searchsorted(self.polygon_starts, self.shape_starts).astype(np.int64)

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which shapes have a ring."""
        return self.shape_starts[1:] > self.shape_starts[:-1]

    def part(self, first: int, end: int) -> Outlines:
        """Return the shapes from ``first`` up to, not including, ``end``."""
        rings = slice(*self.shape_starts[[first, end]].tolist())
        polygons = slice(*self.first_polygons[[first, end]].tolist())
        vertices = slice(*self.ring_starts[[rings.start, rings.stop]].tolist())
        return Outlines(
            self.vertices[vertices],
            self.ring_starts[rings.start : rings.stop + 1] - vertices.start,
            self.polygon_starts[polygons.start : polygons.stop + 1] - rings.start,
            self.shape_starts[first : end + 1] - rings.start,
        )

    def take(self, order: NDArray[np.intp]) -> Outlines:
        """Return the shapes of these numbers, in this order."""
        order = np.asarray(order, np.int64)
        polygons = np.diff(self.first_polygons)[order]
        rings = np.diff(self.shape_starts)[order]
        vertices = np.diff(self.ring_starts[self.shape_starts])[order]
        taken = Outlines(
            np.empty((int(vertices.sum()), 2)),
            np.empty(int(rings.sum()) + 1, np.int64),
            np.empty(int(polygons.sum()) + 1, np.int64),
            _starts(rings),
        )
        copy_outlines(
            order,
            self.vertices,
            self.ring_starts,
            self.polygon_starts,
            self.first_polygons,
            taken.vertices,
            taken.ring_starts,
            taken.polygon_starts,
        )
        return taken

    def replaced(self, rows: NDArray[np.intp], by: Outlines) -> Outlines:
        """Return the shapes with others in the place of some."""
        if not len(rows):
            return self
        order = np.arange(len(self))
        order[rows] = len(self) + np.arange(len(rows))
        return joined([self, by]).take(order)

    def wkb(self, srid: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return all shapes as MultiPolygons in well-known binary, and where each begins and the last ends.

        A shape without ring has no bytes. With ``srid`` it is the extended form of PostGIS.
        """
        polygons = np.diff(self.first_polygons)
        rings = np.diff(self.shape_starts)
        vertices = np.diff(self.ring_starts[self.shape_starts])
        head = 13 if srid else 9
        starts = _starts(np.where(polygons > 0, head + 9 * polygons + 4 * rings + 16 * vertices, 0))
        data = np.empty(int(starts[-1]), np.uint8)
        write_outlines(
            np.ascontiguousarray(self.vertices).reshape(-1).view(np.uint8),
            self.ring_starts,
            self.polygon_starts,
            self.first_polygons,
            srid,
            starts,
            data,
        )
        return data, starts

    def shapes(self, rows: NDArray[np.intp] | None = None) -> NDArray[np.object_]:
        """Return shapes as Shapely's MultiPolygons, None without ring; all of them, or those of some rows."""
        data, starts = (self if rows is None else self.take(rows)).wkb()
        whole, bounds = data.tobytes(), starts.tolist()
        texts = [whole[first:end] or None for first, end in pairwise(bounds)]
        out: NDArray[np.object_] = np.full(len(texts), None, dtype=object)
        out[:] = shapely.from_wkb(np.array([*texts, None], dtype=object))[:-1]
        return out

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all shapes; NaN where there is none."""
        if not len(self.vertices):
            return (np.nan,) * 4
        low, high = np.nanmin(self.vertices, axis=0), np.nanmax(self.vertices, axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))

    def measured(self) -> Measures:
        """Measure all shapes in the units of the vertices."""
        n = len(self)
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
    parts = [_part(geometry[row : row + _CHUNK_ROWS]) for row in range(0, len(geometry), _CHUNK_ROWS)]
    return joined(parts)


def joined(parts: Sequence[Outlines]) -> Outlines:
    """Return the shapes of several, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Outlines(
        np.concatenate([np.empty((0, 2)), *(part.vertices for part in parts)]),
        _one_after_other([part.ring_starts for part in parts]),
        _one_after_other([part.polygon_starts for part in parts]),
        _one_after_other([part.shape_starts for part in parts]),
    )


def read_wkb(data: NDArray[np.uint8], firsts: NDArray[np.int64], ends: NDArray[np.int64]) -> Outlines:
    """Read plain shapes (see `kernels.outlines.wkb.find_plain`); one of no bytes has no ring."""
    counts = np.empty((len(firsts), 3), np.int64)
    count_outlines(data, firsts, ends, counts)
    n_polygons, n_rings, n_vertices = counts.sum(axis=0).tolist()
    vertices = np.empty((n_vertices, 2))
    ring_starts, polygon_starts = np.empty(n_rings + 1, np.int64), np.empty(n_polygons + 1, np.int64)
    room = vertices.reshape(-1).view(np.uint8)
    read_outlines(data, firsts, ends, counts, room, ring_starts, polygon_starts)
    return Outlines(vertices, ring_starts, polygon_starts, _starts(counts[:, 1]))


def _part(geometry: NDArray[np.object_]) -> Outlines:
    there = np.flatnonzero(np.isin(shapely.get_type_id(geometry), _POLYGONS))
    wkb = shapely.to_wkb(geometry[there], output_dimension=2, byte_order=1).tolist()
    lengths = np.zeros(len(geometry), np.int64)
    lengths[there] = np.fromiter(map(len, wkb), np.int64, len(wkb))
    starts = _starts(lengths)
    return read_wkb(np.frombuffer(b"".join(wkb), np.uint8), starts[:-1], starts[1:])


def _starts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _one_after_other(starts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Join the starts of parts, each counted on from the end of the one before."""
    before = _starts(np.array([part[-1] for part in starts], np.int64))
    shifted = [part[:-1] + offset for part, offset in zip(starts, before[:-1].tolist(), strict=True)]
    return np.concatenate([*shifted, before[-1:]])
