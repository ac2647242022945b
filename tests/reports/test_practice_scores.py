"""Scores of practices, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from sen4cap_core.cli.l4c import app
from sen4cap_core.reports.scores.scoring_practices import score_presence, score_table, score_weeks

HEAD = {"L_WEEK": "2019-12-30", "H_START": "2019-06-01", "H_END": "2019-09-30"}
ROWS = [
    # found Monday, true day, grade, present, crop
    ("2019-07-15", "2019-07-20", "STRONG", "1", "wheat"),  # the same week
    ("2019-07-22", "2019-07-20", "MODERATE", "0", "wheat"),  # one week late
    ("2019-08-12", "2019-07-20", "POOR", "1", "wheat"),  # four weeks late
    ("NO-HARVEST", "2019-07-20", "WEAK", "0", "maize"),  # missed
    ("2019-07-15", "", "STRONG", "1", "maize"),  # false
    ("2019-07-15", "2019-10-20", "NR", "1", "maize"),  # truth outside of the period: not asked
]


def frame() -> pd.DataFrame:
    names = ["H_W_START", "true", "C_INDEX", "present", "crop"]
    table = pd.DataFrame(ROWS, columns=names).assign(**HEAD)
    unjudged = table.iloc[[0]].assign(L_WEEK="NA", C_INDEX="NA", H_W_START="NA")
    return pd.concat([table, unjudged], ignore_index=True)


def test_weeks_are_counted() -> None:
    score = score_weeks(frame(), "H_W_START", "true", 1)
    assert (score.n_true, score.n_found, score.n_false, score.n_near) == (4, 3, 1, 2)
    assert (score.recall, score.precision) == (0.5, 0.5)
    assert score.bias_weeks == pytest.approx(5 / 3)
    assert score.mean_error_weeks == pytest.approx(5 / 3)


def test_presence_is_counted() -> None:
    score = score_presence(frame(), "present")
    assert (score.n_judged, score.n_present, score.n_seen, score.n_both) == (5, 3, 3, 2)
    assert score.precision == pytest.approx(2 / 3)


def test_crops_stand_below_the_total() -> None:
    table = score_table(frame(), crop="crop", harvest="true", presence="present", tillage=None)
    assert table.crop.tolist() == ["all", "wheat", "maize"]
    assert table.harvest_recall.tolist() == [0.5, pytest.approx(2 / 3), 0.0]
    assert "tillage_true" not in table


def test_the_command_writes_scores_and_plots(tmp_path: Path) -> None:
    rows = frame().drop(columns=["true", "present"])
    rows = rows.assign(FIELD_ID=[str(i) for i in range(len(rows))], MAIN_CROP=rows.crop)
    rows.to_csv(tmp_path / "R.csv", index=False)
    truth = frame()[["true", "present"]].set_axis(["harvest_date", "catch_crop"], axis=1)
    truth.assign(parcel_id=range(len(truth))).to_csv(tmp_path / "T.csv.gz", index=False)
    words = ["score", "--result", str(tmp_path / "R.csv"), "--truth", str(tmp_path / "T.csv.gz")]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "S")])
    assert done.exit_code == 0, done.output
    assert "recall 0.500 of 4" in done.output
    assert pd.read_csv(tmp_path / "S" / "scores.csv").crop.tolist() == ["all", "wheat", "maize"]
    names = {path.name for path in (tmp_path / "S").iterdir()}
    assert names == {"scores.csv", "harvest_weeks.png", "crops.png"}
    words[-1] = str(tmp_path / "none.csv")
    assert CliRunner().invoke(app, [*words, "--out", str(tmp_path / "S")]).exit_code == 2
