"""Clouds and their shadows seen by comparing a date with what the ground looked like before.

After Hagolle et al. (2010), *A multi-temporal method for cloud detection*: a cloud brightens the blue more
than any change of the ground does in a few days, and more than it brightens the red. All reflectance is
x 10 000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

CLEAR, CLOUD, SHADOW = 0, 1, 2
"""Marks of a screened date."""

_MISSING = -32768
_LEAST, _BINS = -1000, 3000
"""Differences of blue that are told apart, in steps of 1 / 10 000; beyond them the last bin counts."""


@kernel
def usual_difference(
    blue: NDArray[np.int16],
    reference: NDArray[np.int16],
    usable: NDArray[np.uint8],
    cell: int,
    least_pixels: int,
    out: NDArray[np.float32],
) -> None:
    """Median difference of blue from its reference in each cell: what haze and the sun's height add.

    Parameters
    ----------
    usable : uint8 (rows, columns), 1 where both count
    cell : pixels along the side of a cell; the last row and column of cells may be smaller
    least_pixels : of a cell; with fewer it is NaN
    out : float32 (cells down, cells across)
    """
    counts = np.empty(_BINS, np.int64)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            counts[:] = 0
            n = 0
            for r in range(i * cell, min((i + 1) * cell, blue.shape[0])):
                for c in range(j * cell, min((j + 1) * cell, blue.shape[1])):
                    if usable[r, c] == 1:
                        step = int(blue[r, c]) - int(reference[r, c]) - _LEAST
                        counts[min(max(step, 0), _BINS - 1)] += 1
                        n += 1
            if n < max(least_pixels, 1):
                out[i, j] = np.nan
                continue
            below = 0
            for b in range(_BINS):
                below += counts[b]
                if 2 * below >= n:
                    out[i, j] = b + _LEAST
                    break


@kernel
def mark_clouds(
    blue: NDArray[np.int16],
    red: NDArray[np.int16],
    cirrus: NDArray[np.int16],
    clear: NDArray[np.uint8],
    reference_blue: NDArray[np.int16],
    reference_red: NDArray[np.int16],
    reference_day: NDArray[np.int32],
    haze: NDArray[np.float32],
    day: int,
    rise: float,
    rise_per_day: float,
    red_share: float,
    cirrus_limit: int,
    longest_days: int,
    marks: NDArray[np.uint8],
) -> None:
    """Mark clear pixels whose blue is brighter than the ground can have become.

    Parameters
    ----------
    cirrus : int16 (rows, columns), band of 1.38 um, -32768 where the product has none
    clear : uint8 (rows, columns), 1 where the product says land
    reference_day : int32 (rows, columns), day of the reference; below 0 there is none
    haze : float32 (rows, columns), usual difference of blue around
    day : of the date, in the same count
    rise : difference of blue beyond haze that a cloud makes
    rise_per_day : added to it for each day since the reference
    red_share : where red rises more than this times the blue the ground has changed (ploughed, harvested)
    cirrus_limit : from this reflectance on it is cirrus
    longest_days : an older reference says nothing
    marks : uint8 (rows, columns), `CLOUD` is set
    """
    for r in range(marks.shape[0]):
        for c in range(marks.shape[1]):
            if clear[r, c] != 1:
                continue
            if cirrus[r, c] != _MISSING and cirrus[r, c] >= cirrus_limit:
                marks[r, c] = CLOUD
                continue
            age = day - reference_day[r, c]
            if reference_day[r, c] < 0 or age > longest_days:
                continue
            brighter = np.float64(blue[r, c]) - reference_blue[r, c] - haze[r, c]
            redder = np.float64(red[r, c]) - reference_red[r, c] - haze[r, c]
            if brighter > rise + rise_per_day * age and redder <= red_share * brighter:
                marks[r, c] = CLOUD


@kernel
def mark_shadows(
    red: NDArray[np.int16],
    nir: NDArray[np.int16],
    clear: NDArray[np.uint8],
    cloudy: NDArray[np.uint8],
    reference_red: NDArray[np.int16],
    reference_nir: NDArray[np.int16],
    reference_day: NDArray[np.int32],
    day: int,
    fall: float,
    red_rise: float,
    rows_per_step: float,
    cols_per_step: float,
    n_steps: int,
    longest_days: int,
    marks: NDArray[np.uint8],
) -> None:
    """Mark clear pixels that have darkened and have a cloud between them and the sun.

    Parameters
    ----------
    clear : uint8 (rows, columns), 1 where the product says land
    cloudy : uint8 (rows, columns), 1 where there is cloud, by whichever mask
    fall : share of the near infrared that is lost in a shadow
    red_rise : where red rises by more the ground has changed: a harvest darkens the near infrared too
    rows_per_step, cols_per_step : one step towards the sun, in pixels
    n_steps : how far the shadow of the highest cloud can lie
    longest_days : an older reference says nothing
    marks : uint8 (rows, columns), `SHADOW` is set where nothing is yet
    """
    n_rows, n_cols = marks.shape
    for r in range(n_rows):
        for c in range(n_cols):
            if clear[r, c] != 1 or marks[r, c] != CLEAR or reference_day[r, c] < 0:
                continue
            if day - reference_day[r, c] > longest_days:
                continue
            darker = np.float64(nir[r, c]) < (1.0 - fall) * np.float64(reference_nir[r, c])
            if not darker or np.float64(red[r, c]) - reference_red[r, c] > red_rise:
                continue
            for step in range(1, n_steps + 1):
                i = int(np.rint(r + step * rows_per_step))
                j = int(np.rint(c + step * cols_per_step))
                if i < 0 or j < 0 or i >= n_rows or j >= n_cols:
                    # What lies beyond the image may be a cloud; nothing says so.
                    break
                if cloudy[i, j] == 1:
                    marks[r, c] = SHADOW
                    break


@kernel
def mark_edges(
    blue: NDArray[np.int16],
    red: NDArray[np.int16],
    nir: NDArray[np.int16],
    clear: NDArray[np.uint8],
    near: NDArray[np.uint8],
    beside: NDArray[np.uint8],
    reference_blue: NDArray[np.int16],
    reference_red: NDArray[np.int16],
    reference_nir: NDArray[np.int16],
    reference_day: NDArray[np.int32],
    haze: NDArray[np.float32],
    day: int,
    rise: float,
    red_share: float,
    fall: float,
    red_rise: float,
    longest_days: int,
    marks: NDArray[np.uint8],
) -> None:
    """Mark the soft edges of clouds and shadows: small changes count where a great one is near.

    Parameters
    ----------
    near : uint8 (rows, columns), 1 within the reach of edges
    beside : uint8 (rows, columns), 1 next to a cloud or shadow; decides where there is no reference
    rise, red_share, fall, red_rise : as in `mark_clouds` and `mark_shadows`, smaller
    marks : uint8 (rows, columns), set where nothing is yet
    """
    for r in range(marks.shape[0]):
        for c in range(marks.shape[1]):
            if clear[r, c] != 1 or near[r, c] != 1 or marks[r, c] != CLEAR:
                continue
            if reference_day[r, c] < 0 or day - reference_day[r, c] > longest_days:
                if beside[r, c] == 1:
                    marks[r, c] = CLOUD
                continue
            brighter = np.float64(blue[r, c]) - reference_blue[r, c] - haze[r, c]
            redder = np.float64(red[r, c]) - reference_red[r, c]
            darker = np.float64(nir[r, c]) < (1.0 - fall) * np.float64(reference_nir[r, c])
            if brighter > rise and redder - haze[r, c] <= red_share * brighter:
                marks[r, c] = CLOUD
            elif darker and redder <= red_rise:
                marks[r, c] = SHADOW


@kernel
def spread(source: NDArray[np.uint8], radius: int, out: NDArray[np.uint8]) -> None:
    """Set to 1 all pixels within a square of ``radius`` pixels around those that are not 0."""
    n_rows, n_cols = source.shape
    lines = np.zeros((n_rows, n_cols), np.uint8)
    for r in range(n_rows):
        last = -radius - 1
        for c in range(n_cols + radius):
            if c < n_cols and source[r, c] != 0:
                last = c
            at = c - radius
            # The nearest marked pixel at or before at + radius.
            if at >= 0 and last >= at - radius:
                lines[r, at] = 1
    for c in range(n_cols):
        last = -radius - 1
        for r in range(n_rows + radius):
            if r < n_rows and lines[r, c] != 0:
                last = r
            at = r - radius
            if at >= 0:
                out[at, c] = 1 if last >= at - radius else 0


@kernel
def learn_clear(
    bands: NDArray[np.int16],
    clear: NDArray[np.uint8],
    marks: NDArray[np.uint8],
    day: int,
    share: float,
    patience: int,
    reference: NDArray[np.int16],
    reference_day: NDArray[np.int32],
    refused: NDArray[np.uint8],
) -> None:
    """Bring the clear-sky state up to a date.

    A first clear value is taken as it is, and so is a darker blue: what was there before was a cloud. Else
    the state moves by ``share`` towards the new value. A pixel that the product calls clear and we do not,
    date after date, has changed for good: at the ``patience``-th time it is taken.

    Parameters
    ----------
    bands : int16 (3, rows, columns): blue, red, near infrared
    clear : uint8 (rows, columns), 1 where the product says land
    marks : uint8 (rows, columns), of this date, edges included
    reference : int16 (3, rows, columns), in place
    reference_day : int32 (rows, columns), in place, -1 at first
    refused : uint8 (rows, columns), in place: clear dates in a row that were marked
    """
    for r in range(marks.shape[0]):
        for c in range(marks.shape[1]):
            if clear[r, c] != 1:
                continue
            take = reference_day[r, c] < 0
            if marks[r, c] != CLEAR:
                refused[r, c] = min(refused[r, c] + 1, 255)
                if refused[r, c] < patience:
                    continue
                take = True
            refused[r, c] = 0
            take |= bands[0, r, c] < reference[0, r, c]
            for b in range(bands.shape[0]):
                new, old = np.float64(bands[b, r, c]), np.float64(reference[b, r, c])
                reference[b, r, c] = int(np.rint(new if take else old + share * (new - old)))
            reference_day[r, c] = day
