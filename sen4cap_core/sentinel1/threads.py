"""Rows of an array, worked off in threads: the kernels let go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

ROWS_PER_TASK = 32


def in_rows(kernel: Callable[[int, int], None], n_rows: int, threads: int) -> None:
    """Call ``kernel(first, last)`` over consecutive rows in some threads."""
    starts = range(0, n_rows, ROWS_PER_TASK)
    if threads <= 1 or len(starts) <= 1:
        kernel(0, n_rows)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first: kernel(first, min(first + ROWS_PER_TASK, n_rows)), starts))
