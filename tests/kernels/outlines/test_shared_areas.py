"""The area two polygons share, against GEOS."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.shapes.geometry import overlapped_shares
from sen4cap_core.rasters.parcels.outlines import outlines_of


def shares_of(parcels: np.ndarray, usable: np.ndarray) -> np.ndarray:
    outlines = outlines_of(parcels)
    return overlapped_shares(outlines, outlines.measured(), usable)


def _blob(random: np.random.Generator, x: float, y: float, radius: float, n: int) -> shapely.Polygon:
    angle = np.sort(random.uniform(0, 2 * np.pi, n))
    reach = random.uniform(0.4, 1.0, n) * radius
    ring = np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)])
    return shapely.make_valid(shapely.Polygon(ring))


def _parcel(random: np.random.Generator) -> shapely.MultiPolygon:
    x, y = 155_000 + random.uniform(0, 100, 2)
    shape = _blob(random, x, y, 60, int(random.integers(3, 30)))
    if random.random() < 0.5:
        shape = shape.difference(_blob(random, x, y, 25, 8))
    if random.random() < 0.3:
        shape = shape.union(_blob(random, x + 90, y, 30, 7))
    if random.random() < 0.5:
        shape = shapely.reverse(shape)
    parts = [p for p in shapely.get_parts(shape) if isinstance(p, shapely.Polygon) and p.area > 0]
    return shapely.MultiPolygon(parts or [shapely.box(x, y, x + 1, y + 1)])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_shares_are_those_of_intersections(seed: int) -> None:
    random = np.random.default_rng(seed)
    parcels = np.array([_parcel(random) for _ in range(8)], dtype=object)
    expected = np.zeros(len(parcels))
    for i, one in enumerate(parcels):
        for j, other in enumerate(parcels):
            if i != j:
                expected[i] += one.intersection(other).area / one.area
    shares = shares_of(parcels, np.ones(len(parcels), bool))
    assert np.allclose(shares, expected, rtol=1e-9, atol=1e-9)


def test_neighbours_that_touch_share_nothing_and_copies_share_all() -> None:
    square = shapely.MultiPolygon([shapely.box(0, 0, 10, 10)])
    beside = shapely.MultiPolygon([shapely.box(10, 0, 20, 10)])
    corner = shapely.MultiPolygon([shapely.box(10, 10, 20, 20)])
    inside = shapely.MultiPolygon([shapely.box(12, 2, 14, 4)])
    parcels = np.array([square, beside, corner, inside, square], dtype=object)
    shares = shares_of(parcels, np.array([True, True, True, True, True]))
    assert shares.tolist() == [1.0, 0.04, 0.0, 1.0, 1.0]
    assert shares_of(parcels, np.array([True, True, True, False, False])).tolist() == [0.0] * 5
    assert shares_of(parcels, np.zeros(5, bool)).tolist() == [0.0] * 5


def test_a_parcel_in_the_hole_of_another_shares_nothing() -> None:
    ring = shapely.MultiPolygon([shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 20))])
    island = shapely.MultiPolygon([shapely.box(10, 10, 20, 20)])
    wider = shapely.MultiPolygon([shapely.box(5, 10, 20, 20)])
    shares = shares_of(np.array([ring, island], dtype=object), np.array([True, True]))
    assert shares.tolist() == [0.0, 0.0]
    shares = shares_of(np.array([ring, wider], dtype=object), np.array([True, True]))
    assert np.allclose(shares, [50 / 800, 50 / 150])
