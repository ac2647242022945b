"""Layover and shadow behind and before hills whose shape is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.declarations.sites.site import RadarConfig
from sen4cap_core.kernels.radar.visibility import LAYOVER, SHADOW, layover_and_shadow
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.sentinel1.acquisition import BurstOnMap, acquisition_orbit
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geometry import Nodes, solve_box
from sen4cap_core.sentinel1.mosaic import match_bursts, merge_coherence, merge_power
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.sentinel1.visibility import unseen_cells
from sen4cap_core.simulation.radar.radar_orbit import ground_point
from tests.sentinel1.simulated_pair import Simulated

STEP_M = 20.0
TOP_M = 300.0


def hill_m(distance_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """A slope of 60 degrees towards the radar, 400 m of plateau, and a cliff behind."""
    foot_m = TOP_M / np.tan(np.radians(60.0))
    up = np.clip(distance_m / foot_m, 0.0, 1.0) * TOP_M
    return np.where(distance_m > foot_m + 400.0, 0.0, up)


def marks_of(
    height: NDArray[np.float64], distance: NDArray[np.float64], drift: float, incidence_deg: float
) -> NDArray[np.uint8]:
    """Marks of land on a plane, seen from infinitely far."""
    angle = np.radians(incidence_deg)
    ranges = distance * np.sin(angle) - height * np.cos(angle)
    columns = height.shape[1]
    out = np.empty(height.shape, np.uint8)
    layover_and_shadow(
        height.astype(np.float32),
        ranges,
        np.full(columns, drift),
        np.full(columns, 1.0 / np.tan(angle)),
        STEP_M,
        out,
    )
    return out


def test_rough_land_as_looked_at_place_by_place() -> None:
    random = np.random.default_rng(7)
    ground = STEP_M * np.arange(120.0)
    height = np.cumsum(random.normal(0.0, 14.0, (3, 120)), axis=1)
    height[1, 50:53] = np.nan
    marks = marks_of(height, np.tile(ground, (3, 1)), 0.0, 39.0)

    angle = np.radians(39.0)
    ranges = ground * np.sin(angle) - height.astype(np.float32) * np.cos(angle)
    n = {LAYOVER: 0, SHADOW: 0}
    for r, c in np.ndindex(height.shape):
        nearer, farther = slice(0, c), slice(c + 1, None)
        layover = (ranges[r, nearer] > ranges[r, c]).any() or (ranges[r, farther] < ranges[r, c]).any()
        line = height[r, c] + (ground[c] - ground[nearer]) / np.tan(angle)
        shadow = (height[r, nearer].astype(np.float32) > line).any()
        assert marks[r, c] == LAYOVER * layover + SHADOW * shadow
        n[LAYOVER] += layover
        n[SHADOW] += shadow
    assert min(n.values()) > 5


@pytest.mark.parametrize("drift", [0.0, 0.2, -0.35])
def test_hill_of_known_shape(drift: float) -> None:
    row, column = np.mgrid[0:160, 0:200].astype(float)
    long = np.hypot(1.0, drift)
    # Distance along the line of sight, which goes down by ``drift`` rows a column.
    distance = STEP_M * (column + drift * row) / long - STEP_M * (80 + 80 * drift) / long
    marks = marks_of(hill_m(distance), distance, drift, 39.0)[60:100, 40:170]
    distance = distance[60:100, 40:170]

    angle = np.radians(39.0)
    foot_m = TOP_M / np.tan(np.radians(60.0))
    top_range = foot_m * np.sin(angle) - TOP_M * np.cos(angle)
    # From the flat land that is as far as the top, to the plateau that is as far as the foot.
    first, last = top_range / np.sin(angle), foot_m - top_range / np.sin(angle)
    end = foot_m + 400.0
    cast = end + TOP_M * np.tan(angle)
    for code, low, high in ((LAYOVER, first, last), (SHADOW, end, cast)):
        marked = (marks & code) > 0
        assert marked[(distance > low + 40) & (distance < high - 40)].all()
        assert not marked[(distance < low - 40) | (distance > high + 40)].any()


def test_hill_below_a_simulated_pass(simulated: Simulated) -> None:
    product = open_product(simulated.first)
    annotation = product.annotation(product.swaths[0])
    orbit = acquisition_orbit(product, annotation, None)
    grid, scene = tile_grid(simulated.pair.tile, 20), simulated.pair.ground.grid
    row, column = round((grid.y_max_m - scene.y_max_m) / 20), round((scene.x_min_m - grid.x_min_m) / 20)
    box = Box(grid, row, column, 150, 200)
    # Where the line of sight goes, by the geometry of the simulation.
    flight = simulated.pair.first
    to_grid = Transformer.from_crs(4326, grid.epsg, always_xy=True)
    near_m = flight.swaths[0].first_range_s * 299_792_458.0 / 2
    points = [ground_point(flight.orbit, 0.0, near_m + more, 0.0) for more in (0.0, 1500.0)]
    (x0, y0), (x1, y1) = (to_grid.transform(lon, lat) for lon, lat, _, _ in points)
    away = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
    incidence = np.radians(points[0][3])
    x_min, y_max = box.corner_m
    x, y = np.meshgrid(x_min + 20.0 * np.arange(201), y_max - 20.0 * np.arange(151))
    middle = x_min + 20.0 * 80, y_max - 20.0 * 75
    distance = (x - middle[0]) * away[0] + (y - middle[1]) * away[1]
    heights = hill_m(distance).astype(np.float32)
    nodes = solve_box(box, heights, orbit, product.start, 1)
    whole = unseen_cells(heights, nodes, annotation)
    unseen = whole[40:110, 20:180]

    cells = (
        0.25 * (distance[:-1, :-1] + distance[:-1, 1:] + distance[1:, :-1] + distance[1:, 1:])[40:110, 20:180]
    )
    foot_m = TOP_M / np.tan(np.radians(60.0))
    reach = TOP_M / np.tan(incidence)
    layover = foot_m - reach, reach
    shadow = foot_m + 400.0, foot_m + 400.0 + TOP_M * np.tan(incidence)
    for low, high in (layover, shadow):
        assert unseen[(cells > low + 60) & (cells < high - 60)].all()
    outside = (cells < layover[0] - 60) | (cells > shadow[1] + 60)
    outside |= (cells > layover[1] + 60) & (cells < shadow[0] - 60)
    assert not unseen[outside].any()
    # Seen from the east, or with the lines of one time along columns, it is the same.
    mirrored = Nodes(nodes.time_s[:, ::-1], nodes.range_m[:, ::-1])
    np.testing.assert_array_equal(unseen_cells(heights[:, ::-1], mirrored, annotation), whole[:, ::-1])
    transposed = Nodes(nodes.time_s.T, nodes.range_m.T)
    np.testing.assert_array_equal(unseen_cells(heights.T, transposed, annotation), whole.T)


def test_cells_that_are_not_seen_have_no_value_when_asked_for(
    simulated: Simulated, on_map: tuple[list[BurstOnMap], list[BurstOnMap]]
) -> None:
    one, other = next(pair for pair in match_bursts(*on_map) if pair[0].swath == "IW1")
    unseen = np.zeros(one.data.box.shape, bool)
    unseen[40:60, 50:80] = True
    masked = replace(one, data=replace(one.data, unseen=unseen))
    other = replace(other, data=replace(other.data, unseen=np.zeros(other.data.box.shape, bool)))
    cells = one.data.box.slices
    power = [
        merge_power([burst], simulated.grid, "sigma0", mask_unseen=mask)[cells]
        for burst, mask in ((one, False), (masked, False), (masked, True))
    ]
    coherence = [
        merge_coherence(
            [(burst, other)], simulated.grid, keep_fringes=False, threads=1, mask_unseen=mask
        )[cells]
        for burst, mask in ((one, False), (masked, True))
    ]  # fmt: skip

    np.testing.assert_array_equal(power[0], power[1])
    for before, after in ((power[0], power[2]), coherence):
        assert np.isfinite(before[unseen]).any()
        np.testing.assert_array_equal(after, np.where(unseen, np.nan, before))


def test_hills_are_masked_where_backscatter_is_flattened_unless_the_site_says_otherwise() -> None:
    assert not RadarConfig().masks_unseen
    assert RadarConfig(backscatter="gamma0").masks_unseen
    assert not RadarConfig(backscatter="gamma0", layover_shadow="keep").masks_unseen
    assert RadarConfig(layover_shadow="mask").masks_unseen
