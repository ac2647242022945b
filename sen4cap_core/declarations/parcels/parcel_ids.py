"""Ids of parcels, holdings and crops as the file has them, made whole: none missing, no two parcels alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sen4cap_core.declarations.parcels.columns import ColumnChoices
from sen4cap_core.declarations.parcels.identity import SortKey, distinguish, name_nameless
from sen4cap_core.declarations.texts.texts import joined_arrays

N_SHOWN = 10
"""Rows or ids named in a warning; the rest is counted."""

Outline = Callable[[int], BaseGeometry | None]
"""From row to its outline in metres, None where it has none."""


@dataclass(frozen=True)
class Ids:
    """Texts, one for each row; none is missing."""

    parcel: pa.LargeStringArray
    holding: pa.LargeStringArray
    crop: pa.LargeStringArray


def identify(
    columns: ColumnChoices,
    table: Mapping[str, pa.Array],
    outline: Outline,
    area_m2: NDArray[np.float64],
    warnings: list[str],
) -> Ids:
    """Make the ids of all rows; what had to be made up is told in ``warnings``.

    Parameters
    ----------
    columns : which hold parcel, holding and crop.
    table : text arrays by column name.
    """

    def role(names: Sequence[str]) -> pa.LargeStringArray:
        return joined_arrays([table[name] for name in names])

    parcel = role(columns.parcel_id.columns)
    crop = role(columns.crop_code.columns)
    holding = role(columns.holding_id.columns) if columns.holding_id.columns else None

    def row_text(row: int) -> str:
        return "\0".join(f"{name}={text[row]}" for name, text in table.items() if text[row].is_valid)

    def content(row: int) -> bytes:
        shape = outline(row)
        if shape is None:
            return row_text(row).encode()
        return bytes(shapely.to_wkb(shapely.normalize(shape)))

    def sort_key(row: int) -> SortKey:
        # Asked of the few parcels that share an id: a centre costs more than all else that is known of one.
        shape = outline(row)
        centre = shapely.Point(0, 0) if shape is None else shapely.centroid(shape)
        return (centre.x, centre.y, float(area_m2[row]), row_text(row))

    guessed = (
        ""
        if columns.parcel_id.given
        else f"; {_and(columns.parcel_id.columns)} was guessed: if it is not the parcel id, name the right "
        "column as `parcel_id` in declarations.yaml"
    )
    parcel, nameless = name_nameless(parcel, content)
    if len(nameless):
        warnings.append(
            f"{n_parcels(len(nameless))} without an id in {_and(columns.parcel_id.columns)} "
            f"({rows_text(nameless)}): each was given an id made of its geometry, `no-id-...`{guessed}"
        )
    parcel, twice, n_shared = distinguish(parcel, sort_key)
    if n_shared:
        share = n_shared / len(parcel)
        doubt = "; is this really the column of the parcel id?" if share > 0.2 else ""
        warnings.append(
            f"{n_parcels(n_shared)} share {len(twice)} {'id' if len(twice) == 1 else 'ids'} "
            f"({shown(twice)}): -A, -B ... were added from west to east{doubt}{guessed}"
        )
    if crop.null_count:
        warnings.append(
            f"{n_parcels(crop.null_count)} without a crop code in {_and(columns.crop_code.columns)} "
            f"({rows_text(_missing(crop))})"
        )
        crop = crop.fill_null("")
    return Ids(parcel, _holdings(holding, parcel, columns.holding_id.columns, warnings), crop)


def _holdings(
    holding: pa.Array | None, parcel: pa.Array, columns: Sequence[str], warnings: list[str]
) -> pa.Array:
    if holding is None:
        return parcel
    if holding.null_count:
        warnings.append(
            f"{n_parcels(holding.null_count)} without a holding in {_and(columns)} "
            f"({rows_text(_missing(holding))}): each counts as its own holding"
        )
        holding = pc.coalesce(holding, parcel)
    return holding


def _missing(texts: pa.Array) -> NDArray[np.intp]:
    return np.flatnonzero(texts.is_null().to_numpy(zero_copy_only=False))


def n_parcels(count: int) -> str:
    """Say how many parcels."""
    return "1 parcel" if count == 1 else f"{count} parcels"


def rows_text(indices: NDArray[np.intp]) -> str:
    """Name rows as the file numbers them, the first feature being row 1."""
    names = [str(index + 1) for index in indices[: N_SHOWN + 1].tolist()]
    return f"{'row' if len(indices) == 1 else 'rows'} {shown(names, len(indices))}"


def shown(names: Sequence[str], n: int | None = None) -> str:
    """Name the first ones of so many and count the rest."""
    n = len(names) if n is None else n
    more = f" and {n - N_SHOWN} more" if n > N_SHOWN else ""
    return ", ".join(names[:N_SHOWN]) + more


def _and(columns: Sequence[str]) -> str:
    return " and ".join(repr(column) for column in columns)
