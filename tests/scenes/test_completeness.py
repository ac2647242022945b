"""Scenes that are still being copied."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sen4cap_core.scenes.completeness import check_completeness
from sen4cap_core.simulation.optical.safe_product import tile_scene
from tests.scenes.stac_items import plain_item


def test_a_whole_scene_is_complete(tmp_path: Path) -> None:
    for path in (tile_scene(tmp_path), tile_scene(tmp_path, as_zip=True), plain_item(tmp_path / "item")):
        answer = check_completeness(path)
        assert answer.is_complete, answer
        assert answer.is_usable


def test_a_folder_becomes_complete_with_its_last_file(tmp_path: Path) -> None:
    source = tile_scene(tmp_path / "source", {"B02": 0.1, "B04": 0.1, "B08": 0.3})
    target = tmp_path / source.name
    files = sorted(p for p in source.rglob("*") if p.is_file())
    target.mkdir()

    for path in files:
        assert not check_completeness(target).is_complete
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        half = path.read_bytes()[: path.stat().st_size // 2]
        copy.write_bytes(half)
        if path.name != "manifest.safe":  # nothing is read of it
            assert not check_completeness(target).is_complete
        shutil.copyfile(path, copy)
    assert check_completeness(target).is_complete


def test_what_lacks_is_named(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    next(folder.rglob("*_B08_10m.jp2")).unlink()
    (folder / "manifest.safe").unlink()

    answer = check_completeness(folder)

    assert not answer.is_usable
    assert [text.rsplit("/", 1)[-1] for text in answer.lacking] == [
        "T30TUM_20190616T110621_B08_10m.jp2: it is missing"
    ]
    assert answer.lacking_extras == ["manifest.safe: it is missing"]


def test_a_copy_that_will_not_be_read_does_not_make_it_unusable(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    product = folder / "MTD_MSIL2A.xml"
    text = product.read_text()
    line = next(line for line in text.splitlines() if "_B04_10m" in line)
    product.write_text(text.replace(line, line + "\n" + line.replace("10m", "60m")))

    answer = check_completeness(folder)

    assert answer.is_usable
    assert not answer.is_complete


def test_a_cut_zip_is_incomplete(tmp_path: Path) -> None:
    path = tile_scene(tmp_path, as_zip=True)
    content = path.read_bytes()

    for share in (0.0, 0.3, 0.99):
        path.write_bytes(content[: int(len(content) * share)])
        assert not check_completeness(path).is_usable


@pytest.mark.parametrize("file", ["B04.tif", "B08.tif", "SCL.tif"])
def test_an_item_waits_for_its_assets(tmp_path: Path, file: str) -> None:
    path = plain_item(tmp_path)
    content = (tmp_path / file).read_bytes()

    (tmp_path / file).unlink()
    assert check_completeness(path).lacking == [f"{'' if file == 'SCL.tif' else './'}{file}: it is missing"]
    (tmp_path / file).write_bytes(content[:-300])
    assert not check_completeness(path).is_usable
    (tmp_path / file).write_bytes(content)
    assert check_completeness(path).is_complete


def test_an_item_can_do_without_its_aerosol_map(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    item = json.loads(path.read_text())
    item["assets"]["aot"] = {"href": "AOT.tif"}
    path.write_text(json.dumps(item))

    answer = check_completeness(path)

    assert (answer.is_usable, answer.lacking_extras) == (True, ["AOT.tif: it is missing"])


def test_half_a_json_is_incomplete(tmp_path: Path) -> None:
    path = plain_item(tmp_path)
    path.write_text(path.read_text()[:-10])

    assert not check_completeness(path).is_complete


def test_waiting_does_not_mend_a_wrong_level(tmp_path: Path) -> None:
    folder = tmp_path / "S2A_MSIL1C_20200717T221941_N0209_R029_T01LAC_20200717T234135.SAFE"
    folder.mkdir()
    (folder / "MTD_MSIL1C.xml").write_text("<a/>")

    assert check_completeness(folder).is_complete
