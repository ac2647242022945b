"""Kernels over parcels, run in as many threads as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

MIN_PARCELS_PER_THREAD = 2_000
"""Below this a thread costs more than it saves."""


def run_in_chunks(kernel: Callable[[int, int], Result], n_parcels: int) -> list[Result]:
    """Call ``kernel(first, last)`` over consecutive chunks of parcels and return the results in order of
    parcels.

    The kernels release the interpreter lock. Threads of our own are used instead of numba's parallel loops:
    those need one thread layer per process, which is either not safe to enter from two worker threads at once
    (workqueue) or not safe after a fork (OpenMP).
    """
    n_chunks = max(1, min(os.cpu_count() or 1, n_parcels // MIN_PARCELS_PER_THREAD))
    bounds = [n_parcels * i // n_chunks for i in range(n_chunks + 1)]
    if n_chunks == 1:
        return [kernel(0, n_parcels)]
    with ThreadPoolExecutor(n_chunks) as pool:
        return list(pool.map(kernel, bounds[:-1], bounds[1:]))
