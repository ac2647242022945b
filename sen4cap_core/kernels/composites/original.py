"""The weighted average as the original updates it: 16-bit numbers, cut off at every date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

ORIGINAL_MISSING = -10_000

_LAND, _WATER, _SNOW, _CLOUD, _NO_DATA = 0, 1, 3, 4, 255
_MISSING = -10_000
_PER_UNIT = 10_000.0
_WEIGHT_PER_UNIT = 1000.0


@kernel
def update_original(
    numbers: NDArray[np.int16],
    status: NDArray[np.uint8],
    weight: NDArray[np.float64],
    day_of_year: int,
    blue: int,
    average: NDArray[np.int16],
    weights: NDArray[np.int16],
    days: NDArray[np.int16],
    flags: NDArray[np.uint8],
) -> None:
    """Update the composite of a block by one date, dates in order.

    Where the original divides 0 by 0 (two valid values without weight) the earlier value stays.

    Parameters
    ----------
    numbers : int16 (bands, rows, columns), reflectance x 10 000, below 0 missing
    status : uint8 (rows, columns)
    weight : float64 (rows, columns), below 0 unknown
    day_of_year : of the date, 1..366
    blue : which of the bands is blue, -1 for none
    average, weights, days : int16 (bands, rows, columns), in place, -10 000 at first: reflectance x 10 000,
        weight x 1000, mean day of the year
    flags : uint8 (rows, columns), in place, 255 at first
    """
    for r in range(status.shape[0]):
        for c in range(status.shape[1]):
            code = status[r, c]
            if code == _CLOUD:
                _cloud(numbers, day_of_year, blue, average, weights, days, flags, r, c)
            elif code in (_WATER, _SNOW):
                _water_or_snow(numbers, code, day_of_year, average, weights, days, flags, r, c)
            else:
                _land(numbers, weight[r, c], day_of_year, average, weights, days, flags, r, c)


@kernel
def _land(
    numbers: NDArray[np.int16],
    weight: float,
    day: int,
    average: NDArray[np.int16],
    weights: NDArray[np.int16],
    days: NDArray[np.int16],
    flags: NDArray[np.uint8],
    r: int,
    c: int,
) -> None:
    seen = False
    for b in range(numbers.shape[0]):
        seen |= numbers[b, r, c] >= 0
    if not seen:
        return
    w = max(weight, 0.0)
    for b in range(numbers.shape[0]):
        if numbers[b, r, c] < 0:
            continue
        new = numbers[b, r, c] / _PER_UNIT
        if average[b, r, c] == _MISSING:
            average[b, r, c] = np.int16(new * _PER_UNIT + 1e-9)
            weights[b, r, c] = np.int16(w * _WEIGHT_PER_UNIT)
            days[b, r, c] = day
            continue
        w_before = max(weights[b, r, c] / _WEIGHT_PER_UNIT, 0.0)
        both = w_before + w
        if both > 0.0:
            day_before = max(days[b, r, c], 0)
            mean = (w_before * (average[b, r, c] / _PER_UNIT) + w * new) / both
            average[b, r, c] = np.int16(mean * _PER_UNIT + 1e-9)
            days[b, r, c] = np.int16((w_before * day_before + w * day) / both + 1e-9)
            weights[b, r, c] = np.int16(both * _WEIGHT_PER_UNIT + 1e-9)
    flags[r, c] = _LAND


@kernel
def _fill_hole(numbers: NDArray[np.int16], average: NDArray[np.int16], b: int, r: int, c: int) -> bool:
    """Take a value where the composite has none yet; whether one was taken."""
    if average[b, r, c] != _MISSING or numbers[b, r, c] < 0:
        return False
    average[b, r, c] = numbers[b, r, c]
    return True


@kernel
def _cloud(
    numbers: NDArray[np.int16],
    day: int,
    blue: int,
    average: NDArray[np.int16],
    weights: NDArray[np.int16],
    days: NDArray[np.int16],
    flags: NDArray[np.uint8],
    r: int,
    c: int,
) -> None:
    before = flags[r, c]
    if before == _LAND:
        for b in range(numbers.shape[0]):
            _fill_hole(numbers, average, b, r, c)
        return
    if before != _NO_DATA and before != _CLOUD:
        return
    if before == _CLOUD:
        darker = False
        if blue >= 0 and numbers[blue, r, c] >= 0:
            old = average[blue, r, c]
            darker = old == _MISSING or numbers[blue, r, c] < old
        if not darker:
            for b in range(numbers.shape[0]):
                weights[b, r, c] = 0
            return
    any_valid = False
    for b in range(numbers.shape[0]):
        valid = numbers[b, r, c] >= 0
        any_valid |= valid
        average[b, r, c] = numbers[b, r, c] if valid else _MISSING
        weights[b, r, c] = 0
        days[b, r, c] = day
    flags[r, c] = _CLOUD if any_valid else _NO_DATA


@kernel
def _water_or_snow(
    numbers: NDArray[np.int16],
    code: int,
    day: int,
    average: NDArray[np.int16],
    weights: NDArray[np.int16],
    days: NDArray[np.int16],
    flags: NDArray[np.uint8],
    r: int,
    c: int,
) -> None:
    is_land = False
    for b in range(numbers.shape[0]):
        if weights[b, r, c] <= 0:
            if numbers[b, r, c] >= 0:
                average[b, r, c] = numbers[b, r, c]
            weights[b, r, c] = 0
            days[b, r, c] = day
        else:
            is_land = True
            if _fill_hole(numbers, average, b, r, c):
                weights[b, r, c] = _MISSING
    flags[r, c] = _LAND if is_land else code
