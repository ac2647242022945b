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
_STEPS_OF_STORED_WEIGHT = WEIGHT_STEPS // 1000


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
        thickness, clear, target = aot[r], cloud[r], out[r]
        for c in range(target.size):
            a = np.float64(thickness[c])
            falling = least + (most - least) * (1.0 - max(a, 0.0) / aot_max)
            # False where the thickness is not known.
            w = falling if a < aot_max else least
            target[c] = max(np.int32(np.rint(w * np.float64(clear[c]) * others * WEIGHT_STEPS)), np.int32(1))


@kernel
def add_date(
    numbers: NDArray[np.int16],
    status: NDArray[np.uint8],
    weight: NDArray[np.int32],
    minute: int,
    blue: int,
    top: int,
    bottom: int,
    first: int,
    sums: NDArray[np.int64],
    weights: NDArray[np.int32],
    total: NDArray[np.int32],
    minutes: NDArray[np.int64],
    substitute: NDArray[np.int16],
    substitute_status: NDArray[np.uint8],
    substitute_minute: NDArray[np.int32],
) -> None:
    """Add one date to some rows of the composite of a block.

    Clear pixels (land, saturated) are averaged. Where no date is clear one date stands in: water or snow
    before cloud, of these the latest, of clouds that with the darkest blue (a tie: the earlier).

    Parameters
    ----------
    numbers : int16 (bands, rows, columns), reflectance x 10 000, -32768 missing
    status : uint8 (rows, columns)
    weight : int32 (rows from ``top`` to before ``bottom``, columns), 1 or more
    minute : when, in minutes from any fixed instant; two dates of a composite never share it
    blue : which of the bands is blue, -1 for none
    top, bottom : rows from ``top`` to before ``bottom``: of few rows the sums stay in the cache from one date
        to the next
    first : the row that is the first of all arrays below
    sums : int64 (bands, rows, columns), in place: of weight x number
    weights : int32 (bands, rows, columns), in place: of the dates on which the band is valid; 200 000 dates
        would fill it
    total, minutes : int32 and int64 (rows, columns), in place: of weight and weight x minute of the dates on
        which any band is valid
    substitute : int16 (bands, rows, columns), in place, -32768 at first
    substitute_status : uint8 (rows, columns), in place, 255 at first
    substitute_minute : int32 (rows, columns), in place
    """
    n_bands, n_cols = numbers.shape[0], status.shape[1]
    seen = np.empty(n_cols, np.uint8)
    counted = np.empty(n_cols, np.int32)
    nothing = np.full(n_cols, np.int16(_MISSING))
    for r in range(top, bottom):
        at = r - first
        code, given, known, when = status[r], weight[r - top], total[at], minutes[at]
        seen[:] = 0
        for b in range(n_bands):
            row = numbers[b, r]
            for c in range(n_cols):
                seen[c] |= np.uint8(row[c] != _MISSING)
        # One array is written in each loop: of many the compiler would have to prove too much, and gives up.
        for c in range(n_cols):
            clear = (seen[c] != 0) & ((code[c] == _LAND) | (code[c] == _SATURATED))
            w = given[c]
            counted[c] = w if clear else np.int32(0)
        for c in range(n_cols):
            known[c] += counted[c]
        for c in range(n_cols):
            when[c] += np.int64(counted[c]) * minute
        n_left = np.int64(0)
        for c in range(n_cols):
            # Once a date was clear nothing has to stand in any more.
            seen[c] &= np.uint8((code[c] != _NO_DATA) & (known[c] == 0))
        for c in range(n_cols):
            n_left += np.int64(seen[c])
        for b in range(n_bands):
            row, of_band, weight_of_band = numbers[b, r], sums[b, at], weights[b, at]
            for c in range(n_cols):
                w, number = counted[c], row[c]
                w = w if number != _MISSING else np.int32(0)
                of_band[c] += np.int64(w) * np.int64(number)
                weight_of_band[c] += w
        if n_left == 0:
            continue
        new, old = nothing, nothing
        if blue >= 0:
            new, old = numbers[blue, r], substitute[blue, at]
        _choose(code, new, old, minute, substitute_status[at], substitute_minute[at], seen)
        for b in range(n_bands):
            row, kept = numbers[b, r], substitute[b, at]
            for c in range(n_cols):
                # Both are fetched whatever comes: a fetch behind a condition keeps the loop from vectors.
                here, before = row[c], kept[c]
                kept[c] = here if seen[c] != 0 else before


@kernel
def _choose(
    code: NDArray[np.uint8],
    new: NDArray[np.int16],
    old: NDArray[np.int16],
    minute: int,
    code_before: NDArray[np.uint8],
    minute_before: NDArray[np.int32],
    better: NDArray[np.uint8],
) -> None:
    """Where a pixel that is not clear stands in better than the one before it; ``new``, ``old``: blue.

    ``better`` says for which pixels to ask, and is the answer. Codes and minutes of those are taken over.
    """
    now = np.int32(minute)
    for c in range(code.size):
        is_cloud, was_cloud = code[c] == _CLOUD, code_before[c] == _CLOUD
        later = now > minute_before[c]
        darker = (old[c] == _MISSING) | ((new[c] != _MISSING) & (new[c] < old[c]))
        of_clouds = is_cloud & (((new[c] != old[c]) & darker) | ((new[c] == old[c]) & (not later)))
        of_others = (not is_cloud) & (not was_cloud) & later
        first = (code_before[c] == _NO_DATA) | ((not is_cloud) & was_cloud)
        better[c] &= np.uint8(first | (was_cloud & of_clouds) | of_others)
    for c in range(code.size):
        one, other = code[c], code_before[c]
        code_before[c] = one if better[c] != 0 else other
    for c in range(code.size):
        before = minute_before[c]
        minute_before[c] = now if better[c] != 0 else before


@kernel
def finish_average(
    top: int,
    bottom: int,
    first: int,
    sums: NDArray[np.int64],
    weights: NDArray[np.int32],
    total: NDArray[np.int32],
    minutes: NDArray[np.int64],
    substitute: NDArray[np.int16],
    substitute_status: NDArray[np.uint8],
    substitute_minute: NDArray[np.int32],
    numbers: NDArray[np.int16],
    weight: NDArray[np.int16],
    day: NDArray[np.int16],
    flags: NDArray[np.uint8],
) -> None:
    """Turn the sums of some rows of a block into what is stored.

    Quotients of whole numbers are taken in float64, which is exact here: sums stay below 2^53, and no
    quotient comes as near to the next whole number as float64 rounds.

    Parameters
    ----------
    top, bottom : rows from ``top`` to before ``bottom``
    first : the row that is the first of the arrays of `add_date`, which come next
    numbers : int16 (bands, rows, columns), out; -32768 where no date has a value
    weight : int16 (rows, columns), out: sum of weights x 1000, at most 32767; 0 where no date is clear
    day : int16 (rows, columns), out: weighted mean of ``minute`` in whole days, -32768 without one
    flags : uint8 (rows, columns), out: land, or what stands in (water, snow, cloud), or 255
    """
    n_cols = flags.shape[1]
    for r in range(top, bottom):
        i = r - first
        known, when, stands_in, at = total[i], minutes[i], substitute_status[i], substitute_minute[i]
        for b in range(sums.shape[0]):
            of_band, weight_of_band, other, target = (
                sums[b, i],
                weights[b, i],
                substitute[b, i],
                numbers[b, r],
            )
            for c in range(n_cols):
                # A band that no clear date has stays missing: what stands in would be another day's cloud.
                without, sum_of_weights = other[c], weight_of_band[c]
                without = without if known[c] == 0 else np.int16(_MISSING)
                w = np.float64(max(sum_of_weights, np.int32(1)))
                mean = np.int16(np.int32(np.floor((2.0 * np.float64(of_band[c]) + w) / (2.0 * w))))
                target[c] = mean if sum_of_weights > 0 else without
        of_weight, of_day, of_flag = weight[r], day[r], flags[r]
        for c in range(n_cols):
            of_weight[c] = min(known[c] // _STEPS_OF_STORED_WEIGHT, np.int32(32767))
        for c in range(n_cols):
            total_here, of_other, code = known[c], at[c], stands_in[c]
            mean = np.floor(np.float64(when[c]) / np.float64(max(total_here, np.int32(1))))
            minute = mean if total_here > 0 else np.float64(of_other)
            number = np.int16(np.int32(np.floor(minute / _MINUTES_OF_DAY)))
            of_day[c] = number if (total_here > 0) | (code != _NO_DATA) else np.int16(_MISSING)
        for c in range(n_cols):
            code = stands_in[c]
            of_flag[c] = np.uint8(_LAND) if known[c] > 0 else code
