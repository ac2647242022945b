"""The whole assessment in memory: parcels and crop types in, category and diagnosis of each holding out."""

from __future__ import annotations

import numpy as np

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.processors.l4a.diversification.code_sets import CodeSets
from sen4cap_core.processors.l4a.diversification.conformity import judge_parcels
from sen4cap_core.processors.l4a.diversification.holdings import (
    UNITS_PER_M2,
    crop_types_in_force,
    sum_holdings,
)
from sen4cap_core.processors.l4a.diversification.model import Assessment, Parcels
from sen4cap_core.processors.l4a.diversification.original_rules import judge_as_original
from sen4cap_core.processors.l4a.diversification.rules import judge


def assess(
    parcels: Parcels, code_sets: CodeSets, thresholds: Thresholds, compat: Compat = "default"
) -> Assessment:
    """Judge parcels and holdings.

    The default does not depend on the order of the parcels; ``sen4cap`` adds areas up in floating point in
    that order, as the original does.
    """
    conformity = judge_parcels(parcels, code_sets, thresholds, compat)
    sums = sum_holdings(parcels, conformity, code_sets, compat)
    is_original = compat == "sen4cap"
    category, diagnosis = (judge_as_original if is_original else judge)(sums, thresholds)
    is_nowhere = code_sets.locate(crop_types_in_force(parcels, conformity)) < 0
    areas = {
        "area_eaa_c": sums.eaa,
        "area_tal_c": sums.arable,
        "area_tempGrass_c": sums.temporary_grass,
        "area_permGrass_c": sums.permanent_grass,
        "area_llf_c": sums.fallow,
        "area_cwater_c": sums.under_water,
        "area_remAl_ex2_c": sums.rest_2,
        "area_remAl_ex3_c": sums.rest_3,
        "area_mainCrop_c": sums.largest,
        "area_2mainCrop_c": sums.second,
        "area_nc": sums.unknown,
    }
    per_m2 = 1 if is_original else UNITS_PER_M2
    return Assessment(
        conformity=conformity,
        category=category,
        diagnosis=diagnosis,
        n_types=sums.n_types,
        n_unknown=sums.n_unknown,
        areas_m2={name: area / per_m2 for name, area in areas.items()},
        n_without_type=int(is_nowhere.sum()),
        area_without_type_m2=float(np.sum(parcels.area_m2[is_nowhere])),
    )
