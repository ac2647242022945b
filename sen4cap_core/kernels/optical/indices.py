"""Spectral indices of a block: mask, scale and offset, formula, quantisation in one walk over the pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel

NORMALISED_DIFFERENCE = 0
BRIGHTNESS = 1
BRIGHTNESS_2 = 2
REDNESS = 3
RATIO = 4
SAVI = 5
TSAVI = 6
MSAVI = 7
MSAVI_2 = 8
GEMI = 9
IPVI = 10
TNDVI = 11
LAI_NDVI_LOG = 12
LAI_LINEAR = 13

_TINY = 1e-7


@kernel
def _divide(upper: float, lower: float) -> float:
    """Quotient; NaN where the divisor is 0 as far as reflectance can tell."""
    return upper / lower if abs(lower) > _TINY else np.nan


@kernel
def index_value(formula: int, a: float, b: float, c: float) -> float:
    """One index of up to three reflectances; NaN where it is not defined.

    ``a`` and ``b`` are (near infrared, red) for the vegetation indices, (red, green) for the soil ones, in
    the order of the difference otherwise; ``c`` is near infrared for BRIGHTNESS_2.
    Constants: SAVI L = 0.5 (Huete 1988). TSAVI (Baret and Guyot 1991) and MSAVI (Qi et al. 1994) with the
    soil lines of Orfeo ToolBox (otbVegetationIndicesFunctor.h): slope 0.7, intercept 0.9, X = 0.08, the
    divisor without slope times intercept; slope 0.4. The two LAI estimates as there, after Bsaibes et al.
    (Remote Sensing of Environment 113, 2009): NDVI 0.10 of bare soil, 0.89 of the densest canopy, extinction
    0.71; red -17.91, near infrared 12.26. Below the NDVI of soil LAI is 0, from the densest canopy's on it
    is not defined. GEMI as published (Pinty and Verstraete 1992).
    """
    if formula == NORMALISED_DIFFERENCE:
        return _divide(a - b, a + b)
    if formula == BRIGHTNESS:
        return math.sqrt((a * a + b * b) / 2.0)
    if formula == BRIGHTNESS_2:
        return math.sqrt((a * a + b * b + c * c) / 3.0)
    if formula == REDNESS:
        return _divide(a * a, b * b * b)
    if formula == RATIO:
        return _divide(a, b)
    if formula == SAVI:
        return 1.5 * (a - b) / (a + b + 0.5)
    if formula == TSAVI:
        return _divide(0.7 * (a - 0.7 * b - 0.9), 0.7 * a + b + 0.08 * (1.0 + 0.7 * 0.7))
    if formula == MSAVI:
        length = 1.0 - 2.0 * 0.4 * _divide(a - b, a + b) * (a - 0.4 * b)
        return _divide((1.0 + length) * (a - b), a + b + length)
    if formula == MSAVI_2:
        root = (2.0 * a + 1.0) * (2.0 * a + 1.0) - 8.0 * (a - b)
        return (2.0 * a + 1.0 - math.sqrt(root)) / 2.0 if root >= 0.0 else np.nan
    if formula == GEMI:
        eta = (2.0 * (a * a - b * b) + 1.5 * a + 0.5 * b) / (a + b + 0.5)
        return eta * (1.0 - 0.25 * eta) - _divide(b - 0.125, 1.0 - b)
    if formula == IPVI:
        return _divide(a, a + b)
    if formula == TNDVI:
        shifted = _divide(a - b, a + b) + 0.5
        return math.sqrt(shifted) if shifted >= 0.0 else np.nan
    if formula == LAI_NDVI_LOG:
        # Part of the light that reaches the ground: 1 over soil, 0 under the densest canopy.
        through = (0.89 - _divide(a - b, a + b)) / (0.89 - 0.10)
        return max(-math.log(through) / 0.71, 0.0) if through > 0.0 else np.nan
    return -17.91 * b + 12.26 * a


@kernel
def index_block(
    formula: int,
    first: NDArray[np.generic],
    second: NDArray[np.generic],
    third: NDArray[np.generic],
    gains: NDArray[np.float64],
    offsets: NDArray[np.float64],
    missing: NDArray[np.float64],
    status: NDArray[np.uint8],
    steps_per_unit: float,
    nodata: int,
    out: NDArray[np.int16],
) -> None:
    """Write an index of the usable pixels as int16; what an int16 cannot hold becomes its largest number.

    Reflectance is ``DN * gain + offset``; below zero it counts as 0.

    Parameters
    ----------
    formula : one of the constants of this module
    first, second, third : any number type (rows, columns), digital numbers; repeat one that is not used
    gains, offsets, missing : (3,), of each band; the digital number that is missing, NaN for none
    status : uint8 (rows, columns), 0 where the pixel may be used
    steps_per_unit : 10000 for an index * 10000
    nodata : value of ``out`` where there is no index
    out : int16 (rows, columns)
    """
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            x, y, z = np.float64(first[r, c]), np.float64(second[r, c]), np.float64(third[r, c])
            usable = (status[r, c] == 0) & (x != missing[0]) & (y != missing[1]) & (z != missing[2])
            out[r, c] = np.int16(nodata)
            if usable & (x == x) & (y == y) & (z == z):
                value = index_value(
                    formula,
                    max(x * gains[0] + offsets[0], 0.0),
                    max(y * gains[1] + offsets[1], 0.0),
                    max(z * gains[2] + offsets[2], 0.0),
                )
                if value == value:
                    out[r, c] = np.int16(np.rint(min(max(value * steps_per_unit, -32767.0), 32767.0)))
