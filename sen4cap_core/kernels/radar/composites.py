"""Composites over time, row by row: a row is a parcel's series or a pixel's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def merge_pixels(
    place: NDArray[np.int64],
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    n_valid: NDArray[np.int32],
    count: NDArray[np.int64],
    total: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Add the statistics of one set of pixels to sums, so that sets merge by their pixel counts.

    Parameters
    ----------
    place : int64 (n,), row of each parcel in the sums
    mean, std : float32 (n,); std with n - 1, NaN for fewer than two pixels
    n_valid : int32 (n,)
    count, total, squares : (rows,), in place: pixels, their sum, the sum of their squares
    """
    for i in range(place.size):
        n = np.int64(n_valid[i])
        if n <= 0 or np.isnan(mean[i]):
            continue
        m = np.float64(mean[i])
        s = np.float64(std[i]) if n > 1 and not np.isnan(std[i]) else 0.0
        p = place[i]
        count[p] += n
        total[p] += n * m
        squares[p] += (n - 1) * s * s + n * m * m


@kernel
def group_means(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    group: NDArray[np.int64],
    mean: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> None:
    """Weighted mean of the columns of each group; values of 0 or less and NaN are none.

    Parameters
    ----------
    values, weights : float32 (rows, columns)
    group : int64 (columns,), number of the group of each column, -1 for none
    mean : float32 (rows, groups), out; NaN without a value
    weight : float32 (rows, groups), out; sum of the weights
    """
    n_groups = mean.shape[1]
    total = np.zeros(n_groups)
    sum_weights = np.zeros(n_groups)
    for r in range(values.shape[0]):
        total[:] = 0.0
        sum_weights[:] = 0.0
        for c in range(values.shape[1]):
            w = np.float64(weights[r, c])
            if group[c] >= 0 and values[r, c] > 0.0 and w > 0.0:
                total[group[c]] += w * np.float64(values[r, c])
                sum_weights[group[c]] += w
        for g in range(n_groups):
            mean[r, g] = total[g] / sum_weights[g] if sum_weights[g] > 0.0 else np.nan
            weight[r, g] = sum_weights[g]


@kernel
def group_spread(
    values: NDArray[np.float32],
    group: NDArray[np.int64],
    above: float,
    mean: NDArray[np.float32],
    deviation: NDArray[np.float32],
) -> None:
    """Mean and population standard deviation over the columns of each group, each column counted once.

    Only values greater than ``above`` count, NaN never; a group without values is NaN in both.
    """
    n_groups = mean.shape[1]
    count = np.zeros(n_groups)
    total = np.zeros(n_groups)
    squares = np.zeros(n_groups)
    for r in range(values.shape[0]):
        count[:] = 0.0
        total[:] = 0.0
        squares[:] = 0.0
        for c in range(values.shape[1]):
            if group[c] >= 0 and values[r, c] > above:
                count[group[c]] += 1.0
                total[group[c]] += np.float64(values[r, c])
        for g in range(n_groups):
            mean[r, g] = total[g] / count[g] if count[g] > 0.0 else np.nan
        for c in range(values.shape[1]):
            if group[c] >= 0 and values[r, c] > above:
                g = group[c]
                rest = np.float64(values[r, c]) - total[g] / count[g]
                squares[g] += rest * rest
        for g in range(n_groups):
            deviation[r, g] = np.sqrt(squares[g] / count[g]) if count[g] > 0.0 else np.nan


@kernel
def group_quantile(
    values: NDArray[np.float32],
    group: NDArray[np.int64],
    share: float,
    above: float,
    out: NDArray[np.float32],
) -> None:
    """Quantile over the columns of each group: type 4 of Hyndman & Fan (1996).

    With ``h = n * share``: the smallest value where h < 1, else between the values of rank floor(h) and the
    next. Only values greater than ``above`` count, NaN never; a group without values is NaN.
    """
    kept = np.empty(values.shape[1])
    for r in range(values.shape[0]):
        for g in range(out.shape[1]):
            n = 0
            for c in range(values.shape[1]):
                if group[c] == g and values[r, c] > above:
                    kept[n] = values[r, c]
                    n += 1
            if n == 0:
                out[r, g] = np.nan
                continue
            ordered = np.sort(kept[:n])
            h = n * share
            below = int(np.floor(h))
            if below < 1:
                out[r, g] = ordered[0]
            elif below >= n:
                out[r, g] = ordered[n - 1]
            else:
                out[r, g] = ordered[below - 1] + (h - below) * (ordered[below] - ordered[below - 1])
