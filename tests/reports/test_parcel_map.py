"""The map of parcels: true to scale, and a bar that says how large."""

from __future__ import annotations

import io

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

from sen4cap_core.reports.parcel_map import parcel_map_png

RED, BLUE = "#d01010", "#1010d0"


def drawn(crs: int | None, unit: float, origin: tuple[float, float]) -> np.ndarray:
    """Two parcels of 1000 x 500 m beside each other, 200 m apart."""
    x, y = origin
    per_m = unit if crs != 4326 else 1 / 111_320
    shapes = [box(x + left * unit, y, x + (left + 1000) * unit, y + 500 * per_m) for left in (0, 1200)]
    table = gpd.GeoDataFrame(geometry=shapes, crs=crs)
    png = parcel_map_png(table, ["a", "b"], {"a": RED, "b": BLUE}, "T")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def extent(picture: np.ndarray, where: np.ndarray) -> tuple[int, int]:
    rows, columns = np.nonzero(where)
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


@pytest.mark.parametrize(
    ("crs", "unit", "origin"),
    [(32631, 1.0, (5e5, 5.6e6)), (4326, 1 / (111_320 * 0.5), (4.0, 60.0)), (2227, 3937 / 1200, (6e6, 2e6))],
)
def test_shapes_are_true_and_the_bar_is_as_long_as_it_says(crs, unit, origin):
    picture = drawn(crs, unit, origin)
    is_red = (picture[..., 0] > 150) & (picture[..., 2] < 90)
    is_red[:, 500:] = False
    width, height = extent(picture, is_red)
    assert width / height == pytest.approx(2.0, rel=0.03)
    both = (np.ptp(picture, axis=2) > 90) & (np.arange(700) < 510)
    whole, _ = extent(picture, both)
    # The bar: the longest dark row below the map, 500 m of the 2200.
    dark = (picture[450:480, :510] < 110).all(axis=2)
    assert dark.sum(axis=1).max() == pytest.approx(whole * 500 / 2200, abs=4)


def test_no_bar_where_nobody_knows_the_length_of_a_unit():
    picture = drawn(None, 1.0, (0.0, 0.0))
    assert (picture[430:490, :500] > 200).all()
