"""What was dropped into a folder of another kind: satellite products among tables, parcels among scenes."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from sen4cap_core.declarations.vectors.vector_packs import FORMATS
from sen4cap_core.errors import OtherKindError
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.scenes.radar.s1_reading import looks_like_radar
from sen4cap_core.scenes.reading import looks_like_scene, optical_kind
from sen4cap_core.sentinel1.product import is_product

_OPTICAL = {"safe": "Sentinel-2", "maja": "MAJA", "landsat": "Landsat"}
_ARCHIVES = (".zip", ".tar")
_VECTORS = tuple(ending for ending in FORMATS if ending != ".json")
"""Without .json, which is a STAC item as well."""


def satellite_product(path: Path) -> str | None:
    """Name the satellite product that a folder or archive is, by a glance inside; None for all else.

    Never raises: of what cannot be looked at nothing is known.
    """
    is_folder = path.is_dir()
    if not is_folder and path.suffix.lower() not in _ARCHIVES:
        return None
    # Before the optical ones: to them any .SAFE is one of Sentinel-2.
    if is_product(path) or (is_folder and path.name.upper().startswith("S1") and _is_safe(path)):
        return "Sentinel-1"
    if looks_like_scene(path):
        return _OPTICAL[optical_kind(path) or "safe"]
    return "radar" if not is_folder and looks_like_radar(path) else None


def refuse_satellite_product(path: Path, kind: str, site: str, year: int) -> None:
    """Raise OtherKindError where a drop of another kind than scenes is a satellite product."""
    product = None if kind == Kind.SCENE else satellite_product(path)
    if product is not None:
        raise OtherKindError(
            path,
            f"this is a {product} product, no file of the kind {str(kind)!r}.",
            remedy=f"drop it, whole and under its own name, into {site}/{year or '<year>'}/scenes.",
        )


def refuse_parcels(path: Path, site: str, year: int) -> None:
    """Raise OtherKindError where a zip among the scenes holds a vector file and no satellite product."""
    if path.suffix.lower() != ".zip" or satellite_product(path) is not None:
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name.replace("\\", "/")) for name in archive.namelist()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        # Whoever opens it says what is wrong.
        return
    vectors = [name.name for name in names if is_vector(name.name) and "__MACOSX" not in name.parts]
    if vectors:
        raise OtherKindError(
            path,
            f"this zip holds a vector file ({vectors[0]}) and no satellite product.",
            remedy=f"drop it where it belongs: declared parcels into {site}/{year}/declarations, strata into "
            f"{site}/{year}/strata.",
        )


def is_vector(name: str) -> bool:
    """Whether a file is a vector layer, by its ending; JSON, which may be a STAC item, is not counted."""
    return name.lower().endswith(_VECTORS)


def _is_safe(path: Path) -> bool:
    return path.name.upper().endswith(".SAFE")
