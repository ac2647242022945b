"""Lasting falls of NDVI beyond what the neighbourhood shows."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

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


@njit(nogil=True, cache=True, error_model="numpy")
def find_falls(
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    doubt: NDArray[np.float64],
    course: NDArray[np.float64],
    demand: NDArray[np.float64],
    demand_first_day: int,
    thresholds: NDArray[np.float64],
    least_strength: float,
    found: NDArray[np.float64],
) -> int:
    """Write the falls of one parcel's clear values that are strong enough as candidates; return how many."""
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
                wanted *= 1.0 + thresholds[DOUBT_FACTOR] * doubt[j]
                strength = fall / (wanted * demand[int(event) - demand_first_day])
                if strength > best:
                    best = strength
                    found[m, 0] = strength
                    # An interval whose middle is the most likely day.
                    found[m, 1] = start + (2.0 * thresholds[DATE_SHARE] - 1.0) * gap
                    found[m, 2] = start + gap
            i -= 1
        if best > 0.0 and best >= least_strength:
            m += 1
    return m
