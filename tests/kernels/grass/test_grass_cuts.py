"""The neighbourhood method against plain-Python twins, and what it must see and not see."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from sen4cap_core.declarations.settings.grass_settings import GrassSettings
from sen4cap_core.declarations.settings.l4b_config import L4BConfig
from sen4cap_core.kernels.grass import thresholds as grass_thresholds
from sen4cap_core.kernels.grass.neighbourhood import count_rates, shared_course
from sen4cap_core.kernels.mowing.slots import S2
from sen4cap_core.processors.l4b.model import ObservationMatrix, ParcelFacts, Source
from sen4cap_core.processors.l4b.neighbourhood import find_mowings

NO_SCORES = np.empty((0, 0), np.float32)
DAY_0 = (date(2019, 3, 1) - date(1970, 1, 1)).days
PLAIN = GrassSettings(neighbour_doubt=4)


def random_ndvi(seed: int, n: int, n_dates: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(270, n_dates, replace=False)).astype(np.int32) + DAY_0
    ndvi = (
        0.78 + 0.04 * rng.standard_normal((n, n_dates)) - 0.15 * ((days - DAY_0 > 60) & (days - DAY_0 < 90))
    )
    for _ in range(4):
        since = days[None] - DAY_0 - rng.integers(0, 270, n)[:, None]
        ndvi -= np.where((since >= 0) & (since < 30), rng.uniform(0.1, 0.5) * (1 - since / 30), 0)
    ndvi[rng.random(ndvi.shape) < 0.35] = np.nan
    return ndvi, days


def facts(n: int, neighbourhood=None, pixels: int = 20) -> ParcelFacts:
    everywhere = np.ones(n, np.bool_)
    return ParcelFacts(
        ("051",) * n, everywhere, everywhere, np.full(n, pixels, np.int32), ~everywhere, neighbourhood
    )


def clipped_quantile(rates, quantile):
    """The quantile of ascending rates without those far below it, which are cuts."""

    def of(these, q):
        return these[max(math.ceil(q * len(these)) - 1, 0)]

    middle = of(rates, quantile)
    for _ in range(2):
        spread = max(of(rates, 0.5 + quantile / 2) - middle, 60 * 0.12 / 2048)
        middle = of([rate for rate in rates if rate >= middle - 4 * spread], quantile)
    return middle


def course_twin(ndvi, days, quantile, doubt, longest=25):
    rates = [[] for _ in days]
    for row in ndvi:
        seen = [k for k in range(len(days)) if not math.isnan(row[k])]
        for a, b in pairwise(seen):
            if days[b] - days[a] <= longest:
                for k in range(a + 1, b + 1):
                    rates[k].append((row[b] - row[a]) / (days[b] - days[a]))
    course = [0.0]
    for k in range(1, len(days)):
        n = len(rates[k])
        rate = 0.0
        if n > 3:
            rate = clipped_quantile(sorted(rates[k]), quantile) * (n - 3) / (n - 3 + doubt)
        course.append(course[-1] + rate * (days[k] - days[k - 1]))
    return np.array(course)


def test_course_of_the_neighbourhood_equals_its_twin_and_no_order_matters():
    ndvi, days = random_ndvi(1, 41)
    columns = np.arange(len(days))

    def counted(rows):
        return count_rates(0, len(rows), rows, columns, days, ndvi, 1.0, NO_SCORES, 0.5, -9.0, 25)

    rows = np.arange(41)
    counts = counted(rows)
    assert np.array_equal(counts, counted(rows[::-1].copy()))
    assert np.array_equal(counts, counted(rows[:10]) + counted(rows[10:]))
    course = shared_course(counts, days, 0.5, 4.0)
    bin_width = 0.12 / 2048
    assert course == pytest.approx(course_twin(ndvi, days, 0.5, 4.0), abs=2 * bin_width * 270)
    assert np.abs(course).max() > 0.1


def falls_twin(row, days, course, s: GrassSettings):
    """Cuts of one parcel: [(start, end, strength)]."""
    seen = [
        (int(d), float(v), float(c)) for d, v, c in zip(days, row, course, strict=True) if v >= s.min_ndvi
    ]

    def is_cloud(fall, back, since):
        share = s.recovered_share + 0.035 * max(0.0, since - 5)
        return since <= s.brief_days and back >= share * fall

    slow = seen[-1:]
    for one in reversed(seen[:-1]):
        if slow[0][1] - one[1] <= 0.1 + s.fastest_rise_per_day * (slow[0][0] - one[0]):
            slow.insert(0, one)
    seen = slow
    for length in (1, 2):
        kept, i = [], 0
        while i < len(seen):
            stop = i + length
            if kept and stop < len(seen):
                top = max(v for _, v, _ in seen[i:stop])
                fall = kept[-1][1] - top
                if fall > s.min_fall / 2 and is_cloud(fall, seen[stop][1] - top, seen[stop][0] - seen[i][0]):
                    i = stop
                    continue
            kept.append(seen[i])
            i += 1
        seen = kept
    candidates = []
    for j in range(1, len(seen) - 1):
        (day, low, c), (after, value, _) = seen[j], seen[j + 1]
        if low >= seen[j - 1][1] or low > s.max_low:
            continue
        best, steepest, step_end = None, 0.0, j
        for i in range(j - 1, -1, -1):
            if i != j - 1 and day - seen[i][0] > s.window_days:
                break
            step = seen[i][1] - seen[i + 1][1] - max(0.0, seen[i][2] - seen[i + 1][2])
            if step > steepest:
                steepest, step_end = step, i + 1
            fall = 0.5 * steepest + 0.5 * (seen[i][1] - low - max(0.0, seen[i][2] - c))
            fall -= 0.5 * max(0.0, value - low - s.regrowth_per_day * (after - day))
            if fall <= 0 or is_cloud(seen[i][1] - low, value - low, after - day):
                continue
            start, gap = seen[step_end - 1][0], seen[step_end][0] - seen[step_end - 1][0]
            doy = (date(1970, 1, 1) + timedelta(days=int(start + s.date_share * gap))).timetuple().tm_yday
            demand = s.spring_factor if doy < s.spring_doy else 1.0
            part = min(max((doy - s.autumn_first_doy) / (s.autumn_last_doy - s.autumn_first_doy), 0.0), 1.0)
            demand += (s.autumn_factor - 1) * part
            strength = fall / (max(s.min_fall, s.min_fall_share * seen[i][1]) * demand)
            if best is None or strength > best[2]:
                best = (start + (2 * s.date_share - 1) * gap, start + gap, strength)
        if best and best[1] - best[0] <= (2 - 2 * s.date_share) * s.max_fall_gap_days:
            candidates.append(best)
    taken, apart = [], max(2 * s.min_distance_days, 1.0)
    for one in sorted(candidates, key=lambda c: -c[2]):
        if one[2] >= 1 and all(abs(sum(one[:2]) - sum(t[:2])) >= apart for t in taken):
            taken.append(one)
    return sorted(taken)


@pytest.mark.parametrize(("seed", "distance"), [(0, 20.0), (1, 20.0), (2, 0.0)])
def test_falls_equal_their_twin(seed, distance):
    ndvi, days = random_ndvi(seed, 40)
    settings = PLAIN.model_copy(update={"min_distance_days": distance})
    matrix = ObservationMatrix(ndvi, (Source("S2", np.arange(len(days)), days, days),))
    counts = count_rates(
        0, 40, np.arange(40), np.arange(len(days)), days, ndvi, 1.0, NO_SCORES, 0.65, PLAIN.min_ndvi, 25
    )
    course = shared_course(counts, days, 0.5, 4.0)
    events, evidence = find_mowings(matrix, facts(40), L4BConfig(grass=settings), ("S2",), [])
    n_seen = 0
    for p in range(40):
        wanted = falls_twin(ndvi[p], days, course, settings)
        own = events.parcel == p
        assert events.start_s[own].tolist() == [round(w[0] * 86400) + 37800 for w in wanted]
        assert events.end_s[own].tolist() == [round(w[1] * 86400) + 37800 for w in wanted]
        odds = [-0.15 + 3.4 * math.log(w[2]) for w in wanted]
        expected = [min(1 / (1 + math.exp(-o)), 0.999) for o in odds]
        assert events.confidence[own] == pytest.approx(expected, rel=1e-9)
        assert (events.mission[own] == S2).all()
        n_seen += len(wanted)
    assert n_seen > 60
    assert evidence.n_clear.tolist() == (ndvi >= PLAIN.min_ndvi).sum(axis=1).tolist()


def season(n: int = 12, step: int = 5) -> tuple[np.ndarray, np.ndarray]:
    days = np.arange(0, 240, step, dtype=np.int32) + DAY_0
    return np.full((n, len(days)), 0.8) + 0.002 * (np.arange(n)[:, None] % 3), days


def run(ndvi, days, grass=PLAIN, scores=None, radar=None, **kwargs):
    sources = [Source("S2", np.arange(len(days)), days, days)]
    values = ndvi
    pairs = []
    if radar is not None:
        coherence, later = radar
        columns = np.arange(coherence.shape[1]) + len(days)
        values = np.hstack([ndvi, coherence])
        pairs = [(Source("S1", columns, later, (later - 6).astype(np.int32), "037", "VH"), None)]
    matrix = ObservationMatrix(values, tuple(sources), 1.0, scores)
    return find_mowings(matrix, facts(len(ndvi), **kwargs), L4BConfig(grass=grass), ("S2", "S1"), pairs)[0]


def cut(ndvi, rows, first, depth=0.3, steps=7):
    for i in range(steps):
        ndvi[rows, first + i] -= depth * (1 - i / steps)


def test_what_all_neighbours_show_is_no_cut_and_a_neighbourhood_is_its_own():
    ndvi, days = season(24)
    ndvi[:, 25:] -= 0.2
    assert run(ndvi, days).parcel.size == 0
    # The same fall, seen by the first half only.
    ndvi[12:, 25:] += 0.2
    halves = np.repeat(np.arange(2, dtype=np.int32), 12)
    assert run(ndvi, days, neighbourhood=halves).parcel.size == 0
    ndvi[8:, 25:] = 0.8
    assert run(ndvi, days).parcel.tolist() == list(range(8))


def test_more_cuts_than_there_was_room_for_are_the_same_cuts():
    ndvi, days = season(400)
    # Some are cut five times, without a neighbour that shows it; room is made for three of each parcel.
    cuts = range(4, 44, 8)
    for first in cuts:
        cut(ndvi, slice(0, None), first, depth=0.3, steps=5)
    neighbourhood = np.arange(400, dtype=np.int32)

    events = run(ndvi, days, neighbourhood=neighbourhood)

    assert events.parcel.tolist() == np.repeat(np.arange(400), len(cuts)).tolist()
    assert np.array_equal(events.start_s.reshape(400, -1), np.tile(events.start_s[: len(cuts)], (400, 1)))
    middle = (events.start_s + events.end_s)[: len(cuts)] / 2 / 86_400
    assert all(days[k - 1] < day < days[k] + 1 for k, day in zip(cuts, middle, strict=True))


def test_a_week_in_which_nearly_half_mow_is_no_weather():
    ndvi, days = season(60)
    ndvi += np.random.default_rng(5).normal(0, 0.02, (60, 1)) * (np.arange(len(days)) >= 25)
    cut(ndvi, slice(0, 27), 25, depth=0.12, steps=12)
    mown = run(ndvi, days).parcel
    assert mown.size >= 22
    assert mown.max() < 27


def test_a_lasting_fall_is_a_cut_and_its_date_lies_late_in_the_gap():
    ndvi, days = season()
    cut(ndvi, 3, 20)
    cut(ndvi, 3, 25)
    events = run(ndvi, days)
    assert events.parcel.tolist() == [3, 3]
    middle = (events.start_s + events.end_s) / 2 / 86400 - 10.5 / 24
    assert middle == pytest.approx([days[19] + 3.0, days[24] + 3.0])


def test_a_low_that_recovers_at_once_and_one_with_a_low_score_are_clouds():
    ndvi, days = season()
    ndvi[3, 20] = 0.4
    assert run(ndvi, days).parcel.size == 0
    cut(ndvi, 4, 20)
    scores = np.ones(ndvi.shape, np.float32)
    scores[4, 20:27] = 0.3
    assert run(ndvi, days).parcel.tolist() == [4]
    assert run(ndvi, days, scores=scores).parcel.size == 0
    scores[4, 20:27] = np.nan
    assert run(ndvi, days, scores=scores).parcel.tolist() == [4]


def test_a_run_of_clouds_that_nobody_masked_is_no_cut():
    ndvi, days = season()
    ndvi[3, 20:23] = [0.3, 0.2, 0.25]
    ndvi[4, 20:24] = [0.4, 0.5, 0.6, 0.7]
    assert run(ndvi, days).parcel.tolist() == [4]


def test_a_doubtful_low_must_fall_further_and_a_hazy_high_value_dates_the_cut():
    ndvi, days = season()
    cut(ndvi, 4, 20, depth=0.13)
    scores = np.full(ndvi.shape, 0.9, np.float32)
    assert run(ndvi, days, scores=scores).parcel.tolist() == [4]
    scores[4, 20:27] = 0.55
    assert run(ndvi, days, scores=scores).parcel.size == 0
    cut(ndvi, 4, 20, depth=0.3)
    assert run(ndvi, days, scores=scores).parcel.tolist() == [4]
    # Between clear values 20 days apart: hazy, but as green as before; and hazy and low, which says nothing.
    ndvi, days = season()
    cut(ndvi, 4, 20)
    ndvi[4, 17:20] = [np.nan, 0.78, np.nan]
    scores[4] = 0.9
    scores[4, 18] = 0.5
    assert run(ndvi, days, scores=scores).start_s[0] // 86400 == days[18] + 2
    ndvi[4, 18] = 0.6
    assert run(ndvi, days, scores=scores).start_s[0] // 86400 == days[16] + 4


def test_scores_count_in_relation_to_a_clear_sky():
    ndvi, days = season()
    cut(ndvi, 4, 20, depth=0.12)
    for sky, found in ((0.55, [4]), (0.2, [])):
        scores = np.full(ndvi.shape, sky, np.float32)
        assert run(ndvi, days, scores=scores).parcel.tolist() == found, sky


def test_where_all_short_grass_looks_hazy_it_is_no_haze():
    ndvi, days = season(24)
    ndvi -= 0.1
    for row in range(9):
        cut(ndvi, row, 20 + row, depth=0.15)
    scores = np.full(ndvi.shape, 0.95, np.float32)
    scores[0, ndvi[0] < 0.62] = 0.55
    assert run(ndvi, days, scores=scores).parcel.tolist() == list(range(1, 9))
    scores[ndvi < 0.62] = 0.55
    assert run(ndvi, days, scores=scores).parcel.tolist() == list(range(9))
    # Clouds over short grass stay clouds.
    scores[3, ndvi[3] < 0.62] = 0.2
    assert 3 not in run(ndvi, days, scores=scores).parcel


def test_autumn_and_spring_demand_more():
    for first, expected in ((5, 0), (25, 1), (46, 0)):
        ndvi, days = season(step=5)
        cut(ndvi, 2, first, depth=0.125, steps=min(7, ndvi.shape[1] - first))
        assert run(ndvi, days).parcel.size == expected, first


def test_a_fall_across_new_year_counts_like_any_other():
    ndvi, days = season()
    cut(ndvi, 4, 20)
    across = (days - days[20] + (date(2020, 1, 2) - date(1970, 1, 1)).days).astype(np.int32)
    one, other = run(ndvi, days), run(ndvi, across)
    assert other.parcel.tolist() == one.parcel.tolist() == [4]
    # Between 28 December and 2 January, the later four fifths.
    assert (other.start_s[0] // 86400, other.end_s[0] // 86400) == (across[19] + 1, across[20])


def test_results_do_not_depend_on_the_order_of_parcels():
    ndvi, days = random_ndvi(8, 60)
    order = np.random.default_rng(0).permutation(60)
    one, other = run(ndvi, days), run(ndvi[order], days)
    key = [
        (int(order[p]), int(s), float(c))
        for p, s, c in zip(other.parcel, other.start_s, other.confidence, strict=True)
    ]
    assert sorted(key) == [
        (int(p), int(s), float(c)) for p, s, c in zip(one.parcel, one.start_s, one.confidence, strict=True)
    ]


def test_empty_thresholds_are_counted():
    assert grass_thresholds.N_THRESHOLDS == 20
