"""Parcels in every format, packing, character set and projection an agency may use."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from sen4cap_core.declarations.parcels.columns import ColumnMapping
from sen4cap_core.declarations.parcels.reading import Declarations, read_declarations
from sen4cap_core.declarations.sites.site_extent import read_site_extent
from sen4cap_core.declarations.sites.strata import read_strata
from sen4cap_core.errors import BadUploadError, UnsafeArchiveError

PackZip = Callable[..., Path]
IDS = ["004", "003", "002", "001"]


def ids(declarations: Declarations) -> list[str]:
    assert declarations.columns.parcel_id.columns == ("PARCEL_ID",)
    assert declarations.columns.holding_id.columns == ("FARM_ID",)
    assert declarations.columns.crop_code.columns == ("CROP_CODE",)
    return declarations.frame["PARCEL_ID"].tolist()


def write(parcels: gpd.GeoDataFrame, path: Path) -> Path:
    if "parquet" in path.suffix:
        parcels.to_parquet(path, write_covering_bbox=True)
    elif path.suffix == ".geojson":
        parcels.to_crs(4326).to_file(path)
    else:
        parcels.to_file(path)
    return path


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".geoparquet", ".fgb", ".gml", ".geojson"])
@pytest.mark.parametrize("folder", [None, "", "2019/Export Ñ/"])
def test_each_format_alone_and_zipped(
    tmp_path: Path, parcels: gpd.GeoDataFrame, pack: PackZip, suffix: str, folder: str | None
) -> None:
    source = tmp_path / "made"
    source.mkdir()
    path = write(parcels, source / f"parcels{suffix}")
    before = sorted(source.iterdir())
    if folder is not None:
        path = pack("upload.zip", [path], folder)

    declarations = read_declarations(path)

    assert sorted(ids(declarations)) == sorted(IDS)
    assert declarations.frame["NAME"].isin(["Příkop", "Ö", "ñ", "plain"]).all()
    areas = declarations.frame.to_crs(3035).area
    np.testing.assert_allclose(areas, 10_000, rtol=2e-3)
    assert "bbox" not in declarations.frame.columns
    assert sorted(source.iterdir()) == before, "nothing is written beside an upload"


def test_a_shapefile_alone_and_zipped(shapefile: Path, pack: PackZip) -> None:
    zipped = pack("upload.zip", sorted(shapefile.parent.iterdir()), "some/folder/")

    assert ids(read_declarations(shapefile)) == IDS
    assert ids(read_declarations(zipped)) == IDS
    assert read_declarations(zipped).report.crs == "EPSG:32630 (WGS 84 / UTM zone 30N)"


def test_the_report_shows_the_first_rows_as_understood(shapefile: Path) -> None:
    report = read_declarations(shapefile).report

    assert report.n_rows == 4
    assert report.sample[0] == {"parcel_id": "004", "holding_id": "B", "crop_code": "0101"}
    assert len(report.sample) == 4
    assert report.as_dict()["format"] == "shapefile"


def test_parts_of_a_shapefile_in_mixed_case(shapefile: Path, pack: PackZip, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for part in shapefile.parent.iterdir():
        shutil.copy(part, mixed / f"{'PARCELS' if part.suffix == '.dbf' else 'Parcels'}{part.suffix.upper()}")

    assert ids(read_declarations(pack("upload.zip", mixed.iterdir()))) == IDS


def test_litter_of_operating_systems_is_passed_over(shapefile: Path, pack: PackZip, tmp_path: Path) -> None:
    litter = tmp_path / "._parcels.shp"
    litter.write_bytes(b"\0\5\x16\7")
    manual = tmp_path / "readme.pdf"
    manual.write_bytes(b"%PDF")

    assert ids(read_declarations(pack("upload.zip", [*shapefile.parent.iterdir(), litter, manual]))) == IDS


@pytest.mark.parametrize("missing", [".dbf", ".shx", ".shp"])
def test_an_incomplete_shapefile_says_what_is_missing(shapefile: Path, pack: PackZip, missing: str) -> None:
    path = pack("upload.zip", [part for part in shapefile.parent.iterdir() if part.suffix != missing])

    with pytest.raises(BadUploadError, match=rf"incomplete: \{missing} is missing"):
        read_declarations(path)


def test_without_a_prj_it_asks_for_one_and_takes_it_from_the_mapping(shapefile: Path, pack: PackZip) -> None:
    path = pack("upload.zip", [part for part in shapefile.parent.iterdir() if part.suffix != ".prj"])

    with pytest.raises(BadUploadError, match="no coordinate reference system") as caught:
        read_declarations(path)
    assert ".prj" in caught.value.remedy
    with pytest.raises(BadUploadError, match="'EPSG:0' is no coordinate reference system"):
        read_declarations(path, ColumnMapping(crs="EPSG:0"))

    told = read_declarations(path, ColumnMapping(crs="EPSG:32630"))

    assert told.frame.crs == "EPSG:32630"


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_geopackage_with_undefined_crs(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "undefined.gpkg"
    parcels.set_crs(None, allow_override=True).to_file(path)

    with pytest.raises(BadUploadError, match="no coordinate reference system"):
        read_declarations(path)


def test_coordinates_that_cannot_be_in_their_crs(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "metres_called_degrees.gpkg"
    parcels.set_crs(4326, allow_override=True).to_file(path)

    with pytest.raises(BadUploadError, match="cannot be in its coordinate reference system, WGS 84"):
        read_declarations(path)


def test_several_layers_are_listed_and_one_can_be_named(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "two.gpkg"
    parcels.to_file(path, layer="parcels_2019")
    parcels.head(1).to_file(path, layer="buildings")

    with pytest.raises(BadUploadError, match="parcels_2019, buildings") as caught:
        read_declarations(path)
    assert "layer: parcels_2019" in caught.value.remedy
    with pytest.raises(BadUploadError, match="no layer 'nope'"):
        read_declarations(path, ColumnMapping(layer="nope"))

    assert ids(read_declarations(path, ColumnMapping(layer="parcels_2019"))) == IDS


def test_tables_without_geometry_are_no_layers(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "with_codes.gpkg"
    parcels.to_file(path, layer="parcels")
    pyogrio.write_dataframe(parcels.drop(columns="geometry"), path, layer="codes", append=True)

    assert ids(read_declarations(path)) == IDS


def test_several_files_in_a_zip_are_listed_and_one_can_be_named(
    tmp_path: Path, parcels: gpd.GeoDataFrame, shapefile: Path, pack: PackZip
) -> None:
    other = write(parcels.head(2), tmp_path / "other.gpkg")
    path = pack("upload.zip", [*shapefile.parent.iterdir(), other])

    with pytest.raises(BadUploadError, match=r"other\.gpkg, parcels\.shp"):
        read_declarations(path)

    assert ids(read_declarations(path, ColumnMapping(file="other.gpkg"))) == IDS[:2]


def test_only_declarations_are_sent_to_declarations_yaml(
    tmp_path: Path, parcels: gpd.GeoDataFrame, shapefile: Path, pack: PackZip
) -> None:
    layers = tmp_path / "two.gpkg"
    parcels.to_file(layers, layer="parcels_2019")
    parcels.head(1).to_file(layers, layer="buildings")
    parts = list(shapefile.parent.iterdir())
    files = pack("files.zip", [*parts, layers])
    without_crs = pack("without.zip", [part for part in parts if part.suffix != ".prj"])
    again = "export it again with its coordinate reference system (shapefile: pack the .prj too)"

    for path, remedy, setting in (
        (files, "leave one in the zip", "name it in declarations.yaml: `file: parcels.shp`"),
        (layers, "export one layer", "name it in declarations.yaml: `layer: parcels_2019`"),
        (without_crs, again, "state it, `crs: EPSG:...`, in declarations.yaml"),
    ):
        for read, expected in (
            (read_declarations, f"{remedy}, or {setting}."),
            (read_site_extent, f"{remedy}."),
            (read_strata, f"{remedy}."),
        ):
            with pytest.raises(BadUploadError) as caught:
                read(path)
            assert str(caught.value).endswith(f"\nWhat to do: {expected}")


def test_a_mapping_inside_the_zip_is_used(
    tmp_path: Path, parcels: gpd.GeoDataFrame, shapefile: Path, pack: PackZip
) -> None:
    other = write(parcels.head(2), tmp_path / "other.gpkg")
    mapping = tmp_path / "declarations.yaml"
    mapping.write_text("file: other.gpkg\nparcel_id: [FARM_ID, PARCEL_ID]\n")

    declarations = read_declarations(pack("upload.zip", [*shapefile.parent.iterdir(), other, mapping]))

    assert declarations.report.sample[0]["parcel_id"] == "B-004"
    assert declarations.columns.parcel_id.given


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Žluťoučký Příkop"),
        ("cp1252", "Mähwiese Straße größer"),
        ("cp1250", "trajno travinje čšž, kořenová zelenina"),
        ("cp1257", "ąčęėįšųūž daugiametės žolės"),
        ("cp1253", "ελαιώνας σιτάρι"),
    ],
)
@pytest.mark.parametrize("label", ["cpg", "header", "none"])
def test_character_sets_of_shapefiles(
    tmp_path: Path, parcels: gpd.GeoDataFrame, encoding: str, text: str, label: str
) -> None:
    path = tmp_path / "parcels.shp"
    parcels["NAME"] = [text, "plain", "plain", text]
    parcels.to_file(path, encoding=encoding)
    dbf = tmp_path / "parcels.dbf"
    content = bytearray(dbf.read_bytes())
    content[29] = 0
    if label != "cpg":
        (tmp_path / "parcels.cpg").unlink()
    if label == "header":
        drivers = {"cp1252": 0x03, "cp1250": 0xC8, "cp1257": 0xCC, "cp1253": 0xCB}
        content[29] = drivers.get(encoding, 0)
    dbf.write_bytes(content)

    declarations = read_declarations(path)

    assert declarations.frame["NAME"].tolist() == [text, "plain", "plain", text]
    said = any("character set" in warning for warning in declarations.report.warnings)
    assert said == (label != "cpg")


@pytest.mark.parametrize("name", ["parcels.geojson", "parcels.shp"])
def test_texts_that_are_not_the_utf8_they_should_be(
    tmp_path: Path, parcels: gpd.GeoDataFrame, name: str
) -> None:
    parcels["NAME"] = ["xxxx", "plain", "plain", "plain"]
    path = write(parcels, tmp_path / name)
    data = path.with_suffix(".dbf") if name.endswith("shp") else path
    data.write_bytes(data.read_bytes().replace(b"xxxx", "größ".encode("cp1252")))

    declarations = read_declarations(path)

    assert declarations.frame["NAME"].tolist() == ["größ", "plain", "plain", "plain"]
    assert any("read as cp1252" in warning for warning in declarations.report.warnings)
    told = read_declarations(path, ColumnMapping(encoding="cp1250"))
    assert told.frame["NAME"].tolist()[0] == "größ".encode("cp1252").decode("cp1250")


def test_names_in_a_zip_that_are_not_utf8(tmp_path: Path, parcels: gpd.GeoDataFrame, pack: PackZip) -> None:
    packed = pack("odd.zip", [write(parcels, tmp_path / "gr__e.gpkg")], "Fl__he/")
    raw = packed.read_bytes().replace(b"gr__e", b"gr\xf6\xdfe").replace(b"Fl__he", b"Fl\xe4\xfche")
    packed.write_bytes(raw)

    assert ids(read_declarations(packed)) == IDS


def test_a_character_set_can_be_told(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "parcels.shp"
    parcels["NAME"] = "łąka"
    parcels.to_file(path, encoding="iso8859-2")
    (tmp_path / "parcels.cpg").unlink()

    declarations = read_declarations(path, ColumnMapping(encoding="iso8859-2"))

    assert declarations.frame["NAME"].tolist() == ["łąka"] * 4
    with pytest.raises(BadUploadError, match="'klingon' is no character set"):
        read_declarations(path, ColumnMapping(encoding="klingon"))


def test_plain_parquet_with_wkb(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "plain.parquet"
    table = parcels.to_wkb()
    table.to_parquet(path)
    assert b"geo" not in (pq.read_schema(path).metadata or {})

    with pytest.raises(BadUploadError, match="no coordinate reference system"):
        read_declarations(path)

    assert ids(read_declarations(path, ColumnMapping(crs="EPSG:32630"))) == IDS


def test_parquet_without_geometry(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "table.parquet"
    parcels.drop(columns="geometry").to_parquet(path)

    with pytest.raises(BadUploadError, match="Parquet table without geometry"):
        read_declarations(path)


def test_big_whole_numbers_beside_missing_ones_stay_exact(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "big.gpkg"
    parcels["PARCEL_ID"] = parcels["PARCEL_ID"].astype("Int64") + 9_007_199_254_740_993
    parcels.loc[3, "PARCEL_ID"] = None
    parcels.to_file(path)

    report = read_declarations(path, ColumnMapping(parcel_id=("PARCEL_ID",))).report

    assert report.sample[0]["parcel_id"] == "9007199254740997"
    assert report.sample[3]["parcel_id"] == ""


def test_curves_become_lines(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "curves.gpkg"
    parcels.to_file(path, SPATIAL_INDEX="NO", geometry_type="Unknown")
    x, y, radius = 400_000.0, 4_600_000.0, 100.0
    arcs = [(x + radius, y), (x, y + radius), (x - radius, y), (x, y - radius), (x + radius, y)]
    circle = struct.pack("<BIIBII", 1, 10, 1, 1, 8, len(arcs)) + b"".join(
        struct.pack("<2d", *p) for p in arcs
    )
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE curves SET geom = ?", (b"GP\0\1" + struct.pack("<i", 32630) + circle,))

    declarations = read_declarations(path)

    assert ids(declarations) == IDS
    np.testing.assert_allclose(declarations.frame.area, np.pi * radius**2, rtol=1e-3)


def _measured_shapefile(path: Path) -> None:
    """Write the polygons of a shapefile again with a measure at each vertex (shape type 25)."""
    records, at = b"", 50
    index = b""
    for number, shape in enumerate(gpd.read_file(path).geometry, 1):
        corners = shapely.get_coordinates(shape)
        content = struct.pack("<i4d3i", 25, *shape.bounds, 1, len(corners), 0) + corners.tobytes()
        content += struct.pack(f"<{2 + len(corners)}d", 0, 9, *range(len(corners)))
        records += struct.pack(">2i", number, len(content) // 2) + content
        index += struct.pack(">2i", at, len(content) // 2)
        at += 4 + len(content) // 2
    for name, body in ((path, records), (path.with_suffix(".shx"), index)):
        words = 50 + len(body) // 2
        head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, words) + struct.pack("<2i8d", 1000, 25, *[0.0] * 8)
        name.write_bytes(head + body)


def test_measures_are_dropped_without_a_word(shapefile: Path, pack: PackZip) -> None:
    plain = read_declarations(pack("plain.zip", shapefile.parent.iterdir()))
    _measured_shapefile(shapefile)
    with pytest.warns(UserWarning, match="Measured Polygon"):
        assert pyogrio.read_info(shapefile)["geometry_type"] == "Polygon"

    measured = read_declarations(pack("measured.zip", shapefile.parent.iterdir()))

    assert ids(measured) == IDS
    assert not measured.frame.has_z.any()
    assert not measured.frame.has_m.any()
    assert measured.frame.geom_equals(plain.frame).all()
    assert measured.report.warnings == plain.report.warnings


def test_warnings_of_the_process_are_nothing_of_the_file(
    shapefile: Path, pack: PackZip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unclosed transport of another thread, a deprecation, and a numpy warning: none is told."""
    read = pyogrio.open_arrow

    def open_arrow(file: Path, **options: object) -> object:
        warnings.warn("unclosed transport <_SelectorSocketTransport fd=6>", ResourceWarning, stacklevel=1)
        warnings.warn("old name", DeprecationWarning, stacklevel=1)
        np.float64(1.0) / np.float64(0.0)
        core = Path(pyogrio.__file__).with_name("core.py")
        warnings.warn_explicit("ring 3 is not closed", RuntimeWarning, str(core), 1)
        warnings.warn_explicit("unclosed file", ResourceWarning, str(core), 1)
        return read(file, **options)

    monkeypatch.setattr(pyogrio, "open_arrow", open_arrow)
    notes = read_declarations(pack("parcels.zip", shapefile.parent.iterdir())).report.warnings

    assert notes == ["ring 3 is not closed"]


def test_a_warning_of_gdal_is_told(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = write(parcels, tmp_path / "parcels.gpkg")
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE parcels ADD COLUMN odd FOOBAR")
        database.commit()

    assert any("FOOBAR" in note for note in read_declarations(path).report.warnings)


def test_a_ring_that_does_not_close_is_an_answer(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = write(parcels, tmp_path / "parcels.geojson")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["features"][0]["geometry"]["coordinates"][0].pop()
    path.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(BadUploadError, match="do not form a closed linestring"):
        read_declarations(path)


def test_an_empty_layer(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = tmp_path / "empty.gpkg"
    parcels.head(0).to_file(path)

    with pytest.raises(BadUploadError, match="holds no feature"):
        read_declarations(path)


def test_a_gml_with_entities_is_refused(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = write(parcels, tmp_path / "parcels.gml")
    declaration = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
    head, rest = path.read_text().split("?>", 1)
    path.write_text(f"{head}?>{declaration}{rest}".replace("plain", "&secret;"))

    with pytest.raises(BadUploadError, match="document type or entities"):
        read_declarations(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("parcels.gpkg", b"<OGRVRTDataSource></OGRVRTDataSource>", "not a GeoPackage"),
        ("parcels.geojson", b"<OGRVRTDataSource></OGRVRTDataSource>", "not GeoJSON"),
        ("parcels.geojson", b'{"type": "FeatureCollection", "features": [', "cannot be read"),
        ("parcels.fgb", b"fgb\x03fgb\x00 and then nothing", "cannot be read"),
        ("parcels.parquet", b"PAR1 and then nothing", "cannot be read"),
        ("parcels.gml", b"<a><b></a>", "not well-formed|cannot be read"),
        ("parcels.dwg", b"AC1027", "not a vector file"),
        ("parcels.zip", b"PK\x03\x04 and then nothing", "this zip archive was cut short"),
    ],
)
def test_files_that_are_not_what_their_name_says(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(BadUploadError, match=words) as caught:
        read_declarations(path)
    assert caught.value.remedy
    assert str(tmp_path) not in caught.value.text()
    assert "/tmp" not in caught.value.text()


def test_a_truncated_geopackage(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = write(parcels, tmp_path / "parcels.gpkg")
    path.write_bytes(path.read_bytes()[:8192])

    with pytest.raises(BadUploadError, match=r"cannot be read|no layer"):
        read_declarations(path)


def test_a_zip_without_parcels_says_what_it_holds(tmp_path: Path, pack: PackZip) -> None:
    manual = tmp_path / "readme.txt"
    manual.write_text("hello")

    with pytest.raises(BadUploadError, match=r"it holds: readme\.txt"):
        read_declarations(pack("upload.zip", [manual]))


def test_a_zip_that_leaves_its_folder(tmp_path: Path, shapefile: Path, pack: PackZip) -> None:
    with pytest.raises(UnsafeArchiveError):
        read_declarations(pack("upload.zip", shapefile.parent.iterdir(), "../../"))


def test_the_extent_of_a_site(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    lifted = parcels.set_geometry(shapely.force_3d(parcels.geometry.values, z=100.0))
    path = write(lifted, tmp_path / "site.gpkg")

    extent = read_site_extent(path)

    assert extent.geom_type == "MultiPolygon"
    assert len(extent.geoms) == 1, "touching squares become one"
    assert not extent.has_z
    assert extent.is_valid
    outline = gpd.GeoSeries([extent], crs=4326).to_crs(32630)
    assert outline.area[0] == pytest.approx(40_000, rel=1e-6)


def test_long_edges_of_an_extent_are_followed(tmp_path: Path) -> None:
    box = shapely.box(300_000, 4_600_000, 500_000, 4_800_000)
    path = tmp_path / "site.gpkg"
    gpd.GeoDataFrame(geometry=[box], crs=32630).to_file(path)

    back = gpd.GeoSeries([read_site_extent(path)], crs=4326).segmentize(0.01).to_crs(32630)

    assert shapely.hausdorff_distance(back[0], shapely.segmentize(box, 1000)) < 600
    assert back[0].symmetric_difference(box).area < 200_000 * 4 * 1.0, "less than a metre along the edges"


@pytest.mark.parametrize("shape", [shapely.Point(0, 0), shapely.LineString([(0, 0), (1, 1)]), None])
def test_an_extent_needs_a_polygon(tmp_path: Path, shape: shapely.Geometry | None) -> None:
    path = tmp_path / "site.gpkg"
    gpd.GeoDataFrame({"a": [1]}, geometry=[shape], crs=4326).to_file(path)

    with pytest.raises(BadUploadError, match=r"holds no polygon|no layer with geometry"):
        read_site_extent(path)


def test_the_real_site(shared: Path) -> None:
    extent = read_site_extent(shared / "data" / "valladolid-2019" / "site.zip")

    assert extent.is_valid
    west, south, east, north = extent.bounds
    assert -4.88 < west < east < -4.86
    assert 41.76 < south < north < 41.78


def test_a_geopackage_in_wal_mode_is_read_without_a_trace(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    path = write(parcels, tmp_path / "parcels.gpkg")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    before = [(file.name, file.stat().st_mtime_ns) for file in sorted(tmp_path.iterdir())]

    assert ids(read_declarations(path)) == IDS
    assert [(file.name, file.stat().st_mtime_ns) for file in sorted(tmp_path.iterdir())] == before

    (tmp_path / "parcels.gpkg-wal").write_bytes(b"unsaved")
    with pytest.raises(BadUploadError, match="still open in another program"):
        read_declarations(path)


def test_a_text_of_ten_megabytes(tmp_path: Path, parcels: gpd.GeoDataFrame) -> None:
    parcels["REMARK"] = ["x" * 10_000_000, "", None, "short"]

    declarations = read_declarations(write(parcels, tmp_path / "parcels.gpkg"))

    assert ids(declarations) == IDS
    assert len(declarations.frame["REMARK"][0]) == 10_000_000
