"""What the assessment takes and gives, as arrays over parcels and over holdings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

NO_CODE = -1
"""Crop type, class, land cover or number of pixels that is not given."""

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Parcels:
    """Declared parcels and what was seen on them; all arrays (parcel,), in the table's order."""

    ids: pa.Array
    """Text, unique."""
    holding: Ints
    """Index into ``holding_ids``."""
    holding_ids: pa.Array
    """Text, in order of first appearance."""
    area_m2: NDArray[np.float64]
    crop_type: Ints
    """Declared diversification type (CTnumDIV), `NO_CODE` where not given."""
    declared_class: Ints
    predicted_class: Ints
    """`NO_CODE`: not classified."""
    second_class: Ints
    is_missing_alike: Flags
    """Whether nothing stands for the declared and for the second class, and that in the same words."""
    confidence: NDArray[np.float64]
    """Confidence of the prediction, 0..1; NaN where not given."""
    predicted_type: Ints
    """Diversification type of the prediction, `NO_CODE` where not told."""
    has_usable_geometry: Flags
    land_cover: Ints
    n_pixels_s2: Ints
    n_pixels_s1: Ints

    def __len__(self) -> int:
        return int(self.holding.size)


@dataclass(frozen=True)
class HoldingSums:
    """Areas of each holding; all arrays (holding,).

    Areas are float64. Under ``compat: sen4cap`` they are m2 added up in the order of the parcels, as the
    original does. By default they are whole cm2, whose sums are exact and do not depend on the order.
    """

    n_types: NDArray[np.int64]
    """Distinct arable crop types among the known parcels."""
    eaa: NDArray[np.float64]
    arable: NDArray[np.float64]
    temporary_grass: NDArray[np.float64]
    permanent_grass: NDArray[np.float64]
    fallow: NDArray[np.float64]
    under_water: NDArray[np.float64]
    largest: NDArray[np.float64]
    """Area of the largest arable crop type, grass and fallow included."""
    second: NDArray[np.float64]
    largest_remaining: NDArray[np.float64]
    """Area of the largest arable crop type that is neither temporary grass nor fallow."""
    n_unknown: NDArray[np.int64]
    """Parcels of the eligible area whose crop is not known: neither confirmed nor replaced."""
    unknown: NDArray[np.float64]
    """Their area."""

    @property
    def grass(self) -> NDArray[np.float64]:
        """Temporary grass and fallow, which exempt by their share of the arable land."""
        return self.temporary_grass + self.fallow

    @property
    def pasture(self) -> NDArray[np.float64]:
        """Grassland and crops under water, which exempt by their share of the eligible area."""
        return self.permanent_grass + self.temporary_grass + self.under_water

    @property
    def rest_2(self) -> NDArray[np.float64]:
        """Arable land beside grass and fallow."""
        return self.arable - self.temporary_grass - self.fallow

    @property
    def rest_3(self) -> NDArray[np.float64]:
        """Arable land beside grass and crops under water."""
        return self.arable - self.temporary_grass - self.under_water


@dataclass(frozen=True)
class Assessment:
    """The result: codes of parcels and of holdings, and the areas they rest on."""

    conformity: NDArray[np.int8]
    """(parcel,) index into ``conformity.NAMES``."""
    category: NDArray[np.int8]
    """(holding,) index into ``categories.NAMES``."""
    diagnosis: NDArray[np.int8]
    """(holding,) index into ``categories.DIAGNOSES``."""
    n_types: NDArray[np.int64]
    n_unknown: NDArray[np.int64]
    areas_m2: dict[str, NDArray[np.float64]]
    """Areas of the holding table under the original's names, each (holding,)."""
    n_without_type: int
    """Parcels whose crop type is not given or not in the crop code table; they count nowhere."""
    area_without_type_m2: float
