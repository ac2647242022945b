"""Areas of each holding by what its parcels are known to carry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.processors.l4a.diversification.code_sets import CodeSets
from sen4cap_core.processors.l4a.diversification.conformity import CONFORM, PREDICTION_USED
from sen4cap_core.processors.l4a.diversification.model import HoldingSums, Parcels

UNITS_PER_M2 = 10_000
"""Areas are whole cm2 by default. Products with `SHARE_STEPS` stay below 2**63 up to 90 000 km2."""


def crop_types_in_force(parcels: Parcels, conformity: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return the declared type of each parcel, or the predicted one where it takes its place."""
    return np.where(conformity == PREDICTION_USED, parcels.predicted_type, parcels.crop_type)


def sum_holdings(
    parcels: Parcels, conformity: NDArray[np.int8], code_sets: CodeSets, compat: Compat
) -> HoldingSums:
    """Add the parcels up; known parcels by what they carry, unknown ones of the eligible area apart."""
    n = len(parcels.holding_ids)
    at = code_sets.locate(crop_types_in_force(parcels, conformity))
    area = parcels.area_m2 if compat == "sen4cap" else np.round(parcels.area_m2 * UNITS_PER_M2)
    is_known = (conformity == CONFORM) | (conformity == PREDICTION_USED)
    is_unknown = ~is_known & code_sets.is_eaa[at]

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return _sums(parcels.holding[chosen], area[chosen], n)

    is_arable = is_known & code_sets.is_arable[at]
    holding, position, type_areas = _areas_by_type(parcels.holding[is_arable], at[is_arable], area[is_arable])
    largest, second = _two_largest(n, holding, type_areas)
    is_remaining = ~(code_sets.is_temporary_grass | code_sets.is_fallow)[position]
    return HoldingSums(
        n_types=np.bincount(holding, minlength=n),
        eaa=total(is_known & code_sets.is_eaa[at]),
        arable=total(is_arable),
        temporary_grass=total(is_known & code_sets.is_temporary_grass[at]),
        permanent_grass=total(is_known & code_sets.is_permanent_grass[at]),
        fallow=total(is_known & code_sets.is_fallow[at]),
        under_water=total(is_known & code_sets.is_under_water[at]),
        largest=largest,
        second=second,
        largest_remaining=_two_largest(n, holding[is_remaining], type_areas[is_remaining])[0],
        n_unknown=np.bincount(parcels.holding[is_unknown], minlength=n),
        unknown=total(is_unknown),
    )


def _sums(group: NDArray[np.integer], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Add values up in their order in double precision, as the original does; whole numbers exactly."""
    return np.bincount(group, weights=values, minlength=n).astype(np.float64, copy=False)


def _areas_by_type(
    holding: NDArray[np.int32], position: NDArray[np.int32], area: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return holding, position of the type and area of each pair that occurs, ordered by holding."""
    n_positions = int(position.max(initial=0)) + 1
    pairs, of_pair = np.unique(holding.astype(np.int64) * n_positions + position, return_inverse=True)
    areas = _sums(of_pair, area, pairs.size)
    return pairs // n_positions, pairs % n_positions, areas


def _two_largest(
    n: int, holding: NDArray[np.int64], areas: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest and the second largest value of each holding, 0 where there is none."""
    order = np.lexsort((areas, holding))
    holding, areas = holding[order], areas[order]
    largest, second = np.zeros(n), np.zeros(n)
    is_last = np.append(holding[1:] != holding[:-1], True)[: holding.size]
    largest[holding[is_last]] = areas[is_last]
    before = np.nonzero(is_last)[0] - 1
    before = before[before >= 0]
    has_second = holding[before] == holding[before + 1]
    second[holding[before[has_second]]] = areas[before[has_second]]
    return largest, second
