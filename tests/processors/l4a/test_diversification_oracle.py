"""Tables in, tables out: every cell as the original's own run wrote it."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.main import app
from sen4cap_core.processors.l4a.diversification.command import assess_tables

PREDICTED = ["CT_pred_1", "CT_conf_1", "CT_pred_2", "CT_conf_2", "CTnumDIV_pred_1"]
FULL_TABLE = "Ori_crop,CTnum,CT,LC,CTnumL4A,CTL4A,CTnumDIV,CTDIV,EAA,AL,PGrass,TGrass,Fallow,Cwater"


@pytest.fixture(scope="module")
def oracle(shared):
    folder = shared / "oracle" / "diversification"
    if not folder.is_dir():
        pytest.skip(f"no reference tables: {folder} does not exist")
    return folder


def run(tmp_path, parcels, codes, *, suffix="csv", compat="sen4cap", **others):
    out = tmp_path / f"parcels-out.{suffix}", tmp_path / f"holdings-out.{suffix}"
    said = assess_tables(parcels, codes, *out, compat=compat, **others)
    return *out, said


def expected(oracle, name):
    return gzip.decompress((oracle / f"expected_{name}.csv.gz").read_bytes()).decode()


def test_equal_to_the_original_in_every_byte(oracle, tmp_path):
    line = (
        f"diversification assess --parcels {oracle}/parcels.csv.gz --crop-codes {oracle}/lut.csv "
        f"--compat sen4cap --out-parcels {tmp_path}/a.csv --out-holdings {tmp_path}/b.csv"
    )
    done = CliRunner().invoke(app, line.split())
    assert done.exit_code == 0, done.output
    assert (tmp_path / "a.csv").read_text() == expected(oracle, "parcels")
    assert (tmp_path / "b.csv").read_text() == expected(oracle, "holdings")


def test_a_full_crop_code_table_gives_the_same(oracle, tmp_path):
    short = pd.read_csv(oracle / "lut.csv", dtype=str)
    rows = [FULL_TABLE.replace(",", ";")]
    for i, row in enumerate(short.itertuples(index=False)):
        flags = ";".join((row.EAA, row.AL, row.PGrass, row.TGrass, row.Fallow, row.Cwater))
        for part in ("a", "b"):  # several crop codes share a CTnumDIV
            number = 2 * i + (part == "b")
            rows.append(
                f"c{row.ctnumdiv}{part};{number};blé {i};1;{row.ctnumdiv};x;{row.ctnumdiv};{row.name};{flags}"
            )
    (tmp_path / "full.csv").write_text("\r\n".join(rows) + "\r\n", encoding="cp1252")
    parcels, holdings, _ = run(tmp_path, oracle / "parcels.csv.gz", tmp_path / "full.csv")
    assert parcels.read_text() == expected(oracle, "parcels")
    assert holdings.read_text() == expected(oracle, "holdings")


def test_predictions_in_a_table_of_their_own_give_the_same(oracle, tmp_path):
    whole = pd.read_csv(oracle / "parcels.csv.gz", dtype=str, keep_default_na=False)
    whole.drop(columns=PREDICTED).to_csv(tmp_path / "p.csv", index=False)
    seen = whole[~whole.CT_pred_1.isin(["", "NA"])][["NewID", *PREDICTED]]
    foreign = seen.head(1).assign(NewID="no such parcel")
    pd.concat([seen.sample(frac=1, random_state=3), foreign]).to_csv(tmp_path / "seen.csv.gz", index=False)
    parcels, holdings, said = run(
        tmp_path, tmp_path / "p.csv", oracle / "lut.csv", predictions=tmp_path / "seen.csv.gz"
    )
    assert parcels.read_text() == expected(oracle, "parcels")
    assert holdings.read_text() == expected(oracle, "holdings")
    assert any(line.startswith("1 predictions are of parcels that are not") for line in said)


def test_parquet_in_and_out_gives_the_same_values(oracle, tmp_path):
    frame = pd.read_csv(oracle / "parcels.csv.gz", dtype={"NewID": str})
    frame["GeomValid"] = frame["GeomValid"].astype(bool)
    frame.to_parquet(tmp_path / "p.parquet", row_group_size=300)
    parcels, holdings, _ = run(tmp_path, tmp_path / "p.parquet", oracle / "lut.csv", suffix="parquet")
    for path, name, key in ((parcels, "parcels", "NewID"), (holdings, "holdings", "HoldID")):
        wanted = pd.read_csv(oracle / f"expected_{name}.csv.gz", dtype={key: str})
        pd.testing.assert_frame_equal(pd.read_parquet(path), wanted, rtol=0, atol=1e-9)


def test_the_default_only_says_more(oracle, tmp_path):
    _, original, _ = run(tmp_path, oracle / "parcels.csv.gz", oracle / "lut.csv")
    original = pd.read_csv(original, index_col="HoldID")
    config = tmp_path / "never.yaml"
    config.write_text("min_confidence: 2\n")
    _, own, said = run(
        tmp_path, oracle / "parcels.csv.gz", oracle / "lut.csv", compat="default", config=config
    )
    own = pd.read_csv(own, index_col="HoldID")
    is_decided = original.CD_diagn.isin(["Compliant", "Not_compliant", "Not_required"])
    # Category 3 by the land that is left, and three crops in it, is the one rule that is not the original's.
    same_rule = is_decided & ~original.CD_cat.str.contains("3")
    assert (own.CD_diagn == original.CD_diagn)[same_rule].all()
    assert (own.CD_diagn == "Missing_info").sum() < (original.CD_diagn == "Missing_info").sum()
    assert not any("took the place" in line for line in said)


def test_confident_predictions_take_the_place_of_declarations(oracle, tmp_path):
    parcels, _, said = run(tmp_path, oracle / "parcels.csv.gz", oracle / "lut.csv", compat="default")
    given = pd.read_csv(oracle / "parcels.csv.gz").set_index("NewID")
    found = pd.read_csv(parcels).set_index("NewID")["Classif_r"]
    contradicts = given.CT_pred_1.notna() & (given.CT_decl != given.CT_pred_1)
    contradicts &= given.CT_decl != given.CT_pred_2
    is_known_type = given.CTnumDIV_pred_1.isin(pd.read_csv(oracle / "lut.csv").ctnumdiv)
    is_used = (contradicts & (given.CT_conf_1 >= 0.75) & is_known_type).reindex(found.index)
    assert is_used.sum() > 10
    assert ((found == "Classified_not_conform_prediction_used") == is_used).all()
    assert any(
        line.startswith(f"On {is_used.sum()} parcels a prediction of confidence 0.75") for line in said
    )
