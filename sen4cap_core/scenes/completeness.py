"""Whether a scene has arrived whole, or is still being copied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sen4cap_core.errors import BadUploadError, IncompleteArchiveError, UnsafeArchiveError
from sen4cap_core.scenes.files.product_files import FolderFiles, ProductFiles, product_roots
from sen4cap_core.scenes.files.raster_header import inspect_tiff, read_raster_header
from sen4cap_core.scenes.landsat import product as landsat
from sen4cap_core.scenes.landsat.metadata import is_landsat_metadata
from sen4cap_core.scenes.maja import product as maja
from sen4cap_core.scenes.maja.product import is_maja_metadata
from sen4cap_core.scenes.radar.s1_reading import lacking_of_radar, looks_like_radar
from sen4cap_core.scenes.reading import optical_kind
from sen4cap_core.scenes.sentinel2.s2_metadata import ProductMetadata, read_product_metadata
from sen4cap_core.scenes.sentinel2.s2_safe import (
    L1C_METADATA,
    PRODUCT_METADATA,
    choose_images,
    find_image_fault,
    open_product_files,
)
from sen4cap_core.scenes.stac import landsat_item
from sen4cap_core.scenes.stac.landsat_item import is_landsat_item
from sen4cap_core.scenes.stac.stac_aerosol import aerosol_key
from sen4cap_core.scenes.stac.stac_assets import find_bands, resolve_href
from sen4cap_core.scenes.stac.stac_item import NEEDED, load_item


@dataclass(frozen=True)
class Completeness:
    """What a scene still waits for, in words (``GRANULE/.../T30TUM_..._B04_10m.jp2: it is missing``)."""

    lacking: list[str] = field(default_factory=list)
    """Without these it cannot be opened."""
    lacking_extras: list[str] = field(default_factory=list)
    """The product lists these and they are not there (yet); it can be opened without them."""

    @property
    def is_complete(self) -> bool:
        """Everything that the scene lists is there."""
        return not self.lacking and not self.lacking_extras

    @property
    def is_usable(self) -> bool:
        """Everything that will be read is there. After a while without growth this is enough."""
        return not self.lacking


def check_completeness(path: Path) -> Completeness:
    """Compare what a scene lists with what is there; for a ``.SAFE`` folder, its zip, a STAC item or
    a radar product.

    Cheap: metadata are parsed, of each image the first bytes and the end are looked at. A scene that will
    never be readable (Level-1C, not a STAC item) counts as complete: waiting does not mend it, opening it
    says why.
    """
    if looks_like_radar(path):
        return Completeness(lacking=lacking_of_radar(path))
    kind = optical_kind(path)
    if kind == "maja":
        return _check_tiffs(
            path, is_maja_metadata, lambda files: maja.listed_files(maja.read_metadata(files))
        )
    if kind == "landsat":
        return _check_tiffs(
            path, is_landsat_metadata, lambda files: landsat.listed_files(landsat.read_metadata(files))
        )
    if path.is_dir():
        return _check_folder(FolderFiles(path))
    if path.suffix.lower() == ".zip":
        return _check_zip(path)
    return _check_item(path)


def _check_tiffs(
    path: Path, is_marker: Callable[[str], bool], listed: Callable[[ProductFiles], list[str]]
) -> Completeness:
    """Look at the images that a MAJA or Landsat product will be read from."""
    try:
        roots = product_roots(path, is_marker)
        if not roots:
            return Completeness(lacking=["its metadata: missing"])
        names = [(files, name) for files in roots for name in listed(files)]
    except UnsafeArchiveError as error:
        # The end of an archive tells whether it has arrived whole.
        cut = isinstance(error, IncompleteArchiveError) or "cut short" in error.what
        return Completeness(lacking=[error.what]) if cut else Completeness()
    except BadUploadError as error:
        return Completeness(lacking=[error.what])
    answer = Completeness()
    for files, name in names:
        try:
            inspect_tiff(files, name)
        except ValueError as error:
            answer.lacking.append(f"{name}: {error}")
    return answer


def _check_folder(files: ProductFiles) -> Completeness:
    if files.size(PRODUCT_METADATA) is None:
        if files.size(L1C_METADATA) is not None:
            return Completeness()
        return Completeness(lacking=[f"{PRODUCT_METADATA}: it is missing"])
    try:
        product = read_product_metadata(files.read(PRODUCT_METADATA), PRODUCT_METADATA)
    except BadUploadError as error:
        return Completeness(lacking=[f"{PRODUCT_METADATA}: {error.what}"])
    return _check_images(files, product)


def _check_images(files: ProductFiles, product: ProductMetadata) -> Completeness:
    answer = Completeness()
    if not files.size("manifest.safe"):
        answer.lacking_extras.append("manifest.safe: it is missing")
    for listing in product.granules:
        metadata = f"{listing.folder}/MTD_TL.xml"
        if not files.size(metadata):
            answer.lacking.append(f"{metadata}: it is missing")
        needed = {name for _, name in choose_images(listing).values()}
        for name in sorted(listing.images.values()):
            fault = find_image_fault(files, name)
            if fault is not None:
                (answer.lacking if name in needed else answer.lacking_extras).append(f"{name}: {fault}")
    return answer


def _check_zip(path: Path) -> Completeness:
    # The directory of a zip stands at its end: an archive that opens has arrived whole.
    try:
        open_product_files(path)
    except BadUploadError as error:
        complete = not isinstance(error, IncompleteArchiveError)
        return Completeness() if complete else Completeness(lacking=[error.what])
    return Completeness()


def _check_item(path: Path) -> Completeness:
    try:
        item = load_item(path)
    except BadUploadError as error:
        return Completeness(lacking=[error.what]) if "valid JSON" in error.what else Completeness()
    answer = Completeness()
    for href, is_needed in _listed_in_item(item):
        try:
            target = resolve_href(path, href)
        except ValueError:
            continue
        try:
            read_raster_header(target)
        except ValueError as error:
            (answer.lacking if is_needed else answer.lacking_extras).append(f"{href}: {error}")
    return answer


def _listed_in_item(item: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Files that will be read of an item, and whether the scene is of no use without."""
    assets = item["assets"]
    if is_landsat_item(item):
        return [
            (str(assets[key].get("href", "")), name in landsat_item.NEEDED)
            for key, name in landsat_item.ASSETS.items()
            if isinstance(assets.get(key), Mapping)
        ]
    listed = [(asset.href, band in NEEDED) for band, asset in find_bands(assets).items()]
    aerosol = aerosol_key(assets)
    if aerosol is not None and isinstance(assets[aerosol], Mapping):
        listed.append((str(assets[aerosol].get("href", "")), False))
    return listed
