"""Which reader takes what."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.scenes.reading import looks_like_scene, open_scenes
from sen4cap_core.simulation.optical.safe_product import tile_scene


def test_scenes_are_recognised_by_name_or_content(tmp_path: Path) -> None:
    folder = tile_scene(tmp_path)
    unnamed = folder.rename(tmp_path / "unnamed")
    packed = tile_scene(tmp_path, as_zip=True, name="x").rename(tmp_path / "x.zip")
    named = tmp_path / "S2A_MSIL2A_20190616T110621_N0510_R137_T30TUM_20190616T140621.zip"
    named.write_bytes(b"cut")

    assert looks_like_scene(unnamed)
    assert looks_like_scene(packed)
    assert looks_like_scene(named)
    assert open_scenes(unnamed)[0].tile == "30TUM"
    assert open_scenes(packed)[0].tile == "30TUM"


def test_other_things_are_not_scenes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with zipfile.ZipFile(tmp_path / "declarations.zip", "w") as archive:
        archive.writestr("parcels.shp", b"")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    (tmp_path / "map.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "notes.txt").write_text("x")

    for path in tmp_path.iterdir():
        assert not looks_like_scene(path), path
    assert not looks_like_scene(tmp_path / "absent.zip")
    with pytest.raises(BadUploadError, match="not a scene"):
        open_scenes(tmp_path / "notes.txt")
    with pytest.raises(BadUploadError, match="not a STAC item"):
        open_scenes(tmp_path / "map.geojson")
    with pytest.raises(UnreadableSceneError, match="MTD_MSIL2A"):
        open_scenes(tmp_path / "declarations.zip")
    with pytest.raises(FileNotFoundError):
        open_scenes(tmp_path / "absent.SAFE")
