"""The clear values of a parcel: no cloud by its score, none by its shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sen4cap_core.kernels.grass_thresholds import (
    FULL_CLEAR,
    LEAST_CLEAR,
    LOWEST,
    RECOVERED_AFTER_DAYS,
    RECOVERED_PER_DAY,
)

SUDDEN_RISE = 0.1
"""NDVI may rise by this at once: what two clear images differ by, and the weather between them."""
HAZY_FROM = 0.5
"""Observations in which the doubt is greater are taken for hazy."""
HAZY_SPAN_DAYS = 30
"""Clear values further apart say nothing of a hazy one between them."""


@njit(nogil=True, cache=True)
def gather_clear(
    p: int,
    columns: NDArray[np.int64],
    values: NDArray[Any],
    scale: float,
    clear_scores: NDArray[np.float32],
    thresholds: NDArray[np.float64],
    clear_sky: float,
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    doubt: NDArray[np.float64],
) -> int:
    """Write the clear values of a parcel, their places among ``columns`` and the doubt in each; return how
    many.

    Scores count in relation to ``clear_sky``. The doubt is 0 from the full score on (and without a score)
    and 1 at the least score.
    """
    n = 0
    has_scores = clear_scores.size > 0
    for k in range(columns.size):
        ndvi = float(values[p, columns[k]]) / scale
        if not ndvi >= thresholds[LOWEST]:
            continue
        doubt[n] = 0.0
        if has_scores:
            score = clear_scores[p, columns[k]] / clear_sky
            if score < thresholds[LEAST_CLEAR]:
                continue
            if score < thresholds[FULL_CLEAR]:
                doubt[n] = (thresholds[FULL_CLEAR] - score) / (
                    thresholds[FULL_CLEAR] - thresholds[LEAST_CLEAR]
                )
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
    doubt: NDArray[np.float64],
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
            value[m], at[m], doubt[m] = value[i], at[i], doubt[i]
            m += 1
            i += 1
        n = m
    return n


@njit(nogil=True, cache=True)
def drop_fast_rises(
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    doubt: NDArray[np.float64],
    fastest: float,
) -> int:
    """Take out values from which NDVI rises faster than any grass grows, in place; return how many stay.

    Each value is compared with the next that stays, from the last to the first: runs of clouds go too.
    """
    is_slow = True
    for i in range(n - 1):
        if value[i + 1] - value[i] > SUDDEN_RISE + fastest * (days[at[i + 1]] - days[at[i]]):
            is_slow = False
            break
    if is_slow:
        return n
    m = n - 1
    for i in range(n - 2, -1, -1):
        elapsed = days[at[m]] - days[at[i]]
        if value[m] - value[i] > SUDDEN_RISE + fastest * elapsed:
            continue
        m -= 1
        value[m], at[m], doubt[m] = value[i], at[i], doubt[i]
    for i in range(m, n):
        value[i - m], at[i - m], doubt[i - m] = value[i], at[i], doubt[i]
    return n - m


@njit(nogil=True, cache=True)
def drop_hazy_lows(
    n: int,
    days: NDArray[np.int32],
    value: NDArray[np.float64],
    at: NDArray[np.int64],
    doubt: NDArray[np.float64],
) -> int:
    """Take out hazy values below the line between the clear ones around them, in place; return how many stay.

    Haze only lowers NDVI: a hazy value says that the grass is at least as green.
    """
    m = 0
    for i in range(n):
        if doubt[i] > HAZY_FROM and m > 0:
            after = i + 1
            while after < n and doubt[after] > HAZY_FROM:
                after += 1
            if after < n and days[at[after]] - days[at[m - 1]] <= HAZY_SPAN_DAYS:
                part = (days[at[i]] - days[at[m - 1]]) / (days[at[after]] - days[at[m - 1]])
                if value[i] < value[m - 1] + part * (value[after] - value[m - 1]):
                    continue
        value[m], at[m], doubt[m] = value[i], at[i], doubt[i]
        m += 1
    return m
