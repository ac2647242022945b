"""The lines of a chart: a series filled day by day, where that says little, and its smoothed course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.series.gaps import fill_linear
from sen4cap_core.kernels.series.whittaker import smooth_whittaker

MAX_GAP_DAYS: Final = 30
"""Nothing is known of what happens in a longer gap: its line is dashed."""
SMOOTHNESS: Final = 200.0
"""Of daily values: with a clear date every five days what returns within 35 days is half gone."""


@dataclass(frozen=True, eq=False)
class FilledSeries:
    """A series on every day from its first value to its last."""

    days: NDArray[np.int32]
    near: NDArray[np.float32]
    """Linear between values at most `MAX_GAP_DAYS` apart, NaN in longer gaps."""
    far: NDArray[np.float32]
    """Linear in the longer gaps with a day on either side, NaN elsewhere."""
    smooth: NDArray[np.float32]
    """Smoothed after Whittaker, NaN in longer gaps; all NaN with fewer than two values or three days."""


def filled_series(
    days: NDArray[np.integer], values: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> FilledSeries:
    """Fill a series and smooth it.

    Parameters
    ----------
    days : (n,), ascending; values : (n,), NaN where not observed.
    weights : (n,), 0 or more: what a value counts in the smoothed line (its clear pixels); all alike without.
        Their mean over the observed dates counts as 1.
    """
    seen = np.flatnonzero(~np.isnan(values))
    if not seen.size:
        none = np.empty(0, np.float32)
        return FilledSeries(np.empty(0, np.int32), none, none, none)
    every = np.arange(days[seen[0]], days[seen[-1]] + 1, dtype=np.int32)
    filled, gaps = np.empty((1, every.size), np.float32), np.empty((1, every.size), np.int32)
    observed = np.ascontiguousarray(values[None], np.float32)
    fill_linear(np.ascontiguousarray(days, np.int32), observed, every, -1, 0, 1, filled, gaps)
    within = gaps[0] > MAX_GAP_DAYS
    beside = within.copy()
    beside[:-1] |= within[1:]
    beside[1:] |= within[:-1]
    return FilledSeries(
        every,
        np.where(within, np.float32(np.nan), filled[0]),
        np.where(beside, filled[0], np.float32(np.nan)),
        np.where(within, np.float32(np.nan), _smoothed(days[seen], values[seen], weights, seen, every)),
    )


def _smoothed(
    days: NDArray[np.integer],
    values: NDArray[np.floating],
    weights: NDArray[np.floating] | None,
    seen: NDArray[np.intp],
    every: NDArray[np.int32],
) -> NDArray[np.float32]:
    """Smoothed value of each day; of two values on one day the later one counts."""
    counted = np.ones(seen.size) if weights is None else np.asarray(weights, np.float64)[seen]
    mean = counted.mean()
    daily, weight = np.full((1, every.size), np.nan, np.float32), np.zeros((1, every.size), np.float32)
    daily[0, days - every[0]] = values
    weight[0, days - every[0]] = counted / mean if mean > 0 else 0.0
    smooth: NDArray[np.float32] = np.empty(daily.shape, np.float32)
    smooth_whittaker(daily, weight, SMOOTHNESS, 0, 1, smooth)
    return smooth.ravel()
