"""Growth after the harvest and dips of coherence, against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.kernels.practice_calendar import NO_DAY, NR_DAY
from sen4cap_core.kernels.practice_growth import GrowthSettings, find_growth, median
from sen4cap_core.kernels.practice_rows import N_KINDS, Rows
from sen4cap_core.kernels.practice_series import Series, build_series
from sen4cap_core.kernels.practice_tillage import TillageSettings, find_coherence_dip
from sen4cap_core.kernels.practice_weeks import WeekTable

SETTINGS = GrowthSettings(200.0, 4 / 3)
FIRST = 18_000
LAST = FIRST + 200


def series_of(ndvi: tuple, ratio: tuple, coherence: tuple = ((), (), ())) -> Series:
    days = [np.array(part[0], np.int32) for part in (ratio, coherence, ndvi)]
    values = [np.array(part[1], np.float64) for part in (ratio, coherence, ndvi)]
    ends = [np.array([0, d.size], np.int64) for d in days]
    zeros = np.zeros(days[1].size)
    dips = np.array(coherence[2], np.float64)
    is_field = np.ones(days[0].size, np.bool_)
    radar = (ends[0], days[0], values[0], is_field, ends[1], days[1], values[1], zeros, dips)
    return Series(*radar, ends[2], days[2], values[2], np.array([True]))


def plain_growth(ndvi, ratio, earliest, latest, start, end, period):
    day, value = np.array(ndvi[0]), np.array(ndvi[1], float)
    smooth = value.copy()
    if value.size > 2:
        smooth[1:-1] = np.median([value[:-2], value[1:-1], value[2:]], axis=0)
    ratio_day, ratios = np.array(ratio[0]), np.array(ratio[1], float)
    best = (NO_DAY, 0.0)
    for sown in range(earliest, latest + 1, 7):
        first, last = sown + period // 2, sown + max(period // 2 + 7, period - 7)
        if start:
            first, last = max(first, start), end + 1
        if last - 1 > LAST or last <= first:
            continue
        parts = [(max(earliest, sown - 14), sown + 14), (first, last)]
        bare, grown = (smooth[(day >= a) & (day < b)] for a, b in parts)
        before, after = (ratios[(ratio_day >= a) & (ratio_day < b)] for a, b in parts)
        score = 0.0
        if bare.size and grown.size:
            rise = np.median(grown) - np.median(bare)
            if rise <= 50:
                continue
            score += rise / SETTINGS.ndvi_rise
        if before.size and after.size:
            fall = before.mean() - after.mean()
            if fall <= 0:
                continue
            score += fall / SETTINGS.ratio_fall_db
        if score > best[1]:
            best = (sown, score)
    return best


@pytest.mark.parametrize("seed", range(40))
def test_growth_equals_plain_numpy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(np.arange(FIRST - 40, LAST), int(rng.integers(0, 60)), replace=False))
    grows = FIRST + int(rng.integers(0, 120))
    ndvi = (days, np.where(days > grows + 14, 550, 220) + rng.normal(0, 60, days.size))
    pairs = np.arange(FIRST - 30, LAST, 6)[: int(rng.integers(0, 40))]
    ratio = (pairs, np.where(pairs > grows + 14, 7.4, 8.8) + rng.normal(0, 0.5, pairs.size))
    start = FIRST + 50 if rng.random() < 0.4 else NO_DAY
    period = int(rng.choice([56, 70, 30]))
    latest = FIRST + int(rng.integers(0, 140))
    room = np.empty(512)
    found = find_growth(
        series_of(ndvi, ratio), 0, FIRST, latest, start, FIRST + 110, period, LAST, SETTINGS, room
    )
    onset, score = plain_growth(ndvi, ratio, FIRST, latest, start, FIRST + 110, period)
    assert found.onset == onset
    assert found.score == pytest.approx(score, abs=1e-12)


def test_the_median_is_the_middle() -> None:
    rng = np.random.default_rng(3)
    for n in range(1, 12):
        values = rng.normal(size=12)
        assert median(values.copy(), n) == pytest.approx(np.median(values[:n]), abs=0)
    assert np.isnan(median(np.empty(3), 0))


def dips_of(values: np.ndarray, repeat: int = 6) -> Series:
    n = values.size
    at = np.array([0, 0, 0, n, n], np.int64)
    day = (FIRST + repeat * np.arange(n)).astype(np.int32)
    counts = np.array([0, 0, n, 0], np.int32)
    rows = Rows(
        at, counts, day, np.zeros(n, np.int16), np.empty(0, np.int32), values.astype(float), np.empty(0)
    )
    assert at.size == N_KINDS + 1
    series = series_of(((), ()), ((), ()), (np.zeros(n), np.zeros(n), np.zeros(n)))
    build_series(0, 1, rows, 1, 0, False, series)
    return series


def test_a_dip_is_measured_from_its_neighbours() -> None:
    rng = np.random.default_rng(5)
    values = rng.uniform(0.3, 0.8, 30)
    series = dips_of(values)
    expected = np.zeros(30)
    for i in range(1, 30):
        expected[i] = values[i - 1] - values[i]
        if i < 29:
            expected[i] = max(expected[i], (values[i - 1] + values[i + 1]) / 2 - values[i])
    assert series.dip == pytest.approx(expected, abs=1e-12)


def weeks_of(ndvi: float) -> WeekTable:
    monday = (FIRST - (FIRST + 3) % 7 + 7 * np.arange(30)).astype(np.int32)
    nothing = np.full(30, np.nan)
    return WeekTable(monday, nothing, nothing, nothing, nothing, np.full(30, ndvi))


@pytest.mark.parametrize("ndvi", [200.0, 600.0])
def test_tillage_is_the_deepest_dip_after_the_harvest(ndvi: float) -> None:
    values = np.full(30, 0.7)
    values[3], values[12], values[20] = 0.1, 0.3, 0.45
    table, limits = weeks_of(ndvi), TillageSettings(350.0, 0.05, 0.75, NO_DAY)
    harvest = int(table.monday[7])
    week = find_coherence_dip(dips_of(values), 0, table, 0, 30, harvest, limits)
    # The pair that ends with acquisition 12.
    assert week <= FIRST + 72
    assert week + 6 >= FIRST + 66
    early = limits._replace(last_day=FIRST + 60)
    calm = find_coherence_dip(dips_of(values), 0, table, 0, 30, harvest, early)
    assert calm == (NR_DAY if ndvi > 350 else NO_DAY)
