"""NDVI on land: red and near infrared at 10 m, stored as int16 x 10000."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.ndvi import ndvi_block
from sen4cap_core.rasters.blockwise.variables import BlockBand, Quantisation, Variable


def _compute(
    bands: Mapping[str, BlockBand],
    status: NDArray[np.uint8],
    quantisation: Quantisation,
    out: NDArray[np.int16],
) -> None:
    red, nir = bands["B04"], bands["B08"]
    ndvi_block(
        red.values,
        nir.values,
        status,
        red.source.scale,
        red.source.offset,
        red.missing,
        nir.source.scale,
        nir.source.offset,
        nir.missing,
        quantisation.steps_per_unit,
        quantisation.nodata,
        out,
    )


NDVI = Variable(
    name="ndvi",
    bands=("B04", "B08"),
    compute=_compute,
    quantisation=Quantisation(scale=1e-4, nodata=-32768),
    description="Normalised difference vegetation index on clear land",
)
"""(B08 - B04) / (B08 + B04). Reflectance below 0 counts as 0; water, cloud, snow, saturation are missing."""
