"""Names of columns and variables as people write them, and days in the forms tables hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.tables.arrow_arrays import to_numbers

ROLES: dict[str, tuple[str, ...]] = {
    "parcel": ("parcel", "parcel_id", "newid", "new_id", "parcelid"),
    "date": ("date", "day", "acquired_at", "acquisition", "acquisition_date", "datetime", "timestamp"),
    "variable": ("variable", "var", "band", "index", "feature", "kind", "type"),
    "mean": ("mean", "value", "avg", "average"),
    "std": ("std", "stdev", "stddev", "dev", "sd"),
    "n_valid": ("n_valid", "count", "n", "n_pix", "pixels", "n_pixels"),
    "n_total": ("n_total",),
    "tile": ("tile", "tile_id"),
    "orbit": ("orbit", "relative_orbit", "rel_orbit", "track"),
    "direction": ("orbit_direction", "direction", "pass", "orbit_type"),
    "polarisation": ("polarisation", "polarization", "pol"),
    "group": ("group", "group_name", "product"),
}
"""Column names of each role, the first that is there counts."""

_PARTS = {"mean": "mean", "std": "std", "n_valid": "n_valid", "dev": "std"}
_ALIASES = {
    "coherence_vv": "coh_vv", "coherence_vh": "coh_vh", "cohe_vv": "coh_vv", "cohe_vh": "coh_vh",
    "vv_coh": "coh_vv", "vh_coh": "coh_vh", "vv_cohe": "coh_vv", "vh_cohe": "coh_vh",
    "coh": "coherence", "cohe": "coherence", "bck": "backscatter", "amp": "backscatter",
    "backscatter_vv": "vv", "backscatter_vh": "vh", "bck_vv": "vv", "bck_vh": "vh",
    "sigma0_vv": "vv", "sigma0_vh": "vh", "gamma0_vv": "vv", "gamma0_vh": "vh",
    "green": "b03", "red": "b04", "nir": "b08", "swir1": "b11", "swir16": "b11", "swir22": "b12",
    "rededge1": "b05", "rededge2": "b06", "rededge3": "b07",
}  # fmt: skip
_BAND = re.compile(r"^b(\d)$")
_DIRECTIONS = {
    "ascending": "ASC",
    "asc": "ASC",
    "a": "ASC",
    "descending": "DESC",
    "desc": "DESC",
    "d": "DESC",
}


def find_column(names: Sequence[str], role: str) -> str | None:
    """Return the stored name of the column that has a role, None where there is none."""
    lower = {name.strip().lower(): name for name in reversed(names)}
    return next((lower[alias] for alias in ROLES[role] if alias in lower), None)


def canonical_variable(name: str) -> tuple[str, str]:
    """Return variable and part (mean, std, n_valid) of a column or variable name; a bare name is a mean.

    Example
    -------
    >>> canonical_variable("B4_mean"), canonical_variable("ndvi"), canonical_variable("VV_std")
    (('b04', 'mean'), ('ndvi', 'mean'), ('vv', 'std'))
    """
    text = name.strip().lower().replace("-", "_").replace(" ", "_")
    part = "mean"
    for suffix, kind in _PARTS.items():
        if text.endswith("_" + suffix):
            text, part = text.removesuffix("_" + suffix), kind
            break
    text = re.sub(r"^(s1|s2)(_l2a|_sigma0|_gamma0)?_", "", text)
    text = _ALIASES.get(text, text)
    return _BAND.sub(r"b0\1", text), part


def orbit_names(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return ``ASC``, ``DESC``, ``R088`` for a number, "" for none."""
    distinct, which = np.unique(np.array(["" if t is None else str(t) for t in texts]), return_inverse=True)
    known = np.array([orbit_name(str(text)) for text in distinct], object)
    return known[which]


def orbit_name(text: str) -> str:
    """Return ``ASC``, ``DESC``, ``R088`` for the number of a relative orbit, "" for none."""
    plain = text.strip().lower()
    if plain in _DIRECTIONS:
        return _DIRECTIONS[plain]
    if re.fullmatch(r"r?\d+(\.0)?", plain):
        return f"R{int(float(plain.removeprefix('r'))):03d}"
    return "" if plain in ("", "nan", "none", "na") else text.strip().upper()


def day_numbers(path: Path, column: pa.Array, name: str, row_before: int) -> NDArray[np.int32]:
    """Days since 1970-01-01 of a column of dates, times or texts (YYYY-MM-DD..., YYYYMMDD).

    Raises
    ------
    BadUploadError
        When a value is no day, with its row.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        inner = day_numbers(path, column.dictionary, name, row_before)
        picked: NDArray[np.int32] = inner[to_numbers(column.indices.cast(pa.int32()), 0)]
        return picked
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if column.null_count:
            raise _no_day(
                path, name, row_before + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False))), None
            )
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = column.cast(pa.timestamp(kind.unit, "UTC")).cast(pa.timestamp(kind.unit))
        return np.array(
            column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()).to_numpy() // 86400, np.int32
        )
    encoded = column.cast(pa.string()).dictionary_encode()
    days = np.zeros(max(1, len(encoded.dictionary)), np.int32)
    bad = np.zeros(days.size, np.bool_)
    for i, text in enumerate(encoded.dictionary.to_pylist()):
        plain = str(text).strip()
        if re.fullmatch(r"\d{8}(T\d+Z?)?(\.0)?", plain):
            plain = f"{plain[:4]}-{plain[4:6]}-{plain[6:8]}"
        try:
            if not re.match(r"\d{4}-\d{2}-\d{2}", plain):
                raise ValueError(plain)
            days[i] = np.datetime64(plain[:10], "D").astype(np.int64)
        except ValueError:
            bad[i] = True
    codes = np.array(to_numbers(encoded.indices.cast(pa.int32()), -1))
    wrong = (codes < 0) | bad[codes]
    if wrong.any():
        at = int(np.argmax(wrong))
        raise _no_day(path, name, row_before + at, column[at].as_py())
    chosen: NDArray[np.int32] = days[codes]
    return chosen


def _no_day(path: Path, name: str, row: int, value: object) -> BadUploadError:
    found = "is empty" if value is None else f"expected a day such as 2019-06-01, found {value!r}"
    return BadUploadError(
        path, "an observation cannot be understood.", problems=[Problem(found, row=row + 2, column=name)],
        remedy="Correct the table and run again.",
    )  # fmt: skip
