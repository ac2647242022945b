"""What the header of a raster file says, and whether the file is as long as its header promises."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.stac_scaling import FileNumbers
from sen4cap_core.scenes.files import jp2_check
from sen4cap_core.scenes.files.product_files import ProductFiles

_TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


@dataclass(frozen=True)
class RasterHeader:
    """Grid of a file and, for each of its bands, what it says about its numbers."""

    grid: Grid
    bands: list[FileNumbers]


def read_raster_header(path: Path) -> RasterHeader:
    """Open a GeoTIFF or JPEG 2000 file and read its header.

    Raises
    ------
    ValueError
        In words for a user: missing, empty, cut short, of another format, or not a north-up raster with
        square pixels in a UTM zone.
    """
    if not path.is_file():
        raise ValueError("it is missing")
    if path.stat().st_size == 0:
        raise ValueError("it is empty")
    # Only formats that hold their own pixels: a VRT or a network description could point anywhere.
    with path.open("rb") as handle:
        start = handle.read(len(jp2_check.SIGNATURE))
    is_tiff = start[:4] in _TIFF_SIGNATURES
    if not is_tiff and start != jp2_check.SIGNATURE:
        raise ValueError("it is neither a GeoTIFF nor a JPEG 2000 file")
    if not is_tiff:
        _check_jp2_length(path)
    return _read(str(path), path.stat().st_size, is_tiff)


def inspect_tiff(files: ProductFiles, name: str) -> RasterHeader:
    """Read the header of a GeoTIFF of a product, in its folder or inside its archive.

    Raises
    ------
    ValueError
        As `read_raster_header`.
    """
    size = files.size(name)
    if size is None:
        raise ValueError("it is missing")
    if size == 0:
        raise ValueError("it is empty")
    if files.head(name, 4) not in _TIFF_SIGNATURES:
        raise ValueError("it is not a GeoTIFF file")
    return _read(files.uri(name), size, True)


def _read(uri: str, size_bytes: int, is_tiff: bool) -> RasterHeader:
    try:
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(uri) as dataset:
            if is_tiff:
                check_tiff_length(dataset, size_bytes)
            return RasterHeader(
                _grid(dataset),
                [
                    FileNumbers(dtype.startswith("float"), float(scale), float(offset), nodata)
                    for dtype, scale, offset, nodata in zip(
                        dataset.dtypes, dataset.scales, dataset.offsets, dataset.nodatavals, strict=True
                    )
                ],
            )
    except RasterioError as error:
        raise ValueError(f"it cannot be opened ({error})") from error


def _grid(dataset: rasterio.io.DatasetReader) -> Grid:
    transform = dataset.transform
    epsg = dataset.crs.to_epsg() if dataset.crs else None
    if epsg is None or not (32601 <= epsg <= 32660 or 32701 <= epsg <= 32760):
        raise ValueError(
            f"its coordinate system is {dataset.crs.to_string() if dataset.crs else 'not stated'}, "
            "a UTM zone of WGS 84 (EPSG:326xx or 327xx) was expected"
        )
    if transform.b or transform.d or transform.a <= 0 or transform.e != -transform.a:
        raise ValueError("it is not a north-up raster with square pixels")
    return Grid(
        int(epsg), float(transform.c), float(transform.f), float(transform.a), dataset.width, dataset.height
    )


def check_tiff_length(dataset: rasterio.io.DatasetReader, size_bytes: int) -> None:
    """Raise ValueError where a GeoTIFF ends before its last block."""
    # The directory may stand at the start of a file whose pixels never arrived. Writers lay blocks down in
    # order, so the last one of each band tells; those without a value may not be there.
    rows, columns = dataset.block_shapes[0]
    across, down = -(-dataset.width // columns), -(-dataset.height // rows)
    for index in dataset.indexes:
        for number in range(across * down - 1, -1, -1):
            place = f"{number % across}_{number // across}"
            offset = dataset.get_tag_item(f"BLOCK_OFFSET_{place}", "TIFF", bidx=index)
            length = dataset.get_tag_item(f"BLOCK_SIZE_{place}", "TIFF", bidx=index)
            if offset and length:
                break
        else:
            continue
        if int(offset) + int(length) > size_bytes:
            raise ValueError(
                f"it is cut short: {size_bytes} bytes are there, "
                f"at least {int(offset) + int(length)} were written"
            )


def _check_jp2_length(path: Path) -> None:
    with path.open("rb") as handle:
        header = jp2_check.read_header(handle.read(jp2_check.HEAD_BYTES), path.stat().st_size)
        handle.seek(header.codestream_end - 2)
        if handle.read(2) != jp2_check.END_OF_CODESTREAM:
            raise ValueError(f"it is cut short: no end marker after {path.stat().st_size} bytes")
