"""Numbers of an array, several at a time, in a vector register: what kernels written in LLVM's terms share.

A compiler that must keep the order of additions takes one number after the other. Where that costs most a
kernel lays the order down itself: numba lets it write instructions in the place of a call. Here stands how
numbers come into a register and back; what is done with them is the kernel's own matter.

Nothing is checked: the numbers must lie within the array.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils as _cgutils

# It has no types. The writer of instructions is the one that numba itself uses.
cgutils: Any = _cgutils
ir = cgutils.ir


class Registers:
    """Registers of ``lanes`` numbers each, in the instructions of one kernel.

    Parameters
    ----------
    context, builder : what numba hands to the generator of an intrinsic
    number : numba's type of the numbers, a float or a whole number
    lanes : int
    """

    def __init__(self, context: Any, builder: Any, number: Any, lanes: int) -> None:
        self._context, self._builder = context, builder
        self._n_bytes = number.bitwidth // 8
        self._vector = ir.VectorType(context.get_value_type(number), lanes)
        self.zeros = ir.Constant(self._vector, None)

    def load(self, array: Any, *place: Any) -> Any:
        """Return a register with the numbers from a place on, as they follow each other in memory.

        Parameters
        ----------
        array : of :func:`opened`, contiguous; a complex number is two, its real part first
        place : an index for each axis, or a single one that counts all elements
        """
        return self._builder.load(self._pointer(array, place), align=self._n_bytes)

    def store(self, numbers: Any, array: Any, *place: Any) -> None:
        """Write the numbers of a register from a place on, as `load` reads them."""
        self._builder.store(numbers, self._pointer(array, place), align=self._n_bytes)

    def spread(self, number: Any) -> Any:
        """Return a register that holds one number in each lane."""
        alone = self._builder.insert_element(self.zeros, number, ir.IntType(32)(0))
        return self.pick(alone, self.zeros, [0] * self._vector.count)

    def pick(self, first: Any, second: Any, places: list[int]) -> Any:
        """Return a register of the numbers at these places; those of the second count on from the first's."""
        order = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
        return self._builder.shuffle_vector(first, second, order)

    def lane(self, numbers: Any, place: int) -> Any:
        """Return one number of a register."""
        return self._builder.extract_element(numbers, ir.IntType(32)(place))

    def _pointer(self, array: Any, place: tuple[Any, ...]) -> Any:
        return self._builder.bitcast(_pointer(self._builder, array, place), self._vector.as_pointer())


def opened(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return the arguments of an intrinsic, arrays so that their elements are found."""
    return [
        context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def number_at(builder: Any, array: Any, *place: Any) -> Any:
    """Return the one number at a place, which is given as for :meth:`Registers.load`."""
    return builder.load(_pointer(builder, array, place))


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b + c`` of float32 or of registers of them, in one instruction where there is one."""
    kind = a.type
    name = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * 3), f"llvm.fmuladd.{name}"
    )
    return builder.call(function, [a, b, c])


def _pointer(builder: Any, array: Any, place: tuple[Any, ...]) -> Any:
    if len(place) == 1:
        return builder.gep(array.data, [place[0]])
    strides = cgutils.unpack_tuple(builder, array.strides)
    offset = builder.mul(place[0], strides[0])
    for index, stride in zip(place[1:], strides[1:], strict=True):
        offset = builder.add(offset, builder.mul(index, stride))
    return cgutils.pointer_add(builder, array.data, offset)
