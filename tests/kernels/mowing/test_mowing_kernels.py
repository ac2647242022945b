"""The mowing kernels against plain Python twins written from the method's description."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.kernels.mowing import compliance as mowing_compliance
from sen4cap_core.kernels.mowing import drops as mowing_drops
from sen4cap_core.kernels.mowing import events as mowing_events
from sen4cap_core.kernels.mowing import matrix as mowing_matrix
from sen4cap_core.kernels.mowing import slots as mowing_slots

NO_SCORES = np.empty((0, 0), np.float32)
DEFAULT_THRESHOLDS = np.array([0.1, 0.12, -1e-6, 0.05, 0.75, 0.5, 12.0, 0.7])
ORIGINAL_THRESHOLDS = np.array([0.1, 0.12, -1e-6, 0.05, 0.75, 0.5, -1.0, math.inf])


def run_drops(days, values, thresholds, original, scale=1.0):
    n = len(values)
    state = [np.full(n, np.nan), np.full(n, np.nan)] + [np.zeros(n, np.int32) for _ in range(4)]
    columns = np.arange(len(days), dtype=np.int64)
    found = mowing_drops.find_drops(
        0, n, columns, np.array(days, np.int32), np.array(values), scale, thresholds, *state, original
    )
    return list(zip(*(column.tolist() for column in found), strict=True)), state


def twin_drops(days, series, thresholds, original):
    """Two remembered clear values; a fall between them is a cut when the third does not spring back."""
    lowest, least, fall_rate, return_rate, high, low, brief, share = thresholds
    clear = [(d, v) for d, v in zip(days, series, strict=True) if v >= lowest]
    found = []

    def apart(a, b):
        if not original:
            return b - a
        first, second = ((date(1970, 1, 1) + timedelta(days=int(d))).timetuple().tm_yday for d in (a, b))
        return (second - first) % 2**32

    for (d0, p0), (d1, p1), (d2, v) in zip(clear, clear[1:], clear[2:], strict=False):
        if original:
            p0, p1 = float(np.float32(p0)), float(np.float32(p1))
        fall = float(np.float32(p0) - np.float32(p1)) if original else p0 - p1
        is_cloud = d2 - d1 <= brief and v - p1 >= share * (p0 - p1)
        if (
            (p1 - p0) / apart(d0, d1) < fall_rate
            and (v - p1) / apart(d1, d2) < return_rate
            and p1 < high
            and p0 > low
            and not is_cloud
            and (fall - least) / p1 > 0
        ):
            found.append((d0, d1, min(1 - 0.5 * math.exp(-(fall - least) / p1), 0.999)))
    return found


@pytest.mark.parametrize(
    "day", [-1, 0, 58, 59, 60, 365, 789, 10956, 11016, 17896, 18262, 18321, 18627, 47540]
)
def test_day_of_year(day):
    expected = (date(1970, 1, 1) + timedelta(days=day)).timetuple().tm_yday
    assert mowing_drops.day_of_year(day) == expected


@given(st.integers(-200_000, 200_000))
def test_day_of_year_everywhere(day):
    assert mowing_drops.day_of_year(day) == (date(1970, 1, 1) + timedelta(days=day)).timetuple().tm_yday


@settings(max_examples=200, deadline=None)
@given(st.data(), st.booleans())
def test_drops_equal_their_twin(data, original):
    n_dates = data.draw(st.integers(0, 25))
    gaps = data.draw(st.lists(st.integers(1, 40), min_size=n_dates, max_size=n_dates))
    days = (17_700 + np.cumsum(gaps)).tolist()
    value = st.one_of(st.just(float("nan")), st.floats(-0.2, 1.0), st.sampled_from([0.5, 0.62, 0.75, 0.38]))
    series = [data.draw(st.lists(value, min_size=n_dates, max_size=n_dates)) for _ in range(3)]
    thresholds = ORIGINAL_THRESHOLDS if original else DEFAULT_THRESHOLDS
    found, state = run_drops(days, np.array(series).reshape(3, n_dates), thresholds, original)
    expected = [
        (p, d0, d1, c) for p in range(3) for d0, d1, c in twin_drops(days, series[p], thresholds, original)
    ]
    assert [f[:3] for f in found] == [e[:3] for e in expected]
    assert [f[3] for f in found] == pytest.approx([e[3] for e in expected], abs=1e-14)
    clear = [[d for d, v in zip(days, s, strict=True) if v >= 0.1] for s in series]
    assert state[4].tolist() == [len(c) for c in clear]
    assert state[5].tolist() == [max(np.diff(c).tolist(), default=0) for c in clear]
    assert all(start < end for _, start, end, _ in found)


def test_fall_across_new_year_counts_by_default_only():
    days = [17_890, 17_900, 17_910]  # 25 December 2018, 4 and 14 January 2019
    values = [[0.8, 0.4, 0.45]]
    assert [f[:3] for f in run_drops(days, values, DEFAULT_THRESHOLDS, False)[0]] == [(0, 17_890, 17_900)]
    assert run_drops(days, values, ORIGINAL_THRESHOLDS, True)[0] == []


def test_brief_low_is_a_cloud_by_default_only():
    values = [[0.8, 0.4, 0.7]]
    days = [100, 105, 112]
    assert run_drops(days, values, DEFAULT_THRESHOLDS, False)[0] == []
    assert len(run_drops(days, values, ORIGINAL_THRESHOLDS, True)[0]) == 1


def test_drop_of_exactly_the_threshold_follows_float32_as_the_original():
    # 0.62 in float32 is a little more than 0.62, so that the fall exceeds 0.12 by 5e-9.
    days = [100, 110, 120]
    rounded_up = run_drops(days, [[0.62, 0.5, 0.5]], ORIGINAL_THRESHOLDS, True)[0]
    assert [(d0, d1) for _, d0, d1, _ in rounded_up] == [(100, 110)]
    assert rounded_up[0][3] == pytest.approx(0.5, abs=1e-7)
    assert float(np.float32(0.62)) - 0.5 > 0.12


def test_growing_output_keeps_everything():
    values = np.tile([0.9, 0.6, 0.55], (1, 60))
    values[0, 2::3] = 0.62
    days = list(range(0, 180 * 15, 15))
    found, _ = run_drops(days, values, ORIGINAL_THRESHOLDS, True)
    assert len(found) == len(twin_drops(days, values[0], ORIGINAL_THRESHOLDS, True)) > 16


# --- slots -------------------------------------------------------------------------------------------------


def twin_fuse(old, new, new_mission, rule, distance):
    texts = mowing_slots.MISSION_TEXTS
    candidates, used_old, used_new = [], set(), set()
    for i, a in enumerate(new):
        for j, b in enumerate(old):
            if min(a[2], b[2]) > max(a[1], b[1]):
                used_new.add(i)
                used_old.add(j)
                mission = b[3] if new_mission in b[3] else f"{b[3]}/{new_mission}"
                conf = 1 - 1 / (1 / (1 - a[0]) + 1 / (1 - b[0]))
                winner = a if a[0] > b[0] else b
                conf = min(conf, 0.5) if mission == "S1" else conf
                candidates.append((conf, winner[1], winner[2], mission))
    candidates += [(*a, new_mission) for i, a in enumerate(new) if i not in used_new]
    candidates += [b for j, b in enumerate(old) if j not in used_old]
    taken = []
    for c in sorted(candidates, key=lambda c: (c[0], c[1], c[2], texts.index(c[3])), reverse=True):
        if all(
            max(c[2] - t[1], t[2] - c[1]) >= distance if rule == 0 else abs(c[2] - t[2]) >= distance
            for t in taken
        ):
            taken.append(c)
    return sorted(taken[:4], key=lambda c: c[1])


detection = st.tuples(
    st.sampled_from([0.1, 0.3, 0.5, 0.62, 0.7, 0.9]), st.integers(0, 150), st.integers(1, 30)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["S2", "S1"]), st.lists(detection, max_size=7)), max_size=4))
def test_slots_equal_their_twin(runs):
    slots = [np.zeros(1, np.int32), *(np.zeros((1, 4), t) for t in (np.int64, np.int64, np.float64, np.int8))]
    old = []
    for mission, found in runs:
        new = [(c, s, s + n) for c, s, n in found]
        rule, distance = (0, 45) if mission == "S2" else (1, 28)
        columns = np.array(new, np.float64).reshape(len(new), 3)
        mowing_slots.fuse_into_slots(
            0,
            1,
            np.array([0, len(new)]),
            columns[:, 1].astype(np.int64),
            columns[:, 2].astype(np.int64),
            columns[:, 0].copy(),
            mowing_slots.S2 if mission == "S2" else mowing_slots.S1,
            np.array([True]),
            rule,
            distance,
            *slots,
        )
        old = [
            (np.rint(c * 1000) / 1000, s, e, m) for c, s, e, m in twin_fuse(old, new, mission, rule, distance)
        ]
        n = slots[0][0]
        stored = [
            (slots[3][0, i], slots[1][0, i], slots[2][0, i], mowing_slots.MISSION_TEXTS[slots[4][0, i]])
            for i in range(n)
        ]
        assert [s[1:] for s in stored] == [o[1:] for o in old]
        assert [s[0] for s in stored] == pytest.approx([o[0] for o in old], abs=1e-12)
        assert not slots[1][0, n:].any()


def test_parcel_outside_the_raster_is_not_selected_anew():
    slots = [np.array([2], np.int32), np.array([[0, 10, 0, 0]]), np.array([[5, 20, 0, 0]])]
    slots += [np.array([[0.6, 0.7, 0, 0]]), np.array([[2, 2, 0, 0]], np.int8)]
    before = [s.copy() for s in slots]
    none = np.empty(0, np.int64)
    arguments = (np.zeros(2, np.int64), none, none, none.astype(float), mowing_slots.S1)
    mowing_slots.fuse_into_slots(0, 1, *arguments, np.array([False]), 1, 28, *slots)
    assert all((a == b).all() for a, b in zip(slots, before, strict=True))
    mowing_slots.fuse_into_slots(0, 1, *arguments, np.array([True]), 1, 28, *slots)
    assert slots[0][0] == 1


# --- symmetric merge ---------------------------------------------------------------------------------------


def run_merge(found, distance=20, is_optical=(True, False, False)):
    """``found``: (confidence, start, end, source) of one parcel."""
    n = len(found)
    columns = np.array(found, np.float64).reshape(n, 4)
    out = [np.zeros(n, t) for t in (np.int64, np.int64, np.float64, np.int8)]
    n_events = np.zeros(1, np.int32)
    mowing_events.merge_detections(
        0,
        1,
        np.array([0, n]),
        columns[:, 1].astype(np.int64),
        columns[:, 2].astype(np.int64),
        columns[:, 0].copy(),
        columns[:, 3].astype(np.int8),
        np.array(is_optical),
        distance,
        *out,
        n_events,
    )
    return sorted(zip(*(column[: n_events[0]].tolist() for column in out), strict=True))


def twin_merge(found, distance=20):
    events = []
    for c, s, e, source in sorted(found, key=lambda f: (-f[0], f[1], f[2], f[3])):
        overlapping = [ev for ev in events if min(e, ev["e"]) > max(s, ev["s"])]
        if overlapping:
            event = overlapping[0]
            if source not in event["sources"]:
                event["sources"].add(source)
                event["c"] = 1 - 1 / (1 / (1 - event["c"]) + 1 / (1 - c))
        elif all(abs((s + e) - (ev["s"] + ev["e"])) >= 2 * distance for ev in events):
            events.append({"s": s, "e": e, "c": c, "sources": {source}})
    result = []
    for ev in events:
        optical, radar = 0 in ev["sources"], bool(ev["sources"] - {0})
        mission = mowing_slots.S2_S1 if optical and radar else mowing_slots.S2 if optical else mowing_slots.S1
        result.append((ev["s"], ev["e"], ev["c"] if optical else min(ev["c"], 0.5), mission))
    return sorted(result)


merge_lists = st.lists(
    st.tuples(st.floats(0.01, 0.99), st.integers(0, 150), st.integers(1, 30), st.integers(0, 2)), max_size=10
)


@settings(max_examples=200, deadline=None)
@given(merge_lists, st.randoms())
def test_merge_equals_its_twin_in_any_order(lengths, random):
    found = [(c, s, s + n, source) for c, s, n, source in lengths]
    events = run_merge(found)
    expected = twin_merge(found)
    assert [(e[0], e[1], e[3]) for e in events] == [(x[0], x[1], x[3]) for x in expected]
    assert [e[2] for e in events] == pytest.approx([x[2] for x in expected], abs=1e-12)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert run_merge(shuffled) == events


@settings(max_examples=100, deadline=None)
@given(merge_lists)
def test_merging_the_same_detections_twice_changes_nothing(lengths):
    found = [(c, s, s + n, source) for c, s, n, source in lengths]
    assert run_merge(found + found) == run_merge(found)


# --- compliance --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("intervals", "rule", "processed", "verdict"),
    [
        ([(5, 8)], -1, True, -1),
        ([], 0, False, 0),
        ([], 1, True, 2),
        ([(5, 11), (30, 40)], 0, True, 1),
        ([(5, 10)], 0, True, 2),  # touches the first instant of the period, does not overlap
        ([(20, 25)], 0, True, 2),
        ([(5, 11), (30, 40)], 1, True, 3),
        ([(12, 15)], 1, True, 1),
        ([(30, 40)], 1, True, 2),
    ],
)
def test_compliance(intervals, rule, processed, verdict):
    parcel = np.full(len(intervals), 1, np.int32)
    start, end = (np.array([i[k] for i in intervals], np.int64) for k in (0, 1))
    both = np.array([10, 10]), np.array([20, 20])
    result = mowing_compliance.evaluate_compliance(
        parcel, start, end, np.array([0, rule], np.int8), *both, np.array([False, processed])
    )
    assert result.tolist() == [0, verdict]


# --- long table to matrix ----------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-1, 3),
            st.integers(-1, 1),
            st.integers(90, 112),
            st.one_of(st.just(float("nan")), st.integers(1, 5).map(float)),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
def test_scatter_keeps_the_row_with_most_pixels_in_any_order(rows):
    expected = {}
    for p, s, d, mean, count in rows:
        if p >= 0 and s >= 0 and (100 if s == 0 else 95) <= d <= 110 and not math.isnan(mean):
            expected[p, s, d] = max(expected.get((p, s, d), (-1, 0)), (count, mean))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    types = (np.int32, np.int8, np.int32, np.float64, np.int32)
    p, s, d, mean, count = (np.array(c, t) for c, t in zip(columns, types, strict=True))
    column_of = np.full((2, 16), -1, np.int32)
    column_start = np.full(64, -(2**31), np.int32)
    values, best = np.full((4, 64), np.nan), np.full((4, 64), -1, np.int32)
    done, n = mowing_matrix.scatter_rows(
        0,
        p,
        s,
        d,
        d - 6,
        mean,
        count,
        NO_SCORES.ravel(),
        np.array([100, 95], np.int32),
        95,
        110,
        column_of,
        column_start,
        0,
        values,
        best,
        NO_SCORES,
    )
    assert done == len(rows)
    got = {
        (p, s, d + 95): values[p, column_of[s, d]]
        for p in range(4)
        for s in range(2)
        for d in range(16)
        if column_of[s, d] >= 0 and not math.isnan(values[p, column_of[s, d]])
    }
    assert got == {key: mean for key, (_, mean) in expected.items()}
    assert n == len(
        {(r[1], r[2]) for r in rows if r[0] >= 0 and r[1] >= 0 and (95, 100)[r[1] == 0] <= r[2] <= 110}
    )


def test_scatter_stops_where_the_matrix_is_full():
    one = np.ones(3, np.int32)
    values, best = np.full((2, 2), np.nan), np.full((2, 2), -1, np.int32)
    done, n = mowing_matrix.scatter_rows(
        0,
        one,
        np.zeros(3, np.int8),
        np.array([5, 6, 7], np.int32),
        one,
        np.ones(3),
        one,
        NO_SCORES.ravel(),
        np.zeros(1, np.int32),
        0,
        9,
        np.full((1, 10), -1, np.int32),
        np.zeros(2, np.int32),
        0,
        values,
        best,
        NO_SCORES,
    )
    assert (done, n) == (2, 2)


def test_locate_numbers():
    rows = np.empty(5, np.int32)
    known, known_rows = np.array([3, 7, 9]), np.array([2, 0, 1], np.int32)
    assert mowing_matrix.locate_numbers(np.array([7, 7, 4, 3, 10]), known, known_rows, rows) == 2
    assert rows.tolist() == [0, 0, -1, 2, -1]
