"""The default method: what it does where the original stops, and what must never change a result."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from processors.l4c.fields import (
    make_observations,
    make_practices,
    write_config,
    write_observations,
    write_practices,
)

from sen4cap_core.errors import BadUploadError, ConfigurationError, NothingToDoError
from sen4cap_core.processors.l4c.command import MonitoringOptions, PracticeJob, monitor_tables

CATCH_CROP = {"NDVIUP": "500", "CATCHMAIN": '"CatchCrop_3"', "COHTHRBASE": "0.1", "COHTHRABS": "0.7"}


def run(folder: Path, rows: list, table: list[dict], practice: str = "CC", **options) -> list[dict]:
    config = write_config(folder / "C.cfg", practice, **(CATCH_CROP if practice == "CC" else {}))
    monitor_tables(
        write_observations(folder / "O.parquet", rows),
        config,
        [PracticeJob(practice, write_practices(folder / "T.csv", table), folder / "R.csv")],
        MonitoringOptions(country="NLD", year=2019, **options),
    )
    with (folder / "R.csv").open() as file:
        return list(csv.DictReader(file))


def crop_year(parcel: int, repeat: int, *, until: date = date(2019, 12, 31)) -> list:
    """One cereal harvested on 2019-07-20, a catch crop from September on, without noise."""
    rows = []
    day = date(2019, 1, 2)
    before = None
    while day <= until:
        start = before or day - timedelta(repeat)
        bare = date(2019, 7, 20) <= day < date(2019, 9, 10)
        bare_pair = date(2019, 7, 20) <= start and day < date(2019, 9, 10)
        rows.append((parcel, "AMP", "VV", "088", day, -11.0))
        rows.append((parcel, "AMP", "VH", "088", day, -18.5 if bare else -16.0))
        fresh = 0.85 if bare_pair else 0.4
        rows.append((parcel, "COHE", "VV", "088", day, fresh ** (repeat / 6)))
        before = day
        day += timedelta(repeat)
    day = date(2019, 1, 4)
    while day <= until:
        green = date(2019, 4, 1) <= day < date(2019, 7, 20) or day >= date(2019, 9, 25)
        rows.append((parcel, "NDVI", "", "", day, 700.0 if green else 220.0))
        day += timedelta(5)
    return rows


def one_row(**changes: str) -> dict:
    row = make_practices(np.random.default_rng(1), 1, "CC", "NLD", ["CatchCrop_1"])[0]
    row |= {"VEG_START": "2019-03-01", "H_START": "2019-06-01", "H_END": "2019-09-30", "S1Pix": "40"}
    return row | {"PRACTICE": "CatchCrop", "P_START": "2019-09-15", "P_END": "NA"} | changes


@pytest.mark.parametrize("repeat", [6, 12])
def test_a_harvest_is_found_with_pairs_of_any_length(tmp_path: Path, repeat: int) -> None:
    (row,) = run(tmp_path, crop_year(1, repeat), [one_row()])
    assert abs((date.fromisoformat(row["H_W_START"]) - date(2019, 7, 15)).days) <= 7
    assert [row[f"H_M{i}"] for i in range(1, 6)] == ["TRUE"] * 5


def test_the_original_is_blind_to_pairs_of_twelve_days(tmp_path: Path) -> None:
    (row,) = run(tmp_path, crop_year(1, 12), [one_row()], compat="sen4cap")
    found = row["H_W_START"]
    assert found == "NO-HARVEST" or (date.fromisoformat(found) - date(2019, 7, 15)).days > 7


def test_a_catch_crop_is_followed_beyond_the_year(tmp_path: Path) -> None:
    rows = crop_year(1, 6, until=date(2020, 1, 12))
    table = [one_row(P_START="2019-10-15", P_END="2019-12-31")]
    (row,) = run(tmp_path, rows, table)
    assert row["C_INDEX"] == "STRONG"
    rows = [r for r in rows if r[4] <= date(2019, 12, 31)]
    assert run(tmp_path, rows, table, compat="sen4cap")[0]["C_INDEX"] == "NR"


@pytest.mark.parametrize(
    ("period", "catch_crop", "told"),
    [
        (("2019-10-01", "2019-12-20"), True, ("STRONG", "TRUE")),
        # Those days were over when it grew.
        (("2019-07-25", "2019-09-05"), True, ("MODERATE", "FALSE")),
        (("2019-10-01", "2019-12-20"), False, ("POOR", "NA")),
        (("2019-10-01", "NA"), True, ("STRONG", "TRUE")),
    ],
)
def test_it_is_told_whether_a_catch_crop_grew_in_its_period(
    tmp_path: Path, period: tuple[str, str], catch_crop: bool, told: tuple[str, str]
) -> None:
    rows = [bare_after_harvest(row) if not catch_crop else row for row in crop_year(1, 6)]
    (row,) = run(tmp_path, rows, [one_row(P_START=period[0], P_END=period[1])])
    assert (row["C_INDEX"], row["C_IN_PERIOD"]) == told
    row = run(tmp_path, rows, [one_row(P_START=period[0], P_END=period[1])], compat="sen4cap")[0]
    assert "C_IN_PERIOD" not in row


def test_a_row_of_another_practice_has_a_harvest_and_no_grade(tmp_path: Path) -> None:
    table = [one_row(P_START="2019-10-01", P_END="2019-12-20")]
    (row,) = run(tmp_path, crop_year(1, 6), table, "FL")
    assert (row["C_INDEX"], row["H_W_START"]) == ("NA", run(tmp_path, crop_year(1, 6), table)[0]["H_W_START"])
    assert run(tmp_path, crop_year(1, 6), table, "FL", compat="sen4cap")[0]["C_INDEX"] != "NA"


def bare_after_harvest(row: tuple) -> tuple:
    """The observation as it would be had nothing grown after the harvest."""
    parcel, kind, pol, orbit, day, value = row
    if day >= date(2019, 7, 20) and pol != "VV":
        value = -18.5 if kind == "AMP" else 220.0
    if day >= date(2019, 7, 26) and kind == "COHE":
        value = 0.85
    return parcel, kind, pol, orbit, day, value


def test_a_parcel_without_coherence_is_still_described(tmp_path: Path) -> None:
    rows = [r for r in crop_year(1, 6) if r[1] != "COHE"]
    (row,) = run(tmp_path, rows, [one_row()])
    assert row["L_WEEK"] == "2019-12-30"
    assert row["COHE_WEEKS"] == "0"
    assert int(row["NDVI_WEEKS"]) > 50
    assert run(tmp_path, rows, [one_row()], compat="sen4cap")[0]["L_WEEK"] == "NA"


@pytest.mark.parametrize("compat", ["default", "sen4cap"])
def test_order_and_repetition_change_nothing(tmp_path: Path, compat: str) -> None:
    rng = np.random.default_rng(5)
    rows = make_observations(rng, 40)
    table = make_practices(rng, 40, "CC", "NLD", ["CatchCrop_1", "CatchCrop_3"])
    first = run(tmp_path, rows, table, compat=compat)
    order = rng.permutation(len(table))
    doubled = rows + rows[: len(rows) // 2]
    mixed = [rows[i] for i in rng.permutation(len(rows))]
    for observations in (mixed, doubled):
        again = run(tmp_path, observations, [table[i] for i in order], compat=compat)
        assert sorted(again, key=lambda r: int(r["FIELD_ID"])) == first


def test_until_is_inclusive(tmp_path: Path) -> None:
    rows = crop_year(1, 6)
    until = date(2019, 8, 12)
    (row,) = run(tmp_path, rows, [one_row()], until=until)
    assert run(tmp_path, [r for r in rows if r[4] <= until], [one_row()]) == [row]
    assert row["L_WEEK"] == "2019-08-12"


def test_faults_of_the_files_are_told(tmp_path: Path) -> None:
    rows = crop_year(1, 6)
    with pytest.raises(NothingToDoError, match="VEG_START"):
        run(tmp_path, rows, [one_row(VEG_START="NA")])
    bad = [*rows, (1, "WIND", "", "", date(2019, 5, 1), 3.0)]
    with pytest.raises(BadUploadError, match="AMP, COHE or NDVI"):
        run(tmp_path, bad, [one_row()])
    later = [(*row[:4], row[4].replace(year=2021), row[5]) for row in rows]
    with pytest.raises(BadUploadError, match="of the year 2019: they are of 2021"):
        run(tmp_path, later, [one_row()], compat="sen4cap")
    write_observations(tmp_path / "O.parquet", rows)
    config = write_config(tmp_path / "D.cfg", "CC")
    job = PracticeJob("CC", tmp_path / "T.csv", tmp_path / "R.csv")
    with pytest.raises(ConfigurationError, match="CATCHMAIN"):
        monitor_tables(
            tmp_path / "O.parquet",
            config,
            [PracticeJob(job.practice, write_practices(job.table, [one_row()]), job.out)],
            MonitoringOptions(country="NLD", year=2019, compat="sen4cap"),
        )
