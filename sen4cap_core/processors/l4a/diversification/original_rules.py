"""Category and diagnosis exactly as the original decides them, defects included.

Areas are m2 in floating point and compared as the original compares them, so that a sum that is a rounding
error away from a threshold falls on the same side.
"""

from __future__ import annotations

import numpy as np

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.processors.l4a.diversification.categories import (
    CATEGORY_1,
    CATEGORY_2,
    CATEGORY_3,
    EXEMPTION_1,
    EXEMPTION_2,
    EXEMPTION_3,
    EXEMPTION_4,
    FIRST_SET,
    MISSING_INFO,
    OR_EXEMPTION,
    Codes,
    diagnose,
)
from sen4cap_core.processors.l4a.diversification.model import HoldingSums

M2_PER_HA = 10_000
_UNDECIDED = FIRST_SET + OR_EXEMPTION + CATEGORY_1 + CATEGORY_2 + CATEGORY_3


def judge_as_original(sums: HoldingSums, thresholds: Thresholds) -> tuple[Codes, Codes]:
    """Return category and diagnosis of each holding, (holding,) indices into the names in ``categories``."""
    category = np.where(
        sums.unknown == 0, _complete_category(sums, thresholds), _incomplete_category(sums, thresholds)
    ).astype(np.int8)
    main_share = thresholds.main_crop_share
    unknown, main, two = sums.unknown, sums.largest, sums.largest + sums.second
    main_limit = main_share * (sums.arable + unknown)
    two_limit = thresholds.two_crops_share * (sums.arable + unknown)
    # The largest crop here may be grass or fallow, which the rest does not hold: category 3 never fits.
    rest_limit = main_share * (sums.rest_2 + unknown)
    most_types = sums.n_types + sums.n_unknown
    medium, large = thresholds.crops_medium, thresholds.crops_large
    main_fits = main + unknown <= main_limit
    fits = (
        (sums.n_types >= medium) & main_fits,
        (sums.n_types >= large) & main_fits & (two + unknown <= two_limit),
        main + unknown <= rest_limit,
    )
    fails = (
        (most_types < medium) | (main > main_limit),
        (most_types < large) | (main > main_limit) | (two > two_limit),
        main > rest_limit,
    )
    diagnosis = diagnose(category, fits, fails)
    # Beside an exemption the original looks at no single category.
    is_single = np.isin(
        category, [FIRST_SET + OR_EXEMPTION + one for one in (CATEGORY_1, CATEGORY_2, CATEGORY_3)]
    )
    diagnosis[is_single] = MISSING_INFO
    return category, diagnosis


def _complete_category(sums: HoldingSums, thresholds: Thresholds) -> Codes:
    """Category where every parcel of the eligible area is known."""
    share = thresholds.grass_share
    exempt_m2, large_m2 = thresholds.exemption_area_ha * M2_PER_HA, thresholds.large_area_ha * M2_PER_HA
    is_grass, is_pasture = sums.grass > share * sums.arable, sums.pasture > share * sums.eaa
    return np.select(
        [
            sums.arable < exempt_m2,
            is_grass & (sums.rest_2 <= large_m2),
            is_pasture & (sums.rest_3 <= large_m2),
            sums.under_water == sums.arable,
            is_grass,
            (sums.arable > exempt_m2) & (sums.arable <= large_m2),
            sums.arable > large_m2,
        ],
        [
            *(EXEMPTION_1, EXEMPTION_2, EXEMPTION_3, EXEMPTION_4),
            *(FIRST_SET + CATEGORY_3, FIRST_SET + CATEGORY_1, FIRST_SET + CATEGORY_2),
        ],
        # Exactly the area of the exemption.
        _UNDECIDED,
    ).astype(np.int8)


def _incomplete_category(sums: HoldingSums, thresholds: Thresholds) -> Codes:
    """Category where some parcels of the eligible area are not known."""
    share = thresholds.grass_share
    exempt_m2, large_m2 = thresholds.exemption_area_ha * M2_PER_HA, thresholds.large_area_ha * M2_PER_HA
    arable, eaa, unknown = sums.arable, sums.eaa, sums.unknown
    grass, pasture, rest_2, rest_3 = sums.grass, sums.pasture, sums.rest_2, sums.rest_3
    most_arable, most_eaa = arable + unknown, eaa + unknown
    is_grass, is_pasture = grass > share * arable, pasture > share * eaa
    is_surely_grass, may_be_grass = grass > share * most_arable, grass + unknown > share * most_arable
    may_be_pasture = pasture + unknown > share * most_eaa
    is_all_water = sums.under_water == arable

    is_exempt_so_far = (
        (arable < exempt_m2)
        | (is_grass & (rest_2 <= large_m2))
        | (is_pasture & (rest_3 <= large_m2))
        | is_all_water
    )
    is_never_exempt_2 = (
        ~may_be_grass | (rest_2 > large_m2) | (is_surely_grass & (rest_2 + unknown > large_m2))
    )
    is_never_exempt_3 = ~may_be_pasture | (rest_3 > large_m2)
    is_medium = (most_arable >= exempt_m2) & (most_arable < large_m2)
    by_size = np.select([is_medium, arable >= large_m2], [CATEGORY_1, CATEGORY_2], CATEGORY_1 + CATEGORY_2)
    by_grass = np.select(
        [is_grass & is_surely_grass, is_grass | may_be_grass], [CATEGORY_3, by_size + CATEGORY_3], by_size
    )
    return np.select(
        [
            most_arable < exempt_m2,
            is_surely_grass & (rest_2 + unknown <= large_m2),
            (pasture > share * most_eaa) & (rest_3 + unknown <= large_m2),
            is_exempt_so_far,
            (arable > exempt_m2) & is_never_exempt_2 & is_never_exempt_3,
        ],
        [
            *(EXEMPTION_1, EXEMPTION_2, EXEMPTION_3),
            *(FIRST_SET + OR_EXEMPTION + by_grass, FIRST_SET + by_grass),
        ],
        _UNDECIDED,
    ).astype(np.int8)
