"""The command itself: options, exit codes, messages."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.main import app

PARCELS = """\
NewID,HoldID,CT_decl,CT_pred_1,CT_conf_1,CT_pred_2,CTnumDIV,Area_meters,GeomValid,Duplic,Overlap,LC,S2Pix,S1Pix
1,a,1,1,0.9,,1,50000,1,0,0,1,55,9
2,a,2,2,0.9,,2,50000,1,0,0,1,55,9
"""
CODES = "ctnumdiv,name,EAA,AL,PGrass,TGrass,Fallow,Cwater\n1,wheat,1,1,0,0,0,0\n2,maize,1,1,0,0,0,0\n"


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "p.csv").write_text(PARCELS)
    (tmp_path / "l.csv").write_text(CODES)
    given = {
        "--parcels": "p.csv",
        "--crop-codes": "l.csv",
        "--out-parcels": "a.csv",
        "--out-holdings": "b.csv",
    }
    return [text for option, name in given.items() for text in (option, str(tmp_path / name))]


def run(*arguments):
    return CliRunner().invoke(app, ["diversification", "assess", *arguments])


@pytest.mark.parametrize(
    ("options", "outcome"),
    [([], "Category1,Compliant"), (["--compat", "sen4cap"], "Exemption_or_Category1_2_or_3,Missing_info")],
)
def test_assess_writes_both_tables(arguments, tmp_path, options, outcome):
    result = run(*arguments, *options)
    assert result.exit_code == 0, result.output
    assert "2 parcels: " in result.stderr
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == f"1,Classified_conform,{outcome},50000.0"
    assert (tmp_path / "b.csv").read_text().splitlines()[1].startswith(f"a,{outcome},2,100000.0,")


def test_config_and_predictions_are_taken(arguments, tmp_path):
    (tmp_path / "t.yaml").write_text("exemption_area_ha: 11\n")
    (tmp_path / "seen.csv").write_text("NewID,CT_pred_1,CT_conf_1,CT_pred_2\n1,1,0.5,\n")
    result = run(
        *arguments, "--config", str(tmp_path / "t.yaml"), "--predictions", str(tmp_path / "seen.csv")
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "b.csv").read_text().splitlines()[1].startswith("a,Exemption1,Not_required,1,")


def test_errors_are_sentences_and_exit_code_2(arguments, tmp_path):
    (tmp_path / "p.csv").write_text(PARCELS.replace(",50000,", ",much,", 1))
    result = run(*arguments)
    assert result.exit_code == 2
    assert "row 2, column 'Area_meters': expected a number, found 'much'" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "a.csv").exists()


def test_wrong_option_values_are_refused(arguments):
    result = run(*arguments, "--compat", "old")
    assert result.exit_code == 2
    assert "--compat" in result.output + result.stderr
