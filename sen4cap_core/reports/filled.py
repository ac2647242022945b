"""The line of a chart: a series filled day by day, and where that says little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.series_gaps import fill_linear

MAX_GAP_DAYS: Final = 30
"""Nothing is known of what happens in a longer gap: its line is dashed."""


@dataclass(frozen=True, eq=False)
class FilledSeries:
    """A series on every day from its first value to its last."""

    days: NDArray[np.int32]
    near: NDArray[np.float32]
    """Linear between values at most `MAX_GAP_DAYS` apart, NaN in longer gaps."""
    far: NDArray[np.float32]
    """Linear in the longer gaps with a day on either side, NaN elsewhere."""


def filled_series(days: NDArray[np.integer], values: NDArray[np.floating]) -> FilledSeries:
    """Fill a series.

    Parameters
    ----------
    days : (n,), ascending; values : (n,), NaN where not observed.
    """
    seen = np.flatnonzero(~np.isnan(values))
    if not seen.size:
        none = np.empty(0, np.float32)
        return FilledSeries(np.empty(0, np.int32), none, none)
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
    )
