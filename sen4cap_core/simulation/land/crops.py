"""What grows in the simulated land: codes, how common, and the course of NDVI over the year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MowingStyle = Literal["none", "meadow", "extensive", "pasture", "ley"]


@dataclass(frozen=True)
class Curve:
    """NDVI = base + amplitude * (rise - fall), two logistic steps; days count from 1 January."""

    base: float
    amplitude: float
    rise_day: float
    rise_days: float
    """Time the step takes from 12 to 88 percent is four times this."""
    fall_day: float
    fall_days: float
    spread_days: float = 6.0
    """Standard deviation of the shift of a parcel against the mean."""

    def at(
        self, day: float, shift_days: NDArray[np.float64], vigour: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """NDVI (parcel,) on a day; ``vigour`` multiplies the amplitude."""
        rise = 1 / (1 + np.exp(-(day - self.rise_day - shift_days) / self.rise_days))
        fall = 1 / (1 + np.exp(-(day - self.fall_day - shift_days) / self.fall_days))
        return np.asarray(self.base + self.amplitude * vigour * (rise - fall))


@dataclass(frozen=True)
class Crop:
    """One crop of the declarations and its row in the look-up table."""

    code: str
    name: str
    share: float
    curve: Curve
    mowing: MowingStyle
    ctnum: int
    land_cover: int
    ctnum_l4a: int
    name_l4a: str
    ctnum_div: int
    name_div: str
    arable: bool
    permanent_grass: bool = False
    temporary_grass: bool = False
    fallow: bool = False


GRASS_CURVE = Curve(0.55, 0.32, 85, 12, 330, 16, 7)

CROPS = (
    Crop("051", "Permanent grassland, meadow", 0.22, GRASS_CURVE, "meadow",
         101, 3, 10, "Permanent grassland", 1, "Grassland", False, permanent_grass=True),
    Crop("052", "Permanent grassland, extensive", 0.06, Curve(0.48, 0.30, 98, 13, 320, 18, 8), "extensive",
         102, 3, 10, "Permanent grassland", 1, "Grassland", False, permanent_grass=True),
    Crop("046", "Permanent grassland, pasture", 0.08, Curve(0.52, 0.28, 88, 12, 325, 16, 7), "pasture",
         103, 3, 10, "Permanent grassland", 1, "Grassland", False, permanent_grass=True),
    Crop("265", "Temporary grassland, ley", 0.09, Curve(0.50, 0.37, 82, 10, 328, 14, 7), "ley",
         104, 3, 11, "Temporary grassland", 2, "Ley", True, temporary_grass=True),
    Crop("007", "Winter wheat", 0.19, Curve(0.20, 0.66, 62, 14, 178, 6, 5), "none",
         201, 1, 20, "Winter cereals", 3, "Wheat", True),
    Crop("012", "Winter barley", 0.07, Curve(0.20, 0.64, 56, 13, 163, 6, 5), "none",
         202, 1, 20, "Winter cereals", 4, "Barley", True),
    Crop("031", "Winter rapeseed", 0.05, Curve(0.22, 0.60, 50, 14, 172, 8, 5), "none",
         203, 1, 21, "Rapeseed", 5, "Rapeseed", True),
    Crop("118", "Maize for silage", 0.13, Curve(0.17, 0.68, 162, 8, 268, 5, 6), "none",
         301, 1, 30, "Maize", 6, "Maize", True),
    Crop("140", "Potatoes", 0.06, Curve(0.16, 0.70, 158, 6, 240, 6, 6), "none",
         302, 1, 31, "Potatoes", 7, "Potatoes", True),
    Crop("151", "Sugar beet", 0.03, Curve(0.16, 0.68, 160, 8, 300, 7, 6), "none",
         303, 1, 32, "Beet", 8, "Beet", True),
    Crop("910", "Fallow land", 0.02, Curve(0.26, 0.22, 105, 18, 215, 25, 12), "none",
         401, 4, 40, "Fallow", 9, "Fallow", True, fallow=True),
)  # fmt: skip
"""Shares are of the number of parcels."""

FOREST_CURVE = Curve(0.55, 0.33, 112, 9, 300, 12, 4)
IDLE_CURVE = Curve(0.36, 0.26, 105, 15, 270, 25, 10)
GRASSLAND_CODES = tuple(crop.code for crop in CROPS if crop.land_cover == 3)
