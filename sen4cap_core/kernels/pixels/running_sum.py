"""Running sums of a row in the processor's vector registers.

A loop waits for each sum before it makes the next. Of the numbers in a register each takes its neighbour on,
then the one two places off, then four, within each half of it, because what crosses the middle takes longer;
at last the upper half takes the sum of the lower one on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from sen4cap_core.kernels.registers import Registers, opened

LANES = 16
"""Numbers that are summed together."""

if TYPE_CHECKING:

    def sum_lanes(
        source: NDArray[np.unsignedinteger], target: NDArray[np.unsignedinteger], start: int, before: int
    ) -> int:
        """Write ``before`` plus the running sums of ``LANES`` numbers from ``start``; return the last.

        Parameters
        ----------
        source, target : unsigned integers (n,) of one type, contiguous; sums are modulo its size. The
            ``LANES`` numbers from ``start`` lie within both: this is not checked
        """

else:

    @intrinsic
    def sum_lanes(typingctx: Any, source: Any, target: Any, start: Any, before: Any) -> Any:
        """Write ``before`` plus the running sums of ``LANES`` numbers from ``start``; return the last."""
        rows = all(isinstance(kind, types.Array) and kind.layout == "C" for kind in (source, target))
        if not (rows and source.dtype == target.dtype and isinstance(source.dtype, types.Integer)):
            return None
        number = source.dtype

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, target, start, before = opened(context, builder, signature, arguments)
            registers = Registers(context, builder, number, LANES)
            zeros = registers.zeros
            sums = registers.load(source, start)
            half, step = LANES // 2, 1
            while step < half:
                # Numbers of the second register are counted on from LANES.
                moved = [LANES + i - step if i % half >= step else 0 for i in range(LANES)]
                sums = builder.add(sums, registers.pick(zeros, sums, moved))
                step *= 2
            lower = [LANES + half - 1 if i >= half else 0 for i in range(LANES)]
            sums = builder.add(sums, registers.pick(zeros, sums, lower))
            registers.store(builder.add(sums, registers.spread(before)), target, start)
            # Not read from the register again: the next numbers would wait for its way there and back.
            return builder.add(before, registers.lane(sums, LANES - 1))

        return number(source, target, types.intp, number), generate
