"""One way in for all scene formats."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Literal

from sen4cap_core.errors import BadUploadError
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import match_product
from sen4cap_core.scenes.landsat.metadata import is_landsat_metadata
from sen4cap_core.scenes.landsat.product import is_landsat_name, open_landsat
from sen4cap_core.scenes.maja.product import is_maja_metadata, is_maja_name, open_maja
from sen4cap_core.scenes.sentinel2.s2_safe import L1C_METADATA, PRODUCT_METADATA, open_safe
from sen4cap_core.scenes.stac.stac_item import MAX_ITEM_BYTES, is_item, open_stac_item

OpticalKind = Literal["safe", "maja", "landsat"]
MAX_MEMBERS_LOOKED_AT = 1000


def open_scenes(path: Path) -> list[Scene]:
    """Open what was dropped: a folder or archive of Sentinel-2, MAJA or Landsat, or a STAC item JSON.

    Raises
    ------
    UnreadableSceneError
        The scene is incomplete, damaged or contradicts itself.
    BadUploadError
        It is no scene, or one of another kind (Level-1, another satellite).
    UnsafeArchiveError
        The archive is not safe to read.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    kind = optical_kind(path)
    if kind == "maja":
        return open_maja(path)
    if kind == "landsat":
        return open_landsat(path)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return open_safe(path)
    if path.suffix.lower() in (".json", ".geojson"):
        return [open_stac_item(path)]
    raise BadUploadError(
        path,
        "this is not a scene.",
        expected="a Sentinel-2 Level-2A .SAFE folder or its zip, a MAJA product (folder or zip), a Landsat "
        "Collection 2 Level-2 product (folder or .tar), or a STAC item JSON with its assets beside it",
    )


def looks_like_scene(path: Path) -> bool:
    """Whether a file or folder is meant as a scene, told from its name or a glance inside; never raises.

    True also for scenes that are damaged or of the wrong level, so that they are refused with a reason. A
    folder that holds a STAC item is not itself a scene; the item's JSON file is.
    """
    try:
        if optical_kind(path) is not None:
            return True
        return path.suffix.lower() in (".json", ".geojson") and path.is_file() and _is_item_file(path)
    except OSError:
        return False


def optical_kind(path: Path) -> OpticalKind | None:
    """Whose optical product a folder or archive is, told from a glance inside, else from its name.

    None where it is none of these. Raises OSError where it cannot be looked at.
    """
    if path.is_dir():
        names = [child.name for child in path.iterdir()]
    else:
        if path.suffix.lower() not in (".zip", ".tar"):
            return None
        names = _member_names(path)
    for name in names:
        if name in (PRODUCT_METADATA, L1C_METADATA):
            return "safe"
        if is_landsat_metadata(name):
            return "landsat"
        if is_maja_metadata(name):
            return "maja"
    if is_maja_name(path.name):
        return "maja"
    if is_landsat_name(path.name):
        return "landsat"
    upper = path.name.upper()
    is_safe = upper.endswith(".SAFE") if path.is_dir() else upper.endswith(".SAFE.ZIP")
    if is_safe or (path.suffix.lower() == ".zip" and match_product(path.name)):
        return "safe"
    return None


def _member_names(archive: Path) -> list[str]:
    """Last parts of the names in an archive; of a tar only those before the first that cannot be read."""
    try:
        if archive.suffix.lower() == ".tar":
            names = _tar_names(archive)
        else:
            with zipfile.ZipFile(archive) as opened:
                names = opened.namelist()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError):
        return []
    return [PurePosixPath(name.replace("\\", "/")).name for name in names]


def _tar_names(archive: Path) -> list[str]:
    names = []
    with tarfile.open(archive, "r:") as opened:
        try:
            for member in opened:
                names.append(member.name)
                if len(names) >= MAX_MEMBERS_LOOKED_AT:
                    break
        except (tarfile.TarError, EOFError):
            pass
    return names


def _is_item_file(path: Path) -> bool:
    if path.stat().st_size > MAX_ITEM_BYTES:
        return False
    try:
        return is_item(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        return False
