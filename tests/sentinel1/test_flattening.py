"""Terrain-flattened gamma0: hills that reflect by their area across the line of sight come out alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sen4cap_core.rasters.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import Terrain, acquisition_orbit, geocode_bursts, plan_bursts
from sen4cap_core.sentinel1.detected import detected_backscatter, plan_detected
from sen4cap_core.sentinel1.mosaic import merge_power
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.radar_detected import write_grd
from sen4cap_core.simulation.radar_pair import RadarPair, rolling_ground, small_pair
from sen4cap_core.simulation.radar_product import write_slc
from sen4cap_core.simulation.radar_scene import SimulatedRadar
from tests.sentinel1.simulated_pair import outline_deg

TRUTH = 0.12


@pytest.fixture(scope="module")
def pair() -> RadarPair:
    return small_pair(ground=replace(rolling_ground(), by_facets=True, sigma0={"VV": TRUTH}))


@pytest.fixture(scope="module")
def radar(pair: RadarPair) -> SimulatedRadar:
    return SimulatedRadar(pair.ground, seed=5)


def slopes_to_radar(pair: RadarPair) -> NDArray[np.float64]:
    """Rise towards the west, where the satellite is, of each cell of the scene."""
    ground = pair.ground.grid
    x = ground.x_min_m + (np.arange(ground.width) + 0.5) * 20
    y = ground.y_max_m - (np.arange(ground.height) + 0.5) * 20
    grid_x, grid_y = np.meshgrid(x, y)
    rise = pair.ground.height_m(grid_x - 10, grid_y) - pair.ground.height_m(grid_x + 10, grid_y)
    return np.asarray(rise / 20)


def check(pair: RadarPair, sigma0: NDArray[np.float32], gamma0: NDArray[np.float32]) -> None:
    inner = slice(20, -20), slice(20, -20)
    slope, sigma0, gamma0 = slopes_to_radar(pair)[inner], sigma0[inner], gamma0[inner]
    seen = np.isfinite(sigma0) & np.isfinite(gamma0)
    assert seen.mean() > 0.97
    towards, away = seen & (slope < -0.15), seen & (slope > 0.15)

    assert float(gamma0[seen].mean()) == pytest.approx(TRUTH, rel=0.02)
    # Slopes of 10 degrees and more: facing the radar they are three times as bright.
    assert sigma0[towards].mean() / sigma0[away].mean() > 1.8
    assert gamma0[towards].mean() / gamma0[away].mean() == pytest.approx(1.0, abs=0.04)


def on_scene(pair: RadarPair, values: NDArray[np.float32]) -> NDArray[np.float32]:
    tile, ground = tile_grid(pair.tile, 20), pair.ground.grid
    row = round((tile.y_max_m - ground.y_max_m) / 20)
    column = round((ground.x_min_m - tile.x_min_m) / 20)
    return values[row : row + ground.height, column : column + ground.width]


def test_detected_product(pair: RadarPair, radar: SimulatedRadar, tmp_path: Path) -> None:
    product = open_product(write_grd(tmp_path, radar, pair.first, ["VV"], 130.0))
    terrain = Terrain((radar.write_dem(tmp_path / "dem.tif"),))
    grid = tile_grid(pair.tile, 20)
    box = plan_detected(product, grid, np.array([outline_deg(pair.ground.grid)], object))
    orbit = acquisition_orbit(product, product.annotation(product.swaths[0]), None)
    found = []
    for quantity in ("sigma0", "gamma0"):
        whole = np.full(grid.shape, np.nan, np.float32)
        whole[box.slices] = detected_backscatter(product, box, orbit, terrain, 2, quantity)["VV"]
        found.append(on_scene(pair, whole))

    check(pair, *found)


def test_bursts(pair: RadarPair, radar: SimulatedRadar, tmp_path: Path) -> None:
    product = open_product(write_slc(tmp_path, radar, pair.first, ["VV"], 130.0))
    terrain = Terrain((radar.write_dem(tmp_path / "dem.tif"),))
    grid = tile_grid(pair.tile, 20)
    plans = plan_bursts(product, grid, np.array([outline_deg(pair.ground.grid)], object))
    orbit = acquisition_orbit(product, plans[0].annotation, None)
    bursts = list(geocode_bursts(product, plans, orbit, terrain, 2, hills=True))

    check(pair, *(on_scene(pair, merge_power(bursts, grid, q)) for q in ("sigma0", "gamma0")))
