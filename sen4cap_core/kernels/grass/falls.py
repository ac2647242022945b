"""Lasting falls of NDVI beyond what the neighbourhood shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.grass.model import Candidates, Clear, Demand, FallRoom
from sen4cap_core.kernels.grass.thresholds import (
    BRIEF_DAYS,
    DATE_SHARE,
    DOUBT_FACTOR,
    HIGHEST_LOW,
    LEAST_FALL,
    LEAST_SHARE,
    RECOVERED,
    RECOVERED_AFTER_DAYS,
    RECOVERED_PER_DAY,
    REGROWTH_PER_DAY,
    WINDOW_DAYS,
)
from sen4cap_core.kernels.mowing.slots import S2

STEP_WEIGHT = 0.5
"""Weight of the steepest step in a fall of several steps; the rest is the whole fall. Cuts are sudden."""
RETURN_WEIGHT = 0.5
"""Weight against a return faster than grass regrows."""


@inner_kernel
def find_falls(
    n: int,
    clear: Clear,
    demand: Demand,
    thresholds: NDArray[np.float64],
    least_strength: float,
    room: FallRoom,
    found: Candidates,
) -> int:
    """Write the falls among the ``n`` clear values that are strong enough as candidates; return how many.

    Each is taken from the clear value within the window (or the last one) that makes most of it.
    What is too weak even by the least demand of all days is none.
    """
    day, value, course, doubt = clear
    lows, steps, wanted, step_demand = room.lows, room.steps, room.wanted, room.step_demand
    m = 0
    least_fall, least_share = thresholds[LEAST_FALL], thresholds[LEAST_SHARE]
    window_days, brief_days = int(np.floor(thresholds[WINDOW_DAYS])), thresholds[BRIEF_DAYS]
    date_share, highest_low = thresholds[DATE_SHARE], thresholds[HIGHEST_LOW]
    for i in range(n - 1):
        steps[i] = value[i] - value[i + 1] - max(0.0, course[i] - course[i + 1])
        wanted[i] = max(least_fall, least_share * value[i])
    for i in range(n - 1):
        event = int(day[i] + date_share * (day[i + 1] - day[i]))
        step_demand[i] = demand.factors[event - demand.first_day]
    # Branches that noise decides are never foreseen: lows are listed first, and all of a low's falls are
    # measured to the end.
    n_lows = 0
    for j in range(1, n - 1):
        lows[n_lows] = j
        n_lows += int(value[j] < value[j - 1]) & int(value[j] <= highest_low)
    for k in range(n_lows):
        j = lows[k]
        low = value[j]
        back = value[j + 1] - low
        since = day[j + 1] - day[j]
        recovered = thresholds[RECOVERED] + RECOVERED_PER_DAY * max(0.0, since - RECOVERED_AFTER_DAYS)
        too_fast = RETURN_WEIGHT * max(0.0, back - thresholds[REGROWTH_PER_DAY] * since)
        doubted = 1.0 + thresholds[DOUBT_FACTOR] * doubt[j]
        least = least_strength * demand.least * doubted
        can_be_brief = since <= brief_days
        best, steepest = 0.0, 0.0
        best_step = at = j - 1
        at_demand = step_demand[at]
        first_day = day[j] - window_days
        i = j - 1
        while True:
            is_steeper = steps[i] > steepest
            steepest = steps[i] if is_steeper else steepest
            at = i if is_steeper else at
            at_demand = step_demand[i] if is_steeper else at_demand
            drop = value[i] - low
            whole = drop - max(0.0, course[i] - course[j])
            fall = STEP_WEIGHT * steepest + (1.0 - STEP_WEIGHT) * whole - too_fast
            strength = fall / (wanted[i] * doubted * at_demand)
            is_brief = can_be_brief & (back >= recovered * drop)
            is_fall = (fall > 0.0) & (fall >= least * wanted[i]) & (not is_brief)
            is_best = is_fall & (strength > best)
            best = strength if is_best else best
            best_step = at if is_best else best_step
            i -= 1
            if i < 0 or day[i] < first_day:
                break
        start, gap = day[best_step], day[best_step + 1] - day[best_step]
        found.strength[m] = best
        # An interval whose middle is the most likely day.
        found.start[m] = start + (2.0 * date_share - 1.0) * gap
        found.end[m] = start + gap
        found.seen_by[m] = S2
        m += int((best > 0.0) & (best >= least_strength))
    return m
