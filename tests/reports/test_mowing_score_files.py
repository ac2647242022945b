"""`sen4cap l4b score`: numbers counted by hand, tables that cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.l4b import app
from sen4cap_core.reports.scores.mowing_score_files import reliability_table

REFERENCE = """parcel_id,date
01,2020-05-10
01,2020-07-10
02,2020-06-01
02,2020-06-20
03,
04,2020-02-01
"""
EVENTS = """parcel_id,start,end,confidence,missions
01,2020-05-06 10:30:00,2020-05-16 10:30:00,0.95,S2
01,2020-09-01 10:30:00,2020-09-03 10:30:00,0.35,S2
02,2020-06-10 10:30:00,2020-06-11 10:30:00,0.85,S2
03,2020-06-10 10:30:00,2020-06-12 10:30:00,0.45,S1
99,2020-06-10 10:30:00,2020-06-12 10:30:00,0.99,S2
"""
PARCELS = "parcel_id,crop_code,area_m2\n01,046,2000\n02,46,30000\n03,46,5000\n99,1,1\n"


def run(folder: Path, *more: str, **files: str):
    """Write the tables and score them; return what was printed."""
    given = {"detections": EVENTS, "reference": REFERENCE, "parcels": PARCELS, **files}
    arguments = ["score", "--out", str(folder / "out"), *more]
    for name, content in given.items():
        (folder / f"{name}.csv").write_text(content)
        arguments += [f"--{name}", str(folder / f"{name}.csv")]
    return CliRunner().invoke(app, arguments)


def rows_of(folder: Path) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    table = pd.read_csv(folder / "out" / "scores.csv", dtype={"value": str}, keep_default_na=False)
    return {(r.protocol, r.group, r.value): (r.found, r.false, r.missed) for r in table.itertuples()}


def test_counts_by_hand_in_both_protocols_and_all_groups(tmp_path: Path) -> None:
    result = run(tmp_path)

    assert result.exit_code == 0, result.output
    rows = rows_of(tmp_path)
    # The detection of parcel 02 lies between two cuts: it serves both, or one where each serves once.
    assert rows["MODCiX", "all", ""] == (3, 2, 1)
    assert rows["one-to-one", "all", ""] == (2, 2, 2)
    assert rows["MODCiX", "crop", "046"] == (1, 1, 1)
    assert rows["MODCiX", "crop", "46"] == (2, 1, 0)
    assert rows["one-to-one", "size", "0 to 0.25 ha"] == (1, 1, 1)
    assert rows["one-to-one", "size", "2 to 5 ha"] == (1, 0, 1)
    assert rows["one-to-one", "month", "06"] == (1, 1, 1)
    assert rows["one-to-one", "month", "09"] == (0, 1, 0)
    assert "MODCiX: precision 0.600, recall 0.750, F1 0.667 (3 of 4 found, 2 false)" in result.output
    for name in ("scores.png", "reliability.png"):
        assert (tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG")


def test_parcels_nobody_watched_count_only_when_asked(tmp_path: Path) -> None:
    run(tmp_path, "--all-parcels")
    assert rows_of(tmp_path)["MODCiX", "all", ""] == (3, 3, 1)


def test_the_originals_columns_are_read_too(tmp_path: Path) -> None:
    slots = "".join(f",m{i}_dstart,m{i}_dend,m{i}_conf,m{i}_mis" for i in range(1, 5))
    empty = ",0,0,0.0,0"
    table = f"Ori_id;mow_n{slots.replace(',', ';')}\n"
    row = f"01,1,2020-05-06 10:30:00,2020-05-16 10:30:00,0.9,S2{empty * 3}\n02,0{empty * 4}\n"
    run(tmp_path, detections=table + row.replace(",", ";"))
    assert rows_of(tmp_path)["MODCiX", "all", ""] == (1, 0, 3)


def test_reliability_is_the_share_that_is_right() -> None:
    confidence = np.array([0.91, 0.93, 0.99, 0.42, 1.0, np.nan])
    table = reliability_table(confidence, np.array([True, True, False, False, True, True]))
    assert table["detections"].tolist() == [1, 4]
    assert table["observed"].tolist() == [0.0, 0.75]
    assert table["stated"].tolist() == [pytest.approx(0.42), pytest.approx(0.9575)]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"reference": "parcel_id,date\n01,10.5.2020\n"}, "row 2, column 'date'"),
        ({"reference": "parcel,date\n01,2020-05-10\n"}, "parcel ids"),
        ({"reference": "parcel_id,day\n01,2020-05-10\n"}, "lacks date"),
        ({"detections": "parcel_id,crop\n01,046\n"}, "holds no mowings"),
        ({"reference": "parcel_id,date\n01,2020-01-10\n", "detections": EVENTS[:38]}, "days 75 and 300"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_with_the_reason(tmp_path: Path, files, says: str) -> None:
    result = run(tmp_path, **files)
    assert result.exit_code == 2
    assert says in result.output
