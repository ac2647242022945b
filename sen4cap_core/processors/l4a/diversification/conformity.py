"""Whether what was seen on a parcel fits its declaration, or why it was not seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.processors.l4a.diversification.code_sets import CodeSets
from sen4cap_core.processors.l4a.diversification.model import NO_CODE, Parcels

NAMES = (
    "Classified_conform",
    "Classified_not_conform_prediction_used",
    "Classified_not_conform",
    "Not_classified_geometry",
    "Not_classified_land_cover",
    "Not_classified_minS2pix",
    "Not_classified_noS1pix",
    "Not_classified_undefined",
)
CONFORM, PREDICTION_USED, NOT_CONFORM, GEOMETRY, LAND_COVER, FEW_S2, NO_S1, UNDEFINED = range(8)


def judge_parcels(
    parcels: Parcels, code_sets: CodeSets, thresholds: Thresholds, compat: Compat
) -> NDArray[np.int8]:
    """Return the index into `NAMES` of each parcel, (parcel,) int8; the first that holds.

    A classified parcel is conform when one of the two predicted classes is the declared one. Otherwise the
    prediction takes the place of the declaration if it is confident enough and its diversification type is
    in the crop code table; under ``compat: sen4cap`` never.
    """
    declared = parcels.declared_class
    is_classified = parcels.predicted_class != NO_CODE
    is_conform = (declared == parcels.predicted_class) | (declared == parcels.second_class)
    is_conform &= declared != NO_CODE
    is_used = np.zeros(len(parcels), np.bool_)
    if compat == "sen4cap":
        # The original compares texts: two empty ones are equal, an empty one and NA are not.
        is_conform |= parcels.is_missing_alike
    else:
        # NaN is no confidence: the comparison is False.
        is_used = (parcels.confidence >= thresholds.min_confidence) & (
            code_sets.locate(parcels.predicted_type) >= 0
        )
    is_excluded = np.isin(parcels.land_cover, (NO_CODE, *thresholds.excluded_land_covers))
    return np.select(
        [
            is_classified & is_conform,
            is_classified & is_used,
            is_classified,
            ~parcels.has_usable_geometry,
            is_excluded,
            parcels.n_pixels_s2 < thresholds.min_s2_pixels,
            parcels.n_pixels_s1 < thresholds.min_s1_pixels,
        ],
        np.arange(UNDEFINED, dtype=np.int8),
        np.int8(UNDEFINED),
    ).astype(np.int8)
