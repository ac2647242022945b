"""Weeks as practice monitoring counts them: Mondays in days since 1970-01-01; codes for what is not there."""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from sen4cap_core.kernels.compiling import inner_kernel
from sen4cap_core.kernels.mowing.drops import day_of_year

NO_DAY: Final = 0
"""No date. The first of January 1970 stands in no table of a monitored season."""
NR_DAY: Final = -2
NA1_DAY: Final = -3

NO: Final = 0
YES: Final = 1
NA: Final = -1
"""Not available."""
NR: Final = -2
"""Not relevant."""
NA1: Final = -3
"""Not available because the parcel has too few radar pixels."""

ON: Final = cast(bool, np.bool_(True))
OFF: Final = cast(bool, np.bool_(False))
"""Switches of calls from kernel to kernel: for a literal True or False numba compiles the called one anew."""

TOLERANCE: Final = 1e-8
"""Values closer than this are equal."""


@inner_kernel
def wide(number: int) -> int:
    """Take an integer of any width, or a literal, as one of 64 bits.

    Tuples that meet must be of one kind, and for each kind of number numba compiles the called kernel anew.
    """
    return number + 0


@inner_kernel
def monday_of(day: int) -> int:
    """Monday of the week of a day; no day stays no day."""
    if day == NO_DAY:
        return NO_DAY
    return day - (day + 3) % 7


@inner_kernel
def iso_week(day: int) -> int:
    """ISO 8601 number of the week of a day: that of its Thursday."""
    return (day_of_year(day - (day + 3) % 7 + 3) - 1) // 7 + 1


@inner_kernel
def above(value: float, limit: float) -> bool:
    """Whether a value is greater, and not equal within the tolerance; NaN is never."""
    return value - limit >= TOLERANCE


@inner_kernel
def at_least(value: float, limit: float) -> bool:
    """Whether a value is greater or equal within the tolerance; NaN is never."""
    return value - limit > -TOLERANCE


@inner_kernel
def round_half_up(value: float) -> float:
    """Round to a whole number, halves away from zero; NaN stays."""
    whole = int(abs(value))
    rest = abs(value) - whole
    rounded = float(whole + 1) if rest >= 0.5 else float(whole)
    return rounded if value >= 0.0 else -rounded
