"""The answers beside the drops; nothing dropped is ever deleted or altered."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.files import content_hash
from sen4cap_core.inbox import receipts, transfer
from sen4cap_core.inbox.layout import Misplaced, place_of
from sen4cap_core.inbox.receipts import (
    Receipt,
    has_receipt,
    reject,
    sweep_misplaced,
    write_misplaced,
    write_receipt,
)
from sen4cap_core.inbox.units import find_units
from sen4cap_core.settings import Settings

ITEM = {"type": "Feature", "stac_version": "1.1.0", "id": "a", "properties": {}}


def _file(path: Path, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def _receipt(path: Path) -> Receipt:
    return Receipt(
        upload_id=1,
        file=path.name,
        kind="declarations",
        site="nl",
        year=2019,
        sha256="00",
        size_bytes=1,
        taken_for="declared parcels",
        stored={"parcels": 3},
        warnings=[Problem("code 7 is not in the table", row=4, column="CROP")],
        details={"columns": [{"role": "parcel id", "column": "ID"}]},
    )


def _error(path: Path, what: str = "the shapefile has no .prj.") -> BadUploadError:
    return BadUploadError(path, what, expected="a .prj", remedy="export it again.")


def _contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder but our answers."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith((".receipt.json", ".error.txt"))
    }


def test_a_receipt_stands_beside_the_file(settings: Settings, root: Path) -> None:
    path = _file(root / "nl/2019/declarations/parcels ä.zip")
    assert not has_receipt(settings, path)

    written = write_receipt(settings, path, _receipt(path))

    assert written == path.with_name("parcels ä.zip.receipt.json")
    assert has_receipt(settings, path)
    content = json.loads(written.read_text(encoding="utf-8"))
    assert content["schema_version"] == 1
    assert content["warnings"] == [{"text": "code 7 is not in the table", "row": 4, "column": "CROP"}]
    assert content["stored"] == {"parcels": 3}
    assert Receipt.model_validate(content).received_at.utcoffset() is not None
    assert path.read_text() == "x"
    assert sorted(os.listdir(path.parent)) == [path.name, written.name]


def test_the_receipt_of_a_folder_stands_beside_the_folder(settings: Settings, root: Path) -> None:
    scenes = root / "nl/2019/scenes"
    _file(scenes / "A.SAFE/MTD_MSIL2A.xml")
    item = _file(scenes / "b/b.json", json.dumps(ITEM | {"assets": {}}))

    assert write_receipt(settings, scenes / "A.SAFE", _receipt(item)).name == "A.SAFE.receipt.json"
    assert write_receipt(settings, item, _receipt(item)) == scenes / "b.receipt.json"
    assert [path.name for path in (scenes / "b").iterdir()] == ["b.json"]
    assert len(list(find_units(root))) == 2


def test_a_rejected_file_moves_with_the_reason_beside_it(settings: Settings, root: Path) -> None:
    path = _file(root / "nl/2019/declarations/sub/parcels.zip", "wrong")
    os.utime(path, ns=(1, 1_500_000_000_000_000_000))

    moved = reject(settings, path, _error(path))

    assert moved == root / "nl/2019/declarations/rejected/parcels.zip"
    assert not path.exists()
    assert moved.read_text() == "wrong"
    assert moved.stat().st_mtime_ns == 1_500_000_000_000_000_000
    text = moved.with_name("parcels.zip.error.txt").read_text(encoding="utf-8")
    assert text.startswith("parcels.zip: the shapefile has no .prj.\nExpected: a .prj\nWhat to do: export")
    assert "Dropped as declarations/sub/parcels.zip, rejected " in text
    assert list(find_units(root)) == []
    assert place_of(moved, root) is None


def test_site_files_are_rejected_within_the_site(settings: Settings, root: Path) -> None:
    path = _file(root / "nl/site.yaml")
    assert reject(settings, path, _error(path)) == root / "nl/rejected/site.yaml"


def test_rejected_again_it_gets_a_number(settings: Settings, root: Path) -> None:
    folder = root / "nl/2019/scenes"
    names = []
    for content in ("one", "two", "three"):
        path = _file(folder / "S2A.SAFE.zip", content)
        names.append(reject(settings, path, _error(path, f"fault {content}")).name)

    assert names == ["S2A.SAFE.zip", "S2A-2.SAFE.zip", "S2A-3.SAFE.zip"]
    for name, content in zip(names, ("one", "two", "three"), strict=True):
        assert (folder / "rejected" / name).read_text() == content
        assert f"fault {content}" in (folder / "rejected" / f"{name}.error.txt").read_text()


def test_a_shapefile_is_rejected_with_its_parts(settings: Settings, root: Path) -> None:
    folder = root / "nl/2019/declarations"
    for _ in range(2):
        for name in ("p.shp", "p.shx", "p.dbf", "other.gpkg"):
            _file(folder / name, name)
        moved = reject(settings, folder / "p.shp", _error(folder / "p.shp"))

    assert moved.name == "p-2.shp"
    assert _contents(folder) == {
        "other.gpkg": b"other.gpkg",
        **{
            f"rejected/p{number}{suffix}": f"p{suffix}".encode()
            for number in ("", "-2")
            for suffix in (".shp", ".shx", ".dbf")
        },
    }


def test_an_item_is_rejected_with_its_folder(settings: Settings, root: Path) -> None:
    scenes = root / "nl/2019/scenes"
    item = _file(scenes / "a/a.json", json.dumps(ITEM | {"assets": {"red": {"href": "B04.tif"}}}))
    _file(scenes / "a/B04.tif", "pixels")
    _file(scenes / "a/thumbnail.png", "picture")
    before = _contents(scenes / "a")

    moved = reject(settings, item, _error(item))

    assert moved == scenes / "rejected/a/a.json"
    assert _contents(scenes / "rejected/a") == before
    assert not (scenes / "a").exists()
    assert (scenes / "rejected/a.error.txt").exists()


def test_a_loose_item_leaves_what_another_one_needs(settings: Settings, root: Path) -> None:
    scenes = root / "nl/2019/scenes"
    for name in "ab":
        assets = {"red": {"href": f"{name}.tif"}, "scl": {"href": "shared.tif"}}
        _file(scenes / f"{name}.json", json.dumps(ITEM | {"assets": assets}))
        _file(scenes / f"{name}.tif")
    _file(scenes / "shared.tif")

    reject(settings, scenes / "a.json", _error(scenes / "a.json"))

    assert sorted(_contents(scenes)) == ["b.json", "b.tif", "rejected/a.json", "rejected/a.tif", "shared.tif"]


def test_a_rejection_interrupted_after_the_move_is_completed(settings: Settings, root: Path) -> None:
    for name in ("nl/2019/declarations/p.zip", "nl/2019/scenes/a/a.json"):
        path = _file(root / name, json.dumps(ITEM | {"assets": {}}))
        moved = reject(settings, path, _error(path))
        # The process dies before the database knows; the job is taken up again.
        assert reject(settings, path, _error(path)) == moved
        assert moved.exists()
    # Somebody took the file away: there is nothing to move.
    gone = root / "nl/2019/declarations/gone.zip"
    assert reject(settings, gone, _error(gone)) == gone


def test_a_rejection_interrupted_before_the_move_is_completed(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(root / "nl/2019/declarations/p.zip")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "move", killed)
        with pytest.raises(KeyboardInterrupt):
            reject(settings, path, _error(path))
    assert path.exists()

    assert reject(settings, path, _error(path)).name == "p.zip"


def test_a_file_that_was_corrected_meanwhile_stays(settings: Settings, root: Path) -> None:
    path = _file(root / "nl/site.yaml", "wrong")
    looked_at = content_hash(path)
    _file(path, "corrected")

    assert reject(settings, path, _error(path), sha256=looked_at) == path
    assert path.read_text() == "corrected"
    assert reject(settings, path, _error(path), sha256=content_hash(path)) != path


def test_in_a_read_only_folder_the_answers_go_to_the_data_folder(
    settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(root / "nl/2019/declarations/p.zip")
    real = Path.mkdir

    def refuse(self: Path, *arguments: object, **options: object) -> None:
        if self.is_relative_to(root):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))
        real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", refuse)
    shutil.rmtree(path.parent / "rejected", ignore_errors=True)

    assert reject(settings, path, _error(path)) == path
    write_receipt(settings, path, _receipt(path))

    aside = settings.data / "receipts/nl/2019/declarations"
    assert path.read_text() == "x"
    assert "no .prj" in (aside / "p.zip.error.txt").read_text()
    assert json.loads((aside / "p.zip.receipt.json").read_text())["upload_id"] == 1
    assert has_receipt(settings, path)


def test_a_full_disk_is_no_rejection(settings: Settings, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(root / "nl/2019/declarations/p.zip")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(receipts, "write_text_atomic", full)
    with pytest.raises(OSError, match="No space"):
        reject(settings, path, _error(path))
    assert path.exists()


@pytest.mark.parametrize("is_folder", [False, True])
def test_between_devices_the_original_goes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_folder: bool
) -> None:
    source = tmp_path / "a"
    _file(source / "b/c" if is_folder else source, "content")
    before = content_hash(source)
    real = Path.rename

    def across(self: Path, target: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", across)
    (tmp_path / "other").mkdir()

    transfer.move(source, tmp_path / "other/a")

    assert not source.exists()
    assert content_hash(tmp_path / "other/a") == before
    assert os.listdir(tmp_path / "other") == ["a"]


def test_a_move_never_overwrites(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        transfer.move(_file(tmp_path / "a", "1"), _file(tmp_path / "b", "2"))
    assert (tmp_path / "b").read_text() == "2"


def test_a_note_beside_a_misplaced_file_comes_and_goes(settings: Settings, root: Path) -> None:
    path = _file(root / "parcels.zip")
    other = _file(root / "nl/whatever.txt")
    place, other_place = place_of(path, root), place_of(other, root)
    assert isinstance(place, Misplaced)
    assert isinstance(other_place, Misplaced)

    note = write_misplaced(settings, place)
    assert note == root / "parcels.zip.error.txt"
    assert write_misplaced(settings, place) is None
    assert write_misplaced(settings, other_place) is not None
    rejected = _file(root / "nl/2019/crop-codes/x.csv")
    kept = reject(settings, rejected, _error(rejected))
    kept.unlink()
    theirs = _file(root / "nl/notes.error.txt", "somebody's own")

    assert sweep_misplaced(settings, {path, other}) == []
    path.unlink()
    assert sweep_misplaced(settings, {other}) == [note]
    assert theirs.exists()
    assert kept.with_name("x.csv.error.txt").exists()
