"""The original's own runs: every column of every row, and of every week."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sen4cap_core.processors.l4c.command import MonitoringOptions, PracticeJob, monitor_tables

CONFIGS = "data/maja-metadata-and-l4c-configs/sen2agri-processors/AgriculturalPractices/ConfigFiles"
CASES = ("NLD_NA", "NLD_CC", "CZE_NA", "CZE_CC", "CZE_FL", "CZE_NFC")


@pytest.mark.parametrize("case", CASES)
def test_every_cell_equals_the_original(shared: Path, tmp_path: Path, case: str) -> None:
    oracle = shared / "oracle" / "l4c"
    if not (oracle / "cases" / case).is_dir():
        pytest.skip(f"no reference case {case}")
    params = json.loads((oracle / "cases" / case / "params.json").read_text())
    config = shared / CONFIGS / f"S4C_L4C_Config_{params['country']}.cfg"
    out, weekly = tmp_path / "R.csv", tmp_path / "W.parquet"
    monitor_tables(
        oracle / params["observations"],
        config,
        [PracticeJob(params["practice"], oracle / "cases" / case / "practices.csv.gz", out, weekly)],
        MonitoringOptions(
            country=params["country"],
            year=params["year"],
            acquisitions_limit=date.fromisoformat(params["acqsdatelimit"]),
            min_acquisitions=params["minacqs"],
            with_tillage=bool(params["tillage"]),
            compat="sen4cap",
        ),
    )
    with out.open() as found, gzip.open(oracle / "cases" / case / "expected.csv.gz", "rt") as wanted:
        got, expected = list(csv.reader(found)), list(csv.reader(wanted))
    assert got[0] == expected[0]
    assert len(got) == len(expected)
    assert [g for g, e in zip(got, expected, strict=True) if g != e] == []
    names = ["parcel_id", "seq", "week", "M1", "M2", "M3", "M4", "M5"]
    weeks = pq.read_table(oracle / "cases" / case / "expected_weekly.parquet").to_pydict()
    found_weeks = pq.read_table(weekly).to_pydict()
    for name in names:
        assert found_weeks[name] == weeks[name], name
