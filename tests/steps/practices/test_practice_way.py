"""From observations and practice tables to answers about practices."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from processors.l4c.test_practice_default import crop_year
from sqlalchemy import select
from steps.conftest import SITE, YEAR

from sen4cap_core.db.made.products import register_observations
from sen4cap_core.db.models import Job, PracticeResult, PracticeRun, ProductInput, SceneRow, Site
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.steps.practices.monitor import MonitoringAnswer, monitor_practices, result_frame
from sen4cap_core.steps.practices.pictures import chart_of, practice_pictures
from sen4cap_core.steps.shared.practice_asking import ask_all_practices
from sen4cap_core.steps.shared.season_input import Otherwise

pytestmark = pytest.mark.service

HEADER = "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END"
CONFIG = """[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
OPTTHRVEGCYCLE=350
NDVIDW=300
NDVIUP=500
NDVISTEP=5
OPTTHRMIN=100
COHTHRBASE=0.1
COHTHRHIGH=0.15
COHTHRABS=0.7
AMPTHRMIN=0.1
[CC_TIME_SERIES_ANALYSIS_PARAMS]
CC_CATCHMAIN="CatchCrop_3"
"""
CC_ROW = "0001,0233,2019-03-01,2019-06-01,2019-09-30,CatchCrop,CatchCrop_1,2019-10-01,NA"
NA_ROW = "{},0233,2019-03-01,2019-06-01,2019-09-30,NA,NA,NA,NA"
FOUND = date(2019, 7, 15)
"""The harvest was on Saturday the 20th."""
SENSOR = {"ndvi": "s2", "backscatter": "s1-backscatter", "coherence": "s1-coherence"}


@pytest.fixture
def season(desk, receive):
    """Two parcels with a cereal and a catch crop, observed for a year in true decibels."""
    desk.declare(n=2)
    assert receive("l4c-config/C.cfg", CONFIG).accepted
    assert receive("practices/CC/cc.csv", f"{HEADER}\n{CC_ROW}\n").accepted
    rows = "\n".join(NA_ROW.format(name) for name in ("0001", "0002"))
    assert receive("practices/NA/na.csv", f"{HEADER}\n{rows}\n").accepted
    observe(desk)
    return desk


def observe(desk) -> None:
    """Write observation sets of both parcels and enter them."""
    days: dict[tuple[str, date], dict[str, float]] = {}
    for _, kind, pol, _, day, mean in crop_year(1, 12):
        group = {"NDVI": "ndvi", "AMP": "backscatter", "COHE": "coherence"}[kind]
        cells = days.setdefault((group, day), {})
        if kind == "AMP":
            # The series of the method's tests, doubled: what the thresholds see is half of it.
            cells[f"{pol.lower()}_db"] = 2.0 * mean
            cells[pol.lower()] = 10.0 ** (2.0 * mean / 10.0)
        else:
            cells["coh_vv" if kind == "COHE" else "ndvi"] = mean if kind == "COHE" else mean / 1000.0
    with desk.context.session() as session:
        site = session.scalars(select(Site).where(Site.slug == SITE)).one()
        for (group, day), cells in days.items():
            path = f"sites/{SITE}/{YEAR}/observations/set-1/30TUM/{day:%Y%m%d}/{group}.parquet"
            columns = {"parcel": pa.array([1, 2], pa.int32()), "n_total": pa.array([50, 50], pa.int32())}
            for name, value in cells.items():
                columns[f"{name}_mean"] = pa.array([value] * 2, pa.float32())
                columns[f"{name}_std"] = pa.array([0.1] * 2, pa.float32())
                columns[f"{name}_n_valid"] = pa.array([50] * 2, pa.int32())
            target = desk.context.settings.data / path
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(columns), target)
            when = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
            scene = SceneRow(
                site_id=site.id, product_id=f"{group}-{day}", sensor=SENSOR[group], platform="S",
                acquired_at=when, tile="30TUM", acquisition_key=f"{group}/{day}", format="test",
                path="nowhere", state="processed", relative_orbit=None if group == "ndvi" else 88,
                pair_started_at=when - timedelta(days=12) if group == "coherence" else None,
            )  # fmt: skip
            session.add(scene)
            session.flush()
            register_observations(
                session,
                {
                    "scene_id": scene.id, "declaration_set_id": 1, "group_name": group, "path": path,
                    "n_rows": 2, "n_observed": 2, "source": "scene", "made_by": "test", "flow_run_id": None,
                },
            )  # fmt: skip


def test_practices_are_judged_exported_entered_and_shown(season) -> None:
    answer = monitor_practices(season.context, 1)

    assert [p.task.practice for p in answer.practices] == ["NA", "CC"]
    assert answer.left_out == {
        "FL": "there is no practice table FL of 2019",
        "NFC": "there is no practice table NFC of 2019",
    }
    harvest, catch_crop = (result_frame(practice) for practice in answer.practices)
    assert harvest.ORIG_ID.tolist() == ["0001", "0002"]
    assert set(harvest.H_W_START) == {FOUND.isoformat()}
    assert harvest.S1PIX.tolist() == ["81", "81"]
    assert catch_crop.C_INDEX.tolist() == ["STRONG"]
    # Halved once and not twice: the fall of 2.5 in the method's own series.
    pairs = answer.series.pair_at
    ratios = answer.series.ratio_db[pairs[0] : pairs[1]]
    assert (ratios.min(), ratios.max()) == (pytest.approx(5.0, abs=1e-5), pytest.approx(7.5, abs=1e-5))

    check_files(answer)
    check_rows(season, answer)
    for practice in answer.practices:
        pictures = practice_pictures(answer, practice)
        assert {"Harvest weeks", "Map", "Parcel 0001, crop 0233"} <= set(pictures)
        assert all(png.startswith(b"\x89PNG") for png in pictures.values())
    # People see NDVI and decibels, whatever the thresholds are on.
    chart = chart_of(answer, answer.practices[0], 0)
    assert (chart.ratio[1].min(), chart.ratio[1].max()) == (pytest.approx(10.0), pytest.approx(15.0))
    assert 0.5 < chart.ndvi[1].max() < 1.0
    with pytest.raises(NothingToDoError, match="nothing new"):
        monitor_practices(season.context, 1)


def check_files(answer: MonitoringAnswer) -> None:
    files = answer.practices[0].files
    with files["CSV"].open() as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows[0]) == 35
    assert [row["FIELD_ID"] for row in rows] == ["1", "2"]
    layer = gpd.read_file(files["GeoPackage"])
    assert layer.H_W_START.tolist() == [FOUND.isoformat()] * 2
    assert not layer.geometry.is_empty.any()
    assert len(gpd.read_parquet(files["GeoParquet"])) == 2
    assert files["CSV"].with_suffix(".json").is_file()


def check_rows(season, answer: MonitoringAnswer) -> None:
    with season.context.session() as session:
        runs = session.scalars(select(PracticeRun).order_by(PracticeRun.id)).all()
        assert [(run.practice, run.n_rows, run.n_harvests) for run in runs] == [("NA", 2, 2), ("CC", 1, 1)]
        results = session.scalars(
            select(PracticeResult).where(PracticeResult.run_id == runs[0].id).order_by(PracticeResult.row)
        ).all()
        assert [(r.new_id, r.harvest_week) for r in results] == [(1, FOUND), (2, FOUND)]
        assert results[0].c_index == "NA"
        assert results[0].tillage_week is None
        assert len(results[0].markers.split(",")) == 10
        refs = session.scalars(select(ProductInput.ref).where(ProductInput.product_id == runs[1].product_id))
        kinds = {ref.split(":")[0] for ref in refs}
        assert kinds == {"observations", "declarations", "practices", "config"}


def test_tables_and_the_weekly_look_ask_for_an_evaluation(season) -> None:
    with season.context.session() as session:
        jobs = session.scalars(select(Job).where(Job.kind == "monitor-practices")).all()
        assert [(job.key, job.payload) for job in jobs] == [("monitor-practices/1", {"season_id": 1})]
        session.delete(jobs[0])
    assert ask_all_practices(season.context) == 1
    assert ask_all_practices(season.context) == 0


def test_a_new_table_is_judged_and_replaces_the_rows_before(season, receive) -> None:
    monitor_practices(season.context, 1)
    assert receive("practices/CC/cc.csv", f"{HEADER}\n{CC_ROW}\n{CC_ROW.replace('0001', '0002')}\n").accepted
    answer = monitor_practices(season.context, 1)
    assert [p.task.practice for p in answer.practices] == ["CC"]
    assert "nothing new" in answer.left_out["NA"]
    with season.context.session() as session:
        rows = session.scalars(select(PracticeResult)).all()
    assert np.unique([row.run_id for row in rows], return_counts=True)[1].tolist() == [2, 2]


def test_harvests_of_an_earlier_evaluation_stay_where_the_site_asks_for_it(season) -> None:
    blind = {"NA": {"optthrvegcycle": 990}}
    only_harvest = {"practices": ["NA"]}
    monitor_practices(season.context, 1, Otherwise(until=date(2019, 10, 1), switch=only_harvest))
    kept = Otherwise(switch=only_harvest | {"use_prev_prd": True}, thresholds=blind)
    (harvest,) = monitor_practices(season.context, 1, kept).practices
    assert harvest.task.previous is not None
    with season.context.session() as session:
        first, second = session.scalars(select(PracticeRun).order_by(PracticeRun.id)).all()
        refs = session.scalars(select(ProductInput.ref).where(ProductInput.product_id == second.product_id))
        assert f"earlier:{first.product_id}" in set(refs)
    links = json.loads(harvest.files["CSV"].with_suffix(".json").read_text())["links"]
    assert harvest.task.previous.product_id == first.product_id
    earlier = Path(harvest.task.previous.path).stem
    assert any(link["rel"] == "derived_from" and earlier in link["href"] for link in links)
    assert set(result_frame(harvest).H_W_START) == {FOUND.isoformat()}
    anew = Otherwise(switch=only_harvest, thresholds=blind)
    (harvest,) = monitor_practices(season.context, 1, anew).practices
    assert set(result_frame(harvest).H_W_START) == {"NO-HARVEST"}


def test_what_is_missing_is_said(desk, receive) -> None:
    with pytest.raises(NothingToDoError, match="no declarations"):
        monitor_practices(desk.context, 1)
    desk.declare(n=1)
    with pytest.raises(NothingToDoError, match="no practice table"):
        monitor_practices(desk.context, 1)
    assert receive("practices/CC/cc.csv", f"{HEADER}\n{CC_ROW}\n").accepted
    with pytest.raises(NothingToDoError, match="no observations"):
        monitor_practices(desk.context, 1)
