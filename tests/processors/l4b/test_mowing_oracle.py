"""Tables in, tables out: equal to the original's own runs, and at least as good on the truth by default."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.processors.l4b.command import detect_tables, parcel_facts
from sen4cap_core.processors.l4b.detection import detect
from sen4cap_core.processors.l4b.observations_table import read_observations_table
from sen4cap_core.reports.scores.scoring_mowing import (
    DatedEvents,
    match_one_to_one,
    score_nearest,
    score_one_to_one,
)
from sen4cap_core.tables.parcels import read_parcels

ORACLE = Path(__file__).parents[4] / "shared" / "oracle" / "l4b" / "synthetic-default"
START, END = date(2019, 3, 1), date(2019, 11, 30)
MISSIONS = {"S2": ("S2",), "S1": ("S1",), "S1_S2": ("S2", "S1")}

pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the original's tables are not beside the repository"
)


def run(out: Path, missions: str, observations: Path, parcels: Path, compat: str = "sen4cap") -> pd.DataFrame:
    config = ORACLE / "C.cfg"
    detect_tables(observations, parcels, config, START, END, out, missions=MISSIONS[missions], compat=compat)
    reader = pd.read_parquet if out.suffix == ".parquet" else pd.read_csv
    kwargs = {} if out.suffix == ".parquet" else {"dtype": str, "keep_default_na": False}
    return reader(out, **kwargs)


def expected(missions: str) -> pd.DataFrame:
    return pd.read_csv(ORACLE / f"expected_{missions}.csv.gz", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("missions", MISSIONS)
def test_equal_to_the_original_in_every_cell(tmp_path, missions):
    found = run(tmp_path / "out.csv.gz", missions, ORACLE / "observations.csv.gz", ORACLE / "parcels.csv.gz")
    pd.testing.assert_frame_equal(found, expected(missions))


def test_raw_detections_are_the_original_ones():
    config = read_l4b_config(ORACLE / "C.cfg")
    parcels = read_parcels(ORACLE / "parcels.csv.gz")
    table = read_observations_table(ORACLE / "observations.csv.gz", parcels, config, START, END, ("S2", "S1"))
    outcome = detect(table.matrix, parcel_facts(parcels, table), config, ("S2", "S1"), "sen4cap")
    raw = pd.read_csv(ORACLE / "raw_detections.csv.gz", dtype={"orbit": str, "parcel_id": str})
    assert [(run.mission, run.orbit) for run in outcome.raw] == [("S2", ""), ("S1", "088"), ("S1", "037")]
    for source in outcome.raw:
        of_source = (raw.mission == source.mission) & (raw.orbit.fillna("") == source.orbit)
        wanted = raw[of_source].sort_values(["parcel_id", "date2"])
        found = pd.DataFrame(
            {
                "parcel_id": np.array(parcels.ids.to_pylist())[source.found.parcel],
                "date2": source.found.end_s.astype("datetime64[s]"),
                "conf": source.found.confidence,
            }
        ).sort_values(["parcel_id", "date2"])
        assert found.parcel_id.tolist() == wanted.parcel_id.tolist()
        assert (found.date2.to_numpy() == pd.to_datetime(wanted.date2).to_numpy()).all()
        assert np.abs(found.conf.to_numpy() - wanted.conf.to_numpy()).max() < 1e-12


def test_parquet_in_any_order_gives_the_same(tmp_path):
    observations = pd.read_csv(ORACLE / "observations.csv.gz", dtype={"orbit": str})
    observations["date"] = pd.to_datetime(observations["date"])
    mixed = observations.sample(frac=1, random_state=1)
    double = mixed.head(5000).assign(mean=0.9, n_valid=-1)  # same day, fewer valid pixels: must lose
    table = pa.Table.from_pandas(pd.concat([double, mixed]), preserve_index=False)
    pq.write_table(table, tmp_path / "observations.parquet", row_group_size=7000)
    parcels = pd.read_csv(ORACLE / "parcels.csv.gz", dtype={"crop_code": str})
    parcels["parcel_id"] = parcels.parcel_id.astype(str)
    parcels.to_parquet(tmp_path / "parcels.parquet")
    found = run(
        tmp_path / "out.parquet", "S1_S2", tmp_path / "observations.parquet", tmp_path / "parcels.parquet"
    )
    wanted = expected("S1_S2")
    numbers = [c for c in wanted if c.endswith("_conf")]
    assert np.abs(found[numbers].to_numpy() - wanted[numbers].astype(float).to_numpy()).max() < 1e-9
    rest = [c for c in wanted if c not in numbers]
    pd.testing.assert_frame_equal(found[rest].astype(str), wanted[rest], check_dtype=False)


@pytest.mark.parametrize(
    ("missions", "original_f1", "own_f1"),
    [("S2", 0.812, 0.915), ("S1", 0.523, 0.523), ("S1_S2", 0.848, 0.93)],
)
def test_default_is_better_than_the_original_on_truth(missions, original_f1, own_f1):
    config = read_l4b_config(ORACLE / "C.cfg")
    parcels = read_parcels(ORACLE / "parcels.csv.gz")
    table = read_observations_table(
        ORACLE / "observations.csv.gz", parcels, config, START, END, MISSIONS[missions]
    )
    truth = pd.read_csv(ORACLE / "truth.csv.gz", dtype={"parcel_id": str})
    rows = parcels.locate(pa.array(truth.parcel_id)).astype(np.int64)
    day = pd.to_datetime(truth.date).to_numpy().astype("datetime64[D]").astype(np.float64)
    reference = DatedEvents(rows, day, day).within()
    scores = {}
    for compat in ("sen4cap", "default"):
        events = detect(table.matrix, parcel_facts(parcels, table), config, MISSIONS[missions], compat).events
        found = DatedEvents(
            events.parcel.astype(np.int64), events.start_s / 86400, events.end_s / 86400
        ).within()
        scores[compat] = score_nearest(found, reference).f1
        assert scores[compat] == pytest.approx(score_one_to_one(found, reference).f1)
    assert scores["sen4cap"] == pytest.approx(original_f1, abs=0.0006)
    assert scores["default"] >= own_f1
    # The confidences, of the default that came last, say how many are right.
    every = DatedEvents(events.parcel.astype(np.int64), events.start_s / 86400, events.end_s / 86400)
    stated = events.confidence[every.order_within()]
    is_right = match_one_to_one(found, reference).used
    assert abs(stated.mean() - is_right.mean()) < 0.06
    is_sure = stated >= 0.9
    assert is_right[is_sure].mean() > 0.93
    assert is_sure.all() or is_right[~is_sure].mean() < is_right[is_sure].mean()


def test_radar_may_only_help_however_noisy_it_is():
    parcels = read_parcels(ORACLE / "parcels.csv.gz")
    config, files = read_l4b_config(ORACLE / "C.cfg"), (ORACLE / "observations.csv.gz", parcels)
    table = read_observations_table(*files, config, START, END, ("S2", "S1"))
    facts = parcel_facts(parcels, table)
    truth = pd.read_csv(ORACLE / "truth.csv.gz", dtype={"parcel_id": str})
    day = pd.to_datetime(truth.date).to_numpy().astype("datetime64[D]").astype(np.float64)
    reference = DatedEvents(parcels.locate(pa.array(truth.parcel_id)).astype(np.int64), day, day).within()
    columns = np.concatenate([source.columns for source in table.matrix.sources if source.mission == "S1"])
    # The tables were made with this for each pixel.
    sd = 0.155 / np.sqrt(np.maximum(facts.n_pixels_radar, 1))[:, None]
    unit = np.random.default_rng(1).standard_normal((facts.size, columns.size)) * sd

    def f1(missions, noise=1.0):
        values = table.matrix.values.copy()
        values[:, columns] += np.sqrt(noise**2 - 1) * unit
        events = detect(replace(table.matrix, values=values), facts, config, missions).events
        days = events.start_s / 86400, events.end_s / 86400
        return score_nearest(DatedEvents(events.parcel.astype(np.int64), *days).within(), reference).f1

    alone = f1(("S2",))
    assert alone > 0.92
    both = [f1(("S2", "S1"), noise) for noise in (1.0, 2.0, 4.0)]
    assert min(both) >= alone - 0.005
    # And it does help where it is as good as it was made.
    assert both[0] >= alone + 0.01


def test_default_does_not_depend_on_the_order_of_orbits(tmp_path):
    text = (ORACLE / "C.cfg").read_text()
    frames = []
    for name, orbits in (("a", "088, 037"), ("b", "037, 088")):
        config = tmp_path / f"{name}.cfg"
        config.write_text(text.replace("088, 037", orbits))
        out = tmp_path / f"{name}.csv"
        inputs = ORACLE / "observations.csv.gz", ORACLE / "parcels.csv.gz"
        detect_tables(*inputs, config, START, END, out, missions=("S2", "S1"), compat="default")
        frames.append(out.read_text())
    assert frames[0] == frames[1]
