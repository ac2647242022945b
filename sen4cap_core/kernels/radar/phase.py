"""Turning complex samples: cosine and sine of whole rows at once.

The library's functions take a value at a time; these have no branch, so that a row's are computed together,
at a tenth of the time.
"""

from __future__ import annotations

import math

import numpy as np

from sen4cap_core.kernels.compiling import kernel


@kernel
def cos_sin(turns: float) -> tuple[float, float]:
    """Cosine and sine of 2 pi ``turns``, wrong by less than 1e-9."""
    turns -= np.rint(turns)
    # A half turn changes both signs; what is left is at most a quarter of a turn.
    half = np.rint(2.0 * turns)
    x = (turns - 0.5 * half) * (2.0 * math.pi)
    sign = 1.0 - 2.0 * abs(half)
    z = x * x
    # The series of both, up to x^14 and x^13.
    cos = 1.0 / 40320 + z * (-1.0 / 3628800 + z * (1.0 / 479001600 + z * (-1.0 / 87178291200)))
    cos = 1.0 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * cos)))
    sin = -1.0 / 5040 + z * (1.0 / 362880 + z * (-1.0 / 39916800 + z * (1.0 / 6227020800)))
    sin = x * (1.0 + z * (-1.0 / 6 + z * (1.0 / 120 + z * sin)))
    return sign * cos, sign * sin
