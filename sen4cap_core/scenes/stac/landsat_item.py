"""STAC items of Landsat 8 and 9 Collection 2 Level 2, as public catalogues hand them out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.angles import MeanAngle, SceneAngles
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import parse_utc
from sen4cap_core.scenes.acquisition.stac_scaling import stated_number
from sen4cap_core.scenes.files.raster_header import RasterHeader, read_raster_header
from sen4cap_core.scenes.landsat.product import FILL, OFFSET, SCALE, pixel_table, saturation_table
from sen4cap_core.scenes.stac.stac_assets import resolve_href

ASSETS: Mapping[str, str] = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "nir08": "B08",
    "swir16": "B11",
    "swir22": "B12",
    "qa_pixel": "QA_PIXEL",
    "qa_radsat": "QA_RADSAT",
}
"""Asset key -> Sentinel-2 band whose place it takes, or mask; the catalogues agree on the keys."""
NEEDED = ("B04", "B08", "QA_PIXEL")
_PLATFORMS = {"landsat-8": "L8", "landsat-9": "L9"}


def is_landsat_item(item: Mapping[str, Any]) -> bool:
    """Whether an item says that it is of a Landsat satellite."""
    return str(item["properties"].get("platform", "")).lower().replace("_", "-").startswith("landsat")


def open_landsat_item(path: Path, item: Mapping[str, Any], footprint_wkt: str | None) -> Scene:
    """Open an item whose assets lie in its own folder; of the images only the headers are read.

    Raises
    ------
    UnreadableSceneError
        Red, near infrared or QA_PIXEL is missing, cut short or on another grid; or the item says neither
        when nor on which path and row it was taken.
    BadUploadError
        Not Landsat 8 or 9, not Collection 2, or not Level 2.
    """
    properties = item["properties"]
    platform = _check_kind(path, properties)
    path_row = _path_row(path, properties)
    try:
        acquired_at = parse_utc(str(properties.get("datetime")))
    except ValueError as error:
        raise UnreadableSceneError(path, "it does not say when it was taken.") from error
    headers, uris, warnings = _read_headers(path, item["assets"])
    grid = headers["B04"].grid
    bands = {
        name: _band(path, name, uris[name], item["assets"], header)
        for name, header in headers.items()
        if name.startswith("B")
    }
    tables = {"QA_PIXEL": pixel_table(), "QA_RADSAT": saturation_table()}
    if "QA_RADSAT" not in headers:
        warnings.append("it has no QA_RADSAT: saturated pixels are not masked.")
    zenith, azimuth = _sun(properties)
    sun = MeanAngle(zenith, azimuth) if zenith is not None and azimuth is not None else None
    return Scene(
        product_id=str(item["id"]),
        sensor="landsat-l2",
        platform=platform,
        acquired_at=acquired_at,
        tile=path_row,
        format="stac-item",
        path=path,
        acquisition_key=f"landsat/{path_row}/{platform}/{acquired_at:%Y%m%d}",
        grid=grid,
        bands=bands,
        masks=tuple(
            StatusMask(BandSource(name, uris[name], grid), table)
            for name, table in tables.items()
            if name in headers
        ),
        baseline="02",
        relative_orbit=int(path_row[:3]),
        sun_zenith_deg=zenith,
        sun_azimuth_deg=azimuth,
        angles=SceneAngles(grid.x_min_m, grid.y_max_m, mean_sun=sun) if sun else None,
        footprint_wkt=footprint_wkt,
        warnings=warnings,
    )


def _check_kind(path: Path, properties: Mapping[str, Any]) -> str:
    """Return the platform, ``L8`` or ``L9``."""
    said = str(properties.get("platform", "")).lower().replace("_", "-")
    collection = str(properties.get("landsat:collection_number") or "02")
    if said not in _PLATFORMS or collection not in ("02", "2"):
        raise BadUploadError(
            path,
            f"this item is of {said}, collection {collection}.",
            expected="Landsat 8 or 9, Collection 2 Level-2",
        )
    level = str(properties.get("landsat:correction") or properties.get("processing:level") or "L2SP").upper()
    if not level.startswith("L2"):
        raise BadUploadError(
            path,
            f"this item is a Landsat Level-1 product ({level}, top of the atmosphere).",
            expected="Collection 2 Level-2 (surface reflectance)",
            remedy="drop the item of the collection landsat-c2-l2 of the same acquisition.",
        )
    return _PLATFORMS[said]


def _path_row(path: Path, properties: Mapping[str, Any]) -> str:
    parts = [str(properties.get(f"landsat:wrs_{name}", "")) for name in ("path", "row")]
    if not all(part.isdigit() and 0 < len(part) <= 3 for part in parts):
        raise UnreadableSceneError(
            path,
            "it does not say which path and row it is.",
            expected='"landsat:wrs_path" and "landsat:wrs_row" in its properties',
        )
    return "".join(part.zfill(3) for part in parts)


def _read_headers(
    path: Path, assets: Mapping[str, Any]
) -> tuple[dict[str, RasterHeader], dict[str, str], list[str]]:
    """Return headers and files by band or mask, and what is left out."""
    headers: dict[str, RasterHeader] = {}
    uris: dict[str, str] = {}
    problems, left_out = [], []
    for key, name in ASSETS.items():
        asset = assets.get(key)
        try:
            if not isinstance(asset, Mapping):
                raise ValueError("the item has no such asset")
            file = resolve_href(path, str(asset.get("href", "")))
            headers[name], uris[name] = read_raster_header(file), str(file)
        except ValueError as error:
            if name in NEEDED:
                problems.append(Problem(f"asset {key!r}: {error}"))
            elif asset is not None:
                left_out.append(f"{key} ({error})")
    first = headers.get("B04")
    for name in [n for n, header in headers.items() if first is not None and header.grid != first.grid]:
        if name in NEEDED:
            problems.append(Problem(f"{name} lies on another grid than the red band"))
        else:
            left_out.append(f"{name} (it lies on another grid than the red band)")
            del headers[name]
    if problems:
        raise UnreadableSceneError(
            path,
            "red, near infrared or the quality of the pixels cannot be used.",
            problems=problems,
            expected="assets red, nir08 and qa_pixel as files in the item's own folder, on one grid",
            remedy="download the assets beside the item, let each href name its file, and drop all together.",
        )
    return headers, uris, [f"{len(left_out)} files are left out, first {left_out[0]}."] if left_out else []


def _band(path: Path, name: str, uri: str, assets: Mapping[str, Any], header: RasterHeader) -> BandSource:
    """Scale, offset and no-data number as the asset states them, else its file, else Collection 2."""
    key = next(key for key, band in ASSETS.items() if band == name)
    asset, file = assets[key], header.bands[0]
    file_speaks = file.scale != 1.0 or file.offset != 0.0 or file.is_float
    try:
        scale, offset, nodata = (stated_number(asset, 1, field) for field in ("scale", "offset", "nodata"))
        if scale is not None and scale <= 0:
            raise ValueError(f"the stated scale is {scale:g}, it must be positive")
    except ValueError as error:
        raise UnreadableSceneError(path, f"asset {key!r}: {error}.") from error
    if offset is None and scale is not None and scale != SCALE:
        # The offset of Collection 2 belongs to its own scale.
        offset = 0.0
    return BandSource(
        name,
        uri,
        header.grid,
        scale=scale if scale is not None else file.scale if file_speaks else SCALE,
        offset=offset if offset is not None else file.offset if file_speaks else OFFSET,
        nodata=nodata if nodata is not None else file.nodata if file.nodata is not None else FILL,
    )


def _sun(properties: Mapping[str, Any]) -> tuple[float | None, float | None]:
    elevation, azimuth = (properties.get(f"view:sun_{name}") for name in ("elevation", "azimuth"))
    return (
        90.0 - float(elevation) if isinstance(elevation, int | float) else None,
        float(azimuth) if isinstance(azimuth, int | float) else None,
    )
