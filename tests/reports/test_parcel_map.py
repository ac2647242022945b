"""The map of parcels: true to scale, a bar that says how large, and no blank beside it."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from shapely.geometry import box

from sen4cap_core.reports.pictures.parcel_map import MOST_HEIGHT_PX, WIDTH_PX, parcel_map_png

RED, BLUE = "#d01010", "#1010d0"


def picture_of(table: gpd.GeoDataFrame, values: list[str], names: tuple[str, str] = ("a", "b")) -> np.ndarray:
    png = parcel_map_png(table, values, dict(zip(names, (RED, BLUE), strict=True)), "T")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def drawn(crs: int | None, unit: float, origin: tuple[float, float]) -> np.ndarray:
    """Two parcels of 1000 x 500 m beside each other, 200 m apart."""
    x, y = origin
    per_m = unit if crs != 4326 else 1 / 111_320
    shapes = [box(x + left * unit, y, x + (left + 1000) * unit, y + 500 * per_m) for left in (0, 1200)]
    return picture_of(gpd.GeoDataFrame(geometry=shapes, crs=crs), ["a", "b"])


def largest(where: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the largest connected patch: a parcel, not its patch in the legend."""
    labels, _ = ndimage.label(where)
    number = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    rows, columns = ndimage.find_objects(labels)[number - 1]
    return rows, columns


def parcels_of(picture: np.ndarray) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    red, _, blue = np.moveaxis(picture, 2, 0)
    return largest((red > 150) & (blue < 90)), largest((blue > 150) & (red < 90))


@pytest.mark.parametrize(
    ("crs", "unit", "origin"),
    [(32631, 1.0, (5e5, 5.6e6)), (4326, 1 / (111_320 * 0.5), (4.0, 60.0)), (2227, 3937 / 1200, (6e6, 2e6))],
)
def test_shapes_are_true_and_the_bar_is_as_long_as_it_says(crs, unit, origin):
    picture = drawn(crs, unit, origin)
    (rows, columns), (_, last) = parcels_of(picture)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    assert width / height == pytest.approx(2.0, rel=0.03)
    whole = last.stop - columns.start
    # The bar: the longest dark row below the map, 500 m of the 2200.
    dark = (picture[rows.stop + 4 :, : last.stop // 2] < 110).all(axis=2)
    assert dark.sum(axis=1).max() == pytest.approx(whole * 500 / 2200, abs=4)


def test_no_bar_where_nobody_knows_the_length_of_a_unit():
    picture = drawn(None, 1.0, (0.0, 0.0))
    (rows, _), (_, last) = parcels_of(picture)
    assert (picture[rows.stop + 2 :, : last.stop // 2] > 200).all()


@pytest.mark.parametrize(("width_m", "height_m"), [(3000, 3000), (9000, 2000), (1000, 9000), (90_000, 900)])
@pytest.mark.parametrize("name", ["b", "mown three times or more"])
def test_the_map_fills_the_picture_and_the_legend_is_below_it(width_m: int, height_m: int, name: str) -> None:
    corners = [box(0, 0, width_m / 3, height_m / 3), box(width_m / 2, height_m / 2, width_m, height_m)]
    picture = picture_of(gpd.GeoDataFrame(geometry=corners, crs=32631), ["a", name], ("a", name))
    (first, left), (second, right) = parcels_of(picture)
    map_height, map_width = first.stop - second.start, right.stop - left.start
    assert map_width / map_height == pytest.approx(width_m / height_m, rel=0.12)
    # Nothing is cut off.
    inked = (picture < 250).any(axis=2)
    for edge in (inked[:, :10], inked[:, -10:], inked[:8], inked[-4:]):
        assert not edge.any()
    # No blank beside the map; below it scale bar and legend, beside each other.
    if height_m > width_m:
        assert map_height == pytest.approx(MOST_HEIGHT_PX, rel=0.02)
        assert picture.shape[1] < WIDTH_PX / 2
    else:
        assert picture.shape[1] - map_width <= 40
        assert picture.shape[1] >= 0.9 * WIDTH_PX
    assert picture.shape[0] - map_height <= 110
    patch = largest((picture[first.stop + 4 :, :, 2] > 150) & (picture[first.stop + 4 :, :, 0] < 90))
    assert patch[1].start > left.start + map_width / 4
