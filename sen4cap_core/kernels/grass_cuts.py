"""Cuts of grass: lasting falls of NDVI beyond what the neighbourhood shows, coherence as a witness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.mowing_drops import day_of_year
from sen4cap_core.kernels.mowing_slots import S1, S2, S2_S1

(
    LOWEST, LEAST_CLEAR, LEAST_FALL, LEAST_SHARE, SPRING_FACTOR, SPRING_DOY, AUTUMN_FACTOR, AUTUMN_FIRST_DOY,
    AUTUMN_LAST_DOY, WINDOW_DAYS, BRIEF_DAYS, RECOVERED, REGROWTH_PER_DAY, DISTANCE_DAYS, DATE_SHARE,
    HIGHEST_LOW, WITNESS_Z, WITNESS_FULL_Z, WITNESS_FACTOR, ALONE_Z, ALONE_GAP_DAYS, N_THRESHOLDS,
) = range(22)  # fmt: skip
"""Places in the array of thresholds."""

STEP_WEIGHT = 0.5
"""Weight of the steepest step in a fall of several steps; the rest is the whole fall. Cuts are sudden."""
RECOVERED_AFTER_DAYS = 5.0
RECOVERED_PER_DAY = 0.035
"""The share of a fall that must be won back to make it a cloud grows with the time grass had to regrow."""
RETURN_WEIGHT = 0.5
"""Weight against a return faster than grass regrows."""
WITNESS_LEAD_DAYS = 1
WITNESS_LAG_DAYS = 7
"""The first coherent pair begins after the cut, but no later than a pair's length after the low value."""


@njit(nogil=True, cache=True)
def demand_at(doy: int, thresholds: NDArray[np.float64]) -> float:
    """Factor on the least fall at a day of the year: more in early spring, rising over autumn."""
    factor = 1.0
    if doy < thresholds[SPRING_DOY]:
        factor = thresholds[SPRING_FACTOR]
    span = thresholds[AUTUMN_LAST_DOY] - thresholds[AUTUMN_FIRST_DOY]
    part = min(max((doy - thresholds[AUTUMN_FIRST_DOY]) / span, 0.0), 1.0)
    return float(factor + (thresholds[AUTUMN_FACTOR] - 1.0) * part)


@njit(nogil=True, cache=True)
def gather_clear(
    p: int,
    columns: NDArray[np.int64],
    values: NDArray[Any],
    scale: float,
    clear_scores: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
) -> int:
    """Write the clear values of a parcel and their places among ``columns``; return how many."""
    n = 0
    has_scores = clear_scores.size > 0
    for k in range(columns.size):
        ndvi = float(values[p, columns[k]]) / scale
        if not ndvi >= thresholds[LOWEST]:
            continue
        if has_scores and clear_scores[p, columns[k]] < thresholds[LEAST_CLEAR]:
            continue
        value[n] = ndvi
        at[n] = k
        n += 1
    return n


@njit(nogil=True, cache=True)
def drop_brief_lows(
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    least: float,
    brief_days: float,
    recovered: float,
) -> int:
    """Take out lows of one or two values that recover at once, in place; return how many values stay."""
    for length in (1, 2):
        m = 0
        i = 0
        while i < n:
            stop = i + length
            if m > 0 and stop < n:
                high, back = value[m - 1], value[stop]
                top = value[i]
                for j in range(i, stop):
                    top = max(top, value[j])
                fall = high - top
                since = days[at[stop]] - days[at[i]]
                share = recovered + RECOVERED_PER_DAY * max(0.0, since - RECOVERED_AFTER_DAYS)
                if since <= brief_days and fall > least and back - top >= share * fall:
                    i = stop
                    continue
            value[m], at[m] = value[i], at[i]
            m += 1
            i += 1
        n = m
    return n


@njit(nogil=True, cache=True)
def witness_of(
    p: int,
    first_day: float,
    last_day: float,
    pair_days: NDArray[np.int32],
    pair_orbits: NDArray[np.int32],
    rises: NDArray[np.float32],
) -> tuple[float, int]:
    """Strength of the coherence rises of pairs that begin in a period, and the pair of the strongest.

    The strongest rise of each orbit counts; squares add up, as those of independent normal variables. The
    pairs stand orbit by orbit. The pair is -1 where there is none.
    """
    total = 0.0
    best = 0.0
    best_pair = -1
    in_orbit = 0.0
    for r in range(pair_days.size):
        if r > 0 and pair_orbits[r] != pair_orbits[r - 1]:
            total += in_orbit * in_orbit
            in_orbit = 0.0
        if pair_days[r] < first_day or pair_days[r] > last_day:
            continue
        rise = float(rises[p, r])
        if rise > in_orbit:
            in_orbit = rise
        if rise > best:
            best = rise
            best_pair = r
    return np.sqrt(total + in_orbit * in_orbit), best_pair


@njit(nogil=True, cache=True, error_model="numpy")
def find_cuts(
    first: int,
    last: int,
    columns: NDArray[np.int64],
    days: NDArray[np.int32],
    values: NDArray[Any],
    scale: float,
    clear_scores: NDArray[np.float32],
    courses: NDArray[np.float64],
    course_of: NDArray[np.int32],
    pair_days: NDArray[np.int32],
    pair_lengths: NDArray[np.int32],
    pair_orbits: NDArray[np.int32],
    rises: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    least_strength: float,
    n_clear: NDArray[np.int32],
    longest_gap_days: NDArray[np.int32],
) -> tuple[
    NDArray[np.int32], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]
]:
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
    courses : float64 (G, K)
        NDVI course of each neighbourhood, ``course_of`` (P,) says which.
    pair_days, pair_lengths, pair_orbits : int32 (R,)
        Earlier day, length [days] and orbit number of the coherence pairs, orbit by orbit.
    rises : float32 (P, R)
        Rise of coherence in standard deviations, NaN where not tested.
    thresholds : float64 (N_THRESHOLDS,)
    least_strength : float
        1 for cuts; less to see what was not enough.
    n_clear, longest_gap_days : int32 (P,)
        Written: clear values and the longest time between two.

    Returns
    -------
    parcel : int32 (N,)
        Cuts in order of parcel and time.
    start_day, end_day : float64 (N,)
        The cut lies between them, most likely in the middle.
    strength : float64 (N,)
    mission : int8 (N,)
        As in ``mowing_slots``.
    """
    size = max(16, 3 * (last - first))
    parcel = np.empty(size, np.int32)
    cuts = np.empty((size, 3), np.float64)
    mission = np.empty(size, np.int8)
    n_found = 0
    room = columns.size + pair_days.size
    value = np.empty(columns.size, np.float64)
    at = np.empty(columns.size, np.int64)
    # Candidates: strength, start, end; and what saw them.
    found = np.empty((room, 3), np.float64)
    seen_by = np.empty(room, np.int8)
    for p in range(first, last):
        n = gather_clear(p, columns, values, scale, clear_scores, thresholds, value, at)
        n_clear[p] = n
        longest = 0
        for i in range(1, n):
            longest = max(longest, days[at[i]] - days[at[i - 1]])
        longest_gap_days[p] = longest
        least = 0.5 * thresholds[LEAST_FALL]
        n = drop_brief_lows(n, days, value, at, least, thresholds[BRIEF_DAYS], thresholds[RECOVERED])
        m = _falls(n, days, value, at, courses[course_of[p]], thresholds, found)
        for c in range(m):
            seen_by[c] = S2
        if pair_days.size > 0:
            for c in range(m):
                _hear_witness(p, c, pair_days, pair_lengths, pair_orbits, rises, thresholds, found, seen_by)
            m = _rises_alone(
                p,
                n,
                days,
                value,
                at,
                pair_days,
                pair_lengths,
                pair_orbits,
                rises,
                thresholds,
                m,
                found,
                seen_by,
            )
        begin = n_found
        while True:
            top = -1
            for c in range(m):
                if found[c, 0] >= least_strength and (top < 0 or found[c, 0] > found[top, 0]):
                    top = c
            if top < 0:
                break
            if n_found == size:
                size *= 2
                parcel, mission, cuts = _grown(parcel, size), _grown(mission, size), _grown_rows(cuts, size)
            row = n_found
            while row > begin and cuts[row - 1, 1] > found[top, 1]:
                cuts[row] = cuts[row - 1]
                mission[row] = mission[row - 1]
                row -= 1
            parcel[n_found] = p
            cuts[row] = found[top]
            mission[row] = seen_by[top]
            n_found += 1
            middle = found[top, 1] + found[top, 2]
            for c in range(m):
                if abs(found[c, 1] + found[c, 2] - middle) < 2.0 * thresholds[DISTANCE_DAYS]:
                    found[c, 0] = 0.0
    cuts = cuts[:n_found]
    return parcel[:n_found], cuts[:, 1].copy(), cuts[:, 2].copy(), cuts[:, 0].copy(), mission[:n_found]


@njit(nogil=True, cache=True, error_model="numpy")
def _falls(
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    course: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    found: NDArray[np.float64],
) -> int:
    """Write the falls of one parcel's clear values as candidates; return how many."""
    m = 0
    for j in range(1, n - 1):
        if value[j] >= value[j - 1] or value[j] > thresholds[HIGHEST_LOW]:
            continue
        low_day = days[at[j]]
        back = value[j + 1] - value[j]
        since = days[at[j + 1]] - low_day
        recovered = thresholds[RECOVERED] + RECOVERED_PER_DAY * max(0.0, since - RECOVERED_AFTER_DAYS)
        too_fast = RETURN_WEIGHT * max(0.0, back - thresholds[REGROWTH_PER_DAY] * since)
        i = j - 1
        best = 0.0
        steepest = 0.0
        step_end = j
        while i >= 0 and (i == j - 1 or low_day - days[at[i]] <= thresholds[WINDOW_DAYS]):
            step = value[i] - value[i + 1] - max(0.0, course[at[i]] - course[at[i + 1]])
            if step > steepest:
                steepest = step
                step_end = i + 1
            whole = value[i] - value[j] - max(0.0, course[at[i]] - course[at[j]])
            fall = STEP_WEIGHT * steepest + (1.0 - STEP_WEIGHT) * whole - too_fast
            is_brief = since <= thresholds[BRIEF_DAYS] and back >= recovered * (value[i] - value[j])
            if fall > 0.0 and not is_brief:
                start = days[at[step_end - 1]]
                gap = days[at[step_end]] - start
                event = start + thresholds[DATE_SHARE] * gap
                wanted = max(thresholds[LEAST_FALL], thresholds[LEAST_SHARE] * value[i])
                strength = fall / (wanted * demand_at(day_of_year(int(event)), thresholds))
                if strength > best:
                    best = strength
                    found[m, 0] = strength
                    # An interval whose middle is the most likely day.
                    found[m, 1] = start + (2.0 * thresholds[DATE_SHARE] - 1.0) * gap
                    found[m, 2] = start + gap
            i -= 1
        if best > 0.0:
            m += 1
    return m


@njit(nogil=True, cache=True)
def _hear_witness(
    p: int,
    c: int,
    pair_days: NDArray[np.int32],
    pair_lengths: NDArray[np.int32],
    pair_orbits: NDArray[np.int32],
    rises: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    found: NDArray[np.float64],
    seen_by: NDArray[np.int8],
) -> None:
    """Strengthen a fall by the coherence rise of its time; date it by radar where the optical gap is
    long.
    """
    start, end = found[c, 1], found[c, 2]
    if found[c, 0] * (1.0 + thresholds[WITNESS_FACTOR]) < 1.0:
        return
    rise, pair = witness_of(
        p, start - WITNESS_LEAD_DAYS, end + WITNESS_LAG_DAYS, pair_days, pair_orbits, rises
    )
    if pair < 0 or rise < thresholds[WITNESS_Z]:
        return
    seen_by[c] = S2_S1
    part = (rise - thresholds[WITNESS_Z]) / (thresholds[WITNESS_FULL_Z] - thresholds[WITNESS_Z])
    found[c, 0] *= 1.0 + thresholds[WITNESS_FACTOR] * min(part, 1.0)
    if part >= 1.0 and end - start > 2 * pair_lengths[pair]:
        found[c, 1] = max(start, float(pair_days[pair] - pair_lengths[pair]))
        found[c, 2] = min(max(end, found[c, 1] + 1.0), float(pair_days[pair]))
        found[c, 2] = max(found[c, 2], found[c, 1])


@njit(nogil=True, cache=True)
def _rises_alone(
    p: int,
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    pair_days: NDArray[np.int32],
    pair_lengths: NDArray[np.int32],
    pair_orbits: NDArray[np.int32],
    rises: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    m: int,
    found: NDArray[np.float64],
    seen_by: NDArray[np.int8],
) -> int:
    """Add rises that are strong alone, where clear values neither show a fall of their own nor deny one."""
    for r in range(pair_days.size):
        if not rises[p, r] >= 0.7 * thresholds[ALONE_Z]:
            continue
        day = float(pair_days[r])
        total, pair = witness_of(p, day - 6.0, day + 6.0, pair_days, pair_orbits, rises)
        if pair != r or total < thresholds[ALONE_Z]:
            continue
        before = -1
        for i in range(n):
            if days[at[i]] > day - pair_lengths[r]:
                break
            before = i
        after = before + 1
        while after < n and days[at[after]] < day:
            after += 1
        if before >= 0 and after < n:
            gap = days[at[after]] - days[at[before]]
            if gap < thresholds[ALONE_GAP_DAYS]:
                continue
            # A long gap: regrowth may have hidden the fall, but not more than grass can regrow.
            if value[after] - value[before] > 0.05:
                continue
        found[m, 0] = total / thresholds[ALONE_Z]
        found[m, 1] = day - pair_lengths[r]
        found[m, 2] = day
        seen_by[m] = S1
        m += 1
    return m


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
