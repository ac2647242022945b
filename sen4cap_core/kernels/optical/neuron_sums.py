"""The weighted sums of a hidden layer: five neurons and sixteen pixels at a time, in vector registers.

Neuron by neuron each input was fetched five times, and the fetching was what took the time. Here an input is
fetched once for all neurons of a layer, and a weight once for sixteen pixels: half the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.training_cells import PIXELS

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
            index = ir.IntType(64)
            vector = ir.VectorType(ir.FloatType(), LANES)
            multiply_add = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
            )
            nothing = ir.Constant(vector, ir.Undefined)
            first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)

            def pixels(which: int, row: int) -> Any:
                array = context.make_array(signature.args[which])(context, builder, arguments[which])
                at = builder.add(arguments[3], index(row * PIXELS))
                return builder.bitcast(builder.gep(array.data, [at]), vector.as_pointer())

            def weight(neuron: int, place: int) -> Any:
                array = context.make_array(signature.args[1])(context, builder, arguments[1])
                number = builder.load(builder.gep(array.data, [index(neuron * (1 + INPUTS) + place)]))
                alone = builder.insert_element(nothing, number, ir.IntType(32)(0))
                return builder.shuffle_vector(alone, nothing, first)

            totals = [weight(neuron, 0) for neuron in range(NEURONS)]
            for row in range(INPUTS):
                numbers = builder.load(pixels(0, row), align=4)
                totals = [
                    builder.call(multiply_add, [weight(neuron, 1 + row), numbers, total])
                    for neuron, total in enumerate(totals)
                ]
            for neuron, total in enumerate(totals):
                builder.store(total, pixels(2, neuron), align=4)
            return context.get_dummy_value()

        return types.none(inputs, weights, sums, types.intp), generate
