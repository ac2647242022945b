"""Sudden rises of Sentinel-1 coherence: a constant false alarm rate test against the line of the acquisitions
before.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.growing import grown

CONFIDENCE_HIGH = 0.5
ROUNDING = 1e-9
"""More than what two ways to compute a line differ by."""


@kernel
def line_before(
    offsets: NDArray[np.float64], samples: NDArray[np.float64], t: int, n: int
) -> tuple[float, float, float, float]:
    """Fit a least-squares line to the ``n`` samples before ``t``.

    Returns its value at the last of them, its slope, and the means of offsets and samples; NaN with a sample
    missing.
    """
    mean_x = 0.0
    mean_y = 0.0
    for i in range(t - n, t):
        mean_x += offsets[i]
        mean_y += samples[i]
    mean_x /= n
    mean_y /= n
    xx = 0.0
    xy = 0.0
    for i in range(t - n, t):
        xx += (offsets[i] - mean_x) ** 2
        xy += (offsets[i] - mean_x) * (samples[i] - mean_y)
    slope = xy / xx if xx > 0.0 else 0.0
    return mean_y + slope * (offsets[t - 1] - mean_x), slope, mean_x, mean_y


@kernel
def line_weights(offsets: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return what each of the ``window`` samples before an acquisition adds to the line's value at the last
    of them (K, window); the same for all parcels.
    """
    weights = np.full((offsets.size, window), 1.0 / window)
    for t in range(window, offsets.size):
        x = offsets[t - window : t] - offsets[t - window : t].mean()
        xx = (x * x).sum()
        if xx > 0.0:
            weights[t] += x[-1] * x / xx
    return weights


@kernel
def rise_scores(
    offsets: NDArray[np.float64],
    weights: NDArray[np.float64],
    series: NDArray[np.float64],
    window: int,
    sigma_floor: float,
    threshold: float,
    scores: NDArray[np.float64],
) -> int:
    """Write how far each acquisition lies above the line of the ``window`` before it, beyond ``threshold``
    sigmas.

    Sigma is the population deviation of the samples from their line, at least ``sigma_floor``, which may be
    infinite (never a rise). ``offsets`` [days], their ``line_weights``, ``series`` (coherence, NaN where not
    observed) and ``scores`` [sigmas] run over the acquisitions of one orbit; a score is 0 where there is no
    rise or a sample is missing. Returns how many acquisitions could be tested.
    """
    n_tested = 0
    scores[: min(window, series.size)] = 0.0
    is_never = math.isinf(sigma_floor)
    for t in range(window, series.size):
        scores[t] = 0.0
        if is_never or math.isnan(series[t]):
            continue
        nearly = 0.0
        for i in range(window):
            nearly += weights[t, i] * series[t - window + i]
        if math.isnan(nearly):
            continue
        n_tested += 1
        if series[t] - nearly < threshold * sigma_floor - ROUNDING:
            # Far from a rise, as most: the line itself is not needed.
            continue
        predicted, slope, mean_x, mean_y = line_before(offsets, series, t, window)
        above = series[t] - predicted
        if above <= threshold * sigma_floor:
            # Sigma is no less than its floor: this cannot be a rise, whatever the residuals. Most end here.
            continue
        # Squares of the residuals themselves: the shortcut yy - slope * xy loses digits when the line fits
        # well.
        squares = 0.0
        for i in range(t - window, t):
            squares += (series[i] - mean_y - slope * (offsets[i] - mean_x)) ** 2
        sigma = max(math.sqrt(squares / window), sigma_floor)
        if sigma > 0.0:
            scores[t] = max(above / sigma - threshold, 0.0)
        elif above > 0.0:
            scores[t] = math.inf
    return n_tested


@kernel
def find_rises(
    first: int,
    last: int,
    columns: NDArray[np.int64],
    second_columns: NDArray[np.int64],
    start_days: NDArray[np.int32],
    values: NDArray[Any],
    sigma_floors: NDArray[np.float64],
    window: int,
    threshold: float,
    n_tested: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Find rises in the coherence of parcels ``first`` to ``last`` (exclusive) over one orbit.

    The event is dated one acquisition before the rise: the pair that spans the cut is still incoherent, the
    next one shows the bare, stable stubble.

    Parameters
    ----------
    columns : int64 (K,)
        Columns of the polarisation that decides, in ascending order of the pairs' later date.
    second_columns : int64 (K,) or (0,)
        Columns of another polarisation on the same dates, -1 where it has none; it can only raise the
        confidence of a rise of the first. Empty when there is none.
    start_days : int32 (K,)
        Earlier day of each pair, the abscissa of the line.
    values : float32 or float64 (P, T)
        Coherence 0..1, NaN where not observed.
    sigma_floors : float64 (P,)
        Least sigma of each parcel; infinite where it must never be found.
    window : int
        Acquisitions of the line.
    threshold : float
        Sigmas that are still chance.
    n_tested : int32 (P,)
        Raised in place by the acquisitions that could be tested.

    Returns
    -------
    parcel : int32 (N,)
    pair : int32 (N,)
        Position in ``columns`` of the pair that carries the event.
    confidence : float64 (N,)
        Above 0, at most 0.5.
    """
    size = max(16, last - first)
    parcel = np.empty(size, np.int32)
    pair = np.empty(size, np.int32)
    confidence = np.empty(size, np.float64)
    n = 0
    n_pairs = columns.size
    offsets = (start_days - start_days[0]).astype(np.float64) if n_pairs > 0 else np.empty(0, np.float64)
    weights = line_weights(offsets, window)
    series = np.empty(n_pairs, np.float64)
    scores = np.zeros(n_pairs, np.float64)
    others = np.zeros(n_pairs, np.float64)
    for p in range(first, last):
        # Room for all is made here: arrays that an inner loop may change are counted at each turn.
        if n + n_pairs > size:
            size = 2 * size + n_pairs
            parcel = grown(parcel, size)
            pair = grown(pair, size)
            confidence = grown(confidence, size)
        for t in range(n_pairs):
            series[t] = values[p, columns[t]]
        n_tested[p] += rise_scores(offsets, weights, series, window, sigma_floors[p], threshold, scores)
        if second_columns.size > 0:
            for t in range(n_pairs):
                series[t] = values[p, second_columns[t]] if second_columns[t] >= 0 else math.nan
            rise_scores(offsets, weights, series, window, sigma_floors[p], threshold, others)
        for t in range(n_pairs - 1):
            if scores[t + 1] <= 0.0:
                continue
            found = CONFIDENCE_HIGH - CONFIDENCE_HIGH * math.exp(-max(scores[t + 1], others[t + 1]))
            if found <= 0.0:
                continue
            parcel[n] = p
            pair[n] = t
            confidence[n] = found
            n += 1
    return parcel[:n], pair[:n], confidence[:n]
