"""The course that all grassland of a neighbourhood shows: what weather and season did, not a mower."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel

N_BINS = 2048
FASTEST_PER_DAY = 0.06
"""Changes beyond this count as this."""
CLIPPINGS = 2
CLIP_SPREADS = 4.0
LEAST_SPREAD_BINS = 60.0
"""Rates further below the middle than so many times the spread of the upper half (at least 0.0035 NDVI a
day) are cuts: a week in which many mow is no weather."""
LEAST_NEIGHBOURS = 3
"""With so many parcels or fewer there is no neighbourhood."""


@kernel
def count_rates(
    first: int,
    last: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    days: NDArray[np.int32],
    values: NDArray[Any],
    scale: float,
    clear_scores: NDArray[np.float32],
    least_clear: float,
    lowest: float,
    longest_days: int,
) -> NDArray[np.int32]:
    """Count how fast the NDVI of parcels ``rows[first:last]`` changes over each step between two dates.

    A parcel's change between two clear values is spread over its days; it counts for every step in between
    when they lie at most ``longest_days`` apart.

    Parameters
    ----------
    rows : int64 (N,)
        Rows of ``values``.
    columns, days : (K,)
        Columns in ascending order of their day (since 1970-01-01).
    values : float (P, C)
        NDVI times ``scale``, NaN where not observed.
    clear_scores : float32 (P, C) or (0, 0)
        Values with less than ``least_clear`` (0..1) are not used; a missing score counts as clear.
    lowest : float
        NDVI below this is no observation.

    Returns
    -------
    int32 (K, N_BINS)
        Row ``k`` is the step from date ``k - 1`` to ``k``; bins run from the fastest fall to the fastest
        rise. The counts of parts add up, in any order.
    """
    # Where each change begins to count and where it ends: their sum over the dates is the counts.
    counts = np.zeros((columns.size + 1, N_BINS), np.int32)
    has_scores = clear_scores.size > 0
    to_bin = N_BINS / (2.0 * FASTEST_PER_DAY)
    place = np.empty(columns.size, np.int64)
    until = np.empty(columns.size, np.int64)
    ndvi = np.empty(columns.size, np.float64)
    bins = np.empty(columns.size, np.int32)
    for i in range(first, last):
        p = rows[i]
        n = 0
        for k in range(columns.size):
            ndvi[k] = values[p, columns[k]]
        for k in range(columns.size):
            ndvi[k] /= scale
        for k in range(columns.size):
            place[n], ndvi[n] = k, ndvi[k]
            is_clear = int(ndvi[n] >= lowest)
            if has_scores:
                is_clear &= int(not clear_scores[p, columns[k]] < least_clear)
            n += is_clear
        for j in range(1, n):
            elapsed = days[place[j]] - days[place[j - 1]]
            rate = (ndvi[j] - ndvi[j - 1]) / elapsed
            bins[j] = np.int32(min(max((rate + FASTEST_PER_DAY) * to_bin, 0.0), N_BINS - 1.0))
            # Of no step: too far apart.
            until[j] = place[j] if elapsed <= longest_days else place[j - 1]
        for j in range(1, n):
            counts[place[j - 1] + 1, bins[j]] += 1
            counts[until[j] + 1, bins[j]] -= 1
    for k in range(1, columns.size):
        for b in range(N_BINS):
            counts[k, b] += counts[k - 1, b]
    return counts[: columns.size]


@kernel
def shared_course(
    counts: NDArray[np.int32], days: NDArray[np.int32], quantile: float, doubt: float
) -> NDArray[np.float64]:
    """Add up the rates of the neighbourhood into a course of NDVI (K,), 0 at the first date.

    The rate of a step is the ``quantile`` of its ``n`` parcels, without those that fall far more than the
    others (``CLIP_SPREADS``), weighted by ``m / (m + doubt)`` with
    ``m = n - LEAST_NEIGHBOURS``: few neighbours say little, and a parcel is not its own neighbour.
    """
    course = np.zeros(days.size)
    for k in range(1, days.size):
        n = counts[k].sum()
        rate = 0.0
        weight = 0.0
        if n > LEAST_NEIGHBOURS:
            weight = (n - LEAST_NEIGHBOURS) / (n - LEAST_NEIGHBOURS + doubt)
            middle = _quantile_bin(counts[k], 0, quantile)
            for _ in range(CLIPPINGS):
                # Cuts are falls: what lies far below the others is left out, by the spread of those above.
                above = _quantile_bin(counts[k], 0, 0.5 + 0.5 * quantile)
                least = int(max(middle - CLIP_SPREADS * max(above - middle, LEAST_SPREAD_BINS), 0.0))
                middle = _quantile_bin(counts[k], least, quantile)
            rate = (2.0 * middle / N_BINS - 1.0) * FASTEST_PER_DAY
        course[k] = course[k - 1] + rate * weight * (days[k] - days[k - 1])
    return course


@inner_kernel
def _quantile_bin(counts: NDArray[np.int32], first: int, quantile: float) -> float:
    """Return the quantile of the rates in the bins from ``first`` on, in bins."""
    n = 0
    for b in range(first, N_BINS):
        n += counts[b]
    rank = quantile * n
    below = 0
    for b in range(first, N_BINS):
        here = counts[b]
        if below + here >= rank and here > 0:
            return float(b + (rank - below) / here)
        below += here
    return float(N_BINS)
