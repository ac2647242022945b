"""The day of a harvest and the week of tillage against plain numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from kernels.practices.test_practice_growth import FIRST, series_of

from sen4cap_core.kernels.practices.calendar import NO_DAY, NR_DAY
from sen4cap_core.kernels.practices.dating import date_harvest
from sen4cap_core.kernels.practices.rows import N_KINDS, Rows
from sen4cap_core.kernels.practices.series import Series, build_series
from sen4cap_core.kernels.practices.tillage import TillageSettings, find_worked_soil
from sen4cap_core.kernels.practices.weeks import WeekTable


def orbits_of(values: dict[int, np.ndarray], repeat: int) -> Series:
    """Series of coherences of orbits, whose later days begin at the orbit's number after ``FIRST``."""
    entries = sorted(
        (FIRST + shift + repeat * i, k, value)
        for k, (shift, series) in enumerate(values.items())
        for i, value in enumerate(series)
    )
    n = len(entries)
    day, orbit, mean = (np.array(column) for column in zip(*entries, strict=True))
    rows = Rows(
        np.array([0, 0, 0, n, n], np.int64),
        np.array([0, 0, n, 0], np.int32),
        day.astype(np.int32),
        orbit.astype(np.int16),
        (day - repeat).astype(np.int32),
        mean.astype(float),
        np.empty(0),
    )
    assert rows.n.size == N_KINDS
    series = series_of(((), ()), ((), ()), (np.zeros(n), np.zeros(n)))
    build_series(0, 1, rows, len(values), 0, False, series)
    return series


def weeks_of(ndvi: float) -> WeekTable:
    monday = (FIRST - (FIRST + 3) % 7 + 7 * np.arange(30)).astype(np.int32)
    nothing = np.full(30, np.nan)
    return WeekTable(monday, nothing, nothing, nothing, nothing, np.full(30, ndvi))


def plain_harvest_day(ratio, coherence, repeat, week, earliest, latest):
    """Change point day by day; ``coherence`` holds the first days of pairs and values on six days' scale."""
    day, value = (np.array(part, float) for part in ratio)
    begin, level = (np.array(part, float) for part in coherence)
    steps = np.abs(np.diff(value[(day >= week - 60) & (day < week + 60)]))
    noise = max(0.2, np.median(steps) / 0.954 if steps.size >= 3 else 0.0)

    def gain(days, values, at):
        before = values[(days >= at - 24) & (days < at)]
        after = values[(days >= at) & (days < at + 24)]
        if not before.size or not after.size or after.mean() <= before.mean():
            return 0.0
        n = before.size * after.size / (before.size + after.size)
        return n * (after.mean() - before.mean()) ** 2

    days = np.arange(max(earliest, week + 3 - 24), min(latest, week + 3 + 14) + 1)
    gains = np.array([gain(day, value, d) / noise**2 + gain(begin, level, d) / 0.01 for d in days])
    if not days.size or gains.max() < 4.0:
        return week + 3
    first = int(np.argmax(gains >= gains.max() * (1 - 1e-9)))
    last = first
    while last + 1 < days.size and gains[last + 1] >= gains.max() * (1 - 1e-9):
        last += 1
    return (days[first] + days[last]) // 2


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("repeat", [6, 12])
def test_the_day_of_a_harvest_is_where_the_levels_change(seed: int, repeat: int) -> None:
    rng = np.random.default_rng(seed)
    harvest = FIRST + int(rng.integers(60, 150))
    days = np.sort(
        np.concatenate([np.arange(FIRST, FIRST + 220, repeat), np.arange(FIRST + 5, FIRST + 220, repeat)])
    )
    ratio = np.where(days < harvest, 6.4, 8.8) + rng.normal(0, 0.6, days.size)
    ends = np.arange(FIRST + repeat, FIRST + 220, repeat)
    value = np.where(ends - repeat < harvest, 0.25, 0.6) ** (repeat / 6) + rng.normal(0, 0.05, ends.size)
    radar = orbits_of({repeat: value}, repeat)
    pairs = series_of(((), ()), (days, ratio))
    series = radar._replace(
        **{name: getattr(pairs, name) for name in ("pair_at", "pair_day", "ratio_db", "is_field")}
    )
    week = harvest + int(rng.integers(-10, 20))
    week -= (week + 3) % 7
    earliest, latest = FIRST + 40, FIRST + 160
    begun = (ends - repeat, np.maximum(value, 0.0) ** (6 / repeat))
    found = date_harvest(series, 0, week, earliest, latest, np.empty(512))
    assert found == plain_harvest_day((days, ratio), begun, repeat, week, earliest, latest)
    assert abs(found - harvest) <= repeat


def test_without_a_step_the_week_of_the_markers_stays() -> None:
    nothing = series_of(((), ()), ((), ()))
    week = FIRST - (FIRST + 3) % 7
    assert date_harvest(nothing, 0, week, week - 50, week + 50, np.empty(512)) == week + 3
    flat = series_of(((), ()), (np.arange(FIRST - 60, FIRST + 60, 6), np.full(20, 7.0)))
    assert date_harvest(flat, 0, week, week - 50, week + 50, np.empty(512)) == week + 3


def plain_tillage(
    values: dict[int, np.ndarray], repeat: int, harvest: int, last_day: int
) -> tuple[float, int]:
    """Likeliness and middle of the best days, day by day."""
    pairs = [
        (FIRST + shift + repeat * (i - 1), k, float(c))
        for k, (shift, series) in enumerate(values.items())
        for i, c in enumerate(series)
    ]
    grown = [c for begin, _, c in pairs if harvest - 60 <= begin + repeat <= harvest]
    after = sorted(pair for pair in pairs if pair[0] >= harvest)
    told = []
    for begin, orbit, c in after:
        own = [pair for pair in after if pair[1] == orbit]
        at = own.index((begin, orbit, c))
        near = [other for *_, other in own[max(0, at - 2) : at] + own[at + 1 : at + 3]]
        if len(near) < 2:
            continue
        bare = np.median(near)
        worked = np.median(grown) if len(grown) >= 3 else 0.5 * bare
        if bare - worked >= 0.05:
            ratio = (bare - worked) * (bare + worked - 2 * c) / (2 * 0.09**2)
            told.append((begin, float(np.clip(ratio, -8, 8))))
    scores = []
    for day in range(harvest, min(last_day, harvest + 253) + 1):
        under_way = [ratio for begin, ratio in told if begin < day <= begin + repeat]
        if under_way:
            evidence = sum(under_way)
            scores.append((evidence + 2 * math.exp(-(day - harvest) / 20), day, evidence))
    if not scores or max(scores)[0] <= 0:
        return 0.0, 0
    best, first, evidence = max(scores, key=lambda score: (round(score[0], 9), -score[1]))
    last = first
    level = {day: e for _, day, e in scores}
    while last + 1 in level and abs(level[last + 1] - evidence) < 1e-8:
        last += 1
    return best, (first + last) // 2


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("repeat", [6, 12])
def test_the_week_of_tillage_equals_plain_numpy(seed: int, repeat: int) -> None:
    rng = np.random.default_rng(seed)
    values = {0: rng.uniform(0.2, 0.8, 24), 5: rng.uniform(0.2, 0.8, 24)}
    for series in values.values():
        series[: 60 // repeat] = 0.25
    table, limits = weeks_of(200.0), TillageSettings(350.0, 0.05, 0.75, NO_DAY)
    harvest = int(table.monday[6]) + int(rng.integers(0, 7))
    found = find_worked_soil(orbits_of(values, repeat), 0, table, 0, 30, harvest, limits, np.empty(512))
    best, day = plain_tillage(values, repeat, harvest, int(table.monday[29]) + 6)
    assert found == (day - (day + 3) % 7 if best >= 0.5 else NO_DAY)


@pytest.mark.parametrize("ndvi", [200.0, 600.0])
def test_tillage_is_where_a_pair_loses_its_coherence(ndvi: float) -> None:
    values = np.full(30, 0.7)
    values[:7] = 0.25
    values[14] = 0.3
    table, limits = weeks_of(ndvi), TillageSettings(350.0, 0.05, 0.75, NO_DAY)
    harvest = FIRST + 36
    series, room = orbits_of({0: values}, 6), np.empty(512)
    week = find_worked_soil(series, 0, table, 0, 30, harvest, limits, room)
    # The pair that ends with acquisition 14.
    assert week <= FIRST + 84
    assert week + 6 >= FIRST + 78
    early = limits._replace(last_day=FIRST + 70)
    calm = find_worked_soil(series, 0, table, 0, 30, harvest, early, room)
    assert calm == (NR_DAY if ndvi > 350 else NO_DAY)


def test_without_coherence_no_tillage_is_told() -> None:
    table, limits = weeks_of(200.0), TillageSettings(350.0, 0.05, 0.75, NO_DAY)
    room = np.empty(512)
    assert (
        find_worked_soil(orbits_of({0: np.full(2, 0.5)}, 6), 0, table, 0, 30, FIRST, limits, room) == NO_DAY
    )
