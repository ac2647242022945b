"""Pixels of shrunk outlines without shrinking them, against GEOS' buffer burnt by GDAL."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin

from sen4cap_core.kernels.outlines.pixels import burn_shrunk
from sen4cap_core.rasters.parcels.outlines import outlines_of

SIDE_M = 400.0
GEOS_TOLERANCE = 0.012
"""GEOS simplifies an outline by up to 1 % of the distance before it shrinks it, and cuts arcs into chords."""


def random_shapes(random: np.random.Generator, n: int) -> list:
    """Stars, some with a hole, some of two parts, some tiny, some reaching over the border of the image."""
    shapes = []
    while len(shapes) < n:
        centre, corners = random.uniform(-20, SIDE_M + 20, 2), random.integers(3, 14)
        angles, radii = np.sort(random.uniform(0, 2 * np.pi, corners)), random.uniform(2, 70, corners)
        ring = centre + radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
        shape = shapely.make_valid(shapely.Polygon(ring))
        if random.random() < 0.3:
            shape = shape.difference(shapely.box(*(centre - 8), *(centre + random.uniform(-5, 12, 2))))
        if random.random() < 0.2:
            shape = shape.union(shapely.box(*(centre + 60), *(centre + 60 + random.uniform(5, 50, 2))))
        if shape.geom_type in ("Polygon", "MultiPolygon"):
            shapes.append(shape)
    return shapes


def burnt(shapes: list, pixel_m: float, distance_m: float) -> np.ndarray:
    side = round(SIDE_M / pixel_m)
    image = np.full((side, side), -1, np.int32)
    outlines = outlines_of(np.array(shapes, dtype=object))
    order = np.arange(len(shapes))
    burn_shrunk(
        image, 0.0, SIDE_M, pixel_m, distance_m, outlines.vertices, outlines.ring_starts,
        outlines.shape_starts, order, order.astype(np.int32),
    )  # fmt: skip
    return image


def shrunk_and_burnt(shapes: list, pixel_m: float, distance_m: float) -> np.ndarray:
    side = round(SIDE_M / pixel_m)
    shrunk = [(shape.buffer(-distance_m), number) for number, shape in enumerate(shapes)]
    there = [(shape, number) for shape, number in shrunk if not shape.is_empty]
    transform = from_origin(0, SIDE_M, pixel_m, pixel_m)
    return rasterize(there, (side, side), transform=transform, fill=-1, dtype="int32")


@pytest.mark.parametrize("pixel_m", [10.0, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_pixels_are_those_of_the_shrunk_outline(seed: int, pixel_m: float) -> None:
    shapes = random_shapes(np.random.default_rng(seed), 150)
    distance_m = pixel_m / 2
    n_inside = n_other = 0
    for shape in shapes:
        ours, theirs = burnt([shape], pixel_m, distance_m), shrunk_and_burnt([shape], pixel_m, distance_m)
        n_inside += int((theirs == 0).sum())
        for row, column in np.argwhere(ours != theirs):
            centre = shapely.Point((column + 0.5) * pixel_m, SIDE_M - (row + 0.5) * pixel_m)
            off = abs(shape.boundary.distance(centre) - distance_m)
            assert off < GEOS_TOLERANCE * distance_m, (shape, centre)
            n_other += 1
    assert n_inside > 100
    assert n_other <= n_inside / 100


def test_later_shapes_take_the_pixels_of_earlier_ones() -> None:
    shapes = random_shapes(np.random.default_rng(9), 40)
    expected = np.full((40, 40), -1)
    for number, shape in enumerate(shapes):
        expected[burnt([shape], 10.0, 5.0) == 0] = number
    np.testing.assert_array_equal(burnt(shapes, 10.0, 5.0), expected)


def test_centres_at_exactly_the_distance_go_as_gdal_has_them() -> None:
    square = shapely.box(30, 30, 90, 90)
    step = square.union(shapely.box(60, 60, 150, 150))
    for shape in (square, step):
        np.testing.assert_array_equal(burnt([shape], 10.0, 5.0), shrunk_and_burnt([shape], 10.0, 5.0))


def test_what_is_no_polygon_or_not_finite_has_no_pixel() -> None:
    wild = shapely.Polygon([(10, 10), (np.inf, 90), (90, 10)])
    line = shapely.LineString([(0, 0), (90, 90)])
    assert (burnt([None, line, shapely.Polygon(), wild], 10.0, 5.0) == -1).all()


def test_outlines_are_those_of_shapely() -> None:
    shapes = np.array([*random_shapes(np.random.default_rng(4), 30), None], dtype=object)
    shapes[3] = shapely.force_3d(shapes[3], 7.0)
    outlines = outlines_of(shapes)
    np.testing.assert_array_equal(outlines.vertices, shapely.get_coordinates(shapes))
    rings = [len(shapely.get_rings(shapely.get_parts(shape))) for shape in shapes[:-1]]
    assert np.diff(outlines.shape_starts).tolist() == [*rings, 0]
    measured = outlines.measured()
    np.testing.assert_allclose(measured.areas, np.nan_to_num(shapely.area(shapes)))
    np.testing.assert_allclose(measured.lengths, np.nan_to_num(shapely.length(shapes)))
    np.testing.assert_array_equal(measured.boxes[:-1], shapely.bounds(shapes[:-1]))
