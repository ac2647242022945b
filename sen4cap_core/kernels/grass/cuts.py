"""Cuts of grass: falls of NDVI with coherence as a witness, the strongest first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.grass.clear import drop_brief_lows, drop_fast_rises, drop_hazy_lows, gather_clear
from sen4cap_core.kernels.grass.falls import find_falls
from sen4cap_core.kernels.grass.thresholds import (
    BRIEF_DAYS,
    DATE_SHARE,
    DISTANCE_DAYS,
    FASTEST_RISE,
    LEAST_FALL,
    LONGEST_GAP_DAYS,
    RECOVERED,
    WITNESS_FACTOR,
)
from sen4cap_core.kernels.grass.witness import find_rises_alone, first_pairs, hear_witnesses
from sen4cap_core.kernels.growing import grown
from sen4cap_core.kernels.mowing.slots import S2
from sen4cap_core.kernels.series.coherence_noise import N_BEFORE, NOISE_BINS, score_rises


@kernel
def find_cuts(
    first: int,
    last: int,
    columns: NDArray[np.int64],
    days: NDArray[np.int32],
    values: NDArray[Any],
    scale: float,
    clear_scores: NDArray[np.float32],
    clear_sky: float,
    short_share: float,
    courses: NDArray[np.float64],
    course_of: NDArray[np.int32],
    pair_days: NDArray[np.int32],
    pair_lengths: NDArray[np.int32],
    orbit_bounds: NDArray[np.int64],
    pair_columns: NDArray[np.int64],
    is_heard: NDArray[np.bool_],
    noise_floors: NDArray[np.float64],
    demand: NDArray[np.float64],
    demand_first_day: int,
    thresholds: NDArray[np.float64],
    least_strength: float,
    n_clear: NDArray[np.int32],
    longest_gap_days: NDArray[np.int32],
    n_tested: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int8]]:
    """Find the cuts of parcels ``first`` to ``last`` (exclusive).

    A candidate is a value below the one before it. Its fall is taken from the clear value within the window
    (or the last one) that makes most of it, less the fall of the neighbourhood, and set in relation to the
    least fall that counts at that level and day of the year: its strength. A rise of coherence in that time
    adds strength; a strong one where no clear value says otherwise is a candidate of its own. Candidates are
    taken by strength; what lies too near to a taken one is the same cut.

    Parameters
    ----------
    columns, days : (K,)
        Optical columns of ``values`` in ascending order of their day (since 1970-01-01).
    values : float (P, C)
        NDVI times ``scale``, NaN where not observed.
    clear_scores : float32 (P, C) or (0, 0)
        0 cloudy to 1 clear; NaN counts as clear.
    clear_sky, short_share : float
        Score of a clear sky, and the share of it that short grass has.
    courses : float64 (G, K)
        NDVI course of each neighbourhood, ``course_of`` (P,) says which.
    pair_days, pair_lengths : int32 (R,)
        Earlier day and length [days] of the coherence pairs, orbit by orbit, ascending.
    orbit_bounds : int64 (O + 1,)
        Where the pairs of each orbit begin.
    pair_columns : int64 (R,)
        Columns of ``values`` of the pairs.
    is_heard : bool (R,)
        Pairs that count.
    noise_floors : float64 (P,)
        Least noise of each parcel's coherence; infinite: its radar is not listened to.
    demand : float64 (D,)
        Factor on the least fall of each day from ``demand_first_day`` on (``demand_of_days``).
    thresholds : float64 (N_THRESHOLDS,)
    least_strength : float
        1 for cuts; less to see what was not enough.
    n_clear, longest_gap_days, n_tested : int32 (P,)
        Written: clear values, the longest time between two, and tested coherence values.

    Returns
    -------
    parcel : int32 (N,)
        Cuts in order of parcel and time.
    cuts : float64 (N, 3)
        Strength, and the days between which the cut lies, most likely in their middle.
    mission : int8 (N,)
        As in ``mowing.slots``.
    """
    size = max(16, 3 * (last - first))
    parcel = np.empty(size, np.int32)
    cuts = np.empty((size, 3), np.float64)
    mission = np.empty(size, np.int8)
    n_found = 0
    room = columns.size + pair_days.size
    # The clear values of one parcel.
    day = np.empty(columns.size, np.int32)
    value = np.empty(columns.size, np.float64)
    course = np.empty(columns.size, np.float64)
    doubt = np.empty(columns.size, np.float64)
    # Room for what is made of them.
    marks = np.empty(columns.size, np.bool_)
    lows = np.empty(columns.size, np.int64)
    steps = np.empty(columns.size, np.float64)
    wanted = np.empty(columns.size, np.float64)
    step_demand = np.empty(columns.size, np.float64)
    # The coherence of one orbit: as many empty values before as are looked back on.
    series = np.zeros(pair_days.size + N_BEFORE, np.float64)
    is_known = np.zeros(pair_days.size + N_BEFORE, np.int64)
    counts = np.empty(NOISE_BINS, np.int32)
    bins = np.empty(pair_days.size, np.int32)
    scales = np.zeros((2, N_BEFORE + 1), np.float64)
    peaks = np.empty(pair_days.size, np.int64)
    rises = np.empty(pair_days.size, np.float32)
    is_all_heard = is_heard.all()
    # Candidates: strength, start, end; and what saw them.
    found = np.empty((3, room), np.float64)
    seen_by = np.empty(room, np.int8)
    # No witness makes more of a fall than this.
    least_fall_strength = least_strength
    if pair_days.size > 0:
        least_fall_strength = min(1.0, least_strength) / (1.0 + thresholds[WITNESS_FACTOR])
    first_pair = first_pairs(pair_days, orbit_bounds, demand_first_day, demand.size + 1)
    least_low = 0.5 * thresholds[LEAST_FALL]
    least_demand = demand.min() if demand.size > 0 else 1.0
    # Of the sums of start and end; whatever the distance, a cut is not listed twice.
    least_apart = max(2.0 * thresholds[DISTANCE_DAYS], 1.0)
    longest_interval = (2.0 - 2.0 * thresholds[DATE_SHARE]) * thresholds[LONGEST_GAP_DAYS]
    for p in range(first, last):
        n = gather_clear(
            p,
            columns,
            days,
            values,
            scale,
            clear_scores,
            courses,
            course_of[p],
            thresholds,
            clear_sky,
            short_share,
            day,
            value,
            course,
            doubt,
        )
        n_clear[p] = n
        longest = 0
        for i in range(1, n):
            longest = max(longest, day[i] - day[i - 1])
        longest_gap_days[p] = longest
        n = drop_fast_rises(n, day, value, course, doubt, thresholds[FASTEST_RISE])
        if clear_scores.size > 0:
            n = drop_hazy_lows(n, day, value, course, doubt)
        n = drop_brief_lows(
            n, day, value, course, doubt, least_low, thresholds[BRIEF_DAYS], thresholds[RECOVERED], marks
        )
        m = find_falls(
            n,
            day,
            value,
            course,
            doubt,
            demand,
            demand_first_day,
            least_demand,
            thresholds,
            least_fall_strength,
            lows,
            steps,
            wanted,
            step_demand,
            found,
        )
        for c in range(m):
            seen_by[c] = S2
        tested = 0
        for orbit in range(orbit_bounds.size - 1):
            tested += score_rises(
                p,
                pair_columns,
                orbit_bounds[orbit],
                orbit_bounds[orbit + 1],
                values,
                noise_floors[p],
                series,
                is_known,
                counts,
                bins,
                scales,
                rises,
            )
        n_tested[p] = tested
        if not is_all_heard:
            for r in range(pair_days.size):
                if not is_heard[r]:
                    rises[r] = np.nan
        if tested > 0:
            hear_witnesses(
                m,
                pair_days,
                pair_lengths,
                orbit_bounds,
                first_pair,
                demand_first_day,
                rises,
                demand,
                thresholds,
                found,
                seen_by,
            )
        # A fall over a long gap has no date, unless radar gave it one.
        for c in range(m):
            if found[2, c] - found[1, c] > longest_interval:
                found[0, c] = 0.0
        if tested > 0:
            m = find_rises_alone(
                n,
                day,
                value,
                pair_days,
                pair_lengths,
                orbit_bounds,
                first_pair,
                demand_first_day,
                rises,
                demand,
                thresholds,
                peaks,
                m,
                found,
                seen_by,
            )
        # Room for all is made here: arrays that an inner loop may change are counted at each turn.
        if n_found + m > size:
            size = 2 * size + m
            parcel, mission, cuts = grown(parcel, size), grown(mission, size), _grown_rows(cuts, size)
        n_found += take_strongest(
            p, m, found, seen_by, least_strength, least_apart, n_found, parcel, cuts, mission
        )
    return parcel[:n_found], cuts[:n_found], mission[:n_found]


@inner_kernel
def take_strongest(
    p: int,
    m: int,
    found: NDArray[np.float64],
    seen_by: NDArray[np.int8],
    least_strength: float,
    least_apart: float,
    begin: int,
    parcel: NDArray[np.int32],
    cuts: NDArray[np.float64],
    mission: NDArray[np.int8],
) -> int:
    """Write the strongest of ``m`` candidates that lie apart from row ``begin`` on, in order of start;
    return how many.

    ``least_apart`` is that of the sums of start and end.
    """
    # Only what is strong enough is looked at again and again.
    n_left = 0
    for c in range(m):
        found[0, n_left], found[1, n_left], found[2, n_left] = found[0, c], found[1, c], found[2, c]
        seen_by[n_left] = seen_by[c]
        n_left += int(found[0, c] >= least_strength)
    n_taken = 0
    while True:
        top = -1
        strongest = -1.0
        for c in range(n_left):
            if found[0, c] > strongest:
                strongest = found[0, c]
                top = c
        if top < 0:
            return n_taken
        row = begin + n_taken
        parcel[row] = p
        while row > begin and cuts[row - 1, 1] > found[1, top]:
            for i in range(3):
                cuts[row, i] = cuts[row - 1, i]
            mission[row] = mission[row - 1]
            row -= 1
        for i in range(3):
            cuts[row, i] = found[i, top]
        mission[row] = seen_by[top]
        n_taken += 1
        middle = found[1, top] + found[2, top]
        for c in range(n_left):
            is_near = abs(found[1, c] + found[2, c] - middle) < least_apart
            found[0, c] = -1.0 if is_near else found[0, c]


@kernel
def _grown_rows(array: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Copy a table into one with more rows."""
    longer = np.empty((size, array.shape[1]), array.dtype)
    longer[: array.shape[0]] = array
    return longer
