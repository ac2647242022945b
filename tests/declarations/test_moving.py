"""Coordinates that are interpolated between exact nodes, against PROJ point by point."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS

from sen4cap_core.declarations.shapes import moving
from sen4cap_core.declarations.shapes.moving import Mover, transformer

WGS84 = CRS.from_epsg(4326)

PLACES = {
    28992: (4.0, 51.0, 7.0, 53.4),
    31287: (10.0, 46.5, 17.0, 48.9),
    31370: (2.6, 49.6, 6.3, 51.4),
    3346: (21.1, 54.0, 26.8, 56.4),
    25831: (0.2, 40.5, 3.3, 42.8),
    3794: (13.5, 45.5, 16.5, 46.8),
    3067: (21.0, 60.0, 31.0, 69.9),
    2154: (-4.5, 42.5, 8.0, 51.0),
    2180: (14.2, 49.1, 24.1, 54.8),
    5514: (12.1, 48.6, 18.8, 51.0),
    2229: (-119.5, 33.5, -117.5, 35.0),
    4258: (-9.0, 37.0, 3.0, 43.5),
    32633: (12.1, 55.0, 17.9, 69.0),
}
"""CRS of paying agencies (one in feet), and where parcels lie, in degrees."""


@pytest.mark.parametrize("epsg", PLACES)
@pytest.mark.parametrize("target", [4326, 3035, 32632])
def test_moved_points_are_where_proj_puts_them(epsg: int, target: int) -> None:
    west, south, east, north = PLACES[epsg]
    if epsg == 2229 and target != 4326:
        target = 2229
    random = np.random.default_rng(epsg)
    degrees = np.column_stack([random.uniform(west, east, 4000), random.uniform(south, north, 4000)])
    source, other = CRS.from_epsg(epsg), CRS.from_epsg(target)
    points = np.column_stack(transformer(WGS84, source).transform(degrees[:, 0], degrees[:, 1]))
    exact = np.column_stack(transformer(source, other).transform(points[:, 0], points[:, 1]))

    off = np.abs(Mover(source, other).move(points) - exact).max()

    ten_micrometres = 1e-10 if other.is_geographic else 1e-5
    assert off < ten_micrometres


def test_what_becomes_of_a_point_does_not_depend_on_the_others() -> None:
    random = np.random.default_rng(3)
    points = np.column_stack([random.uniform(2e5, 2.6e5, 500), random.uniform(4e5, 4.4e5, 500)])
    mover = Mover(CRS.from_epsg(28992), WGS84)
    together = mover.move(points)
    alone = np.concatenate([Mover(CRS.from_epsg(28992), WGS84).move(p[None]) for p in points[:20]])
    shuffled = mover.move(points[::-1])[::-1]
    assert np.array_equal(together[:20], alone)
    assert np.array_equal(together, shuffled)


def test_a_cell_that_does_not_pass_its_check_is_transformed_point_by_point(monkeypatch) -> None:
    monkeypatch.setattr(moving, "MAX_ERROR_M", 0.0)
    points = np.array([[155_000.0, 463_000.0], [201_234.5, 400_000.25]])
    source = CRS.from_epsg(28992)
    exact = np.column_stack(transformer(source, WGS84).transform(points[:, 0], points[:, 1]))
    assert np.array_equal(Mover(source, WGS84).move(points), exact)


def test_points_that_are_nowhere_stay_nowhere() -> None:
    points = np.array([[np.nan, 1.0], [np.inf, 5.0], [1e300, 1.0], [5.0, 52.0]])
    moved = Mover(WGS84, CRS.from_epsg(3035)).move(points)
    assert not np.isfinite(moved[:3]).all(axis=1).any()
    assert np.allclose(moved[3], transformer(WGS84, CRS.from_epsg(3035)).transform(5.0, 52.0), atol=1e-6)
    assert Mover(WGS84, CRS.from_epsg(3035)).move(np.empty((0, 2))).shape == (0, 2)
