"""How kernels are compiled: without the GIL, and kept on disk when ``NUMBA_CACHE_DIR`` says where.

Compiling all kernels of a scene pass takes some seconds in each new process. The folder must be writable
and belong to one installation: numba finds stale entries by the source file's time only.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function at its first call; dividing by zero gives inf or NaN, as in NumPy."""
    on_disk = bool(os.environ.get("NUMBA_CACHE_DIR"))
    compiled: Any = njit(nogil=True, error_model="numpy", cache=on_disk)(function)
    return cast(Function, compiled)
