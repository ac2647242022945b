"""Eight by eight complex samples, weighed: the inner loop of resampling, in the processor's vectors.

A compiler that must keep the order of additions does not vectorise such a loop. Here the order is laid down:
along track first, sixteen numbers (eight complex samples) at once, then across: 14 ns in place of 54.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array as _make_array

# Neither has types. The writer of instructions is the one that numba itself uses.
cgutils: Any = _cgutils
make_array: Any = _make_array
ir = cgutils.ir

TAPS = 8
LANES = 2 * TAPS
"""Real and imaginary part of eight samples."""
_FLOAT = ir.FloatType()
_FLOAT_BYTES = 4


def _weigh_samples(
    typing: Any,
    images: Any,
    n: Any,
    y: Any,
    x: Any,
    line_weights: Any,
    line_row: Any,
    sample_weights: Any,
    sample_row: Any,
) -> Any:
    """Return the weighed sum of ``images[n, y : y + 8, x : x + 8]``, complex64.

    Parameters
    ----------
    images : complex64 (images, lines, samples), contiguous; the eight by eight must lie within: nothing is
        checked
    n, y, x, line_row, sample_row : np.uintp
    line_weights : float32 (phases, 8), contiguous; row ``line_row`` is taken
    sample_weights : float32 (phases, 16), contiguous, each weight twice; row ``sample_row`` is taken
    """
    signature = types.complex64(images, n, y, x, line_weights, line_row, sample_weights, sample_row)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        names = ("images", "n", "y", "x", "lines", "line_row", "samples", "sample_row")
        values = dict(zip(names, args, strict=True))
        kinds = dict(zip(names, signature.args, strict=True))

        def start_of(name: str, *place: Any) -> Any:
            """Address of an element; axes that are not named are at 0."""
            array = make_array(kinds[name])(context, builder, values[name])
            strides = cgutils.unpack_tuple(builder, array.strides)
            offset = builder.mul(place[0], strides[0])
            for index, stride in zip(place[1:], strides[1:], strict=False):
                offset = builder.add(offset, builder.mul(index, stride))
            return cgutils.pointer_add(builder, array.data, offset, _FLOAT.as_pointer())

        def load(start: Any, n: int) -> Any:
            vector = ir.VectorType(_FLOAT, n)
            return builder.load(builder.bitcast(start, vector.as_pointer()), align=_FLOAT_BYTES)

        vector = ir.VectorType(_FLOAT, LANES)
        fused = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{LANES}f32"
        )
        none = ir.Constant(vector, ir.Undefined)
        all_first = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        weights = start_of("lines", values["line_row"])
        total: Any = ir.Constant(vector, [0.0] * LANES)
        row = values["y"]
        for tap in range(TAPS):
            weight = builder.load(builder.gep(weights, [ir.Constant(ir.IntType(32), tap)]))
            spread = builder.shuffle_vector(
                builder.insert_element(none, weight, ir.Constant(ir.IntType(32), 0)), none, all_first
            )
            line = builder.add(row, ir.Constant(row.type, tap))
            samples = load(start_of("images", values["n"], line, values["x"]), LANES)
            total = builder.call(fused, [samples, spread, total])
        total = builder.fmul(total, load(start_of("samples", values["sample_row"]), LANES))
        n = LANES
        while n > 2:
            # Halves are added until one real and one imaginary part are left.
            n //= 2
            low, high = (
                builder.shuffle_vector(
                    total, total, ir.Constant(ir.VectorType(ir.IntType(32), n), list(range(first, first + n)))
                )
                for first in (0, n)
            )
            total = builder.fadd(low, high)
        found = context.make_complex(builder, types.complex64)
        found.real, found.imag = (
            builder.extract_element(total, ir.Constant(ir.IntType(32), part)) for part in (0, 1)
        )
        return found._getvalue()

    return signature, codegen


weigh_samples: Any = intrinsic(_weigh_samples)
