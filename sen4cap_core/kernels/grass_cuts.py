"""Cuts of grass: falls of NDVI with coherence as a witness, the strongest first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.grass_clear import drop_brief_lows, drop_fast_rises, drop_hazy_lows, gather_clear
from sen4cap_core.kernels.grass_falls import find_falls
from sen4cap_core.kernels.grass_thresholds import (
    BRIEF_DAYS,
    DATE_SHARE,
    DISTANCE_DAYS,
    FASTEST_RISE,
    LEAST_FALL,
    LONGEST_GAP_DAYS,
    RECOVERED,
    WITNESS_FACTOR,
)
from sen4cap_core.kernels.grass_witness import find_rises_alone, first_pairs, hear_witnesses, least_rise_of
from sen4cap_core.kernels.mowing_slots import S2


@njit(nogil=True, cache=True, error_model="numpy")
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
    rises: NDArray[np.float32],
    demand: NDArray[np.float64],
    demand_first_day: int,
    thresholds: NDArray[np.float64],
    least_strength: float,
    n_clear: NDArray[np.int32],
    longest_gap_days: NDArray[np.int32],
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
    rises : float32 (P, R)
        Rise of coherence in standard deviations, NaN where not tested.
    demand : float64 (D,)
        Factor on the least fall of each day from ``demand_first_day`` on (``demand_of_days``).
    thresholds : float64 (N_THRESHOLDS,)
    least_strength : float
        1 for cuts; less to see what was not enough.
    n_clear, longest_gap_days : int32 (P,)
        Written: clear values and the longest time between two.

    Returns
    -------
    parcel : int32 (N,)
        Cuts in order of parcel and time.
    cuts : float64 (N, 3)
        Strength, and the days between which the cut lies, most likely in their middle.
    mission : int8 (N,)
        As in ``mowing_slots``.
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
    # Candidates: strength, start, end; and what saw them.
    found = np.empty((room, 3), np.float64)
    seen_by = np.empty(room, np.int8)
    strong = np.empty(pair_days.size, np.int64)
    # Without a rise as strong as this no pair of a parcel can matter.
    least_rise = least_rise_of(thresholds, orbit_bounds.size - 1)
    # No witness makes more of a fall than this.
    least_fall_strength = least_strength
    if pair_days.size > 0:
        least_fall_strength = min(1.0, least_strength) / (1.0 + thresholds[WITNESS_FACTOR])
    first_pair = first_pairs(pair_days, orbit_bounds, demand_first_day, demand.size + 1)
    least_low = 0.5 * thresholds[LEAST_FALL]
    least_demand = demand.min() if demand.size > 0 else 1.0
    # Of the sums of start and end; whatever the distance, a cut is not listed twice.
    least_apart = max(2.0 * thresholds[DISTANCE_DAYS], 1.0)
    for p in range(first, last):
        n = gather_clear(
            p,
            columns,
            days,
            values,
            scale,
            clear_scores,
            courses[course_of[p]],
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
            n, day, value, course, doubt, least_low, thresholds[BRIEF_DAYS], thresholds[RECOVERED]
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
            found,
        )
        for c in range(m):
            seen_by[c] = S2
        n_strong = 0
        for r in range(pair_days.size):
            strong[n_strong] = r
            n_strong += int(rises[p, r] >= least_rise)
        heard = strong[:n_strong]
        if n_strong > 0:
            hear_witnesses(
                p,
                m,
                pair_days,
                pair_lengths,
                orbit_bounds,
                first_pair,
                demand_first_day,
                rises,
                heard,
                demand,
                thresholds,
                found,
                seen_by,
            )
        # A fall over a long gap has no date, unless radar gave it one.
        longest_interval = (2.0 - 2.0 * thresholds[DATE_SHARE]) * thresholds[LONGEST_GAP_DAYS]
        for c in range(m):
            if found[c, 2] - found[c, 1] > longest_interval:
                found[c, 0] = 0.0
        if n_strong > 0:
            m = find_rises_alone(
                p,
                n,
                day,
                value,
                pair_days,
                pair_lengths,
                orbit_bounds,
                first_pair,
                demand_first_day,
                rises,
                heard,
                demand,
                demand_first_day,
                thresholds,
                m,
                found,
                seen_by,
            )
        # Room for all is made here: arrays that an inner loop may change are counted at each turn.
        if n_found + m > size:
            size = 2 * size + m
            parcel, mission, cuts = _grown(parcel, size), _grown(mission, size), _grown_rows(cuts, size)
        # Only what is strong enough is looked at again and again.
        n_left = 0
        for c in range(m):
            found[n_left, 0], found[n_left, 1], found[n_left, 2] = found[c, 0], found[c, 1], found[c, 2]
            seen_by[n_left] = seen_by[c]
            n_left += int(found[c, 0] >= least_strength)
        begin = n_found
        while n_left > 0:
            top = 0
            for c in range(1, n_left):
                if found[c, 0] > found[top, 0]:
                    top = c
            row = n_found
            while row > begin and cuts[row - 1, 1] > found[top, 1]:
                for i in range(3):
                    cuts[row, i] = cuts[row - 1, i]
                mission[row] = mission[row - 1]
                row -= 1
            parcel[n_found] = p
            for i in range(3):
                cuts[row, i] = found[top, i]
            mission[row] = seen_by[top]
            n_found += 1
            middle = found[top, 1] + found[top, 2]
            n_before, n_left = n_left, 0
            for c in range(n_before):
                is_far = abs(found[c, 1] + found[c, 2] - middle) >= least_apart
                found[n_left, 0], found[n_left, 1], found[n_left, 2] = found[c, 0], found[c, 1], found[c, 2]
                seen_by[n_left] = seen_by[c]
                n_left += int(is_far)
    return parcel[:n_found], cuts[:n_found], mission[:n_found]


@njit(nogil=True, cache=True)
def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Copy an array into a longer one."""
    longer = np.empty(size, array.dtype)
    longer[: array.size] = array
    return longer


@njit(nogil=True, cache=True)
def _grown_rows(array: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Copy a table into one with more rows."""
    longer = np.empty((size, array.shape[1]), array.dtype)
    longer[: array.shape[0]] = array
    return longer
