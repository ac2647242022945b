"""Honest grey: what a parcel's answer rests on, and each threshold below which there is none."""

from __future__ import annotations

import csv
from datetime import date

import numpy as np
import pytest

from sen4cap_core.processors.l4b.command import detect_tables

START, END = date(2019, 3, 1), date(2019, 11, 30)
RULE = "[compliancy]\ncrop_codes = 046\ncrop_time_intervals = ('01/05/2019','31/07/2019')\ncrop_rule = 0\n"
DAYS = np.datetime64("2019-04-01") + np.array([0, 10, 20, 30, 40, 65, 75, 85])
"""Eight clear dates, 25 days between two of them; a cut in May."""
NDVI = [800, 810, 800, 805, 400, 650, 700, 740]


def optical(parcel: str) -> str:
    return "".join(f"{parcel},S2,,,{d},{v},9\n" for d, v in zip(DAYS, NDVI, strict=True))


def radar(parcel: str) -> str:
    days = [np.datetime64("2019-04-01") + 6 * i for i in range(12)]
    return "".join(f"{parcel},S1,037,{d - 6},{d},{0.2 + 0.01 * (i % 3)},9\n" for i, d in enumerate(days))


@pytest.fixture
def row(tmp_path):
    def judged(thresholds: str, *, pixels: int = 12, with_radar: bool = False) -> dict[str, str]:
        observations = "parcel_id,mission,orbit,date1,date,mean,n_valid\n" + optical("7")
        (tmp_path / "o.csv").write_text(observations + (radar("7") if with_radar else ""))
        (tmp_path / "p.csv").write_text(f"parcel_id,fid,crop_code,n_pix_s2,n_pix_s1\n7,1,046,{pixels},5\n")
        (tmp_path / "c.cfg").write_text(f"[neighbourhood_method]\n{thresholds}\n{RULE}")
        files = (tmp_path / name for name in ("o.csv", "p.csv", "c.cfg"))
        out = tmp_path / "out.csv"
        detect_tables(*files, START, END, out, missions=("S2", "S1"), compat="default", with_evidence=True)
        (names, values) = csv.reader(out.read_text().splitlines())
        return dict(zip(names, values, strict=True))

    return judged


def test_the_columns_say_what_the_answer_rests_on(row):
    found = row("")
    assert (found["n_clear"], found["gap_days"]) == ("8", "25")
    assert (found["n_radar"], found["no_radar"], found["proc"], found["reason"]) == ("0", "1", "1", "")
    assert (found["mow_total"], found["compl"]) == ("1", "1")
    heard = row("", with_radar=True)
    assert (heard["n_radar"], heard["no_radar"], heard["proc"]) == ("9", "0", "1")


@pytest.mark.parametrize(
    ("enough", "too_few", "reason"),
    [
        ("min_pixels = 12", "min_pixels = 13", "too few pixels"),
        ("max_gap_days = 25", "max_gap_days = 24", "too long without a clear date"),
        ("min_clear_dates = 8", "min_clear_dates = 9", "too few clear dates"),
    ],
)
def test_each_threshold_holds_to_the_one(row, enough, too_few, reason):
    white = row(enough)
    assert (white["proc"], white["reason"]) == ("1", "")
    grey = row(too_few)
    assert (grey["proc"], grey["reason"]) == ("0", reason)
    # What was seen is told all the same.
    assert (grey["mow_total"], grey["compl"]) == ("1", "1")


def test_radar_that_was_tested_stands_in_for_clear_dates_but_not_for_pixels(row):
    assert row("max_gap_days = 24", with_radar=True)["proc"] == "1"
    assert row("min_clear_dates = 9", with_radar=True)["proc"] == "1"
    assert row("min_clear_dates = 9\nmin_radar_tests = 9", with_radar=True)["proc"] == "1"
    assert (
        row("min_clear_dates = 9\nmin_radar_tests = 10", with_radar=True)["reason"] == "too few clear dates"
    )
    assert row("min_pixels = 13", with_radar=True)["reason"] == "too few pixels"


def test_a_parcel_not_judged_in_which_nothing_was_found_is_not_said_to_break_its_rule(row, monkeypatch):
    # Without the cut, and too few dates to say that there was none.
    monkeypatch.setattr(f"{__name__}.NDVI", [800] * 8)
    assert row("")["compl"] == "2"
    grey = row("min_clear_dates = 9")
    assert grey["compl"] == "0"
    assert "too few clear dates" in grey["explanation"]
