"""STAC items of public catalogues as offers: which satellite, which acquisition, which of the assets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sen4cap_core.scenes.acquisition.s2_names import (
    acquisition_key,
    find_tile,
    match_product,
    parse_utc,
    sensing_start,
)
from sen4cap_core.scenes.stac.stac_aerosol import aerosol_key
from sen4cap_core.scenes.stac.stac_assets import find_bands
from sen4cap_core.scenes.stac.stac_item import item_footprint
from sen4cap_core.sources.offers import Asset, Offer, Sensor, SourceError

METADATA_KEYS = (
    "granule_metadata",
    "granule-metadata",
    "product_metadata",
    "product-metadata",
    "mtl.xml",
    "mtl.json",
)
"""Assets beside the bands that a reader may use: angles, offsets."""
LANDSAT_BANDS = frozenset({"blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat"})
RADAR_BANDS = frozenset({"vv", "vh"})

_DATATAKE = re.compile(r"GS2[A-Z]_(\d{8}T\d{6})")
_MULTIHASH = {"1220": "sha256", "d50110": "md5"}
_CHECKABLE = {"1220": 64, "d50110": 32}


def as_offer(source: str, item: Mapping[str, Any], bands: frozenset[str]) -> Offer | None:
    """Return an item as an offer of the bands wanted, None where it is of no use here.

    Raises
    ------
    SourceError
        The item says neither when nor what it is, or is no STAC item.
    """
    if not isinstance(item.get("id"), str) or not item["id"]:
        raise SourceError(f"{source}: an answer without an id: {str(item)[:100]}")
    name, properties = item["id"][:100], item.get("properties")
    if not isinstance(properties, Mapping) or not isinstance(item.get("assets"), Mapping):
        raise SourceError(f"{source}: an answer without properties or assets: {name}")
    try:
        return _offer(source, item, properties, bands)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        what = f"{type(error).__name__} {str(error)[:100]}"
        raise SourceError(f"{source}: {name} is no STAC item: {what}") from error


def _offer(
    source: str, item: Mapping[str, Any], properties: Mapping[str, Any], bands: frozenset[str]
) -> Offer | None:
    sensor = _sensor(item, properties)
    if sensor is None:
        return None
    acquired_at = _acquired_at(source, item, properties)
    assets = _assets(sensor, item["assets"], bands)
    if not assets:
        return None
    product_id = _product_id(item, properties)
    tile = _tile(item, properties, product_id) if sensor == "s2-l2a" else None
    return Offer(
        source=source,
        offer_id=str(item["id"]),
        product_id=product_id,
        sensor=sensor,
        form="item",
        acquired_at=acquired_at,
        acquisition_key=_key(sensor, tile, properties, product_id, acquired_at),
        part=sensing_start(properties),
        tile=tile,
        published_at=_published_at(properties),
        baseline=_baseline(properties, product_id),
        relative_orbit=_number(properties.get("sat:relative_orbit")) or _orbit_of_name(product_id),
        orbit_direction=_text(properties.get("sat:orbit_state")),
        cloud_percent=_float(properties.get("eo:cloud_cover")),
        footprint_wkt=item_footprint(item),
        assets=assets,
        item=item,
    )


def _sensor(item: Mapping[str, Any], properties: Mapping[str, Any]) -> Sensor | None:
    name = f"{item.get('collection', '')} {item.get('id', '')}".lower()
    if str(properties.get("s2:product_type", "")).upper() in ("S2MSI1C", "MSIL1C") or "l1c" in name:
        return None
    platform = str(properties.get("platform", "")).lower().replace("_", "-")
    if "sentinel-2" in platform or name.startswith("sentinel-2") or "msil2a" in name:
        return "s2-l2a"
    if platform in ("landsat-8", "landsat-9") or re.search(r"\blc0[89]_l2", name):
        return "landsat-c2l2"
    if "sentinel-1" in platform and ("rtc" in name or "gamma0" in str(properties.get("s1:processing", ""))):
        return "s1-backscatter"
    if "sentinel-1" in platform and "coh" in name:
        return "s1-coherence"
    return None


def _assets(sensor: Sensor, assets: Mapping[str, Any], bands: frozenset[str]) -> tuple[Asset, ...]:
    if sensor == "s2-l2a":
        found = find_bands(assets)
        keys = [found[band].key for band in sorted(bands | {"SCL"}) if band in found]
        if not {"B04", "B08"} <= set(found):
            return ()
        aerosol = aerosol_key(assets) if "AOT" in bands else None
        keys += [aerosol] if aerosol else []
    else:
        wanted = LANDSAT_BANDS if sensor == "landsat-c2l2" else RADAR_BANDS
        keys = [key for key in assets if key.lower() in wanted]
    keys += [key for key in assets if key.lower() in METADATA_KEYS] if keys else []
    return tuple(_asset(key, assets[key]) for key in dict.fromkeys(keys) if isinstance(assets[key], Mapping))


def _asset(key: str, asset: Mapping[str, Any]) -> Asset:
    media = str(asset.get("type", "")).lower()
    is_raster = "tif" in media or "jp2" in media
    return Asset(
        key=key,
        href=_open_href(asset),
        size_bytes=_number(asset.get("file:size")),
        checksum=_checksum(asset.get("file:checksum")),
        # Metadata beside the bands does not make a product slow.
        is_cog="cloud-optimized" in media or not is_raster,
    )


def _open_href(asset: Mapping[str, Any]) -> str:
    """Return the address over HTTPS where the asset has one beside its object store's."""
    alternates = asset.get("alternate")
    href = str(asset.get("href", ""))
    if href.startswith("s3://") and isinstance(alternates, Mapping):
        for other in alternates.values():
            if isinstance(other, Mapping) and str(other.get("href", "")).startswith("https://"):
                return str(other["href"])
    return href


def _checksum(multihash: object) -> str | None:
    """Return ``sha256:<hex>`` or ``md5:<hex>`` of a multihash, None for others, which are not checked."""
    text = str(multihash or "").lower()
    for prefix, algorithm in _MULTIHASH.items():
        if text.startswith(prefix) and len(text) == len(prefix) + _CHECKABLE[prefix]:
            return f"{algorithm}:{text[len(prefix) :]}"
    return None


def _key(
    sensor: Sensor, tile: str | None, properties: Mapping[str, Any], product_id: str, acquired_at: datetime
) -> str:
    if sensor == "s2-l2a":
        name = match_product(product_id)
        stated = _DATATAKE.search(str(properties.get("s2:datatake_id", "")))
        datatake = name["datatake"] if name else stated.group(1) if stated else f"{acquired_at:%Y%m%dT%H%M%S}"
        return acquisition_key(tile or "?", datatake)
    scene = properties.get("landsat:scene_id") if sensor == "landsat-c2l2" else None
    return f"{sensor}/{_landsat_scene(str(scene)) if scene else product_id}"


def _landsat_scene(scene_id: str) -> str:
    """Return path, row and day of a scene id ``LC80280302020014LGN00``: what its processings share."""
    return scene_id[:16]


def _product_id(item: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    for name in ("s2:product_uri", "sentinel:product_id"):
        if properties.get(name):
            return str(properties[name]).removesuffix(".SAFE")
    return str(item["id"]).removesuffix(".SAFE")


def _tile(item: Mapping[str, Any], properties: Mapping[str, Any], product_id: str) -> str | None:
    for text in (properties.get("grid:code"), properties.get("s2:mgrs_tile"), product_id, item["id"]):
        tile = find_tile(str(text or ""))
        if tile:
            return tile
    return None


def _acquired_at(source: str, item: Mapping[str, Any], properties: Mapping[str, Any]) -> datetime:
    text = properties.get("datetime") or properties.get("end_datetime")
    try:
        return parse_utc(str(text))
    except ValueError:
        raise SourceError(f"{source}: {item.get('id')} does not say when it was taken") from None


def _published_at(properties: Mapping[str, Any]) -> datetime | None:
    for name in ("published", "s2:generation_time", "created", "updated"):
        try:
            return parse_utc(str(properties[name]))
        except (KeyError, ValueError):
            continue
    return None


def _baseline(properties: Mapping[str, Any], product_id: str) -> str | None:
    stated = properties.get("s2:processing_baseline") or properties.get("processing:version")
    if stated:
        return str(stated)
    name = match_product(product_id)
    return f"{name['baseline'][:2]}.{name['baseline'][2:]}" if name and name["baseline"] else None


def _orbit_of_name(product_id: str) -> int | None:
    name = match_product(product_id)
    return int(name["orbit"]) if name else None


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and float(value).is_integer() else None


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _text(value: object) -> str | None:
    return str(value).lower() if value else None
