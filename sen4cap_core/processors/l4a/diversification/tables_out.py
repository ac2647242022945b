"""The result in the original's columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.processors.l4a.diversification import categories, conformity
from sen4cap_core.processors.l4a.diversification.model import Assessment, Parcels
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts, to_flags


def parcels_table(parcels: Parcels, assessment: Assessment) -> pa.Table:
    """Return one row for each parcel: ``NewID``, ``Classif_r``, ``CD_cat``, ``CD_diagn``, ``Area_meters``.

    Parcels stand together by holding, holdings and their parcels in order of first appearance.
    """
    order = np.argsort(parcels.holding, kind="stable")
    holding = parcels.holding[order]
    return pa.table(
        {
            "NewID": parcels.ids.take(from_numbers(order)),
            "Classif_r": _names(conformity.NAMES, assessment.conformity[order]),
            "CD_cat": _names(categories.NAMES, assessment.category[holding]),
            "CD_diagn": _names(categories.DIAGNOSES, assessment.diagnosis[holding]),
            "Area_meters": from_numbers(parcels.area_m2[order]),
        }
    )


def holdings_table(parcels: Parcels, assessment: Assessment, compat: Compat) -> pa.Table:
    """Return one row for each holding: ``HoldID``, ``CD_cat``, ``CD_diagn``, ``nb_types_c``, the areas of
    what is known (``area_eaa_c`` ... ``area_2mainCrop_c``) [m2], ``nb_parcels_nc`` and ``area_nc`` of what is
    not.
    """
    areas = {name: from_numbers(area) for name, area in assessment.areas_m2.items()}
    area_unknown = areas.pop("area_nc")
    # The original counts unknown parcels in floating point.
    count = np.float64 if compat == "sen4cap" else np.int64
    return pa.table(
        {
            "HoldID": parcels.holding_ids,
            "CD_cat": _names(categories.NAMES, assessment.category),
            "CD_diagn": _names(categories.DIAGNOSES, assessment.diagnosis),
            "nb_types_c": from_numbers(assessment.n_types),
            **areas,
            "nb_parcels_nc": from_numbers(assessment.n_unknown.astype(count)),
            "area_nc": area_unknown,
        }
    )


def with_decimals(table: pa.Table) -> pa.Table:
    """Write floating point as Python and the original do, as text: ``0.0``, ``4846.0``, ``1e-05``."""
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            texts = pc.cast(table.column(i).combine_chunks(), pa.string())
            is_plain = pc.match_substring_regex(texts, r"^-?\d+$")
            plain = pc.binary_join_element_wise(texts, from_texts([".0"])[0], "")
            table = table.set_column(i, field.name, _small_as_python(pc.if_else(is_plain, plain, texts)))
    return table


def _small_as_python(texts: pa.Array) -> pa.Array:
    """Write what is left over where floating point sums cancel with Python's exponents."""
    is_small = pc.match_substring_regex(texts, r"e|^-?0\.0000")
    if not to_flags(is_small).any():
        return texts
    own = [repr(float(text)) for text in texts.filter(is_small).to_pylist()]
    return pc.replace_with_mask(texts, is_small, from_texts(own))


def _names(names: tuple[str, ...], codes: NDArray[np.int8]) -> pa.Array:
    return from_texts(names).take(from_numbers(codes))
