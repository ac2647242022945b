"""Category and diagnosis of each holding: all that the unknown parcels may make of it.

Where the crop of every parcel is known, the rules give one category. Where it is not, each unknown parcel may
be arable land of any crop, grass, fallow, crop under water or eligible area that is not arable. A category or
exemption is in the name if there is such a choice that leads to it; the diagnosis is given only where it is
the same for each.

Areas are whole cm2 and shares whole multiples of 1/10 000: every comparison is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.diversification_settings import SHARE_STEPS, Thresholds
from sen4cap_core.processors.l4a.diversification.categories import (
    CATEGORY_1,
    CATEGORY_2,
    CATEGORY_3,
    EXEMPTION_1,
    EXEMPTION_2,
    EXEMPTION_3,
    EXEMPTION_4,
    FIRST_SET,
    OR_EXEMPTION,
    Codes,
    diagnose,
)
from sen4cap_core.processors.l4a.diversification.holdings import UNITS_PER_M2
from sen4cap_core.processors.l4a.diversification.model import HoldingSums

UNITS_PER_HA = UNITS_PER_M2 * 10_000
Areas = NDArray[np.int64]
Flags = NDArray[np.bool_]


def judge(sums: HoldingSums, thresholds: Thresholds) -> tuple[Codes, Codes]:
    """Return category and diagnosis of each holding, (holding,) indices into the names in ``categories``.

    ``sums`` are in cm2.
    """
    arable, unknown = _whole(sums.arable), _whole(sums.unknown)
    most_arable = arable + unknown
    main, two = _whole(sums.largest), _whole(sums.largest + sums.second)
    main_of_rest, rest = _whole(sums.largest_remaining), _whole(sums.rest_2)
    main_share, two_share = thresholds.main_crop_share, thresholds.two_crops_share
    n_least, n_most = sums.n_types, sums.n_types + sums.n_unknown
    medium, large = thresholds.crops_medium, thresholds.crops_large
    # The unknown area weighs heaviest when it is all of the largest crop, and least when it is all arable and
    # none of it is.
    fits = (
        (n_least >= medium) & ~_exceeds(main + unknown, main_share, most_arable),
        (n_least >= large)
        & ~_exceeds(main + unknown, main_share, most_arable)
        & ~_exceeds(two + unknown, two_share, most_arable),
        (n_least >= large) & ~_exceeds(main_of_rest + unknown, main_share, rest + unknown),
    )
    fails = (
        (n_most < medium) | _exceeds(main, main_share, most_arable),
        (n_most < large) | _exceeds(main, main_share, most_arable) | _exceeds(two, two_share, most_arable),
        (n_most < large) | _exceeds(main_of_rest, main_share, rest + unknown),
    )
    category = _categories(sums, thresholds)
    return category, diagnose(category, fits, fails)


def _categories(sums: HoldingSums, thresholds: Thresholds) -> Codes:
    share = thresholds.grass_share
    exempt, large = (
        round(area_ha * UNITS_PER_HA) for area_ha in (thresholds.exemption_area_ha, thresholds.large_area_ha)
    )
    arable, eaa, unknown = _whole(sums.arable), _whole(sums.eaa), _whole(sums.unknown)
    grass, pasture, water = _whole(sums.grass), _whole(sums.pasture), _whole(sums.under_water)
    rest_2, rest_3 = _whole(sums.rest_2), _whole(sums.rest_3)
    most_arable, most_eaa = arable + unknown, eaa + unknown

    # Most for an exemption: all unknown land is grass, or none of it is arable.
    may_be_1 = arable < exempt
    may_be_2 = _exceeds(grass + unknown, share, most_arable) & (rest_2 <= large)
    may_be_3 = _exceeds(pasture + unknown, share, most_eaa) & (rest_3 <= large)
    may_be_4 = water == arable
    # Least for it: all unknown land is arable and none of it grass.
    is_1 = most_arable < exempt
    is_2 = _exceeds(grass, share, most_arable) & (rest_2 + unknown <= large)
    can_miss_3 = ~_exceeds(pasture, share, most_eaa) | (rest_3 + unknown > large)

    # Category 1 needs 10 to 30 ha: of the unknown land as much is arable as leads there, the rest is not.
    medium_arable = np.minimum(most_arable, large)
    can_miss_4 = ~may_be_4 | (unknown > 0)
    can_be_1 = (
        (arable <= large)
        & (most_arable >= exempt)
        & ~_exceeds(grass, share, medium_arable)
        & ~_exceeds(pasture, share, most_eaa)
        & (~may_be_4 | (medium_arable > arable))
    )
    can_be_2 = (most_arable > large) & ~_exceeds(grass, share, most_arable) & can_miss_3 & can_miss_4
    # Category 3 needs more than 30 ha beside grass and fallow; what is left after that is fallow.
    no_grass = np.maximum(large - rest_2 + 1, 0)
    can_be_3 = (
        (no_grass <= unknown)
        & _exceeds(grass + unknown - no_grass, share, most_arable)
        & can_miss_3
        & can_miss_4
    )

    bits = (
        (may_be_1 | may_be_2 | may_be_3 | may_be_4) * OR_EXEMPTION
        + can_be_1 * CATEGORY_1
        + can_be_2 * CATEGORY_2
        + can_be_3 * CATEGORY_3
    )
    # Always exempt: by the first rule that surely holds, else by the first that may.
    exemption = np.select(
        [is_1, is_2, ~can_miss_3, may_be_1, may_be_2, may_be_3],
        [EXEMPTION_1, EXEMPTION_2, EXEMPTION_3, EXEMPTION_1, EXEMPTION_2, EXEMPTION_3],
        EXEMPTION_4,
    )
    is_category = can_be_1 | can_be_2 | can_be_3
    return np.where(is_category, FIRST_SET + bits, exemption).astype(np.int8)


def _whole(areas: NDArray[np.float64]) -> Areas:
    return areas.astype(np.int64)


def _exceeds(part: Areas, share: float, whole: Areas) -> Flags:
    """Whether ``part`` is more than its share of ``whole``."""
    return part * SHARE_STEPS > round(share * SHARE_STEPS) * whole
