"""The in-memory season: chunks equal the whole, parcel order is irrelevant, states are kept honestly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.l4b_config import CompliancePeriod, L4BConfig, OpticalSettings
from sen4cap_core.processors.l4b.season import (
    StaleStateError,
    detect_mowing,
    load_state,
    save_state,
)

START, END = date(2019, 3, 1), date(2019, 11, 30)
PERIOD = CompliancePeriod(crop_code="046", start=date(2019, 4, 1), end=date(2019, 7, 31), rule=1)
CONFIG = L4BConfig(compliance=(PERIOD,))


@dataclass(frozen=True)
class Series:
    """As ``observations.series.SeriesMatrix``."""

    parcels: np.ndarray
    days: np.ndarray
    mean: np.ndarray

    def part(self, dates) -> Series:
        return Series(self.parcels, self.days[dates], self.mean[:, dates])


def random_series(seed: int, n_parcels: int = 40, n_dates: int = 50) -> Series:
    random = np.random.default_rng(seed)
    days = np.sort(random.choice(np.arange(to_days(START), to_days(END)), n_dates, replace=False)).astype(
        np.int32
    )
    mean = 0.8 + 0.05 * random.standard_normal((n_parcels, n_dates))
    for _ in range(5):
        since = days[None] - days[random.integers(0, n_dates, n_parcels)][:, None]
        mean -= np.where((since >= 0) & (since < 30), 0.4 * (1 - since / 30), 0)
    mean[random.random(mean.shape) < 0.4] = np.nan
    mean[:3] = np.nan
    mean[1, :2] = 0.7
    return Series(np.arange(100, 100 + n_parcels, dtype=np.int32), days, mean.astype(np.float32))


def outcome_arrays(outcome):
    found = {f"events_{k}": v for k, v in vars(outcome.events).items()}
    found |= {f"slots_{k}": v for k, v in vars(outcome.slots).items()}
    found |= {f"evidence_{k}": v for k, v in vars(outcome.evidence).items()}
    names = ("n_mowings", "processed", "compliance", "parcels")
    return found | {k: getattr(outcome, k) for k in names} | {"reason": np.array(outcome.reason, object)}


def assert_same(a, b):
    for (name, x), y in zip(outcome_arrays(a).items(), outcome_arrays(b).values(), strict=True):
        assert x.dtype == y.dtype, name
        assert np.array_equal(x, y), name


CODES = tuple("046" if i % 2 else "46" for i in range(40))


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.lists(st.integers(1, 49), max_size=8, unique=True),
    st.sampled_from(["default", "sen4cap"]),
)
def test_chunks_give_what_the_whole_gives(seed, cuts, compat):
    series = random_series(seed)
    whole = detect_mowing(series, CODES, CONFIG, START, END, compat=compat)
    state = None
    bounds = [0, *sorted(cuts), 50]
    for first, last in pairwise(bounds):
        part = series.part(slice(first, last))
        outcome = detect_mowing(part, CODES, CONFIG, START, END, state, compat=compat)
        state = outcome.state
    assert_same(outcome, whole)
    assert whole.events.parcel.size > 0


def test_one_date_at_a_time_through_files(tmp_path):
    series = random_series(5)
    whole = detect_mowing(series, CODES, CONFIG, START, END)
    state = None
    for i in range(len(series.days)):
        outcome = detect_mowing(series.part(slice(i, i + 1)), CODES, CONFIG, START, END, state)
        save_state(tmp_path / "state.npz", outcome.state)
        state = load_state(tmp_path / "state.npz")
    assert_same(outcome, whole)
    assert state.last_day == series.days[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.randoms(use_true_random=False))
def test_order_of_parcels_and_dates_is_irrelevant(seed, random):
    series = random_series(seed)
    whole = detect_mowing(series, CODES, CONFIG, START, END)
    rows, columns = list(range(40)), list(range(50))
    random.shuffle(rows)
    random.shuffle(columns)
    mixed = Series(series.parcels[rows], series.days[columns], series.mean[np.ix_(rows, columns)])
    other = detect_mowing(mixed, [CODES[r] for r in rows], CONFIG, START, END)

    def by_id(outcome):
        e = outcome.events
        events = zip(outcome.parcels[e.parcel], e.start_s, e.end_s, e.confidence, e.mission, strict=True)
        facts = zip(
            outcome.parcels,
            outcome.n_mowings,
            outcome.processed,
            outcome.compliance,
            outcome.reason,
            strict=True,
        )
        return sorted(events), sorted(facts, key=lambda f: f[0])

    assert by_id(whole) == by_id(other)


def test_twice_equals_once_and_the_given_state_is_not_changed():
    series = random_series(3)
    first = detect_mowing(series.part(slice(0, 30)), CODES, CONFIG, START, END)
    kept = {k: v.copy() for k, v in first.state.to_arrays().items()}
    second = detect_mowing(series.part(slice(30, 50)), CODES, CONFIG, START, END, first.state)
    again = detect_mowing(series.part(slice(30, 50)), CODES, CONFIG, START, END, first.state)
    assert_same(second, again)
    assert all(
        np.array_equal(kept[k], v, equal_nan=v.dtype.kind == "f") for k, v in first.state.to_arrays().items()
    )
    nothing = detect_mowing(series.part(slice(0, 0)), CODES, CONFIG, START, END, second.state)
    assert_same(nothing, second)
    assert nothing.state.last_day == second.state.last_day


def test_late_date_is_refused():
    series = random_series(4)
    state = detect_mowing(series.part([0, 1, 3]), CODES, CONFIG, START, END).state
    with pytest.raises(StaleStateError, match="is not after"):
        detect_mowing(series.part([2]), CODES, CONFIG, START, END, state)
    with pytest.raises(StaleStateError, match="is not after"):
        detect_mowing(series.part([3]), CODES, CONFIG, START, END, state)


def test_state_of_something_else_is_refused():
    series = random_series(4)
    state = detect_mowing(series.part(slice(0, 9)), CODES, CONFIG, START, END).state
    rest = series.part(slice(9, 50))
    other = CONFIG.model_copy(update={"s2": OpticalSettings(decreasing_abs_th=0.2)})
    for config, start, compat in (
        (other, START, "default"),
        (CONFIG, START + timedelta(1), "default"),
        (CONFIG, START, "sen4cap"),
    ):
        with pytest.raises(StaleStateError, match="another"):
            detect_mowing(rest, CODES, config, start, END, state, compat=compat)
    with pytest.raises(StaleStateError, match="other parcels"):
        detect_mowing(Series(rest.parcels[::-1], rest.days, rest.mean), CODES, CONFIG, START, END, state)
    rules_only = CONFIG.model_copy(update={"compliance": ()})
    detect_mowing(rest, CODES, rules_only, START, END, state)


def test_reasons_and_proc():
    series = random_series(4)
    in_images = np.ones(40, bool)
    in_images[2] = False
    default = detect_mowing(series, CODES, CONFIG, START, END, in_images=in_images)
    assert default.reason[:4] == ("never observed", "too few clear dates", "outside the images", None)
    assert default.processed[:4].tolist() == [0, 0, 0, 1]
    assert default.compliance[1] == 0
    original = detect_mowing(series, CODES, CONFIG, START, END, in_images=in_images, compat="sen4cap")
    assert original.processed[:4].tolist() == [1, 1, 0, 1]
    assert original.compliance[1] == 2
    assert default.n_observations[:2].tolist() == [0, 2]


def test_more_than_four_mowings_are_kept_and_the_best_four_shown():
    days = np.arange(to_days(START), to_days(END), 5, dtype=np.int32)
    since = (days - days[0]) % 40
    depth = 0.3 + 0.02 * ((days - days[0]) // 40)
    mean = (0.85 - np.where(since > 20, 0.0, depth * (1 - since / 25)))[None].astype(np.float32)
    outcome = detect_mowing(Series(np.array([7], np.int32), days, mean), ["046"], CONFIG, START, END)
    assert outcome.n_mowings[0] == outcome.events.parcel.size == 6
    assert outcome.slots.n[0] == 4
    best = np.sort(outcome.events.confidence)[-4:]
    assert np.sort(outcome.slots.confidence[0]) == pytest.approx(best, abs=0.0005)
    assert (np.diff(outcome.slots.start_s[0]) > 0).all()


def test_days_outside_the_period_are_left_out():
    series = random_series(9)
    end = date(2019, 7, 15)
    outcome = detect_mowing(series, CODES, CONFIG, START, end)
    inside = detect_mowing(series.part(series.days <= to_days(end)), CODES, CONFIG, START, END)
    assert_same(outcome, inside)
    assert outcome.state.last_day <= to_days(end)
