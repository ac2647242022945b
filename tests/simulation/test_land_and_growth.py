"""The simulated land and what grows on it."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
import shapely

from sen4cap_core.simulation.land.burning import burn
from sen4cap_core.simulation.land.crops import CROPS
from sen4cap_core.simulation.land.growth import DROP, N_CUTS, Growth
from sen4cap_core.simulation.land.landscape import BUILT, FIELD, FOREST, WATER, Landscape, make_landscape
from sen4cap_core.simulation.season import area_grid

GRID = area_grid("30TUM", 6000)
START, END = date(2019, 3, 1), date(2019, 10, 31)


@pytest.fixture(scope="module")
def land() -> Landscape:
    return make_landscape(GRID, 1)


@pytest.fixture(scope="module")
def growth(land: Landscape) -> Growth:
    return Growth(land, 1, START, END)


def test_fields_look_like_fields(land: Landscape) -> None:
    fields = land.geometries[land.kinds == FIELD]
    hectares = shapely.area(fields) / 1e4

    assert shapely.is_valid(land.geometries).all()
    assert (shapely.get_type_id(land.geometries) == 3).all()
    assert len(fields) > 900
    assert 0.7 < np.median(hectares) < 2.5
    assert hectares.min() > 0.03
    assert hectares.max() < 16
    assert np.mean((hectares > 0.2) & (hectares < 10)) > 0.95
    compactness = 4 * np.pi * shapely.area(fields) / shapely.length(fields) ** 2
    assert compactness.min() < 0.4  # strips
    assert compactness.max() < 0.85  # no circles
    assert {FOREST, BUILT, WATER} <= set(land.kinds.tolist())


def test_pieces_do_not_overlap_and_stay_inside(land: Landscape) -> None:
    union = shapely.union_all(land.geometries)

    assert shapely.area(union) == pytest.approx(shapely.area(land.geometries).sum(), rel=1e-6)
    left, bottom, right, top = GRID.bounds_m
    assert shapely.box(left, bottom, right, top).contains(union)


def test_land_is_the_same_for_the_same_seed(land: Landscape) -> None:
    again, other = make_landscape(GRID, 1), make_landscape(GRID, 2)

    assert shapely.to_wkb(again.geometries).tolist() == shapely.to_wkb(land.geometries).tolist()
    assert len(other.kinds) != len(land.kinds)


def test_ndvi_is_plausible(growth: Growth, land: Landscape) -> None:
    june, march = growth.ndvi_on(date(2019, 6, 10)), growth.ndvi_on(date(2019, 3, 5))
    crop = {name: growth.crop_of == i for i, name in enumerate(one.name for one in CROPS)}

    assert june.min() >= -0.3
    assert june.max() < 0.97
    assert (june[land.kinds == WATER] < 0).all()
    assert np.median(march[crop["Maize for silage"]]) < 0.25
    assert np.median(june[crop["Winter wheat"]]) > 0.7
    assert np.median(growth.ndvi_on(date(2019, 7, 20))[crop["Winter wheat"]]) < 0.3
    assert np.median(june[crop["Permanent grassland, extensive"]]) > 0.6


def test_a_mowing_is_a_sudden_drop_that_grows_back(growth: Growth) -> None:
    seen = 0
    for one in growth.mowings:
        same = [other for other in growth.mowings if other.unit == one.unit and other is not one]
        if any(abs((other.day - one.day).days) < 60 for other in same):
            continue
        before = growth.ndvi_on(one.day - timedelta(days=1))[one.unit]
        on = growth.ndvi_on(one.day)[one.unit]
        later = growth.ndvi_on(one.day + timedelta(days=round(one.regrowth_days)))[one.unit]
        assert before - on == pytest.approx(one.ndvi_drop, abs=0.03)
        assert later - on > 0.6 * one.ndvi_drop - 0.06
        seen += 1
    assert seen > 20


def test_mowings_are_those_of_the_crops(growth: Growth) -> None:
    counts = np.bincount([one.unit for one in growth.mowings], minlength=len(growth.crop_of))
    for index, crop in enumerate(CROPS):
        found = counts[growth.crop_of == index]
        allowed = N_CUTS.get(crop.mowing, (0,))
        assert found.max(initial=0) <= max(allowed), crop.name
    assert all(START <= one.day <= END for one in growth.mowings)
    assert all(DROP[0] <= one.ndvi_drop <= DROP[1] for one in growth.mowings)
    meadow = counts[growth.crop_of == 0]
    assert set(meadow.tolist()) == {0, 1, 2, 3}


def test_burning_agrees_with_a_point_test(land: Landscape) -> None:
    grid = area_grid("30TUM", 1200)
    shift = np.array([GRID.x_min_m - grid.x_min_m, GRID.y_max_m - grid.y_max_m])
    polygons = shapely.transform(land.geometries, lambda corners: corners + shift)
    labels = burn(polygons, grid)
    rows, columns = np.indices(grid.shape)
    x = grid.x_min_m + (columns + 0.5) * 10
    y = grid.y_max_m - (rows + 0.5) * 10
    tree = shapely.STRtree(polygons)
    point, polygon = tree.query(shapely.points(x.ravel(), y.ravel()), predicate="within")
    expected = np.full(labels.size, -1)
    expected[point] = polygon

    assert np.array_equal(labels.ravel(), expected)
    assert len(np.unique(labels)) > 20


def test_burning_keeps_holes_free_and_lets_the_last_one_win() -> None:
    grid = area_grid("30TUM", 1200)
    left, _, _, top = grid.bounds_m
    ring = shapely.box(left, top - 100, left + 100, top) - shapely.box(
        left + 30, top - 70, left + 70, top - 30
    )
    labels = burn(np.array([ring, shapely.box(left + 80, top - 20, left + 500, top + 500)]), grid)

    assert labels[0, 0] == 0
    assert labels[5, 5] == -1
    assert labels[1, 8] == 1
    assert (labels == 0).sum() == 100 - 16 - 4


def test_nothing_to_burn() -> None:
    for polygons in ([], [shapely.Polygon(), shapely.box(0, 0, 1, 1)]):
        assert (burn(np.array(polygons, dtype=object), GRID) == -1).all()
