"""Validity bitmaps of Arrow arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def filled(values: NDArray[Any], bitmap: NDArray[np.uint8], offset: int, missing: Any) -> NDArray[Any]:
    """Return the values, and ``missing`` where the validity bitmap (Arrow's, least bit first) has no bit."""
    out = np.empty_like(values)
    for i in range(values.size):
        at = offset + i
        is_valid = (bitmap[at >> 3] >> (at & 7)) & 1
        out[i] = values[i] if is_valid else missing
    return out
