"""Radar series and their composites from observation files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.clock import to_days
from sen4cap_core.observations.radar_composites import (
    DIRECTIONS,
    Composite,
    average_weeks,
    monthly_coherence,
    ratio,
    season_coherence,
    two_monthly,
    week_of,
    weekly_composites,
)
from sen4cap_core.observations.radar_series import RadarSeries, build_radar_series
from sen4cap_core.observations.store import write_observations
from sen4cap_core.rasters.passes.radar_sums import RealSums
from sen4cap_core.rasters.passes.sums import ParcelSums


@dataclass
class File:
    acquired_at: datetime
    tile: str
    path: str
    relative_orbit: int | None = 154
    orbit_direction: str | None = "descending"
    pair_started_at: datetime | None = None


def write(
    root: Path, name: str, pixels: dict[int, list[float]], variable: str = "vv", **metadata: str
) -> str:
    """Write a set of which the pixels of each parcel are known."""
    sums = RealSums(
        np.array([len(p) for p in pixels.values()], np.int64),
        np.array([sum(p) for p in pixels.values()], float),
        np.array([sum(x * x for x in p) for p in pixels.values()], float),
    )
    ids = np.array(list(pixels), np.int32)
    parcels = ParcelSums(ids, np.array([max(len(p), 1) for p in pixels.values()]), {variable: sums})
    write_observations(root / name, parcels, metadata=metadata)
    return name


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_tiles_merge_by_pixels_and_orbits_stay_apart(tmp_path: Path) -> None:
    files = [
        File(day("2019-04-04"), "30TUM", write(tmp_path, "a", {1: [1.0, 3.0], 2: [5.0]})),
        File(day("2019-04-04"), "30TUN", write(tmp_path, "b", {2: [8.0, 8.0, 9.0], 7: [4.0]})),
        File(day("2019-04-10"), "30TUM", write(tmp_path, "c", {1: []})),
        File(day("2019-04-05"), "30TUM", write(tmp_path, "d", {1: [2.0]}), 74, "ascending"),
        File(day("2019-04-11"), "30TUM", write(tmp_path, "e", {1: [2.0]}, "vh")),
        File(day("2019-04-06"), "30TUM", write(tmp_path, "f", {7: [6.0]}), None, None),
    ]
    found = build_radar_series(files[::-1], tmp_path, "vv", np.array([7, 2, 1], np.int32))

    assert [(one.relative_orbit, one.orbit_direction) for one in found] == [
        (74, "ascending"), (154, "descending"), (None, None),
    ]  # fmt: skip
    descending = found[1]
    assert descending.days.tolist() == [to_days(date(2019, 4, 4)), to_days(date(2019, 4, 10))]
    np.testing.assert_allclose(descending.mean[:, 0], [4.0, 7.5, 2.0])
    np.testing.assert_allclose(descending.std[1, 0], np.std([5, 8, 8, 9], ddof=1), rtol=1e-6)
    assert descending.n_valid[:, 0].tolist() == [1, 4, 2]
    assert np.isnan(descending.mean[:, 1]).all()
    with pytest.raises(ValueError, match="asked for twice"):
        build_radar_series(files, tmp_path, "vv", np.array([1, 1], np.int32))


def test_pairs_of_six_and_twelve_days_are_columns_of_their_own(tmp_path: Path) -> None:
    end = day("2019-04-13")
    files = [
        File(end, "30TUM", write(tmp_path, "a", {1: [0.4]}, "coh_vv"), pair_started_at=day("2019-04-01")),
        File(end, "30TUM", write(tmp_path, "b", {1: [0.6]}, "coh_vv"), pair_started_at=day("2019-04-07")),
    ]
    (series,) = build_radar_series(files, tmp_path, "coh_vv", np.array([1], np.int32))
    assert series.pair_days.tolist() == [6, 12]
    np.testing.assert_allclose(series.mean[0], [0.6, 0.4])


def test_half_decibels_are_brought_to_the_scale_asked_for(tmp_path: Path) -> None:
    files = [
        File(
            day("2019-04-01"),
            "30TUM",
            write(tmp_path, "a", {1: [-6.0, -5.0]}, "vv_db", backscatter_scale="half_db"),
        ),
        File(
            day("2019-04-07"),
            "30TUM",
            write(tmp_path, "b", {1: [-12.0]}, "vv_db", backscatter_scale="true_db"),
        ),
    ]
    wanted = np.array([1], np.int32)
    (true,) = build_radar_series(files, tmp_path, "vv_db", wanted)
    (half,) = build_radar_series(files, tmp_path, "vv_db", wanted, db_scale="half_db")
    np.testing.assert_allclose(true.mean[0], [-11.0, -12.0])
    np.testing.assert_allclose(half.mean[0], [-5.5, -6.0])
    np.testing.assert_allclose(true.std[0, 0], 2 * half.std[0, 0])


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2019-01-01", (2019, 1)),  # week 0 of a year that begins on a Tuesday
        ("2019-01-06", (2019, 1)),
        ("2019-01-07", (2019, 1)),
        ("2019-04-01", (2019, 13)),
        ("2018-12-31", (2018, 52)),  # week 53
    ],
)
def test_weeks_are_those_of_the_original(text, want) -> None:
    assert week_of(to_days(date.fromisoformat(text))) == want


def series(variable: str, direction: str, orbit: int, rng: np.random.Generator) -> RadarSeries:
    days = np.arange(to_days(date(2019, 3, 1)) + orbit % 5, to_days(date(2019, 7, 1)), 6).astype(np.int32)
    values = rng.uniform(0.05, 0.5, (5, len(days))).astype(np.float32)
    values[2, ::3] = np.nan
    n_valid = np.where(np.isnan(values), 0, rng.integers(1, 40, values.shape)).astype(np.int32)
    return RadarSeries(
        variable, orbit, direction, np.arange(5, dtype=np.int32), days, np.zeros_like(days), values,
        values * 0, n_valid,
    )  # fmt: skip


def all_composites(tracks: dict[str, list[RadarSeries]]) -> list[Composite]:
    """Every composite there is of VV, VH and the coherence of VV."""
    weeklies = {
        (v, short): average_weeks(
            np.hstack([one.mean for one in chosen]),
            np.hstack([one.n_valid for one in chosen]).astype(np.float32),
            np.concatenate([one.days for one in chosen]),
            short,
            v.removeprefix("coh_").upper(),
            "COHE" if v.startswith("coh_") else "BCK",
        )
        for v, every in tracks.items()
        for direction, short in DIRECTIONS.items()
        if (chosen := [one for one in every if one.orbit_direction == direction])
    }
    for short in DIRECTIONS.values():
        weeklies["ratio", short] = ratio(weeklies["vv", short], weeklies["vh", short])
    coherence = [one for one in weeklies.values() if one.kind == "COHE"]
    found = [c for one in weeklies.values() for c in weekly_composites(one)]
    found += [c for one in weeklies.values() if one.kind == "BCK" for c in two_monthly(one)]
    return found + monthly_coherence(coherence) + season_coherence(coherence)


def test_composites_follow_the_rules_of_the_original() -> None:
    rng = np.random.default_rng(8)
    tracks = {
        v: [
            series(v, "ascending", 74, rng),
            series(v, "descending", 154, rng),
            series(v, "descending", 8, rng),
        ]
        for v in ("vv", "vh", "coh_vv")
    }
    found = {c.column: c.values for c in all_composites(tracks)}

    def week(v: str, direction: str, number: int, row: int) -> float:
        parts = [
            (one.mean[row, i], one.n_valid[row, i])
            for one in tracks[v] if one.orbit_direction == direction
            for i, at in enumerate(one.days) if week_of(int(at)) == (2019, number) and one.n_valid[row, i]
        ]  # fmt: skip
        return float(np.average([p[0] for p in parts], weights=[p[1] for p in parts])) if parts else np.nan

    for row in range(5):
        np.testing.assert_allclose(
            found["XX_W201915_DESC_VV_BCK"][row], week("vv", "descending", 15, row), rtol=1e-5
        )
        both = week("vv", "descending", 15, row) / week("vh", "descending", 15, row)
        np.testing.assert_allclose(found["XX_W201915_DESC_RATIO_BCK"][row], both, rtol=1e-5)
        # Weeks begun in April and ended in May count for April.
        first: dict[int, int] = {}
        for at in tracks["vh"][0].days.tolist():
            first.setdefault(week_of(at)[1], at)
        march = [n for n, at in first.items() if at < to_days(date(2019, 5, 1))]
        spring = [week("vh", "ascending", n, row) for n in march]
        kept = np.array([x for x in spring if np.isfinite(x)])
        np.testing.assert_allclose(found["XX_M201903_ASC_VH_BCK_MEAN"][row], kept.mean(), rtol=1e-5)
        np.testing.assert_allclose(
            found["XX_M201903_ASC_VH_BCK_CVAR"][row], kept.std() / kept.mean(), rtol=1e-4
        )
        every = np.array([
            x for d in ("ascending", "descending") for n in range(1, 53)
            if np.isfinite(x := week("coh_vv", d, n, row))
        ])  # fmt: skip
        np.testing.assert_allclose(found["XX_S_VV_COHE_STDDEV"][row], every.std(), rtol=1e-4)
    assert "XX_M201905_VV_COHE_MIN" in found
    assert not [name for name in found if name.startswith("XX_M") and "COHE" in name and "ASC" in name]
