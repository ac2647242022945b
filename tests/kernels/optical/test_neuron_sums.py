"""The sums of a hidden layer beside a product of matrices in float64."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.neuron_sums import INPUTS, LANES, NEURONS, neuron_sums
from sen4cap_core.kernels.optical.training_cells import PIXELS


@numba.njit
def of_all_pixels(inputs: NDArray, weights: NDArray, sums: NDArray) -> None:
    for start in range(0, PIXELS, LANES):
        neuron_sums(inputs, weights, sums, start)


def test_beside_a_product_of_matrices() -> None:
    rng = np.random.default_rng(3)
    inputs = rng.normal(0.2, 0.3, (INPUTS, PIXELS)).astype(np.float32)
    weights = rng.normal(0, 2, (NEURONS, 1 + INPUTS)).astype(np.float32)
    sums = np.full((NEURONS, PIXELS), np.nan, np.float32)
    of_all_pixels(inputs.reshape(-1), weights, sums.reshape(-1))
    exact = weights[:, :1].astype(float) + weights[:, 1:].astype(float) @ inputs
    largest = np.abs(weights[:, :1]) + np.abs(weights[:, 1:]) @ np.abs(inputs)
    # Each of the eleven steps rounds once or twice.
    assert (np.abs(sums - exact) <= 2 * INPUTS * np.spacing(largest.astype(np.float32))).all()


def test_only_the_pixels_asked_for_are_written() -> None:
    sums = np.full(NEURONS * PIXELS, 7, np.float32)

    @numba.njit
    def of_some(inputs: NDArray, weights: NDArray, sums: NDArray) -> None:
        neuron_sums(inputs, weights, sums, LANES)

    of_some(np.zeros(INPUTS * PIXELS, np.float32), np.ones((NEURONS, 1 + INPUTS), np.float32), sums)
    written = np.zeros((NEURONS, PIXELS), bool)
    written[:, LANES : 2 * LANES] = True
    np.testing.assert_array_equal(sums.reshape(NEURONS, PIXELS), np.where(written, 1, 7))


def test_other_numbers_are_refused() -> None:
    with pytest.raises(numba.TypingError):
        of_all_pixels(np.zeros(INPUTS * PIXELS), np.zeros((NEURONS, 1 + INPUTS)), np.zeros(NEURONS * PIXELS))
