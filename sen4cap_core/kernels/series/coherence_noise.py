"""How far coherence lies above its own past, in units of its own noise."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import inner_kernel, kernel

N_BEFORE = 4
LEAST_BEFORE = 3
NOISE_BINS = 512
NOISE_BIN = 0.002
LEAST_DIFFERENCES = 8
NEXT_WEIGHT = 0.3
"""Weight of the value after the rise: stubble stays coherent for a while."""
NEXT_VARIANCE = (1.0 - NEXT_WEIGHT) ** 2 + NEXT_WEIGHT**2


class NoiseRoom(NamedTuple):
    """Room for what is made of the coherence of one orbit on the way to its rises."""

    series: NDArray[np.float64]
    is_known: NDArray[np.int64]
    """(R + N_BEFORE) each; the first ``N_BEFORE`` hold 0: as many empty values as are looked back on."""
    counts: NDArray[np.int32]
    bins: NDArray[np.int32]
    scales: NDArray[np.float64]


@kernel
def noise_room(n_pairs: int) -> NoiseRoom:
    """Return room for orbits of ``n_pairs`` together."""
    return NoiseRoom(
        np.zeros(n_pairs + N_BEFORE, np.float64),
        np.zeros(n_pairs + N_BEFORE, np.int64),
        np.empty(NOISE_BINS, np.int32),
        np.empty(n_pairs, np.int32),
        np.zeros((2, N_BEFORE + 1), np.float64),
    )


@inner_kernel
def score_rises(
    p: int,
    columns: NDArray[np.int64],
    first: int,
    last: int,
    values: NDArray[Any],
    noise_floor: float,
    room: NoiseRoom,
    rises: NDArray[np.float32],
) -> int:
    """Write the rises of one orbit for parcel ``p``; return how many values were tested.

    The noise of a parcel is that of its successive differences over the whole season, from their median (a
    few cuts do not raise it), at least its floor. A value and the one after it are compared with the mean of
    the four before.

    Parameters
    ----------
    columns : int64 (R,)
        Columns of ``values`` (P, C), coherence 0..1; those of the orbit are ``columns[first:last]``, in
        ascending order of time.
    noise_floor : float
        Least standard deviation a parcel of so many pixels can have; infinite: never tested.
    room : of :func:`noise_room`
    rises : float32 (R,)
        Written from ``first`` to ``last``; NaN where not tested.
    """
    series, is_known, counts, bins, scales = room
    n = last - first
    n_known = 0
    for t in range(n):
        series[N_BEFORE + t] = values[p, columns[first + t]]
    # Loops over slices: several at a time.
    own, out = series[N_BEFORE : N_BEFORE + n], rises[first:last]
    for t in range(n):
        n_known += int(own[t] == own[t])
    out[:] = math.nan
    total = n_known - 1
    if total < LEAST_DIFFERENCES or math.isinf(noise_floor):
        return 0
    is_whole = n_known == n
    n_steps = 0
    if is_whole:
        n_steps = n - 1
        after = own[1:]
        for t in range(n_steps):
            bins[t] = np.int32(min(abs(after[t] - own[t]) / NOISE_BIN, NOISE_BINS - 1.0))
    else:
        before = math.nan
        for t in range(N_BEFORE, N_BEFORE + n):
            is_known[t] = int(series[t] == series[t])
            if is_known[t]:
                if not math.isnan(before):
                    step = abs(series[t] - before) / NOISE_BIN
                    bins[n_steps] = np.int32(min(step, NOISE_BINS - 1.0))
                    n_steps += 1
                before = series[t]
            else:
                series[t] = 0.0
    # A comparison with so many values before, without and with the value after: all there are.
    per_noise = 1.0 / max(_noise_of(bins, n_steps, counts), noise_floor)
    for m in range(LEAST_BEFORE, N_BEFORE + 1):
        scales[0, m] = per_noise / math.sqrt(1.0 + 1.0 / m)
        scales[1, m] = per_noise / math.sqrt(NEXT_VARIANCE + 1.0 / m)
    if is_whole:
        # Most series are: the same sums without a question at each value.
        _rise_of_whole(
            own[: n - 5], own[1 : n - 4], own[2 : n - 3], own[3 : n - 2], own[4 : n - 1], own[5:],
            scales[1, N_BEFORE], out[N_BEFORE : n - 1],
        )  # fmt: skip
        # The first has one value less before it, the last has none after it.
        i = N_BEFORE + LEAST_BEFORE
        level = series[i - 3] + series[i - 2] + series[i - 1]
        value = (1.0 - NEXT_WEIGHT) * series[i] + NEXT_WEIGHT * series[i + 1]
        rises[first + LEAST_BEFORE] = (value - level / LEAST_BEFORE) * scales[1, LEAST_BEFORE]
        i = N_BEFORE + n - 1
        level = series[i - 4] + series[i - 3] + series[i - 2] + series[i - 1]
        rises[last - 1] = (series[i] - level / N_BEFORE) * scales[0, N_BEFORE]
        return n - LEAST_BEFORE
    n_tested = 0
    for i in range(N_BEFORE, N_BEFORE + n):
        m = 0
        level = 0.0
        for k in range(i - N_BEFORE, i):
            level += series[k]
            m += is_known[k]
        if m < LEAST_BEFORE or is_known[i] == 0:
            continue
        n_tested += 1
        value = series[i]
        has_next = is_known[i + 1] if i + 1 < N_BEFORE + n else 0
        if has_next:
            value = (1.0 - NEXT_WEIGHT) * value + NEXT_WEIGHT * series[i + 1]
        rises[first + i - N_BEFORE] = (value - level / m) * scales[has_next, m]
    return n_tested


@inner_kernel
def _rise_of_whole(
    before_4: NDArray[np.float64],
    before_3: NDArray[np.float64],
    before_2: NDArray[np.float64],
    before_1: NDArray[np.float64],
    value: NDArray[np.float64],
    after: NDArray[np.float64],
    scale: float,
    rises: NDArray[np.float32],
) -> None:
    """Write the rises of values with all before them and one after: slices of one series."""
    for t in range(rises.size):
        level = before_4[t] + before_3[t] + before_2[t] + before_1[t]
        risen = (1.0 - NEXT_WEIGHT) * value[t] + NEXT_WEIGHT * after[t]
        rises[t] = (risen - level / N_BEFORE) * scale


@inner_kernel
def _noise_of(bins: NDArray[np.int32], n: int, counts: NDArray[np.int32]) -> float:
    """Return the standard deviation of values of which the ``n`` differences lie in these bins."""
    counts[:] = 0
    for i in range(n):
        counts[bins[i]] += 1
    below = 0
    for b in range(NOISE_BINS):
        below += counts[b]
        if 2 * below >= n:
            return 1.4826 * (b + 0.5) * NOISE_BIN / math.sqrt(2.0)
    return 0.0
