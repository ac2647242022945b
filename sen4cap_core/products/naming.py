"""Where each file lives below the data root, what its STAC id is, and the content key that is its identity.

Paths are relative to the data root and use forward slashes, as the ``product.path`` column stores them::

    catalog.json
    sites/<site>/catalog.json
    sites/<site>/collections/<collection>/...            the catalogue's files, see ``products.catalog``
    sites/<site>/<year>/l3a/<tile>/<YYYYMMDD>/<item id>.json, <item id>_b02.tif ...
    sites/<site>/<year>/l3b/<tile>/<YYYYMMDD>/<item id>.tif|.json
    sites/<site>/<year>/s1/<tile>/<YYYYMMDD>/<item id>.json, <item id>_vv.tif, <item id>_vh.tif
    sites/<site>/<year>/observations/<declaration set>/<tile>/<YYYYMMDD>/<instant>_<group>_<version>.parquet
    sites/<site>/<year>/labels/<declaration set>/<tile>_<resolution>m_<version>.npz
    sites/<site>/<year>/l4a/<season>/<item id>.parquet|.json
    sites/<site>/<year>/l4a/<season>/<version>/CropType.gpkg ...
    sites/<site>/<year>/l4b/<season>/<item id>.gpkg|.parquet|.json
    sites/<site>/<year>/l4c/<practice>/<item id>.gpkg|.parquet|.csv|.json

The version in a name is the start of the content key: another input, parameter or software version gives
another file beside the first, and the same work finds its file already there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath, PurePosixPath

_L3B = "sen4cap-l3b-"
L3B_NDVI = f"{_L3B}ndvi"
"""Collection of the NDVI rasters, one item per scene and tile."""
L3A_COMPOSITE = "sen4cap-l3a-composite"
"""Collection of the composites of reflectance, one item per tile, day, method and pixel size."""
L4A_CROP_TYPES = "sen4cap-l4a-crop-types"
"""Collection of the crop type maps, one item per site, season and classification."""
L4B_MOWING = "sen4cap-l4b-mowing"
"""Collection of the mowing tables, one item per site, season and evaluation."""
S1_COMPOSITE = "sen4cap-s1-composite"
"""Collection of the radar composites, one item per tile, period, orbit direction and polarisation."""
L4C_PRACTICES = "sen4cap-l4c-practices"
"""Collection of the tables of agricultural practices, one item per site, year, practice and evaluation."""
MARKERS = "sen4cap-markers"
"""Collection of the marker databases, one item per site, database and export."""

S1_BACKSCATTER = "sen4cap-s1-backscatter"
"""Collection of backscatter from our own radar chain, one item per acquisition and tile."""
S1_COHERENCE = "sen4cap-s1-coherence"
"""Collection of coherence from our own radar chain, one item per pair and tile."""

VERSION_LENGTH = 8
"""Hexadecimal digits of the content key that names show: 2^32 versions of one scene are enough."""

_TILE = re.compile(r"(?:[0-9]{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]|[0-9]{6})\Z")
"""MGRS tile of Sentinel-2, or WRS-2 path and row of Landsat."""
_KEY = re.compile(r"[0-9a-f]{64}\Z")


def content_key(inputs: Iterable[str], parameters: Mapping[str, object], software_version: str) -> str:
    """Return the SHA-256 that tells whether the same work has been done before.

    Parameters
    ----------
    inputs : references or hashes of everything the work reads; order and repetition do not matter.
    parameters : what steers it: numbers, texts, booleans, dates, enums, None, and lists and dicts of these.
        The order of dictionary keys does not matter, the order of lists does; ``1`` and ``1.0`` differ.
    software_version : version of the code that does it.

    Raises
    ------
    ValueError
        For NaN and infinity, which equal nothing, not even themselves in another language.
    TypeError
        For values without a stable text, such as objects and sets.

    Example
    -------
    >>> content_key(["b", "a"], {"x": 1}, "0.1.0") == content_key(["a", "b", "a"], {"x": 1}, "0.1.0")
    True
    """
    facts = {"inputs": sorted(set(inputs)), "parameters": dict(parameters), "software": software_version}
    text = json.dumps(
        facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=_plain
    )
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def version_of(key: str) -> str:
    """Return the short version that names carry: the first digits of a content key."""
    if not _KEY.match(key):
        raise ValueError(f"not a content key (64 hexadecimal digits): {key!r}")
    return key[:VERSION_LENGTH]


def item_id(collection: str, place: str, start: date, end: date, version: str) -> str:
    """Return the STAC item id ``{collection}_{place}_{start}_{end}_{version}``.

    ``place`` is the tile of a raster product, the site of a table. A datetime is written to the second
    (UTC), a date to the day: two halves of a split datatake share the day but not the second.

    Example
    -------
    >>> item_id(L4B_MOWING, "navarra", date(2019, 1, 1), date(2019, 12, 31), "0a1b2c3d")
    'sen4cap-l4b-mowing_navarra_20190101_20191231_0a1b2c3d'
    """
    parts = (collection, place, stamp(start), stamp(end), version)
    return "_".join(_part(part) for part in parts)


def stamp(moment: date) -> str:
    """Return ``YYYYMMDD`` of a date, ``YYYYMMDDTHHMMSS`` in UTC of an aware datetime."""
    if not isinstance(moment, datetime):
        return moment.strftime("%Y%m%d")
    if moment.tzinfo is None:
        raise ValueError(f"a time without time zone has no place in a name: {moment.isoformat()}")
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%S")


def year_folder(site: str, year: int) -> PurePosixPath:
    """Folder of one site and year of season; ``year`` has four digits."""
    if not 1900 <= year <= 9999:
        raise ValueError(f"not a year: {year}")
    return PurePosixPath("sites", _part(site), str(year))


def l3a_path(
    site: str, year: int, tile: str, day: date, start: date, end: date, resolution_m: float, version: str
) -> PurePosixPath:
    """Path of the STAC item of a composite for ``day``; its rasters end with ``_<band>.tif``."""
    name = item_id(L3A_COMPOSITE, f"{_tile(tile)}-{resolution_m:g}m", start, end, version)
    return year_folder(site, year) / "l3a" / _tile(tile) / _day(day) / f"{name}.json"


def l3b_folder(site: str, year: int, tile: str, acquired: date) -> PurePosixPath:
    """Folder of the L3B products of one tile and day (UTC)."""
    return year_folder(site, year) / "l3b" / _tile(tile) / _day(acquired)


def l3b_collection(variable: str) -> str:
    """Collection of the rasters of one variable, one item per scene and tile: ``sen4cap-l3b-lai``."""
    return f"{_L3B}{variable}"


def l3b_path(
    site: str, year: int, tile: str, acquired_at: datetime, variable: str, version: str
) -> PurePosixPath:
    """Path of a raster of one scene and tile; its STAC item has the same name with ``.json``."""
    name = item_id(l3b_collection(variable), _tile(tile), acquired_at, acquired_at, version)
    return l3b_folder(site, year, tile, acquired_at) / f"{name}.tif"


def radar_path(
    site: str,
    year: int,
    collection: str,
    tile: str,
    started_at: datetime,
    acquired_at: datetime,
    version: str,
) -> PurePosixPath:
    """Path of the STAC item of our own radar rasters; theirs end with the polarisation and ``.tif``."""
    name = item_id(collection, _tile(tile), started_at, acquired_at, version)
    return year_folder(site, year) / "s1" / _tile(tile) / _day(acquired_at) / f"{name}.json"


def observations_path(
    site: str, year: int, declaration_set: int, tile: str, acquired_at: datetime, group: str, version: str
) -> PurePosixPath:
    """Path of one observation set: scene x tile x declaration set x group of variables."""
    folder = year_folder(site, year) / "observations" / f"set-{declaration_set:d}" / _tile(tile)
    return folder / _day(acquired_at) / f"{stamp(acquired_at)}_{_part(group)}_{_part(version)}.parquet"


def labels_path(
    site: str, year: int, declaration_set: int, tile: str, resolution_m: float, version: str
) -> PurePosixPath:
    """Path of the burnt labels of one declaration set on one tile grid.

    ``version`` stands for the exact grid and buffer (``version_of(content_key(...))``): products smaller than
    their tile have labels of their own.
    """
    folder = year_folder(site, year) / "labels" / f"set-{declaration_set:d}"
    return folder / f"{_tile(tile)}_{resolution_m:g}m_{_part(version)}.npz"


def screening_folder(site: str, year: int, tile: str, version: str) -> PurePosixPath:
    """Folder of the cloud screening of one tile, on one grid and with one set of thresholds."""
    return year_folder(site, year) / "screening" / _tile(tile) / _part(version)


def s1_composite_folder(site: str, year: int, tile: str, version: str) -> PurePosixPath:
    """Folder of the radar composites of one tile and one set of inputs."""
    return year_folder(site, year) / "s1-composites" / _tile(tile) / _part(version)


def s1_composite_path(
    site: str,
    year: int,
    site_id: int,
    tile: str,
    version: str,
    period: str,
    direction: str,
    polarisation: str,
    kind: str,
) -> PurePosixPath:
    """Path of one radar composite, as the original: ``SEN4CAP_L2A_PRD_S1_W201914_T30TUM_ASC_VV_BCK``.

    ``direction`` is empty where both orbit directions are taken together.
    """
    parts = [f"SEN4CAP_L2A_PRD_S{site_id:d}", period, f"T{_tile(tile)}", direction, polarisation, kind]
    name = "_".join(_part(part) for part in parts if part)
    return s1_composite_folder(site, year, tile, version) / f"{name}.tif"


def season_slug(name: str, season_id: int) -> str:
    """Name of a season as a folder."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or f"season-{season_id}"


def l4a_folder(site: str, year: int, season: str) -> PurePosixPath:
    """Folder of the crop type maps of one season; the tables of a run are in a folder of its version."""
    return year_folder(site, year) / "l4a" / _part(season)


def l4a_stem(site: str, start: date, end: date, version: str) -> str:
    """Name without suffix of the crop type map over ``start`` .. ``end``."""
    return item_id(L4A_CROP_TYPES, site, start, end, version)


def l4b_folder(site: str, year: int, season: str) -> PurePosixPath:
    """Folder of the mowing tables of one season."""
    return year_folder(site, year) / "l4b" / _part(season)


def l4b_stem(site: str, start: date, end: date, version: str) -> str:
    """Name without suffix of the mowing tables of one evaluation over ``start`` .. ``end``."""
    return item_id(L4B_MOWING, site, start, end, version)


def l4c_folder(site: str, year: int, practice: str) -> PurePosixPath:
    """Folder of the tables of one practice (``NA``, ``CC``, ``FL``, ``NFC``) in one year."""
    return year_folder(site, year) / "l4c" / _part(practice)


def stac_path(asset: PurePosixPath) -> PurePosixPath:
    """Path of the STAC item of an asset: beside it, same name."""
    return asset.with_suffix(".json")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"a time without time zone has no stable text: {value.isoformat()}")
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} has no stable text: {value!r}")


def _day(moment: date) -> str:
    return stamp(moment)[:8]


def _tile(tile: str) -> str:
    if not _TILE.match(tile):
        raise ValueError(f"not an MGRS tile such as 30TUM, nor a WRS-2 path and row such as 198030: {tile!r}")
    return tile


def _part(name: str) -> str:
    # Names come from folders people made: one that climbs out of the data root must never get this far.
    if not name or name.startswith(".") or any(c in "/\\:\0" or not c.isprintable() for c in name):
        raise ValueError(f"not usable as one part of a path: {name!r}")
    return name
