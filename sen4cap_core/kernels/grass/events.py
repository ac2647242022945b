"""What is told of each cut: when it began and ended, and how sure it is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.kernels.grass.model import Cuts, Evidence
from sen4cap_core.kernels.mowing.slots import S1

SECONDS_PER_DAY = 86_400.0


@kernel
def describe_cuts(
    cuts: Cuts,
    evidence: Evidence,
    optical_time_s: int,
    radar_time_s: int,
    odds: NDArray[np.float64],
    cap: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return start, end and confidence of each cut (N,).

    Parameters
    ----------
    cuts, evidence : of ``find_cuts``.
    optical_time_s, radar_time_s : int
        Local time of an acquisition, seconds after midnight: that of radar counts where it alone saw the cut.
    odds : float64 (2, M, 2)
        Log-odds at strength 1 and their growth with its logarithm, by mission; the second set holds where the
        other satellite looked at the parcel and does not show the cut.
    cap : float
        No confidence is higher.

    Returns
    -------
    start_s, end_s : int64 (N,)
        Seconds since 1970-01-01.
    confidence : float64 (N,)
    """
    parcel, values, mission = cuts
    n = parcel.size
    start_s, end_s = np.empty(n, np.int64), np.empty(n, np.int64)
    confidence = np.empty(n, np.float64)
    for i in range(n):
        is_radar = mission[i] == S1
        time_s = radar_time_s if is_radar else optical_time_s
        start_s[i] = int(np.rint(values[i, 1] * SECONDS_PER_DAY)) + time_s
        end_s[i] = int(np.rint(values[i, 2] * SECONDS_PER_DAY)) + time_s
        other_looked = int((evidence.n_clear if is_radar else evidence.n_tested)[parcel[i]] > 0)
        base, slope = odds[other_looked, mission[i], 0], odds[other_looked, mission[i], 1]
        confidence[i] = min(1.0 / (1.0 + math.exp(-(base + slope * math.log(values[i, 0])))), cap)
    return start_s, end_s, confidence
