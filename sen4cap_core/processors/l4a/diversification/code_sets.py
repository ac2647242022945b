"""What each diversification crop type (CTnumDIV) counts as: read from a crop code table."""

from __future__ import annotations

import csv
import gzip
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.declarations.texts.encodings import detect_encoding
from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.tables.reading import TEXT, read_batches, table_format

FLAGS = ("EAA", "AL", "PGrass", "TGrass", "Fallow", "Cwater")
COLUMNS = ("CTnumDIV", *FLAGS)
L4A_COLUMN = "CTnumL4A"
_WHOLE = re.compile(r"^\d{1,18}(\.0*)?$")
_MAX_NUMBER = 2**31 - 1
_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class CodeSets:
    """The crop types of a table and the sets they are in.

    ``types`` int32 (type) ascending, unique; ``is_eaa`` ... bool (type): eligible agricultural area, arable
    land, permanent grass, temporary grass, fallow, crop under water. The last element of each set stands
    for types that are not in the table and is False.
    """

    types: NDArray[np.int32]
    is_eaa: NDArray[np.bool_]
    is_arable: NDArray[np.bool_]
    is_permanent_grass: NDArray[np.bool_]
    is_temporary_grass: NDArray[np.bool_]
    is_fallow: NDArray[np.bool_]
    is_under_water: NDArray[np.bool_]
    of_l4a_class: dict[int, int]
    """Diversification type of each predicted class (CTnumL4A) whose crop codes all have the same one; empty
    where the table does not tell the classes."""
    contradictions: tuple[str, ...] = ()
    """Types whose rows disagree about a set; the type is in the set, as in the original."""

    def locate(self, crop_types: NDArray[np.int32]) -> NDArray[np.int32]:
        """Index of each crop type; -1 (the element that is in no set) where the table does not have it."""
        if not self.types.size:
            return np.full(crop_types.shape, -1, np.int32)
        at = np.minimum(np.searchsorted(self.types, crop_types), self.types.size - 1)
        return np.where(self.types[at] == crop_types, at, -1).astype(np.int32)


def read_code_sets(path: Path) -> CodeSets:
    """Read the sets from a crop code table: the full one (14 columns) or only ``CTnumDIV`` and the six flags.

    Column names in any case and order; CSV (comma, semicolon or tab), gzip CSV or Parquet. Several crop codes
    may share a CTnumDIV.

    Raises
    ------
    BadUploadError
        When the file cannot be read, lacks a column, or a value is no whole number or no flag.
    """
    header, rows = _read_rows(path)
    names = [name.strip().lower() for name in header]
    missing = [name for name in COLUMNS if name.lower() not in names]
    if missing:
        raise BadUploadError(
            path,
            f"column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))} missing.",
            expected=f"a crop code table with {', '.join(COLUMNS)}",
            remedy=f"The file has: {', '.join(header[:30])}.",
        )
    places = [names.index(name.lower()) for name in COLUMNS]
    l4a_place = names.index(L4A_COLUMN.lower()) if L4A_COLUMN.lower() in names else None
    problems: list[Problem] = []
    sets: dict[int, list[tuple[bool, ...]]] = {}
    types_of_class: dict[int, set[int]] = {}
    for number, cells in rows:
        if len(cells) != len(header):
            problems.append(Problem(f"{len(cells)} fields where the header has {len(header)}", row=number))
            continue
        n_before = len(problems)
        values = [cells[place].strip() for place in places]
        crop_type = _whole(values[0])
        if crop_type is None:
            text = f"expected a whole number, found {values[0]!r}"
            problems.append(Problem(text, row=number, column="CTnumDIV"))
        problems += [
            Problem(f"expected 0 or 1, found {value!r}", row=number, column=name)
            for name, value in zip(FLAGS, values[1:], strict=True)
            if value not in ("0", "1")
        ]
        if crop_type is None or len(problems) > n_before:
            continue
        sets.setdefault(crop_type, []).append(tuple(value == "1" for value in values[1:]))
        l4a_class = _whole(cells[l4a_place].strip()) if l4a_place is not None else None
        if l4a_class is not None:
            types_of_class.setdefault(l4a_class, set()).add(crop_type)
    if problems:
        raise BadUploadError(
            path, "the crop code table cannot be used.", problems=problems, remedy="Correct these rows."
        )
    if not sets:
        raise BadUploadError(path, "there is no crop type in it.", remedy="Add one row for each crop code.")
    types = np.array(sorted(sets), np.int32)
    flags = np.array([[*np.any(sets[int(one)], axis=0)] for one in types] + [[False] * len(FLAGS)])
    return CodeSets(
        types,
        is_eaa=flags[:, 0],
        is_arable=flags[:, 1],
        is_permanent_grass=flags[:, 2],
        is_temporary_grass=flags[:, 3],
        is_fallow=flags[:, 4],
        is_under_water=flags[:, 5],
        of_l4a_class={
            l4a: next(iter(several)) for l4a, several in types_of_class.items() if len(several) == 1
        },
        contradictions=tuple(_contradictions(sets)),
    )


def _contradictions(sets: dict[int, list[tuple[bool, ...]]]) -> list[str]:
    return [
        f"CTnumDIV {crop_type}: {name} is 1 in some rows and 0 in others; it counts as 1"
        for crop_type, rows in sorted(sets.items())
        for i, name in enumerate(FLAGS)
        if len({row[i] for row in rows}) > 1
    ]


def _whole(text: str) -> int | None:
    if not _WHOLE.match(text):
        return None
    number = int(text.partition(".")[0])
    return number if number <= _MAX_NUMBER else None


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the rows that are not empty, each with its number (the header is row 1)."""
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    kind = table_format(path)
    if kind == "parquet":
        return _parquet_rows(path)
    try:
        with gzip.open(path) if kind == "csv.gz" else path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise BadUploadError(
                path,
                f"is larger than {_MAX_BYTES >> 20} MB; a crop code table never is.",
                remedy="Check that the file is what its name says.",
            )
        text = content.decode(detect_encoding(content))
        lines = [line for line in text.splitlines() if line.strip()]
        delimiter = max(",;\t", key=(lines or [""])[0].count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        rows = [
            (number, cells) for number, cells in enumerate(reader, start=1) if any(c.strip() for c in cells)
        ]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise BadUploadError(
            path, f"is not a readable CSV table: {error}.", remedy="Save it as CSV in UTF-8."
        ) from error
    if not rows:
        raise BadUploadError(path, "is empty.", expected=f"a crop code table with {', '.join(COLUMNS)}")
    return [name.strip() for name in rows[0][1]], rows[1:]


def _parquet_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    batches = list(read_batches(path, dict.fromkeys(COLUMNS, TEXT), {L4A_COLUMN: TEXT}))
    rows: list[list[str]] = []
    header: list[str] = list(COLUMNS)
    for batch in batches:
        header = batch.schema.names
        columns = [_cells(column) for column in batch.columns]
        rows += [list(cells) for cells in zip(*columns, strict=True)]
    return header, list(enumerate(rows, start=2))


def _cells(column: pa.Array) -> list[str]:
    values = column.to_pylist()
    return ["" if v is None else str(int(v)) if isinstance(v, bool) else str(v) for v in values]
