"""``sen4cap l4c monitor`` as a user types it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from processors.l4c.fields import (
    make_observations,
    make_practices,
    write_config,
    write_observations,
    write_practices,
)
from typer.testing import CliRunner

from sen4cap_core.cli.main import app


def test_two_practices_in_one_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    write_observations(tmp_path / "O.parquet", make_observations(rng, 12))
    write_practices(tmp_path / "NA.csv", make_practices(rng, 12, "NA", "NLD", ["NA"]), ";")
    write_practices(tmp_path / "FL.csv", make_practices(rng, 12, "FL", "LTU", ["PDJ"]))
    config = write_config(tmp_path / "C.cfg", "FL")
    p = tmp_path
    words = f"l4c monitor --observations {p}/O.parquet --country NLD --year 2019 --config {config}"
    words += " --compat sen4cap --tillage --until 2019-11-30 --acqs-date-limit 2019-12-31 --min-acqs 10"
    words += f" --practice NA --practices {p}/NA.csv --out {p}/NA.parquet --weekly {p}/a.csv"
    words += f" --practice FL --practices {p}/FL.csv --out {p}/FL.csv.gz --weekly {p}/b.parquet"
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.output
    table = pq.read_table(tmp_path / "NA.parquet")
    assert table.num_columns == 38
    assert table.column_names[:3] == ["FIELD_ID", "ORIG_ID", "COUNTRY"]
    with (tmp_path / "a.csv").open() as file:
        weeks = list(csv.DictReader(file))
    assert list(weeks[0]) == ["parcel_id", "seq", "week", "M1", "M2", "M3", "M4", "M5"]
    assert (tmp_path / "FL.csv.gz").stat().st_size > 0
    assert "NA: 12 rows" in result.output


def test_faults_end_with_a_sentence(tmp_path: Path) -> None:
    words = "l4c monitor --observations O.csv --practices T.csv --practice CC --country NLD --year 2019"
    result = CliRunner().invoke(app, [*words.split(), "--config", "C.cfg", "--out", str(tmp_path / "R.csv")])
    assert result.exit_code == 2
    assert "no such file" in result.output
    result = CliRunner().invoke(app, [*words.split(), "--practice", "NA", "--config", "C", "--out", "R.csv"])
    assert result.exit_code == 2
    assert "--practices is given 1 times" in result.output
