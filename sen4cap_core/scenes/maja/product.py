"""Level-2A of MAJA in MUSCATE format, of Sentinel-2 or Landsat 8 and 9: a folder, or the same in a zip."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import CLOUD, LAND, NO_DATA, SATURATED, SHADOW, SNOW, WATER
from sen4cap_core.rasters.masks.status_masks import StatusMask
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import REQUIRED_BANDS, find_tile, is_sentinel_2_tile
from sen4cap_core.scenes.files.product_files import ProductFiles, product_roots
from sen4cap_core.scenes.files.raster_header import RasterHeader, inspect_tiff
from sen4cap_core.scenes.maja.metadata import (
    BASE_GROUPS,
    FLAT,
    SURFACE,
    MajaMetadata,
    read_maja_metadata,
)

_METADATA = re.compile(r"^(?!\.).+_MTD_ALL\.xml$", re.IGNORECASE)
_NAME = re.compile(
    r"(?:SENTINEL2[A-Z]_\d{8}-\d{6}-\d{3}_L2A_T\w{5}"
    r"|LANDSAT[89]-OLITIRS-XS_\d{8}-\d{6}-\d{3}_L2A_(?:T\w{5}|\d{3}-?\d{3}))_",
    re.IGNORECASE,
)
COPY_AGAIN = "copy or download the product again; the copy may have been cut short."

WATER_BIT, CLOUD_BIT, SNOW_BIT, SHADOW_BIT = 1, 2, 4, 8
"""Bits of the geophysical mask MG2."""
_CLM_CLOUD_OR_SHADOW, _CLM_CLOUD, _CLM_SHADOWS = 1, 2, 32 | 64
"""Bits of CLM: the union of its tests; all clouds; shadows of clouds seen, or beyond the edge."""
_ORBITS_IN_CYCLE: Final = 143
_ORBIT_SHIFT: Final = {"S2A": 2, "S2B": -27, "S2C": 29}
"""Relative orbit = (absolute orbit + shift) modulo 143, counted from 1."""


def is_maja_metadata(name: str) -> bool:
    """Whether a file of this name marks a MUSCATE product."""
    return _METADATA.match(name) is not None


def is_maja_name(name: str) -> bool:
    """Whether a folder or archive is named as a MAJA Level-2A product is."""
    return _NAME.match(name) is not None


def open_maja(path: Path) -> list[Scene]:
    """Open a MUSCATE folder or a zip that holds one or several.

    No pixel is decoded; of each image that will be used the header is read. The reflectance is that
    corrected for slope (FRE), or SRE where the product has no other, with a warning.

    Raises
    ------
    UnreadableSceneError
        Metadata missing or contradictory; an image missing, cut short, of another size, place or
        coordinate system than the metadata say. All such images are named.
    BadUploadError
        It is no Level-2A of Sentinel-2 or Landsat 8 or 9.
    UnsafeArchiveError
        The zip is not safe to read.
    """
    roots = product_roots(path, is_maja_metadata)
    if not roots:
        raise UnreadableSceneError(
            path, "it holds no *_MTD_ALL.xml.", expected="a MAJA product in MUSCATE format", remedy=COPY_AGAIN
        )
    return [_open_product(path, files) for files in roots]


def read_metadata(files: ProductFiles) -> MajaMetadata:
    """Read the metadata of a product whose folder holds them. Raises as `read_maja_metadata`."""
    name = next(name for name in files.names() if "/" not in name and is_maja_metadata(name))
    return read_maja_metadata(files.read(name), name)


def needed_files(metadata: MajaMetadata) -> dict[str, tuple[str, Grid]]:
    """Return band or mask name -> (file, grid) of everything that will be read."""
    grids = metadata.grids
    needed = {}
    for band, name in chosen_reflectance(metadata)[1].items():
        needed[band] = (name, base_grid(metadata))
        if band in ("B05", "B06", "B07", "B8A", "B11", "B12") and "R2" in grids:
            needed[band] = (name, grids["R2"])
    kinds = ["EDG", "MG2" if _has(metadata, "MG2") else "CLM", "SAT"]
    for kind in kinds:
        for group in (*BASE_GROUPS, "R2"):
            if (kind, group) in metadata.masks and group in grids:
                needed[kind] = (metadata.masks[kind, group], grids[group])
                break
    return needed


def listed_files(metadata: MajaMetadata) -> list[str]:
    """Return the files that will be read."""
    return [name for name, _ in needed_files(metadata).values()]


def chosen_reflectance(metadata: MajaMetadata) -> tuple[str, dict[str, str]]:
    """Return the nature of the images that are read and band -> file; FRE before SRE."""
    return next(iter(metadata.reflectance.items()), (FLAT, {}))


def base_grid(metadata: MajaMetadata) -> Grid:
    """Return the grid of the scene: 10 m of Sentinel-2, 30 m of Landsat."""
    return next(iter(metadata.grids.values()))


def mg2_table() -> NDArray[np.uint8]:
    """Status of each number of MG2: cloud before shadow before water before snow, uint8 (256,)."""
    numbers = np.arange(256)
    table = np.full(256, LAND, np.uint8)
    table[numbers & SNOW_BIT > 0] = SNOW
    table[numbers & WATER_BIT > 0] = WATER
    table[numbers & SHADOW_BIT > 0] = SHADOW
    table[numbers & CLOUD_BIT > 0] = CLOUD
    return table


def clm_table() -> NDArray[np.uint8]:
    """Status of each number of CLM: cloud before shadow, uint8 (256,)."""
    numbers = np.arange(256)
    shadow = (numbers & _CLM_SHADOWS > 0) & (numbers & _CLM_CLOUD == 0)
    table = np.where(shadow, SHADOW, CLOUD)
    return np.where(numbers & _CLM_CLOUD_OR_SHADOW > 0, table, LAND).astype(np.uint8)


def relative_orbit(platform: str, absolute_orbit: int | None) -> int | None:
    """Return the relative orbit (1..143), None where the satellite's count is not known."""
    if absolute_orbit is None or platform not in _ORBIT_SHIFT:
        return None
    return (absolute_orbit + _ORBIT_SHIFT[platform]) % _ORBITS_IN_CYCLE + 1


def _open_product(path: Path, files: ProductFiles) -> Scene:
    metadata = read_metadata(files)
    _check_kind(path, metadata)
    nature, images = chosen_reflectance(metadata)
    absent = [band for band in REQUIRED_BANDS if band not in images]
    if absent:
        raise UnreadableSceneError(
            path,
            f"its metadata list no image of band {', '.join(absent)}.",
            expected="FRE or SRE images of red (B4) and near infrared (B8, of Landsat B5)",
            remedy="download the whole product, not a selection of its bands.",
        )
    if not _has(metadata, "MG2") and not _has(metadata, "CLM"):
        raise UnreadableSceneError(
            path,
            "its metadata list neither the geophysical mask MG2 nor the cloud mask CLM: clouds would be "
            "taken for crops.",
            expected="MASKS/*_MG2_R1.tif",
            remedy="download the whole product with its masks.",
        )
    needed = needed_files(metadata)
    _check_files(path, files, needed)
    tile = metadata.tile or find_tile(metadata.product_id) or find_tile(files.root_name)
    if tile is None:
        raise UnreadableSceneError(path, "its metadata do not say which tile it is.", remedy=COPY_AGAIN)
    grid = base_grid(metadata)
    _check_zone(path, tile, grid)
    sun = metadata.angles.mean_sun
    is_landsat = metadata.platform.startswith("L")
    return Scene(
        product_id=metadata.product_id,
        sensor="landsat-l2" if is_landsat else "s2-l2a",
        platform=metadata.platform,
        acquired_at=metadata.acquired_at,
        tile=tile,
        format="maja" if path.is_dir() else "maja-zip",
        path=path,
        acquisition_key=_acquisition_key(metadata, tile),
        grid=grid,
        bands={
            band: BandSource(
                band, files.uri(name), own, scale=1.0 / metadata.quantification, nodata=metadata.nodata
            )
            for band, (name, own) in needed.items()
            if band.startswith("B")
        },
        masks=_masks(files, needed),
        aot=_aerosol(files, metadata),
        baseline=metadata.version,
        generated_at=metadata.generated_at,
        relative_orbit=_track(metadata, tile),
        sun_zenith_deg=sun.zenith_deg if sun else None,
        sun_azimuth_deg=sun.azimuth_deg if sun else None,
        angles=metadata.angles,
        warnings=_warnings(metadata, nature, needed),
    )


def _acquisition_key(metadata: MajaMetadata, tile: str) -> str:
    """Of Landsat the key of the product of USGS, so that one acquisition counts once."""
    if metadata.platform.startswith("L"):
        return f"landsat/{tile}/{metadata.platform}/{metadata.acquired_at:%Y%m%d}"
    return f"s2/{tile}/maja-{metadata.acquired_at:%Y%m%dT%H%M%S}"


def _track(metadata: MajaMetadata, tile: str) -> int | None:
    """Relative orbit of Sentinel-2, WRS-2 path of Landsat; None where they are not known."""
    if metadata.platform.startswith("L"):
        return int(tile[:3]) if tile.isdigit() else None
    return relative_orbit(metadata.platform, metadata.absolute_orbit)


def _check_zone(path: Path, tile: str, grid: Grid) -> None:
    if not is_sentinel_2_tile(tile):
        return
    epsg = (32600 if tile[2] >= "N" else 32700) + int(tile[:2])
    if epsg != grid.epsg:
        raise UnreadableSceneError(
            path,
            f"tile {tile} lies in EPSG:{epsg}, its metadata say EPSG:{grid.epsg}.",
            remedy="download the product again; its metadata may have been altered.",
        )


def _check_kind(path: Path, metadata: MajaMetadata) -> None:
    if not metadata.platform.startswith("S2") and metadata.platform not in ("L8", "L9"):
        raise BadUploadError(
            path,
            f"this MUSCATE product is of {metadata.platform or 'an unknown satellite'}.",
            expected="Level-2A of Sentinel-2, or of Landsat 8 or 9",
        )
    if metadata.level not in ("L2A", "LEVEL2A", ""):
        raise BadUploadError(
            path,
            f"this MUSCATE product is of level {metadata.level}.",
            expected="Level-2A, one date",
            remedy="drop the Level-2A product of the same acquisition (its name has L2A).",
        )


def _check_files(path: Path, files: ProductFiles, needed: dict[str, tuple[str, Grid]]) -> None:
    problems = []
    for what, (name, grid) in needed.items():
        try:
            header = inspect_tiff(files, name)
        except ValueError as error:
            problems.append(Problem(f"{what}, {name}: {error}"))
        else:
            fault = grid_fault(header, grid)
            if fault:
                problems.append(Problem(f"{what}, {name}: {fault}"))
    if problems:
        raise UnreadableSceneError(
            path,
            f"{len(problems)} of its files cannot be used.",
            problems=problems,
            expected="every image and mask that its metadata list, whole and on the same ground",
            remedy=COPY_AGAIN,
        )


def grid_fault(header: RasterHeader, stated: Grid) -> str | None:
    """Say how a file differs from the grid the metadata state; None where it does not."""
    own = header.grid
    if own.epsg != stated.epsg:
        return f"it lies in EPSG:{own.epsg}, the metadata say EPSG:{stated.epsg}"
    if own.shape != stated.shape:
        return f"it has {own.width} x {own.height} pixels, the metadata say {stated.width} x {stated.height}"
    if own != stated:
        return (
            f"its upper left corner is {own.x_min_m:.0f}, {own.y_max_m:.0f} with pixels of "
            f"{own.resolution_m:g} m, the metadata say {stated.x_min_m:.0f}, {stated.y_max_m:.0f} and "
            f"{stated.resolution_m:g} m"
        )
    return None


def _masks(files: ProductFiles, needed: dict[str, tuple[str, Grid]]) -> tuple[StatusMask, ...]:
    numbers = np.arange(256)
    tables = {
        "EDG": np.where(numbers > 0, NO_DATA, LAND),
        "MG2": mg2_table(),
        "CLM": clm_table(),
        "SAT": np.where(numbers > 0, SATURATED, LAND),
    }
    return tuple(
        StatusMask(BandSource(kind, files.uri(needed[kind][0]), needed[kind][1]), table.astype(np.uint8))
        for kind, table in tables.items()
        if kind in needed
    )


def _aerosol(files: ProductFiles, metadata: MajaMetadata) -> BandSource | None:
    """Return the aerosol map where it is there and whole; composites do without."""
    if metadata.aerosol is None or metadata.aot_quantification <= 0:
        return None
    group, name, band = metadata.aerosol
    grid = metadata.grids.get(group)
    if grid is None or files.size(name) is None:
        return None
    try:
        header = inspect_tiff(files, name)
    except ValueError:
        return None
    if grid_fault(header, grid) or len(header.bands) < band:
        return None
    scale = 1.0 / metadata.aot_quantification
    return BandSource("AOT", files.uri(name), grid, scale=scale, nodata=0.0, band_index=band)


def _warnings(metadata: MajaMetadata, nature: str, needed: dict[str, tuple[str, Grid]]) -> list[str]:
    warnings = []
    if nature == SURFACE:
        warnings.append("it has no FRE images: SRE is used, which is not corrected for slopes.")
    if "MG2" not in needed:
        warnings.append(
            "it has no MG2 mask: clouds and shadows are those of CLM, water and snow are not masked."
        )
    warnings += [
        f"its metadata list no {kind} mask: {what} pixels are not masked."
        for kind, what in (("EDG", "edge"), ("SAT", "saturated"))
        if kind not in needed
    ]
    return warnings


def _has(metadata: MajaMetadata, kind: str) -> bool:
    return any(name == kind for name, _ in metadata.masks)
