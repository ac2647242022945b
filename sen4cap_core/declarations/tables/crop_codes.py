"""The crop code look-up table (L4A LUT): one row for each crop code of the declarations."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sen4cap_core.declarations.texts.encodings import UTF_8, detect_encoding, is_utf8
from sen4cap_core.declarations.texts.table_files import refuse_no_table
from sen4cap_core.errors import BadUploadError, Problem, nearest_word

COLUMNS = (
    "Ori_crop", "CTnum", "CT", "LC", "CTnumL4A", "CTL4A", "CTnumDIV", "CTDIV",
    "EAA", "AL", "PGrass", "TGrass", "Fallow", "Cwater",
)  # fmt: skip
"""The header, in any upper or lower case and any order."""

LAND_COVERS = {
    0: "other natural", 1: "annual crops", 2: "permanent crops", 3: "grassland", 4: "fallow",
    5: "greenhouse and nursery",
}  # fmt: skip

GRASSLAND = 3
"""Of `LAND_COVERS`."""

WHOLE_NUMBERS = ("CTnum", "LC", "CTnumL4A", "CTnumDIV")
FLAGS = ("EAA", "AL", "PGrass", "TGrass", "Fallow", "Cwater")
_INTEGER = re.compile(r"^[+-]?\d{1,18}(\.0*)?$")
_MAX_BYTES = 64 * 1024 * 1024
_MAX_INT32 = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CropCode:
    """What one crop code means. Names follow the table's header."""

    ori_crop: str
    """The code as the declarations have it, leading zeros kept."""
    ctnum: int
    ct: str
    lc: int
    """Land cover, see `LAND_COVERS`."""
    ctnum_l4a: int
    ct_l4a: str
    ctnum_div: int
    ct_div: str
    eaa: bool
    """Eligible agricultural area."""
    al: bool
    """Arable land."""
    pgrass: bool
    tgrass: bool
    fallow: bool
    cwater: bool
    other: Mapping[str, str] = field(default_factory=dict)
    """Further columns, as text."""


@dataclass(frozen=True)
class CropCodeTable:
    """A checked look-up table, in the order of the file."""

    codes: Mapping[str, CropCode]
    encoding: str
    delimiter: str
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True)
class UnknownCode:
    """A crop code that parcels have and the table does not."""

    code: str
    n_parcels: int
    area_ha: float
    hint: str = ""
    """What it may be meant to be, where that can be seen."""


def is_grass(lc: int, pgrass: bool, tgrass: bool) -> bool:
    """Whether a crop is grassland: by its land cover, or as permanent or temporary grass."""
    return lc == GRASSLAND or pgrass or tgrass


def read_crop_codes(path: Path) -> CropCodeTable:
    """Read and check a crop code table.

    Commas, semicolons and tabs separate; quoted fields may hold line breaks; a byte order mark and
    Excel's character sets are understood. Codes stay text. Further columns are kept.

    Rules: all columns of `COLUMNS`; CTnum, LC, CTnumL4A, CTnumDIV whole numbers, LC one of `LAND_COVERS`;
    the six flags 0 or 1; Ori_crop and CTnum each once and never empty.

    Raises
    ------
    BadUploadError
        With every offence against these rules, each with its row (the header is row 1, a quoted line
        break makes no new row) and column.
    """
    text, encoding = _read_text(path)
    delimiter = _delimiter(text)
    rows = _rows(path, text, delimiter)
    _, header = next(rows, (1, []))
    places = _header_places(path, header)
    problems: list[Problem] = []
    codes: dict[str, CropCode] = {}
    first_row: dict[tuple[str, str], int] = {}
    for number, cells in rows:
        if len(cells) != len(header):
            problems.append(Problem(f"{len(cells)} fields where the header has {len(header)}", row=number))
            continue
        code = _read_row(number, cells, header, places, problems, first_row)
        if code is not None:
            codes[code.ori_crop] = code
    if problems:
        raise BadUploadError(
            path,
            f"{len(problems)} {'value' if len(problems) == 1 else 'values'} of this crop code table "
            "cannot be used.",
            problems=problems,
            expected="one row for each crop code, whole numbers in CTnum, LC, CTnumL4A and CTnumDIV, "
            f"0 or 1 in {', '.join(FLAGS)}",
            remedy="correct these rows and drop the file again.",
        )
    if not codes:
        raise BadUploadError(
            path, "this crop code table has a header and no rows.", remedy="add one row for each crop code."
        )
    warnings = [f"read as {encoding}, detected"] if encoding not in ("utf-8", "utf-8-sig") else []
    return CropCodeTable(codes, encoding, delimiter, (*warnings, *_inconsistencies(codes)))


def unknown_codes(
    table: CropCodeTable | None, codes: Sequence[str] | pd.Series, areas_m2: ArrayLike
) -> list[UnknownCode]:
    """Count the parcels, and add up their areas, whose crop code is not in the table.

    Parameters
    ----------
    codes : sequence of str, one per parcel; ``""`` where the parcel has none.
    areas_m2 : float array, one per parcel [m2].

    Returns
    -------
    list of UnknownCode
        Largest area first; empty where there is no table.
    """
    if table is None:
        return []
    frame = pd.DataFrame(
        {"code": np.asarray(codes, dtype=object), "area": np.asarray(areas_m2, dtype=np.float64)}
    )
    frame = frame[~frame["code"].isin(list(table.codes))]
    groups = frame.groupby("code", sort=True)["area"].agg(["size", "sum"])
    simplified = {_simplify(code): code for code in table.codes}
    found = []
    for code, n_parcels, area_m2 in zip(groups.index, groups["size"], groups["sum"], strict=True):
        near = simplified.get(_simplify(str(code))) if code else None
        hint = f"the table has {near!r}" if near is not None else "" if code else "no crop code declared"
        found.append(UnknownCode(str(code), int(n_parcels), float(area_m2) / 10_000, hint))
    return sorted(found, key=lambda unknown: (-unknown.area_ha, unknown.code))


def _simplify(code: str) -> str:
    """What is left of a code when a spreadsheet has eaten its zeros and somebody its capitals."""
    return code.strip().casefold().lstrip("0") or "0"


def _read_text(path: Path) -> tuple[str, str]:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise BadUploadError(
            path,
            f"this file has {size / 1e6:.0f} MB; a crop code table has at most {_MAX_BYTES / 1e6:.0f}.",
            remedy="check that the file is what its name says.",
        )
    refuse_no_table(path)
    content = path.read_bytes()
    encoding = detect_encoding(content)
    if encoding == UTF_8 and not is_utf8(content + b" "):
        encoding = detect_encoding(content + b" ")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadUploadError(
            path,
            f"this file is not text ({error.reason} at byte {error.start}).",
            remedy="save the table as CSV in UTF-8.",
        ) from error
    if "\0" in text:
        raise BadUploadError(
            path,
            "this file is not text; it may be a spreadsheet with the name of a CSV.",
            remedy="open it in the spreadsheet program and save it as CSV in UTF-8.",
        )
    return text, encoding


def _delimiter(text: str) -> str:
    """Return the separator under which the header has most known names."""
    known = {name.lower() for name in COLUMNS}
    first_line = next((line for line in text.splitlines() if line.strip()), "")

    def n_known(delimiter: str) -> tuple[int, int]:
        names = [name.strip().strip('"').lower() for name in first_line.split(delimiter)]
        return sum(name in known for name in names), len(names)

    return max(",;\t", key=n_known)


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cell.strip() for cell in cells):
                yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise BadUploadError(
            path,
            "this file is not a proper CSV.",
            problems=[Problem(f"{error} (line {reader.line_num} of the file)", row=number + 1)],
            remedy="check the quotation marks around that row.",
        ) from error


def _header_places(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [name.lower() for name in header]
    problems = [
        Problem(f"{name!r} is in the header {names.count(name.lower())} times", row=1)
        for name in COLUMNS
        if names.count(name.lower()) > 1
    ]
    for name in COLUMNS:
        if name.lower() not in names:
            spare = [one for one in header if one.lower() not in {known.lower() for known in COLUMNS}]
            close = nearest_word(name, spare)
            hint = f"; is it {close!r}?" if close else ""
            problems.append(Problem(f"column {name!r} is missing{hint}", row=1))
    if problems:
        raise BadUploadError(
            path,
            "the header of this crop code table is not complete.",
            problems=problems,
            expected="the columns " + ",".join(COLUMNS) + " (any upper or lower case, any order)",
            remedy="add the missing columns; separate them by comma, semicolon or tab.",
        )
    return {name: names.index(name.lower()) for name in COLUMNS}


def _read_row(
    number: int,
    cells: Sequence[str],
    header: Sequence[str],
    places: Mapping[str, int],
    problems: list[Problem],
    first_row: dict[tuple[str, str], int],
) -> CropCode | None:
    """Return the row, or None after noting everything that is wrong with it."""
    n_before = len(problems)
    value = {name: cells[place] for name, place in places.items()}
    for name in WHOLE_NUMBERS:
        text = value[name]
        if not text:
            problems.append(Problem("empty, a whole number is needed", row=number, column=name))
        elif _as_int(text) is None:
            problems.append(Problem(f"{text!r} is not a whole number", row=number, column=name))
        elif name == "LC" and _as_int(text) not in LAND_COVERS:
            allowed = ", ".join(f"{lc} {meaning}" for lc, meaning in LAND_COVERS.items())
            problems.append(
                Problem(f"{text!r} is no land cover; allowed: {allowed}", row=number, column=name)
            )
    for name in FLAGS:
        if value[name] not in ("0", "1"):
            problems.append(Problem(f"{value[name]!r} is neither 0 nor 1", row=number, column=name))
    if not value["Ori_crop"]:
        problems.append(Problem("empty, a crop code is needed", row=number, column="Ori_crop"))
    for name in ("Ori_crop", "CTnum"):
        if value[name]:
            same = str(_as_int(value[name])) if name == "CTnum" else value[name]
            earlier = first_row.setdefault((name, same), number)
            if earlier != number:
                problems.append(
                    Problem(f"{value[name]!r} is in row {earlier} already", row=number, column=name)
                )
    if len(problems) > n_before:
        return None
    numbers = {name: _as_int(value[name]) or 0 for name in WHOLE_NUMBERS}
    flags = {name: value[name] == "1" for name in FLAGS}
    known = set(places.values())
    return CropCode(
        ori_crop=value["Ori_crop"],
        ctnum=numbers["CTnum"], ct=value["CT"], lc=numbers["LC"],
        ctnum_l4a=numbers["CTnumL4A"], ct_l4a=value["CTL4A"],
        ctnum_div=numbers["CTnumDIV"], ct_div=value["CTDIV"],
        eaa=flags["EAA"], al=flags["AL"], pgrass=flags["PGrass"], tgrass=flags["TGrass"],
        fallow=flags["Fallow"], cwater=flags["Cwater"],
        other={header[at]: cell for at, cell in enumerate(cells) if at not in known},
    )  # fmt: skip


def _as_int(text: str) -> int | None:
    """Return a whole number (also as 12.0, which spreadsheets write), None where it is none."""
    if not _INTEGER.match(text):
        return None
    number = int(text.partition(".")[0])
    return number if abs(number) <= _MAX_INT32 else None


def _inconsistencies(codes: Mapping[str, CropCode]) -> Iterator[str]:
    """Yield what the rules allow and yet is hardly meant: one class number with several names."""
    names: dict[tuple[str, int], set[str]] = {}
    for code in codes.values():
        names.setdefault(("CTnumL4A", code.ctnum_l4a), set()).add(code.ct_l4a)
        names.setdefault(("CTnumDIV", code.ctnum_div), set()).add(code.ct_div)
    for (column, number), several in sorted(names.items()):
        if len(several) > 1:
            shown = ", ".join(repr(name) for name in sorted(several)[:3])
            yield f"{column} {number} has {len(several)} names: {shown}"
