"""Arrays that are found too short while they are filled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Copy an array into a longer one."""
    longer = np.empty(size, array.dtype)
    longer[: array.size] = array
    return longer
