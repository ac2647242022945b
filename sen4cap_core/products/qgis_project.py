"""A QGIS project over the products of a site: parcels with their answers on top, rasters by date below."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyogrio
from pyproj import Transformer

from sen4cap_core.files import write_text_atomic
from sen4cap_core.products.collection_texts import TEXTS
from sen4cap_core.products.footprint import union_bbox
from sen4cap_core.products.naming import L4A_CROP_TYPES, L4B_MOWING, L4C_PRACTICES
from sen4cap_core.products.practice_exports import LAYER as PRACTICES_TABLE
from sen4cap_core.products.qgis_styles import (
    COMPLIANCE,
    CONFORMITY,
    GRADES,
    MOWINGS,
    RASTERS,
    SHOWN_ASSETS,
    Categories,
    crop_categories,
)
from sen4cap_core.products.qgis_xml import Group, Layer, RasterLayer, VectorLayer, project_xml
from sen4cap_core.products.stac import read_json
from sen4cap_core.products.tables import LAYER as MOWING_TABLE

MAX_DATES: Final = 12
"""Newest dates shown of each kind of raster and tile: QGIS opens every file of a project when it starts."""
_CROP_TABLE: Final = "CropType"
_TABLES: Final = {L4B_MOWING: MOWING_TABLE, L4C_PRACTICES: PRACTICES_TABLE, L4A_CROP_TYPES: _CROP_TABLE}
"""Layer of the GeoPackage of each kind of table."""


def project_path(root: Path, site: str) -> Path:
    """Return where the project of a site lies."""
    return root / "sites" / site / f"{site}.qgs"


def write_project(root: Path, site: str, items: Iterable[Path]) -> Path | None:
    """Write the project over a site's items; return its path, None where QGIS has nothing to show.

    Parameters
    ----------
    items : STAC items of the products in force, anywhere below ``root``
    """
    target = project_path(root, site)
    by_kind: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in items:
        item = read_json(path)
        if item is not None:
            by_kind[str(item["collection"])].append((path, item))
    groups = [
        group
        for kind in _TABLES
        for path, item in sorted(by_kind[kind], key=lambda pair: _instant(pair[1]), reverse=True)
        if (group := _table_group(target.parent, path, item)) is not None
    ]
    is_first = True
    for kind in RASTERS:
        for group in _raster_groups(target.parent, kind, by_kind[kind], is_shown=is_first):
            groups.append(group)
            is_first = False
    if not groups:
        return None
    shown = [item for pairs in by_kind.values() for _, item in pairs]
    crs = next((_crs_of(item) for kind in RASTERS for _, item in by_kind[kind]), "EPSG:3857")
    boxes = [item["bbox"] for item in shown if "bbox" in item]
    extent = _extent(union_bbox(boxes), crs) if boxes else (-2e7, -2e7, 2e7, 2e7)
    write_text_atomic(target, project_xml(f"Sen4CAP: {site}", groups, crs, extent))
    return target


def _raster_groups(
    folder: Path, kind: str, pairs: Sequence[tuple[Path, dict[str, Any]]], *, is_shown: bool
) -> list[Group]:
    """Return a group for each tile and asset of one kind, newest date first."""
    by_tile: dict[tuple[str, str], list[tuple[str, Layer]]] = defaultdict(list)
    for path, item in pairs:
        tile = str(item["properties"].get("grid:code", "")).rpartition("-")[2]
        for key, asset in item["assets"].items():
            if "tiff" not in asset.get("type", "") or key not in SHOWN_ASSETS.get(kind, {key}):
                continue
            day = _instant(item)[:10]
            layer = RasterLayer(
                f"{day} {tile}",
                _relative(path.parent / unquote(asset["href"]), folder),
                _crs_of(item),
                RASTERS[kind],
            )
            by_tile[tile, "" if key == "data" else key.upper()].append((_instant(item), layer))
    groups: list[Group] = []
    for (tile, asset), layers in sorted(by_tile.items()):
        newest = sorted(layers, key=lambda pair: pair[0], reverse=True)[:MAX_DATES]
        name = " ".join(part for part in (TEXTS[kind].title, asset, tile) if part)
        groups.append(Group(name, [layer for _, layer in newest], is_shown=is_shown and not groups))
    return groups


def _table_group(folder: Path, path: Path, item: Mapping[str, Any]) -> Group | None:
    asset = item["assets"].get("geopackage")
    if asset is None:
        return None
    file = path.parent / unquote(asset["href"])
    kind = item["collection"]
    period = f"{_instant(item, 'start_datetime')[:10]} to {_instant(item)[:10]}"
    table = _TABLES[kind]
    named: dict[str, Categories]
    if kind == L4B_MOWING:
        named = {"Times mown": MOWINGS, "Compliance": COMPLIANCE}
    elif kind == L4C_PRACTICES:
        named = {"Grade of the practice": GRADES}
    else:
        named = {"Crop type": _crops(path, item, file), "Contradictions": CONFORMITY}
    crs = pyogrio.read_info(file, layer=table)["crs"] or "EPSG:4326"
    practice = item["properties"].get("sen4cap:practice", "")
    source = _relative(file, folder)
    layers = [VectorLayer(title, source, table, crs, colours) for title, colours in named.items()]
    name = " ".join(part for part in (TEXTS[kind].title, practice, period) if part)
    return Group(name, layers, is_shown=kind == L4B_MOWING)


def _crops(path: Path, item: Mapping[str, Any], file: Path) -> Categories:
    """Return a colour for each crop type that was told, named as the crop code table names it."""
    frame = pyogrio.read_dataframe(file, layer=_CROP_TABLE, columns=["CT_pred_1"], read_geometry=False)
    numbers = {int(value) for value in frame["CT_pred_1"].dropna().unique()}
    names: dict[int, str] = {}
    table = item["assets"].get("crop_codes")
    if table is not None:
        with (path.parent / unquote(table["href"])).open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                lower = {name.lower(): value for name, value in row.items() if name}
                names[int(lower["ctnuml4a"])] = lower["ctl4a"]
    return crop_categories({number: names.get(number, "") for number in numbers})


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _crs_of(item: Mapping[str, Any]) -> str:
    return str(item["properties"]["proj:code"])


def _instant(item: Mapping[str, Any], name: str = "end_datetime") -> str:
    properties = item["properties"]
    return str(properties.get(name) or properties["datetime"])


def _extent(bbox: Sequence[float], crs: str) -> tuple[float, float, float, float]:
    transformer = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    west, south, east, north = bbox
    x_min, y_min, x_max, y_max = transformer.transform_bounds(west, south, east, north)
    return float(x_min), float(y_min), float(x_max), float(y_max)
