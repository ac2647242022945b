"""One way in for all ready-made radar products."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.scenes.files.product_files import open_whole_zip
from sen4cap_core.scenes.radar.s1_cslc import match_cslc, open_cslc_pair
from sen4cap_core.scenes.radar.s1_dimap import (
    is_dimap,
    lacking_of_dimap,
    open_dimap,
    open_packed_dimaps,
    packed_dimaps,
)
from sen4cap_core.scenes.radar.s1_files import group_files, open_loose, open_packed
from sen4cap_core.scenes.radar.s1_model import RadarDefaults, RadarScene
from sen4cap_core.scenes.radar.s1_names import match_radar
from sen4cap_core.scenes.radar.s1_raster import read_tiff_header
from sen4cap_core.scenes.radar.s1_stac import is_radar_item, lacking_assets, open_radar_item
from sen4cap_core.scenes.stac.stac_item import MAX_ITEM_BYTES, is_item, load_item

TIFF_SUFFIXES = (".tif", ".tiff")
_ITEM_SUFFIXES = (".json", ".geojson")


def open_radar(path: Path, defaults: RadarDefaults | None = None) -> list[RadarScene]:
    """Open what was dropped: a named GeoTIFF (with those of its product beside it), a zip, a STAC
    item, a SNAP ``.dim``, the later of two OPERA CSLC files.

    Parameters
    ----------
    defaults : what site.yaml says of products that do not say it themselves

    Raises
    ------
    UnreadableSceneError
        The product is incomplete, damaged or contradicts itself, or its scale is not known.
    BadUploadError
        It is no radar product we know.
    UnsafeArchiveError
        The zip is not safe to read.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    defaults = defaults or RadarDefaults()
    suffix = path.suffix.lower()
    if suffix == ".zip":
        files = open_whole_zip(path)
        return [*open_packed(files, defaults), *open_packed_dimaps(files, defaults)]
    if suffix in _ITEM_SUFFIXES:
        return [open_radar_item(path, defaults)]
    if suffix in TIFF_SUFFIXES:
        return open_loose(path, defaults)
    if is_dimap(path):
        return open_dimap(path, defaults)
    if match_cslc(path.name):
        return [open_cslc_pair(path)]
    raise BadUploadError(path, "this is no radar product.")


def looks_like_radar(path: Path) -> bool:
    """Whether a file is meant as a ready-made radar product; told from names, never raises.

    True also for damaged ones, so that they are refused with a reason.
    """
    try:
        suffix = path.suffix.lower()
        if suffix in TIFF_SUFFIXES:
            return path.is_file() and _is_named(path.name)
        if is_dimap(path) or match_cslc(path.name):
            return path.is_file()
        if suffix == ".zip":
            return path.is_file() and _is_radar_zip(path)
        if suffix in _ITEM_SUFFIXES and path.is_file() and path.stat().st_size <= MAX_ITEM_BYTES:
            document = json.loads(path.read_bytes())
            return is_item(document) and is_radar_item(document)
    except (OSError, ValueError, RecursionError):
        return False
    return False


def lacking_of_radar(path: Path) -> list[str]:
    """Return what a radar product still waits for, in words; empty where it is whole or never will be."""
    suffix = path.suffix.lower()
    if suffix in _ITEM_SUFFIXES:
        return lacking_assets(path, load_item(path))
    if is_dimap(path):
        return lacking_of_dimap(path)
    if suffix not in TIFF_SUFFIXES:
        return []
    names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    members = next(
        (g.files.values() for g in group_files(names) if path.name in g.files.values()), [path.name]
    )
    lacking = []
    for name in sorted(members):
        file = path.parent / name
        try:
            with file.open("rb") as handle:
                read_tiff_header(str(file), file.stat().st_size, handle.read(4))
        except ValueError as error:
            # What a longer wait does not mend is said when it is opened.
            if any(word in str(error) for word in ("cut short", "empty", "cannot be opened")):
                lacking.append(f"{name}: {error}")
    return lacking


def _is_named(name: str) -> bool:
    try:
        return match_radar(name) is not None
    except ValueError:
        return True


def _is_radar_zip(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.replace("\\", "/") for name in archive.namelist()]
            return any(_is_named(Path(name).name) for name in names) or bool(packed_dimaps(names))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
