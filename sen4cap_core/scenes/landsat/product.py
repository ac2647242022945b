"""Landsat 8 and 9 Collection 2 Level 2 as USGS delivers it: a tar, or its folder.

The scene keeps its own 30 m grid in its own UTM zone; parcels are projected to it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import CLOUD, LAND, NO_DATA, SATURATED, SHADOW, SNOW, WATER
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.angles import MeanAngle, SceneAngles
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.files.product_files import ProductFiles, product_roots
from sen4cap_core.scenes.files.raster_header import RasterHeader, inspect_tiff
from sen4cap_core.scenes.landsat.metadata import (
    BAND_NAMES,
    LandsatMetadata,
    is_landsat_metadata,
    read_landsat_metadata,
)

REQUIRED = (4, 5)
SCALE, OFFSET = 2.75e-5, -0.2
"""Of Collection 2, where the metadata do not state them."""
FILL = 0.0

DILATED, CIRRUS, CLOUD_BIT, SHADOW_BIT, SNOW_BIT, WATER_BIT = 2, 4, 8, 16, 32, 128
"""Bits of QA_PIXEL; bit 0 is fill."""
_SATURATED_BITS = 0b1111111
"""Bits of QA_RADSAT for bands 1 to 7."""

_NAME = re.compile(r"L[COTE]0\d_L\d[A-Z]{2}_\d{6}_\d{8}_\d{8}_\d\d_(?:RT|T1|T2)", re.IGNORECASE)
_LEVEL_1 = re.compile(r"LC0[89]_L1(?:TP|GT|GS)_\d{6}_.+_MTL\.(?:xml|json|txt)$", re.IGNORECASE)
COPY_AGAIN = "copy or download the product again; the copy may have been cut short."


def is_landsat_name(name: str) -> bool:
    """Whether a folder or archive is named as a Landsat Collection product is."""
    return _NAME.match(name) is not None


def open_landsat(path: Path) -> list[Scene]:
    """Open a Collection 2 Level-2 product: its folder, a tar, or a zip.

    Raises
    ------
    UnreadableSceneError
        Metadata missing or contradictory; an image missing, cut short, of another size or coordinate system.
    BadUploadError
        It is a Level-1 product, or of another satellite or collection.
    UnsafeArchiveError
        The archive is not safe to read, or not whole.
    """
    roots = product_roots(path, is_landsat_metadata)
    if not roots:
        raise UnreadableSceneError(
            path,
            "it holds no *_MTL.xml, .json or .txt.",
            expected="a Landsat Collection 2 Level-2 product as USGS delivers it",
            remedy=COPY_AGAIN,
        )
    return [_open_product(path, files) for files in roots]


def find_landsat_level_1(path: Path) -> ProductFiles | None:
    """Return the Level-1 product of Landsat 8 or 9 in a folder or archive, None where there is none.

    Never raises for content. Its metadata file tells by its name alone.
    """
    try:
        if not path.is_dir() and path.suffix.lower() not in (".zip", ".tar"):
            return None
        return next(iter(product_roots(path, lambda name: _LEVEL_1.match(name) is not None)), None)
    except BadUploadError:
        return None


def read_metadata(files: ProductFiles) -> LandsatMetadata:
    """Read the metadata of a product, the XML before JSON before text."""
    names = [name for name in files.names() if "/" not in name and is_landsat_metadata(name)]
    order = {"xml": 0, "json": 1, "txt": 2}
    name = min(names, key=lambda name: order[name.rpartition(".")[2].lower()])
    return read_landsat_metadata(files.read(name), name)


def needed_files(metadata: LandsatMetadata) -> dict[str, str]:
    """Return band or mask name -> file of everything that will be read."""
    needed = {BAND_NAMES[band]: name for band, name in metadata.files.items()}
    if metadata.pixel_quality:
        needed["QA_PIXEL"] = metadata.pixel_quality
    if metadata.saturation:
        needed["QA_RADSAT"] = metadata.saturation
    return needed


def listed_files(metadata: LandsatMetadata) -> list[str]:
    """Return the files that will be read."""
    return list(needed_files(metadata).values())


def pixel_table() -> NDArray[np.uint8]:
    """Status of each number of QA_PIXEL: fill, then cloud, shadow, water, snow; uint8 (65536,)."""
    numbers = np.arange(65536)
    table = np.full(65536, LAND, np.uint8)
    table[numbers & SNOW_BIT > 0] = SNOW
    table[numbers & WATER_BIT > 0] = WATER
    table[numbers & SHADOW_BIT > 0] = SHADOW
    table[numbers & (DILATED | CIRRUS | CLOUD_BIT) > 0] = CLOUD
    table[numbers & 1 > 0] = NO_DATA
    return table


def saturation_table() -> NDArray[np.uint8]:
    """Status of each number of QA_RADSAT: saturated where any band of surface reflectance is; (65536,)."""
    return np.where(np.arange(65536) & _SATURATED_BITS > 0, SATURATED, LAND).astype(np.uint8)


def check_level(path: Path, metadata: LandsatMetadata) -> None:
    """Raise BadUploadError where a product is not Landsat 8 or 9 Collection 2 Level 2."""
    if metadata.level.startswith("L1"):
        wanted = metadata.product_id.replace(metadata.level, "L2SP", 1)
        raise BadUploadError(
            path,
            "this is a Landsat Level-1 product (top of the atmosphere).",
            expected="Collection 2 Level-2 (surface reflectance)",
            remedy=f"drop the Level-2 product of the same acquisition: {wanted[:26]}*; or let the operator "
            "install MAJA and set SEN4CAP_MAJA (docs/operations.md), then drop it again",
        )
    if metadata.platform not in ("L8", "L9") or metadata.collection not in ("02", "2"):
        raise BadUploadError(
            path,
            f"this is a product of {metadata.platform}, collection {metadata.collection or 'not stated'}.",
            expected="Landsat 8 or 9, Collection 2 Level-2",
        )


def _open_product(path: Path, files: ProductFiles) -> Scene:
    metadata = read_metadata(files)
    check_level(path, metadata)
    lacking = [f"SR_B{band}" for band in REQUIRED if band not in metadata.files]
    if not metadata.pixel_quality:
        lacking.append("QA_PIXEL")
    if lacking:
        raise UnreadableSceneError(
            path,
            f"its metadata list no {', '.join(lacking)}.",
            expected="surface reflectance of red (SR_B4) and near infrared (SR_B5), and QA_PIXEL",
            remedy="download the whole product, not a selection of its files.",
        )
    needed = needed_files(metadata)
    grid = _check_files(path, files, metadata, needed)
    warnings = []
    if "QA_RADSAT" not in needed:
        warnings.append("it has no QA_RADSAT: saturated pixels are not masked.")
    if metadata.tier.upper() == "T2":
        warnings.append("tier 2: its place on the ground may be off by more than 12 m.")
    numbers_of = {name: band for band, name in BAND_NAMES.items()}
    tables = {"QA_PIXEL": pixel_table(), "QA_RADSAT": saturation_table()}
    return Scene(
        product_id=metadata.product_id,
        sensor="landsat-l2",
        platform=metadata.platform,
        acquired_at=metadata.acquired_at,
        tile=metadata.path_row,
        format="landsat" if path.is_dir() else "landsat-archive",
        path=path,
        acquisition_key=f"landsat/{metadata.path_row}/{metadata.platform}/{metadata.acquired_at:%Y%m%d}",
        grid=grid,
        bands={
            name: BandSource(
                name,
                files.uri(file),
                grid,
                scale=metadata.scale.get(numbers_of[name], SCALE),
                offset=metadata.offset.get(numbers_of[name], OFFSET),
                nodata=FILL,
            )
            for name, file in needed.items()
            if name in numbers_of
        },
        masks=tuple(
            StatusMask(BandSource(name, files.uri(needed[name]), grid), table)
            for name, table in tables.items()
            if name in needed
        ),
        baseline=metadata.collection,
        generated_at=metadata.generated_at,
        relative_orbit=int(metadata.path_row[:3]),
        sun_zenith_deg=metadata.sun_zenith_deg,
        sun_azimuth_deg=metadata.sun_azimuth_deg,
        angles=_angles(metadata, grid),
        footprint_wkt=metadata.footprint_wkt,
        warnings=warnings,
    )


def _angles(metadata: LandsatMetadata, grid: Grid) -> SceneAngles | None:
    """The sun at the centre of the scene; Level 2 carries no view angles (the sensor looks down)."""
    if metadata.sun_zenith_deg is None or metadata.sun_azimuth_deg is None:
        return None
    return SceneAngles(
        grid.x_min_m, grid.y_max_m, mean_sun=MeanAngle(metadata.sun_zenith_deg, metadata.sun_azimuth_deg)
    )


def _check_files(path: Path, files: ProductFiles, metadata: LandsatMetadata, needed: dict[str, str]) -> Grid:
    headers: dict[str, RasterHeader] = {}
    problems = []
    for what, name in needed.items():
        try:
            headers[what] = inspect_tiff(files, name)
        except ValueError as error:
            problems.append(Problem(f"{what}, {name}: {error}"))
    first = headers.get(BAND_NAMES[REQUIRED[0]])
    for what, header in headers.items():
        fault = _fault(header.grid, metadata, first.grid if first else header.grid)
        if fault:
            problems.append(Problem(f"{what}, {needed[what]}: {fault}"))
    if problems or first is None:
        raise UnreadableSceneError(
            path,
            f"{len(problems)} of its files cannot be used.",
            problems=problems,
            expected="every file that its metadata list, whole and on the same ground",
            remedy=COPY_AGAIN,
        )
    return first.grid


def _fault(own: Grid, metadata: LandsatMetadata, first: Grid) -> str | None:
    # Southern scenes are delivered in the northern zones, with negative northings.
    if own.epsg % 100 != metadata.utm_zone:
        return f"it lies in UTM zone {own.epsg % 100}, the metadata say {metadata.utm_zone}"
    if own.shape != (metadata.n_rows, metadata.n_columns):
        return (
            f"it has {own.width} x {own.height} pixels, the metadata say "
            f"{metadata.n_columns} x {metadata.n_rows}"
        )
    if own != first:
        return f"it lies at {own.x_min_m:.0f}, {own.y_max_m:.0f}, the red band elsewhere"
    return None
