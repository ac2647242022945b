"""The command itself: options, exit codes, messages."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.l4b import app

OBSERVATIONS = """parcel_id,mission,orbit,date1,date,mean,n_valid
017,S2,,,2019-05-01,800,5
017,S2,,,2019-05-11,400,5
017,S2,,,2019-05-21,450,5
"""


@pytest.fixture
def arguments(tmp_path):
    (tmp_path / "o.csv").write_text(OBSERVATIONS)
    (tmp_path / "p.csv").write_text("parcel_id,crop_code\n017,a\n")
    (tmp_path / "c.cfg").write_text("")
    given = {
        "--observations": "o.csv",
        "--parcels": "p.csv",
        "--config": "c.cfg",
        "--out": "r.csv",
    }
    files = [text for option, name in given.items() for text in (option, str(tmp_path / name))]
    return [*files, "--start", "2019-03-01", "--end", "2019-11-30", "--missions", "S2"]


def test_detect_writes_the_result(arguments, tmp_path):
    result = CliRunner().invoke(app, ["detect", *arguments, "--compat", "sen4cap"])
    assert result.exit_code == 0, result.output
    assert "1 parcels, 1 of them mown, 1 mowings" in result.stderr
    lines = (tmp_path / "r.csv").read_text().splitlines()
    assert lines[1].startswith("017,1,2019-05-01 10:30:00,2019-05-11 10:30:00,0.")


def test_errors_are_sentences_and_exit_code_2(arguments, tmp_path):
    (tmp_path / "c.cfg").write_text("[S1_processing]\nfpa = 1\n")
    result = CliRunner().invoke(app, ["detect", *arguments])
    assert result.exit_code == 2
    assert "line 2" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "r.csv").exists()


def test_wrong_option_values_are_refused(arguments):
    for option, value in (("--missions", "S3"), ("--start", "01/03/2019"), ("--compat", "old")):
        result = CliRunner().invoke(app, ["detect", *arguments, option, value])
        assert result.exit_code == 2
        assert option in result.output + result.stderr
