"""Sentinel-2 Level-2A as published: a ``.SAFE`` folder, or the same inside a zip."""

from __future__ import annotations

from pathlib import Path

from sen4cap_core.errors import BadUploadError, Problem, UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.mgrs import find_misplacement
from sen4cap_core.rasters.masks.status_masks import as_masks
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import (
    REQUIRED_BANDS,
    SPECTRAL_BANDS,
    acquisition_key,
    carries_offset,
    datastrip_start,
    find_tile,
    match_product,
)
from sen4cap_core.scenes.files import jp2_check
from sen4cap_core.scenes.files.product_files import FolderFiles, ProductFiles, find_safe_roots
from sen4cap_core.scenes.sentinel2.s2_metadata import (
    GranuleListing,
    ProductMetadata,
    TileMetadata,
    read_product_metadata,
    read_tile_metadata,
)

PRODUCT_METADATA = "MTD_MSIL2A.xml"
L1C_METADATA = "MTD_MSIL1C.xml"
COPY_AGAIN = "copy or download the product again; the copy may have been cut short."


def open_safe(path: Path) -> list[Scene]:
    """Open a ``.SAFE`` folder or a zip that holds one (or several), one scene for each granule.

    No pixel is decoded: metadata are parsed, and of each image that will be used the presence, the first
    bytes and the end are checked.

    Raises
    ------
    UnreadableSceneError
        Metadata missing or contradictory; an image that the metadata list is missing, empty, cut short or
        of another size. All such images are named.
    BadUploadError
        It is a Level-1C product.
    UnsafeArchiveError
        The zip is not safe to read.
    """
    scenes: list[Scene] = []
    for files in open_product_files(path):
        scenes += _open_product(files)
    return scenes


def find_level_1c(path: Path) -> ProductFiles | None:
    """Return the Level-1C product in a folder or zip, None where there is none. Never raises for content."""
    try:
        if path.is_dir():
            files: ProductFiles = FolderFiles(path)
            return files if files.size(L1C_METADATA) is not None else None
        if path.suffix.lower() != ".zip":
            return None
        return next(iter(find_safe_roots(path, (L1C_METADATA,))), None)
    except BadUploadError:
        return None


def open_product_files(path: Path) -> list[ProductFiles]:
    """Find the product in a folder, or all products in a zip.

    Raises UnreadableSceneError where there is no product metadata file, BadUploadError on Level-1C.
    """
    found: list[ProductFiles]
    if path.is_dir():
        found = [FolderFiles(path)]
    else:
        found = list(find_safe_roots(path, (PRODUCT_METADATA, L1C_METADATA)))
    for files in found:
        if files.size(PRODUCT_METADATA) is None and files.size(L1C_METADATA) is not None:
            raise _level_1c(path, files.root_name)
    if not found or found[0].size(PRODUCT_METADATA) is None:
        raise UnreadableSceneError(
            path,
            f"it holds no {PRODUCT_METADATA}.",
            expected="a Sentinel-2 Level-2A product as published, with its metadata and GRANULE folder",
            remedy=COPY_AGAIN,
        )
    return found


def choose_images(listing: GranuleListing) -> dict[str, tuple[int, str]]:
    """Return band -> (resolution in metres, path) of the images that are used: each band at its finest.

    The coarser copies of a band are averages of the finest one. Spectral bands and SCL only.
    """
    chosen: dict[str, tuple[int, str]] = {}
    for (band, resolution), name in sorted(listing.images.items()):
        if band in (*SPECTRAL_BANDS, "SCL") and (band not in chosen or resolution < chosen[band][0]):
            chosen[band] = (resolution, name)
    return chosen


def find_image_fault(files: ProductFiles, name: str) -> str | None:
    """Say what is wrong with an image, None where it looks whole."""
    return _inspect_image(files, name)[1]


def _inspect_image(files: ProductFiles, name: str) -> tuple[jp2_check.Jp2Header | None, str | None]:
    size = files.size(name)
    if size is None:
        return None, "it is missing"
    try:
        header = jp2_check.read_header(files.head(name, jp2_check.HEAD_BYTES), size)
    except ValueError as error:
        return None, str(error)
    # In a deflated zip member the end is out of reach, but its length was compared with the directory.
    end = files.peek(name, header.codestream_end - 2, 2)
    if end is not None and end != jp2_check.END_OF_CODESTREAM:
        return header, f"it is cut short: no end marker after {size} bytes"
    return header, None


def _open_product(files: ProductFiles) -> list[Scene]:
    product = read_product_metadata(files.read(PRODUCT_METADATA), f"{files.root_name}/{PRODUCT_METADATA}")
    if "1C" in product.level.upper():
        raise _level_1c(files.dropped, files.root_name)
    return [_open_granule(files, product, listing) for listing in product.granules]


def _open_granule(files: ProductFiles, product: ProductMetadata, listing: GranuleListing) -> Scene:
    name = f"{listing.folder}/MTD_TL.xml"
    if files.size(name) is None:
        raise UnreadableSceneError(
            files.dropped,
            f"its metadata list the granule {listing.folder}, {name} is missing.",
            remedy=COPY_AGAIN,
        )
    granule = read_tile_metadata(files.read(name), name)
    images = choose_images(listing)
    unlisted = [band for band in REQUIRED_BANDS if band not in images]
    if unlisted:
        raise UnreadableSceneError(
            files.dropped,
            f"its metadata list no image of band {', '.join(unlisted)}.",
            expected=f"the bands {', '.join(REQUIRED_BANDS)} at 10 m",
            remedy="download the whole product, not a selection of its bands.",
        )
    problems = _image_problems(files, granule, images)
    if problems:
        raise UnreadableSceneError(
            files.dropped,
            f"{len(problems)} of its images cannot be used.",
            problems=problems,
            expected=f"every image that {PRODUCT_METADATA} lists, whole",
            remedy=COPY_AGAIN,
        )
    warnings = _warnings(files, product, listing, images)
    product_id = product.product_id or files.root_name.removesuffix(".SAFE")
    tile = granule.tile or find_tile(listing.granule_id) or find_tile(product_id)
    if tile is None:
        raise UnreadableSceneError(files.dropped, f"{name} does not say which tile it is.", remedy=COPY_AGAIN)
    misplaced = find_misplacement(tile, granule.grids[10])
    if misplaced is not None:
        raise UnreadableSceneError(
            files.dropped,
            f"{name} {misplaced}.",
            expected="the coordinate system and corner of the tile that its name says",
            remedy="download the product again; its metadata may have been altered.",
        )
    sensing_start = (
        granule.datastrip_start
        or datastrip_start(listing.datastrip_id)
        or datastrip_start(listing.folder)
        or f"{granule.sensed_at:%Y%m%dT%H%M%S}"
    )
    bands = {
        band: _band_source(files, product, granule, band, resolution, image)
        for band, (resolution, image) in images.items()
    }
    aot, fault = _aerosol(files, product, granule, listing)
    if fault is not None:
        warnings.append(fault)
    sun = granule.angles.mean_sun
    scl = bands.pop("SCL", None)
    if scl is None:
        warnings.append("the product has no scene classification (SCL): clouds are not masked.")
    return Scene(
        product_id=product_id,
        sensor="s2-l2a",
        platform=product.platform,
        acquired_at=granule.sensed_at,
        tile=tile,
        format="safe" if files.dropped.is_dir() else "safe-zip",
        path=files.dropped,
        acquisition_key=acquisition_key(tile, sensing_start),
        grid=granule.grids[10],
        bands=bands,
        masks=as_masks(scl),
        aot=aot,
        baseline=product.baseline or None,
        generated_at=product.generated_at,
        relative_orbit=product.relative_orbit,
        sun_zenith_deg=sun.zenith_deg if sun else None,
        sun_azimuth_deg=sun.azimuth_deg if sun else None,
        angles=granule.angles,
        footprint_wkt=product.footprint_wkt if len(product.granules) == 1 else None,
        warnings=warnings,
    )


def _band_source(
    files: ProductFiles,
    product: ProductMetadata,
    granule: TileMetadata,
    band: str,
    resolution: int,
    image: str,
) -> BandSource:
    grid = granule.grids.get(resolution) or granule.grids[10].at_resolution(resolution)
    if band == "SCL":
        return BandSource(band, files.uri(image), grid, nodata=0.0)
    # reflectance = (DN + BOA_ADD_OFFSET) / BOA_QUANTIFICATION_VALUE, DN 0 is no data before the offset
    return BandSource(
        band,
        files.uri(image),
        grid,
        scale=1.0 / product.quantification,
        offset=product.boa_offsets.get(band, 0.0) / product.quantification,
        nodata=product.nodata,
    )


def _aerosol(
    files: ProductFiles, product: ProductMetadata, granule: TileMetadata, listing: GranuleListing
) -> tuple[BandSource | None, str | None]:
    """Return the aerosol map at its coarsest, for it is smooth; or what is wrong with it."""
    sizes = [size for band, size in listing.images if band == "AOT" and size in granule.grids]
    if not sizes or product.aot_quantification <= 0:
        return None, None
    name = listing.images["AOT", max(sizes)]
    if files.size(name) is None:
        return None, None
    fault = find_image_fault(files, name)
    if fault is not None:
        return (
            None,
            f"the aerosol map {name} cannot be used ({fault}): composites take the aerosol as unknown.",
        )
    grid = granule.grids[max(sizes)]
    scale = 1.0 / product.aot_quantification
    return BandSource("AOT", files.uri(name), grid, scale=scale, nodata=0.0), None


def _image_problems(
    files: ProductFiles, granule: TileMetadata, images: dict[str, tuple[int, str]]
) -> list[Problem]:
    problems = []
    for band, (resolution, name) in images.items():
        header, fault = _inspect_image(files, name)
        grid = granule.grids.get(resolution)
        stated = (grid.width, grid.height) if grid is not None else None
        if fault is None and header is not None and stated not in (None, (header.width, header.height)):
            fault = f"it has {header.width} x {header.height} pixels, MTD_TL.xml says otherwise: {stated}"
        if fault is None and header is not None and header.epsg not in (None, granule.grids[10].epsg):
            fault = f"it lies in EPSG:{header.epsg}, MTD_TL.xml says EPSG:{granule.grids[10].epsg}"
        if fault is not None:
            problems.append(Problem(f"band {band}, {name}: {fault}"))
    return problems


def _warnings(
    files: ProductFiles,
    product: ProductMetadata,
    listing: GranuleListing,
    images: dict[str, tuple[int, str]],
) -> list[str]:
    warnings = []
    used = {name for _, name in images.values()}
    absent = [name for name in listing.images.values() if name not in used and files.size(name) is None]
    if absent:
        warnings.append(f"{len(absent)} listed images that are not needed are missing, first {absent[0]}.")
    if product.baseline and carries_offset(product.baseline) and not product.boa_offsets:
        warnings.append(
            f"baseline {product.baseline} but no BOA_ADD_OFFSET in the metadata: no offset is applied."
        )
    return warnings


def _level_1c(path: Path, name: str) -> BadUploadError:
    match = match_product(name)
    wanted = (
        f"{match['platform']}_MSIL2A_{match['datatake']}_*_R{match['orbit']}_T{match['tile']}_*.SAFE"
        if match
        else "the product of the same acquisition whose name has MSIL2A in place of MSIL1C"
    )
    return BadUploadError(
        path,
        "this is a Level-1C product (top of the atmosphere, no cloud classification).",
        expected="Level-2A (surface reflectance)",
        remedy=f"drop the Level-2A product of the same acquisition: {wanted}; or let the operator install "
        "Sen2Cor or MAJA and set SEN4CAP_SEN2COR or SEN4CAP_MAJA (docs/operations.md), then drop it again",
    )
