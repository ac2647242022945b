"""Weighted average of reflectance over dates, one date at a time.

All state is whole numbers: sums do not depend on the order of the dates, so a date that comes late gives the
very composite it would have given in its turn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

MISSING = np.int16(-32768)
WEIGHT_STEPS = 10_000
"""Stored weight of 1."""

_LAND, _CLOUD, _SATURATED, _NO_DATA = 0, 4, 5, 255
_MISSING = -32768
_MINUTES_OF_DAY = 1440


@kernel
def total_weight(
    aot: NDArray[np.float32],
    cloud: NDArray[np.float32],
    others: float,
    least: float,
    most: float,
    aot_max: float,
    out: NDArray[np.int32],
) -> None:
    """Weight of each pixel of a date: aerosol x distance to clouds x what is the same for the whole date.

    Falls from ``most`` without aerosol to ``least`` at an optical thickness of ``aot_max`` and beyond.

    Parameters
    ----------
    aot : float32 (rows, columns), optical thickness; below 0 counts as 0, NaN (unknown) as ``aot_max``
    cloud : float32 (rows, columns), 0..1
    others : weight of date and sensor, 0..1
    out : int32 (rows, columns), in steps of 1 / 10 000; at least 1, for a clear pixel always counts
    """
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            a = np.float64(aot[r, c])
            w = least
            # False where the thickness is not known.
            if a < aot_max:
                w = least + (most - least) * (1.0 - max(a, 0.0) / aot_max)
            out[r, c] = max(1, int(np.rint(w * np.float64(cloud[r, c]) * others * WEIGHT_STEPS)))


@kernel
def add_date(
    numbers: NDArray[np.int16],
    status: NDArray[np.uint8],
    weight: NDArray[np.int32],
    minute: int,
    blue: int,
    sums: NDArray[np.int64],
    weights: NDArray[np.int64],
    total: NDArray[np.int64],
    minutes: NDArray[np.int64],
    substitute: NDArray[np.int16],
    substitute_status: NDArray[np.uint8],
    substitute_minute: NDArray[np.int32],
) -> None:
    """Add one date to the composite of a block.

    Clear pixels (land, saturated) are averaged. Where no date is clear one date stands in: water or snow
    before cloud, of these the latest, of clouds that with the darkest blue (a tie: the earlier).

    Parameters
    ----------
    numbers : int16 (bands, rows, columns), reflectance x 10 000, -32768 missing
    status : uint8 (rows, columns)
    weight : int32 (rows, columns), 1 or more
    minute : when, in minutes from any fixed instant; two dates of a composite never share it
    blue : which of the bands is blue, -1 for none
    sums : int64 (bands, rows, columns), in place: of weight x number
    weights : int64 (bands, rows, columns), in place: of the dates on which the band is valid
    total, minutes : int64 (rows, columns), in place: of weight and weight x minute of the dates on which any
        band is valid
    substitute : int16 (bands, rows, columns), in place, -32768 at first
    substitute_status : uint8 (rows, columns), in place, 255 at first
    substitute_minute : int32 (rows, columns), in place
    """
    n_bands = numbers.shape[0]
    for r in range(status.shape[0]):
        for c in range(status.shape[1]):
            seen = False
            for b in range(n_bands):
                seen |= numbers[b, r, c] != _MISSING
            code = status[r, c]
            if not seen or code == _NO_DATA:
                continue
            if code in (_LAND, _SATURATED):
                w = np.int64(weight[r, c])
                for b in range(n_bands):
                    if numbers[b, r, c] != _MISSING:
                        sums[b, r, c] += w * np.int64(numbers[b, r, c])
                        weights[b, r, c] += w
                total[r, c] += w
                minutes[r, c] += w * minute
                continue
            new, old = np.int16(_MISSING), np.int16(_MISSING)
            if blue >= 0:
                new, old = numbers[blue, r, c], substitute[blue, r, c]
            later = minute > substitute_minute[r, c]
            if _is_better(code, new, later, substitute_status[r, c], old):
                substitute_status[r, c] = code
                substitute_minute[r, c] = minute
                for b in range(n_bands):
                    substitute[b, r, c] = numbers[b, r, c]


@kernel
def _is_better(code: np.uint8, new: np.int16, later: bool, code_before: np.uint8, old: np.int16) -> bool:
    """Whether a pixel that is not clear stands in better than the one before it; ``new``, ``old``: blue."""
    if code_before == _NO_DATA:
        return True
    if code == _CLOUD and code_before == _CLOUD:
        if new != old:
            return bool(old == _MISSING or (new != _MISSING and new < old))
        return not later
    if code == _CLOUD or code_before == _CLOUD:
        return bool(code_before == _CLOUD)
    return later


@kernel
def finish_average(
    sums: NDArray[np.int64],
    weights: NDArray[np.int64],
    total: NDArray[np.int64],
    minutes: NDArray[np.int64],
    substitute: NDArray[np.int16],
    substitute_status: NDArray[np.uint8],
    substitute_minute: NDArray[np.int32],
    numbers: NDArray[np.int16],
    weight: NDArray[np.int16],
    day: NDArray[np.int16],
    flags: NDArray[np.uint8],
) -> None:
    """Turn the sums of a block into what is stored.

    Parameters
    ----------
    numbers : int16 (bands, rows, columns), out; -32768 where no date has a value
    weight : int16 (rows, columns), out: sum of weights x 1000, at most 32767; 0 where no date is clear
    day : int16 (rows, columns), out: weighted mean of ``minute`` in whole days, -32768 without one
    flags : uint8 (rows, columns), out: land, or what stands in (water, snow, cloud), or 255
    """
    for r in range(flags.shape[0]):
        for c in range(flags.shape[1]):
            for b in range(sums.shape[0]):
                w = weights[b, r, c]
                if w > 0:
                    numbers[b, r, c] = (2 * sums[b, r, c] + w) // (2 * w)
                elif total[r, c] == 0:
                    numbers[b, r, c] = substitute[b, r, c]
                else:
                    # A band that no clear date has: what stands in would be another day's cloud.
                    numbers[b, r, c] = _MISSING
            weight[r, c] = min(total[r, c] * 1000 // WEIGHT_STEPS, 32767)
            if total[r, c] > 0:
                flags[r, c] = _LAND
                day[r, c] = (minutes[r, c] // total[r, c]) // _MINUTES_OF_DAY
            else:
                flags[r, c] = substitute_status[r, c]
                missing = substitute_status[r, c] == _NO_DATA
                day[r, c] = _MISSING if missing else substitute_minute[r, c] // _MINUTES_OF_DAY
