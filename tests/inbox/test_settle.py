"""When a drop counts as arrived."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from sen4cap_core.inbox.settle import Settler, completeness_of
from sen4cap_core.inbox.units import Fingerprint, Unit, find_unit
from sen4cap_core.scenes.completeness import Completeness


def _unit(root: Path, name: str, content: bytes = b"content") -> Unit:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    unit = find_unit(path, root)
    assert unit is not None
    return unit


def _print(size: int) -> Fingerprint:
    return Fingerprint(size, size, 1)


def test_a_growing_file_is_not_taken(tmp_path: Path) -> None:
    unit = _unit(tmp_path, "nl/2019/crop-codes/a.csv")
    settler = Settler(1.0)

    assert settler.look(unit, _print(1), 0.0) == "just arrived"
    assert settler.look(unit, _print(2), 0.9) == "still growing"
    assert settler.look(unit, _print(3), 1.8) == "still growing"
    assert settler.look(unit, _print(3), 2.7) == "just arrived"
    assert settler.look(unit, _print(3), 3.0) is None


def test_an_incomplete_drop_waits_longer_and_is_taken_in_the_end(tmp_path: Path) -> None:
    unit = _unit(tmp_path, "nl/2019/scenes/a.zip")
    checks: list[Unit] = []

    def check(unit: Unit) -> Completeness:
        checks.append(unit)
        return Completeness(lacking=["B04.jp2: it is missing"])

    settler = Settler(1.0, check=check)
    settler.look(unit, _print(1), 0.0)
    assert settler.look(unit, _print(1), 2.0) == "incomplete, waiting for the rest: B04.jp2: it is missing"
    assert settler.look(unit, _print(1), 59.0) is not None
    assert settler.look(unit, _print(1), 60.0) is None
    # While nothing changes the files are looked into once.
    assert len(checks) == 1
    settler.look(unit, _print(2), 61.0)
    assert settler.look(unit, _print(2), 62.0) is not None
    assert len(checks) == 2


def test_a_scene_that_lacks_only_extras_waits_a_little(tmp_path: Path) -> None:
    unit = _unit(tmp_path, "nl/2019/scenes/a.zip")
    settler = Settler(1.0, check=lambda _: Completeness(lacking_extras=["manifest.safe: it is missing"]))

    settler.look(unit, _print(1), 0.0)
    assert settler.look(unit, _print(1), 9.9) is not None
    assert settler.look(unit, _print(1), 10.0) is None


def test_a_forgotten_drop_settles_anew(tmp_path: Path) -> None:
    unit = _unit(tmp_path, "nl/2019/crop-codes/a.csv")
    settler = Settler(1.0)
    for forget in (lambda: settler.forget(unit.path), lambda: settler.keep_only(set())):
        settler.look(unit, _print(1), 0.0)
        forget()
        assert settler.look(unit, _print(1), 5.0) == "just arrived"
        settler.forget(unit.path)


def _zip(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("parcels.shp", "0" * 5000)
    return path.read_bytes()


def _geopackage(path: Path) -> bytes:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE a (b)")
        connection.executemany("INSERT INTO a VALUES (?)", [("x" * 500,)] * 100)
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("p.zip", _zip),
        ("p.gpkg", _geopackage),
        ("p.parquet", lambda _: b"PAR1" + b"0" * 1000 + b"PAR1"),
        ("p.geojson", lambda _: json.dumps({"type": "FeatureCollection", "features": []}).encode() + b"\n"),
        ("p.csv", lambda _: b"a;b\n"),
    ],
)
def test_half_a_file_is_told_from_a_whole_one(tmp_path: Path, name: str, make) -> None:  # type: ignore[no-untyped-def]
    whole = make(tmp_path / "made")
    folder = "nl/2019/declarations/"

    assert not completeness_of(_unit(tmp_path, folder + name, whole)).lacking
    if name != "p.csv":
        for n_bytes in (len(whole) // 2, len(whole) - 3):
            assert completeness_of(_unit(tmp_path, folder + name, whole[:n_bytes])).lacking, n_bytes
        # Some copiers reserve the space first, which is filled with zeros then.
        if name != "p.gpkg":
            reserved = whole[: len(whole) // 2].ljust(len(whole), b"\0")
            assert completeness_of(_unit(tmp_path, folder + name, reserved)).lacking
    assert completeness_of(_unit(tmp_path, folder + name, b"")).lacking


def test_a_shapefile_waits_for_its_parts(tmp_path: Path) -> None:
    folder = "nl/2019/declarations/"
    unit = _unit(tmp_path, folder + "p.shp")
    assert completeness_of(unit).lacking == ["the .shx, .dbf, .prj of the shapefile"]
    for suffix in (".shx", ".dbf", ".prj"):
        _unit(tmp_path, folder + f"p{suffix}")
    again = find_unit(unit.path, tmp_path)
    assert again is not None
    assert not completeness_of(again).lacking


def test_a_safe_folder_waits_for_its_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "nl/2019/scenes/S2A.SAFE"
    (folder / "GRANULE").mkdir(parents=True)
    unit = find_unit(folder, tmp_path)
    assert unit is not None
    assert completeness_of(unit).lacking == ["MTD_MSIL2A.xml: it is missing"]


def test_what_cannot_be_judged_is_taken_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = _unit(tmp_path, "nl/2019/scenes/a.zip")

    def fail(_: Path) -> Completeness:
        raise RecursionError("nested too deeply")

    monkeypatch.setattr("sen4cap_core.inbox.settle.check_completeness", fail)

    assert completeness_of(unit).is_complete
