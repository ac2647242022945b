"""Fused multiply-add: a * b + c within one rounding, missing values kept."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.multiply_add import multiply_add


@numba.njit
def of_arrays(a: NDArray, b: NDArray, c: NDArray, out: NDArray) -> None:
    for i in range(out.size):
        out[i] = multiply_add(a[i], b[i], c[i])


def test_against_float64() -> None:
    rng = np.random.default_rng(4)
    a, b, c = rng.normal(0, 3, (3, 1000)).astype(np.float32)
    out = np.empty(1000, np.float32)
    of_arrays(a, b, c, out)
    exact = a.astype(np.float64) * b + c
    # Where the processor joins them one rounding, else two, the first of the product.
    bound = np.spacing(np.abs(a * b)) + np.spacing(np.abs(out))
    assert (np.abs(out - exact) <= bound).all()


def test_missing_values_stay() -> None:
    out = np.empty(3, np.float32)
    of_arrays(
        np.array([np.nan, 1, np.inf], np.float32),
        np.array([1, 1, 1], np.float32),
        np.array([1, np.nan, 0], np.float32),
        out,
    )
    assert np.isnan(out[:2]).all()
    assert out[2] == np.inf
