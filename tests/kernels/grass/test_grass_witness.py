"""Coherence as a witness of cuts: its rises against numpy, what it may add and what not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sen4cap_core.declarations.settings.l4b_config import L4BConfig
from sen4cap_core.kernels.mowing.slots import S1, S2, S2_S1
from sen4cap_core.kernels.series.coherence_noise import NEXT_WEIGHT, noise_room, score_rises
from sen4cap_core.processors.l4b.model import ObservationMatrix, Source
from sen4cap_core.processors.l4b.neighbourhood import find_mowings
from tests.kernels.grass.test_grass_cuts import DAY_0, cut, facts, run, season


def test_rises_equal_numpy():
    rng = np.random.default_rng(4)
    series = 0.25 + 0.05 * rng.standard_normal((6, 50))
    # The first two are whole.
    series[2:][rng.random((4, 50)) < 0.06] = np.nan
    series[1, 20:22] += 0.4
    series[2, 30:33] += 0.4
    floors = np.array([0.0, 0.2, 0.01, np.inf, 0.0, 0.03])
    rises, tested = np.zeros((6, 52), np.float32), np.zeros(6, np.int32)
    # Of the columns of two orbits, the second.
    columns = np.concatenate([[0, 0], np.arange(50)])
    room = noise_room(52)
    for p in range(6):
        tested[p] = score_rises(p, columns, 2, 52, series, floors[p], room, rises[p])
    for p in range(6):
        if p == 3:
            assert np.isnan(rises[p, 2:]).all()
            continue
        steps = np.abs(np.diff(series[p][~np.isnan(series[p])]))
        middle = np.sort(np.floor(steps / 0.002))[math.ceil(len(steps) / 2) - 1]
        noise = max(1.4826 * (middle + 0.5) * 0.002 / math.sqrt(2), floors[p])
        for t in range(50):
            before = series[p, max(0, t - 4) : t]
            before = before[~np.isnan(before)]
            if t < 3 or np.isnan(series[p, t]) or len(before) < 3:
                assert np.isnan(rises[p, t + 2])
                continue
            value, variance = series[p, t], 1.0
            if t + 1 < 50 and not np.isnan(series[p, t + 1]):
                value = (1 - NEXT_WEIGHT) * value + NEXT_WEIGHT * series[p, t + 1]
                variance = (1 - NEXT_WEIGHT) ** 2 + NEXT_WEIGHT**2
            z = (value - before.mean()) / (noise * math.sqrt(variance + 1 / len(before)))
            assert rises[p, t + 2] == pytest.approx(z, rel=1e-5)
    assert rises[2, 32] > 4.5
    assert tested[3] == 0
    assert (rises[:, :2] == 0).all()


def radar_season(n: int, rise_row: int, rise_at: int, noise: float = 0.02):
    rng = np.random.default_rng(9)
    later = (np.arange(0, 240, 6) + DAY_0).astype(np.int32)
    coherence = 0.25 + noise * rng.standard_normal((n, len(later)))
    coherence[rise_row, rise_at : rise_at + 3] += 0.4
    return coherence, later


def test_radar_strengthens_a_weak_fall_and_stands_alone_only_in_a_gap():
    ndvi, days = season()
    cut(ndvi, 5, 20, depth=0.09)
    radar = radar_season(12, 5, 18, noise=0.01)
    assert run(ndvi, days).parcel.size == 0
    events = run(ndvi, days, radar=radar, pixels=400)
    assert (events.parcel.tolist(), events.mission.tolist()) == ([5], [S2_S1])
    # Clear values on both sides that show no fall deny a rise; a gap of a month does not.
    ndvi, days = season()
    assert run(ndvi, days, radar=radar, pixels=400).parcel.size == 0
    ndvi[5, 19:26] = np.nan
    events = run(ndvi, days, radar=radar, pixels=400)
    assert (events.parcel.tolist(), events.mission.tolist()) == ([5], [S1])
    assert events.end_s[0] // 86400 == radar[1][18] - 6
    # Few pixels: the same rise is noise.
    assert run(ndvi, days, radar=radar, pixels=1).parcel.size == 0


def test_a_witness_must_show_more_in_spring():
    later = (np.arange(0, 240, 6) + DAY_0).astype(np.int32)
    for first, pair, seen_by in ((25, 22, S2_S1), (6, 6, S2)):
        ndvi, days = season()
        cut(ndvi, 5, first)
        # 2.9 deviations of what 400 pixels allow.
        coherence = np.full((12, len(later)), 0.25)
        coherence[5, pair : pair + 3] += 0.0205
        events = run(ndvi, days, radar=(coherence, later), pixels=400)
        assert (events.parcel.tolist(), events.mission.tolist()) == ([5], [seen_by]), first


def test_a_fall_over_a_long_gap_is_left_out_and_radar_alone_must_show_more_in_autumn():
    ndvi, days = season(step=5)
    ndvi[5, 20:] -= 0.3
    ndvi[5, 9:20] = np.nan
    assert run(ndvi, days).parcel.size == 1
    ndvi[5, 7:20] = np.nan
    assert run(ndvi, days).parcel.size == 0
    for shift, expected in ((0, 1), (125, 0)):
        ndvi, days = season()
        ndvi[5, 19:26] = np.nan
        coherence, later = radar_season(12, 5, 18, noise=0.01)
        coherence[5, 18:21] -= 0.2
        later = (later + shift).astype(np.int32)
        assert run(ndvi, days + shift, radar=(coherence, later), pixels=20).parcel.size == expected


def test_a_long_pair_among_short_ones_is_not_heard():
    ndvi, days = season()
    ndvi[5, 19:26] = np.nan
    coherence, later = radar_season(12, 5, 18, noise=0.01)
    matrix = ObservationMatrix(
        np.hstack([ndvi, coherence]), (Source("S2", np.arange(len(days)), days, days),)
    )

    def found(start_days):
        source = Source("S1", np.arange(len(later)) + len(days), later, start_days, "037", "VH")
        return find_mowings(matrix, facts(12, pixels=400), L4BConfig(), ("S2", "S1"), [(source, None)])[0]

    start_days = (later - 6).astype(np.int32)
    assert found(start_days).end_s[0] // 86400 == start_days[18]
    start_days[18] -= 24
    assert found(start_days).end_s[0] // 86400 == start_days[19]
