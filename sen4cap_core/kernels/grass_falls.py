"""Lasting falls of NDVI beyond what the neighbourhood shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.grass_thresholds import (
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

STEP_WEIGHT = 0.5
"""Weight of the steepest step in a fall of several steps; the rest is the whole fall. Cuts are sudden."""
RETURN_WEIGHT = 0.5
"""Weight against a return faster than grass regrows."""


@inner_kernel
def find_falls(
    n: int,
    day: NDArray[np.int32],
    value: NDArray[np.float64],
    course: NDArray[np.float64],
    doubt: NDArray[np.float64],
    demand: NDArray[np.float64],
    demand_first_day: int,
    least_demand: float,
    thresholds: NDArray[np.float64],
    least_strength: float,
    lows: NDArray[np.int64],
    steps: NDArray[np.float64],
    wanted: NDArray[np.float64],
    found: NDArray[np.float64],
) -> int:
    """Write the falls of one parcel's clear values that are strong enough as candidates; return how many.

    ``least_demand`` is the least of ``demand``: what is too weak even by that is not looked at further.
    ``lows``, ``steps`` and ``wanted`` are room for as many as there are values.
    """
    m = 0
    least_fall, least_share = thresholds[LEAST_FALL], thresholds[LEAST_SHARE]
    window_days, brief_days = thresholds[WINDOW_DAYS], thresholds[BRIEF_DAYS]
    date_share, highest_low = thresholds[DATE_SHARE], thresholds[HIGHEST_LOW]
    for i in range(n - 1):
        steps[i] = value[i] - value[i + 1] - max(0.0, course[i] - course[i + 1])
        wanted[i] = max(least_fall, least_share * value[i])
    # Listed first: a branch that noise decides is never foreseen.
    n_lows = 0
    for j in range(1, n - 1):
        lows[n_lows] = j
        n_lows += int(value[j] < value[j - 1]) & int(value[j] <= highest_low)
    for k in range(n_lows):
        j = lows[k]
        low = value[j]
        low_day = day[j]
        back = value[j + 1] - low
        since = day[j + 1] - low_day
        recovered = thresholds[RECOVERED] + RECOVERED_PER_DAY * max(0.0, since - RECOVERED_AFTER_DAYS)
        too_fast = RETURN_WEIGHT * max(0.0, back - thresholds[REGROWTH_PER_DAY] * since)
        doubted = 1.0 + thresholds[DOUBT_FACTOR] * doubt[j]
        least = least_strength * least_demand * doubted
        best = 0.0
        steepest = 0.0
        step_end = j
        i = j - 1
        while i >= 0 and (i == j - 1 or low_day - day[i] <= window_days):
            step = steps[i]
            if step > steepest:
                steepest = step
                step_end = i + 1
            drop = value[i] - low
            whole = drop - max(0.0, course[i] - course[j])
            fall = STEP_WEIGHT * steepest + (1.0 - STEP_WEIGHT) * whole - too_fast
            is_brief = (since <= brief_days) & (back >= recovered * drop)
            # Most end here: the rest of the loop is for falls that may count.
            if (fall > 0.0) & (fall >= least * wanted[i]) & (not is_brief):
                start = day[step_end - 1]
                gap = day[step_end] - start
                event = int(start + date_share * gap)
                strength = fall / (wanted[i] * doubted * demand[event - demand_first_day])
                if strength > best:
                    best = strength
                    found[0, m] = strength
                    # An interval whose middle is the most likely day.
                    found[1, m] = start + (2.0 * date_share - 1.0) * gap
                    found[2, m] = start + gap
            i -= 1
        if best > 0.0 and best >= least_strength:
            m += 1
    return m
