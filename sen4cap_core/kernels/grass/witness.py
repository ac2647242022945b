"""Rises of coherence as witnesses of cuts, and as cuts of their own where NDVI has a gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.grass.model import Candidates, Clear, Demand, Radar, Rises
from sen4cap_core.kernels.grass.thresholds import (
    ALONE_GAP_DAYS,
    ALONE_Z,
    WITNESS_FACTOR,
    WITNESS_FULL_Z,
    WITNESS_Z,
)
from sen4cap_core.kernels.mowing.slots import S1, S2_S1

WITNESS_LEAD_DAYS = 1
WITNESS_LAG_DAYS = 7
"""The first coherent pair begins after the cut, but no later than a pair's length after the low value."""
ALONE_REACH_DAYS = 6.0
"""Rises of other orbits that begin within these days tell of the same cut."""
ALONE_LEAST_SHARE = 0.7
"""The strongest orbit must show so much of what is asked for."""


@kernel
def first_pairs(
    pair_days: NDArray[np.int32], orbit_bounds: NDArray[np.int64], first_day: int, n_days: int
) -> NDArray[np.int64]:
    """Return for each orbit and each of ``n_days`` days the first pair that begins on it or later (O, D)."""
    first = np.empty((orbit_bounds.size - 1, n_days), np.int64)
    for orbit in range(orbit_bounds.size - 1):
        pair = orbit_bounds[orbit]
        for day in range(n_days):
            while pair < orbit_bounds[orbit + 1] and pair_days[pair] < first_day + day:
                pair += 1
            first[orbit, day] = pair
    return first


@inner_kernel
def witness_of(
    first_day: float, last_day: float, radar: Radar, rises: Rises, demand: Demand
) -> tuple[float, int]:
    """Strength of the coherence rises of pairs that begin in a period, and the pair of the strongest.

    The strongest rise of each orbit counts; squares add up, as those of independent normal variables. The
    pair is -1 where there is none.
    """
    pair_days, orbit_bounds, first_pair = radar.days, radar.bounds, rises.first_pair
    total = 0.0
    best = 0.0
    best_pair = -1
    place = min(max(int(np.ceil(first_day)) - demand.first_day, 0), first_pair.shape[1] - 1)
    for orbit in range(orbit_bounds.size - 1):
        low, stop = first_pair[orbit, place], orbit_bounds[orbit + 1]
        in_orbit = 0.0
        while low < stop and pair_days[low] <= last_day:
            rise = float(rises.rise[low])
            in_orbit = max(in_orbit, rise)
            if rise > best:
                best = rise
                best_pair = low
            low += 1
        total += in_orbit * in_orbit
    return np.sqrt(total), best_pair


@inner_kernel
def hear_witnesses(
    m: int,
    radar: Radar,
    rises: Rises,
    demand: Demand,
    thresholds: NDArray[np.float64],
    found: Candidates,
) -> None:
    """Strengthen the ``m`` falls by the coherence rises of their time; date them by radar where the optical
    gap is long.
    """
    least_z, factor = thresholds[WITNESS_Z], thresholds[WITNESS_FACTOR]
    span = thresholds[WITNESS_FULL_Z] - least_z
    for c in range(m):
        start, end = found.start[c], found.end[c]
        first_day, last_day = start - WITNESS_LEAD_DAYS, end + WITNESS_LAG_DAYS
        if found.strength[c] * (1.0 + factor) < 1.0:
            continue
        rise, pair = witness_of(first_day, last_day, radar, rises, demand)
        if pair < 0 or rise < least_z:
            continue
        # Soil shows through the grass of spring and autumn, and is coherent too.
        rise /= max(demand.factors[radar.days[pair] - demand.first_day], 1.0)
        if rise < least_z:
            continue
        found.seen_by[c] = S2_S1
        part = (rise - least_z) / span
        found.strength[c] *= 1.0 + factor * min(part, 1.0)
        if part >= 1.0 and end - start > 2 * radar.lengths[pair]:
            found.start[c] = max(start, float(radar.days[pair] - radar.lengths[pair]))
            found.end[c] = min(max(end, found.start[c] + 1.0), float(radar.days[pair]))
            found.end[c] = max(found.end[c], found.start[c])


@inner_kernel
def find_rises_alone(
    n: int,
    clear: Clear,
    radar: Radar,
    rises: Rises,
    demand: Demand,
    thresholds: NDArray[np.float64],
    peaks: NDArray[np.int64],
    m: int,
    found: Candidates,
) -> int:
    """Add rises that are strong alone to the ``m`` candidates, where the ``n`` clear values neither show a
    fall of their own nor deny one; return how many candidates there are.

    ``peaks`` is room for as many as there are radar.
    """
    pair_days, rise = radar.days, rises.rise
    least_rise = ALONE_LEAST_SHARE * thresholds[ALONE_Z]
    n_peaks = 0
    for r in range(pair_days.size):
        peaks[n_peaks] = r
        n_peaks += int(rise[r] >= least_rise)
    for k in range(n_peaks):
        r = peaks[k]
        day = float(pair_days[r])
        # Most strong rises stand beside a stronger one, which is the one that counts.
        if r > 0 and rise[r - 1] >= rise[r] and abs(pair_days[r - 1] - day) <= ALONE_REACH_DAYS:
            continue
        if (
            r + 1 < pair_days.size
            and rise[r + 1] > rise[r]
            and (abs(pair_days[r + 1] - day) <= ALONE_REACH_DAYS)
        ):
            continue
        total, pair = witness_of(day - ALONE_REACH_DAYS, day + ALONE_REACH_DAYS, radar, rises, demand)
        if pair != r or total < thresholds[ALONE_Z]:
            continue
        before = _days_until(clear.day, n, pair_days[r] - radar.lengths[r]) - 1
        after = before + 1
        while after < n and clear.day[after] < pair_days[r]:
            after += 1
        if before >= 0 and after < n:
            gap = clear.day[after] - clear.day[before]
            if gap < thresholds[ALONE_GAP_DAYS]:
                continue
            # A long gap: regrowth may have hidden the fall, but not more than grass can regrow.
            if clear.value[after] - clear.value[before] > 0.05:
                continue
        # Soil that shows through in autumn is coherent too; without any NDVI there is nothing else to go by.
        wanted = thresholds[ALONE_Z] * (demand.factors[pair_days[r] - demand.first_day] if n > 0 else 1.0)
        found.strength[m] = total / wanted
        found.start[m] = day - radar.lengths[r]
        found.end[m] = day
        found.seen_by[m] = S1
        m += 1
    return m


@inner_kernel
def _days_until(day: NDArray[np.int32], n: int, last: int) -> int:
    """Count the days up to and with ``last`` among the first ``n``, which ascend."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if day[middle] <= last:
            low = middle + 1
        else:
            high = middle
    return low
