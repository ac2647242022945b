"""Table files: what is accepted, and errors that name the file, the row and the column."""

from __future__ import annotations

import csv
import gzip
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sen4cap_core.declarations.settings.l4b_config import L4BConfig, OpticalSettings, RadarSettings
from sen4cap_core.errors import BadUploadError, ConfigurationError, NothingToDoError
from sen4cap_core.processors.l4b.branches import detect_rises
from sen4cap_core.processors.l4b.command import detect_tables, parcel_facts
from sen4cap_core.processors.l4b.detection import detect, radar_sources
from sen4cap_core.processors.l4b.observations_table import read_observations_table
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts, to_flags, to_numbers
from sen4cap_core.tables.parcels import read_parcels

START, END = date(2019, 3, 1), date(2019, 11, 30)
PARCELS = "parcel_id,fid,crop_code,n_pix_s2,n_pix_s1\n0017,0,046,9,2\n17,1,46,9,20\n5,2,NA,0,0\n"
HEADER = "parcel_id,mission,orbit,date1,date,mean,n_valid\n"


def s2_rows(parcel: str, values: dict[str, float]) -> str:
    return "".join(f"{parcel},S2,,,{day},{value},5\n" for day, value in values.items())


CUT = {"2019-05-01": 800, "2019-05-11": 400, "2019-05-21": 450, "2019-06-01": 700}


def s1_rows(parcel: str, orbit: str, rise_at: int = 8, step: int = 6, n: int = 12, pol: str = "") -> str:
    first = np.datetime64("2019-04-01")
    lines = []
    for i in range(n):
        day = first + step * i
        value = 0.2 + 0.01 * (i % 2) + (0.6 if i >= rise_at else 0)
        lines.append(f"{parcel},S1,{orbit},{day - step},{day},{value},5{pol}\n")
    return "".join(lines)


@pytest.fixture
def files(tmp_path):
    def write(observations: str, parcels: str = PARCELS, config: str = ""):
        (tmp_path / "o.csv").write_text(observations)
        (tmp_path / "p.csv").write_text(parcels)
        (tmp_path / "c.cfg").write_text(config)
        return tmp_path / "o.csv", tmp_path / "p.csv", tmp_path / "c.cfg"

    return write


@pytest.fixture
def run(files, tmp_path):
    def start(observations, parcels=PARCELS, config="", missions=("S2",), compat="default", **options):
        out = tmp_path / "out.csv"
        options.setdefault("method", "falls")
        detect_tables(
            *files(observations, parcels, config),
            START,
            END,
            out,
            missions=missions,
            compat=compat,
            **options,
        )
        lines = out.read_text().splitlines()
        names = lines[0].split(",")
        return {row[0]: dict(zip(names, row, strict=True)) for row in csv.reader(lines[1:])}

    return start


def test_ids_and_codes_are_text(run):
    rule = (
        "[compliancy]\ncrop_codes = 046\ncrop_time_intervals = ('01/05/2019','31/05/2019')\ncrop_rule = 0\n"
    )
    rows = run(HEADER + s2_rows("0017", CUT) + s2_rows("17", CUT), config=rule)
    assert list(rows) == ["0017", "17", "5"]
    assert [r["mow_n"] for r in rows.values()] == ["1", "1", "0"]
    assert [r["compl"] for r in rows.values()] == ["1", "-1", "-1"]
    assert rows["0017"]["m1_dstart"] == "2019-05-01 10:30:00"
    assert rows["0017"]["m1_mis"] == "S2"
    assert (rows["5"]["m1_dend"], rows["5"]["m1_conf"], rows["5"]["proc"]) == ("0", "0.0", "0")


def test_events_and_evidence(run, tmp_path):
    rows = run(HEADER + s2_rows("17", CUT), with_evidence=True, events_out=tmp_path / "events.csv.gz")
    assert (rows["17"]["mow_total"], rows["17"]["n_clear"], rows["17"]["gap_days"]) == ("1", "4", "11")
    assert rows["17"]["reason"] == ""
    assert rows["0017"]["reason"] == "never observed"
    assert rows["5"]["reason"] == "outside the images"
    with gzip.open(tmp_path / "events.csv.gz", "rt") as handle:
        lines = handle.read().splitlines()
    assert lines[0] == "parcel_id,start,end,confidence,missions"
    assert lines[1].startswith("17,2019-05-01 10:30:00,2019-05-11 10:30:00,0.")
    assert len(lines) == 2


def test_few_coherence_values_are_no_radar_where_the_configuration_says_so(run):
    rows = {
        least: run(
            HEADER + s1_rows("17", "037") + s2_rows("17", CUT),
            config=f"[neighbourhood_method]\nmin_radar_tests = {least}\n",
            missions=("S2", "S1"),
            method="neighbourhood",
            with_evidence=True,
        )["17"]
        for least in (1, 9, 10)
    }
    assert [row["n_radar"] for row in rows.values()] == ["9"] * 3
    assert [row["no_radar"] for row in rows.values()] == ["0", "0", "1"]
    assert rows[9]["explanation"].endswith("9 coherence values")
    assert rows[10]["explanation"].endswith("no radar (9 coherence values are too few)")


@pytest.mark.parametrize(
    ("observations", "words"),
    [
        ("parcel_id,mission,date\n1,S2,2019-05-01\n", ["o.csv", "'mean'", "missing"]),
        (
            HEADER + "17,S2,,,2019-05-01,1,1\n17,S2,,,2019-05-02,much,1\n",
            ["o.csv", "row 3", "'mean'", "'much'"],
        ),
        (HEADER + "17,S2,,,2019-05-01,1,1\n17,S2,,,01/05/2019,1,1\n", ["row 3", "'date'", "'01/05/2019'"]),
        (HEADER + "17,S2,,,2019-02-30,1,1\n", ["row 2", "'date'", "'2019-02-30'"]),
        (HEADER + "17,S2,,,,1,1\n", ["row 2", "'date'", "is empty"]),
        (HEADER + "17,L8,,,2019-05-01,1,1\n", ["row 2", "'mission'", "'L8'"]),
        (HEADER + "17,S2,,,2019-05-01,1\n", ["o.csv"]),
    ],
)
def test_bad_observations_are_named(files, tmp_path, observations, words):
    with pytest.raises(BadUploadError) as caught:
        detect_tables(
            *files(observations), START, END, tmp_path / "out.csv", missions=("S2",), compat="default"
        )
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("parcels", "words"),
    [
        ("parcel_id\n1\n", ["p.csv", "'crop_code'"]),
        ("parcel_id,crop_code\n1,a\n2,b\n1,c\n", ["row 4", "'parcel_id'", "already in row 2"]),
        ("parcel_id,crop_code\n1,a\n,b\n", ["row 3", "'parcel_id'", "is empty"]),
        ("parcel_id,crop_code,n_pix_s1\n1,a,3\n2,b,-1\n", ["row 3", "'n_pix_s1'"]),
        ("parcel_id,crop_code,n_pix_s1\n1,a,3\n2,b,few\n", ["row 3", "'n_pix_s1'", "'few'"]),
        ("parcel_id,crop_code\n", ["p.csv", "no parcel"]),
        ("", ["p.csv"]),
    ],
)
def test_bad_parcels_are_named(files, tmp_path, parcels, words):
    with pytest.raises(BadUploadError) as caught:
        detect_tables(
            *files(HEADER + s2_rows("1", CUT), parcels),
            START,
            END,
            tmp_path / "out.csv",
            missions=("S2",),
            compat="default",
        )
    assert all(word in str(caught.value) for word in words)


def test_files_that_are_not_there_or_not_tables(files, tmp_path):
    o, p, c = files(HEADER + s2_rows("17", CUT))
    arguments = {"missions": ("S2",), "compat": "default"}
    with pytest.raises(BadUploadError, match="no such file"):
        detect_tables(tmp_path / "x.csv", p, c, START, END, tmp_path / "out.csv", **arguments)
    with pytest.raises(ConfigurationError, match="no such file"):
        detect_tables(o, p, tmp_path / "x.cfg", START, END, tmp_path / "out.csv", **arguments)
    with pytest.raises(BadUploadError, match="suffix"):
        detect_tables(o, p, c, START, END, tmp_path / "out.xlsx", **arguments)
    (tmp_path / "x.parquet").write_text("no parquet")
    with pytest.raises(BadUploadError, match="Parquet"):
        detect_tables(tmp_path / "x.parquet", p, c, START, END, tmp_path / "out.csv", **arguments)
    with pytest.raises(NothingToDoError, match="no observation"):
        detect_tables(o, p, c, date(2020, 1, 1), date(2020, 2, 1), tmp_path / "out.csv", **arguments)
    with pytest.raises(NothingToDoError, match="before the start"):
        detect_tables(o, p, c, END, START, tmp_path / "out.csv", **arguments)


def test_s1_needs_its_orbit(files, tmp_path):
    text = (HEADER + s1_rows("17", "37")).replace(",S1,37,", ",S1,,", 1)
    with pytest.raises(BadUploadError, match=r"row 2.*orbit"):
        detect_tables(*files(text), START, END, tmp_path / "o2.csv", missions=("S1",), compat="default")


def test_12_day_pairs_use_their_true_interval_by_default_only(run):
    text = HEADER + s1_rows("17", "37", step=12)
    default = run(text, missions=("S1",))["17"]
    assert (default["m1_dstart"], default["m1_dend"]) == ("2019-06-12 18:00:00", "2019-06-24 18:00:00")
    original = run(text, missions=("S1",), compat="sen4cap")["17"]
    assert (original["m1_dstart"], original["m1_dend"]) == ("2019-06-18 18:00:00", "2019-06-24 18:00:00")


def test_descending_orbit_has_its_own_time_by_default_only(run):
    config = "[GENERAL_CONFIG]\ns1_orbit_list_filter = 37\ns1_orbit_type_list_filter = DESC\n"
    text = HEADER + s1_rows("17", "37")
    assert run(text, missions=("S1",), config=config)["17"]["m1_dend"].endswith("06:00:00")
    original = run(text, missions=("S1",), config=config, compat="sen4cap")
    assert original["17"]["m1_dend"].endswith("18:00:00")


def test_feature_zero_can_be_found_by_radar_by_default_only(run):
    parcels = PARCELS.replace("0017,0,046,9,2", "0017,0,046,9,20")
    text = HEADER + s1_rows("0017", "37")
    assert run(text, parcels, missions=("S1",))["0017"]["mow_n"] == "1"
    assert run(text, parcels, missions=("S1",), compat="sen4cap")["0017"]["mow_n"] == "0"
    floor_off = "[S1_processing]\nsaturate_sigma = False\n"
    found = run(text, parcels, missions=("S1",), compat="sen4cap", config=floor_off)
    assert found["0017"]["mow_n"] == "1"


def test_orbits_not_in_the_list_are_not_used(run):
    config = "[GENERAL_CONFIG]\ns1_orbit_list_filter = 88\n"
    text = HEADER + s1_rows("17", "37") + s1_rows("17", "88", rise_at=99)
    assert run(text, missions=("S1",), config=config, compat="sen4cap")["17"]["mow_n"] == "0"
    assert run(text, missions=("S1",), compat="sen4cap")["17"]["mow_n"] == "1"


def test_vv_alone_decides_by_default_only_and_beside_vh_never(run, files):
    header = HEADER.strip() + ",polarisation\n"
    vv = s1_rows("17", "37", pol=",VV")
    both = "[S1_processing]\npol_types = VH, VV\n"
    assert run(header + vv, missions=("S1",), config=both)["17"]["mow_n"] == "1"
    assert run(header + vv, missions=("S1",), config=both, compat="sen4cap")["17"]["mow_n"] == "0"
    flat_vh = s1_rows("17", "37", rise_at=99, pol=",VH")
    for compat in ("default", "sen4cap"):
        assert run(header + vv + flat_vh, missions=("S1",), config=both, compat=compat)["17"]["mow_n"] == "0"
        with pytest.raises(NothingToDoError):
            run(header + vv, missions=("S2",), compat=compat)


def test_back_window_before_the_start(files):
    text = HEADER + "".join(f"17,S1,37,,{np.datetime64('2019-01-01') + 6 * i},0.2,5\n" for i in range(30))
    text += s2_rows("17", dict.fromkeys(("2019-02-20", "2019-03-01", "2019-11-30", "2019-12-01"), 500))
    o, p, _ = files(text)
    parcels = read_parcels(p)

    def days(config):
        table = read_observations_table(o, parcels, config, START, END, ("S2", "S1"))
        return {
            s.mission: [str(np.datetime64("1970-01-01") + int(d)) for d in s.days]
            for s in table.matrix.sources
        }

    found = days(L4BConfig())
    assert found["S1"][0] == "2019-01-31"
    assert found["S2"] == ["2019-03-01", "2019-11-30"]
    wide = L4BConfig(
        s1=RadarSettings(time_interval_days=12),
        s2=OpticalSettings(back_window_samples=2, time_interval_days=5),
    )
    assert days(wide)["S1"][0] == "2019-01-01"
    assert days(wide)["S2"][0] == "2019-02-20"


def test_ct_number_filter(run):
    parcels = (
        PARCELS.replace("n_pix_s1\n", "n_pix_s1,CTnum\n")
        .replace(",2\n", ",2,87\n")
        .replace(",20\n", ",20,9\n")
    )
    parcels = parcels.replace("0,0\n", "0,0,87\n")
    config = "[GENERAL_CONFIG]\nCTNUM_FILTER = 87, 130\n"
    assert list(run(HEADER + s2_rows("0017", CUT), parcels, config)) == ["0017", "5"]
    assert len(run(HEADER + s2_rows("0017", CUT), PARCELS, config)) == 3
    with pytest.raises(BadUploadError, match="crop type numbers"):
        run(HEADER + s2_rows("0017", CUT), parcels, config.replace("87, 130", "1"))


def test_without_pixel_counts_a_row_means_in_the_images(run):
    parcels = "parcel_id,crop_code\n17,a\n5,b\n"
    rows = run(HEADER + "17,S2,,,2019-05-01,,0\n", parcels, compat="sen4cap")
    assert (rows["17"]["proc"], rows["5"]["proc"]) == ("1", "0")


def test_more_dates_than_the_matrix_first_holds(run, tmp_path):
    days = np.arange(np.datetime64("2019-03-01"), np.datetime64("2019-11-30"))
    rows = "".join(f"17,S2,,,{day},{800 - 400 * (160 <= i < 175)},5\n" for i, day in enumerate(days))
    rows += s1_rows("17", "37")
    assert run(HEADER + rows, missions=("S2", "S1"))["17"]["mow_n"] == "2"


def test_integer_ids_of_a_parquet_do_not_match_padded_text(tmp_path, files):
    _, p, c = files(HEADER)
    table = pa.table(
        {
            "parcel_id": np.repeat(17, 4),
            "mission": ["S2"] * 4,
            "date": pa.array(np.array(list(CUT), "datetime64[ms]")),
            "mean": np.array(list(CUT.values()), np.float32),
        }
    )
    pq.write_table(table, tmp_path / "o.parquet")
    detect_tables(
        tmp_path / "o.parquet", p, c, START, END, tmp_path / "r.parquet", missions=("S2",), compat="default"
    )
    result = pq.read_table(tmp_path / "r.parquet").to_pydict()
    assert dict(zip(result["parcel_id"], result["mow_n"], strict=True)) == {"0017": 0, "17": 1, "5": 0}


def test_a_run_on_its_own_result_changes_nothing(files):
    o, p, _ = files(HEADER + s2_rows("17", CUT) + s1_rows("17", "37"))
    parcels = read_parcels(p)
    config = L4BConfig()
    table = read_observations_table(o, parcels, config, START, END, ("S2", "S1"))
    facts = parcel_facts(parcels, table)
    once, twice = (detect(table.matrix, facts, config, ("S2", "S1"), method="falls") for _ in range(2))
    assert np.array_equal(once.events.confidence, twice.events.confidence)
    ((source, second),) = radar_sources(table.matrix, config, "default")
    tested = np.zeros(3, np.int32)
    detect_rises(table.matrix, source, second, facts, config.s1, "default", tested)
    assert tested.tolist() == [0, 7, 0]
    assert once.evidence.n_radar_tests.tolist() == [0, 7, 0]


def test_arrow_arrays():
    array = pa.array([1, None, 3, 4], pa.int64())
    assert to_numbers(array, -1).tolist() == [1, -1, 3, 4]
    assert to_numbers(array.slice(1, 2), -1).tolist() == [-1, 3]
    assert to_numbers(pa.array([], pa.float64()), 0).tolist() == []
    assert to_flags(pa.array([True, None, False, True])).tolist() == [True, False, False, True]
    assert to_flags(pa.array([True, None, False, True]).slice(2)).tolist() == [False, True]
    assert from_numbers(np.arange(6.0)[::2]).to_pylist() == [0.0, 2.0, 4.0]
    assert from_texts(["", "ä", "b"]).to_pylist() == ["", "ä", "b"]
