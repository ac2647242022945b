"""Each threshold from both sides and on it, where the default and the original part, and each reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.processors.l4a.diversification import categories, conformity
from sen4cap_core.processors.l4a.diversification.assessment import assess
from sen4cap_core.processors.l4a.diversification.conformity import judge_parcels
from sen4cap_core.processors.l4a.diversification.model import NO_CODE
from tests.processors.l4a.diversification_twins import (
    FALLOW,
    ORCHARD,
    PERMANENT_GRASS,
    RICE,
    TEMPORARY_GRASS,
    Parcel,
    code_sets,
    parcels_of,
)

HA = 10_000.0
STEP = 0.01
ALL_POSSIBLE = "Exemption_or_Category1_2_or_3"


def judged(parcels, compat="default", thresholds=None):
    table = parcels_of([Parcel(*parcel) for parcel in parcels])
    found = assess(table, code_sets(), thresholds or Thresholds(), compat)
    return categories.NAMES[found.category[0]], categories.DIAGNOSES[found.diagnosis[0]]


def both(parcels):
    return judged(parcels), judged(parcels, "sen4cap")


def crops(*hectares):
    return [(crop_type, area * HA) for crop_type, area in enumerate(hectares, start=1)]


def test_10_ha_of_arable_land():
    below = [(1, 5 * HA), (2, 5 * HA - STEP)]
    assert both(below) == (("Exemption1", "Not_required"),) * 2
    # "Between 10 and 30 hectares" begins with 10; the original has no rule for it.
    assert both(crops(5, 5)) == (("Category1", "Compliant"), (ALL_POSSIBLE, "Missing_info"))
    above = [(1, 5 * HA), (2, 5 * HA + STEP)]
    assert both(above) == (("Category1", "Compliant"),) * 2


def test_10_ha_with_unknown_parcels():
    assert both([*crops(5, 4), (3, HA - STEP, False)]) == (("Exemption1", "Not_required"),) * 2
    assert both([*crops(5, 4), (3, HA, False)]) == (
        ("Exemption_or_Category1", "Compliant"),
        ("Exemption_or_Category1", "Missing_info"),
    )
    assert both([*crops(5, 5), (3, 1.0, False)]) == (
        ("Category1", "Compliant"),
        (ALL_POSSIBLE, "Missing_info"),
    )


def test_30_ha_of_arable_land_and_the_number_of_crops():
    assert both(crops(18, 12)) == (("Category1", "Compliant"),) * 2
    assert both([(1, 18 * HA), (2, 12 * HA + STEP)]) == (("Category2", "Not_compliant"),) * 2
    assert both(crops(20, 9, 2)) == (("Category2", "Compliant"),) * 2
    assert both(crops(15)) == (("Category1", "Not_compliant"),) * 2


def test_30_ha_with_unknown_parcels():
    # With the unknown hectare 30 ha at most, or more than 30 ha from 30 ha on.
    assert judged([*crops(18, 11), (3, HA, False)])[0] == "Category1"
    assert judged([*crops(18, 11), (3, HA, False)], "sen4cap")[0] == "Category1_or_2"
    assert judged([*crops(18, 12), (3, HA, False)])[0] == "Category1_or_2"
    assert judged([*crops(18, 12), (3, HA, False)], "sen4cap")[0] == "Category2"
    assert both([*crops(18, 13), (3, HA, False)])[0][0] == "Category2"


def test_75_percent_for_the_main_crop():
    assert both(crops(15, 5)) == (("Category1", "Compliant"),) * 2
    assert both([(1, 15 * HA), (2, 5 * HA - STEP)]) == (("Category1", "Not_compliant"),) * 2
    assert both(crops(30, 6, 4)) == (("Category2", "Compliant"),) * 2
    assert (
        both([(1, 30 * HA + STEP), (2, 6 * HA), (3, 4 * HA - STEP)]) == (("Category2", "Not_compliant"),) * 2
    )


def test_75_percent_with_unknown_parcels():
    # All of it may be the main crop: 14 + 1 of 20 ha fits, a little more may not.
    assert both([*crops(14, 5), (3, HA, False)]) == (("Category1", "Compliant"),) * 2
    assert both([(1, 14 * HA + STEP), (2, 5 * HA), (3, HA, False)]) == (("Category1", "Missing_info"),) * 2
    # None of it may be: 15 of 20 ha may fit, a little more never does.
    assert both([*crops(15, 4), (3, HA, False)]) == (("Category1", "Missing_info"),) * 2
    assert (
        both([(1, 15 * HA + STEP), (2, 4 * HA - STEP), (3, HA, False)])
        == (("Category1", "Not_compliant"),) * 2
    )


def test_95_percent_for_two_crops():
    assert both(crops(28, 10, 2)) == (("Category2", "Compliant"),) * 2
    assert (
        both([(1, 28 * HA), (2, 10 * HA + STEP), (3, 2 * HA - STEP)]) == (("Category2", "Not_compliant"),) * 2
    )
    assert both([*crops(27, 10, 2), (4, HA, False)]) == (("Category2", "Compliant"),) * 2
    assert (
        both([(1, 27 * HA), (2, 10 * HA + STEP), (3, 2 * HA - STEP), (4, HA, False)])
        == (("Category2", "Missing_info"),) * 2
    )


def test_grass_and_fallow_exempt_beyond_75_percent_up_to_30_ha():
    grass = [(TEMPORARY_GRASS, 8 * HA), (FALLOW, 7 * HA)]
    assert both([*grass, (1, 5 * HA)]) == (("Category1", "Compliant"),) * 2
    assert both([*grass, (1, 5 * HA - STEP)]) == (("Exemption2", "Not_required"),) * 2
    much = [(TEMPORARY_GRASS, 100 * HA)]
    assert both([*much, (1, 20 * HA), (2, 10 * HA)]) == (("Exemption2", "Not_required"),) * 2


def test_category_3_looks_at_the_land_that_is_left():
    grass = (TEMPORARY_GRASS, 100 * HA)
    fits = [grass, (1, 22.5 * HA), (2, 7.5 * HA + STEP)]
    # Grass is the largest crop: the original compares it with the land beside grass.
    assert both(fits) == (("Category3", "Compliant"), ("Category3", "Not_compliant"))
    assert both([grass, (1, 22.6 * HA), (2, 7.5 * HA)]) == (("Category3", "Not_compliant"),) * 2
    # The number of crops is required all the same.
    assert both([grass, (1, 31 * HA)]) == (("Category3", "Not_compliant"),) * 2
    assert judged([grass, (1, 20 * HA), (2, 10 * HA), (3, 4 * HA, False)])[0].endswith("3")


def test_grassland_and_water_exempt_beyond_75_percent_of_the_eligible_area():
    arable = crops(10, 2.5, 2.5)
    assert both([*arable, (PERMANENT_GRASS, 45 * HA)]) == (("Category1", "Compliant"),) * 2
    assert both([*arable, (PERMANENT_GRASS, 45 * HA + STEP)]) == (("Exemption3", "Not_required"),) * 2
    diluted = [*arable, (PERMANENT_GRASS, 45 * HA), (ORCHARD, HA)]
    assert both(diluted) == (("Category1", "Compliant"),) * 2
    assert both([*crops(16, 14), (RICE, 100 * HA)]) == (("Exemption3", "Not_required"),) * 2
    assert both([*crops(16, 14.01), (RICE, 100 * HA)])[0][0] == "Category2"


def test_arable_land_wholly_under_water_is_exempt():
    orchard = (ORCHARD, 100 * HA)
    assert both([(RICE, 20 * HA), orchard]) == (("Exemption4", "Not_required"),) * 2
    assert both([(RICE, 20 * HA), (1, STEP), orchard]) == (("Category1", "Not_compliant"),) * 2


def test_one_category_beside_an_exemption_is_looked_at():
    holding = [*crops(6, 3.5), (3, HA, False)]
    assert both(holding) == (
        ("Exemption_or_Category1", "Compliant"),
        ("Exemption_or_Category1", "Missing_info"),
    )


def test_category_3_is_not_listed_where_too_little_land_would_be_left():
    holding = [(TEMPORARY_GRASS, 12 * HA), (1, 5 * HA), (2, 4 * HA, False)]
    assert judged(holding)[0] == "Exemption_or_Category1"
    assert judged(holding, "sen4cap")[0] == ALL_POSSIBLE


def test_thresholds_can_be_set():
    strict = Thresholds(exemption_area_ha=5, large_area_ha=12, main_crop_share=0.5, crops_medium=3)
    assert judged(crops(5, 5), thresholds=strict) == ("Category1", "Not_compliant")
    assert judged(crops(4, 4, 2), thresholds=strict) == ("Category1", "Compliant")
    assert judged(crops(7, 7), "sen4cap", strict) == ("Category2", "Not_compliant")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "Classified_conform"),
        ({"predicted_class": 7, "second_class": 1}, "Classified_conform"),
        ({"predicted_class": 7, "second_class": 8}, "Classified_not_conform"),
        ({"predicted_class": 7, "has_usable_geometry": False}, "Classified_not_conform"),
        ({"predicted_class": NO_CODE, "has_usable_geometry": False}, "Not_classified_geometry"),
        ({"predicted_class": NO_CODE, "land_cover": 0}, "Not_classified_land_cover"),
        ({"predicted_class": NO_CODE, "land_cover": 5}, "Not_classified_land_cover"),
        ({"predicted_class": NO_CODE, "land_cover": NO_CODE}, "Not_classified_land_cover"),
        ({"predicted_class": NO_CODE, "n_pixels_s2": 2}, "Not_classified_minS2pix"),
        ({"predicted_class": NO_CODE, "n_pixels_s2": NO_CODE}, "Not_classified_minS2pix"),
        ({"predicted_class": NO_CODE, "n_pixels_s2": 3, "n_pixels_s1": 0}, "Not_classified_noS1pix"),
        ({"predicted_class": NO_CODE, "n_pixels_s1": NO_CODE}, "Not_classified_noS1pix"),
        ({"predicted_class": NO_CODE, "n_pixels_s2": 3, "n_pixels_s1": 1}, "Not_classified_undefined"),
    ],
)
def test_each_reason(changes, reason):
    table = parcels_of([Parcel(1, 1.0)])
    table = replace(table, **{name: np.array([value]) for name, value in changes.items()})
    for compat in ("default", "sen4cap"):
        codes = judge_parcels(table, code_sets(), Thresholds(), compat)
        assert conformity.NAMES[codes[0]] == reason


@pytest.mark.parametrize(
    ("confidence", "predicted_type", "is_used"),
    [(0.75, 2, True), (0.749, 2, False), (np.nan, 2, False), (0.9, NO_CODE, False), (0.9, 12345, False)],
)
def test_a_prediction_is_used_from_the_threshold_on(confidence, predicted_type, is_used):
    table = parcels_of([Parcel(1, 12 * HA), Parcel(1, 12 * HA, is_known=False)])
    table = replace(
        table,
        confidence=np.array([0.1, confidence]),
        predicted_type=np.array([1, predicted_type], np.int32),
    )
    found = assess(table, code_sets(), Thresholds())
    name = "Classified_not_conform_prediction_used" if is_used else "Classified_not_conform"
    assert conformity.NAMES[found.conformity[1]] == name
    assert found.n_types[0] == (2 if is_used else 1)
    assert found.areas_m2["area_nc"][0] == (0 if is_used else 12 * HA)
    original = assess(table, code_sets(), Thresholds(), "sen4cap")
    assert conformity.NAMES[original.conformity[1]] == "Classified_not_conform"


def test_two_missing_classes_are_equal_for_the_original_only():
    table = parcels_of([Parcel(1, 1.0)])
    table = replace(table, declared_class=np.array([NO_CODE]), is_missing_alike=np.array([True]))
    codes = {c: judge_parcels(table, code_sets(), Thresholds(), c)[0] for c in ("default", "sen4cap")}
    assert {c: conformity.NAMES[code] for c, code in codes.items()} == {
        "default": "Classified_not_conform",
        "sen4cap": "Classified_conform",
    }
