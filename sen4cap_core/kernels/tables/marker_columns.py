"""Values of parcels put into the columns of a wide table."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def put_best(
    place: NDArray[np.int64],
    values: NDArray[np.float32],
    n_valid: NDArray[np.int32],
    factor: float,
    column: NDArray[np.float32],
    best: NDArray[np.int32],
) -> None:
    """Put values into a column where their set has more pixels than the one before (``best``, in place).

    ``place`` is the row of each value; missing values (NaN) are left out. Zero is a value.
    """
    for i in range(place.size):
        if math.isnan(values[i]) or n_valid[i] <= best[place[i]]:
            continue
        column[place[i]] = np.float32(values[i] * factor)
        best[place[i]] = n_valid[i]
