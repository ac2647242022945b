"""Do tables, disk and catalogue say the same? What is missing, what is nobody's, what links to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from sen4cap_core.db.made import disk_facts
from sen4cap_core.db.made.product_list import ProductFacts, list_products
from sen4cap_core.files import files_below, is_partial
from sen4cap_core.products.catalog import rebuild_catalog
from sen4cap_core.products.stac import read_json
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.product_files import files_of_product
from sen4cap_core.steps.upkeep.lost_answers import ask_lost_answers
from sen4cap_core.steps.upkeep.lost_products import ask_lost_products

_PRODUCT_SUFFIXES = {".tif", ".parquet", ".json", ".gpkg", ".csv", ".ipc", ".idx", ".shp"}
_OURS_WITHOUT_ROWS = {"labels", "collections", "l2a"}
"""Folders of a site that hold what is made again when it is not there, or is no product."""


@dataclass
class Differences:
    """Where tables, disk and catalogue differ; all empty when they agree."""

    missing_products: list[str] = field(default_factory=list)
    """Files that a product names and that are not there."""
    missing_observations: list[str] = field(default_factory=list)
    missing_scenes: list[str] = field(default_factory=list)
    """Scenes whose file was moved away: nothing more can be read from them."""
    left_over: list[str] = field(default_factory=list)
    """Files of products that were given up."""
    orphans: list[str] = field(default_factory=list)
    """Files below a site that no row names."""
    broken_links: list[str] = field(default_factory=list)
    """Catalogue entries without their file."""
    not_in_catalogue: list[str] = field(default_factory=list)
    lost_products: list[int] = field(default_factory=list, repr=False)
    lost_observations: list[int] = field(default_factory=list, repr=False)

    def found(self) -> dict[str, list[str]]:
        """Return what differs, by name, without what agrees."""
        return {
            name.replace("_", " "): value
            for name, value in vars(self).items()
            if value and not name.startswith("lost_")
        }


def check_files(context: Context) -> Differences:
    """Compare the tables with disk and catalogue; nothing is changed, and only items are opened."""
    root = context.settings.data.absolute()
    found = Differences()
    with context.session() as session:
        products = list_products(session)
        given_up = list_products(session, retired=True)
        observations = disk_facts.observation_paths(session)
        scenes = disk_facts.scene_paths(session)
        sites = disk_facts.site_slugs(session)
    named: set[Path] = set()
    for one in products:
        files = files_of_product(root, one)
        named.update(files)
        if missing := [path for path in files if not path.is_file()]:
            found.missing_products += [_shown(path, root) for path in missing]
            found.lost_products.append(one.id)
    for one in given_up:
        found.left_over += [
            _shown(path, root) for path in files_of_product(root, one) if path not in named and path.is_file()
        ]
        named.update(files_of_product(root, one))
    for number, relative in observations.items():
        named.add(root / relative)
        if not (root / relative).is_file():
            found.missing_observations.append(relative)
            found.lost_observations.append(number)
    found.missing_scenes = [f"{product}: {path}" for _, product, path in scenes if not Path(path).exists()]
    for site in sites:
        found.orphans += [_shown(path, root) for path in _files_of_site(root, site) if path not in named]
    _check_catalogue(root, products, found)
    return found


def repair(context: Context, found: Differences) -> None:
    """Mend what can be mended: lost rasters, observations, composites, marker databases and the answers in
    force about crop types, crop diversification, mowing and practices are made again, the catalogue is built
    anew.

    Orphans are not deleted: that is for a person to decide.
    """
    with context.session() as session:
        ask_lost_answers(session, context.settings.data, found.lost_products)
        ask_lost_products(session, context.settings.data, found.lost_products)
        disk_facts.forget(session, found.lost_products, found.lost_observations)
    rebuild_catalog(context.settings.data)


def _files_of_site(root: Path, site: str) -> Iterator[Path]:
    home = root / "sites" / site
    if not home.is_dir():
        return
    for path in files_below(home):
        parts = path.relative_to(home).parts
        is_ours = path.suffix in _PRODUCT_SUFFIXES and not is_partial(path) and path.name != "catalog.json"
        if is_ours and not _OURS_WITHOUT_ROWS & set(parts[:2]):
            yield path.absolute()


def _check_catalogue(root: Path, products: list[ProductFacts], found: Differences) -> None:
    entered: set[Path] = set()
    for path in (
        root / "catalog.json",
        *root.glob("sites/*/catalog.json"),
        *root.glob("sites/*/collections/**/*.json"),
    ):
        content = read_json(path)
        for link in content["links"] if content else ():
            if link["rel"] not in ("item", "child"):
                continue
            target = Path(str((path.parent / unquote(link["href"])).resolve()))
            entered.add(target)
            if not target.is_file():
                found.broken_links.append(f"{_shown(path, root)} -> {link['href']}")
    for one in products:
        item = (root / one.stac_path).resolve() if one.stac_path else None
        if item is not None and item.is_file() and item not in entered:
            found.not_in_catalogue.append(str(one.stac_path))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
