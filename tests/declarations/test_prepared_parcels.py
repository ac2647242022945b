"""Prepared parcels: numbers, areas, flags, repairs; nothing dropped, nothing silent."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from sen4cap_core.declarations.parcels.columns import ColumnMapping
from sen4cap_core.declarations.parcels.identity import Given
from sen4cap_core.declarations.parcels.prepare import prepare_parcels
from sen4cap_core.declarations.parcels.reading import read_declarations
from sen4cap_core.declarations.shapes.geometry import equal_area_crs, repair

X, Y = 400_000.0, 4_600_000.0
COLUMNS = ColumnMapping(parcel_id=("id",), holding_id=("farm",), crop_code=("crop",))


def square(column: float, row: float = 0.0, size: float = 100.0) -> Polygon:
    return box(X + 100 * column, Y + 100 * row, X + 100 * column + size, Y + 100 * row + size)


def prepared(
    tmp_path: Path,
    shapes: list[shapely.Geometry | None],
    ids: list[object] | None = None,
    *,
    farms: list[object] | None = None,
    crops: list[object] | None = None,
    crs: str = "EPSG:32630",
    known: dict[str, int] | None = None,
    known_holdings: dict[str, int] | None = None,
) -> gpd.GeoDataFrame:
    n = len(shapes)
    frame = gpd.GeoDataFrame(
        {
            "id": ids if ids is not None else [f"{place:03d}" for place in range(n)],
            "farm": farms if farms is not None else ["F"] * n,
            "crop": crops if crops is not None else ["1"] * n,
        },
        geometry=gpd.GeoSeries(shapes, crs="EPSG:32630"),
        crs="EPSG:32630",
    ).to_crs(crs)
    path = tmp_path / "parcels.parquet"
    frame.to_parquet(path)
    return prepare_parcels(
        read_declarations(path, COLUMNS), Given.of(known or {}), Given.of(known_holdings or {})
    ).frame()


def test_plain_parcels(tmp_path: Path) -> None:
    frame = prepared(
        tmp_path, [square(0), square(2), square(4)], ["10", "9", "010"], farms=["b", "a", "b"],
        crops=["007", "1", "1"],
    )  # fmt: skip

    assert frame["ori_id"].tolist() == ["010", "10", "9"]
    assert frame["new_id"].tolist() == [1, 2, 3]
    assert frame["hold_id"].tolist() == [2, 2, 1]
    assert frame["ori_crop"].tolist() == ["1", "007", "1"]
    assert frame["row"].tolist() == [3, 1, 2]
    assert frame.crs == "EPSG:4326"
    assert frame.geom_type.tolist() == ["MultiPolygon"] * 3
    assert frame["geom_valid"].all()
    assert not frame[["duplic", "overlap", "repaired"]].any(axis=None)
    assert json.loads(frame["attributes"][0]) == {"id": "010", "farm": "b", "crop": "1"}
    assert frame.attrs["warnings"] == []
    assert frame.attrs["counts"]["parcels"] == 3


@pytest.mark.parametrize("crs", ["EPSG:32630", "EPSG:4326", "EPSG:3035", "EPSG:25831", "EPSG:3857"])
def test_areas_and_shapes_do_not_depend_on_the_crs(tmp_path: Path, crs: str) -> None:
    # UTM is 0.08 % off at its central meridian; equal-area figures are the true ones.
    frame = prepared(tmp_path, [square(0), square(3, size=50)], crs=crs)

    truth = gpd.GeoSeries([square(0), square(3, size=50)], crs=32630).to_crs("EPSG:3035").area
    np.testing.assert_allclose(frame["area_m2"], truth, rtol=1e-6)
    np.testing.assert_allclose(frame["shape_index"], 2 / np.sqrt(np.pi), rtol=3e-3)


def test_areas_outside_europe(tmp_path: Path) -> None:
    shape = box(36.80, -1.30, 36.81, -1.29)
    path = tmp_path / "kenya.parquet"
    gpd.GeoDataFrame({"id": ["1"], "farm": ["1"], "crop": ["1"]}, geometry=[shape], crs=4326).to_parquet(path)

    frame = prepare_parcels(read_declarations(path, COLUMNS), Given(), Given()).frame()

    geodesic = abs(gpd.GeoSeries([shape], crs=4326).crs.get_geod().geometry_area_perimeter(shape)[0])
    assert frame["area_m2"][0] == pytest.approx(geodesic, rel=1e-5)
    projection = equal_area_crs(shape.bounds, gpd.GeoSeries([shape], crs=4326).crs)
    assert projection.to_epsg() is None
    assert "Lambert Azimuthal Equal Area" in projection.coordinate_operation.method_name


def test_neighbours_that_touch_do_not_overlap(tmp_path: Path) -> None:
    frame = prepared(tmp_path, [square(0), square(1), square(0, 1), square(1, 1)], crs="EPSG:4326")

    assert not frame["overlap"].any()


@pytest.mark.parametrize("crs", ["EPSG:32630", "EPSG:4326"])
@pytest.mark.parametrize(("shift", "flagged"), [(0.91, False), (0.89, True)])
def test_overlap_begins_above_ten_percent(tmp_path: Path, crs: str, shift: float, flagged: bool) -> None:
    frame = prepared(tmp_path, [square(0), square(shift)], crs=crs)

    assert frame["overlap"].tolist() == [flagged, flagged]


def test_overlap_is_relative_to_each_parcel_and_adds_up(tmp_path: Path) -> None:
    small = square(0.5, 0.5, size=20)
    left, right = square(-0.94), square(0.94)

    alone = prepared(tmp_path, [square(0), small])
    together = prepared(tmp_path, [square(0), left, right])

    assert alone["overlap"].tolist() == [False, True]
    assert together["overlap"].tolist() == [True, False, False]


def test_all_copies_of_a_geometry_are_duplicates(tmp_path: Path) -> None:
    turned = Polygon(list(square(0).exterior.coords)[2:-1] + list(square(0).exterior.coords)[:3])
    nearly = box(X, Y, X + 100, Y + 100.001)

    frame = prepared(tmp_path, [square(0), turned, nearly, square(5)])

    assert frame["duplic"].tolist() == [True, True, False, False]
    assert frame["overlap"].tolist() == [True, True, True, False]
    assert any("exactly the geometry" in warning for warning in frame.attrs["warnings"])


def test_small_faults_are_repaired_and_told(tmp_path: Path) -> None:
    spike = Polygon([(X, Y), (X + 100, Y), (X + 100, Y + 100), (X + 50, Y + 100), (X + 50, Y + 130),
                     (X + 50, Y + 100), (X, Y + 100)])  # fmt: skip

    frame = prepared(tmp_path, [spike, square(3)])

    assert frame["geom_valid"].tolist() == [True, True]
    assert frame["repaired"].tolist() == [True, False]
    assert frame.geometry.is_valid.all()
    assert frame["area_m2"][0] == pytest.approx(10_000, rel=2e-3)
    assert "repaired" in frame.attrs["warnings"][0]
    assert "(row 1)" in frame.attrs["warnings"][0]


def test_faults_that_change_the_area_are_flagged_and_kept(tmp_path: Path) -> None:
    bowtie = Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])

    frame = prepared(tmp_path, [square(3), bowtie, square(0.2)])

    assert frame["geom_valid"].tolist() == [True, False, True]
    assert not frame["repaired"].any()
    assert frame.geometry[1] is not None
    assert frame["area_m2"][1] == pytest.approx(5_000, rel=2e-3)
    assert not frame["overlap"].any(), "an invalid parcel takes no part in overlaps"
    assert "1 % or more" in frame.attrs["warnings"][0]
    assert "(row 2)" in frame.attrs["warnings"][0]


def test_parcels_without_geometry_are_kept(tmp_path: Path) -> None:
    frame = prepared(
        tmp_path, [None, Polygon(), square(0), shapely.Point(X, Y), shapely.LineString([(X, Y), (X + 1, Y)])]
    )

    assert len(frame) == 5
    assert frame["geom_valid"].tolist() == [False, False, True, False, False]
    assert frame.geometry.isna().tolist() == [True, True, False, True, True]
    assert frame["area_m2"].tolist()[:2] == [0, 0]
    assert frame["shape_index"].isna().tolist() == [True, True, False, True, True]
    assert frame.attrs["counts"]["without geometry"] == 4
    assert any("without geometry" in text and "rows 1, 2" in text for text in frame.attrs["warnings"])
    assert any("point or line" in text and "rows 4, 5" in text for text in frame.attrs["warnings"])


def test_polygons_are_taken_out_of_collections() -> None:
    inner = shapely.GeometryCollection([square(0), shapely.Point(X, Y)])
    deep = shapely.GeometryCollection([inner, MultiPolygon([square(2), square(4)])])

    fixed = repair(np.array([deep, inner, square(1), shapely.GeometryCollection([shapely.Point(0, 0)])]))

    assert shapely.get_num_geometries(fixed.geometry[:3]).tolist() == [3, 1, 1]
    assert fixed.geometry[3] is None
    assert fixed.no_polygon.tolist() == [False, False, False, True]
    assert fixed.valid.tolist() == [True, True, True, False]


def test_parts_that_overlap_are_no_valid_multipolygon(tmp_path: Path) -> None:
    frame = prepared(tmp_path, [MultiPolygon([square(0), square(0.5)]), MultiPolygon([square(5), square(7)])])

    assert frame["geom_valid"].tolist() == [False, True]
    assert frame.geometry.is_valid.all()


def test_shared_ids_are_told_apart_and_reported(tmp_path: Path) -> None:
    frame = prepared(tmp_path, [square(9), square(0), square(4)], ["7", "7", "8"])

    by_row = frame.set_index("row")["ori_id"]
    assert by_row.to_dict() == {1: "7-B", 2: "7-A", 3: "8"}
    assert "2 parcels share 1 id (7)" in frame.attrs["warnings"][0]
    assert "really the column" in frame.attrs["warnings"][0]


def test_parcels_without_id_are_kept_under_one_made_of_their_geometry(tmp_path: Path) -> None:
    frame = prepared(tmp_path, [square(0), square(2), None], ["1", None, None])
    again = prepared(tmp_path, [None, square(2), square(0)], [None, None, "1"])

    assert frame["ori_id"].tolist() == again["ori_id"].tolist()
    assert frame["ori_id"].str.startswith("no-id-").sum() == 2
    assert "2 parcels without an id in 'id' (rows 2, 3)" in frame.attrs["warnings"][0]


def test_parcels_without_holding_or_crop(tmp_path: Path) -> None:
    frame = prepared(tmp_path, [square(0), square(2)], farms=[None, "f"], crops=["1", None])

    assert frame["ori_hold"].tolist() == ["000", "f"]
    assert frame["ori_crop"].tolist() == ["1", ""]
    assert frame.attrs["counts"]["crop codes"] == 1
    assert any("without a holding in 'farm' (row 1)" in text for text in frame.attrs["warnings"])
    assert any("without a crop code in 'crop' (row 2)" in text for text in frame.attrs["warnings"])


def test_a_file_without_holdings(tmp_path: Path) -> None:
    path = tmp_path / "parcels.gpkg"
    gpd.GeoDataFrame(
        {"parcel_id": ["a", "b"], "crop": ["1", "1"]}, geometry=[square(0), square(2)], crs=32630
    ).to_file(path)

    declarations = read_declarations(path)
    frame = prepare_parcels(declarations, Given(), Given()).frame()

    assert frame["ori_hold"].tolist() == ["a", "b"]
    assert frame["hold_id"].tolist() == [1, 2]
    assert any("holding" in text for text in declarations.report.warnings)
    assert "fid" not in json.loads(frame["attributes"][0])


def test_known_numbers_are_kept(tmp_path: Path) -> None:
    frame = prepared(
        tmp_path, [square(0), square(2), square(4)], ["c", "b", "a"], farms=["x", "y", "z"],
        known={"b": 7, "gone": 3}, known_holdings={"z": 1},
    )  # fmt: skip

    numbers = frame.set_index("ori_id")[["new_id", "hold_id"]]
    assert numbers.loc[["a", "b", "c"]].to_numpy().tolist() == [[8, 1], [7, 3], [9, 2]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ids=st.lists(st.sampled_from(["1", "2", "2-A", "3", "10", None]), min_size=2, max_size=12).filter(any),
    data=st.data(),
)
def test_a_shuffled_file_gives_the_same_parcels(
    tmp_path: Path, ids: list[str | None], data: st.DataObject
) -> None:
    # Some parcels lie on the same place, so that only their other columns tell them apart.
    shapes = [square(place % 5 * 1.5, place % 3) for place in range(len(ids))]
    farms = [f"F{place % 3}" for place in range(len(ids))]
    order = data.draw(st.permutations(range(len(ids))))

    def comparable(frame: gpd.GeoDataFrame) -> pd.DataFrame:
        plain = pd.DataFrame(frame.drop(columns=["row", "geometry", "attributes"]))
        plain["wkb"] = shapely.to_wkb(shapely.normalize(frame.geometry.to_numpy()), hex=True)
        return plain

    straight = prepared(tmp_path, list(shapes), list(ids), farms=list(farms), known={"2": 5})
    shuffled = prepared(
        tmp_path, [shapes[n] for n in order], [ids[n] for n in order], farms=[farms[n] for n in order],
        known={"2": 5},
    )  # fmt: skip

    pd.testing.assert_frame_equal(comparable(straight), comparable(shuffled))
    assert straight["new_id"].is_unique
