"""The weighted sums of a hidden layer: five neurons and sixteen pixels at a time, in vector registers.

Neuron by neuron each input was fetched five times, and the fetching was what took the time. Here an input is
fetched once for all neurons of a layer, and a weight once for sixteen pixels: half the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.training_cells import PIXELS
from sen4cap_core.kernels.registers import Registers, multiply_add, number_at, opened

NEURONS = 5
"""Of a hidden layer."""
INPUTS = 11
LANES = 16
"""Pixels that are summed together."""

if TYPE_CHECKING:

    def neuron_sums(
        inputs: NDArray[np.float32], weights: NDArray[np.float32], sums: NDArray[np.float32], start: int
    ) -> None:
        """Write bias plus weights times inputs of ``LANES`` pixels from ``start``.

        Parameters
        ----------
        inputs : float32 (INPUTS * PIXELS,), contiguous, each input ``PIXELS`` after the one before
        weights : float32 (NEURONS, 1 + INPUTS), contiguous, the bias first
        sums : float32 (NEURONS * PIXELS,), contiguous, out

        Lengths are not checked.
        """

else:

    @intrinsic
    def neuron_sums(typingctx: Any, inputs: Any, weights: Any, sums: Any, start: Any) -> Any:
        """Write bias plus weights times inputs of ``LANES`` pixels from ``start``."""
        arrays = (inputs, weights, sums)
        if not all(
            isinstance(a, types.Array) and a.layout == "C" and a.dtype == types.float32 for a in arrays
        ):
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            inputs, weights, sums, start = opened(context, builder, signature, arguments)
            registers = Registers(context, builder, types.float32, LANES)
            index = start.type

            def pixels(row: int) -> Any:
                return builder.add(start, index(row * PIXELS))

            def weight(neuron: int, place: int) -> Any:
                number = number_at(builder, weights, index(neuron * (1 + INPUTS) + place))
                return registers.spread(number)

            totals = [weight(neuron, 0) for neuron in range(NEURONS)]
            for row in range(INPUTS):
                numbers = registers.load(inputs, pixels(row))
                totals = [
                    multiply_add(builder, weight(neuron, 1 + row), numbers, total)
                    for neuron, total in enumerate(totals)
                ]
            for neuron, total in enumerate(totals):
                registers.store(total, sums, pixels(neuron))
            return context.get_dummy_value()

        return types.none(inputs, weights, sums, types.intp), generate
