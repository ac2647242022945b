"""The default method against what really happened in simulated series, on one half of the parcels."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sen4cap_core.processors.l4c.command import MonitoringOptions, PracticeJob, monitor_tables

CONFIGS = "data/maja-metadata-and-l4c-configs/sen2agri-processors/AgriculturalPractices/ConfigFiles"


def held_out(parcel_id: str) -> bool:
    """Tell whether a parcel belongs to the half that the first thresholds were not chosen on."""
    return int(hashlib.sha256(parcel_id.encode()).hexdigest(), 16) % 2 == 1


def weeks_off(found: str, told: str) -> float:
    """Weeks from the week of a true day to a week found; infinite when none was found."""
    if not found.startswith("2"):
        return np.inf
    day = date.fromisoformat(told)
    return (date.fromisoformat(found).toordinal() - (day.toordinal() - day.weekday())) / 7


@pytest.fixture(scope="module", params=["NLD", "CZE"])
def judged(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[dict]:
    country = request.param
    oracle = shared / "oracle" / "l4c"
    if not oracle.is_dir():
        pytest.skip("no reference series")
    out = tmp_path_factory.mktemp("truth") / "R.parquet"
    monitor_tables(
        oracle / "observations_main.parquet",
        shared / CONFIGS / f"S4C_L4C_Config_{country}.cfg",
        [PracticeJob("CC", oracle / "cases" / f"{country}_CC" / "practices.csv.gz", out)],
        MonitoringOptions(country=country, year=2019, with_tillage=True),
    )
    truth = {str(row["parcel_id"]): row for row in pq.read_table(oracle / "truth.parquet").to_pylist()}
    special = {
        str(row["parcel_id"]): row["special"] for row in pq.read_table(oracle / "parcels.parquet").to_pylist()
    }
    rows = [row | {"truth": truth[row["FIELD_ID"]]} for row in pq.read_table(out).to_pylist()]
    return [row for row in rows if not special[row["FIELD_ID"]] and held_out(row["FIELD_ID"])]


def test_harvests_are_found_within_a_week(judged: list[dict]) -> None:
    rows = [
        r
        for r in judged
        if r["truth"]["harvest_date"] and r["H_START"] <= r["truth"]["harvest_date"] <= r["H_END"]
    ]
    near = [abs(weeks_off(r["H_W_START"], r["truth"]["harvest_date"])) <= 1 for r in rows]
    assert len(near) > 100
    assert np.mean(near) >= 0.9


def test_catch_crops_are_told_from_volunteers(judged: list[dict]) -> None:
    rows = [
        r
        for r in judged
        if r["PRACTICE"] == "CatchCrop"
        and r["truth"]["harvest_date"]
        and r["C_INDEX"] not in ("NA", "NR", "NA1")
    ]
    true = np.array([int(r["truth"]["catch_crop"]) == 1 for r in rows])
    found = np.array([r["C_INDEX"] in ("STRONG", "MODERATE") for r in rows])
    assert true.sum() > 30
    assert (true & found).sum() / found.sum() >= 0.8
    assert (true & found).sum() / true.sum() >= 0.75


def test_tillage_is_found_within_two_weeks(judged: list[dict]) -> None:
    rows = [r for r in judged if r["truth"]["tillage_date"] and r["H_W_START"].startswith("2")]
    near = [abs(weeks_off(r["TL_W_START"], r["truth"]["tillage_date"])) <= 2 for r in rows]
    assert len(near) > 80
    assert np.mean(near) >= 0.6
