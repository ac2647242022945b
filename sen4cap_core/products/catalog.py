"""The STAC catalogue over the data root, so that a STAC browser can open it.

::

    catalog.json                                        root
    collections/<collection>/collection.json            one for each kind of product, over all sites
    sites/<site>/<year>/<kind>/<tile or season>/catalog.json    the items of one tile or season

A new item touches one small leaf (a tile has some 150 items a year) and, when the leaf is new or the
collection's extent grows, the collection: the cost of an item does not grow with the number of items.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac

from sen4cap_core.products.footprint import union_bbox
from sen4cap_core.products.naming import (
    L3B_NDVI,
    L4A_CROP_TYPES,
    L4B_MOWING,
    L4C_PRACTICES,
    S1_BACKSCATTER,
    S1_COHERENCE,
    S1_COMPOSITE,
    l3b_collection,
)
from sen4cap_core.products.stac import read_json, relative_href, write_item, write_json

ROOT_ID = "sen4cap"
_STAC_VERSION = "1.1.0"
_EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)  # of a collection whose items have no place
_LEAF_DEPTH = 5  # sites / <site> / <year> / <kind> / <tile or season>


@dataclass(frozen=True)
class CollectionText:
    """What people read of a collection."""

    title: str
    description: str
    keywords: tuple[str, ...]


_MASKED = "Clouds, shadows, snow, water and saturated pixels are missing."


def _l3b_text(title: str, what: str, *keywords: str) -> CollectionText:
    """Text of the rasters of one variable besides NDVI."""
    return CollectionText(
        f"{title} (L3B)",
        f"{what} of each scene, on the tile's own UTM grid. {_MASKED} int16 with scale and no-data value.",
        (*keywords, "vegetation", "L3B"),
    )


_INDEX_TITLES = {
    "ndwi": "NDWI, water in leaves",
    "ndwi2": "NDWI of McFeeters, open water",
    "mndwi": "MNDWI, open water",
    "ndti": "NDTI, turbidity",
    "ci": "Colour index of soils",
    "brightness": "Brightness in the visible",
    "brightness2": "Brightness with near infrared",
    "redness": "Redness of soils",
    "rvi": "RVI, ratio of near infrared and red",
    "savi": "SAVI, soil-adjusted vegetation index",
    "tsavi": "TSAVI, transformed soil-adjusted vegetation index",
    "msavi": "MSAVI, modified soil-adjusted vegetation index",
    "msavi2": "MSAVI2, modified soil-adjusted vegetation index",
    "gemi": "GEMI, global environment monitoring index",
    "ipvi": "IPVI, infrared percentage vegetation index",
    "tndvi": "TNDVI, transformed NDVI",
    "lai_ndvi": "Leaf area index from NDVI",
    "lai_linear": "Leaf area index, linear",
}

TEXTS: Mapping[str, CollectionText] = {
    L3B_NDVI: CollectionText(
        "NDVI (L3B)",
        "Normalised difference vegetation index of each Sentinel-2 scene, 10 m, on the tile's own UTM grid. "
        "Clouds, shadows, snow, water and saturated pixels are missing. int16, NDVI = number x 0.0001.",
        ("NDVI", "vegetation", "Sentinel-2", "L3B"),
    ),
    S1_COMPOSITE: CollectionText(
        "Radar composites",
        "Weekly, two-monthly, monthly and season composites of Sentinel-1 backscatter (linear power, and "
        "VV / VH) and coherence by orbit direction and polarisation, 20 m, on the tile's own UTM grid.",
        ("Sentinel-1", "backscatter", "coherence", "composite"),
    ),
    L4A_CROP_TYPES: CollectionText(
        "Crop types (L4A)",
        "Crop type of each declared parcel, told from a season of Sentinel-2 and Sentinel-1 parcel means: "
        "the two likeliest with their probabilities, conformity with the declaration, or why there is none.",
        ("crop type", "CAP", "parcels", "L4A"),
    ),
    **{
        l3b_collection(name): _l3b_text(title, "Spectral index", name.upper())
        for name, title in _INDEX_TITLES.items()
    },
    l3b_collection("lai"): _l3b_text(
        "Leaf area index", "Leaf area index (m2 of leaves per m2 of ground) by the published networks", "LAI"
    ),
    l3b_collection("fapar"): _l3b_text(
        "fAPAR", "Fraction of absorbed photosynthetically active radiation by the published networks", "fAPAR"
    ),
    l3b_collection("fcover"): _l3b_text(
        "Vegetation cover", "Fraction of ground covered by vegetation by the published networks", "fCover"
    ),
    S1_BACKSCATTER: CollectionText(
        "Radar backscatter",
        "sigma0 of each Sentinel-1 acquisition in linear power, 20 m, on the tile's own UTM grid; thermal "
        "noise removed, no speckle filter, no terrain flattening.",
        ("backscatter", "Sentinel-1", "SAR"),
    ),
    S1_COHERENCE: CollectionText(
        "Radar coherence",
        "Coherence of two Sentinel-1 acquisitions 6 or 12 days apart, 20 m, on the tile's own UTM grid; "
        "estimated in windows of 80 m by 70 m.",
        ("coherence", "Sentinel-1", "SAR", "interferometry"),
    ),
    L4B_MOWING: CollectionText(
        "Grassland mowing (L4B)",
        "Mowing events of each declared parcel over a season, with dates, confidence and compliance. "
        "One item for each evaluation; the newest one of a season supersedes the earlier ones.",
        ("mowing", "grassland", "CAP", "parcels", "L4B"),
    ),
    L4C_PRACTICES: CollectionText(
        "Agricultural practices (L4C)",
        "Harvest week, catch crops, fallow, nitrogen-fixing crops and tillage of each row of a practice "
        "table, with markers and grade. One item for each practice and evaluation; the newest one of a year "
        "supersedes the earlier ones.",
        ("harvest", "catch crop", "fallow", "CAP", "parcels", "L4C"),
    ),
}


def publish_item(data_root: Path, item: pystac.Item, path: Path) -> Path:
    """Write an item to ``path`` below the data root and enter it in the catalogue; return its path.

    Idempotent: publishing the same item again changes no file. Safe beside other processes on this data root.

    Raises
    ------
    ValueError
        When the path is not where products lie, or the collection has no text here.
    """
    leaf = _leaf_of(data_root, path)
    collection = _collection_path(data_root, str(item.collection_id))
    _text_of(str(item.collection_id))
    links = {"root": data_root / "catalog.json", "parent": leaf, "collection": collection}
    write_item(item, path, links)
    with _lock(data_root):
        _enter(data_root, path)
    return path


def rebuild_catalog(data_root: Path) -> int:
    """Make the catalogue anew from the items on disk (after deletions or a restored backup); return how many.

    Items found are entered; entries whose item is gone vanish. Items themselves are not touched.
    """
    with _lock(data_root):
        for stale in (*data_root.glob("sites/*/*/*/*/catalog.json"), *data_root.glob("collections/*/*.json")):
            stale.unlink()
        paths = [path for path in sorted(data_root.glob("sites/**/*.json")) if _is_item(path)]
        for path in paths:
            _enter(data_root, path)
        _write_root(data_root)
    return len(paths)


def _is_item(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    content = read_json(path)
    return content is not None and content.get("type") == "Feature"


def _enter(data_root: Path, path: Path) -> None:
    item = read_json(path)
    if item is None:
        raise FileNotFoundError(path)
    leaf = _leaf_of(data_root, path)
    collection = _collection_path(data_root, item["collection"])
    _write_leaf(data_root, leaf, collection, path, item["id"])
    _write_collection(data_root, collection, leaf, item)
    _write_root(data_root)


def _write_leaf(data_root: Path, leaf: Path, collection: Path, path: Path, item_id: str) -> None:
    site, year, kind, place = leaf.relative_to(data_root).parts[1:_LEAF_DEPTH]
    content = read_json(leaf) or {
        "type": "Catalog",
        "stac_version": _STAC_VERSION,
        "id": f"{site}-{year}-{kind}-{place}",
        "title": f"{site} {year} {place}",
        "description": f"{kind.upper()} products of site {site}, year {year}: {place}.",
        "links": [],
    }
    links = [
        _link("root", data_root / "catalog.json", leaf),
        _link("parent", collection, leaf),
        *(link for link in content["links"] if link["rel"] == "item"),
    ]
    _write_changed(
        leaf,
        content,
        _with(links, _link("item", path, leaf, title=item_id, media_type="application/geo+json")),
    )


def _write_collection(data_root: Path, path: Path, leaf: Path, item: Mapping[str, Any]) -> None:
    text = _text_of(item["collection"])
    before = read_json(path) or {"links": []}
    boxes = [item["bbox"]] if "bbox" in item else []
    first, last = _interval(item)
    if "extent" in before:
        boxes += [box for box in before["extent"]["spatial"]["bbox"][:1] if tuple(box) != _EVERYWHERE]
        known_first, known_last = before["extent"]["temporal"]["interval"][0]
        first, last = min(first, known_first), max(last, known_last)
    content = {
        "type": "Collection",
        "stac_version": _STAC_VERSION,
        "id": item["collection"],
        "title": text.title,
        "description": text.description,
        "keywords": list(text.keywords),
        "license": "other",
        "extent": {
            "spatial": {"bbox": [union_bbox(boxes) if boxes else list(_EVERYWHERE)]},
            "temporal": {"interval": [[first, last]]},
        },
    }
    links = [
        _link("root", data_root / "catalog.json", path),
        _link("parent", data_root / "catalog.json", path),
        *(link for link in before["links"] if link["rel"] == "child"),
    ]
    title = " ".join(leaf.relative_to(data_root).parts[i] for i in (1, 2, 4))
    _write_changed(path, content, _with(links, _link("child", leaf, path, title=title)))


def _write_root(data_root: Path) -> None:
    path = data_root / "catalog.json"
    content = {
        "type": "Catalog",
        "stac_version": _STAC_VERSION,
        "id": ROOT_ID,
        "title": "Sen4CAP products",
        "description": "Satellite checks of farmers' declarations: rasters and parcel tables of all sites.",
    }
    links = [_link("root", path, path)]
    for collection in sorted(data_root.glob("collections/*/collection.json")):
        title = _text_of(collection.parent.name).title
        links = _with(links, _link("child", collection, path, title=title))
    _write_changed(path, content, links)


def _with(links: list[dict[str, str]], link: dict[str, str]) -> list[dict[str, str]]:
    """Return the links with one more, once, members in order of their href."""
    members = {old["href"]: old for old in links if old["rel"] == link["rel"]} | {link["href"]: link}
    others = [old for old in links if old["rel"] != link["rel"]]
    return others + [members[href] for href in sorted(members)]


def _write_changed(path: Path, content: Mapping[str, Any], links: list[dict[str, str]]) -> None:
    content = {**content, "links": links}
    if read_json(path) != content:
        write_json(path, content)


def _link(
    relation: str,
    target: Path,
    source: Path,
    *,
    title: str | None = None,
    media_type: str = "application/json",
) -> dict[str, str]:
    href = relative_href(str(target.absolute()), source.parent.absolute())
    link = {"rel": relation, "href": href, "type": media_type}
    return link if title is None else {**link, "title": title}


def _interval(item: Mapping[str, Any]) -> tuple[str, str]:
    properties = item["properties"]
    moment = properties.get("datetime")
    return properties.get("start_datetime") or moment, properties.get("end_datetime") or moment


def _leaf_of(data_root: Path, path: Path) -> Path:
    parts = path.absolute().relative_to(data_root.absolute()).parts
    if len(parts) <= _LEAF_DEPTH or parts[0] != "sites":
        raise ValueError(f"{path} is not below sites/<site>/<year>/<kind>/<tile or season> of {data_root}")
    return data_root.joinpath(*parts[:_LEAF_DEPTH], "catalog.json")


def _collection_path(data_root: Path, collection: str) -> Path:
    return data_root / "collections" / collection / "collection.json"


def _text_of(collection: str) -> CollectionText:
    if collection not in TEXTS:
        raise ValueError(f"unknown collection {collection!r}; known: {', '.join(TEXTS)}")
    return TEXTS[collection]


@contextmanager
def _lock(data_root: Path) -> Iterator[None]:
    # Read, change, write of the same leaf by two workers would lose an entry.
    data_root.mkdir(parents=True, exist_ok=True)
    with (data_root / ".catalog.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
