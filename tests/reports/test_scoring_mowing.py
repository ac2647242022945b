"""Scores of hand-made cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.reports.scores.scoring_mowing import (
    DatedEvents,
    day_of_year,
    score_nearest,
    score_one_to_one,
)

JUNE = int(np.datetime64("2019-06-01").astype(int))


def events(*items: tuple[int, float, float] | tuple[int, float]) -> DatedEvents:
    full = [(*item, item[-1]) if len(item) == 2 else item for item in items]
    parcel, start, end = (list(c) for c in zip(*full, strict=True)) if full else ([], [], [])
    base = np.float64(JUNE)
    return DatedEvents(
        np.array(parcel, np.int64), base + np.array(start, float), base + np.array(end, float)
    ).within()


def counts(score):
    return score.n_true_positive, score.n_false_positive, score.n_false_negative


def test_detection_between_two_events_serves_both_but_only_one_strictly():
    detected, reference = events((1, 10)), events((1, 0), (1, 20))
    assert counts(score_nearest(detected, reference)) == (2, 0, 0)
    assert counts(score_one_to_one(detected, reference)) == (1, 0, 1)


def test_tolerance_is_twelve_days_inclusive():
    assert counts(score_nearest(events((1, 12)), events((1, 0)))) == (1, 0, 0)
    assert counts(score_nearest(events((1, 13)), events((1, 0)))) == (0, 1, 1)
    assert counts(score_one_to_one(events((1, 13)), events((1, 0)))) == (0, 1, 1)


def test_other_parcels_do_not_count():
    assert counts(score_nearest(events((2, 0)), events((1, 0)))) == (0, 1, 1)
    assert counts(score_one_to_one(events((2, 0)), events((1, 0), (3, 0)))) == (0, 1, 2)


def test_middle_of_the_interval_is_the_date():
    score = score_nearest(events((1, 3, 8)), events((1, 0)))
    assert (score.bias_days, score.mean_absolute_error_days) == (5, 5)


def test_ratios():
    score = score_nearest(events((1, 0), (1, 60)), events((1, 0), (2, 0), (2, 50)))
    assert (score.precision, score.recall) == (0.5, pytest.approx(1 / 3))
    assert score.f1 == pytest.approx(0.4)
    assert math.isnan(score_nearest(events(), events()).f1)


def test_days_of_the_year_outside_75_to_300_are_left_out():
    days = np.array([np.datetime64(f"2019-{d}").astype(int) for d in ("03-15", "03-16", "10-27", "10-28")])
    assert day_of_year(days).tolist() == [74, 75, 300, 301]
    all_four = DatedEvents(np.zeros(4, np.int64), days.astype(float), days.astype(float))
    assert all_four.within().day.tolist() == days[1:3].tolist()


@given(st.lists(st.integers(-60, 60), max_size=7), st.lists(st.integers(-60, 60), max_size=5))
def test_one_to_one_is_a_largest_matching(detected, reference):
    def largest(used, rest):
        if not rest:
            return 0
        best = largest(used, rest[1:])
        for i, d in enumerate(detected):
            if i not in used and abs(d - rest[0]) <= 12:
                best = max(best, 1 + largest(used | {i}, rest[1:]))
        return best

    score = score_one_to_one(events(*((1, d) for d in detected)), events(*((1, r) for r in reference)))
    assert score.n_true_positive == largest(frozenset(), sorted(reference))
