"""Places of the thresholds of the neighbourhood method, and what the season demands of a fall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

(
    LOWEST, LEAST_CLEAR, LEAST_FALL, LEAST_SHARE, WINDOW_DAYS, BRIEF_DAYS, RECOVERED, REGROWTH_PER_DAY,
    DISTANCE_DAYS, DATE_SHARE, HIGHEST_LOW, LONGEST_GAP_DAYS, WITNESS_Z, WITNESS_FULL_Z, WITNESS_FACTOR,
    ALONE_Z, ALONE_GAP_DAYS, FULL_CLEAR, DOUBT_FACTOR, FASTEST_RISE, N_THRESHOLDS,
) = range(21)  # fmt: skip
"""Places in the array of thresholds."""

RECOVERED_AFTER_DAYS = 5.0
RECOVERED_PER_DAY = 0.035
"""The share of a fall that must be won back to make it a cloud grows with the time grass had to regrow."""


def demand_of_days(
    first_day: int,
    last_day: int,
    *,
    spring_factor: float,
    spring_doy: float,
    autumn_factor: float,
    autumn_first_doy: float,
    autumn_last_doy: float,
) -> NDArray[np.float64]:
    """Return the factor on the least fall of each day: more in early spring, rising over autumn.

    Days are counted since 1970-01-01, the last one included; days of the year begin with 1.
    """
    days = np.arange(first_day, last_day + 1).astype("datetime64[D]")
    doy = (days - days.astype("datetime64[Y]")).astype(np.int64) + 1
    part = np.clip((doy - autumn_first_doy) / (autumn_last_doy - autumn_first_doy), 0.0, 1.0)
    factor = np.where(doy < spring_doy, spring_factor, 1.0)
    return np.asarray(factor + (autumn_factor - 1.0) * part)
