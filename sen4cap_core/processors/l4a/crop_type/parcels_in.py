"""The parcels table and the crop code table of a run, joined."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.declarations.texts.encodings import detect_encoding
from sen4cap_core.declarations.texts.texts import as_texts
from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.processors.l4a.crop_type.model import CropClasses
from sen4cap_core.processors.l4a.crop_type.regions import ID_COLUMNS, read_regions, strata_file
from sen4cap_core.tables.arrow_arrays import from_texts
from sen4cap_core.tables.parcels import ParcelTable
from sen4cap_core.tables.reading import table_format

MAX_CODES_BYTES = 64 << 20
_WHOLE = re.compile(r"^-?\d{1,18}(\.0*)?$")
_CROPS = ("ori_crop", "crop_code", "crop", "croptype", "crop_type")
_AREAS = ("area_meters", "area_meter", "area_m2", "area")
_NO = {"0", "f", "false", "0.0"}
_YES = {"1", "t", "true", "1.0"}


@dataclass(frozen=True)
class CropTypes:
    """What the crop code table says that the map needs."""

    of_code: dict[str, tuple[int, int]]
    """CTnumL4A and LC (-1 where the table has none) of each crop code."""
    names: dict[int, str]
    """CTL4A of each CTnumL4A."""
    land_cover_of: dict[int, int]
    """LC of each CTnumL4A, -1 where its codes disagree."""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The table as it came, for CropType_LUT.csv."""


@dataclass(frozen=True)
class TableParcels:
    """Parcels of a table run in ascending order of their ids."""

    lookup: ParcelTable
    classes: CropClasses
    remarks: tuple[str, ...]


def read_crop_types(path: Path) -> CropTypes:
    """Read a crop code table: ``Ori_crop`` and ``CTnumL4A`` are needed, ``CTL4A`` and ``LC`` used.

    The full table of the upload folder and the original's ``lut.csv`` (``CTnumL4A, CTL4A``) fit. Any case and
    order; comma, semicolon or tab; gzip and Parquet too.

    Raises
    ------
    BadUploadError
        When a column is missing, a number is none, or a crop code stands twice with different classes.
    """
    header, rows = _text_rows(path)
    lower = [name.strip().lower() for name in header]
    if "ctnuml4a" not in lower and "ctnum" not in lower:
        raise BadUploadError(
            path,
            "column 'CTnumL4A' missing.",
            expected="a crop code table with Ori_crop, CTnumL4A, CTL4A, LC",
            remedy=f"The file has: {', '.join(header[:30])}.",
        )
    number_at = lower.index("ctnuml4a") if "ctnuml4a" in lower else lower.index("ctnum")
    name_at = next((lower.index(n) for n in ("ctl4a", "ct") if n in lower), None)
    code_at = next((lower.index(n) for n in _CROPS if n in lower), None)
    cover_at = lower.index("lc") if "lc" in lower else None
    problems: list[Problem] = []
    of_code: dict[str, tuple[int, int]] = {}
    names: dict[int, str] = {}
    covers: dict[int, set[int]] = {}
    for row, cells in rows:
        if len(cells) != len(header):
            problems.append(Problem(f"{len(cells)} fields where the header has {len(header)}", row=row))
            continue
        number = _whole(cells[number_at])
        cover = -1 if cover_at is None else _whole(cells[cover_at])
        if number is None:
            problems.append(_no_number(cells[number_at], row, header[number_at]))
        if cover is None:
            problems.append(_no_number(cells[cover_at or 0], row, "LC"))
        if number is None or cover is None:
            continue
        names.setdefault(number, cells[name_at].strip() if name_at is not None else str(number))
        covers.setdefault(number, set()).add(cover)
        if code_at is not None:
            code = cells[code_at].strip()
            if of_code.setdefault(code, (number, cover)) != (number, cover):
                text = f"{code!r} stands there twice with different classes"
                problems.append(Problem(text, row=row, column=header[code_at]))
    if problems:
        raise BadUploadError(
            path, "the crop code table cannot be used.", problems=problems[:20], remedy="Correct these rows."
        )
    if not names:
        raise BadUploadError(path, "there is no crop code in it.", remedy="Add one row for each crop code.")
    land_cover_of = {n: next(iter(c)) if len(c) == 1 else -1 for n, c in covers.items()}
    return CropTypes(of_code, names, land_cover_of, tuple(header), tuple(tuple(c) for _, c in rows))


def read_table_parcels(
    path: Path, crop_types: CropTypes, crop_codes_path: Path, strata: str | None = None
) -> TableParcels:
    """Read the parcels: an id (NewID, parcel_id) and a crop code (Ori_crop, crop_code) or class (CTnumL4A);
    LC, S2Pix, S1Pix, Area_meters, GeomValid, Duplic, Overlap where there.

    Parameters
    ----------
    strata : column that names each parcel's region, or a file of polygons; the parcels are GeoParquet then.

    Raises
    ------
    BadUploadError
        When a column is missing, an id is empty or stands twice, or a value is no number.
    """
    frame = _text_frame(path)
    lower = {str(name).strip().lower(): name for name in reversed(list(frame.columns))}
    id_name = next((lower[n] for n in ID_COLUMNS if n in lower), None)
    crop_name = next((lower[n] for n in _CROPS if n in lower), None)
    class_name = lower.get("ctnuml4a")
    missing = [] if id_name is not None else ["NewID (or parcel_id)"]
    if class_name is None and (crop_name is None or not crop_types.of_code):
        missing.append("Ori_crop (or crop_code)" if crop_types.of_code else "CTnumL4A")
    regions = strata_file(strata)
    if strata is not None and regions is None and strata.lower() not in lower:
        missing.append(strata)
    if missing or id_name is None:
        raise BadUploadError(
            path,
            f"no column {', '.join(missing)}.",
            remedy=f"The table has: {', '.join(map(str, list(frame.columns)[:20]))}.",
        )
    ids = frame[id_name].astype(str).str.strip().to_numpy(object)
    _check_ids(path, ids, str(id_name))
    order = _order(ids)
    frame, ids = frame.iloc[order].reset_index(drop=True), ids[order]
    numbers = _Numbers(path, frame, order, lower)
    remarks: list[str] = []
    codes = frame[crop_name].str.strip().to_numpy(object) if crop_name else np.full(len(ids), "", object)
    if crop_name is not None and crop_types.of_code:
        pairs = [crop_types.of_code.get(code, (-1, -1)) for code in codes.tolist()]
        declared = np.array([pair[0] for pair in pairs], np.int64)
        cover = np.array([pair[1] for pair in pairs], np.int64)
        unknown = sorted({code for code, n in zip(codes, declared, strict=True) if n < 0})
        if unknown:
            shown = ", ".join(map(repr, unknown[:10]))
            n_of = int((declared < 0).sum())
            remarks.append(f"{n_of} parcels have crop codes that {crop_codes_path.name} lacks: {shown}")
        if len(unknown) and (declared < 0).all():
            raise BadUploadError(
                path,
                f"no crop code of this table is in {crop_codes_path.name}: {shown} ...",
                remedy="Check that both tables write the codes alike (leading zeros).",
            )
    else:
        declared = numbers.whole("ctnuml4a")
        cover = np.array([crop_types.land_cover_of.get(n, -1) for n in declared.tolist()], np.int64)
        declared = np.where(np.isin(declared, list(crop_types.names)), declared, -1)
    if "lc" in lower:
        cover = numbers.whole("lc")
    area = next((numbers.real(n) for n in _AREAS if n in lower), np.full(len(ids), np.nan))
    usable = (
        numbers.flag("geomvalid", missing=True)
        & ~numbers.flag("duplic", missing=False)
        & ~numbers.flag("overlap", missing=False)
    )
    stratum, outside = np.full(len(ids), "", object), None
    if regions is not None:
        stratum, outside = read_regions(regions, path, order)
    elif strata is not None:
        stratum = frame[lower[strata.lower()]].to_numpy(object)
    s2_pix, s1_pix = (
        next((numbers.whole(n) for n in names if n in lower), np.full(len(ids), -1, np.int64))
        for names in (("s2pix", "s2_pix", "n_pix_s2"), ("s1pix", "s1_pix", "n_pix_s1"))
    )
    classes = CropClasses(
        ids, declared, cover, area, s2_pix, s1_pix, usable, crop_types.names, codes, stratum, outside
    )
    lookup = ParcelTable(from_texts(ids.tolist()), tuple(codes.tolist()), None, None, None)
    return TableParcels(lookup, classes, tuple(remarks))


class _Numbers:
    """Numeric columns of the parcels; a value that is none is named by its row in the file."""

    def __init__(
        self, path: Path, frame: pd.DataFrame, order: NDArray[np.intp], lower: dict[str, str]
    ) -> None:
        self._path, self._frame, self._order, self._lower = path, frame, order, lower

    def real(self, name: str) -> NDArray[np.float64]:
        column = self._frame[self._lower[name]].str.strip()
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
        bad = np.isnan(numbers) & ~column.str.lower().isin(("", "na", "nan", "none")).to_numpy()
        if bad.any():
            at = int(np.argmax(bad))
            problem = Problem(
                f"expected a number, found {column.iloc[at]!r}",
                row=int(self._order[at]) + 2,
                column=str(self._lower[name]),
            )
            raise BadUploadError(
                self._path,
                "a value does not fit its column.",
                problems=[problem],
                remedy="Correct the table.",
            )
        return np.asarray(numbers)

    def whole(self, name: str) -> NDArray[np.int64]:
        return np.nan_to_num(self.real(name), nan=-1).astype(np.int64)

    def flag(self, name: str, *, missing: bool) -> NDArray[np.bool_]:
        if name not in self._lower:
            return np.full(len(self._frame), missing)
        texts = self._frame[self._lower[name]].str.strip().str.lower()
        return np.asarray(~texts.isin(_NO) if missing else texts.isin(_YES))


def _order(ids: NDArray[np.object_]) -> NDArray[np.intp]:
    """Numbers by size, then texts: what is drawn at random does not depend on the order of the rows."""
    keys = [(0, int(i), i) if i.isdigit() else (1, 0, i) for i in ids.tolist()]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)


def _check_ids(path: Path, ids: NDArray[np.object_], name: str) -> None:
    if not len(ids):
        raise BadUploadError(path, "there is no parcel in it.")
    first: dict[str, int] = {}
    for row, text in enumerate(ids.tolist(), start=2):
        if not text or text == "nan":
            raise BadUploadError(
                path, "a parcel has no id.", problems=[Problem("is empty", row=row, column=name)]
            )
        if first.setdefault(text, row) != row:
            problem = Problem(f"{text!r} is already in row {first[text]}", row=row, column=name)
            raise BadUploadError(path, "a parcel stands there twice.", problems=[problem])


def _text_frame(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    if table_format(path) == "parquet":
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise BadUploadError(path, f"is not a readable Parquet file: {error}") from error
        plain = [n for n in table.column_names if not pa.types.is_nested(table[n].type)]
        plain = [n for n in plain if not pa.types.is_binary(table[n].type)]
        columns = {name: _texts(table[name]) for name in plain}
        return pd.DataFrame(columns, dtype=object)
    header, rows = _text_rows(path, limit=None)
    for row, cells in rows:
        if len(cells) != len(header):
            problem = Problem(f"{len(cells)} fields where the header has {len(header)}", row=row)
            raise BadUploadError(path, "a row does not fit the header.", problems=[problem])
    return pd.DataFrame([cells for _, cells in rows], columns=header, dtype=object)


def _texts(column: pa.ChunkedArray) -> list[str]:
    """Return a column as a CSV would have it: yes is 1, no is 0, what is missing is empty."""
    plain = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
    return ["" if text is None else text for text in as_texts(plain)]


def _text_rows(
    path: Path, limit: int | None = MAX_CODES_BYTES
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    if table_format(path) == "parquet":
        frame = _text_frame(path)
        return [str(n) for n in frame.columns], list(enumerate(frame.to_numpy(object).tolist(), start=2))
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as stream:
            content = stream.read() if limit is None else stream.read(limit + 1)
        if limit is not None and len(content) > limit:
            raise BadUploadError(path, f"is larger than {limit >> 20} MB; a crop code table never is.")
        text = content.decode(detect_encoding(content))
        first = next((line for line in text.splitlines() if line.strip()), "")
        reader = csv.reader(
            io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=True
        )
        rows = [(n, cells) for n, cells in enumerate(reader, start=1) if any(c.strip() for c in cells)]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadUploadError(
            path, f"is not a readable CSV table: {error}.", remedy="Save it as CSV in UTF-8."
        ) from error
    if not rows:
        raise BadUploadError(path, "is empty.")
    return [name.strip().lstrip("\ufeff") for name in rows[0][1]], rows[1:]


def _whole(text: str) -> int | None:
    text = text.strip()
    return int(text.partition(".")[0]) if _WHOLE.match(text) else None


def _no_number(text: str, row: int, column: str) -> Problem:
    return Problem(f"expected a whole number, found {text!r}", row=row, column=column)
