"""Declarations through the upload folder: real files of seven countries, and files as they should not be."""

from __future__ import annotations

import sqlite3
import struct
import zipfile
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import select

from sen4cap_core.db.models import CropCode, Parcel, PracticeRow
from sen4cap_core.declarations.parcels.reading import read_declarations
from sen4cap_core.declarations.tables.crop_codes import COLUMNS
from tests.declarations.test_national_files import FILES
from tests.steps.conftest import fields

pytestmark = pytest.mark.service


def stored(context, set_id: int) -> pd.DataFrame:
    names = ["ori_id", "ori_crop", "geom_valid", "duplic", "overlap", "area_m2", "s1_pix", "s2_pix"]
    query = select(*(getattr(Parcel, name) for name in names)).where(Parcel.set_id == set_id)
    with context.session() as session:
        return pd.DataFrame(session.execute(query.order_by(Parcel.ori_id)).all(), columns=names)


@pytest.mark.parametrize("country", FILES)
def test_national_files_go_through_the_upload_folder(context, receive, shared: Path, country: str) -> None:
    path = shared / "data" / "national-parcels" / FILES[country][0]
    if not path.exists():
        pytest.skip("no national parcels")

    answer = receive(f"declarations/{path.name}", path.read_bytes())

    source = read_declarations(path).frame.geometry
    parcels = stored(context, answer.receipt["stored"]["declaration set"])
    truth_m2 = source.segmentize(1.0).to_crs("+proj=cea +datum=WGS84 +units=m").area
    assert answer.receipt["stored"]["parcels"] == len(parcels) == len(source) == 100
    assert parcels.area_m2.sum() == pytest.approx(truth_m2.sum(), rel=5e-5)
    np.testing.assert_allclose(np.sort(parcels.area_m2), np.sort(truth_m2), rtol=5e-5)
    assert parcels.geom_valid.all()
    shapes = source.reset_index(drop=True)
    covered = [shapes.drop(i).intersection(shape).area.sum() / shape.area for i, shape in shapes.items()]
    assert parcels.overlap.sum() == sum(share > 0.1 for share in covered)
    assert parcels.duplic.sum() == shapes.normalize().to_wkb().duplicated(keep=False).sum()
    # Pixels cover what is left of a parcel that has lost half a pixel all around.
    in_zone = source.to_crs(source.estimate_utm_crs())
    for pixels, side_m in ((parcels.s2_pix, 10.0), (parcels.s1_pix, 20.0)):
        left_m2 = in_zone.buffer(-side_m / 2).area.sum()
        assert pixels.sum() * side_m**2 == pytest.approx(left_m2, rel=0.03, abs=3e4)


def layer(tmp_path: Path, frame: gpd.GeoDataFrame, name: str = "parcels.gpkg", **options: object) -> bytes:
    path = tmp_path / name
    frame.to_file(path, driver="GPKG", **options)
    return path.read_bytes()


def test_a_file_with_two_layers_is_rejected_with_their_names(receive, tmp_path: Path) -> None:
    layer(tmp_path, fields(), layer="parcels_2018")
    answer = receive("declarations/two.gpkg", layer(tmp_path, fields(), layer="parcels_2019"))
    assert not answer.accepted
    assert "parcels_2018, parcels_2019" in answer.receipt["error"]


def test_an_empty_layer_is_rejected(receive, tmp_path: Path) -> None:
    answer = receive("declarations/empty.gpkg", layer(tmp_path, fields().iloc[:0]))
    assert not answer.accepted
    assert "no feature" in answer.receipt["error"]


def test_ids_that_are_all_missing_are_not_taken_for_ids(receive, tmp_path: Path) -> None:
    frame = fields()
    frame["PARCEL_ID"] = None
    mapping = "parcel_id: PARCEL_ID\nholding_id: FARM_ID\ncrop_code: CROP_CODE\n"
    assert receive("declarations/declarations.yaml", mapping).accepted
    answer = receive("declarations/null.gpkg", layer(tmp_path, frame))
    assert not answer.accepted
    assert "'PARCEL_ID' is empty in all rows" in answer.receipt["error"]


def test_ids_that_occur_twice_are_told_apart_and_told(context, receive, tmp_path: Path) -> None:
    frame = fields(n=5)
    frame.loc[1, "PARCEL_ID"] = "0001"
    receive("declarations/declarations.yaml", "parcel_id: PARCEL_ID\n")
    answer = receive("declarations/double.gpkg", layer(tmp_path, frame))
    texts = [warning["text"] for warning in answer.receipt["warnings"]]
    assert any("share 1 id (0001)" in text for text in texts)
    parcels = stored(context, answer.receipt["stored"]["declaration set"])
    assert parcels.ori_id.tolist() == ["0001-A", "0001-B", "0003", "0004", "0005"]


def test_a_file_without_a_crs_is_rejected_with_the_remedy(receive, tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(fields().drop(columns="geometry"), geometry=fields().geometry.to_numpy())
    answer = receive("declarations/nowhere.gpkg", layer(tmp_path, frame))
    assert not answer.accepted
    assert "no coordinate reference system" in answer.receipt["error"]


def test_long_texts_odd_signs_and_foreign_letters_are_stored_as_they_are(
    context, receive, tmp_path: Path
) -> None:
    frame = fields()
    frame["NÁZEV_POLE"] = ["x" * 10_000_000, 'said "no"\\\n\tand\x01left', "žluťoučký kůň", None]
    answer = receive("declarations/půda.gpkg", layer(tmp_path, frame, "p.gpkg"))
    with context.session() as session:
        query = select(Parcel.attributes).where(Parcel.set_id == answer.receipt["stored"]["declaration set"])
        rows = session.scalars(query.order_by(Parcel.new_id)).all()
    texts = [row.get("NÁZEV_POLE") for row in rows]
    assert texts == [*frame["NÁZEV_POLE"][:3], None]


def test_parcels_without_a_shape_or_with_a_broken_one_stay(context, receive, tmp_path: Path) -> None:
    frame = fields()
    bow = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    frame.loc[1, "geometry"] = None
    frame.loc[2, "geometry"] = shapely.affinity.translate(bow, *frame.geometry[0].centroid.coords[0])
    answer = receive("declarations/broken.gpkg", layer(tmp_path, frame))
    parcels = stored(context, answer.receipt["stored"]["declaration set"])
    assert parcels.geom_valid.tolist() == [True, False, False, True]
    assert parcels.s2_pix.tolist() == [361, 0, 0, 361]


def test_heights_measures_curves_and_lines_in_one_layer(context, receive, tmp_path: Path) -> None:
    path = tmp_path / "mixed.gpkg"
    frame = fields(n=5)
    frame.to_file(path, geometry_type="Unknown", SPATIAL_INDEX="NO")
    corners = [shapely.get_coordinates(shape) for shape in frame.geometry]
    x, y = corners[0].mean(axis=0)

    def points(measures: str, of: np.ndarray) -> str:
        return "(" + ", ".join(f"{a} {b}{measures}" for a, b in of) + ")"

    shapes = {
        1: f"POLYGON ZM ({points(' 3 7', corners[0])})",
        2: f"MULTIPOLYGON M (({points(' 7', corners[1])}))",
        3: f"LINESTRING Z {points(' 3', corners[2][:3])}",
        4: f"GEOMETRYCOLLECTION Z (POINT Z (1 1 1), POLYGON Z ({points(' 3', corners[3])}))",
    }
    blobs = {
        fid: shapely.to_wkb(shapely.from_wkt(text), output_dimension=4, flavor="iso")
        for fid, text in shapes.items()
    }
    circle = [(x + 50, y), (x, y + 50), (x - 50, y), (x, y - 50), (x + 50, y)]
    ring = struct.pack("<BIIBII", 1, 1010, 1, 1, 1008, 5)  # CurvePolygon Z of a CircularString Z
    blobs[5] = ring + b"".join(struct.pack("<3d", *point, 3.0) for point in circle)
    head = b"GP\0\1" + struct.pack("<i", frame.crs.to_epsg())
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "UPDATE mixed SET geom = ? WHERE fid = ?", [(head + wkb, fid) for fid, wkb in blobs.items()]
        )

    answer = receive("declarations/mixed.gpkg", path.read_bytes())

    parcels = stored(context, answer.receipt["stored"]["declaration set"])
    assert parcels.geom_valid.tolist() == [True, True, False, True, True]
    expected = [*frame.area[:2], 0.0, frame.area[3], np.pi * 50**2]
    np.testing.assert_allclose(parcels.area_m2, expected, rtol=2e-3)
    texts = [warning["text"] for warning in answer.receipt["warnings"]]
    assert sum("with a point or line instead of a polygon" in text for text in texts) == 1


@pytest.mark.parametrize("separator", [",", ";"])
def test_practice_tables_of_spreadsheets(context, receive, separator: str) -> None:
    header = "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END"
    line = "0007,0233,2019-03-01,2019-06-15,2019-09-30,CatchCrop,CatchCrop_1,2019-10-15,NA"
    text = "\ufeff" + "\r\n".join((header, line, "")).replace(",", separator)
    assert receive("practices/CC/t.csv", text).accepted
    with context.session() as session:
        found = session.execute(select(PracticeRow.ori_id, PracticeRow.main_crop)).all()
    assert [tuple(row) for row in found] == [("0007", "0233")]


def test_a_quoted_line_break_makes_no_new_row(context, receive) -> None:
    header = "FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END"
    line = '0007,"oats\nand peas",2019-03-01,2019-06-15,2019-09-30,CatchCrop,CatchCrop_1,2019-10-15,NA'
    answer = receive("practices/CC/t.csv", f"{header}\n{line}\n")
    assert answer.receipt["stored"]["rows"] == 1
    with context.session() as session:
        assert session.scalars(select(PracticeRow.main_crop)).all() == ["oats\nand peas"]


def zipped(tmp_path: Path, *frames: gpd.GeoDataFrame) -> bytes:
    """Shapefiles of some frames in folders of one zip."""
    path = tmp_path / "several.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, frame in enumerate(frames, 1):
            folder = tmp_path / f"layer{number}"
            folder.mkdir()
            frame.to_file(folder / f"parcels{number}.shp")
            for file in sorted(folder.iterdir()):
                archive.write(file, f"export/{folder.name}/{file.name}")
    return path.read_bytes()


def test_a_zip_with_two_layers_is_rejected_with_their_names_and_one_can_be_named(
    context, receive, tmp_path: Path
) -> None:
    content = zipped(tmp_path, fields(n=2), fields(n=3))
    answer = receive("declarations/two.zip", content)
    assert not answer.accepted
    assert "export/layer1/parcels1.shp, export/layer2/parcels2.shp" in answer.receipt["error"]
    receive("declarations/declarations.yaml", "file: parcels2.shp\n")
    assert receive("declarations/again.zip", content).receipt["stored"]["parcels"] == 3


def test_a_guessed_parcel_id_with_gaps_is_doubted(receive, tmp_path: Path) -> None:
    frame = fields(n=60)
    frame.loc[7, "PARCEL_ID"] = None
    frame.loc[9, "PARCEL_ID"] = "0001"
    guessed = receive("declarations/gaps.gpkg", layer(tmp_path, frame)).receipt
    texts = [warning["text"] for warning in guessed["warnings"] if "parcel_id" in warning["text"]]
    assert [text.split(" without")[0].split(" share")[0] for text in texts] == ["1 parcel", "2 parcels"]
    assert all("'PARCEL_ID' was guessed" in text for text in texts)
    assert "(row 8)" in texts[0]
    assert "(0001)" in texts[1]
    receive("declarations/declarations.yaml", "parcel_id: PARCEL_ID\n")
    named = receive("declarations/named.gpkg", layer(tmp_path, frame, "n.gpkg", layer="named")).receipt
    assert not [warning for warning in named["warnings"] if "guessed" in warning["text"]]


def test_ids_are_joined_from_several_columns(context, receive, tmp_path: Path) -> None:
    frame = fields(n=3).assign(BLOCK=["007", "007", "8"], NUMBER=[1.0, 2.0, 1.0], REGION="N")
    mapping = "parcel_id: [BLOCK, NUMBER]\nholding_id: [REGION, FARM_ID]\ncrop_code: CROP_CODE\n"
    receive("declarations/declarations.yaml", mapping)
    answer = receive("declarations/joined.gpkg", layer(tmp_path, frame))
    with context.session() as session:
        query = select(Parcel.ori_id, Parcel.ori_hold).order_by(Parcel.new_id)
        assert [tuple(row) for row in session.execute(query)] == [
            ("007-1", "N-F0"), ("007-2", "N-F0"), ("8-1", "N-F1"),
        ]  # fmt: skip
    assert answer.receipt["details"]["first rows"][0]["parcel_id"] == "007-1"


def test_a_gml_with_external_entities_is_refused(receive, tmp_path: Path) -> None:
    path = tmp_path / "parcels.gml"
    fields().to_file(path, driver="GML")
    head, rest = path.read_text().split("?>", 1)
    evil = f'{head}?><!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>{rest}'
    answer = receive("declarations/evil.gml", evil.replace(">F0<", ">&secret;<"))
    assert not answer.accepted
    assert "document type or entities" in answer.receipt["error"]


def test_names_that_are_not_utf8_are_read_and_told(context, receive, tmp_path: Path) -> None:
    frame = fields(n=2).assign(NAME=["größer Acker", "Süden"])
    folder = tmp_path / "cp1252"
    folder.mkdir()
    frame.to_file(folder / "parcels.shp", encoding="cp1252")
    (folder / "parcels.cpg").unlink()
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"Fl__he/{file.name}")
    content = path.read_bytes().replace(b"Fl__he", b"Fl\xe4\xfche")
    answer = receive("declarations/names.zip", content)
    with context.session() as session:
        rows = session.scalars(select(Parcel.attributes).order_by(Parcel.new_id)).all()
    assert [row["NAME"] for row in rows] == ["größer Acker", "Süden"]
    assert any("character set cp1252" in warning["text"] for warning in answer.receipt["warnings"])


def test_crop_codes_of_a_spreadsheet(context, receive) -> None:
    rows = [",".join(COLUMNS), '0101,1,"Wheat\nof winter",1,10,Wheat,100,Cereals,1,1,0,0,0,0']
    text = "\ufeff" + "\r\n".join([*rows, ""]).replace(",", ";")
    assert receive("crop-codes/lut.csv", text).accepted
    with context.session() as session:
        found = session.execute(select(CropCode.ori_crop, CropCode.ct)).all()
    assert [tuple(row) for row in found] == [("0101", "Wheat\nof winter")]
