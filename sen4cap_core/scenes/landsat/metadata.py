"""What the metadata file of a Landsat Collection 2 product (``*_MTL.xml``, ``.json`` or ``.txt``) says.

All three hold the same sections of the same fields (USGS, Landsat 8-9 Collection 2 Level 2 Science Product
Guide, LSDS-1619).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from shapely import Polygon

from sen4cap_core.scenes.acquisition.footprints import split_at_antimeridian
from sen4cap_core.scenes.acquisition.xml_fields import instant, number, unreadable
from sen4cap_core.xmlsafe import local_name, parse_xml

Sections = Mapping[str, Mapping[str, str]]

REFLECTANCE_BANDS = (1, 2, 3, 4, 5, 6, 7)
BAND_NAMES: Final = {1: "B01", 2: "B02", 3: "B03", 4: "B04", 5: "B08", 6: "B11", 7: "B12"}
"""Landsat band -> the Sentinel-2 band whose place it takes. There are no red edge bands: what needs B05,
B06, B07 or B8A cannot be computed."""

_METADATA = re.compile(r"^L[A-Z]\d\d_.+_MTL\.(xml|json|txt)$", re.IGNORECASE)
_TEXT_FIELD = re.compile(r'^\s*(\w+)\s*=\s*"?(.*?)"?\s*$')


@dataclass(frozen=True)
class LandsatMetadata:
    """Facts of one product."""

    product_id: str
    level: str
    """``L2SP``, ``L2SR``, ``L1TP``, ..."""
    collection: str
    platform: str
    """``L8``, ``L9``, ..."""
    path_row: str
    """WRS-2 path and row, ``198030``."""
    acquired_at: datetime
    generated_at: datetime | None
    tier: str
    utm_zone: int
    n_rows: int
    n_columns: int
    files: dict[int, str]
    """Band number -> file of surface reflectance; of Level 1 that of the top of the atmosphere."""
    pixel_quality: str | None
    saturation: str | None
    scale: dict[int, float]
    offset: dict[int, float]
    sun_zenith_deg: float | None
    sun_azimuth_deg: float | None
    footprint_wkt: str | None


def is_landsat_metadata(name: str) -> bool:
    """Whether a file of this name marks a Landsat product."""
    return _METADATA.match(name) is not None


def read_landsat_metadata(content: bytes, file: str) -> LandsatMetadata:
    """Parse the metadata.

    Raises
    ------
    BadUploadError, UnreadableSceneError
        Not XML, JSON or text of that kind, or a field is missing that cannot be done without.
    """
    sections = _sections(content, file)
    contents = sections.get("PRODUCT_CONTENTS", {})
    image = sections.get("IMAGE_ATTRIBUTES", {})
    projection = sections.get("PROJECTION_ATTRIBUTES", {})
    scaling = sections.get("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", {})

    def need(section: Mapping[str, str], field: str) -> str:
        if not section.get(field):
            raise unreadable(file, f"it states no {field}.")
        return section[field]

    level = need(contents, "PROCESSING_LEVEL")
    path, row = (number(need(image, f"WRS_{part}"), f"WRS_{part}", file) for part in ("PATH", "ROW"))
    when = f"{need(image, 'DATE_ACQUIRED')}T{_microseconds(need(image, 'SCENE_CENTER_TIME'))}"
    generated = sections.get("LEVEL2_PROCESSING_RECORD", {}).get("DATE_PRODUCT_GENERATED")
    bands = [band for band in REFLECTANCE_BANDS if contents.get(f"FILE_NAME_BAND_{band}")]
    elevation, azimuth = image.get("SUN_ELEVATION"), image.get("SUN_AZIMUTH")
    return LandsatMetadata(
        product_id=need(contents, "LANDSAT_PRODUCT_ID"),
        level=level,
        collection=contents.get("COLLECTION_NUMBER", ""),
        platform="L" + need(image, "SPACECRAFT_ID").rpartition("_")[2],
        path_row=f"{int(path):03d}{int(row):03d}",
        acquired_at=instant(when, "SCENE_CENTER_TIME", file),
        generated_at=instant(generated, "DATE_PRODUCT_GENERATED", file) if generated else None,
        tier=contents.get("COLLECTION_CATEGORY", ""),
        utm_zone=int(number(need(projection, "UTM_ZONE"), "UTM_ZONE", file)),
        n_rows=int(number(need(projection, "REFLECTIVE_LINES"), "REFLECTIVE_LINES", file)),
        n_columns=int(number(need(projection, "REFLECTIVE_SAMPLES"), "REFLECTIVE_SAMPLES", file)),
        files={band: _inside(contents[f"FILE_NAME_BAND_{band}"], file) for band in bands},
        pixel_quality=_inside(contents.get("FILE_NAME_QUALITY_L1_PIXEL"), file),
        saturation=_inside(contents.get("FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION"), file),
        scale=_of_bands(scaling, "REFLECTANCE_MULT_BAND", bands, file),
        offset=_of_bands(scaling, "REFLECTANCE_ADD_BAND", bands, file),
        sun_zenith_deg=90.0 - number(elevation, "SUN_ELEVATION", file) if elevation else None,
        sun_azimuth_deg=number(azimuth, "SUN_AZIMUTH", file) % 360.0 if azimuth else None,
        footprint_wkt=_footprint(projection, file),
    )


def _sections(content: bytes, file: str) -> Sections:
    suffix = PurePosixPath(file).suffix.lower()
    if suffix == ".xml":
        root = parse_xml(content, name=file)
        return {
            local_name(part): {local_name(field): (field.text or "").strip() for field in part}
            for part in root
        }
    if suffix == ".json":
        try:
            document: Any = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise unreadable(file, f"it is not valid JSON ({error}).") from error
        parts = document.get("LANDSAT_METADATA_FILE") if isinstance(document, dict) else None
        if not isinstance(parts, dict):
            raise unreadable(file, "it holds no LANDSAT_METADATA_FILE.")
        return {
            name: {key: str(value) for key, value in part.items()}
            for name, part in parts.items()
            if isinstance(part, dict)
        }
    return _text_sections(content)


def _text_sections(content: bytes) -> Sections:
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in content.decode("utf-8", errors="replace").splitlines():
        match = _TEXT_FIELD.match(line)
        if match is None:
            continue
        name, value = match.groups()
        if name == "GROUP":
            current = sections.setdefault(value, {})
        elif name != "END_GROUP":
            current[name] = value
    return sections


def _of_bands(section: Mapping[str, str], prefix: str, bands: list[int], file: str) -> dict[int, float]:
    return {
        band: number(section[f"{prefix}_{band}"], f"{prefix}_{band}", file)
        for band in bands
        if section.get(f"{prefix}_{band}")
    }


def _inside(name: str | None, file: str) -> str:
    if name and (name.startswith("/") or ".." in PurePosixPath(name).parts):
        raise unreadable(file, f"it points to {name!r}, outside the product's own folder.")
    return name or ""


def _microseconds(time: str) -> str:
    """Cut the seconds to the six places that an instant has here: ``10:29:15.1234567Z``."""
    return re.sub(r"(\.\d{6})\d+", r"\1", time)


def _footprint(projection: Mapping[str, str], file: str) -> str | None:
    corners = []
    for corner in ("UL", "UR", "LR", "LL"):
        pair = [projection.get(f"CORNER_{corner}_{axis}_PRODUCT") for axis in ("LON", "LAT")]
        if not all(pair):
            return None
        corners.append(tuple(number(text, f"CORNER_{corner}", file) for text in pair))
    return str(split_at_antimeridian(Polygon(corners)).wkt)
