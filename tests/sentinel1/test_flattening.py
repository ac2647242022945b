"""Terrain-flattened gamma0: hills that reflect by their area across the line of sight come out alike."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.ndimage import gaussian_filter

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import Terrain, acquisition_orbit, geocode_bursts, plan_bursts
from sen4cap_core.sentinel1.annotation import read_annotation
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.detected import detected_backscatter, plan_detected
from sen4cap_core.sentinel1.flattening import AreaGatherer
from sen4cap_core.sentinel1.geometry import solve_box
from sen4cap_core.sentinel1.mosaic import merge_power
from sen4cap_core.sentinel1.orbit import fit_orbit
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.simulation.radar.radar_detected import write_grd
from sen4cap_core.simulation.radar.radar_pair import RadarPair, rolling_ground, small_pair
from sen4cap_core.simulation.radar.radar_product import write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
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


def test_area_below_a_published_pass_is_that_of_each_facet(shared: Path) -> None:
    """Real annotation, orbit and relief; each facet by itself, which is right where no hill leans over."""
    name = "S1A_IW_GRDH_1SDV_20200708T182643_20200708T182708_033367_03DDAA_9550"
    with zipfile.ZipFile(shared / f"data/s1-grd-metadata/tests/data/{name}.zip") as archive:
        inside = next(n for n in archive.namelist() if "/annotation/s1a" in n and "-vv-" in n)
        annotation = read_annotation(archive.read(inside), inside)
    with rasterio.open(shared / "data/dem-rome/tests/data/Rome-30m-DEM.tif") as source:
        # The file holds whole metres, steps that would be slopes of three degrees.
        heights = gaussian_filter(source.read(1).astype(np.float32), 2.0)
    times = annotation.grid.azimuth_time
    orbit = fit_orbit(annotation.state_vectors, min(times), max(times), source="annotation", name=inside)
    lon, lat = float(np.mean(annotation.grid.lon_deg)), float(np.mean(annotation.grid.lat_deg))
    epsg = 32600 + int((lon + 180.0) // 6.0) + 1
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    rows, columns = (n - 1 for n in heights.shape)
    box = Box(
        Grid(epsg, round(x / 20) * 20.0, round(y / 20) * 20.0, 20.0, columns, rows), 0, 0, rows, columns
    )
    nodes = solve_box(box, heights, orbit, orbit.epoch, 2)
    gatherer = AreaGatherer.over([nodes], orbit, annotation)
    assert gatherer is not None
    gatherer.add(box, heights, nodes)
    found = gatherer.result().on_cells(nodes, 2)

    grid_x, grid_y = np.meshgrid(
        box.corner_m[0] + 20.0 * np.arange(columns + 1), box.corner_m[1] - 20.0 * np.arange(rows + 1)
    )
    place = Transformer.from_crs(epsg, 4326, always_xy=True).transform(grid_x, grid_y)
    ecef = Transformer.from_crs(4979, 4978, always_xy=True).transform(*place, heights.astype(float))
    point = np.stack(ecef, axis=-1)
    # Half the cross product of the diagonals, on the ground and in the image.
    up = np.cross(point[:-1, 1:] - point[1:, :-1], point[:-1, :-1] - point[1:, 1:]) / 2.0
    satellite = orbit.state(float(nodes.time_s.mean()))[0]
    along = nodes.time_s * (annotation.line_spacing_m / annotation.line_interval_s)
    (a, b), (c, d) = ((v[:-1, 1:] - v[1:, :-1], v[:-1, :-1] - v[1:, 1:]) for v in (along, nodes.range_m))
    middle = (point[:-1, :-1] + point[:-1, 1:] + point[1:, :-1] + point[1:, 1:]) / 4.0
    track = orbit.state(0.0)[1]
    track /= np.linalg.norm(track)
    sight = satellite - middle
    # Abeam of each facet: what lies along the track goes.
    sight -= (sight @ track)[..., None] * track
    sight /= np.linalg.norm(sight, axis=-1)[..., None]
    expected = np.einsum("rck,rck->rc", up, sight) / np.abs(a * d - b * c) * 2.0
    inner = slice(20, -20), slice(20, -20)
    off_db = 10.0 * np.log10(found[inner] / expected[inner])

    assert (10.0 * np.log10(expected[inner])).std() > 0.5
    assert abs(float(np.median(off_db))) < 0.02
    assert float(off_db.std()) < 0.05


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
