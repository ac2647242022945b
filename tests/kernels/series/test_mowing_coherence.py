"""The coherence rise test against numpy's polynomial fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.kernels.series.coherence_rise import find_rises, line_before


def run(series, second=None, window=5, floor=0.0, threshold=3.0, start_days=None):
    values = np.array(series, np.float64)
    n = values.shape[1]
    columns = np.arange(n)
    second_columns = np.empty(0, np.int64)
    if second is not None:
        values = np.concatenate([values, np.array(second, np.float64)], axis=1)
        second_columns = n + columns
    starts = np.arange(n) * 6 if start_days is None else np.array(start_days)
    tested = np.zeros(len(values), np.int32)
    found = find_rises(
        0,
        len(values),
        columns,
        second_columns,
        starts.astype(np.int32),
        values,
        np.full(len(values), float(floor)),
        window,
        threshold,
        tested,
    )
    return list(zip(*(c.tolist() for c in found), strict=True)), tested


def twin(y, x, window, floor, threshold):
    """Score of each acquisition against the line of those before it."""
    scores = np.zeros(len(y))
    n_tested = 0
    for t in range(window, len(y)):
        before = y[t - window : t]
        if not np.isfinite(before).all() or not np.isfinite(y[t]):
            continue
        n_tested += 1
        where = x[t - window : t] - np.mean(x[t - window : t])
        slope, level = np.polyfit(where, before, 1)
        line = level + slope * where
        sigma = max(np.std(before - line), floor)
        scores[t] = max((y[t] - line[-1]) / sigma - threshold, 0)
    return scores, n_tested


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_rises_equal_their_twin(data):
    n = data.draw(st.integers(1, 30))
    window = data.draw(st.integers(2, 6))
    value = st.one_of(st.just(float("nan")), st.floats(0.05, 1.0))
    series = np.array(data.draw(st.lists(value, min_size=n, max_size=n)))
    x = np.cumsum(data.draw(st.lists(st.sampled_from([6, 12, 18]), min_size=n, max_size=n))).astype(float)
    found, tested = run([series], window=window, floor=0.03, threshold=2.0, start_days=x)
    scores, n_tested = twin(series, x, window, 0.03, 2.0)
    expected = {t: 0.5 - 0.5 * math.exp(-scores[t + 1]) for t in range(n - 1) if scores[t + 1] > 1e-9}
    got = {t: c for _, t, c in found if c > 1e-9}
    assert got.keys() == expected.keys()
    assert [got[t] for t in expected] == pytest.approx(list(expected.values()), abs=1e-9)
    assert tested[0] == n_tested


RISE = [[0.2, 0.22, 0.19, 0.21, 0.2, 0.2, 0.7, 0.65]]


def test_event_is_dated_one_acquisition_before_the_rise():
    found, _ = run(RISE)
    assert next((p, t) for p, t, _ in found) == (0, 5)


def test_infinite_floor_is_never_found_nor_tested():
    found, tested = run(RISE, floor=math.inf)
    assert found == []
    assert tested[0] == 0


def test_second_polarisation_only_raises_the_confidence():
    weak = [[0.2, 0.26, 0.15, 0.25, 0.2, 0.2, 0.42, 0.42]]
    alone, _ = run(weak)
    both, _ = run(weak, second=RISE)
    assert [f[:2] for f in both] == [f[:2] for f in alone]
    assert both[0][2] > alone[0][2]
    assert run([[0.2] * 8], second=RISE)[0] == []


def test_missing_sample_blocks_its_window():
    series = [[0.2, 0.22, float("nan"), 0.21, 0.2, 0.2, 0.7, 0.65]]
    assert run(series)[0] == []


def test_flat_line_without_floor_saturates():
    found, _ = run([[0.25] * 6 + [0.5, 0.5]])
    assert found[0] == (0, 5, 0.5)


def test_line_before():
    offsets, samples = np.arange(4.0), np.array([1.0, 2.0, 3.0, 9.0])
    assert line_before(offsets, samples, 3, 3) == (3.0, 1.0, 1.0, 2.0)
    samples[1] = np.nan
    assert math.isnan(line_before(offsets, samples, 3, 3)[0])


def test_many_events_do_not_get_lost():
    series = np.tile([0.1, 0.11, 0.1, 0.12, 0.1, 0.8], 40)[None, :]
    found, _ = run(series)
    scores, _ = twin(series[0], np.arange(240) * 6.0, 5, 0.0, 3.0)
    assert len(found) == (scores[1:] > 0).sum() > 16
