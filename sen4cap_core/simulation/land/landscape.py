"""The simulated land: blocks between roads, fields within blocks, forest, village, water.

A block is cut into fields by straight lines again and again until the pieces have the wanted size; then all
corners are moved by a smooth field of displacements, so that borders stay common and become irregular.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from sen4cap_core.rasters.grids.grid import Grid

Point = tuple[float, float]
Ring = list[Point]

FIELD: Final = 0
FOREST: Final = 1
BUILT: Final = 2
WATER: Final = 3
IDLE: Final = 4
KINDS: Final = ("field", "forest", "built", "water", "idle")

SQUARE_M_PER_HA = 10_000.0
BLOCK_HA = (30.0, 90.0)
FIELD_HA_MEDIAN = 1.8
FIELD_HA_SIGMA = 0.85
"""Of the logarithm: two thirds of the fields lie between 0.8 and 4 ha."""
FIELD_HA_RANGE = (0.2, 10.0)
ROAD_HALF_WIDTH_M = 5.0
MARGIN_M = (0.5, 2.5)
"""Between the declared border and the common one: hedges, tracks, ditches."""
RIVER_HALF_WIDTH_M = 14.0
EDGE_M = 30.0
"""Nothing is declared closer to the border of the image."""


@dataclass(frozen=True)
class Landscape:
    """All pieces of land, in the order in which they are painted."""

    geometries: NDArray[np.object_]
    """(unit,) polygons in metres of the grid's UTM zone."""
    kinds: NDArray[np.int8]
    """(unit,) one of `KINDS`."""
    blocks: NDArray[np.int32]
    """(unit,) number of the block it lies in, -1 for the river."""


def make_landscape(grid: Grid, seed: int, field_ha_median: float = FIELD_HA_MEDIAN) -> Landscape:
    """Divide the extent of a grid into pieces of land.

    The same grid and seed give the same land. About 25 microseconds a field.
    """
    rng = random.Random(f"landscape {seed}")
    left, bottom, right, top = grid.bounds_m
    extent = [
        (left + EDGE_M, bottom + EDGE_M),
        (right - EDGE_M, bottom + EDGE_M),
        (right - EDGE_M, top - EDGE_M),
        (left + EDGE_M, top - EDGE_M),
    ]
    rings: list[Ring] = []
    kinds: list[int] = []
    blocks: list[int] = []
    forest = _Waves(rng, 1.0, (2500.0, 9000.0))
    for number, block in enumerate(_cut(extent, lambda: rng.uniform(*BLOCK_HA), rng, strips=0.0)):
        inner = _inset(block, ROAD_HALF_WIDTH_M)
        if inner is None:
            continue
        x, y = _centre(inner)
        if forest.at(x, y) > 1.1:
            pieces, kind_of = [inner], [FOREST]
        else:
            pieces = _cut(inner, lambda: _field_size_ha(rng, field_ha_median), rng, strips=0.25)
            village = rng.random() < 0.06
            kind_of = [_kind(rng, piece, (x, y), village) for piece in pieces]
        rings += pieces
        kinds += kind_of
        blocks += [number] * len(pieces)
    polygons = shapely.segmentize(np.array([shapely.Polygon(ring) for ring in rings]), 40.0)
    polygons = _Displacement(rng).apply(polygons)
    margins = np.random.default_rng([seed, 11]).uniform(*MARGIN_M, len(polygons))
    polygons = shapely.simplify(shapely.buffer(polygons, -margins, join_style="mitre"), 0.5)
    river = _river(rng, grid)
    polygons = _without_river(polygons, river)
    polygons = _largest_part(polygons)
    keep = shapely.area(polygons) > 400.0
    return Landscape(
        np.append(polygons[keep], river),
        np.append(np.array(kinds, np.int8)[keep], np.int8(WATER)),
        np.append(np.array(blocks, np.int32)[keep], np.int32(-1)),
    )


def _field_size_ha(rng: random.Random, median: float) -> float:
    low, high = FIELD_HA_RANGE
    return min(high, max(low, rng.lognormvariate(math.log(median), FIELD_HA_SIGMA)))


def _kind(rng: random.Random, piece: Ring, block_centre: Point, village: bool) -> int:
    x, y = _centre(piece)
    if village and math.hypot(x - block_centre[0], y - block_centre[1]) < 180.0:
        return BUILT
    draw = rng.random()
    return WATER if draw < 0.006 else FOREST if draw < 0.03 else IDLE if draw < 0.06 else FIELD


def _cut(ring: Ring, wanted_ha: object, rng: random.Random, strips: float) -> list[Ring]:
    """Cut a convex ring until each piece is about as large as a fresh draw of ``wanted_ha``."""
    assert callable(wanted_ha)
    pieces = []
    waiting = [ring]
    while waiting:
        piece = waiting.pop()
        if _area(piece) <= 1.4 * float(wanted_ha()) * SQUARE_M_PER_HA:
            pieces.append(piece)
            continue
        halves = _halve(piece, rng, strips)
        if halves is None:
            pieces.append(piece)
        else:
            waiting += halves
    return pieces


def _halve(ring: Ring, rng: random.Random, strips: float) -> list[Ring] | None:
    """Cut across the long side, or now and then along it; None where a piece would be a sliver."""
    (cx, cy), (ux, uy), aspect = _axes(ring)
    if aspect < 2.5 and rng.random() < strips:
        ux, uy = -uy, ux
    turn = rng.gauss(0.0, math.radians(5.0))
    nx = ux * math.cos(turn) - uy * math.sin(turn)
    ny = ux * math.sin(turn) + uy * math.cos(turn)
    along = [(x - cx) * nx + (y - cy) * ny for x, y in ring]
    at = min(along) + (max(along) - min(along)) * rng.uniform(0.38, 0.62)
    low, high = _clip(ring, [value - at for value in along])
    if len(low) < 3 or len(high) < 3 or min(_area(low), _area(high)) < 0.12 * SQUARE_M_PER_HA:
        return None
    return [low, high]


def _clip(ring: Ring, side: list[float]) -> tuple[Ring, Ring]:
    """Split a convex ring along a line, given the signed distance of each corner from it."""
    low: Ring = []
    high: Ring = []
    for index, (point, value) in enumerate(zip(ring, side, strict=True)):
        (low if value < 0 else high).append(point)
        following, next_value = ring[(index + 1) % len(ring)], side[(index + 1) % len(ring)]
        if (value < 0) != (next_value < 0):
            share = value / (value - next_value)
            crossing = (
                point[0] + share * (following[0] - point[0]),
                point[1] + share * (following[1] - point[1]),
            )
            low.append(crossing)
            high.append(crossing)
    return low, high


def _axes(ring: Ring) -> tuple[Point, Point, float]:
    """Return centre, unit vector of the long axis and aspect ratio, from the spread of the corners."""
    n = len(ring)
    cx, cy = sum(x for x, _ in ring) / n, sum(y for _, y in ring) / n
    xx = sum((x - cx) ** 2 for x, _ in ring) / n
    yy = sum((y - cy) ** 2 for _, y in ring) / n
    xy = sum((x - cx) * (y - cy) for x, y in ring) / n
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    spread = math.hypot((xx - yy) / 2, xy)
    middle = (xx + yy) / 2
    aspect = math.sqrt((middle + spread) / max(middle - spread, 1e-9))
    return (cx, cy), (math.cos(angle), math.sin(angle)), aspect


def _area(ring: Ring) -> float:
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)))


def _centre(ring: Ring) -> Point:
    return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)


def _inset(ring: Ring, distance_m: float) -> Ring | None:
    inner = shapely.buffer(shapely.Polygon(ring), -distance_m, join_style="mitre")
    if inner.is_empty or inner.geom_type != "Polygon":
        return None
    return [(float(x), float(y)) for x, y in inner.exterior.coords[:-1]]


class _Waves:
    """A smooth random function of place: a few plane waves, standard deviation ``amplitude``."""

    def __init__(self, rng: random.Random, amplitude: float, wavelengths_m: tuple[float, float]) -> None:
        n = 7
        low, high = (math.log(length) for length in wavelengths_m)
        lengths = [math.exp(rng.uniform(low, high)) for _ in range(n)]
        angles = [rng.uniform(0, 2 * math.pi) for _ in range(n)]
        self._kx = np.array([2 * math.pi / s * math.cos(a) for s, a in zip(lengths, angles, strict=True)])
        self._ky = np.array([2 * math.pi / s * math.sin(a) for s, a in zip(lengths, angles, strict=True)])
        self._phase = np.array([rng.uniform(0, 2 * math.pi) for _ in range(n)])
        self._amplitude = amplitude * math.sqrt(2 / n)

    def at(self, x: float, y: float) -> float:
        return float(self.over(np.array([x]), np.array([y]))[0])

    def over(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros_like(x)
        for kx, ky, phase in zip(self._kx, self._ky, self._phase, strict=True):
            total += np.cos(kx * x + ky * y + phase)
        return total * self._amplitude


class _Displacement:
    """Moves corners smoothly, at most some twenty metres, without folding the land."""

    def __init__(self, rng: random.Random) -> None:
        self._dx = _Waves(rng, 9.0, (350.0, 2500.0))
        self._dy = _Waves(rng, 9.0, (350.0, 2500.0))

    def apply(self, polygons: NDArray[np.object_]) -> NDArray[np.object_]:
        corners = shapely.get_coordinates(polygons)
        x, y = corners[:, 0].copy(), corners[:, 1].copy()
        moved = np.column_stack([x + self._dx.over(x, y), y + self._dy.over(x, y)])
        # set_coordinates changes its argument in place.
        return np.asarray(shapely.set_coordinates(polygons.copy(), moved))


def _river(rng: random.Random, grid: Grid) -> shapely.Polygon:
    left, bottom, right, top = grid.bounds_m
    course = _Waves(rng, min(220.0, (top - bottom) / 12), (900.0, 4000.0))
    x = np.arange(left, right + 25.0, 25.0)
    y = bottom + (top - bottom) * rng.uniform(0.25, 0.75) + course.over(x, np.zeros_like(x))
    line = shapely.LineString(np.column_stack([x, y]))
    return shapely.intersection(
        shapely.buffer(line, RIVER_HALF_WIDTH_M), shapely.box(left, bottom, right, top)
    )


def _without_river(polygons: NDArray[np.object_], river: shapely.Polygon) -> NDArray[np.object_]:
    bank = shapely.buffer(river, 6.0)
    shapely.prepare(bank)
    touched = np.flatnonzero(shapely.intersects(bank, polygons))
    out = polygons.copy()
    # Cut to the neighbourhood first: over a tile the river has thousands of corners.
    near = shapely.intersection(bank, shapely.buffer(shapely.envelope(polygons[touched]), 1.0))
    out[touched] = shapely.difference(polygons[touched], near)
    return out


def _largest_part(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    parts, owner = shapely.get_parts(polygons, return_index=True)
    out = np.full(len(polygons), shapely.Polygon(), dtype=object)
    # In ascending order of area the largest part is written last.
    for index in np.argsort(shapely.area(parts), kind="stable"):
        out[owner[index]] = parts[index]
    return out
