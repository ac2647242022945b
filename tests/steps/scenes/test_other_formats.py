"""MAJA and Landsat products from the upload folder to parcel means, against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from sen4cap_core.db.models import SceneRow
from sen4cap_core.inbox.units import Unit, find_units
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import LAND
from sen4cap_core.scenes.landsat.product import pixel_table
from sen4cap_core.scenes.maja.product import mg2_table
from sen4cap_core.simulation.optical.landsat_product import CLEAR, landsat_scene
from sen4cap_core.simulation.optical.maja_product import maja_scene
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.uploads.receive import receive_upload
from tests.steps.conftest import GRID, SITE, YEAR, fields
from tests.steps.scenes.test_scene_way import observations, rows

pytestmark = pytest.mark.service


def parcel_means(ndvi: NDArray[np.float64], grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean of the finite pixels whose centre lies within the outline shrunk by half a pixel, and how many."""
    rows_, cols = np.indices(grid.shape)
    x = grid.x_min_m + (cols + 0.5) * grid.resolution_m
    y = grid.y_max_m - (rows_ + 0.5) * grid.resolution_m
    means, numbers = [], []
    for outline in fields().to_crs(grid.epsg).geometry:
        inside = shapely.contains_xy(outline.buffer(-grid.resolution_m / 2), x, y)
        values = ndvi[inside]
        means.append(np.nanmean(values))
        numbers.append(int(np.isfinite(values).sum()))
    return np.array(means), np.array(numbers)


def way_of(desk, path: Path) -> None:  # type: ignore[no-untyped-def]
    """Drop a product as the watcher finds it: receive, register, process."""
    root = desk.context.settings.uploads_root
    (unit,) = (unit for unit in find_units(root) if isinstance(unit, Unit))
    assert unit.path == path
    drop = desk.enter(path, "scene")
    answer = receive_upload(desk.context, drop.upload_id)
    assert answer.accepted, answer.receipt
    process_scene(desk.context, desk.ingest(path))


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_maja_product_becomes_parcel_means(desk, as_zip: bool) -> None:
    rng = np.random.default_rng(4)
    red, near = rng.uniform(0.02, 0.2, GRID.shape).round(4), rng.uniform(0.2, 0.6, GRID.shape).round(4)
    mg2 = rng.choice([0, 0, 0, 1, 2, 4, 8, 16], GRID.shape)
    edge, saturated = (rng.choice([0, 0, 0, 0, 1], GRID.shape) for _ in range(2))
    desk.declare()
    place = desk.context.settings.uploads_root / SITE / str(YEAR) / "scenes"

    way_of(
        desk,
        maja_scene(
            place,
            {"B04": red, "B08": near},
            {"MG2": mg2, "EDG": edge, "SAT": saturated},
            grid=GRID,
            as_zip=as_zip,
        ),
    )

    clear = (mg2_table()[mg2] == LAND) & (edge == 0) & (saturated == 0)
    means, numbers = parcel_means(np.where(clear, (near - red) / (near + red), np.nan), GRID)
    (table,) = observations(desk.context).values()
    np.testing.assert_allclose(table["ndvi_mean"].to_numpy(), means, atol=6e-5)
    np.testing.assert_array_equal(table["ndvi_n_valid"].to_numpy(), numbers)
    (scene,) = rows(desk.context, SceneRow)
    assert (scene.state, scene.format) == ("processed", "maja-zip" if as_zip else "maja")


@pytest.mark.parametrize("zone", [32630, 32629])
def test_a_landsat_product_becomes_parcel_means_on_its_own_grid(desk, zone: int) -> None:
    """Also where its zone is not that of the parcels' Sentinel-2 tile."""
    rng = np.random.default_rng(5)
    outlines = fields().to_crs(zone).total_bounds
    # Off the real grid by 4 m: outlines whose shrunk edges ran through pixel centres would leave it to the
    # last digits of a projection which pixels are inside.
    corner = (19 + 30 * np.floor((outlines[0] - 90) / 30), 19 + 30 * np.ceil((outlines[3] + 90) / 30))
    grid = Grid(zone, float(corner[0]), float(corner[1]), 30.0, 50, 30)
    red, near = rng.uniform(0.02, 0.2, grid.shape), rng.uniform(0.2, 0.6, grid.shape)
    quality = rng.choice([CLEAR, CLEAR, CLEAR, 8, 16, 128, 32, 1], grid.shape)
    saturated = rng.choice([0, 0, 0, 0, 4, 2048], grid.shape)
    desk.declare()
    place = desk.context.settings.uploads_root / SITE / str(YEAR) / "scenes"

    way_of(desk, landsat_scene(place, grid, {4: red, 5: near}, quality, saturated, as_tar=True))

    clear = (pixel_table()[quality] == LAND) & (saturated != 4)
    means, numbers = parcel_means(np.where(clear, (near - red) / (near + red), np.nan), grid)
    (table,) = observations(desk.context).values()
    np.testing.assert_allclose(table["ndvi_mean"].to_numpy(), means, atol=2e-4)
    np.testing.assert_array_equal(table["ndvi_n_valid"].to_numpy(), numbers)
    (scene,) = rows(desk.context, SceneRow)
    assert (scene.sensor, scene.tile, scene.state) == ("landsat-l2", "201031", "processed")
