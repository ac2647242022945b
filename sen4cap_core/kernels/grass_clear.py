"""The clear values of a parcel: no cloud by its score, none by its shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.grass_thresholds import (
    LEAST_CLEAR,
    LOWEST,
    RECOVERED_AFTER_DAYS,
    RECOVERED_PER_DAY,
)


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
