"""Sentinel-2 Level-2A as a STAC item with its assets beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status_masks import as_masks
from sen4cap_core.scenes.acquisition.angles import MeanAngle, SceneAngles
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import (
    REQUIRED_BANDS,
    acquisition_key,
    find_tile,
    match_product,
    parse_baseline,
    parse_utc,
    sensing_start,
    short_platform,
)
from sen4cap_core.scenes.acquisition.stac_scaling import band_scaling
from sen4cap_core.scenes.files.raster_header import RasterHeader, read_raster_header
from sen4cap_core.scenes.stac.landsat_item import is_landsat_item, open_landsat_item
from sen4cap_core.scenes.stac.stac_aerosol import read_aerosol
from sen4cap_core.scenes.stac.stac_assets import BandAsset, find_bands, resolve_href

MAX_ITEM_BYTES = 16 * 1024 * 1024
NEEDED = (*REQUIRED_BANDS, "SCL")
"""Assets that must be whole when the item names them; SCL may be absent from the item altogether."""


def open_stac_item(path: Path) -> Scene:
    """Open a STAC item whose assets lie in its own folder (or below).

    Of the assets only the headers are read. Bands other than red, near infrared and SCL whose files are
    elsewhere or absent are left out with a warning.

    Raises
    ------
    UnreadableSceneError
        Red, near infrared or SCL is elsewhere, missing, cut short or on another grid; or the item says
        neither when nor on which tile it was taken.
    BadUploadError
        Not a STAC item, or neither Sentinel-2 Level-2A nor Landsat 8 or 9 Collection 2 Level-2.
    """
    item = load_item(path)
    if is_landsat_item(item):
        return open_landsat_item(path, item, item_footprint(item))
    properties = item["properties"]
    _check_sentinel_2_l2a(path, item)
    acquired_at = _acquired_at(path, properties)
    baseline = _baseline(item)
    assets = find_bands(item["assets"])
    headers, warnings = _read_headers(path, assets)
    grid = _common_grid(path, assets, headers, warnings)
    tile = _tile(path, item, grid)
    bands: dict[str, BandSource] = {}
    for band, header in headers.items():
        asset = assets[band]
        if asset.band_index > len(header.bands):
            raise UnreadableSceneError(
                path, f"asset {asset.key!r} has {len(header.bands)} bands, its description lists more."
            )
        try:
            numbers = header.bands[asset.band_index - 1]
            scaling = band_scaling(
                band, asset.asset, asset.band_index, properties, baseline, acquired_at, numbers
            )
        except ValueError as error:
            raise UnreadableSceneError(path, f"asset {asset.key!r}: {error}.") from error
        if scaling.warning is not None and scaling.warning not in warnings:
            warnings.append(scaling.warning)
        uri = str(resolve_href(path, asset.href))
        bands[band] = BandSource(
            band, uri, header.grid, scaling.scale, scaling.offset, scaling.nodata, asset.band_index
        )
    scl = bands.pop("SCL", None)
    if scl is None:
        warnings.append("the item has no scene classification (SCL): clouds are not masked.")
    aot, fault = read_aerosol(path, item["assets"], grid)
    if fault is not None:
        warnings.append(fault)
    zenith, azimuth = _sun(properties)
    generated = properties.get("s2:generation_time")
    return Scene(
        product_id=str(item["id"]),
        sensor="s2-l2a",
        platform=short_platform(
            " ".join(str(value) for value in (properties.get("platform"), item["id"]) if value)
        ),
        acquired_at=acquired_at,
        tile=tile,
        format="stac-item",
        path=path,
        acquisition_key=acquisition_key(tile, sensing_start(properties) or f"{acquired_at:%Y%m%dT%H%M%S}"),
        grid=grid,
        bands=bands,
        masks=as_masks(scl),
        aot=aot,
        baseline=baseline,
        generated_at=_instant(path, "s2:generation_time", generated) if generated else None,
        relative_orbit=_orbit(item),
        sun_zenith_deg=zenith,
        sun_azimuth_deg=azimuth,
        angles=_angles(grid, bands, properties, zenith, azimuth),
        footprint_wkt=item_footprint(item),
        warnings=warnings,
    )


def load_item(path: Path) -> dict[str, Any]:
    """Read the JSON of a STAC item.

    Raises BadUploadError where it is not one; the answer has ``id``, ``properties`` and ``assets``.
    """
    if path.stat().st_size > MAX_ITEM_BYTES:
        raise BadUploadError(
            path, f"it is larger than {MAX_ITEM_BYTES // 2**20} MB, too large for a STAC item."
        )
    try:
        item = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadUploadError(
            path, f"it is not valid JSON ({error}).", remedy="copy or download it again."
        ) from error
    if not is_item(item):
        raise BadUploadError(
            path,
            "it is not a STAC item.",
            expected='a GeoJSON feature with "stac_version", "id", "properties" and "assets"',
        )
    return dict(item)


def is_item(document: object) -> bool:
    """Whether a parsed JSON document has the shape of a STAC item."""
    return (
        isinstance(document, dict)
        and document.get("type") == "Feature"
        and "stac_version" in document
        and "id" in document
        and isinstance(document.get("properties"), dict)
        and isinstance(document.get("assets"), dict)
    )


def _read_headers(path: Path, assets: Mapping[str, BandAsset]) -> tuple[dict[str, RasterHeader], list[str]]:
    headers: dict[str, RasterHeader] = {}
    problems = [Problem(f"no asset holds band {band}") for band in REQUIRED_BANDS if band not in assets]
    left_out = []
    for band, asset in assets.items():
        try:
            headers[band] = read_raster_header(resolve_href(path, asset.href))
        except ValueError as error:
            if band in NEEDED:
                problems.append(Problem(f"band {band}, asset {asset.key!r} ({asset.href}): {error}"))
            else:
                left_out.append(f"{band} ({error})")
    if problems:
        raise UnreadableSceneError(
            path,
            "red, near infrared or scene classification cannot be used.",
            problems=problems,
            expected="assets red (B04), nir (B08) and scl (SCL) as files in the item's own folder",
            remedy="download the assets beside the item, let each href name its file, and drop all together.",
        )
    warnings = []
    if left_out:
        warnings.append(f"{len(left_out)} bands are left out, first {left_out[0]}.")
    return headers, warnings


def _common_grid(
    path: Path, assets: Mapping[str, BandAsset], headers: dict[str, RasterHeader], warnings: list[str]
) -> Grid:
    """Return the 10 m grid; drop bands on other ground, refuse where a needed one is."""
    grid = headers[REQUIRED_BANDS[0]].grid
    for band, header in list(headers.items()):
        other = header.grid
        factor = other.resolution_m / grid.resolution_m
        fits = other.epsg == grid.epsg and factor == int(factor) and other.bounds_m == grid.bounds_m
        if band in REQUIRED_BANDS and (not fits or other.resolution_m != 10):
            fits = False
        if fits:
            continue
        what = (
            f"band {band}, asset {assets[band].key!r}, has {other.width} x {other.height} pixels of "
            f"{other.resolution_m:g} m in EPSG:{other.epsg} from {other.x_min_m:.0f}, {other.y_max_m:.0f}"
        )
        if band in NEEDED:
            raise UnreadableSceneError(
                path,
                f"{what}.",
                expected="red and near infrared at 10 m on one grid, and a classification of the same extent",
                remedy="use assets of one product, all cut in the same way.",
            )
        warnings.append(f"{what}, not the extent of the red band; it is left out.")
        del headers[band]
    return grid


def _check_sentinel_2_l2a(path: Path, item: Mapping[str, Any]) -> None:
    properties = item["properties"]
    said = " ".join(str(properties.get(name) or "") for name in ("platform", "constellation")).strip()
    if said and "sentinel-2" not in said.lower().replace(" ", "-"):
        raise BadUploadError(
            path,
            f"this item is of {said}.",
            expected="Sentinel-2 Level-2A, or Landsat 8 or 9 Collection 2 Level-2",
        )
    level = str(properties.get("processing:level") or properties.get("s2:product_type") or "").upper()
    uri = match_product(str(properties.get("s2:product_uri") or item["id"]))
    if "1C" in level or (uri is not None and uri["level"] == "1C"):
        raise BadUploadError(
            path,
            "this item is a Level-1C product (top of the atmosphere, no cloud classification).",
            expected="Level-2A (surface reflectance)",
            remedy="drop the Level-2A item of the same acquisition (its name has MSIL2A or L2A).",
        )


def _acquired_at(path: Path, properties: Mapping[str, Any]) -> datetime:
    for name in ("datetime", "start_datetime"):
        if properties.get(name):
            return _instant(path, name, properties[name])
    raise UnreadableSceneError(
        path, "it does not say when it was taken.", expected='"datetime" in its properties'
    )


def _instant(path: Path, name: str, value: object) -> datetime:
    try:
        return parse_utc(str(value))
    except ValueError as error:
        raise UnreadableSceneError(path, f"{name} is {value!r}, a time was expected.") from error


def _baseline(item: Mapping[str, Any]) -> str | None:
    """Baseline as ``05.09``, also where the item has it as a number; None for anything else."""
    properties = item["properties"]
    for name in ("s2:processing_baseline", "processing:version", "sentinel:processing_baseline"):
        stated = properties.get(name)
        text = f"{stated:05.2f}" if isinstance(stated, int | float) else str(stated or "")
        major, minor = parse_baseline(text)
        if major:
            return f"{major:02d}.{minor:02d}"
    for text in (properties.get("s2:product_uri"), properties.get("sentinel:product_id"), item["id"]):
        product = match_product(str(text or ""))
        if product is not None and product["baseline"]:
            return f"{product['baseline'][:2]}.{product['baseline'][2:]}"
    return None


def _tile(path: Path, item: Mapping[str, Any], grid: Grid) -> str:
    properties = item["properties"]
    texts = [properties.get("grid:code"), properties.get("s2:mgrs_tile")]
    for prefix in ("mgrs", "sentinel"):
        parts = [properties.get(f"{prefix}:{name}") for name in ("utm_zone", "latitude_band", "grid_square")]
        if all(parts):
            texts.append("".join(str(part) for part in parts))
    texts += [properties.get(name) for name in ("s2:product_uri", "s2:granule_id", "sentinel:product_id")]
    texts.append(item["id"])
    tile = next((found for text in texts if text and (found := find_tile(str(text)))), None)
    if tile is None:
        raise UnreadableSceneError(
            path,
            "it does not say which tile it is.",
            expected='"grid:code" ("MGRS-30TUM") or "s2:mgrs_tile" in its properties',
        )
    epsg = (32600 if tile[2] >= "N" else 32700) + int(tile[:2])
    if epsg != grid.epsg:
        raise UnreadableSceneError(
            path, f"tile {tile} lies in EPSG:{epsg}, its assets are in EPSG:{grid.epsg}."
        )
    return tile


def _sun(properties: Mapping[str, Any]) -> tuple[float | None, float | None]:
    zenith, azimuth = properties.get("s2:mean_solar_zenith"), properties.get("s2:mean_solar_azimuth")
    elevation = properties.get("view:sun_elevation")
    if zenith is None and isinstance(elevation, int | float):
        zenith = 90.0 - elevation
    if azimuth is None:
        azimuth = properties.get("view:sun_azimuth")
    return (
        float(zenith) if isinstance(zenith, int | float) else None,
        float(azimuth) if isinstance(azimuth, int | float) else None,
    )


def _angles(
    grid: Grid,
    bands: Iterable[str],
    properties: Mapping[str, Any],
    sun_zenith_deg: float | None,
    sun_azimuth_deg: float | None,
) -> SceneAngles | None:
    """Mean directions of the ``view`` extension; an item has no angle grids."""
    zenith, azimuth = properties.get("view:incidence_angle"), properties.get("view:azimuth")
    if zenith is None:
        zenith = properties.get("view:off_nadir")
    sun = None
    if sun_zenith_deg is not None and sun_azimuth_deg is not None:
        sun = MeanAngle(sun_zenith_deg, sun_azimuth_deg)
    view = {}
    if isinstance(zenith, int | float) and isinstance(azimuth, int | float):
        view = dict.fromkeys(bands, MeanAngle(float(zenith), float(azimuth)))
    if sun is None and not view:
        return None
    return SceneAngles(grid.x_min_m, grid.y_max_m, mean_sun=sun, mean_view=view)


def _orbit(item: Mapping[str, Any]) -> int | None:
    orbit = item["properties"].get("sat:relative_orbit")
    if isinstance(orbit, int):
        return orbit
    for text in (item["properties"].get("s2:product_uri"), item["id"]):
        product = match_product(str(text or ""))
        if product is not None:
            return int(product["orbit"])
    return None


def item_footprint(item: Mapping[str, Any]) -> str | None:
    """Return the geometry of a STAC item, longitude and latitude, as WKT; None where it has no usable one."""
    try:
        return str(shape(item["geometry"]).wkt)
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError):
        return None
