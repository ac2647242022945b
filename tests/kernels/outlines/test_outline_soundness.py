"""A proof of validity never holds of what GEOS calls invalid, and holds of nearly all that is valid."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.shapes.shapes import are_sound
from sen4cap_core.rasters.parcels.outlines import Outlines, outlines_of


def one_ring(points: list[tuple[float, float]] | np.ndarray) -> Outlines:
    vertices = np.array([*points, points[0]], float)
    starts = np.array([0, len(vertices)])
    ring = np.array([0, 1])
    return Outlines(vertices, starts, ring, ring)


def is_sound(points: list[tuple[float, float]] | np.ndarray) -> bool:
    return bool(are_sound(one_ring(points))[0])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=9))
@settings(max_examples=150, deadline=None)
def test_nothing_invalid_is_called_sound(points: list[tuple[int, int]]) -> None:
    # On a small lattice edges touch, cross and run back over one another all the time.
    if is_sound(points):
        assert shapely.is_valid(shapely.Polygon(points))


@given(st.integers(0, 10_000), st.sampled_from([5, 16, 47, 49, 120, 700]))
@settings(max_examples=40, deadline=None)
def test_stars_are_told_from_stars_with_a_crossing(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    points = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(50, 100, n)[:, None] + 4e6
    assert shapely.is_valid(shapely.Polygon(points))
    assert is_sound(points)
    i, j = rng.choice(n, 2, replace=False)
    points[[i, j]] = points[[j, i]]
    assert is_sound(points) == shapely.is_valid(shapely.Polygon(points))


def test_points_on_a_straight_edge_are_sound() -> None:
    share = np.linspace(0, 1, 7, endpoint=False)[:, None]
    corners = np.array(
        [(400_000.1, 5.3e6), (400_171.7, 5_300_013.9), (400_150.3, 5_300_160.2), (399_990.9, 5_300_150)]
    )
    points = np.concatenate(
        [a * (1 - share) + b * share for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]
    )
    assert is_sound(points)


def test_what_only_a_full_test_can_tell_is_left_to_it() -> None:
    square = shapely.box(0, 0, 10, 10)
    twice = shapely.Polygon([(0, 0), (10, 0), (10, 0), (10, 10), (0, 10)])
    shapes = [
        square,
        shapely.difference(square, shapely.box(2, 2, 4, 4)),
        shapely.union(square, shapely.box(20, 0, 30, 10)),
        twice,
        None,
        shapely.Polygon([(0, 0), (10, 0), (np.inf, 10), (0, 10)]),
    ]
    assert are_sound(outlines_of(np.array(shapes, dtype=object))).tolist() == [True] + [False] * 5
