"""Spectral indices besides NDVI, each from two or three bands at 10 m."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical import indices as formulas
from sen4cap_core.kernels.optical.indices import index_block
from sen4cap_core.rasters.blockwise.variables import BlockBand, Quantisation, Variable


@dataclass(frozen=True)
class Index:
    """How an index is made: bands in the order of its formula, and the size of a stored step."""

    formula: int
    bands: tuple[str, ...]
    expression: str
    description: str
    scale: float = 1e-4


_DIFFERENCE = formulas.NORMALISED_DIFFERENCE
_NIR_RED = ("B08", "B04")
_RED_GREEN = ("B04", "B03")

INDICES: Mapping[str, Index] = {
    "ndwi": Index(
        _DIFFERENCE, ("B08", "B11"), "(B08 - B11) / (B08 + B11)", "Water in leaves: Gao's difference index"
    ),
    "ndwi2": Index(
        _DIFFERENCE, ("B03", "B08"), "(B03 - B08) / (B03 + B08)", "Open water: McFeeters' difference index"
    ),
    "mndwi": Index(
        _DIFFERENCE, ("B03", "B11"), "(B03 - B11) / (B03 + B11)", "Open water: Xu's modified difference index"
    ),
    "ndti": Index(_DIFFERENCE, _RED_GREEN, "(B04 - B03) / (B04 + B03)", "Turbidity difference index"),
    "ci": Index(_DIFFERENCE, _RED_GREEN, "(B04 - B03) / (B04 + B03)", "Colour index of soils"),
    "brightness": Index(
        formulas.BRIGHTNESS, _RED_GREEN, "sqrt((B04^2 + B03^2) / 2)", "Brightness of soils in the visible"
    ),
    "brightness2": Index(
        formulas.BRIGHTNESS_2,
        ("B04", "B03", "B08"),
        "sqrt((B04^2 + B03^2 + B08^2) / 3)",
        "Brightness of soils with near infrared",
    ),
    "redness": Index(formulas.REDNESS, _RED_GREEN, "B04^2 / B03^3", "Redness of soils", 1e-2),
    "rvi": Index(formulas.RATIO, _NIR_RED, "B08 / B04", "Ratio vegetation index", 1e-2),
    "savi": Index(
        formulas.SAVI, _NIR_RED, "1.5 (B08 - B04) / (B08 + B04 + 0.5)", "Soil-adjusted vegetation index"
    ),
    "tsavi": Index(
        formulas.TSAVI,
        _NIR_RED,
        "0.7 (B08 - 0.7 B04 - 0.9) / (0.7 B08 + B04 + 0.1192)",
        "Transformed soil-adjusted vegetation index",
        1e-2,
    ),
    "msavi": Index(
        formulas.MSAVI,
        _NIR_RED,
        "(1 + L) (B08 - B04) / (B08 + B04 + L), L = 1 - 0.8 NDVI (B08 - 0.4 B04)",
        "Modified soil-adjusted vegetation index",
    ),
    "msavi2": Index(
        formulas.MSAVI_2,
        _NIR_RED,
        "(2 B08 + 1 - sqrt((2 B08 + 1)^2 - 8 (B08 - B04))) / 2",
        "Modified soil-adjusted vegetation index, second form",
    ),
    "gemi": Index(
        formulas.GEMI,
        _NIR_RED,
        "n (1 - n / 4) - (B04 - 0.125) / (1 - B04), "
        "n = (2 (B08^2 - B04^2) + 1.5 B08 + 0.5 B04) / (B08 + B04 + 0.5)",
        "Global environment monitoring index",
    ),
    "ipvi": Index(formulas.IPVI, _NIR_RED, "B08 / (B08 + B04)", "Infrared percentage vegetation index"),
    "tndvi": Index(formulas.TNDVI, _NIR_RED, "sqrt(NDVI + 0.5)", "Transformed NDVI"),
    "lai_ndvi": Index(
        formulas.LAI_NDVI_LOG,
        _NIR_RED,
        "max(0, -ln((0.89 - NDVI) / 0.79) / 0.71)",
        "Leaf area index by the logarithm of NDVI",
        1e-3,
    ),
    "lai_linear": Index(
        formulas.LAI_LINEAR,
        _NIR_RED,
        "12.26 B08 - 17.91 B04",
        "Leaf area index linear in reflectance",
        1e-3,
    ),
}
"""By name. Reflectance 0..1, below 0 taken as 0; Sentinel-2 names stand for the band of that colour."""


def index_variable(name: str, bands: tuple[str, ...]) -> Variable:
    """Return an index as something a pass computes, from the scene's own names of its bands."""
    index = INDICES[name]
    # Formulas of two bands get the second one again.
    used = (*bands, bands[-1])[:3]

    def compute(
        blocks: Mapping[str, BlockBand],
        status: NDArray[np.uint8],
        quantisation: Quantisation,
        out: NDArray[np.int16],
    ) -> None:
        three = [blocks[band] for band in used]
        index_block(
            index.formula,
            three[0].values,
            three[1].values,
            three[2].values,
            np.array([band.source.scale for band in three]),
            np.array([band.source.offset for band in three]),
            np.array([band.missing for band in three]),
            status,
            quantisation.steps_per_unit,
            quantisation.nodata,
            out,
        )

    return Variable(name, bands, compute, Quantisation(index.scale), index.description)
