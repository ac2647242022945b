"""The names Sentinel-2 gives to bands, tiles, satellites and products."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

BAND_IDS: Final = {
    "0": "B01",
    "1": "B02",
    "2": "B03",
    "3": "B04",
    "4": "B05",
    "5": "B06",
    "6": "B07",
    "7": "B08",
    "8": "B8A",
    "9": "B09",
    "10": "B10",
    "11": "B11",
    "12": "B12",
}
"""Band numbers of the metadata (``band_id``) and the names of the files."""

SPECTRAL_BANDS: Final = tuple(name for name in BAND_IDS.values() if name != "B10")
"""Bands of a surface reflectance product; B10 sees no ground and is left out of Level-2A."""

REQUIRED_BANDS: Final = ("B04", "B08")
"""Without these no product of this system can be made."""

COMMON_NAMES: Final = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "rededge071": "B05",
    "rededge2": "B06",
    "rededge075": "B06",
    "rededge3": "B07",
    "rededge078": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
}
"""Asset keys and common names of STAC catalogues. Plain ``rededge`` is left out: four bands share it."""

BAND_COMMON_NAMES: Final = {
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "rededge071",
    "B06": "rededge075",
    "B07": "rededge078",
    "B08": "nir",
    "B8A": "nir08",
    "B11": "swir16",
    "B12": "swir22",
}
"""What the eo extension of STAC (version 2) calls the bands that look at the ground."""

OFFSET_SINCE_BASELINE: Final = "04.00"
OFFSET_SINCE: Final = datetime(2022, 1, 25, tzinfo=UTC)
"""First day of baseline 04.00; archives were reprocessed with offset later, so only a hint."""
USUAL_BOA_OFFSET: Final = -1000
USUAL_QUANTIFICATION: Final = 10000

_TILE = re.compile(r"(?:^|[_-]|MGRS-)T?(\d{1,2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])(?=$|[_.-])")
_IMAGE = re.compile(r"_(B\d[\dA]|SCL|AOT|WVP|TCI)_(\d\d)m(?:\.jp2)?$", re.IGNORECASE)
_DATASTRIP_START = re.compile(r"_S(\d{8}T\d{6})(?:_|$)")
_GRANULE_START = re.compile(r"L2A_T\w{5}_A\d{6}_(\d{8}T\d{6})")
_PRODUCT = re.compile(
    r"(?P<platform>S2[A-Z])_MSIL(?P<level>1C|2A)_(?P<datatake>\d{8}T\d{6})"
    r"(?:_N(?P<baseline>\d{4}))?_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})(?:_(?P<generated>\d{8}T\d{6}))?"
)


def find_tile(text: str) -> str | None:
    """Return the MGRS tile in a product name, granule id or ``grid:code`` (``30TUM``), None without one."""
    match = _TILE.search(text.upper())
    return match.group(1).rjust(5, "0") if match else None


def is_sentinel_2_tile(tile: str) -> bool:
    """Whether a tile is one of the MGRS grid; Landsat's are WRS-2 paths and rows (``198030``)."""
    return not tile.isdigit()


def split_image_name(name: str) -> tuple[str, int] | None:
    """Return (band, resolution in metres) of an image file name of Level-2A, None where it is not one."""
    match = _IMAGE.search(name)
    return (match.group(1).upper(), int(match.group(2))) if match else None


def datastrip_start(identifier: str) -> str | None:
    """Return the sensing start in a datastrip identifier, ``20190616T110626``."""
    match = _DATASTRIP_START.search(identifier) or _GRANULE_START.search(identifier)
    return match.group(1) if match else None


def sensing_start(properties: Mapping[str, Any]) -> str | None:
    """Return the start of the datastrip that a STAC item states; None where it states none."""
    for name in ("s2:datastrip_id", "eopf:datastrip_id"):
        if start := datastrip_start(str(properties.get(name) or "")):
            return start
    return None


def match_product(name: str) -> re.Match[str] | None:
    """Match a compact product name; groups platform, level, datatake, baseline, orbit, tile, generated."""
    return _PRODUCT.search(name)


def short_platform(name: str) -> str:
    """Return ``S2A``, ``S2B``, ... of ``Sentinel-2A`` or a product name; ``S2`` where it is not said."""
    match = re.search(r"(?:sentinel-?2|\bS2)([A-Z])\b", name.replace("_", " "), re.IGNORECASE)
    return f"S2{match.group(1).upper()}" if match else "S2"


def acquisition_key(tile: str, sensing_start: str) -> str:
    """Return the key that all products of one acquisition share, ``s2/30TUM/20190616T110626``."""
    return f"s2/{tile}/{sensing_start}"


def carries_offset(baseline: str) -> bool:
    """Whether products of this processing baseline have the radiometric offset in their numbers."""
    return parse_baseline(baseline) >= parse_baseline(OFFSET_SINCE_BASELINE)


def parse_baseline(baseline: str) -> tuple[int, int]:
    """Return (major, minor) of ``04.00``, ``4.00``, ``N0400`` or ``0400``; (0, 0) of what is none."""
    match = re.fullmatch(r"N?(\d{2}\.?|\d\.)(\d{2})", baseline.strip())
    return (int(match.group(1).rstrip(".")), int(match.group(2))) if match else (0, 0)


def parse_utc(text: str) -> datetime:
    """Parse an ISO instant; without a zone it is UTC. Raises ValueError."""
    instant = datetime.fromisoformat(text.strip())
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
