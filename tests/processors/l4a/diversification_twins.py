"""The rules once more in plain Python, one holding at a time, and small holdings to try them on.

``original_outcome`` follows the original's decisions; ``outcome_when_known`` is the law for a holding whose
parcels are all known, in whole numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa

from sen4cap_core.processors.l4a.diversification.code_sets import CodeSets
from sen4cap_core.processors.l4a.diversification.model import NO_CODE, Parcels

FALLOW, TEMPORARY_GRASS, PERMANENT_GRASS, RICE, ORCHARD, FOREST = 20, 21, 30, 40, 50, 60
ARABLE = (1, 2, 3, 4, FALLOW, TEMPORARY_GRASS, RICE)
ELIGIBLE = (*ARABLE, PERMANENT_GRASS, ORCHARD)
TYPES = (*ELIGIBLE, FOREST)
NEW_CROP = 9
"""An arable crop that stands in no holding, for what an unknown parcel may be."""


@dataclass(frozen=True)
class Parcel:
    """One parcel: what it carries, how large, and whether that is known."""

    crop_type: int
    area: float
    is_known: bool = True
    holding: str = "a"


def code_sets() -> CodeSets:
    types = np.array(sorted((*TYPES, NEW_CROP)), np.int32)

    def of(*members: int) -> np.ndarray:
        return np.append(np.isin(types, members), False)

    return CodeSets(
        types=types,
        is_eaa=of(*ELIGIBLE, NEW_CROP),
        is_arable=of(*ARABLE, NEW_CROP),
        is_permanent_grass=of(PERMANENT_GRASS),
        is_temporary_grass=of(TEMPORARY_GRASS),
        is_fallow=of(FALLOW),
        is_under_water=of(RICE),
        of_l4a_class={},
    )


def parcels_of(parcels: Sequence[Parcel], m2_per_unit: float = 1.0) -> Parcels:
    """Arrays as the assessment takes them; unknown parcels were classified as something else."""
    n = len(parcels)
    holding_ids = list(dict.fromkeys(p.holding for p in parcels))
    types = np.array([p.crop_type for p in parcels], np.int32)
    return Parcels(
        ids=pa.array([str(i) for i in range(n)]),
        holding=np.array([holding_ids.index(p.holding) for p in parcels], np.int32),
        holding_ids=pa.array(holding_ids),
        area_m2=np.array([p.area for p in parcels], np.float64) * m2_per_unit,
        crop_type=types,
        declared_class=types,
        predicted_class=np.where([p.is_known for p in parcels], types, 99).astype(np.int32),
        second_class=np.full(n, NO_CODE, np.int32),
        is_missing_alike=np.zeros(n, np.bool_),
        confidence=np.zeros(n),
        predicted_type=np.full(n, NO_CODE, np.int32),
        has_usable_geometry=np.ones(n, np.bool_),
        land_cover=np.ones(n, np.int32),
        n_pixels_s2=np.full(n, 50, np.int32),
        n_pixels_s1=np.full(n, 9, np.int32),
    )


def original_outcome(parcels: Sequence[Parcel]) -> tuple[str, str]:
    """Category and diagnosis as the original gives them, in its order of tests; areas in m2."""
    T = E = TG = PG = LLF = CW = N = 0.0
    by_type: dict[int, float] = {}
    nc = 0.0
    for p in parcels:
        if not p.is_known:
            if p.crop_type in ELIGIBLE:
                N += p.area
                nc += 1
            continue
        if p.crop_type in ELIGIBLE:
            E += p.area
        if p.crop_type in ARABLE:
            T += p.area
            by_type[p.crop_type] = by_type.get(p.crop_type, 0.0) + p.area
        TG += p.area if p.crop_type == TEMPORARY_GRASS else 0.0
        PG += p.area if p.crop_type == PERMANENT_GRASS else 0.0
        LLF += p.area if p.crop_type == FALLOW else 0.0
        CW += p.area if p.crop_type == RICE else 0.0
    ex2, ex3 = T - TG - LLF, T - TG - CW
    G, P = TG + LLF, PG + TG + CW
    sizes = [*sorted(by_type.values(), reverse=True), 0.0, 0.0]
    main, main2 = sizes[0], sizes[1]

    def category() -> str:
        default = "Exemption_or_Category1_2_or_3"
        if N == 0:
            if T < 100000:
                return "Exemption1"
            if G > 0.75 * T and ex2 <= 300000:
                return "Exemption2"
            if P > 0.75 * E and ex3 <= 300000:
                return "Exemption3"
            if CW == T:
                return "Exemption4"
            if G > 0.75 * T:
                return "Category3"
            if 100000 < T <= 300000:
                return "Category1"
            return "Category2" if T > 300000 else default
        if T + N < 100000:
            return "Exemption1"
        if G > 0.75 * (T + N) and ex2 + N <= 300000:
            return "Exemption2"
        if P > 0.75 * (E + N) and ex3 + N <= 300000:
            return "Exemption3"
        z = "1" if T + N < 300000 else "2" if T >= 300000 else "1_or_2"
        with_3 = {"1": "1_or_3", "2": "2_or_3", "1_or_2": "1_2_or_3"}[z]
        if G > 0.75 * T:
            suffix = "3" if G > 0.75 * (T + N) else with_3
        else:
            suffix = z if G + N <= 0.75 * (T + N) else with_3
        if T < 100000 or (G > 0.75 * T and ex2 <= 300000) or (P > 0.75 * E and ex3 <= 300000) or CW == T:
            return "Exemption_or_Category" + suffix
        a = (
            G + N <= 0.75 * (T + N)
            or (G + N > 0.75 * (T + N) and ex2 > 300000)
            or (G > 0.75 * (T + N) and ex2 + N > 300000)
            or (G > 0.75 * T and ex2 > 300000)
        )
        b = (
            P + N <= 0.75 * (E + N)
            or (P > 0.75 * E and ex3 > 300000)
            or (P + N > 0.75 * (E + N) and ex3 > 300000)
        )
        return "Category" + suffix if T > 100000 and a and b else default

    def diagnosis(name: str) -> str:
        if name.startswith("Exemption") and "_or_" not in name:
            return "Not_required"
        n = len(by_type)
        ok = {
            "1": n >= 2 and main + N <= 0.75 * (T + N),
            "2": n >= 3 and main + N <= 0.75 * (T + N) and main + main2 + N <= 0.95 * (T + N),
            "3": main + N <= 0.75 * (ex2 + N),
        }
        ko = {
            "1": n + nc < 2 or main > 0.75 * (T + N),
            "2": n + nc < 3 or main > 0.75 * (T + N) or main + main2 > 0.95 * (T + N),
            "3": main > 0.75 * (ex2 + N),
        }
        listed = [one for one in name.partition("Category")[2] if one in "123"]
        if name.startswith("Exemption"):
            fine = len(listed) > 1 and all(ok[one] for one in listed)
            return "Compliant" if fine else "Missing_info"
        if all(ok[one] for one in listed):
            return "Compliant"
        return "Not_compliant" if all(ko[one] for one in listed) else "Missing_info"

    name = category()
    return name, diagnosis(name)


def outcome_when_known(parcels: Sequence[tuple[int, int]]) -> tuple[str, bool]:
    """Rule that applies (``E1`` ... ``E4``, ``1``, ``2``, ``3``) and whether it is met, for (type, area).

    Areas in units of which 10 and 30 are the limits of the law.
    """
    by_type: dict[int, int] = {}
    for crop_type, area in parcels:
        if crop_type in (*ARABLE, NEW_CROP):
            by_type[crop_type] = by_type.get(crop_type, 0) + area
    arable = sum(by_type.values())
    of = {t: sum(a for one, a in parcels if one == t) for t in (PERMANENT_GRASS, ORCHARD)}
    eligible = arable + of[PERMANENT_GRASS] + of[ORCHARD]
    grass = by_type.get(TEMPORARY_GRASS, 0) + by_type.get(FALLOW, 0)
    pasture = of[PERMANENT_GRASS] + by_type.get(TEMPORARY_GRASS, 0) + by_type.get(RICE, 0)
    beside_pasture = arable - by_type.get(TEMPORARY_GRASS, 0) - by_type.get(RICE, 0)
    if arable < 10:
        return "E1", True
    if 4 * grass > 3 * arable and arable - grass <= 30:
        return "E2", True
    if 4 * pasture > 3 * eligible and beside_pasture <= 30:
        return "E3", True
    if by_type.get(RICE, 0) == arable:
        return "E4", True
    sizes = sorted(by_type.values())
    main, two = sizes[-1], sum(sizes[-2:])
    if 4 * grass > 3 * arable:
        rest = {t: a for t, a in by_type.items() if t not in (TEMPORARY_GRASS, FALLOW)}
        return "3", len(by_type) >= 3 and 4 * max(rest.values()) <= 3 * sum(rest.values())
    if arable <= 30:
        return "1", len(by_type) >= 2 and 4 * main <= 3 * arable
    return "2", len(by_type) >= 3 and 4 * main <= 3 * arable and 20 * two <= 19 * arable


def splits(total: int, n_parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to share whole units out."""
    if n_parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in splits(total - first, n_parts - 1):
            yield first, *rest


def rules_that_may_apply(known: Sequence[tuple[int, int]], unknown: int) -> set[str]:
    """Every rule some use of the unknown units leads to."""
    fates = (NEW_CROP, TEMPORARY_GRASS, FALLOW, RICE, PERMANENT_GRASS, ORCHARD)
    return {
        outcome_when_known([*known, *((t, a) for t, a in zip(fates, parts, strict=True) if a)])[0]
        for parts in splits(unknown, len(fates))
    }


def verdicts_that_may_result(
    known: Sequence[tuple[int, int]], unknown: Sequence[int]
) -> set[tuple[bool, bool]]:
    """(is exempt, is met) for every crop the unknown parcels may carry, each parcel one crop."""
    new_crops = (NEW_CROP, *(t for t in (1, 2, 3, 4) if t not in {one for one, _ in known}))
    fates = dict.fromkeys((*(t for t, _ in known), *new_crops[:3], *ELIGIBLE[4:]))
    found = set()
    for carried in product(fates, repeat=len(unknown)):
        rule, is_met = outcome_when_known([*known, *zip(carried, unknown, strict=True)])
        found.add((rule.startswith("E"), is_met))
    return found
