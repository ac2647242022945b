"""The cuts of grass of each parcel, in the steps of docs/mowing.md.

1. Clear values (`clear`): the observed ones, less the clouds that show by their score or their shape.
2. The neighbourhood (`neighbourhood`): its course comes with them, made of all parcels beforehand.
3. The falls (`falls`): each low is a candidate by the strongest fall that leads to it, in relation to the
   least that counts at that level and day of the year.
4. Coherence (`series.coherence_noise`, `witness`): its rises in the time of a fall add strength to it; a
   strong one where no clear value says otherwise is a candidate of its own.
5. The strongest first (`take_strongest`): what lies too near to a taken candidate is the same cut.

Of what is found `events` says the interval and the confidence (6).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel
from sen4cap_core.kernels.grass.clear import drop_brief_lows, drop_fast_rises, drop_hazy_lows, gather_clear
from sen4cap_core.kernels.grass.falls import find_falls
from sen4cap_core.kernels.grass.model import (
    Candidates,
    Clear,
    Cuts,
    Demand,
    Evidence,
    FallRoom,
    Optical,
    ParcelRoom,
    Radar,
    Rises,
)
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
from sen4cap_core.kernels.series.coherence_noise import noise_room, score_rises

LEAST_STRENGTH = 1.0
"""Of a cut: what counts, and no less."""


@kernel
def find_cuts(
    first: int,
    last: int,
    values: NDArray[Any],
    optical: Optical,
    radar: Radar,
    demand: Demand,
    thresholds: NDArray[np.float64],
    evidence: Evidence,
) -> Cuts:
    """Find the cuts of parcels ``first`` to ``last`` (exclusive).

    Parameters
    ----------
    values : float (P, C)
        What was observed, NaN where nothing was.
    thresholds : float64 (N_THRESHOLDS,)
    evidence
        Written for these parcels.
    """
    room = _room_for(optical, radar, demand)
    # The candidates of one parcel always fit.
    size = 3 * (last - first) + room.found.strength.size
    cuts = Cuts(np.empty(size, np.int32), np.empty((size, 3), np.float64), np.empty(size, np.int8))
    p, n = first, 0
    while True:
        p, n = _find_while_they_fit(
            p, last, values, optical, radar, demand, thresholds, evidence, room, n, cuts
        )
        if p >= last:
            break
        size *= 2
        cuts = Cuts(grown(cuts.parcel, size), _grown_rows(cuts.values, size), grown(cuts.mission, size))
    return Cuts(cuts.parcel[:n], cuts.values[:n], cuts.mission[:n])


@inner_kernel
def _find_while_they_fit(
    p: int,
    last: int,
    values: NDArray[Any],
    optical: Optical,
    radar: Radar,
    demand: Demand,
    thresholds: NDArray[np.float64],
    evidence: Evidence,
    room: ParcelRoom,
    n_found: int,
    cuts: Cuts,
) -> tuple[int, int]:
    """Write the cuts of parcels from ``p`` on from row ``n_found`` on, while all candidates of one would fit.

    Returns
    -------
    p, n_found : the next parcel, ``last`` after all; and how many cuts are written
    """
    clear, rises, found = room.clear, room.rises, room.found
    n_pairs = radar.days.size
    # No witness makes more of a fall than this.
    least_fall_strength = LEAST_STRENGTH
    if n_pairs > 0:
        least_fall_strength = LEAST_STRENGTH / (1.0 + thresholds[WITNESS_FACTOR])
    longest_interval = (2.0 - 2.0 * thresholds[DATE_SHARE]) * thresholds[LONGEST_GAP_DAYS]
    # Of the sums of start and end; whatever the distance, a cut is not listed twice.
    least_apart = max(2.0 * thresholds[DISTANCE_DAYS], 1.0)
    is_all_heard = True
    for r in range(n_pairs):
        is_all_heard &= radar.is_heard[r]
    while p < last and n_found + found.strength.size <= cuts.parcel.size:
        n = gather_clear(p, values, optical, thresholds, clear)
        evidence.n_clear[p], evidence.longest_gap_days[p] = n, _longest_gap(n, clear.day)
        n = drop_fast_rises(n, clear, thresholds[FASTEST_RISE])
        if optical.clear_scores.size > 0:
            n = drop_hazy_lows(n, clear)
        n = drop_brief_lows(
            n,
            clear,
            0.5 * thresholds[LEAST_FALL],
            thresholds[BRIEF_DAYS],
            thresholds[RECOVERED],
            room.falls.marks,
        )
        m = find_falls(n, clear, demand, thresholds, least_fall_strength, room.falls, found)
        n_tested = 0
        for orbit in range(radar.bounds.size - 1):
            begin, end = radar.bounds[orbit], radar.bounds[orbit + 1]
            n_tested += score_rises(
                p, radar.columns, begin, end, values, radar.noise_floors[p], room.noise, rises.rise
            )
        evidence.n_tested[p] = n_tested
        if not is_all_heard:
            for r in range(n_pairs):
                if not radar.is_heard[r]:
                    rises.rise[r] = np.nan
        if n_tested > 0:
            hear_witnesses(m, radar, rises, demand, thresholds, found)
        # A fall over a long gap has no date, unless radar gave it one.
        for c in range(m):
            if found.end[c] - found.start[c] > longest_interval:
                found.strength[c] = 0.0
        if n_tested > 0:
            m = find_rises_alone(n, clear, radar, rises, demand, thresholds, room.peaks, m, found)
        n_found += take_strongest(p, m, found, least_apart, n_found, cuts)
        p += 1
    return p, n_found


@kernel
def _room_for(optical: Optical, radar: Radar, demand: Demand) -> ParcelRoom:
    n_dates, n_pairs = optical.columns.size, radar.days.size
    n_candidates = n_dates + n_pairs
    return ParcelRoom(
        Clear(
            np.empty(n_dates, np.int32),
            np.empty(n_dates, np.float64),
            np.empty(n_dates, np.float64),
            np.empty(n_dates, np.float64),
        ),
        FallRoom(
            np.empty(n_dates, np.bool_),
            np.empty(n_dates, np.int64),
            np.empty(n_dates, np.float64),
            np.empty(n_dates, np.float64),
            np.empty(n_dates, np.float64),
        ),
        noise_room(n_pairs),
        Rises(
            np.empty(n_pairs, np.float32),
            first_pairs(radar.days, radar.bounds, demand.first_day, demand.factors.size + 1),
        ),
        np.empty(n_pairs, np.int64),
        Candidates(
            np.empty(n_candidates, np.float64),
            np.empty(n_candidates, np.float64),
            np.empty(n_candidates, np.float64),
            np.empty(n_candidates, np.int8),
        ),
    )


@inner_kernel
def _longest_gap(n: int, day: NDArray[np.int32]) -> int:
    longest = 0
    for i in range(1, n):
        longest = max(longest, day[i] - day[i - 1])
    return longest


@inner_kernel
def take_strongest(p: int, m: int, found: Candidates, least_apart: float, begin: int, cuts: Cuts) -> int:
    """Write the strongest of ``m`` candidates that lie apart from row ``begin`` on, in order of start;
    return how many.

    ``least_apart`` is that of the sums of start and end.
    """
    strength, start, end, seen_by = found
    # Only what is strong enough is looked at again and again.
    n_left = 0
    for c in range(m):
        strength[n_left], start[n_left], end[n_left] = strength[c], start[c], end[c]
        seen_by[n_left] = seen_by[c]
        n_left += int(strength[c] >= LEAST_STRENGTH)
    n_taken = 0
    while True:
        top = -1
        strongest = -1.0
        for c in range(n_left):
            if strength[c] > strongest:
                strongest = strength[c]
                top = c
        if top < 0:
            return n_taken
        row = begin + n_taken
        cuts.parcel[row] = p
        while row > begin and cuts.values[row - 1, 1] > start[top]:
            for i in range(3):
                cuts.values[row, i] = cuts.values[row - 1, i]
            cuts.mission[row] = cuts.mission[row - 1]
            row -= 1
        cuts.values[row, 0], cuts.values[row, 1], cuts.values[row, 2] = strength[top], start[top], end[top]
        cuts.mission[row] = seen_by[top]
        n_taken += 1
        middle = start[top] + end[top]
        for c in range(n_left):
            is_near = abs(start[c] + end[c] - middle) < least_apart
            strength[c] = -1.0 if is_near else strength[c]


@kernel
def _grown_rows(array: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Copy a table into one with more rows."""
    longer = np.empty((size, array.shape[1]), array.dtype)
    longer[: array.shape[0]] = array
    return longer
