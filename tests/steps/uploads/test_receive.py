"""What is dropped is answered: receipts beside good files, rejections with the reason, nothing lost."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from sen4cap_core.db.models import Job, Parcel, Season, Site, Upload
from sen4cap_core.db.overview.status import summary
from sen4cap_core.db.work.receipt_warnings import warned_uploads
from sen4cap_core.db.work.rejections import open_rejections
from sen4cap_core.db.work.uploads import Drop as Found
from sen4cap_core.db.work.uploads import register_upload
from sen4cap_core.files import content_hash
from sen4cap_core.inbox.kept import find_kept, keep, put_back
from sen4cap_core.inbox.layout import Kind, UploadPlace, place_of
from sen4cap_core.inbox.register import register_all
from sen4cap_core.inbox.units import find_unit, find_units
from sen4cap_core.reports.pages.receipt import receipt_markdown
from sen4cap_core.simulation.uploads import write_crop_codes, write_l4b_config, write_shapefile_zip
from sen4cap_core.steps.acquisitions.wanted import wanted_of
from sen4cap_core.steps.uploads.receive import Answer, receive_upload
from tests.steps.conftest import fields

pytestmark = pytest.mark.service


@pytest.fixture
def drop(context, tmp_path: Path):
    """Put a file at a place of the upload folder and let it be received."""
    root = context.settings.uploads_root

    def put(relative: str, content: bytes | Path) -> Answer:
        path = root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content.is_dir():
            content.rename(path)
        else:
            path.write_bytes(content.read_bytes())
        place = place_of(path, root)
        assert isinstance(place, UploadPlace)
        unit = find_unit(path, root)
        assert unit is not None
        now = unit.fingerprint()
        assert now is not None
        found = Found(
            place.site_slug,
            place.year,
            place.kind,
            str(path),
            now.size_bytes,
            now.mtime_ns,
            content_hash(path),
        )
        with context.session() as session:
            upload, _ = register_upload(session, found)
            upload_id = upload.id
        return receive_upload(context, upload_id)

    return put


@pytest.fixture
def parcels_zip(tmp_path: Path) -> Path:
    path = tmp_path / "parcels.zip"
    write_shapefile_zip(path, fields(crop="265"), "parcels")
    return path


def without(path: Path, *suffixes: str) -> bytes:
    """The same zip without some of its files."""
    target = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as copy:
        for entry in source.infolist():
            if not entry.filename.endswith(suffixes):
                copy.writestr(entry, source.read(entry))
    return target.getvalue()


def receipt_of(context, relative: str) -> dict:
    path = context.settings.uploads_root / f"{relative}.receipt.json"
    return json.loads(path.read_text(encoding="utf-8"))


def rejection_of(context, relative: str) -> str:
    folder, _, name = relative.rpartition("/")
    rejected = context.settings.uploads_root / folder / "rejected"
    assert (rejected / name).exists()
    assert not (context.settings.uploads_root / relative).exists()
    return (rejected / f"{name}.error.txt").read_text(encoding="utf-8")


def test_declarations_are_answered_with_the_columns_and_first_rows(context, drop, parcels_zip: Path) -> None:
    answer = drop("noord/2019/declarations/parcels.zip", parcels_zip)

    receipt = receipt_of(context, "noord/2019/declarations/parcels.zip")
    assert answer.accepted
    assert receipt["stored"]["parcels"] == 4
    assert {row["role"]: row["columns"] for row in receipt["details"]["columns"]} == {
        "parcel_id": "PARCEL_ID",
        "holding_id": "FARM_ID",
        "crop_code": "CROP_CODE",
    }
    assert receipt["details"]["first rows"][0] == {
        "parcel_id": "0001",
        "holding_id": "F0",
        "crop_code": "265",
    }
    with context.session() as session:
        assert session.scalars(select(Season.name)).all() == ["2019"]
        assert session.scalars(select(Parcel.ori_id).order_by(Parcel.new_id)).all() == [
            "0001",
            "0002",
            "0003",
            "0004",
        ]


@pytest.mark.parametrize(
    ("suffix", "word"), [(".prj", "coordinate reference system"), (".dbf", ".dbf"), (".shx", ".shx")]
)
def test_a_shapefile_without_a_part_is_rejected_with_its_name(
    context, drop, parcels_zip: Path, suffix: str, word: str
) -> None:
    answer = drop("noord/2019/declarations/parcels.zip", without(parcels_zip, suffix))

    assert not answer.accepted
    text = rejection_of(context, "noord/2019/declarations/parcels.zip")
    assert word in text
    assert "What to do" in text


def test_what_is_no_declaration_is_not_sent_to_declarations_yaml(context, drop, parcels_zip: Path) -> None:
    drop("noord/site.zip", without(parcels_zip, ".prj"))
    drop("noord/2019/strata/strata.zip", without(parcels_zip, ".prj"))
    drop("noord/2019/declarations/parcels.zip", without(parcels_zip, ".prj"))

    for relative, may in (
        ("noord/site.zip", False),
        ("noord/2019/strata/strata.zip", False),
        ("noord/2019/declarations/parcels.zip", True),
    ):
        text = rejection_of(context, relative)
        assert "no coordinate reference system" in text
        assert ("declarations.yaml" in text) is may, relative


def test_a_parcel_without_a_crop_code_is_no_crop_code(drop, tmp_path: Path) -> None:
    parcels = fields(crop="265")
    parcels.loc[0, "CROP_CODE"] = None
    write_shapefile_zip(tmp_path / "one-without.zip", parcels, "parcels")

    answer = drop("noord/2019/declarations/parcels.zip", tmp_path / "one-without.zip")

    assert answer.receipt["stored"]["crop codes"] == 1


def test_a_corrected_file_of_another_name_settles_the_rejection_and_its_receipt_says_so(
    context, drop, parcels_zip: Path
) -> None:
    assert not drop("noord/2019/declarations/parcels.zip", without(parcels_zip, ".prj")).accepted
    text = rejection_of(context, "noord/2019/declarations/parcels.zip")
    assert "open until a corrected file in the same folder (of the same name with mode: incremental)" in text

    answer = drop("noord/2019/declarations/parcels-with-prj.zip", parcels_zip)

    rejected = "noord/2019/declarations/rejected/parcels.zip"
    assert receipt_of(context, "noord/2019/declarations/parcels-with-prj.zip")["settles"] == [rejected]
    assert f"**Settles the rejection of** | {rejected} |" in receipt_markdown(answer.receipt)
    with context.session() as session:
        assert open_rejections(session, "noord") == []


def test_declarations_do_not_settle_what_was_none(context, drop, desk, parcels_zip: Path) -> None:
    scene = desk.scene(16)
    assert not drop(f"noord/2019/declarations/{scene.name}", scene).accepted
    assert not drop("noord/2019/declarations/codes.csv", b"a;b").accepted
    assert not drop("noord/2019/declarations/parcels.zip", without(parcels_zip, ".prj")).accepted
    for name in (scene.name, "codes.csv"):
        text = rejection_of(context, f"noord/2019/declarations/{name}")
        assert "open until a file of the right kind and of the same place and name is received, or" in text

    answer = drop("noord/2019/declarations/good.zip", parcels_zip)

    assert answer.receipt["settles"] == ["noord/2019/declarations/rejected/parcels.zip"]
    with context.session() as session:
        left = open_rejections(session, "noord")
        assert sorted((Path(one.path).name, one.is_other_kind) for one in left) == [
            (scene.name, True),
            ("codes.csv", True),
        ]
    summary_of = summary(context.engine)["rejections"]
    assert [one["is_other_kind"] for one in summary_of] == [True, True]

    (context.settings.uploads_root / "noord/2019/declarations/rejected/codes.csv").unlink()
    with context.session() as session:
        assert [Path(one.path).name for one in open_rejections(session, "noord")] == [scene.name]


def test_a_part_of_the_declarations_settles_no_rejection_of_another_name(
    context, drop, parcels_zip: Path
) -> None:
    drop("noord/2019/declarations/declarations.yaml", b"mode: incremental\n")
    assert not drop("noord/2019/declarations/north.zip", without(parcels_zip, ".prj")).accepted
    assert drop("noord/2019/declarations/south.zip", parcels_zip).receipt["settles"] == []
    with context.session() as session:
        assert [Path(one.path).name for one in open_rejections(session, "noord")] == ["north.zip"]


def test_a_zip_that_would_write_elsewhere_is_rejected(context, drop) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../escaped.shp", b"x")

    assert not drop("noord/2019/declarations/parcels.zip", content.getvalue()).accepted
    assert "escaped.shp" in rejection_of(context, "noord/2019/declarations/parcels.zip")
    assert not list(context.settings.home.rglob("escaped.shp"))


def test_a_zip_bomb_is_rejected_before_it_is_unpacked(context, drop) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("parcels.shp", bytes(200_000_000))

    assert not drop("noord/2019/declarations/parcels.zip", content.getvalue()).accepted
    rejection_of(context, "noord/2019/declarations/parcels.zip")


def test_columns_that_do_not_exist_are_named_with_those_that_do(context, drop, parcels_zip: Path) -> None:
    drop("noord/2019/declarations/declarations.yaml", b"parcel_id: PERCEEL\n")

    assert not drop("noord/2019/declarations/parcels.zip", parcels_zip).accepted
    text = rejection_of(context, "noord/2019/declarations/parcels.zip")
    assert "PERCEEL" in text


def test_a_mapping_that_comes_later_lets_the_declarations_be_read_again(
    context, drop, parcels_zip: Path
) -> None:
    first = drop("noord/2019/declarations/parcels.zip", parcels_zip)
    drop("noord/2019/declarations/declarations.yaml", b"parcel_id: [FARM_ID, PARCEL_ID]\n")

    with context.session() as session:
        job = session.scalars(select(Job).where(Job.key == f"receive-upload/{first.upload_id}")).one()
        assert job.state == "waiting"
    receive_upload(context, first.upload_id)
    with context.session() as session:
        ids = session.scalars(select(Parcel.ori_id).where(Parcel.set_id == 2)).all()
    assert "F0-0001" in ids


def test_a_mapping_that_does_not_fit_is_rejected_and_the_declarations_stay(
    context, drop, parcels_zip: Path
) -> None:
    name = "noord/2019/declarations/parcels.zip"
    first = drop(name, parcels_zip)

    assert not drop("noord/2019/declarations/declarations.yaml", b"crop_code: CROP_KODE\n").accepted

    text = rejection_of(context, "noord/2019/declarations/declarations.yaml")
    assert "no column 'CROP_KODE'; did you mean 'CROP_CODE'?" in text
    assert "Expected: columns of the file: PARCEL_ID, FARM_ID, CROP_CODE" in text
    assert "What to do: correct declarations.yaml" in text
    assert "declaration set 1 of parcels.zip (4 parcels, read with parcel_id: PARCEL_ID" in text
    assert (context.settings.uploads_root / name).exists()
    with context.session() as session:
        job = session.scalars(select(Job).where(Job.key == f"receive-upload/{first.upload_id}")).one()
        assert session.get_one(Upload, first.upload_id).state == "received"
        n_asked = job.attempts, job.state
    assert n_asked == (0, "waiting")  # as it was entered: the test receives by hand


def test_a_bad_file_over_a_good_one_takes_nothing_away(context, drop, parcels_zip: Path) -> None:
    drop("noord/2019/declarations/parcels.zip", parcels_zip)
    name = "noord/2019/declarations/declarations.yaml"
    path = context.settings.uploads_root / name
    good = b"parcel_id: PARCEL_ID\n"
    assert drop(name, good).accepted

    bad = drop(name, b"crop_code: CROP_KODE\n")

    assert not bad.accepted
    moved = Path(bad.receipt["moved_to"])
    assert (moved.name, moved.parent.name) == ("declarations.yaml", "rejected")
    assert path.read_bytes() == good
    assert receipt_of(context, name)["sha256"] == content_hash(path)
    note = moved.with_name("declarations.yaml.error.txt").read_text(encoding="utf-8")
    assert "declarations.yaml that was taken before stays in force and lies in its place again." in note
    # The watcher knows it, so it is not received anew; and it settles no rejection.
    assert register_all(context.settings, context.engine, sleep=lambda _: None) == 0
    with context.session() as session:
        assert [one.path for one in open_rejections(session, "noord")] == [str(moved)]

    assert not drop(name, b"crop_code: CROP_CODEX\n").accepted
    assert path.read_bytes() == good
    # Somebody's own copy of the good file settles both.
    path.unlink()
    drop(name, good)
    with context.session() as session:
        assert open_rejections(session, "noord") == []


def test_a_good_file_is_put_back_over_nothing(context, drop) -> None:
    settings = context.settings
    assert drop("noord/site.yaml", b"name: Noord\n").accepted
    path = settings.uploads_root / "noord/site.yaml"
    kept = find_kept(settings, path)
    assert kept is not None
    path.write_bytes(b"name: the next version\n")

    assert not put_back(kept, path)
    assert path.read_bytes() == b"name: the next version\n"
    path.write_bytes(b"name: changed while it was read\n")
    keep(settings, path, Kind.SITE_CONFIG, kept.sha256)
    assert find_kept(settings, path) is None
    assert sorted(one.name for one in path.parent.iterdir()) == ["site.yaml", "site.yaml.receipt.json"]


def test_a_mapping_that_changes_before_it_is_read_leaves_what_is_in_force(
    context, drop, parcels_zip: Path
) -> None:
    name = "noord/2019/declarations/parcels.zip"
    first = drop(name, parcels_zip)
    path = context.settings.uploads_root / "noord/2019/declarations/declarations.yaml"
    path.write_text("crop_code: NOSUCH\n", encoding="utf-8")

    again = receive_upload(context, first.upload_id)

    assert again.accepted
    assert (context.settings.uploads_root / name).exists()
    warning = receipt_of(context, name)["warnings"][0]["text"]
    assert "could not be read again, and declaration set 1" in warning
    assert "NOSUCH" in warning


def test_a_mapping_is_not_tried_on_declarations_that_others_follow(context, drop, parcels_zip: Path) -> None:
    drop("noord/2019/declarations/parcels.zip", parcels_zip)
    folder = context.settings.uploads_root / "noord/2019/declarations"
    (folder / "next.zip").write_bytes(b"still being copied")

    answer = drop("noord/2019/declarations/declarations.yaml", b"crop_code: NEW_CODE\n")

    assert "on their way" in answer.receipt["stored"]["declarations read again"]


def test_codes_missing_in_the_table_are_counted_and_kept(context, drop, tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    parcels = fields(crop="265")
    parcels.loc[0, "CROP_CODE"] = "0815"
    path = tmp_path / "parcels.zip"
    write_shapefile_zip(path, parcels, "parcels")
    drop("noord/2019/crop-codes/codes.csv", codes)

    answer = drop("noord/2019/declarations/parcels.zip", path)

    missing = answer.receipt["details"]["declared codes that are not in the crop code table"]
    assert [(row["crop code"], row["parcels"]) for row in missing] == [("0815", 1)]
    assert answer.receipt["stored"]["parcels"] == 4
    with context.session() as session:
        assert "0815" in session.scalars(select(Parcel.ori_crop)).all()


def test_all_problems_of_a_crop_code_table_are_told_with_their_rows(context, drop, tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    write_crop_codes(codes)
    lines = codes.read_text().splitlines()
    lines[1] = lines[1].replace(",", ",x", 1)
    lines[3] = lines[3].rsplit(",", 1)[0] + ",7"
    codes.write_text("\n".join(lines))

    assert not drop("noord/2019/crop-codes/codes.csv", codes).accepted
    text = rejection_of(context, "noord/2019/crop-codes/codes.csv")
    assert "row 2" in text
    assert "row 4" in text


def test_a_mistyped_key_of_the_configuration_is_told_with_its_line(context, drop, tmp_path: Path) -> None:
    config = tmp_path / "grass.cfg"
    write_l4b_config(config, 2019)
    config.write_text(config.read_text().replace("low_abs_th", "low_abs_treshold"))

    assert not drop("noord/2019/l4b-config/grass.cfg", config).accepted
    text = rejection_of(context, "noord/2019/l4b-config/grass.cfg")
    assert "low_abs_th" in text
    assert "line" in text


def test_site_settings_replace_the_assumed_season(context, drop, parcels_zip: Path) -> None:
    drop("noord/2019/declarations/parcels.zip", parcels_zip)
    answer = drop(
        "noord/site.yaml",
        b"name: Noord\ncountry: NLD\ntiles: [30TUM]\n"
        b"seasons: [{name: summer, start: 2018-10-01, mid: 2019-05-31, end: 2019-12-31}]\n",
    )

    assert answer.accepted
    with context.session() as session:
        seasons = {s.name: s.enabled for s in session.scalars(select(Season))}
        site = session.scalars(select(Site)).one()
        assert (site.name, site.country, site.tiles) == ("Noord", "NLD", ["30TUM"])
    assert seasons == {"2019": False, "summer": True}


def test_a_site_without_an_outline_is_told_where_tiles_come_from(context, drop) -> None:
    answer = drop("noord/site.yaml", b"name: Noord\n")
    assert "outline of the site (site.zip or site.gpkg)" in answer.receipt["stored"]["tiles"]
    assert not {"links", "flow_run_url"} & set(receipt_of(context, "noord/site.yaml"))


def test_an_unknown_key_of_site_yaml_is_told_with_the_nearest(context, drop) -> None:
    assert not drop("noord/site.yaml", b"name: Noord\ncontry: NLD\n").accepted
    assert "country" in rejection_of(context, "noord/site.yaml")


def test_a_scene_is_answered_and_queued(context, drop, desk) -> None:
    scene = desk.scene(16)
    answer = drop(f"noord/2019/scenes/{scene.name}", scene)

    assert answer.receipt["stored"]["tiles"] == ["30TUM"]
    with context.session() as session:
        keys = session.scalars(select(Job.key)).all()
    assert f"ingest-scene/{answer.upload_id}" in keys


def test_a_new_site_whose_name_is_near_another_says_so_once(context, drop) -> None:
    drop("drava/site.yaml", b"name: Drava\n")

    refused = drop("darva/site.yaml", b"nam: Drava\n")
    first = drop("darva/site.yaml", b"name: Drava\ncountry: SVN\n")
    with context.session() as session:
        # What status tells.
        assert [one.first for one in warned_uploads(session)] == [first.receipt["warnings"][0]["text"]]
    second = drop("darva/site.yaml", b"name: Drava\ncountry: HRV\n")
    other = drop("ebro/site.yaml", b"name: Ebro\n")

    assert not refused.accepted
    assert first.receipt["warnings"][0]["text"] == (
        "darva is a new site, without an extent, and its name is near that of the site drava. If drava was "
        "meant, move the files into the folder drava and run: sen4cap site delete darva"
    )
    assert second.receipt["warnings"] == other.receipt["warnings"] == []


def seasons_in(context) -> list[str]:
    with context.session() as session:
        site = session.scalars(select(Site).where(Site.slug == "noord")).one()
        return sorted(session.scalars(select(Season.name).where(Season.site_id == site.id)))


def test_a_scene_of_another_year_than_its_folder_is_told_and_leaves_no_season_behind(
    context, drop, desk, parcels_zip: Path
) -> None:
    drop("noord/2019/declarations/parcels.zip", parcels_zip)
    of_2019, unwarned = desk.scene(16), desk.scene(17)

    astray = drop(f"noord/2018/scenes/{of_2019.name}", of_2019)
    at_home = drop(f"noord/2019/scenes/{unwarned.name}", unwarned)

    assert [one["text"] for one in astray.receipt["warnings"]] == [
        "2019-06-16 lies outside of the season of its folder 2018 (2018-01-01 to 2018-12-31): it is taken "
        "for season 2019 (2019-01-01 to 2019-12-31), which covers it"
    ]
    assert at_home.receipt["warnings"] == []
    assert seasons_in(context) == ["2019"], "a season of 2018 would wait for its declarations for good"


def test_an_autumn_scene_lies_in_the_season_of_its_folder_and_another_waits(context, drop, desk) -> None:
    drop(
        "noord/site.yaml",
        b"name: Noord\nseasons: [{name: main, start: 2019-06-01, mid: 2020-05-31, end: 2020-10-31}]\n",
    )
    inside, before = desk.scene(16), desk.scene(16, 5)

    autumn = drop(f"noord/2020/scenes/{inside.name}", inside)
    early = drop(f"noord/2020/scenes/{before.name}", before)

    assert autumn.receipt["warnings"] == []
    (warning,) = early.receipt["warnings"]
    assert warning["text"].startswith(
        "2019-05-16 lies outside of the season of its folder 2020 (2019-06-01 to 2020-10-31), and of every "
    )
    assert seasons_in(context) == ["main"]


def test_the_first_scene_of_a_year_makes_its_season(context, drop, desk) -> None:
    scene = desk.scene(16)
    assert drop(f"noord/2019/scenes/{scene.name}", scene).receipt["warnings"] == []
    assert seasons_in(context) == ["2019"]


def test_a_scene_without_a_band_is_rejected_with_the_band(context, drop, desk) -> None:
    scene = desk.scene(16)
    next(scene.rglob("*B08*.jp2")).unlink()

    assert not drop(f"noord/2019/scenes/{scene.name}", scene).accepted
    assert "B08" in rejection_of(context, f"noord/2019/scenes/{scene.name}")


def test_what_cannot_be_read_now_stays_where_it_is(context, drop, parcels_zip: Path, monkeypatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("the database is away")

    monkeypatch.setattr("sen4cap_core.steps.uploads.declarations.prepare_parcels", away)

    with pytest.raises(ConnectionError):
        drop("noord/2019/declarations/parcels.zip", parcels_zip)

    assert (context.settings.uploads_root / "noord/2019/declarations/parcels.zip").exists()
    with context.session() as session:
        assert session.scalars(select(Upload.state)).all() == ["waiting"]


def test_receiving_twice_changes_nothing(context, drop, parcels_zip: Path) -> None:
    answer = drop("noord/2019/declarations/parcels.zip", parcels_zip)
    again = receive_upload(context, answer.upload_id)

    assert again.receipt["stored"] == answer.receipt["stored"]


def test_what_is_asked_of_a_scene_follows_from_the_settings(context, drop) -> None:
    answer = drop("noord/site.yaml", b"processors: {l3b: [ndvi, lai, fapar]}\n")
    assert answer.accepted
    assert not answer.receipt["warnings"]
    with context.session() as session:
        site = session.scalars(select(Site)).one()
        wanted = wanted_of(session, site, 2019, "s2-l2a")
    assert wanted.rasters == {"ndvi", "lai", "fapar"}
    assert wanted.groups == {"ndvi": {"ndvi"}, "biophysical": {"lai", "fapar"}}


@pytest.mark.parametrize("place", ["declarations", "radar", "practices/CC"])
def test_a_scene_among_tables_is_one_upload_and_rejected_whole(context, drop, desk, place: str) -> None:
    root = context.settings.uploads_root
    scene = desk.scene(16)
    files = {path.relative_to(scene) for path in scene.rglob("*") if path.is_file()}
    assert len(files) > 5
    folder = root / f"noord/2019/{place}"
    folder.mkdir(parents=True)
    scene.rename(folder / scene.name)

    assert [thing.path for thing in find_units(root)] == [folder / scene.name]
    (folder / scene.name).rename(scene)
    assert not drop(f"noord/2019/{place}/{scene.name}", scene).accepted

    moved = folder / "rejected" / scene.name
    assert {path.relative_to(moved) for path in moved.rglob("*") if path.is_file()} == files
    assert sorted(path.name for path in folder.iterdir()) == ["rejected"]
    text = rejection_of(context, f"noord/2019/{place}/{scene.name}")
    assert "this is a Sentinel-2 product, no file of the kind '" in text
    assert "drop it, whole and under its own name, into noord/2019/scenes." in text


def test_a_zip_of_parcels_among_scenes_is_told_where_it_belongs(context, drop, parcels_zip: Path) -> None:
    assert not drop("noord/2019/scenes/parcels.zip", parcels_zip).accepted
    text = rejection_of(context, "noord/2019/scenes/parcels.zip")
    assert "this zip holds a vector file (parcels.shp) and no satellite product." in text
    assert "declared parcels into noord/2019/declarations" in text
