"""How far coherence lies above its own past, in units of its own noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

N_BEFORE = 4
LEAST_BEFORE = 3
NOISE_BINS = 512
NOISE_BIN = 0.002
LEAST_DIFFERENCES = 8
NEXT_WEIGHT = 0.3
"""Weight of the value after the rise: stubble stays coherent for a while."""
NEXT_VARIANCE = (1.0 - NEXT_WEIGHT) ** 2 + NEXT_WEIGHT**2


@njit(nogil=True, cache=True, error_model="numpy")
def score_rises(
    first: int,
    last: int,
    columns: NDArray[np.int64],
    values: NDArray[Any],
    noise_floors: NDArray[np.float64],
    out_first: int,
    rises: NDArray[np.float32],
    n_tested: NDArray[np.int32],
) -> None:
    """Write the rises of one orbit for parcels ``first`` to ``last`` (exclusive).

    The noise of a parcel is that of its successive differences over the whole season, from their median (a
    few cuts do not raise it), at least its floor. A value and the one after it are compared with the mean of
    the four before.

    Parameters
    ----------
    columns : int64 (K,)
        Columns of ``values`` (P, C), coherence 0..1, in ascending order of time.
    noise_floors : float64 (P,)
        Least standard deviation a parcel of so many pixels can have; infinite: never tested.
    out_first : int
        First column of ``rises`` (P, R) that is written; NaN where not tested.
    n_tested : int32 (P,)
        Raised in place by the values that were tested.
    """
    n = columns.size
    counts = np.empty(NOISE_BINS, np.int32)
    # The values with as many empty ones before them as are looked back on; 0 where missing.
    series = np.zeros(n + N_BEFORE, np.float64)
    is_known = np.zeros(n + N_BEFORE, np.int64)
    scales = np.zeros((2, N_BEFORE + 1), np.float64)
    for p in range(first, last):
        counts[:] = 0
        n_known = 0
        for t in range(n):
            value = float(values[p, columns[t]])
            known = int(value == value)
            is_known[N_BEFORE + t] = known
            series[N_BEFORE + t] = value if known else 0.0
            n_known += known
        is_whole = n_known == n
        total = max(n_known - 1, 0)
        if is_whole:
            for t in range(N_BEFORE + 1, N_BEFORE + n):
                counts[min(int(abs(series[t] - series[t - 1]) / NOISE_BIN), NOISE_BINS - 1)] += 1
        else:
            before = math.nan
            for t in range(N_BEFORE, N_BEFORE + n):
                if is_known[t]:
                    if not math.isnan(before):
                        counts[min(int(abs(series[t] - before) / NOISE_BIN), NOISE_BINS - 1)] += 1
                    before = series[t]
        for t in range(n):
            rises[p, out_first + t] = math.nan
        if total < LEAST_DIFFERENCES or math.isinf(noise_floors[p]):
            continue
        below = 0
        noise = 0.0
        for b in range(NOISE_BINS):
            below += counts[b]
            if 2 * below >= total:
                noise = 1.4826 * (b + 0.5) * NOISE_BIN / math.sqrt(2.0)
                break
        # A comparison with so many values before, without and with the value after: all there are.
        per_noise = 1.0 / max(noise, noise_floors[p])
        for m in range(LEAST_BEFORE, N_BEFORE + 1):
            scales[0, m] = per_noise / math.sqrt(1.0 + 1.0 / m)
            scales[1, m] = per_noise / math.sqrt(NEXT_VARIANCE + 1.0 / m)
        if is_whole:
            # Most series are: the same sums without a question at each value.
            scale = scales[1, N_BEFORE]
            for i in range(2 * N_BEFORE, N_BEFORE + n - 1):
                level = series[i - 4] + series[i - 3] + series[i - 2] + series[i - 1]
                value = (1.0 - NEXT_WEIGHT) * series[i] + NEXT_WEIGHT * series[i + 1]
                rises[p, out_first + i - N_BEFORE] = (value - level / N_BEFORE) * scale
            # The first has one value less before it, the last has none after it.
            i = N_BEFORE + LEAST_BEFORE
            level = series[i - 3] + series[i - 2] + series[i - 1]
            value = (1.0 - NEXT_WEIGHT) * series[i] + NEXT_WEIGHT * series[i + 1]
            rises[p, out_first + LEAST_BEFORE] = (value - level / LEAST_BEFORE) * scales[1, LEAST_BEFORE]
            i = N_BEFORE + n - 1
            level = series[i - 4] + series[i - 3] + series[i - 2] + series[i - 1]
            rises[p, out_first + n - 1] = (series[i] - level / N_BEFORE) * scales[0, N_BEFORE]
            n_tested[p] += n - LEAST_BEFORE
            continue
        for i in range(N_BEFORE, N_BEFORE + n):
            m = 0
            level = 0.0
            for k in range(i - N_BEFORE, i):
                level += series[k]
                m += is_known[k]
            if m < LEAST_BEFORE or is_known[i] == 0:
                continue
            n_tested[p] += 1
            value = series[i]
            has_next = is_known[i + 1] if i + 1 < N_BEFORE + n else 0
            if has_next:
                value = (1.0 - NEXT_WEIGHT) * value + NEXT_WEIGHT * series[i + 1]
            rises[p, out_first + i - N_BEFORE] = (value - level / m) * scales[has_next, m]
