"""Practice tables: their forms, separators and what is said of their rows."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from sen4cap_core.clock import to_days
from sen4cap_core.declarations.tables.practice_tables import check_practice_table, read_practice_table
from sen4cap_core.errors import BadUploadError

HEADER = "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END"
GOOD = "31.001,233,2019-03-01,2019-06-15,2019-09-30,CatchCrop,CatchCrop_1,2019-10-15,NA"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "T.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_separators_and_marks(tmp_path: Path, separator: str, mark: str) -> None:
    path = write(tmp_path, mark + HEADER.replace(",", separator), GOOD.replace(",", separator))
    table = read_practice_table(path)
    assert table.ids.to_pylist() == table.orig_ids.to_pylist() == ["31.001"]
    assert table.columns["P_TYPE"][0] == "CatchCrop_1"
    assert table.columns["P_START"].days().tolist() == [18184]
    assert table.columns["P_END"].days().tolist() == [0]
    assert check_practice_table(table, "CC", 2019) == []


def test_the_long_form_is_keyed_by_its_number(tmp_path: Path) -> None:
    extra = "GeomValid,Duplic,Overlap,Area_meter,ShapeInd,LC,CTnum,CT,S1Pix,S2Pix"
    header = f"SEQ_ID,FIELD_ID,COUNTRY,YEAR,{HEADER.split(',', 1)[1]},{extra}"
    line = f'7,"a,b",NLD,2019,{GOOD.split(",", 1)[1]},1,0,0,1.0,1.2,1,233,wheat,,304'
    path = tmp_path / "T.csv.gz"
    path.write_bytes(gzip.compress(f"{header}\n{line}\n".encode()))
    table = read_practice_table(path)
    assert table.ids.to_pylist() == ["7"]
    assert table.orig_ids.to_pylist() == ["a,b"]
    assert table.columns["COUNTRY"][0] == "NLD"
    assert table.columns["S1Pix"][0] == ""


def test_the_real_table_reads(shared: Path) -> None:
    name = "S4C_L4C_Sample_Catch_Practice_File_short.csv"
    found = list((shared / "data" / "maja-metadata-and-l4c-configs").rglob(name))
    if not found:
        pytest.skip("the real practice table is not there")
    table = read_practice_table(found[0])
    assert len(table) == 54
    assert check_practice_table(table, "CC", 2019) == []


@pytest.mark.parametrize(
    ("practice", "old", "new", "told"),
    [
        ("CC", "2019-06-15", "15/06/2019", "row 3, column 'H_START': '15/06/2019' is no date"),
        (
            "CC",
            "2019-06-15",
            "44256",
            "row 3, column 'H_START': '44256' is no date but Excel's day number of 2021-03-01",
        ),
        ("CC", "2019-06-15", "2019-02-30", "row 3, column 'H_START': '2019-02-30' is no date"),
        ("CC", "2019-03-01", "NA", "row 3, column 'VEG_START': a date is needed"),
        (
            "CC",
            "2019-09-30",
            "2019-05-01",
            "row 3, column 'H_END': 2019-05-01 lies before H_START 2019-06-15",
        ),
        ("CC", "2019-03-01", "2015-03-01", "row 3, column 'VEG_START': 2015-03-01 is not of the season 2019"),
        ("CC", "CatchCrop,", "Fallow,", "row 3, column 'PRACTICE': 'Fallow' is not 'CatchCrop'"),
        ("CC", "2019-10-15", "NA", "row 3, column 'P_START': CatchCrop needs a date"),
        ("FL", "CatchCrop,", "Fallow,", "row 3, column 'P_END': Fallow needs a date"),
        ("CC", "31.001", "31.000", "row 3, column 'FIELD_ID': '31.000' is already in row 2"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, practice: str, old: str, new: str, told: str) -> None:
    first = GOOD.replace("31.001", "31.000")
    if practice == "FL":
        first = first.replace("CatchCrop,", "Fallow,").replace(",NA", ",2019-11-30")
    table = read_practice_table(write(tmp_path, HEADER, first, GOOD.replace(old, new)))
    found = [str(problem) for problem in check_practice_table(table, practice, 2019)]
    assert any(text.startswith(told) for text in found), found


def test_the_table_of_another_practice_is_one_warning(tmp_path: Path) -> None:
    lines = [GOOD.replace("31.001", f"31.{i}") for i in range(5)]
    table = read_practice_table(write(tmp_path, HEADER, *lines))
    (problem,) = check_practice_table(table, "FL", 2019)
    assert "5 of 5 rows are not 'Fallow'" in str(problem)


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUploadError, match="lacks H_END"):
        read_practice_table(write(tmp_path, HEADER.replace("H_END,", "H_STOP,"), GOOD))
    with pytest.raises(BadUploadError, match="no row"):
        read_practice_table(write(tmp_path, HEADER))
    with pytest.raises(BadUploadError, match="which parcel"):
        read_practice_table(write(tmp_path, HEADER, GOOD.replace("31.001", "")))
    with pytest.raises(BadUploadError, match="no such file"):
        read_practice_table(tmp_path / "none.csv")


def test_days_are_days_since_1970(tmp_path: Path) -> None:
    table = read_practice_table(write(tmp_path, HEADER, GOOD))
    assert table.columns["VEG_START"].days().tolist() == [to_days(date(2019, 3, 1))]
