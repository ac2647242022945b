"""How kernels are compiled: without the GIL, and kept on disk where the package says.

Compiling all kernels of a scene pass takes some seconds in each new process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import config, njit
from numba.core.registry import cpu_target

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a function at its first call; dividing by zero gives inf or NaN, as in NumPy."""
    on_disk = bool(vars(config)["CACHE_DIR"])
    compiled: Any = njit(nogil=True, error_model="numpy", cache=on_disk)(function)
    return cast(Function, compiled)


def load_compiler() -> None:
    """Load what the first kernel of a process waits for, most of a second; its forks wait no more."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()
