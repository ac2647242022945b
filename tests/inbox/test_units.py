"""What is one upload."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sen4cap_core.inbox.layout import Kind, Misplaced
from sen4cap_core.inbox.units import Unit, find_unit, find_units, scope_of, whole_of

ITEM = {"type": "Feature", "stac_version": "1.1.0", "id": "a", "properties": {}}


def _file(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def _item(path: Path, *assets: str) -> Path:
    hrefs = {f"asset-{number}": {"href": href} for number, href in enumerate(assets)}
    return _file(path, json.dumps(ITEM | {"assets": hrefs}))


def _names(things: list[Unit | Misplaced], root: Path) -> dict[str, list[str]]:
    """Path of each unit, with its parts; misplaced things start with a question mark."""
    return {
        ("?" if isinstance(thing, Misplaced) else "") + thing.path.relative_to(root).as_posix(): sorted(
            part.relative_to(root).as_posix() for part in (thing.parts if isinstance(thing, Unit) else ())
        )
        for thing in things
    }


def _find(root: Path, scope: Path | None = None) -> dict[str, list[str]]:
    return _names(list(find_units(root, scope)), root)


def test_an_empty_or_absent_folder_holds_nothing(tmp_path: Path) -> None:
    assert _find(tmp_path) == {}
    assert _find(tmp_path / "absent") == {}
    (tmp_path / "New Folder" / "empty").mkdir(parents=True)
    assert _find(tmp_path) == {}


def test_files_are_one_upload_each(tmp_path: Path) -> None:
    for name in ("nl/site.zip", "nl/site.yaml", "nl/2019/crop-codes/a.csv", "nl/2019/practices/NA/n.csv"):
        _file(tmp_path / name)
    _file(tmp_path / "nl/2019/crop-codes/a.csv.receipt.json")

    found = _find(tmp_path)

    assert found == {
        name: [name]
        for name in ("nl/2019/crop-codes/a.csv", "nl/2019/practices/NA/n.csv", "nl/site.yaml", "nl/site.zip")
    }


def test_the_parts_of_a_shapefile_are_one_upload(tmp_path: Path) -> None:
    folder = tmp_path / "nl/2019/declarations"
    for name in ("p.shp", "p.shx", "P.DBF", "p.prj", "p.shp.xml", "q.zip", "lone.dbf"):
        _file(folder / name)
    prefix = "nl/2019/declarations/"

    assert _find(tmp_path) == {
        prefix + "p.shp": sorted(prefix + n for n in ("P.DBF", "p.prj", "p.shp", "p.shp.xml", "p.shx")),
        prefix + "q.zip": [prefix + "q.zip"],
        "?" + prefix + "lone.dbf": [],
    }


def test_a_safe_folder_is_one_upload_with_all_its_files(tmp_path: Path) -> None:
    safe = tmp_path / "nl/2019/scenes/more/S2A_MSIL2A_X.SAFE"
    for name in ("MTD_MSIL2A.xml", "GRANULE/a/IMG_DATA/B04.jp2"):
        _file(safe / name, "four")

    (unit,) = find_units(tmp_path)

    assert isinstance(unit, Unit)
    assert (unit.path, unit.place.kind) == (safe, Kind.SCENE)
    assert len(unit.files()) == 2
    fingerprint = unit.fingerprint()
    assert fingerprint is not None
    assert (fingerprint.size_bytes, fingerprint.n_files) == (8, 2)


def test_an_item_with_its_assets_is_one_upload(tmp_path: Path) -> None:
    folder = tmp_path / "nl/2019/scenes"
    _item(folder / "own/a.json", "./B04.tif", "sub/B08.tif", "https://example.org/x.tif", "../outside.tif")
    for name in ("own/B04.tif", "own/sub/B08.tif", "own/thumbnail.png"):
        _file(folder / name)
    _item(folder / "loose.json", "loose_B04.tif", "not-there-yet.tif")
    _file(folder / "loose_B04.tif")
    _file(folder / "S2B.SAFE.zip")
    _file(folder / "stray.tif")
    prefix = "nl/2019/scenes/"

    assert _find(tmp_path) == {
        prefix + "S2B.SAFE.zip": [prefix + "S2B.SAFE.zip"],
        prefix + "loose.json": [prefix + "loose.json", prefix + "loose_B04.tif"],
        prefix + "own/a.json": [prefix + "own/B04.tif", prefix + "own/a.json", prefix + "own/sub/B08.tif"],
        "?" + prefix + "stray.tif": [],
    }
    assert whole_of(folder / "own/a.json", tmp_path) == folder / "own"
    assert whole_of(folder / "loose.json", tmp_path) == folder / "loose.json"


def test_two_items_in_one_folder_are_two_uploads(tmp_path: Path) -> None:
    folder = tmp_path / "nl/2019/scenes/both"
    for name in "ab":
        _item(folder / f"{name}.json", f"{name}.tif")
        _file(folder / f"{name}.tif")

    assert set(_find(tmp_path)) == {"nl/2019/scenes/both/a.json", "nl/2019/scenes/both/b.json"}
    assert whole_of(folder / "a.json", tmp_path) == folder / "a.json"


def test_a_folder_of_images_waits_for_its_item(tmp_path: Path) -> None:
    folder = tmp_path / "nl/2019/scenes/a"
    _file(folder / "B04.tif")

    (stray,) = find_units(tmp_path)
    assert isinstance(stray, Misplaced)
    assert (stray.path, stray.may_become_whole) == (folder, True)

    _item(folder / "a.json", "B04.tif")
    (unit,) = find_units(tmp_path)
    assert isinstance(unit, Unit)


def test_a_scope_gives_the_same_as_the_whole(tmp_path: Path) -> None:
    for name in ("nl/site.zip", "nl/2019/scenes/a.zip", "nl/2019/crop-codes/b.csv", "bad name/2019/scenes/a"):
        _file(tmp_path / name)
    everything = _find(tmp_path)

    by_scope: dict[str, list[str]] = {}
    for name in ("nl/site.zip", "nl/2019/scenes/a.zip", "nl/2019/crop-codes/b.csv", "bad name/2019/scenes/a"):
        by_scope |= _find(tmp_path, scope_of(tmp_path / name, tmp_path))

    assert by_scope == everything
    assert "?bad name" in everything
    assert scope_of(tmp_path / "nl/2019/scenes/A.SAFE/x/y", tmp_path) == tmp_path / "nl/2019/scenes"
    assert _find(tmp_path, tmp_path / "nl/2019/scenes/rejected") == {}


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    def one(path: Path) -> Unit:
        unit = find_unit(path, tmp_path)
        assert unit is not None
        return unit

    scenes = tmp_path / "nl/2019/scenes"
    for name in ("a", "b"):
        _item(scenes / f"{name}/{name}.json", "B04.tif")
        _file(scenes / f"{name}/B04.tif", "pixels")
        _file(scenes / f"{name}.SAFE/MTD_MSIL2A.xml", "metadata")
        for suffix in (".shp", ".shx", ".dbf", ".prj"):
            _file(tmp_path / f"nl/2019/declarations/{name}{suffix}", suffix)
    pairs = [
        (scenes / "a/a.json", scenes / "b/b.json"),
        (scenes / "a.SAFE", scenes / "b.SAFE"),
        (tmp_path / "nl/2019/declarations/a.shp", tmp_path / "nl/2019/declarations/b.shp"),
    ]
    for first, second in pairs:
        assert one(first).content_hash() == one(second).content_hash()

    _file(scenes / "b/B04.tif", "other!")
    _file(tmp_path / "nl/2019/declarations/b.dbf", "other")
    for first, second in (pairs[0], pairs[2]):
        assert one(first).content_hash() != one(second).content_hash()


def test_a_registered_path_is_found_again(tmp_path: Path) -> None:
    safe = tmp_path / "nl/2019/scenes/deep/A.SAFE"
    _file(safe / "MTD_MSIL2A.xml")
    shapefile = _file(tmp_path / "nl/2019/declarations/x/p.shp")
    _file(shapefile.with_suffix(".dbf"))

    unit = find_unit(safe, tmp_path)
    assert unit is not None
    assert unit.parts == (safe,)
    unit = find_unit(shapefile, tmp_path)
    assert unit is not None
    assert set(unit.parts) == {shapefile, shapefile.with_suffix(".dbf")}
    assert find_unit(safe.with_name("B.SAFE"), tmp_path) is None


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """Be a user whom permissions stop, also where the tests run as root; gives a folder of that user."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        for parent, names, _ in os.walk(folder):
            for name in names:
                os.chmod(os.path.join(parent, name), 0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("mode", [0o444, 0o000])
@pytest.mark.parametrize(
    "closed", ["nl", "nl/2019", "nl/2019/scenes", "nl/2019/scenes/x", "nl/2019/practices"]
)
def test_a_closed_folder_is_answered_and_hides_no_other(plain_user: Path, closed: str, mode: int) -> None:
    names = ("nl/2019/scenes/x/a.zip", "nl/2019/scenes/b.zip", "nl/2019/practices/NA/n.csv", "at/site.zip")
    for name in names:
        _file(plain_user / name)
    (plain_user / closed).chmod(mode)

    things = list(find_units(plain_user))

    found = _names(things, plain_user)
    assert found == {"?" + closed: []} | {name: [name] for name in names if not name.startswith(closed + "/")}
    (misplaced,) = (thing for thing in things if isinstance(thing, Misplaced))
    assert "Permission denied" in misplaced.error.text()
    assert misplaced.may_become_whole
    # Whatever scope is looked at, nothing is raised.
    for name in names:
        for scope in (plain_user / name).parents:
            if scope.is_relative_to(plain_user):
                list(find_units(plain_user, scope))


@pytest.mark.parametrize("mode", [0o444, 0o000])
def test_a_scene_with_a_closed_folder_inside_is_not_taken_without_it(plain_user: Path, mode: int) -> None:
    safe = plain_user / "nl/2019/scenes/A.SAFE"
    _file(safe / "MTD_MSIL2A.xml")
    _file(safe / "GRANULE/a.jp2")
    (safe / "GRANULE").chmod(mode)
    (unit,) = find_units(plain_user)
    assert isinstance(unit, Unit)

    with pytest.raises(PermissionError):
        unit.fingerprint()
    with pytest.raises(PermissionError):
        unit.content_hash()


@pytest.mark.parametrize("href", ["closed/B04.tif", "x" * 300])
def test_an_asset_that_cannot_be_looked_at_is_not_there(plain_user: Path, href: str) -> None:
    item = _item(plain_user / "nl/2019/scenes/a.json", href)
    closed = _file(item.with_name("closed") / "B04.tif").parent
    closed.chmod(0)

    found = _find(plain_user)

    assert found == {"nl/2019/scenes/a.json": ["nl/2019/scenes/a.json"], "?nl/2019/scenes/closed": []}


def test_what_is_gone_just_now_has_no_fingerprint(tmp_path: Path) -> None:
    path = _file(tmp_path / "nl/2019/scenes/a.zip")
    (unit,) = find_units(tmp_path)
    assert isinstance(unit, Unit)
    path.unlink()

    assert unit.fingerprint() is None


def test_names_inside_need_not_be_utf8(tmp_path: Path) -> None:
    safe = tmp_path / "nl/2019/scenes/A.SAFE"
    _file(safe / "MTD_MSIL2A.xml")
    (unit,) = find_units(tmp_path)
    assert isinstance(unit, Unit)
    hashes = {unit.content_hash()}
    for name in (b"\xe4", b"\xf6"):
        with open(os.fsencode(safe) + b"/" + name, "wb"):
            hashes.add(unit.content_hash())
        os.unlink(os.fsencode(safe) + b"/" + name)

    assert len(hashes) == 3


def test_an_absurdly_nested_item_hides_no_other(tmp_path: Path) -> None:
    _file(tmp_path / "nl/2019/scenes/a.json", "[" * 200_000)
    _file(tmp_path / "nl/2019/scenes/b.zip")

    assert set(_find(tmp_path)) == {"nl/2019/scenes/a.json", "nl/2019/scenes/b.zip"}
