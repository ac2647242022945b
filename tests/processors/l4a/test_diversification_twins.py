"""Holdings tried against the rules in plain Python: the original's decisions, and the law case by case."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.processors.l4a.diversification import categories
from sen4cap_core.processors.l4a.diversification.assessment import assess
from tests.processors.l4a.diversification_twins import (
    ELIGIBLE,
    FALLOW,
    FOREST,
    TEMPORARY_GRASS,
    TYPES,
    Parcel,
    code_sets,
    original_outcome,
    outcome_when_known,
    parcels_of,
    rules_that_may_apply,
    verdicts_that_may_result,
)

UNIT_M2 = 0.0001
"""The smallest area there is; with limits of 10 and 30 units every use of an unknown parcel can be tried."""
SMALL = Thresholds(exemption_area_ha=10 * UNIT_M2 / 10_000, large_area_ha=30 * UNIT_M2 / 10_000)

EDGES_M2 = [1.0, 25_000.0, 75_000.0, 100_000.0, 150_000.0, 225_000.0, 300_000.0, 950_000.0, 1_200_000.0]
areas_m2 = st.one_of(
    st.sampled_from(EDGES_M2),
    st.floats(0.01, 4_000_000).map(lambda area: round(area, 2)),
    st.builds(lambda edge, change: edge + change, st.sampled_from(EDGES_M2), st.sampled_from([-0.01, 0.01])),
)
kinds = st.one_of(st.sampled_from([1, 2, 3, FALLOW, TEMPORARY_GRASS]), st.sampled_from(TYPES))
holdings_m2 = st.lists(
    st.builds(Parcel, kinds, areas_m2, st.sampled_from([True, True, True, False])), min_size=1, max_size=7
)
known_units = st.lists(
    st.tuples(kinds, st.one_of(st.integers(1, 12), st.integers(1, 130))), min_size=0, max_size=6
)
unknown_units = st.lists(st.integers(1, 6), max_size=3).filter(lambda areas: sum(areas) <= 7)


def names(parcels, thresholds=None, compat="default", m2_per_unit=1.0):
    table = parcels_of(parcels, m2_per_unit)
    found = assess(table, code_sets(), thresholds or Thresholds(), compat)
    return [
        (categories.NAMES[category], categories.DIAGNOSES[diagnosis])
        for category, diagnosis in zip(found.category, found.diagnosis, strict=True)
    ]


def in_units(known, unknown, unknown_type=1):
    parcels = [Parcel(FOREST, 1), *(Parcel(crop_type, area) for crop_type, area in known)]
    parcels += [Parcel(unknown_type, area, is_known=False) for area in unknown]
    return names(parcels, SMALL, m2_per_unit=UNIT_M2)[0]


@settings(max_examples=300, deadline=None)
@given(holdings_m2)
def test_compat_decides_as_the_original(parcels):
    assert names(parcels, compat="sen4cap") == [original_outcome(parcels)]


def test_compat_decides_as_the_original_on_many_holdings():
    rng = np.random.default_rng(8)
    parcels = [
        Parcel(
            int(rng.choice(TYPES)),
            float(rng.choice(EDGES_M2) if rng.random() < 0.5 else np.round(rng.lognormal(11, 1.5), 2)),
            bool(rng.random() < 0.8),
            f"h{rng.integers(4000)}",
        )
        for _ in range(16_000)
    ]
    by_holding: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        by_holding.setdefault(parcel.holding, []).append(parcel)
    found = names(parcels, compat="sen4cap")
    assert found == [original_outcome(own) for own in by_holding.values()]
    seen = {category for category, _ in found}
    assert {"Exemption1", "Exemption2", "Exemption3", "Exemption4", "Category1", "Category2"} < seen
    assert len(seen) >= 13


@settings(max_examples=300, deadline=None)
@given(known_units)
def test_a_known_holding_gets_the_rule_of_the_law(known):
    rule, is_met = outcome_when_known(known)
    category, diagnosis = in_units(known, [])
    if rule.startswith("E"):
        assert (category, diagnosis) == (f"Exemption{rule[1]}", "Not_required")
    else:
        assert (category, diagnosis) == (f"Category{rule}", "Compliant" if is_met else "Not_compliant")


@settings(max_examples=400, deadline=None)
@given(known_units, unknown_units, st.sampled_from(ELIGIBLE))
def test_the_name_lists_what_may_apply_and_nothing_else(known, unknown, declared):
    may_apply = rules_that_may_apply(known, sum(unknown))
    category, _ = in_units(known, unknown, declared)
    listed = {one for one in category.partition("Category")[2] if one in "123"}
    assert listed == may_apply & {"1", "2", "3"}
    may_be_exempt = any(rule.startswith("E") for rule in may_apply)
    assert category.startswith("Exemption") == may_be_exempt
    if not listed:
        assert f"E{category.removeprefix('Exemption')}" in may_apply


@settings(max_examples=400, deadline=None)
@given(known_units, unknown_units, st.sampled_from(ELIGIBLE))
def test_a_diagnosis_holds_whatever_the_unknown_parcels_are(known, unknown, declared):
    verdicts = verdicts_that_may_result(known, unknown)
    _, diagnosis = in_units(known, unknown, declared)
    if diagnosis == "Compliant":
        assert all(is_met for _, is_met in verdicts)
    elif diagnosis == "Not_compliant":
        assert not any(is_met for _, is_met in verdicts)
    elif diagnosis == "Not_required":
        assert all(is_exempt for is_exempt, _ in verdicts)
    if not unknown:
        assert diagnosis != "Missing_info"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.builds(
            Parcel, kinds, areas_m2, st.sampled_from([True, True, False]), st.sampled_from(["a", "b", "c"])
        ),
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
)
def test_the_order_of_parcels_changes_nothing(parcels, random):
    mixed = list(parcels)
    random.shuffle(mixed)

    def by_holding(given_parcels):
        table = parcels_of(given_parcels)
        found = assess(table, code_sets(), Thresholds())
        return {
            holding: (
                int(found.category[i]),
                int(found.diagnosis[i]),
                int(found.n_types[i]),
                int(found.n_unknown[i]),
                *(float(area[i]) for area in found.areas_m2.values()),
            )
            for i, holding in enumerate(table.holding_ids.to_pylist())
        }

    assert by_holding(mixed) == by_holding(parcels)


@settings(max_examples=200, deadline=None)
@given(holdings_m2, st.sampled_from(["default", "sen4cap"]))
def test_holdings_do_not_touch_each_other(parcels, compat):
    other = [Parcel(3, 123_456.7, holding="b"), Parcel(2, 1.0, is_known=False, holding="b")]
    alone = names(parcels, compat=compat)
    assert names([other[0], *parcels, other[1]], compat=compat)[1:] == alone


def test_sums_near_a_limit_are_exact_by_default_only():
    areas = [7_437.1, 39_701.7, 34_398.0, 18_463.2]  # 10 ha, in floating point a little less
    parcels = [Parcel(crop_type, area) for crop_type, area in enumerate(areas, start=1)]
    assert names(parcels) == [("Category1", "Compliant")]
    assert names(parcels, compat="sen4cap") == [("Exemption1", "Not_required")]
