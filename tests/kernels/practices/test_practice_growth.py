"""Growth after the harvest against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.kernels.practices.calendar import NO_DAY
from sen4cap_core.kernels.practices.growth import GrowthSettings, find_growth, median
from sen4cap_core.kernels.practices.series import Series

SETTINGS = GrowthSettings(200.0, 4 / 3, 0.3)
FIRST = 18_000
LAST = FIRST + 200


def series_of(ndvi: tuple, ratio: tuple, coherence: tuple = ((), ())) -> Series:
    days = [np.array(part[0], np.int32) for part in (ratio, coherence, ndvi)]
    values = [np.array(part[1], np.float64) for part in (ratio, coherence, ndvi)]
    ends = [np.array([0, d.size], np.int64) for d in days]
    zeros = np.zeros(days[1].size)
    orbits, lengths = np.zeros(zeros.size, np.int16), np.full(zeros.size, 6, np.int16)
    is_field = np.ones(days[0].size, np.bool_)
    radar = (ends[0], days[0], values[0], is_field, ends[1], days[1], values[1], zeros, orbits, lengths)
    return Series(*radar, ends[2], days[2], values[2], np.array([True]))


def plain_growth(ndvi, ratio, coherence, earliest, latest, start, end, period):
    day, value = np.array(ndvi[0]), np.array(ndvi[1], float)
    smooth = value.copy()
    if value.size > 2:
        smooth[1:-1] = np.median([value[:-2], value[1:-1], value[2:]], axis=0)
    ratio_day, ratios = np.array(ratio[0]), np.array(ratio[1], float)
    pair_day, pairs = np.array(coherence[0]), np.array(coherence[1], float)
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
        quiet = pairs[(pair_day >= max(earliest + 6, sown - 14)) & (pair_day < max(sown, earliest) + 14)]
        covered = pairs[(pair_day >= first) & (pair_day < last)]
        score, share = 0.0, 0.5
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
            share += 0.25
        if quiet.size and covered.size:
            top = np.sort(quiet)[int(0.7 * (quiet.size - 1) + 0.5)]
            score += (top - covered.mean()) / SETTINGS.coherence_fall
            share += 0.25
        score /= share
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
    begun = np.arange(FIRST - 30, LAST, 3)[: int(rng.integers(0, 80))]
    coherence = (begun, np.where(begun > grows + 14, 0.4, 0.6) + rng.normal(0, 0.1, begun.size))
    start = FIRST + 50 if rng.random() < 0.4 else NO_DAY
    period = int(rng.choice([56, 70, 30]))
    latest = FIRST + int(rng.integers(0, 140))
    room = np.empty(512)
    found = find_growth(
        series_of(ndvi, ratio, coherence), 0, FIRST, latest, start, FIRST + 110, period, LAST, SETTINGS, room
    )
    onset, score = plain_growth(ndvi, ratio, coherence, FIRST, latest, start, FIRST + 110, period)
    assert found.onset == onset
    assert found.score == pytest.approx(score, abs=1e-12)


def test_the_median_is_the_middle() -> None:
    rng = np.random.default_rng(3)
    for n in range(1, 12):
        values = rng.normal(size=12)
        assert median(values.copy(), n) == pytest.approx(np.median(values[:n]), abs=0)
    assert np.isnan(median(np.empty(3), 0))
