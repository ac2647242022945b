"""The examples of docs/tables.md work as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.main import app

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def run_example(title: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files of a section, then run its command beside them."""
    section = next(one for one in PAGE.read_text().split("\n## ") if one.startswith(title))
    for name, content in re.findall(r"^`([\w.-]+)`:\n\n```\w+\n(.*?)```$", section, re.M | re.S):
        (folder / name).write_text(content)
    command = re.search(r"^    sen4cap (.*?[^\\])$", section, re.M | re.S)
    assert command
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, shlex.split(command[1].replace("\\\n", " ")))
    assert done.exit_code == 0, done.output


def test_mowing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example("Mowing", tmp_path, monkeypatch)
    found = pd.read_csv(tmp_path / "mowing.csv", dtype=str).set_index("parcel_id")
    assert found.mow_n.to_dict() == {"A1": "1", "A2": "0"}
    assert found.compl.to_dict() == {"A1": "1", "A2": "2"}
    assert "2019-05-20" <= found.m1_dstart["A1"] < found.m1_dend["A1"] < "2019-06-05"


def test_practices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example("Practices", tmp_path, monkeypatch)
    found = pd.read_csv(tmp_path / "catch-crops.csv", dtype=str, keep_default_na=False)
    assert found.FIELD_ID.tolist() == ["7"]
    assert found.PRACTICE.tolist() == ["CatchCrop"]
    # As the page says it.
    assert (found.H_WEEK.tolist(), found.C_INDEX.tolist(), found.M6.tolist()) == (
        ["NO-HARVEST"],
        ["NR"],
        ["NR"],
    )
    assert found.H_W_START.tolist() == ["NO-HARVEST"]


def test_crop_diversification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example("Crop diversification", tmp_path, monkeypatch)
    found = pd.read_csv(tmp_path / "holdings.csv", dtype=str).set_index("HoldID")
    assert found.CD_cat.to_dict() == {"22": "Category1", "23": "Exemption1"}
    assert found.CD_diagn.to_dict() == {"22": "Not_compliant", "23": "Not_required"}
