"""Passages and clouds."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime

import numpy as np
import pytest

from sen4cap_core.simulation.season import area_grid
from sen4cap_core.simulation.sky.weather import CELL_M, Pass, cloud_and_shadow, plan_passes, smooth_noise

START, END = date(2019, 3, 1), date(2019, 10, 31)
GRID = area_grid("30TUM", 6000)


def passage(cover: float, height_m: float = 1500.0) -> Pass:
    return Pass(datetime(2019, 6, 16, 11, 6, tzinfo=UTC), "S2A", 137, cover, 0.0, height_m, 3)


def test_two_orbits_pass_every_five_days() -> None:
    passes = plan_passes(1, START, END, None)

    assert len(passes) == 98
    for orbit in (137, 94):
        days = [one.at.date() for one in passes if one.relative_orbit == orbit]
        assert {(b - a).days for a, b in itertools.pairwise(days)} == {5}
    assert [one.at for one in passes] == sorted(one.at for one in passes)
    assert {one.platform for one in passes} == {"S2A", "S2B"}
    covers = np.array([one.cloud_cover for one in passes])
    assert (covers < 0.06).sum() > 20
    assert (covers > 0.85).sum() > 10


@pytest.mark.parametrize("n_dates", [1, 5, 30, 97, 98])
def test_so_many_dates_spread_over_the_season(n_dates: int) -> None:
    passes = plan_passes(1, START, END, n_dates)

    assert len(passes) == len({one.index for one in passes}) == n_dates
    days = np.array([one.at.date().toordinal() for one in passes])
    if n_dates == 30:
        assert np.diff(days).max() < 3 * 245 / 30
        assert len(set(np.diff(days).tolist())) > 3  # irregular


def test_more_dates_than_passages_are_refused() -> None:
    with pytest.raises(ValueError, match="99 dates are wanted, 98 passages"):
        plan_passes(1, START, END, 99)


@pytest.mark.parametrize("cover", [0.05, 0.3, 0.7])
def test_clouds_cover_the_wanted_share(cover: float) -> None:
    cloud, _ = cloud_and_shadow(passage(cover), GRID, 25.0, 135.0, 1)

    assert cloud.shape == (100, 100)
    assert (cloud > 0).mean() == pytest.approx(cover, abs=0.005)
    assert ((cloud > 0) & (cloud < 0.3)).any()  # thin edges
    assert cloud.max() <= 1


def test_clear_and_overcast() -> None:
    clear, no_shadow = cloud_and_shadow(passage(0.0), GRID, 25.0, 135.0, 1)
    overcast, _ = cloud_and_shadow(passage(1.0), GRID, 25.0, 135.0, 1)

    assert not clear.any()
    assert not no_shadow.any()
    assert overcast.min() > 0.9


@pytest.mark.parametrize(("azimuth", "down", "right"), [(135.0, -1, -1), (180.0, -1, 0), (270.0, 0, 1)])
def test_shadows_lie_away_from_the_sun(azimuth: float, down: int, right: int) -> None:
    zenith, height_m = 45.0, 1200.0
    cloud, shadow = cloud_and_shadow(passage(0.4, height_m), GRID, zenith, azimuth, 1)
    reach = height_m / CELL_M  # tan(45 degrees) is 1
    scale = reach / np.hypot(down, right)
    shift = (round(down * scale), round(right * scale))

    moved = np.roll(cloud, shift, axis=(0, 1))
    inner = (slice(25, -25), slice(25, -25))
    expected = (moved * (1 - cloud))[inner]
    assert np.abs(shadow[inner] - expected).max() < 1e-6
    assert expected.max() > 0.02


def test_noise_is_smooth_at_its_scale() -> None:
    field = smooth_noise(np.random.default_rng(1), 200, 300, 20.0)

    assert field.shape == (200, 300)
    assert np.abs(np.diff(field, axis=0)).max() < 0.25
    assert field.std() > 0.2


def test_weather_is_the_same_for_the_same_seed() -> None:
    assert plan_passes(5, START, END, 20) == plan_passes(5, START, END, 20)
    assert plan_passes(5, START, END, 20) != plan_passes(6, START, END, 20)
    a, b = (cloud_and_shadow(passage(0.5), GRID, 30.0, 150.0, 7)[0] for _ in range(2))
    assert np.array_equal(a, b)
