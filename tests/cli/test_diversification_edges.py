"""Crop diversification on tables that are not as one would like them, by the command as people type it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from sen4cap_core.cli.main import app

CODES = "ctnumdiv,name,EAA,AL,PGrass,TGrass,Fallow,Cwater\n007,wheat,1,1,0,0,0,0\n2,maize,1,1,0,0,0,0\n"
ROW = {
    "NewID": "1", "HoldID": "a", "CTnumDIV": "7", "Area_meters": "90000", "GeomValid": "1", "Duplic": "0",
    "Overlap": "0", "LC": "1", "S2Pix": "55", "S1Pix": "9",
    "CT_decl": "7", "CT_pred_1": "7", "CT_conf_1": "0.9", "CT_pred_2": "",
}  # fmt: skip


def assess(folder: Path, *rows: dict[str, str], compat: bool = False) -> tuple[Result, Path, Path]:
    """Write the rows over `ROW` and assess them as a command line would."""
    parcels = pd.DataFrame([{**ROW, **row} for row in rows])
    parcels.to_csv(folder / "P.csv", index=False)
    (folder / "L.csv").write_text(CODES)
    line = f"diversification assess --parcels {folder}/P.csv --crop-codes {folder}/L.csv"
    line += " --compat sen4cap" * compat
    line += f" --out-parcels {folder}/A.csv --out-holdings {folder}/B.csv"
    return CliRunner().invoke(app, line.split()), folder / "A.csv", folder / "B.csv"


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


@pytest.mark.parametrize("compat", [False, True])
def test_a_parcel_without_type_counts_nowhere_and_is_told(tmp_path: Path, compat: bool) -> None:
    done, parcels, holdings = assess(tmp_path, {}, {"NewID": "2", "CTnumDIV": ""}, compat=compat)

    assert done.exit_code == 0, done.output
    assert "1 parcels (9.00 ha) count nowhere" in done.output
    assert table(parcels)["NewID"].tolist() == ["1", "2"]
    assert table(holdings)["area_tal_c"].tolist() == ["90000.0"]


def test_leading_zeros_of_ids_stay_and_those_of_codes_do_not_matter(tmp_path: Path) -> None:
    rows = {"NewID": "0012", "HoldID": "0007"}, {"NewID": "12", "HoldID": "7", "CTnumDIV": "002"}
    done, parcels, holdings = assess(tmp_path, *rows)

    assert done.exit_code == 0, done.output
    assert table(parcels)["NewID"].tolist() == ["0012", "12"]
    found = table(holdings).set_index("HoldID")
    assert sorted(found.index) == ["0007", "7"]
    assert found["area_tal_c"].tolist() == ["90000.0", "90000.0"]


@pytest.mark.parametrize(
    ("area_m2", "outcome"),
    [
        ("90000", ("Exemption1", "Not_required")),
        ("150000", ("Category1", "Not_compliant")),
        ("400000", ("Category2", "Not_compliant")),
        ("0", ("Exemption1", "Not_required")),
    ],
)
def test_a_holding_of_one_parcel(tmp_path: Path, area_m2: str, outcome: tuple[str, str]) -> None:
    done, parcels, holdings = assess(tmp_path, {"Area_meters": area_m2}, compat=True)

    assert done.exit_code == 0, done.output
    one = table(holdings).iloc[0]
    assert (one["CD_cat"], one["CD_diagn"]) == outcome
    assert one["nb_types_c"] == "1"
    assert table(parcels).loc[0, "CD_cat"] == outcome[0]


@pytest.mark.parametrize("area", ["", "NA", "-5"])
def test_a_parcel_without_area_is_refused_by_its_row(tmp_path: Path, area: str) -> None:
    done, parcels, _ = assess(tmp_path, {}, {"NewID": "2", "Area_meters": area})

    assert done.exit_code == 2
    assert "row 3, column 'Area_meters'" in done.output
    assert not parcels.exists()


def test_a_parcel_that_stands_there_twice_is_refused_by_its_row(tmp_path: Path) -> None:
    done, parcels, _ = assess(tmp_path, {}, {"NewID": "2"}, {"NewID": "1"})

    assert done.exit_code == 2
    assert "P.csv" in done.output
    assert "row 4, column 'NewID'" in done.output
    assert not parcels.exists()


@pytest.mark.parametrize(
    ("declared", "second", "compat", "found"),
    [
        ("", "", True, "Classified_conform"),
        ("NA", "NA", True, "Classified_conform"),
        ("", "NA", True, "Classified_not_conform"),
        ("NA", "", True, "Classified_not_conform"),
        ("", "", False, "Classified_not_conform"),
    ],
)
def test_the_original_compares_texts_where_no_class_is_given(
    tmp_path: Path, declared: str, second: str, compat: bool, found: str
) -> None:
    row = {"NewID": "2", "CT_decl": declared, "CT_pred_1": "2", "CT_pred_2": second}
    done, parcels, holdings = assess(tmp_path, {}, row, compat=compat)

    assert done.exit_code == 0, done.output
    assert table(parcels)["Classif_r"].tolist() == ["Classified_conform", found]
    assert float(table(holdings)["area_tal_c"][0]) == (180_000 if found == "Classified_conform" else 90_000)


@pytest.mark.parametrize("area", ["1e-07", "5e-05", "0.0001", "1e-09", "100000.005", "3e5"])
def test_areas_are_written_as_python_writes_them(tmp_path: Path, area: str) -> None:
    done, parcels, holdings = assess(tmp_path, {"Area_meters": area}, compat=True)

    assert done.exit_code == 0, done.output
    assert table(parcels)["Area_meters"][0] == repr(float(area))
    assert table(holdings)["area_mainCrop_c"][0] == repr(float(area))
