"""``a * b + c`` of float32 in one instruction where the processor has one for it.

A compiler must not join the two by itself, as the result is rounded once in place of twice. Said outright it
may, in this one place and with no other freedom: missing values stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from sen4cap_core.kernels import registers

if TYPE_CHECKING:

    def multiply_add(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
        """Return ``a * b + c``, float32."""

else:

    @intrinsic
    def multiply_add(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        """Return ``a * b + c``, float32."""
        number = types.float32
        if not (a == b == c == number):
            return None

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return registers.multiply_add(builder, *arguments)

        return number(number, number, number), generate
