"""One way in for all scene formats."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path, PurePosixPath

from sen4cap_core.errors import BadUploadError
from sen4cap_core.scenes.model import Scene
from sen4cap_core.scenes.s2_names import match_product
from sen4cap_core.scenes.s2_safe import L1C_METADATA, PRODUCT_METADATA, open_safe
from sen4cap_core.scenes.stac_item import MAX_ITEM_BYTES, is_item, open_stac_item


def open_scenes(path: Path) -> list[Scene]:
    """Open what was dropped: a ``.SAFE`` folder, a zip of one, or a STAC item JSON.

    Raises
    ------
    UnreadableSceneError
        The scene is incomplete, damaged or contradicts itself.
    BadUploadError
        It is no scene, or one of another kind (Level-1C, another satellite).
    UnsafeArchiveError
        The zip is not safe to read.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return open_safe(path)
    if path.suffix.lower() in (".json", ".geojson"):
        return [open_stac_item(path)]
    raise BadUploadError(
        path,
        "this is not a scene.",
        expected="a Sentinel-2 Level-2A .SAFE folder, its zip, or a STAC item JSON with its assets beside it",
    )


def looks_like_scene(path: Path) -> bool:
    """Whether a file or folder is meant as a scene, told from its name or a glance inside; never raises.

    True also for scenes that are damaged or of the wrong level, so that they are refused with a reason. A
    folder that holds a STAC item is not itself a scene; the item's JSON file is.
    """
    try:
        if path.is_dir():
            return path.name.upper().endswith(".SAFE") or any(
                (path / name).is_file() for name in (PRODUCT_METADATA, L1C_METADATA)
            )
        suffix = path.suffix.lower()
        if suffix == ".zip":
            return _is_safe_zip(path)
        return suffix in (".json", ".geojson") and _is_item_file(path)
    except OSError:
        return False


def _is_safe_zip(path: Path) -> bool:
    if path.name.upper().endswith(".SAFE.ZIP") or match_product(path.name):
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(
                PurePosixPath(name.replace("\\", "/")).name in (PRODUCT_METADATA, L1C_METADATA)
                for name in archive.namelist()
            )
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _is_item_file(path: Path) -> bool:
    if path.stat().st_size > MAX_ITEM_BYTES:
        return False
    try:
        return is_item(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        return False
