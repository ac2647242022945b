"""Parcel geometry: repaired, measured in square metres, compared with its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from sen4cap_core.declarations.shapes.moving import Mover, move_points, transformer
from sen4cap_core.declarations.shapes.shapes import Shapes, are_sound
from sen4cap_core.kernels.outlines.box_pairs import overlapping_boxes
from sen4cap_core.kernels.outlines.shared_areas import ring_signs, shared_areas
from sen4cap_core.rasters.parcels.outlines import Measures, Outlines, outlines_of
from sen4cap_core.tables.threads import run_in_chunks

WGS84 = CRS.from_epsg(4326)
MAX_REPAIR_CHANGE = 0.01
"""A repair that changes the area by this share or more is not trusted."""
MAX_OVERLAP = 0.1
"""A parcel is flagged when more than this share of it lies under other parcels."""

_EUROPE_DEG = (-35.6, 24.6, 44.8, 84.8)
"""Where EPSG:3035 may be used: west, south, east, north."""
_ROWS_PER_CHUNK = 50_000
_POLYGON, _MULTIPOLYGON = 3, 6

Geometries = NDArray[np.object_]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Repaired:
    """Polygons that can be computed with, and what had to be done for it."""

    geometry: Geometries
    """Valid MultiPolygons; None where there is no area at all."""
    valid: Flags
    """The geometry may be trusted: it was valid, or its repair changed the area by less than 1 %."""
    repaired: Flags
    """It was not valid, its repair is trusted."""
    missing: Flags
    """The file had no geometry, or an empty one."""
    no_polygon: Flags
    """The file had a point or a line."""


@dataclass(frozen=True, eq=False)
class Ready:
    """Outlines that can be computed with; the flags are those of `Repaired`."""

    outlines: Outlines
    """Valid ones; without ring where there is no area at all."""
    valid: Flags
    repaired: Flags
    missing: Flags
    no_polygon: Flags


def make_ready(shapes: Shapes) -> Ready:
    """Turn the shapes of a file into valid outlines; only the odd ones can need repair."""
    fixed = repair(shapes.odd_shapes)
    valid, missing = shapes.outlines.there, ~shapes.outlines.there
    repaired, no_polygon = np.zeros(len(shapes), np.bool_), np.zeros(len(shapes), np.bool_)
    valid[shapes.odd], missing[shapes.odd] = fixed.valid, fixed.missing
    repaired[shapes.odd], no_polygon[shapes.odd] = fixed.repaired, fixed.no_polygon
    outlines = shapes.outlines.replaced(shapes.odd, outlines_of(fixed.geometry))
    return Ready(outlines, valid, repaired, missing, no_polygon)


def repair(geometry: Geometries) -> Repaired:
    """Turn what files hold into valid MultiPolygons.

    Polygons are taken out of collections. Invalid ones are rebuilt from their lines (as PostGIS'
    ST_MakeValid does) and trusted where this changes the area by less than 1 %.
    """
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    polygons = _polygons(geometry)
    no_polygon = ~missing & shapely.is_missing(polygons)
    was_valid = are_valid(polygons)
    broken = np.flatnonzero(~was_valid & ~shapely.is_missing(polygons))
    repaired = np.zeros(len(geometry), dtype=bool)
    if len(broken):
        before = np.abs(shapely.area(polygons[broken]))
        rebuilt = _polygons(shapely.make_valid(polygons[broken]))
        after = np.where(shapely.is_missing(rebuilt), 0.0, shapely.area(rebuilt))
        change = np.abs(after - before) / np.maximum(np.maximum(before, after), np.finfo(float).tiny)
        repaired[broken] = (change < MAX_REPAIR_CHANGE) & (after > 0)
        polygons[broken] = rebuilt
    return Repaired(polygons, was_valid | repaired, repaired, missing, no_polygon)


def _polygons(geometry: Geometries) -> Geometries:
    """Return all polygons of each geometry as one MultiPolygon, None where there are none."""
    out: Geometries = np.full(len(geometry), None, dtype=object)
    ready = (shapely.get_type_id(geometry) == _MULTIPOLYGON) & (shapely.get_num_geometries(geometry) == 1)
    ready &= ~shapely.is_empty(geometry)
    out[ready] = geometry[ready]
    rest = np.flatnonzero(~ready)
    for start in range(0, len(rest), _ROWS_PER_CHUNK):
        rows = rest[start : start + _ROWS_PER_CHUNK]
        parts, index = shapely.get_parts(geometry[rows], return_index=True)
        while np.any(shapely.get_type_id(parts) > _POLYGON):  # collections may hold collections
            parts, inner = shapely.get_parts(parts, return_index=True)
            index = index[inner]
        keep = (shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)
        if keep.any():
            shapely.multipolygons(parts[keep], indices=rows[index[keep]], out=out)
    return out


def reproject(geometry: Geometries, source: CRS, target: CRS) -> Geometries:
    """Transform vertices (x before y on both sides); None stays None."""
    if source == target:
        return geometry
    points = shapely.get_coordinates(geometry)
    there: Geometries = shapely.set_coordinates(geometry.copy(), Mover(source, target).move(points))
    return there


def areas_m2(outlines: Outlines, source: CRS, equal_area: CRS) -> Floats:
    """Area of each shape in an equal-area CRS [m2]; 0 where there is none."""

    def measure(first: int, last: int) -> Floats:
        mover, parts = Mover(source, equal_area), [np.empty(0)]
        for start in range(first, last, _ROWS_PER_CHUNK):
            part = outlines.part(start, min(start + _ROWS_PER_CHUNK, last))
            parts.append(replace(part, vertices=mover.move(part.vertices)).measured().areas)
        return np.concatenate(parts)

    return np.concatenate(run_in_chunks(measure, len(outlines)))


def in_plane(outlines: Outlines, source: CRS, equal_area: CRS) -> Outlines:
    """Return shapes as they are where their CRS is a plane, else in an equal-area one."""
    return outlines if source.is_projected else moved(outlines, source, equal_area)


def in_degrees(outlines: Outlines, source: CRS) -> Outlines:
    """Return valid shapes in longitude and latitude; what rounding made invalid on the way is repaired."""
    there = moved(outlines, source, WGS84)
    doubtful = np.flatnonzero(there.there & ~are_sound(there))
    broken = doubtful[~are_valid(there.shapes(doubtful))]
    return there.replaced(broken, outlines_of(repair(there.shapes(broken)).geometry))


def moved(outlines: Outlines, source: CRS, target: CRS) -> Outlines:
    """Return the shapes in another CRS."""
    if source == target:
        return outlines
    return replace(outlines, vertices=move_points(outlines.vertices, source, target))


def equal_area_crs(bounds: tuple[float, float, float, float], source: CRS) -> CRS:
    """Return EPSG:3035 for parcels in Europe, elsewhere a Lambert equal-area projection around them.

    ``bounds`` are west, south, east and north of the parcels in ``source``.
    """
    if not np.all(np.isfinite(bounds)):
        return CRS.from_epsg(3035)
    west, south, east, north = transformer(source, WGS84).transform_bounds(*bounds)
    if west <= east and _inside((west, south, east, north), _EUROPE_DEG):
        return CRS.from_epsg(3035)
    middle = (west + east + (360 if west > east else 0)) / 2
    return CRS.from_proj4(
        f"+proj=laea +lat_0={(south + north) / 2:.6f} +lon_0={middle:.6f} +datum=WGS84 +units=m"
    )


def _inside(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def shape_index(measures: Measures) -> Floats:
    """Perimeter / (2 sqrt(pi area)): 1 for a circle, 1.13 for a square; NaN where there is no area."""
    area = measures.areas
    with np.errstate(divide="ignore", invalid="ignore"):
        index: Floats = measures.lengths / (2 * np.sqrt(np.pi * area))
    return np.where(area > 0, index, np.nan)


def duplicates(outlines: Outlines, measures: Measures, usable: Flags) -> Flags:
    """Flag all copies of parcels whose geometry is exactly that of another one (start of ring apart).

    ``measures`` are those of the outlines.
    """
    flags = np.zeros(len(outlines), dtype=bool)
    rows = np.flatnonzero(usable)
    rows = rows[pd.DataFrame(measures.boxes[rows]).duplicated(keep=False).to_numpy()]
    if len(rows):
        wkb = pd.Series(shapely.to_wkb(shapely.normalize(outlines.shapes(rows))))
        flags[rows] = wkb.duplicated(keep=False).to_numpy()
    return flags


def overlapped_shares(outlines: Outlines, measures: Measures, usable: Flags) -> Floats:
    """Return the share of each parcel's area that lies under other parcels.

    Areas under several others count several times, as in the original. Parcels that only touch share nothing.

    Parameters
    ----------
    outlines : in a projected CRS; the share does not depend on which.
    measures : of the outlines
    usable : bool array
        Parcels that take part; the others get 0 and cover nobody.
    """
    shares = np.zeros(len(usable))
    rows = np.flatnonzero(usable & np.isfinite(measures.boxes).all(axis=1))
    if not len(rows):
        return shares
    # Boxes only: that neighbours touch is the rule, and the area says it as fast as a predicate.
    left, right = np.ascontiguousarray(rows[_box_pairs(measures.boxes[rows])].T)
    area = areas_shared(outlines, measures.boxes, left, right)
    covered = np.bincount(left, area, len(shares)) + np.bincount(right, area, len(shares))
    shares[rows] = covered[rows] / np.maximum(measures.areas[rows], np.finfo(float).tiny)
    return shares


def _box_pairs(boxes: Floats) -> NDArray[np.int64]:
    """Pairs (n, 2) of boxes that overlap; strips are as high as four of the usual boxes."""
    south, north = boxes[:, 1].min(), boxes[:, 3].max()
    height = 4 * float(np.median(boxes[:, 3] - boxes[:, 1]))
    n_strips = int(np.clip((north - south) / height, 1, len(boxes))) if height > 0 else 1
    height = max((north - south) / n_strips, np.finfo(float).tiny)
    order = np.argsort(boxes[:, 0], kind="stable")
    return overlapping_boxes(np.ascontiguousarray(boxes), order, south, height, n_strips)


def areas_shared(
    outlines: Outlines, boxes: Floats, left: NDArray[np.intp], right: NDArray[np.intp]
) -> Floats:
    """Return the area each pair of shapes shares, in square units of the vertices; in threads.

    ``boxes`` are those of the outlines.
    """
    vertices, ring_starts, shape_starts = outlines.vertices, outlines.ring_starts, outlines.shape_starts
    signs = np.empty(len(ring_starts) - 1)
    ring_signs(vertices, ring_starts, outlines.polygon_starts, signs)
    out = np.empty(len(left))

    def share(first: int, last: int) -> None:
        pairs = slice(first, last)
        shared_areas(left[pairs], right[pairs], boxes, vertices, ring_starts, shape_starts, signs, out[pairs])

    run_in_chunks(share, len(left))
    return out


def are_valid(geometry: Geometries) -> Flags:
    """Whether geometries are valid, asked in threads; False where there is none."""
    found = run_in_chunks(lambda first, last: shapely.is_valid(geometry[first:last]), len(geometry))
    flags: Flags = np.concatenate(found)
    return flags
