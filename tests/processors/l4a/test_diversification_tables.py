"""Table files: what is read, what is refused and in which words, what is written."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.errors import BadUploadError, ConfigurationError
from sen4cap_core.processors.l4a.diversification.code_sets import read_code_sets
from sen4cap_core.processors.l4a.diversification.command import assess_tables

CODES = """CTnumDIV,EAA,AL,PGrass,TGrass,Fallow,Cwater
1,1,1,0,0,0,0
2,1,1,0,0,0,0
30,1,0,1,0,0,0
"""
HEADER = (
    "NewID,HoldID,CT_decl,CT_pred_1,CT_conf_1,CT_pred_2,CTnumDIV,CTnumDIV_pred_1,Area_meters,"
    "GeomValid,Duplic,Overlap,LC,S2Pix,S1Pix"
)
ROWS = [
    "007,h 2,1,1,0.9,2,1,1,90000,1,0,0,1,55,9",
    '8,"h,1",1,2,0.9,30,1,2,30000.5,t,f,f,1,55,9',
    "9,h 2,2,NA,,,2,,40000,1,0,0,1,55,9",
    '10,"h,1",2,2,0.8,1,2,2,70000,true,false,false,1,55,9',
]


@pytest.fixture
def files(tmp_path):
    def write(rows=None, header=HEADER, codes=CODES, **others):
        (tmp_path / "p.csv").write_text("\n".join([header, *(ROWS if rows is None else rows)]) + "\n")
        (tmp_path / "l.csv").write_text(codes)
        inputs = tmp_path / "p.csv", tmp_path / "l.csv"
        return assess_tables(*inputs, tmp_path / "op.csv", tmp_path / "oh.csv", **others)

    return write


def test_both_tables_as_written(files, tmp_path):
    said = files()
    assert (tmp_path / "op.csv").read_text().splitlines() == [
        "NewID,Classif_r,CD_cat,CD_diagn,Area_meters",
        "007,Classified_conform,Exemption_or_Category1,Missing_info,90000.0",
        "9,Not_classified_undefined,Exemption_or_Category1,Missing_info,40000.0",
        "8,Classified_not_conform_prediction_used,Category1,Not_compliant,30000.5",
        "10,Classified_conform,Category1,Not_compliant,70000.0",
    ]
    holdings = (tmp_path / "oh.csv").read_text().splitlines()
    assert holdings[0] == (
        "HoldID,CD_cat,CD_diagn,nb_types_c,area_eaa_c,area_tal_c,area_tempGrass_c,area_permGrass_c,area_llf_c,"
        "area_cwater_c,area_remAl_ex2_c,area_remAl_ex3_c,area_mainCrop_c,area_2mainCrop_c,nb_parcels_nc,area_nc"
    )
    frame = pd.read_csv(tmp_path / "oh.csv", index_col="HoldID")
    assert frame.index.tolist() == ["h 2", "h,1"]
    assert frame.loc["h,1", ["area_tal_c", "area_mainCrop_c", "nb_types_c"]].tolist() == [
        100000.5,
        100000.5,
        1,
    ]
    assert holdings[1].replace('"', "").endswith(",90000.0,0.0,1,40000.0")
    assert said[1].startswith("2 holdings, 0 Not_required, 0 Compliant, 1 Not_compliant, 1 Missing_info")


def test_a_second_run_changes_nothing(files, tmp_path):
    files()
    first = (tmp_path / "op.csv").read_bytes(), (tmp_path / "oh.csv").read_bytes()
    files()
    assert ((tmp_path / "op.csv").read_bytes(), (tmp_path / "oh.csv").read_bytes()) == first


@pytest.mark.parametrize(
    ("row", "column", "found"),
    [
        ("8,a,x,2,0.9,,1,,30000,1,0,0,1,55,9", "CT_decl", "expected a number, found 'x'"),
        ("8,a,1.5,2,0.9,,1,,30000,1,0,0,1,55,9", "CT_decl", "expected a whole number from 0 on, found 1.5"),
        ("8,a,1,2,75,,1,,30000,1,0,0,1,55,9", "CT_conf_1", "expected a confidence from 0 to 1, found 75"),
        ("8,a,1,2,0.9,,-1,,30000,1,0,0,1,55,9", "CTnumDIV", "whole number from 0 on, found -1"),
        ("8,a,1,2,0.9,,1,,-3,1,0,0,1,55,9", "Area_meters", "expected an area of 0 or more, found -3"),
        ("8,a,1,2,0.9,,1,,,1,0,0,1,55,9", "Area_meters", "expected an area of 0 or more, found nothing"),
        ("8,a,1,2,0.9,,1,,3,maybe,0,0,1,55,9", "GeomValid", "expected 0 or 1, found 'maybe'"),
        ("8,,1,2,0.9,,1,,3,1,0,0,1,55,9", "HoldID", "an id is needed, found nothing"),
        (" ,a,1,2,0.9,,1,,3,1,0,0,1,55,9", "NewID", "an id is needed"),
        ("007,a,1,2,0.9,,1,,3,1,0,0,1,55,9", "NewID", "'007' is already in row 2"),
    ],
)
def test_a_bad_value_is_named_by_file_row_and_column(files, tmp_path, row, column, found):
    with pytest.raises(BadUploadError) as refused:
        files([ROWS[0], row])
    text = str(refused.value)
    assert text.startswith("p.csv")
    assert f"row 3, column {column!r}: " in text
    assert found in text
    assert not (tmp_path / "op.csv").exists()


def test_missing_columns_and_rows_are_named(files, tmp_path):
    with pytest.raises(BadUploadError, match=r"p\.csv: columns 'HoldID', 'LC' missing"):
        files(["1"], header=HEADER.replace("HoldID", "Holding").replace("LC", "Cover"))
    with pytest.raises(BadUploadError, match="--predictions"):
        files(header=HEADER.replace("CT_pred_1", "CT_guess"))
    with pytest.raises(BadUploadError, match="there is no row in it"):
        files([])
    with pytest.raises(BadUploadError, match="there is no such file"):
        files(predictions=tmp_path / "nothing.csv")
    with pytest.raises(BadUploadError, match=r"holding 'a' add up to .* km2"):
        files(["1,a,1,1,1,,1,,9e10,1,0,0,1,5,5"])


def test_the_same_file_for_both_results_is_refused(files, tmp_path):
    files()
    same = tmp_path / "o.csv"
    with pytest.raises(ConfigurationError, match="same file"):
        assess_tables(tmp_path / "p.csv", tmp_path / "l.csv", same, same)
    with pytest.raises(BadUploadError, match="suffix"):
        assess_tables(tmp_path / "p.csv", tmp_path / "l.csv", same, tmp_path / "o.xlsx")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("CTnumDIV,EAA,AL,PGrass,TGrass,Fallow\n1,1,1,0,0,0\n", "column 'Cwater' missing"),
        (CODES + "x,1,1,0,0,0,0\n", "row 5, column 'CTnumDIV': expected a whole number, found 'x'"),
        (CODES + "5,1,yes,0,0,0,0\n", "row 5, column 'AL': expected 0 or 1, found 'yes'"),
        (CODES + "5,1,1\n", "row 5: 3 fields where the header has 7"),
        (CODES.splitlines()[0] + "\n", "there is no crop type in it"),
        ("", "is empty"),
    ],
)
def test_a_bad_crop_code_table_is_refused(files, codes, said):
    with pytest.raises(BadUploadError) as refused:
        files(codes=codes)
    assert str(refused.value).startswith("l.csv")
    assert said in str(refused.value)


def test_a_huge_or_broken_crop_code_table_is_refused(tmp_path):
    with gzip.open(tmp_path / "l.csv.gz", "wb", 1) as stream:
        for _ in range(65):
            stream.write(bytes(1024 * 1024))
    with pytest.raises(BadUploadError, match="larger than 64 MB"):
        read_code_sets(tmp_path / "l.csv.gz")
    (tmp_path / "l.csv.gz").write_bytes(b"CTnumDIV")
    with pytest.raises(BadUploadError, match="not a readable CSV"):
        read_code_sets(tmp_path / "l.csv.gz")


def test_a_byte_order_mark_and_parquet_are_understood(tmp_path):
    (tmp_path / "l.csv").write_text(CODES, encoding="utf-8-sig")
    pd.read_csv(tmp_path / "l.csv").to_parquet(tmp_path / "l.parquet")
    for name in ("l.csv", "l.parquet"):
        sets = read_code_sets(tmp_path / name)
        assert sets.types.tolist() == [1, 2, 30]
        assert sets.is_permanent_grass.tolist() == [False, False, True, False]


def test_rows_that_disagree_about_a_type_are_told(files, tmp_path):
    said = files(codes=CODES + "1,1,0,0,0,0,0\n")
    assert "l.csv: CTnumDIV 1: AL is 1 in some rows and 0 in others; it counts as 1." in said
    assert read_code_sets(tmp_path / "l.csv").is_arable[0]


def test_types_outside_the_table_are_counted(files):
    rows = [ROWS[0], "8,a,5,5,0.9,,5,5,20000,1,0,0,1,55,9", "9,a,1,1,0.9,,,,30000,1,0,0,1,55,9"]
    assert any(line.startswith("2 parcels (5.00 ha) count nowhere") for line in files(rows))


def test_the_crop_code_table_tells_the_type_of_a_prediction(files, tmp_path):
    header = HEADER.replace(",CTnumDIV_pred_1", "")
    rows = ["1,a,11,12,0.9,,1,80000,1,0,0,1,55,9", "2,a,11,13,0.9,,1,80000,1,0,0,1,55,9"]
    # Class 12 is type 2; class 13 is both 1 and 2, so it tells none.
    codes = (
        "CTnumL4A;CTnumDIV;EAA;AL;PGrass;TGrass;Fallow;Cwater\n11;1;1;1;0;0;0;0\n12;2;1;1;0;0;0;0\n"
        "13;1;1;1;0;0;0;0\n13;2;1;1;0;0;0;0\n"
    )
    files(rows, header=header, codes=codes)
    reasons = pd.read_csv(tmp_path / "op.csv").Classif_r.tolist()
    assert reasons == ["Classified_not_conform_prediction_used", "Classified_not_conform"]
    said = files(rows, header=header)
    assert any(line.startswith("No prediction could take the place") for line in said)


def test_predictions_from_another_table_take_the_place(files, tmp_path):
    (tmp_path / "seen.csv").write_text("NewID,CT_pred_1,CT_conf_1,CT_pred_2\n9,2,0.5,1\n007,,,\n")
    files(predictions=tmp_path / "seen.csv")
    found = pd.read_csv(tmp_path / "op.csv", dtype=str).set_index("NewID").Classif_r
    assert found.to_dict() == {
        "007": "Not_classified_undefined",
        "9": "Classified_conform",
        "8": "Not_classified_undefined",
        "10": "Not_classified_undefined",
    }
    (tmp_path / "seen.csv").write_text("NewID,CT_pred_1,CT_conf_1,CT_pred_2\n9,2,0.5,1\n9,1,,\n")
    with pytest.raises(
        BadUploadError, match=r"seen\.csv[\s\S]*row 3, column 'NewID': '9' is already in row 2"
    ):
        files(predictions=tmp_path / "seen.csv")


def test_parquet_with_text_numbers_and_floating_ids(files, tmp_path):
    files()
    wanted = (tmp_path / "oh.csv").read_text()
    frame = pd.read_csv(tmp_path / "p.csv", dtype=str, keep_default_na=False)
    frame.to_parquet(tmp_path / "p.parquet")
    assess_tables(tmp_path / "p.parquet", tmp_path / "l.csv", tmp_path / "op.csv", tmp_path / "oh.csv")
    assert (tmp_path / "oh.csv").read_text() == wanted
    frame["HoldID"] = [1.0, 2.0, 1.0, 2.0]
    frame.to_parquet(tmp_path / "p.parquet")
    assess_tables(tmp_path / "p.parquet", tmp_path / "l.csv", tmp_path / "op.csv", tmp_path / "oh.csv")
    assert pd.read_csv(tmp_path / "oh.csv", dtype=str).HoldID.tolist() == ["1", "2"]
    frame.loc[2, "LC"] = "one"
    frame.to_parquet(tmp_path / "p.parquet")
    with pytest.raises(BadUploadError, match="row 4, column 'LC': expected a number, found 'one'"):
        assess_tables(tmp_path / "p.parquet", tmp_path / "l.csv", tmp_path / "op.csv", tmp_path / "oh.csv")


def test_thresholds_come_from_yaml(files, tmp_path):
    config = tmp_path / "t.yaml"
    config.write_text("min_confidence: 0.95\nexemption_area_ha: 5\nexcluded_land_covers: [0, 1, 5]\n")
    files(config=config)
    found = pd.read_csv(tmp_path / "op.csv", dtype=str).set_index("NewID")
    assert found.Classif_r["8"] == "Classified_not_conform"
    assert found.Classif_r["9"] == "Not_classified_land_cover"
    assert found.CD_cat["007"] == "Category1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("main_share: 0.5", "line 1: unknown key 'main_share'; did you mean 'main_crop_share'?"),
        ("\ntwo_crops_share: 95", "line 2: two_crops_share"),
        ("main_crop_share: 0.33333", "at most four decimals"),
        ("exemption_area_ha: 0", "line 1: exemption_area_ha"),
    ],
)
def test_a_bad_configuration_is_refused(files, tmp_path, text, said):
    (tmp_path / "t.yaml").write_text(text + "\n")
    with pytest.raises(ConfigurationError) as refused:
        files(config=tmp_path / "t.yaml")
    assert said in str(refused.value)
    with pytest.raises(ConfigurationError, match="no such file"):
        files(config=tmp_path / "u.yaml")


@settings(max_examples=30, deadline=None)
@given(st.permutations(ROWS), st.booleans())
def test_the_order_of_rows_only_orders_the_result(tmp_path_factory, rows, is_original):
    folder = tmp_path_factory.mktemp("order")
    (folder / "l.csv").write_text(CODES)
    found = []
    for name, some in (("a", ROWS), ("b", rows)):
        (folder / f"{name}.csv").write_text("\n".join([HEADER, *some]) + "\n")
        out = folder / f"{name}-p.csv", folder / f"{name}-h.csv"
        compat = "sen4cap" if is_original else "default"
        assess_tables(folder / f"{name}.csv", folder / "l.csv", *out, compat=compat)
        found.append([sorted(path.read_text().splitlines()) for path in out])
    assert found[0] == found[1]


def test_the_thresholds_are_the_law():
    law = Thresholds()
    assert (law.exemption_area_ha, law.large_area_ha) == (10, 30)
    assert (law.grass_share, law.main_crop_share, law.two_crops_share) == (0.75, 0.75, 0.95)
    with pytest.raises(ValueError, match="frozen"):
        law.min_confidence = 0.1
