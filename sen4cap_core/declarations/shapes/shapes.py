"""The geometry column of a file: sound polygons as arrays of vertices, whatever else there is as objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from sen4cap_core.declarations.shapes.wkb import from_wkb, in_two_dimensions
from sen4cap_core.kernels.outlines.soundness import prove_sound
from sen4cap_core.kernels.outlines.wkb import find_plain
from sen4cap_core.rasters.parcels.outlines import Outlines, joined, outlines_of, read_wkb
from sen4cap_core.tables.threads import run_in_chunks


@dataclass(frozen=True, eq=False)
class Shapes:
    """The shapes of a file, in its order and its CRS.

    Nearly all parcels are one ring that crosses nothing. Those are told in no time and need no object each;
    the others (holes, several parts, faults, no polygon at all) are few.
    """

    outlines: Outlines
    """All shapes; the odd ones and those that are missing have no ring here."""
    odd: NDArray[np.intp]
    """Places of the shapes that are not surely valid polygons of one ring, ascending."""
    odd_shapes: NDArray[np.object_]
    """These, as Shapely has them, in two dimensions."""

    def __len__(self) -> int:
        return len(self.outlines)

    def objects(self) -> NDArray[np.object_]:
        """Return all shapes as Shapely has them, None where there is none; sound ones as MultiPolygons."""
        out = self.outlines.shapes()
        out[self.odd] = self.odd_shapes
        return out

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north; NaN where there is nothing."""
        both = np.array([self.outlines.bounds(), *shapely.bounds(self.odd_shapes)])
        if np.isnan(both).all():
            return (np.nan,) * 4
        west, south = np.nanmin(both[:, :2], axis=0).tolist()
        east, north = np.nanmax(both[:, 2:], axis=0).tolist()
        return (west, south, east, north)


def shapes_of(geometry: NDArray[np.object_]) -> Shapes:
    """Sort out shapes that Shapely has read."""
    flat = in_two_dimensions(geometry)
    return _sorted_out(outlines_of(flat), lambda rows: flat[rows], ~shapely.is_missing(flat))


def shapes_of_wkb(column: pa.Array) -> Shapes:
    """Sort out a column of well-known binary.

    Raises
    ------
    shapely.errors.ShapelyError, NotImplementedError
        Damaged WKB; curves.
    """
    data, firsts, ends = _bytes_of(column)
    plain = np.empty(len(column), np.bool_)
    find_plain(data, firsts, ends, plain)
    outlines = read_wkb(data, firsts, np.where(plain, ends, firsts))

    def objects(rows: NDArray[np.intp]) -> NDArray[np.object_]:
        return in_two_dimensions(from_wkb(column.take(pa.array(rows))))

    return _sorted_out(outlines, objects, ends > firsts)


def no_shapes(n: int) -> Shapes:
    """Return ``n`` shapes that are missing."""
    return Shapes(_no_rings(n), np.empty(0, np.intp), np.empty(0, dtype=object))


def joined_shapes(parts: Sequence[Shapes]) -> Shapes:
    """Return the shapes of several chunks, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_shapes(0)
    before = np.cumsum([0, *map(len, parts)])
    odd = [part.odd + first for part, first in zip(parts, before[:-1].tolist(), strict=True)]
    return Shapes(
        joined([part.outlines for part in parts]),
        np.concatenate([np.empty(0, np.intp), *odd]),
        np.concatenate([np.empty(0, dtype=object), *(part.odd_shapes for part in parts)]),
    )


def are_sound(outlines: Outlines) -> NDArray[np.bool_]:
    """Whether shapes are surely valid (see `kernels.outlines.soundness`); False also where nobody knows."""
    sound = np.empty(len(outlines), np.bool_)

    def prove(first: int, last: int) -> None:
        starts = outlines.shape_starts[first : last + 1]
        prove_sound(outlines.vertices, outlines.ring_starts, starts, sound[first:last])

    run_in_chunks(prove, len(outlines))
    return sound


def _sorted_out(
    outlines: Outlines, objects: Callable[[NDArray[np.intp]], NDArray[np.object_]], there: NDArray[np.bool_]
) -> Shapes:
    odd = np.flatnonzero(there & ~are_sound(outlines))
    return Shapes(outlines.replaced(odd, _no_rings(len(odd))), odd, objects(odd))


def _no_rings(n: int) -> Outlines:
    nothing = np.zeros(1, np.int64)
    return Outlines(np.empty((0, 2)), nothing, nothing, np.zeros(n + 1, np.int64))


def _bytes_of(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Return the bytes of all values, and where each begins and ends; nothing where it is missing."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(column) + 1, 8 * column.offset)
    firsts, ends = bounds[:-1], bounds[1:]
    if column.null_count:
        ends = np.where(column.is_null().to_numpy(zero_copy_only=False), firsts, ends)
    return np.frombuffer(data or b"", np.uint8), firsts, ends
