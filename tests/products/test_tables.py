from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow.parquet
import pyogrio
import pytest
import shapely

from sen4cap_core.products import tables
from sen4cap_core.products.geoparquet import hilbert_ordered, read_geoparquet, write_geoparquet


def mowing_frame(n: int = 5, crs: str = "EPSG:4326") -> geopandas.GeoDataFrame:
    """One row for each parcel: the first mown once, the last not judged and without geometry."""
    empty = {f"m{i}_{part}": ["0"] * n for i in range(1, 5) for part in ("dstart", "dend", "mis")}
    conf = {f"m{i}_conf": [0.0] * n for i in range(1, 5)}
    data = {
        "NewID": np.arange(n, 0, -1),
        "Ori_hold": [f"00{i}" for i in range(n)],
        "Ori_id": [f"0{i}-A" for i in range(n)],
        "Ori_crop": ["046"] * n,
        "Area_meter": [10_000.5] * n,
        "farmer_note": ["wet"] * n,
        "mow_n": [1] + [0] * (n - 1),
        **empty,
        **conf,
        "proc": [1] * (n - 1) + [0],
        "compl": [1] + [2] * (n - 2) + [0],
        "reason": [None] * (n - 1) + ["too few pixels"],
        "n_observations": [30] * (n - 1) + [0],
        "gap_days": [10] * n,
        "n_radar": [0] * n,
        "no_radar": [1] * n,
        "mow_total": [1] + [0] * (n - 1),
        "explanation": ["mown 6–11 June 2019 (NDVI fell), inside 1 April – 31 July: compliant"] * n,
    }
    data["m1_dstart"][0] = "2019-06-11 10:30:00"
    data["m1_conf"][0] = 0.713
    shapes = [shapely.box(i, 40, i + 0.5, 40.5) for i in range(n - 1)]
    return geopandas.GeoDataFrame(data, geometry=[*shapes, None], crs=crs)


EVENTS = pd.DataFrame(
    [(2, "x", f"2019-0{m}-11 10:30", f"2019-0{m}-16 10:30", 0.71234, "S2/S1") for m in (9, 4, 5, 6, 8)]
    + [(5, "y", "2019-06-11 10:30", "2019-06-13 10:30", 0.9, "S1")],
    columns=list(tables.EVENT_COLUMNS),
)
"""Five of parcel 2, in no order, and one of parcel 5."""


def test_the_geoparquet_keeps_all_mowings_of_a_parcel_as_lists(tmp_path: Path) -> None:
    _, parquet = tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)
    rows = {row["NewID"]: row for row in pyarrow.parquet.read_table(parquet).to_pylist()}
    assert rows[2]["all_dstart"] == [f"2019-0{m}-11 10:30:00" for m in (4, 5, 6, 8, 9)]
    assert rows[2]["all_conf"] == [0.712] * 5
    assert (rows[5]["all_dend"], rows[5]["all_mis"]) == (["2019-06-13 10:30:00"], ["S1"])
    assert rows[1]["all_dstart"] == rows[1]["all_conf"] == []
    with pytest.raises(ValueError, match="not in the table: 77"):
        tables.write_mowing_exports(mowing_frame(), tmp_path, "bad", EVENTS.assign(NewID=77))


def test_both_files_hold_the_originals_columns_in_its_order(tmp_path: Path) -> None:
    gpkg, parquet = tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)

    assert (gpkg.name, parquet.name) == ("a-season.gpkg", "a-season.parquet")
    expected = [
        "NewID", "Ori_hold", "Ori_id", "Ori_crop", "Area_meter", "farmer_note", "mow_n",
        "m1_dstart", "m1_dend", "m1_conf", "m1_mis", "m2_dstart", "m2_dend", "m2_conf", "m2_mis",
        "m3_dstart", "m3_dend", "m3_conf", "m3_mis", "m4_dstart", "m4_dend", "m4_conf", "m4_mis",
        "proc", "compl", "reason", "n_observations", "gap_days", "n_radar", "no_radar", "mow_total",
        "explanation",
    ]  # fmt: skip
    assert list(pyogrio.read_info(gpkg, layer="mowing")["fields"]) == expected
    names = list(read_geoparquet(parquet).columns)
    assert names == ["id", *expected, "geometry", "metrics:area", *tables.ALL_EVENTS]


def test_what_is_read_back_equals_what_was_given(tmp_path: Path) -> None:
    frame = mowing_frame()
    given = frame.set_index("NewID").sort_index()
    gpkg, parquet = tables.write_mowing_exports(frame, tmp_path, "a-season", EVENTS)

    for back in (pyogrio.read_dataframe(gpkg, layer="mowing"), read_geoparquet(parquet)):
        back = back.set_index("NewID").sort_index()
        assert back.crs == frame.crs
        for name in ("Ori_hold", "Ori_id", "Ori_crop", "m1_dstart", "m2_mis", "farmer_note"):
            assert list(back[name]) == list(given[name])
        assert list(back["m1_conf"]) == list(given["m1_conf"])
        assert list(back["compl"]) == list(given["compl"])
        assert [None if pd.isna(v) else v for v in back["reason"]] == ["too few pixels", *[None] * 4]
        assert back.geometry.iloc[0] is None
        assert set(back.geometry.iloc[1:].geom_type) == {"MultiPolygon"}
        assert list(shapely.area(back.geometry.iloc[1:])) == list(shapely.area(given.geometry.iloc[1:]))


def test_the_geopackage_is_in_order_of_newid_and_integers_are_integers(tmp_path: Path) -> None:
    gpkg, _ = tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)

    assert list(pyogrio.read_dataframe(gpkg)["NewID"]) == [1, 2, 3, 4, 5]
    info = pyogrio.read_info(gpkg, layer="mowing")
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert {kinds[name] for name in ("NewID", "mow_n", "proc", "compl", "n_observations")} == {"int32"}


def test_the_parquet_file_is_geoparquet_1_1_with_a_covering(tmp_path: Path) -> None:
    _, parquet = tables.write_mowing_exports(mowing_frame(crs="EPSG:28992"), tmp_path, "a-season", EVENTS)

    file = pyarrow.parquet.ParquetFile(parquet)
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    assert geo["version"] == "1.1.0"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["MultiPolygon"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 28992}
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_covering_lets_a_reader_take_a_window(tmp_path: Path) -> None:
    _, parquet = tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)

    inside = geopandas.read_parquet(parquet, bbox=(0.9, 39, 1.9, 41))

    assert list(inside["Ori_id"]) == ["01-A"]


def test_parcels_of_no_season_are_an_empty_table_not_an_error(tmp_path: Path) -> None:
    gpkg, parquet = tables.write_mowing_exports(mowing_frame().iloc[:0], tmp_path, "empty", EVENTS.iloc[:0])

    assert pyogrio.read_info(gpkg, layer="mowing")["features"] == 0
    assert len(read_geoparquet(parquet)) == 0


def test_a_season_without_a_mowing_has_lists_of_the_same_type(tmp_path: Path) -> None:
    for number, events in enumerate((EVENTS, EVENTS.iloc[:0])):
        tables.write_mowing_exports(mowing_frame(), tmp_path, f"s{number}", events)
    one, other = (pyarrow.parquet.read_schema(tmp_path / f"s{n}.parquet") for n in (0, 1))
    assert [one.field(n).type for n in tables.ALL_EVENTS] == [other.field(n).type for n in tables.ALL_EVENTS]
    assert str(one.field("all_dstart").type).startswith("list<")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns=["proc", "m3_mis"]), "without the columns m3_mis, proc"),
        (lambda f: f.assign(NewID=1), "parcel 1 more than once"),
        (lambda f: f.assign(mow_n=[0.5, 0, 0, 0, 0]), "mow_n: not all values are whole"),
        (lambda f: f.assign(NewID=f["NewID"] + 2**31), "NewID: a value needs more than 32 bits"),
        (lambda f: f.assign(Ori_crop=[None, "1", "1", "1", "1"]), "Ori_crop: 1 rows without a value"),
        (lambda f: f.set_crs(None, allow_override=True), "without coordinate reference system"),
    ],
)
def test_a_table_that_would_mislead_is_refused_and_nothing_is_written(
    tmp_path: Path, change, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tables.write_mowing_exports(change(mowing_frame()), tmp_path, "bad", EVENTS)

    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_earlier_file_and_no_rest(tmp_path: Path, monkeypatch) -> None:
    gpkg, _ = tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)
    before = gpkg.read_bytes()

    def disk_full(frame, path, **options) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyogrio, "write_dataframe", disk_full)
    with pytest.raises(OSError, match="No space left"):
        tables.write_mowing_exports(mowing_frame(), tmp_path, "a-season", EVENTS)

    assert gpkg.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-season.gpkg", "a-season.parquet"]


def test_all_events_are_written_in_order_also_beyond_the_fourth(tmp_path: Path) -> None:
    starts = pd.to_datetime([f"2019-0{month}-01 10:30:00" for month in (8, 7, 6, 5, 4)])
    events = pd.DataFrame(
        {
            "NewID": [7] * 5,
            "Ori_id": ["007"] * 5,
            "start": starts,
            "end": (starts + pd.Timedelta(days=5)).tz_localize("UTC"),
            "confidence": [0.9, 0.8, 0.7, 0.6, 0.5],
            "missions": ["S2"] * 5,
            "else": [1] * 5,
        }
    )

    table = pyarrow.parquet.read_table(tables.write_events_parquet(events, tmp_path / "events.parquet"))

    assert table.column_names == list(tables.EVENT_COLUMNS)
    assert table.schema.types == list(tables.EVENT_COLUMNS.values())
    assert table["confidence"].to_pylist() == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert table["start"].to_pylist()[0].isoformat() == "2019-04-01T10:30:00+00:00"
    assert table["Ori_id"].to_pylist() == ["007"] * 5


def test_no_events_are_an_empty_table_and_missing_columns_an_error(tmp_path: Path) -> None:
    empty = pd.DataFrame({name: [] for name in tables.EVENT_COLUMNS})

    assert (
        pyarrow.parquet.read_table(tables.write_events_parquet(empty, tmp_path / "e.parquet")).num_rows == 0
    )
    with pytest.raises(ValueError, match="without the columns missions"):
        tables.write_events_parquet(empty.drop(columns="missions"), tmp_path / "e.parquet")


def test_neighbours_stay_near_in_the_file() -> None:
    rng = np.random.default_rng(1)
    xy = rng.uniform(0, 1000, (500, 2))
    frame = geopandas.GeoDataFrame(geometry=shapely.points(xy).tolist(), crs=32630)

    ordered = hilbert_ordered(frame)

    def walk(points: geopandas.GeoSeries) -> float:
        return float(np.hypot(np.diff(points.x), np.diff(points.y)).sum())

    assert walk(ordered.geometry) < walk(frame.geometry) / 5
    assert sorted(ordered.index) == list(range(500))


def test_geoparquet_without_crs_or_with_a_bbox_column_is_refused(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"bbox": [1]}, geometry=[shapely.Point(0, 0)], crs=4326)

    with pytest.raises(ValueError, match="bbox"):
        write_geoparquet(frame, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="coordinate reference system"):
        write_geoparquet(frame[["geometry"]].set_crs(None, allow_override=True), tmp_path / "a.parquet")
