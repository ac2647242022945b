"""What a composite needs of a date besides its bands: numbers of one kind, coarse fields, directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

_MISSING = -32768


@kernel
def to_stored(
    values: NDArray[np.generic],
    scale: float,
    offset: float,
    missing: float,
    out: NDArray[np.int16],
) -> None:
    """Turn digital numbers into reflectance x 10 000.

    Parameters
    ----------
    values : any number type (rows, columns); NaN is missing
    missing : digital number that is missing, NaN for none
    out : int16 (rows, columns), -32768 missing, else within -32767..32767
    """
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            number = np.float64(values[r, c])
            reflectance = (number * scale + offset) * 10_000.0
            if number == missing or np.isnan(reflectance):
                out[r, c] = _MISSING
            else:
                out[r, c] = int(np.rint(min(max(reflectance, -32767.0), 32767.0)))


@kernel
def sample_cubic(
    field: NDArray[np.float32],
    row: float,
    row_step: float,
    col: float,
    col_step: float,
    out: NDArray[np.float32],
) -> None:
    """Sample a coarse field by cubic convolution (Keys 1981, a = -0.5), kept within 0..1.

    Parameters
    ----------
    field : float32 (rows, columns), without NaN; continued beyond its edges by its last values
    row, col : where the first pixel of ``out`` lies, counted in pixels of the field from the centre of its
        first
    row_step, col_step : from one pixel of ``out`` to the next
    out : float32 (rows, columns)
    """
    n_rows, n_cols = field.shape
    height, width = out.shape
    first_col = np.empty(width, np.int64)
    factors = np.empty((width, 4))
    for c in range(width):
        at = col + c * col_step
        first_col[c] = int(np.floor(at)) - 1
        _keys(at - np.floor(at), factors[c])
    line = np.empty(n_cols)
    row_factors = np.empty(4)
    for r in range(height):
        at = row + r * row_step
        first = int(np.floor(at)) - 1
        _keys(at - np.floor(at), row_factors)
        line[:] = 0.0
        for i in range(4):
            source = min(max(first + i, 0), n_rows - 1)
            for c in range(n_cols):
                line[c] += row_factors[i] * np.float64(field[source, c])
        for c in range(width):
            value = 0.0
            for i in range(4):
                value += factors[c, i] * line[min(max(first_col[c] + i, 0), n_cols - 1)]
            out[r, c] = min(max(value, 0.0), 1.0)


@kernel
def _keys(t: float, out: NDArray[np.float64]) -> None:
    out[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    out[1] = (1.5 * t - 2.5) * t * t + 1.0
    out[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    out[3] = (0.5 * t - 0.5) * t * t


@kernel
def correct_direction(
    factor: NDArray[np.float32],
    row: float,
    row_step: float,
    col: float,
    col_step: float,
    status: NDArray[np.uint8],
    numbers: NDArray[np.int16],
) -> None:
    """Multiply the clear pixels of a band by a factor known at coarse nodes, linear between them.

    Parameters
    ----------
    factor : float32 (rows, columns) at the nodes, without NaN; continued beyond the edges
    row, row_step, col, col_step : as in `sample_cubic`, from node (0, 0)
    status : uint8 (rows, columns); only land (0) and saturated (5) pixels are corrected
    numbers : int16 (rows, columns), in place, -32768 missing; a result below 0 leaves the number as it is
    """
    n_rows, n_cols = factor.shape
    for r in range(numbers.shape[0]):
        at_row = min(max(row + r * row_step, 0.0), n_rows - 1.0)
        top = min(int(at_row), max(n_rows - 2, 0))
        bottom, down = min(top + 1, n_rows - 1), at_row - top
        for c in range(numbers.shape[1]):
            number = numbers[r, c]
            if number == _MISSING or (status[r, c] != 0 and status[r, c] != 5):
                continue
            at_col = min(max(col + c * col_step, 0.0), n_cols - 1.0)
            left = min(int(at_col), max(n_cols - 2, 0))
            right, across = min(left + 1, n_cols - 1), at_col - left
            upper = (1.0 - across) * factor[top, left] + across * factor[top, right]
            lower = (1.0 - across) * factor[bottom, left] + across * factor[bottom, right]
            corrected = np.float64(number) * ((1.0 - down) * upper + down * lower)
            if corrected >= 0.0:
                numbers[r, c] = int(np.rint(min(corrected, 32767.0)))
