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
    compiled: Any = njit(nogil=True, error_model="numpy", cache=_on_disk())(function)
    return cast(Function, compiled)


def inner_kernel(function: Function) -> Function:
    """Compile a function as :func:`kernel` does that makes no arrays of its own, without counting references.

    Numba counts up and down each array of a named tuple at each call, atomically: of a parcel's dozens of
    calls with dozens of arrays that was two thirds of the time (a harvest search of 53 weeks took 1.9 µs
    with the counting and 0.66 without). Whoever calls from outside holds the arrays anyway. A function that
    makes an array does not compile like this.
    """
    # An option numba has for its own use: its stubs do not name it.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": _on_disk(), "_nrt": False}
    compiled: Any = njit(**options)(function)
    return cast(Function, compiled)


def load_compiler() -> None:
    """Load what the first kernel of a process waits for, most of a second; its forks wait no more."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def _on_disk() -> bool:
    return bool(vars(config)["CACHE_DIR"])
