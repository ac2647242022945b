"""The parcels table, and the table of predictions beside it, read into arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.diversification_settings import SHARE_STEPS
from sen4cap_core.errors import BadUploadError
from sen4cap_core.processors.l4a.diversification.code_sets import CodeSets
from sen4cap_core.processors.l4a.diversification.columns import read_columns
from sen4cap_core.processors.l4a.diversification.holdings import UNITS_PER_M2
from sen4cap_core.processors.l4a.diversification.model import NO_CODE, Parcels
from sen4cap_core.tables.arrow_arrays import to_numbers
from sen4cap_core.tables.reading import TEXT

_NUMBER = pa.float64()
DECLARED: Mapping[str, pa.DataType] = {
    "NewID": TEXT,
    "HoldID": TEXT,
    "CTnumDIV": _NUMBER,
    "Area_meters": _NUMBER,
    "GeomValid": TEXT,
    "Duplic": TEXT,
    "Overlap": TEXT,
    "LC": _NUMBER,
    "S2Pix": _NUMBER,
    "S1Pix": _NUMBER,
}
PREDICTED: Mapping[str, pa.DataType] = dict.fromkeys(("CT_pred_1", "CT_conf_1", "CT_pred_2"), _NUMBER)
MAX_HOLDING_M2 = 2**63 / SHARE_STEPS / UNITS_PER_M2 / 2


@dataclass(frozen=True)
class ParcelsIn:
    """Parcels, and what a reader should know about the tables they come from."""

    parcels: Parcels
    n_foreign_predictions: int
    """Predictions for parcels that are not in the parcels table."""
    tells_predicted_type: bool
    """Whether a prediction can take the place of a declaration: its diversification type is known."""


def read_parcels(path: Path, predictions: Path | None, code_sets: CodeSets) -> ParcelsIn:
    """Read the parcels table with its predictions, or the predictions from a table of their own.

    Predictions join on NewID; a parcel without one is not classified. Empty or NA numbers are missing. The
    diversification type of a prediction is the column CTnumDIV_pred_1, else what the crop code table makes of
    the class (CTnumL4A) if that is one type.

    Raises
    ------
    BadUploadError
        When a file or column is missing, an id is empty or twice, or a value does not fit its column; file,
        row and column are named.
    """
    optional = {"CT_decl": _NUMBER, "CTnumDIV_pred_1": _NUMBER}
    if predictions is None:
        table = read_columns(path, DECLARED, {**PREDICTED, **optional})
        missing = [name for name in ("CT_decl", *PREDICTED) if name not in table]
        if missing:
            raise BadUploadError(
                path,
                f"column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))} missing.",
                remedy="Give the table that holds the predictions with --predictions.",
            )
    else:
        table = read_columns(path, DECLARED, {"CT_decl": _NUMBER})
    ids = table.ids("NewID")
    table.check_unique("NewID", ids)
    holding, holding_ids = table.groups("HoldID")
    area_m2 = table.numbers("Area_meters")
    table.check("Area_meters", area_m2 >= 0, "expected an area of 0 or more")
    totals = np.bincount(holding, weights=area_m2)
    if totals.size and totals.max() > MAX_HOLDING_M2:
        of = holding_ids[int(np.argmax(totals))].as_py()
        raise BadUploadError(
            path, f"the parcels of holding {of!r} add up to {totals.max() / 1e6:.0f} km2.",
            expected="Area_meters in square metres",
        )  # fmt: skip

    seen, at, n_foreign = table, None, 0
    if predictions is not None:
        needed = {} if "CT_decl" in table else {"CT_decl": _NUMBER}
        seen = read_columns(predictions, {"NewID": TEXT, **PREDICTED, **needed}, {"CTnumDIV_pred_1": _NUMBER})
        seen_ids = seen.ids("NewID")
        seen.check_unique("NewID", seen_ids)
        at = to_numbers(pc.index_in(ids, seen_ids), -1)
        n_foreign = len(seen_ids) - int((at >= 0).sum())

    confidence = seen.numbers("CT_conf_1")
    seen.check("CT_conf_1", ~((confidence < 0) | (confidence > 1)), "expected a confidence from 0 to 1")
    predicted_class = _beside(seen.codes("CT_pred_1"), at)
    predicted_type = np.full(len(table), NO_CODE, np.int32)
    if "CTnumDIV_pred_1" in seen:
        predicted_type = _beside(seen.codes("CTnumDIV_pred_1"), at)
    elif code_sets.of_l4a_class:
        predicted_type = _types_of(predicted_class, code_sets.of_l4a_class)
    second_class = _beside(seen.codes("CT_pred_2"), at)
    seen_path = predictions or path
    declared_in = (path, table, None) if "CT_decl" in table else (seen_path, seen, at)
    declared = _beside(declared_in[1].codes("CT_decl"), declared_in[2])
    is_missing = (predicted_class != NO_CODE) & (declared == NO_CODE) & (second_class == NO_CODE)
    if is_missing.any():
        words = _words(declared_in[0], "CT_decl", declared_in[2])
        is_missing &= words == _words(seen_path, "CT_pred_2", at)
    is_usable = (
        table.flags("GeomValid", missing=True)
        & ~table.flags("Duplic", missing=False)
        & ~table.flags("Overlap", missing=False)
    )
    parcels = Parcels(
        ids=ids,
        holding=holding,
        holding_ids=holding_ids,
        area_m2=area_m2,
        crop_type=table.codes("CTnumDIV"),
        declared_class=declared,
        predicted_class=predicted_class,
        second_class=second_class,
        is_missing_alike=is_missing,
        confidence=confidence if at is None else np.where(at >= 0, confidence[at], np.nan),
        predicted_type=predicted_type,
        has_usable_geometry=is_usable,
        land_cover=table.codes("LC"),
        n_pixels_s2=table.codes("S2Pix"),
        n_pixels_s1=table.codes("S1Pix"),
    )
    return ParcelsIn(parcels, n_foreign, "CTnumDIV_pred_1" in seen or bool(code_sets.of_l4a_class))


def _beside(codes: NDArray[np.int32], at: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """Bring codes of the predictions table beside the parcels; `NO_CODE` where a parcel has no row there."""
    if at is None:
        return codes
    return np.append(codes, np.int32(NO_CODE))[at]


def _words(path: Path, name: str, at: NDArray[np.int32] | None) -> NDArray[np.object_]:
    """Read a column of numbers as it is written, beside the parcels."""
    words = np.array(read_columns(path, {name: TEXT}, {}).texts(name).to_pylist(), object)
    return words if at is None else np.append(words, "")[at]


def _types_of(classes: NDArray[np.int32], of_class: Mapping[int, int]) -> NDArray[np.int32]:
    distinct, which = np.unique(classes, return_inverse=True)
    return np.array([of_class.get(int(one), NO_CODE) for one in distinct], np.int32)[which]
