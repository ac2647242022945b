"""STAC 1.1 items for what the system makes: one JSON beside each product, its inputs linked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import quote

import pyarrow.parquet
import pystac
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from sen4cap_core.clock import utc_now
from sen4cap_core.files import sha256_file, write_text_atomic
from sen4cap_core.products.footprint import bbox_of, grid_footprint
from sen4cap_core.rasters.grids.grid import Grid

_EXTENSIONS = "https://stac-extensions.github.io"
PROJECTION = f"{_EXTENSIONS}/projection/v2.0.0/schema.json"
RASTER = f"{_EXTENSIONS}/raster/v2.0.0/schema.json"
EO = f"{_EXTENSIONS}/eo/v2.0.0/schema.json"
GRID = f"{_EXTENSIONS}/grid/v1.1.0/schema.json"
PROCESSING = f"{_EXTENSIONS}/processing/v1.2.0/schema.json"
FILE = f"{_EXTENSIONS}/file/v2.1.0/schema.json"
TABLE = f"{_EXTENSIONS}/table/v1.2.0/schema.json"

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
GEOPARQUET = "application/vnd.apache.parquet"
GEOPACKAGE = "application/geopackage+sqlite3"
CSV = "text/csv"
ZIP = "application/zip"

_SHA2_256 = "1220"  # multihash prefix: sha2-256, 32 bytes

Lineage = Mapping[str, str]


@dataclass(frozen=True)
class Band:
    """One band of a raster product. Physical value = stored number * ``scale`` + ``offset``."""

    name: str
    description: str
    data_type: str
    """Of the stored numbers, as STAC names it: ``int16``, ``float32`` ..."""
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None
    unit: str | None = None
    common_name: str | None = None
    """Of the spectral band, as the eo extension names it: ``red``, ``rededge071``."""
    statistics: Mapping[str, float] = field(default_factory=dict)
    """``minimum``, ``maximum``, ``mean``, ``stddev``, ``valid_percent`` of the physical values, if known."""


@dataclass(frozen=True)
class Input:
    """Something a product was made from."""

    href: str
    """An absolute path, or a URI with a scheme. A STAC item where there is one, else the file itself."""
    title: str
    media_type: str | None = None


@dataclass(frozen=True)
class Origin:
    """Who made a product, how, and out of what."""

    software_version: str
    lineage: str
    """What was done, in one or two sentences (CommonMark)."""
    inputs: Sequence[Input]
    content_key: str
    level: Literal["L3", "L4"]
    facility: str | None = None
    expression: str | None = None
    """The formula, where there is one: ``(B08 - B04) / (B08 + B04)``."""


def raster_item(
    *,
    collection: str,
    item_id: str,
    asset: Path,
    grid: Grid,
    tile: str,
    acquired_at: datetime,
    bands: Sequence[Band],
    origin: Origin,
    platform: str | None = None,
    cloud_cover_percent: float | None = None,
    footprint: BaseGeometry | None = None,
    created: datetime | None = None,
    properties: Mapping[str, object] | None = None,
) -> pystac.Item:
    """Describe a raster made from one acquisition. The file must exist: its size and checksum are taken.

    Parameters
    ----------
    asset : the finished raster; the item is to be written beside it.
    grid : of the raster. The footprint is computed from it unless ``footprint`` (EPSG:4326) is given.
    acquired_at : UTC.
    cloud_cover_percent : 0..100 of the pixels with data, None where unknown.
    created : when the raster was first made; now by default. ``write_item`` keeps the earlier one.

    Raises
    ------
    FileNotFoundError
        When the raster does not exist.
    ValueError
        For a cloud cover outside 0..100.
    """
    outline = footprint if footprint is not None else grid_footprint(grid)
    item = _item(collection, item_id, outline, acquired_at, acquired_at, origin, created)
    _extend(item, PROJECTION, _projection(grid))
    _extend(item, GRID, {"grid:code": f"{'WRS2' if tile.isdigit() else 'MGRS'}-{tile}"})
    if platform is not None:
        item.properties["platform"] = _platform(platform)
    if cloud_cover_percent is not None:
        if not 0 <= cloud_cover_percent <= 100:
            raise ValueError(f"cloud cover of {cloud_cover_percent} %")
        _extend(item, EO, {"eo:cloud_cover": round(cloud_cover_percent, 2)})
    item.properties["gsd"] = grid.resolution_m
    item.properties.update(properties or {})
    facts = {**_file_facts(item, asset), "bands": [_band(band, grid) for band in bands]}
    _extend(item, RASTER, {})
    if any(band.common_name for band in bands):
        _extend(item, EO, {})
    item.add_asset("data", _asset(asset, bands[0].description, COG, ["data"], facts))
    return item


def table_item(
    *,
    collection: str,
    item_id: str,
    parquet: Path,
    footprint: BaseGeometry,
    start: date,
    end: date,
    origin: Origin,
    column_texts: Mapping[str, str] | None = None,
    others: Mapping[str, tuple[Path, str, str]] | None = None,
    created: datetime | None = None,
    properties: Mapping[str, object] | None = None,
) -> pystac.Item:
    """Describe a GeoParquet table and its copies in other formats. The files must exist.

    Parameters
    ----------
    parquet : the table, read for its columns, row count and primary geometry.
    footprint : area it speaks of, EPSG:4326 (the site's extent rather than each parcel); may be empty.
    start, end : first and last day (or instant) it speaks of.
    column_texts : what a column holds, by name.
    others : further assets, key -> (path, media type, title): the GeoPackage, all events.
    """
    item = _item(collection, item_id, footprint, start, end, origin, created)
    schema = pyarrow.parquet.read_schema(parquet)
    geo = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    texts = column_texts or {}
    columns = []
    for column in schema:
        entry = {"name": column.name, "type": str(column.type)}
        if column.name in texts:
            entry["description"] = texts[column.name]
        columns.append(entry)
    facts: dict[str, Any] = {
        "table:columns": columns,
        "table:row_count": pyarrow.parquet.read_metadata(parquet).num_rows,
    }
    if "primary_column" in geo:
        facts["table:primary_geometry"] = geo["primary_column"]
        crs = geo["columns"][geo["primary_column"]].get("crs", {"id": {"authority": "OGC", "code": "CRS84"}})
        if crs and "id" in crs:
            _extend(item, PROJECTION, {"proj:code": f"{crs['id']['authority']}:{crs['id']['code']}"})
    _extend(item, TABLE, facts)
    item.properties.update(properties or {})
    item.add_asset("data", _asset(parquet, "GeoParquet", GEOPARQUET, ["data"], _file_facts(item, parquet)))
    for key, (path, media_type, title) in (others or {}).items():
        item.add_asset(key, _asset(path, title, media_type, ["data"], _file_facts(item, path)))
    return item


def write_item(item: pystac.Item, path: Path, links: Mapping[str, Path] | None = None) -> Path:
    """Write an item so that a reader sees the old or the new one, never half; return its path.

    Hrefs that are absolute paths (assets, inputs) become relative to the item. Writing the same product anew
    keeps ``created`` and moves ``updated``; where nothing but the time differs, the file is left alone.
    ``links`` are the item's places in the catalogue, relation -> JSON file.
    """
    # Through JSON and back, so that it compares equal with what an earlier writing left.
    text = json.loads(json.dumps(item.to_dict(include_self_link=False, transform_hrefs=False)))
    for relation, target in (links or {}).items():
        text["links"].append({"rel": relation, "href": str(target.absolute()), "type": pystac.MediaType.JSON})
    for entry in (*text["assets"].values(), *text["links"]):
        entry["href"] = relative_href(entry["href"], path.parent.absolute())
    before = read_json(path)
    if before is not None:
        text["properties"]["created"] = before["properties"]["created"]
        if _timeless(before) == _timeless(text):
            return path
    write_json(path, text)
    return path


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a STAC file's content, or None where there is no such file."""
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a STAC file whole or not at all."""
    write_text_atomic(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def relative_href(href: str, folder: Path) -> str:
    """Return an absolute path as a percent-encoded reference from ``folder``; leave a URI as it is."""
    if not href.startswith("/"):
        return href
    return quote(PurePosixPath(os.path.relpath(href, folder)).as_posix())


def _item(
    collection: str,
    item_id: str,
    footprint: BaseGeometry,
    start: date,
    end: date,
    origin: Origin,
    created: datetime | None,
) -> pystac.Item:
    first, last = _instant(start, time.min), _instant(end, time(23, 59, 59))
    same = first == last
    now = utc_now().replace(microsecond=0)
    properties: dict[str, Any] = {
        "created": _text(created or now),
        "updated": _text(now),
        "sen4cap:content_key": origin.content_key,
    }
    item = pystac.Item(
        id=item_id,
        # No parcel with an outline: STAC says null, an empty polygon is no GeoJSON.
        geometry=None if footprint.is_empty else mapping(footprint),
        bbox=None if footprint.is_empty else bbox_of(footprint),
        datetime=first if same else None,
        start_datetime=None if same else first,
        end_datetime=None if same else last,
        properties=properties,
        collection=collection,
    )
    processing: dict[str, Any] = {
        "processing:level": origin.level,
        "processing:lineage": origin.lineage,
        "processing:software": {"sen4cap": origin.software_version},
    }
    if origin.facility is not None:
        processing["processing:facility"] = origin.facility
    if origin.expression is not None:
        processing["processing:expression"] = {"format": "text", "expression": origin.expression}
    _extend(item, PROCESSING, processing)
    for source in origin.inputs:
        item.add_link(pystac.Link("derived_from", source.href, source.media_type, source.title))
    return item


def _extend(item: pystac.Item, schema: str, facts: Mapping[str, object]) -> None:
    item.properties.update(facts)
    if schema not in item.stac_extensions:
        item.stac_extensions.append(schema)


def _projection(grid: Grid) -> dict[str, object]:
    x_min, y_min, x_max, y_max = grid.bounds_m
    return {
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape),
        "proj:transform": [float(value) for value in tuple(grid.transform)[:6]],
        "proj:bbox": [x_min, y_min, x_max, y_max],
    }


def _band(band: Band, grid: Grid) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": band.name,
        "description": band.description,
        "data_type": band.data_type,
        "raster:scale": band.scale,
        "raster:offset": band.offset,
        "raster:spatial_resolution": grid.resolution_m,
        "raster:sampling": "area",
    }
    if band.nodata is not None:
        # JSON has no such number; STAC writes it as a word.
        entry["nodata"] = "nan" if math.isnan(band.nodata) else band.nodata
    if band.unit is not None:
        entry["unit"] = band.unit
    if band.common_name is not None:
        entry["eo:common_name"] = band.common_name
    if band.statistics:
        entry["statistics"] = dict(band.statistics)
    return entry


def _asset(
    path: Path, title: str, media_type: str, roles: list[str], facts: Mapping[str, object]
) -> pystac.Asset:
    return pystac.Asset(
        str(path.absolute()), title=title, media_type=media_type, roles=roles, extra_fields=dict(facts)
    )


def _file_facts(item: pystac.Item, path: Path) -> dict[str, object]:
    _extend(item, FILE, {})
    return {"file:size": path.stat().st_size, "file:checksum": _SHA2_256 + sha256_file(path)}


def _platform(platform: str) -> str:
    # STAC names satellites in lower case and in full; the scene model uses ESA's short form.
    if platform.startswith("S2"):
        return f"sentinel-{platform[1:].lower()}"
    return f"landsat-{platform[1:]}" if platform in ("L8", "L9") else platform.lower()


def _instant(moment: date, of_day: time) -> datetime:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment, of_day, UTC)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _timeless(item: dict[str, Any]) -> dict[str, Any]:
    properties = {name: value for name, value in item["properties"].items() if name != "updated"}
    return {**item, "properties": properties}
