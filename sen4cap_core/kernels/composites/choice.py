"""Composites that choose among dates in place of averaging: the median, the greenest.

Dates are few and pixels many, so each step does the same to many pixels side by side: plain rows without
branches, which the compiler turns into vector instructions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_MISSING = -32768
_LARGEST = np.int16(32767)
_STRIP = 512
"""Pixels that are sorted together: ten dates of them take 10 kB of the nearest cache."""


@kernel
def keep_clear(
    numbers: NDArray[np.int16],
    band: int,
    status: NDArray[np.uint8],
    top: int,
    date: int,
    stack: NDArray[np.int16],
) -> None:
    """Enter some rows of one date into a stack, the numbers of land (status 0) alone.

    Parameters
    ----------
    numbers : int16 (bands, rows, columns), -32768 missing
    band : which of them
    status : uint8 (rows, columns)
    top : first of the rows
    date : which of the stack's
    stack : int16 (dates, some rows, columns), in place, -32768 missing
    """
    for r in range(stack.shape[1]):
        code, source, target = status[top + r], numbers[band, top + r], stack[date, r]
        for c in range(code.size):
            number = source[c]
            target[c] = number if code[c] == 0 else np.int16(_MISSING)


@kernel
def _order(low: NDArray[np.int16], high: NDArray[np.int16], width: int) -> None:
    for c in range(width):
        a, b = low[c], high[c]
        low[c] = min(a, b)
        high[c] = max(a, b)


@kernel
def _sort_dates(strip: NDArray[np.int16], width: int) -> None:
    """Sort each column by a network of comparisons that is the same for all of them.

    Batcher's merge exchange (Knuth, The Art of Computer Programming 3, algorithm 5.2.2 M), for any number of
    dates: 31 comparisons for ten.
    """
    n = strip.shape[0]
    top = 1
    while 2 * top < n:
        top *= 2
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            for i in range(n - d):
                if i & p == r:
                    _order(strip[i], strip[i + d], width)
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2


@kernel
def _take(
    source: NDArray[np.int16], target: NDArray[np.int16], count: NDArray[np.int16], odd: NDArray[np.int16]
) -> None:
    """Copy a date; of the missing values of a pixel every second one becomes the largest number.

    Sorted, as many then lie below the valid ones as above (one more below where ``odd`` is 1), so that the
    middle is in the same place for all pixels.
    """
    for c in range(source.size):
        value = source[c]
        gone = np.int16(value == _MISSING)
        count[c] += np.int16(1) - gone
        is_odd = odd[c] ^ gone
        odd[c] = is_odd
        target[c] = _LARGEST if (gone == 1) & (is_odd == 0) else value


@kernel
def _middle(
    strip: NDArray[np.int16],
    count: NDArray[np.int16],
    odd: NDArray[np.int16],
    out: NDArray[np.int16],
) -> None:
    """Mean of the middle two valid values of each column, sorted as `_take` has them."""
    n = strip.shape[0]
    lower, upper = strip[(n - 1) // 2], strip[min((n - 1) // 2 + 1, n - 1)]
    # Of an even number of dates, one missing below leaves the upper; of an odd one, none leaves the lower.
    n_is_even = np.int16(1 - n % 2)
    for c in range(out.size):
        low, high = lower[c], upper[c]
        single = odd[c] == n_is_even
        one = high if n_is_even else low
        first, second = one if single else low, one if single else high
        mean = np.int16((np.int32(first) + np.int32(second)) >> 1)
        out[c] = mean if count[c] > 0 else np.int16(_MISSING)


@kernel
def median_of_dates(stack: NDArray[np.int16], out: NDArray[np.int16], n_valid: NDArray[np.int16]) -> None:
    """Median over the valid dates of each pixel; of an even number the mean of the middle two, rounded down.

    Parameters
    ----------
    stack : int16 (dates, rows, columns), -32768 missing
    out : int16 (rows, columns), -32768 without a date
    n_valid : int16 (rows, columns), out: number of valid dates
    """
    n_dates, n_rows, n_cols = stack.shape
    strip = np.empty((n_dates, _STRIP), np.int16)
    odd_missing = np.empty(_STRIP, np.int16)
    for r in range(n_rows):
        for left in range(0, n_cols, _STRIP):
            right = min(left + _STRIP, n_cols)
            count, odd = n_valid[r, left:right], odd_missing[: right - left]
            count[:] = 0
            odd[:] = 0
            for d in range(n_dates):
                _take(stack[d, r, left:right], strip[d], count, odd)
            _sort_dates(strip, right - left)
            _middle(strip, count, odd, out[r, left:right])


@kernel
def keep_greenest(
    ndvi: NDArray[np.int16],
    numbers: NDArray[np.int16],
    minute: int,
    best_ndvi: NDArray[np.int16],
    best: NDArray[np.int16],
    best_minute: NDArray[np.int32],
) -> None:
    """Keep each pixel of the date with the highest NDVI; of two equal ones that of the earlier date.

    Parameters
    ----------
    ndvi : int16 (rows, columns), -32768 where the date does not count
    numbers : int16 (bands, rows, columns) of the date
    minute : when; two dates of a composite never share it
    best_ndvi : int16 (rows, columns), in place, -32768 at first
    best : int16 (bands, rows, columns), in place, -32768 at first
    best_minute : int32 (rows, columns), in place
    """
    when = np.int32(minute)
    better = np.empty(ndvi.shape[1], np.uint8)
    for r in range(ndvi.shape[0]):
        new, known, at = ndvi[r], best_ndvi[r], best_minute[r]
        for c in range(better.size):
            earlier = (new[c] == known[c]) & (new[c] != _MISSING) & (when < at[c])
            better[c] = (new[c] > known[c]) | earlier
        for c in range(better.size):
            known[c] = max(new[c], known[c])
        # Values are fetched before the choice: a fetch behind a condition keeps a loop from vectors.
        for c in range(better.size):
            before = at[c]
            at[c] = when if better[c] != 0 else before
        for b in range(numbers.shape[0]):
            source, target = numbers[b, r], best[b, r]
            for c in range(better.size):
                here, before_it = source[c], target[c]
                target[c] = here if better[c] != 0 else before_it
