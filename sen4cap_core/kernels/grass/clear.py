"""The clear values of a parcel: no cloud by its score, none by its shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.grass.model import Clear, Optical
from sen4cap_core.kernels.grass.thresholds import (
    FULL_CLEAR,
    LEAST_CLEAR,
    LOWEST,
    RECOVERED_AFTER_DAYS,
    RECOVERED_PER_DAY,
)

SUDDEN_RISE = 0.1
"""NDVI may rise by this at once: what two clear images differ by, and the weather between them."""
GROWN_NDVI, SHORT_NDVI = 0.7, 0.45
"""Grass from the first on is grown, down from the second on short, for its clear score."""
HAZY_FROM = 0.5
"""Observations in which the doubt is greater are taken for hazy."""
HAZY_SPAN_DAYS = 30
"""Clear values further apart say nothing of a hazy one between them."""


@inner_kernel
def gather_clear(
    p: int,
    values: NDArray[Any],
    optical: Optical,
    thresholds: NDArray[np.float64],
    clear: Clear,
) -> int:
    """Write the clear values of parcel ``p``; return how many.

    Scores count in relation to that of a clear sky, over short grass to a share of it. The doubt is 0 from
    the full score on (and without a score) and 1 at the least score.

    Parameters
    ----------
    values : float (P, C), NaN where not observed
    """
    columns, days, clear_scores = optical.columns, optical.days, optical.clear_scores
    clear_sky, short_share = optical.clear_sky, optical.short_share
    courses, group = optical.courses, optical.course_of[p]
    day, value, course, doubt = clear
    n = 0
    lowest = thresholds[LOWEST]
    for k in range(columns.size):
        value[k] = values[p, columns[k]]
    # A loop of its own: four at a time.
    for k in range(columns.size):
        value[k] /= optical.scale
    # Every value is written and only the clear ones are kept: a branch that clouds decide is never foreseen.
    if clear_scores.size == 0:
        for k in range(columns.size):
            ndvi = value[k]
            day[n], value[n], course[n], doubt[n] = days[k], ndvi, courses[group, k], 0.0
            n += int(ndvi >= lowest)
        return n
    full, span = thresholds[FULL_CLEAR], thresholds[FULL_CLEAR] - thresholds[LEAST_CLEAR]
    for k in range(columns.size):
        ndvi = value[k]
        shortness = min(max((GROWN_NDVI - ndvi) / (GROWN_NDVI - SHORT_NDVI), 0.0), 1.0)
        score = clear_scores[p, columns[k]] / (clear_sky * (1.0 - (1.0 - short_share) * shortness))
        day[n], value[n], course[n] = days[k], ndvi, courses[group, k]
        doubt[n] = (full - score) / span if score < full else 0.0
        n += int(ndvi >= lowest) & int(not score < thresholds[LEAST_CLEAR])
    return n


@inner_kernel
def drop_brief_lows(
    n: int,
    clear: Clear,
    least: float,
    brief_days: float,
    recovered: float,
    marks: NDArray[np.bool_],
) -> int:
    """Take out lows of one or two values that recover at once, in place; return how many values stay.

    ``marks`` is room for as many.
    """
    day, value, course, doubt = clear
    for length in (1, 2):
        last = n - length
        if last <= 1:
            continue
        # All at once, as if none went: that is changed only for what comes right after one that goes.
        _mark_brief(
            value[: last - 1],
            value[1:last],
            value[length : n - 1],
            value[length + 1 : n],
            day[1:last],
            day[length + 1 : n],
            least,
            brief_days,
            recovered,
            marks,
        )
        i = 1
        while i < last and not marks[i - 1]:
            i += 1
        if i >= last:
            continue
        m = i
        i += length
        is_next = True
        while i < last:
            is_low = marks[i - 1]
            if is_next:
                stop = i + length
                top = max(value[i], value[stop - 1])
                is_low = _is_brief(
                    value[m - 1] - top, value[stop] - top, day[stop] - day[i], least, brief_days, recovered
                )
            is_next = is_low
            if is_low:
                i += length
                continue
            day[m], value[m], course[m], doubt[m] = day[i], value[i], course[i], doubt[i]
            m += 1
            i += 1
        while i < n:
            day[m], value[m], course[m], doubt[m] = day[i], value[i], course[i], doubt[i]
            m += 1
            i += 1
        n = m
    return n


@inner_kernel
def _mark_brief(
    before: NDArray[np.float64],
    low: NDArray[np.float64],
    last_low: NDArray[np.float64],
    after: NDArray[np.float64],
    low_day: NDArray[np.int32],
    after_day: NDArray[np.int32],
    least: float,
    brief_days: float,
    recovered: float,
    marks: NDArray[np.bool_],
) -> None:
    """Mark the lows that recover at once, each between the value before and the one after: slices of the
    same series, so that four are compared at a time.
    """
    for i in range(before.size):
        top = max(low[i], last_low[i])
        since = after_day[i] - low_day[i]
        marks[i] = _is_brief(before[i] - top, after[i] - top, since, least, brief_days, recovered)


@inner_kernel
def _is_brief(
    fall: float, back: float, since: int, least: float, brief_days: float, recovered: float
) -> bool:
    """Whether NDVI fell and came back so soon that it was a cloud."""
    share = recovered + RECOVERED_PER_DAY * max(0.0, since - RECOVERED_AFTER_DAYS)
    # One rare branch in the place of three that noise decides.
    return bool((fall > least) & (since <= brief_days) & (back >= share * fall))


@inner_kernel
def drop_fast_rises(
    n: int,
    clear: Clear,
    fastest: float,
) -> int:
    """Take out values from which NDVI rises faster than any grass grows, in place; return how many stay.

    Each value is compared with the next that stays, from the last to the first: runs of clouds go too.
    """
    day, value, course, doubt = clear
    is_slow = True
    for i in range(n - 1):
        if value[i + 1] - value[i] > SUDDEN_RISE + fastest * (day[i + 1] - day[i]):
            is_slow = False
            break
    if is_slow:
        return n
    m = n - 1
    for i in range(n - 2, -1, -1):
        if value[m] - value[i] > SUDDEN_RISE + fastest * (day[m] - day[i]):
            continue
        m -= 1
        day[m], value[m], course[m], doubt[m] = day[i], value[i], course[i], doubt[i]
    for i in range(m, n):
        day[i - m], value[i - m], course[i - m], doubt[i - m] = day[i], value[i], course[i], doubt[i]
    return n - m


@inner_kernel
def drop_hazy_lows(
    n: int,
    clear: Clear,
) -> int:
    """Take out hazy values below the line between the clear ones around them, in place; return how many stay.

    Haze only lowers NDVI: a hazy value says that the grass is at least as green.
    """
    day, value, course, doubt = clear
    m = 0
    for i in range(n):
        if doubt[i] > HAZY_FROM and m > 0:
            after = i + 1
            while after < n and doubt[after] > HAZY_FROM:
                after += 1
            if after < n and day[after] - day[m - 1] <= HAZY_SPAN_DAYS:
                part = (day[i] - day[m - 1]) / (day[after] - day[m - 1])
                if value[i] < value[m - 1] + part * (value[after] - value[m - 1]):
                    continue
        day[m], value[m], course[m], doubt[m] = day[i], value[i], course[i], doubt[i]
        m += 1
    return m
