"""The STAC catalogue over the data root, so that a STAC browser can open it: site, collection, item.

::

    catalog.json                                                             a child for each site
    sites/<site>/catalog.json                                                a child for each collection
    sites/<site>/collections/<collection>/collection.json                    one for each kind of product
    sites/<site>/collections/<collection>/<year>/<tile or season>/catalog.json    links the items

All links are relative, so that the data root opens wherever it is copied to. A collection has the same id in
each site, as items name their collection, not their site. A new item touches one small leaf (a tile has some
150 items a year) and, when the leaf is new or the collection's extent grows, the collection: the cost of an
item does not grow with the number of items.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac

from sen4cap_core.products.collection_texts import TEXTS, text_of
from sen4cap_core.products.footprint import union_bbox
from sen4cap_core.products.stac import read_json, relative_href, write_item, write_json

ROOT_ID = "sen4cap"
_STAC_VERSION = "1.1.0"
_EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)  # of a collection whose items have no place
_ITEM_DEPTH = 5  # sites / <site> / <year> / <kind> / <tile or season>


@dataclass(frozen=True)
class _Place:
    """Where an item stands in the catalogue."""

    data_root: Path
    site: str
    year: str
    place: str
    """Tile, season or practice."""
    collection_id: str

    @property
    def root(self) -> Path:
        return self.data_root / "catalog.json"

    @property
    def of_site(self) -> Path:
        return self.data_root / "sites" / self.site / "catalog.json"

    @property
    def collection(self) -> Path:
        return self.of_site.parent / "collections" / self.collection_id / "collection.json"

    @property
    def leaf(self) -> Path:
        return self.collection.parent / self.year / self.place / "catalog.json"

    @property
    def links(self) -> dict[str, Path]:
        """Of an item, relation -> file."""
        return {"root": self.root, "parent": self.leaf, "collection": self.collection}


def publish_item(data_root: Path, item: pystac.Item, path: Path) -> Path:
    """Write an item to ``path`` below the data root and enter it in the catalogue; return its path.

    Idempotent: publishing the same item again changes no file. Safe beside other processes on this data root.
    A reader meets only whole files, and a link only after what it points at.

    Raises
    ------
    ValueError
        When the path is not where products lie, or the collection has no text here.
    """
    place = _place_of(data_root, path, str(item.collection_id))
    text_of(place.collection_id)
    write_item(item, path, place.links)
    with _lock(data_root):
        _enter(data_root, path)
    return path


def rebuild_catalog(data_root: Path) -> int:
    """Make the catalogue anew from the items on disk (after deletions or a restored backup); return how many.

    Items found are entered; entries whose item is gone vanish. Of the items only those links are set that
    place them in the catalogue.
    """
    with _lock(data_root):
        for stale in [*data_root.glob("sites/*/catalog.json"), *_below_collections(data_root)]:
            stale.unlink()
        paths = [path for path in sorted(data_root.glob("sites/**/*.json")) if _is_item(path)]
        for path in paths:
            _set_links(data_root, path)
            _enter(data_root, path)
        _write_root(data_root / "catalog.json", [])
        _write_root(data_root / "catalog.json", sorted(data_root.glob("sites/*/catalog.json")))
    return len(paths)


def remove_items(data_root: Path, paths: Iterable[Path]) -> int:
    """Delete items and take them out of their leaves; return how many there were.

    Collections and extents stay as they are, and leaves that are empty now: ``rebuild_catalog`` tidies up.
    """
    removed = 0
    with _lock(data_root):
        for path in paths:
            item = read_json(path)
            if item is None or item.get("type") != "Feature":
                continue
            place = _place_of(data_root, path, item["collection"])
            content = read_json(place.leaf)
            if content is not None:
                href = _link("item", path, place.leaf)["href"]
                links = [link for link in content["links"] if link["href"] != href]
                _write_changed(place.leaf, content, links)
            path.unlink()
            removed += 1
    return removed


def _below_collections(data_root: Path) -> Iterator[Path]:
    for pattern in ("*/collection.json", "*/*/*/catalog.json"):
        yield from data_root.glob(f"sites/*/collections/{pattern}")


def _is_item(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    content = read_json(path)
    return content is not None and content.get("type") == "Feature" and content.get("collection") in TEXTS


def _set_links(data_root: Path, path: Path) -> None:
    item = read_json(path)
    if item is None:
        raise FileNotFoundError(path)
    wanted = _place_of(data_root, path, item["collection"]).links
    links = [link for link in item["links"] if link["rel"] not in wanted]
    links += [_link(relation, target, path) for relation, target in wanted.items()]
    _write_changed(path, item, links)


def _enter(data_root: Path, path: Path) -> None:
    item = read_json(path)
    if item is None:
        raise FileNotFoundError(path)
    place = _place_of(data_root, path, item["collection"])
    _write_leaf(place, path, item["id"])
    _write_collection(place, item)
    _write_site(place)
    _write_root(place.root, [place.of_site])


def _write_leaf(place: _Place, path: Path, item_id: str) -> None:
    leaf = place.leaf
    kind = text_of(place.collection_id).title
    content = read_json(leaf) or {
        "type": "Catalog",
        "stac_version": _STAC_VERSION,
        "id": "-".join((place.site, place.collection_id, place.year, place.place)),
        "title": f"{place.year} {place.place}",
        "description": f"{kind} of site {place.site}, {place.year}: {place.place}.",
        "links": [],
    }
    links = [
        _link("root", place.root, leaf),
        _link("parent", place.collection, leaf),
        *(link for link in content["links"] if link["rel"] == "item"),
    ]
    _write_changed(
        leaf,
        content,
        _with(links, _link("item", path, leaf, title=item_id, media_type="application/geo+json")),
    )


def _write_collection(place: _Place, item: Mapping[str, Any]) -> None:
    path = place.collection
    text = text_of(item["collection"])
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
        _link("root", place.root, path),
        _link("parent", place.of_site, path),
        *(link for link in before["links"] if link["rel"] == "child"),
    ]
    title = f"{place.year} {place.place}"
    _write_changed(path, content, _with(links, _link("child", place.leaf, path, title=title)))


def _write_site(place: _Place) -> None:
    path = place.of_site
    content = read_json(path) or {
        "type": "Catalog",
        "stac_version": _STAC_VERSION,
        "id": f"{ROOT_ID}-{place.site}",
        "title": place.site,
        "description": f"Products of site {place.site}.",
        "links": [],
    }
    links = [
        _link("root", place.root, path),
        _link("parent", place.root, path),
        *(link for link in content["links"] if link["rel"] == "child"),
    ]
    title = text_of(place.collection_id).title
    _write_changed(path, content, _with(links, _link("child", place.collection, path, title=title)))


def _write_root(path: Path, sites: Sequence[Path]) -> None:
    """Write the root with these sites beside those it has; without any it has none."""
    before = read_json(path) or {"links": []}
    content = {
        "type": "Catalog",
        "stac_version": _STAC_VERSION,
        "id": ROOT_ID,
        "title": "Sen4CAP products",
        "description": "Satellite checks of farmers' declarations: rasters and parcel tables of all sites.",
    }
    links = [_link("root", path, path)]
    links += [link for link in before["links"] if link["rel"] == "child" and sites]
    for site in sites:
        links = _with(links, _link("child", site, path, title=site.parent.name))
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


def _place_of(data_root: Path, path: Path, collection: str) -> _Place:
    parts = path.absolute().relative_to(data_root.absolute()).parts
    if len(parts) <= _ITEM_DEPTH or parts[0] != "sites":
        raise ValueError(f"{path} is not below sites/<site>/<year>/<kind>/<tile or season> of {data_root}")
    _, site, year, _, place = parts[:_ITEM_DEPTH]
    return _Place(data_root, site, year, place, collection)


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
