"""NDVI of a block: mask, scale and offset, index, quantisation in one walk over the pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel


@kernel
def ndvi_block(
    red: NDArray[np.generic],
    nir: NDArray[np.generic],
    status: NDArray[np.uint8],
    red_scale: float,
    red_offset: float,
    red_missing: float,
    nir_scale: float,
    nir_offset: float,
    nir_missing: float,
    steps_per_unit: float,
    missing: int,
    out: NDArray[np.int16],
) -> None:
    """Write (nir - red) / (nir + red) of the usable pixels as int16.

    Reflectance is ``DN * scale + offset``. Atmospheric correction leaves some dark surfaces slightly
    below zero; such a reflectance is taken as 0, so that the index stays within -1..1. Where both are 0
    there is no index.

    Parameters
    ----------
    red, nir : any number type (rows, columns), digital numbers; NaN is missing
    status : uint8 (rows, columns), 0 where the pixel may be used
    red_missing, nir_missing : digital number that is missing, NaN for none
    steps_per_unit : 10000 for NDVI * 10000
    missing : value of ``out`` where there is no index
    out : int16 (rows, columns)
    """
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            dn_red = np.float64(red[r, c])
            dn_nir = np.float64(nir[r, c])
            reflectance_red = dn_red * red_scale + red_offset
            reflectance_nir = dn_nir * nir_scale + nir_offset
            # Comparisons written so that NaN survives them and ends as missing.
            red_used = 0.0 if reflectance_red < 0.0 else reflectance_red
            nir_used = 0.0 if reflectance_nir < 0.0 else reflectance_nir
            both = nir_used + red_used
            usable = (status[r, c] == 0) & (both > 1e-7) & (dn_red != red_missing) & (dn_nir != nir_missing)
            index = (nir_used - red_used) / both if usable else 0.0
            out[r, c] = np.int16(np.rint(index * steps_per_unit)) if usable else np.int16(missing)
