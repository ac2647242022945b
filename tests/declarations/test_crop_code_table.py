"""The crop code table: every rule, every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from sen4cap_core.declarations.tables.crop_codes import COLUMNS, CropCodeTable, read_crop_codes, unknown_codes
from sen4cap_core.errors import BadUploadError

HEADER = ",".join(COLUMNS)
WHEAT = "0101,1,Winter wheat,1,10,Wheat,100,Cereals,1,1,0,0,0,0"
GRASS = "205,2,Meadow,3,20,Grass,200,Grassland,1,0,1,0,0,0"


def write(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "lut.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(BadUploadError) as caught:
        read_crop_codes(path)
    return [str(problem) for problem in caught.value.problems]


def test_a_proper_table(tmp_path: Path) -> None:
    table = read_crop_codes(write(tmp_path, HEADER, WHEAT, GRASS))

    assert list(table.codes) == ["0101", "205"]
    wheat = table.codes["0101"]
    assert (wheat.ctnum, wheat.ct, wheat.lc, wheat.ctnum_l4a, wheat.ct_div) == (
        1, "Winter wheat", 1, 10, "Cereals",
    )  # fmt: skip
    assert wheat.eaa
    assert wheat.al
    assert not wheat.pgrass
    assert table.codes["205"].pgrass
    assert table.warnings == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_byte_order_marks(tmp_path: Path, delimiter: str, encoding: str) -> None:
    lines = [line.replace(",", delimiter) for line in (HEADER.upper(), WHEAT, GRASS)]

    table = read_crop_codes(write(tmp_path, *lines, encoding=encoding))

    assert table.delimiter == delimiter
    assert list(table.codes) == ["0101", "205"]


def test_excels_character_set_is_detected_and_told(tmp_path: Path) -> None:
    rows = (HEADER, WHEAT.replace("Winter wheat", "Getreide für Mähdrusch, größer".replace(",", "")))

    table = read_crop_codes(write(tmp_path, *rows, encoding="cp1252"))

    assert table.codes["0101"].ct == "Getreide für Mähdrusch größer"
    assert "cp1252" in table.warnings[0]


def test_quoted_line_breaks_and_separators(tmp_path: Path) -> None:
    quoted = WHEAT.replace("Winter wheat", '"Wheat,\nwinter"')

    table = read_crop_codes(write(tmp_path, HEADER, quoted, GRASS))

    assert table.codes["0101"].ct == "Wheat,\nwinter"
    assert refused(write(tmp_path, HEADER, quoted, GRASS.replace(",3,", ",x,"))) == [
        "row 3, column 'LC': 'x' is not a whole number"
    ]


def test_columns_in_any_order_and_more_of_them(tmp_path: Path) -> None:
    header = "note," + ",".join(reversed(COLUMNS))
    row = "hello," + ",".join(reversed(WHEAT.split(",")))

    table = read_crop_codes(write(tmp_path, header, row))

    assert table.codes["0101"].ct == "Winter wheat"
    assert table.codes["0101"].other == {"note": "hello"}


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    table = read_crop_codes(write(tmp_path, HEADER, WHEAT, "", ",,,,,,,,,,,,,", GRASS, ""))

    assert len(table) == 2


def test_numbers_of_spreadsheets(tmp_path: Path) -> None:
    table = read_crop_codes(write(tmp_path, HEADER, WHEAT.replace(",10,", ",10.0,")))

    assert table.codes["0101"].ctnum_l4a == 10


def test_all_offences_are_told_at_once(tmp_path: Path) -> None:
    found = refused(
        write(
            tmp_path,
            HEADER,
            WHEAT,
            "0101,2,Same code,1,10,Wheat,100,Cereals,1,1,0,0,0,0",
            "7,1.0,Same number,1,10,Wheat,100,Cereals,1,1,0,0,0,0",
            ",9,No code,1,10,Wheat,100,Cereals,1,1,0,0,0,0",
            "11,11,Bad values,9,,Wheat,1.5,Cereals,yes,1,0,0,2,",
            "12,12,Too short,1",
        )
    )

    assert found == [
        "row 3, column 'Ori_crop': '0101' is in row 2 already",
        "row 4, column 'CTnum': '1.0' is in row 2 already",
        "row 5, column 'Ori_crop': empty, a crop code is needed",
        "row 6, column 'LC': '9' is no land cover; allowed: 0 other natural, 1 annual crops, "
        "2 permanent crops, 3 grassland, 4 fallow, 5 greenhouse and nursery",
        "row 6, column 'CTnumL4A': empty, a whole number is needed",
        "row 6, column 'CTnumDIV': '1.5' is not a whole number",
        "row 6, column 'EAA': 'yes' is neither 0 nor 1",
        "row 6, column 'Fallow': '2' is neither 0 nor 1",
        "row 6, column 'Cwater': '' is neither 0 nor 1",
        "row 7: 4 fields where the header has 14",
    ]


def test_missing_columns_are_named_with_what_they_may_be(tmp_path: Path) -> None:
    header = HEADER.replace("Ori_crop", "OriCrop").replace(",Cwater", "")

    found = refused(write(tmp_path, header, WHEAT))

    assert found == [
        "row 1: column 'Ori_crop' is missing; is it 'OriCrop'?",
        "row 1: column 'Cwater' is missing",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "header"),
        (HEADER.encode(), "no rows"),
        (b"PK\x03\x04\x00\x00\x00", "not text"),
        (HEADER.encode() + b'\r\n"0101,1', "not a proper CSV"),
    ],
)
def test_files_that_are_no_table(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "lut.csv"
    path.write_bytes(content)

    with pytest.raises(BadUploadError, match=words):
        read_crop_codes(path)


def test_a_number_of_too_many_digits_is_named(tmp_path: Path) -> None:
    (problem,) = refused(write(tmp_path, HEADER, WHEAT.replace(",10,", f",{'9' * 20_000},")))
    assert problem.startswith("row 2, column 'CTnumL4A'")


def test_one_class_with_two_names_is_a_warning(tmp_path: Path) -> None:
    table = read_crop_codes(write(tmp_path, HEADER, WHEAT, GRASS.replace(",20,Grass,", ",10,Grass,")))

    assert table.warnings == ("CTnumL4A 10 has 2 names: 'Grass', 'Wheat'",)


@pytest.fixture
def table(tmp_path: Path) -> CropCodeTable:
    return read_crop_codes(write(tmp_path, HEADER, WHEAT, GRASS))


def test_unknown_codes_are_counted_with_their_areas(table: CropCodeTable) -> None:
    found = unknown_codes(table, ["205", "101", "999", "", "999", "0101"], [1e4, 2e4, 1e4, 5e3, 3.5e4, 1e4])

    assert [(one.code, one.n_parcels, one.area_ha) for one in found] == [
        ("999", 2, 4.5), ("101", 1, 2.0), ("", 1, 0.5),
    ]  # fmt: skip
    assert found[1].hint == "the table has '0101'"
    assert found[2].hint == "no crop code declared"


def test_nothing_is_unknown_without_a_table_or_parcels(table: CropCodeTable) -> None:
    assert unknown_codes(None, ["x"], [1.0]) == []
    assert unknown_codes(table, [], []) == []
