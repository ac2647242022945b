"""Headers of radar rasters: any projection in metres, and numbers whose scale is known or asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rasterio
from rasterio.errors import RasterioError

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.passes.radar_sums import side_files
from sen4cap_core.scenes.files.raster_header import check_tiff_length
from sen4cap_core.scenes.radar.s1_model import Polarisation, Quantity, RadarBand, RadarDefaults, Scale

_TIFF_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


@dataclass(frozen=True)
class RadarHeader:
    """Grid of a file and, by band, what it says about its numbers."""

    grid: Grid
    is_float: tuple[bool, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: tuple[float | None, ...]
    names: tuple[str, ...]
    """Band descriptions, empty where there are none."""


def read_tiff_header(uri: str, size_bytes: int | None, start: bytes) -> RadarHeader:
    """Read the header of a GeoTIFF, in a folder or inside a zip.

    Parameters
    ----------
    uri : what GDAL opens
    size_bytes : size of the file, None where it is missing
    start : its first bytes

    Raises
    ------
    ValueError
        In words for a user: missing, empty, cut short, no GeoTIFF, or not a north-up raster with square
        pixels in a projection in metres.
    """
    if size_bytes is None:
        raise ValueError("it is missing")
    if size_bytes == 0:
        raise ValueError("it is empty")
    # Only a format that holds its own pixels: a VRT or a network description could point anywhere.
    if start[:4] not in _TIFF_SIGNATURES:
        raise ValueError("it is not a GeoTIFF")
    return read_header(uri, size_bytes)


def read_header(uri: str, tiff_size_bytes: int | None = None) -> RadarHeader:
    """Read the header of whatever GDAL opens under ``uri``; raises ValueError as `read_tiff_header`."""
    try:
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN=side_files(uri)), rasterio.open(uri) as dataset:
            if tiff_size_bytes is not None:
                check_tiff_length(dataset, tiff_size_bytes)
            return RadarHeader(
                metric_grid(dataset),
                tuple(str(dtype).startswith(("float", "complex")) for dtype in dataset.dtypes),
                tuple(float(scale) for scale in dataset.scales),
                tuple(float(offset) for offset in dataset.offsets),
                tuple(None if value is None else float(value) for value in dataset.nodatavals),
                tuple(text or "" for text in dataset.descriptions),
            )
    except RasterioError as error:
        raise ValueError(f"it cannot be opened ({error})") from error


def metric_grid(dataset: rasterio.io.DatasetReader) -> Grid:
    """Return the grid of a north-up raster with square pixels in a projection in metres; else ValueError."""
    crs, transform = dataset.crs, dataset.transform
    epsg = crs.to_epsg() if crs else None
    if crs is None:
        raise ValueError("it states no coordinate system")
    if crs.is_geographic:
        raise ValueError(
            f"its coordinate system is in degrees ({crs.to_string()}); a projection in metres was expected: "
            "export it in the UTM zone of its tile (in SNAP: Terrain-Correction, map projection UTM)"
        )
    if epsg is None or not crs.is_projected or crs.linear_units_factor[1] != 1.0:
        raise ValueError(
            f"its coordinate system ({crs.to_string()[:80]}) is no projection in metres with an EPSG code"
        )
    if transform.b or transform.d or transform.a <= 0 or abs(transform.e + transform.a) > 1e-6 * transform.a:
        raise ValueError("it is not a north-up raster with square pixels")
    return Grid(
        int(epsg), float(transform.c), float(transform.f), float(transform.a), dataset.width, dataset.height
    )


def backscatter_quantity(path: Path, name: str, defaults: RadarDefaults) -> Quantity:
    """Return the quantity of a product that does not state it; UnreadableSceneError where nobody does."""
    if defaults.backscatter_quantity is None:
        raise UnreadableSceneError(
            path,
            f"neither the name nor the metadata of {name} say whether it holds sigma0, gamma0 or beta0.",
            remedy="say it in site.yaml: `radar: {backscatter_quantity: sigma0}` (or gamma0, or beta0), "
            "and drop the product again.",
        )
    return defaults.backscatter_quantity


def radar_band(
    path: Path,
    name: str,
    uri: str,
    header: RadarHeader,
    index: int,
    polarisation: Polarisation,
    scale: Scale | None,
    defaults: RadarDefaults,
    *,
    factor: float | None = None,
    offset: float | None = None,
    is_coherence: bool = False,
) -> RadarBand:
    """Put a band together from the file, what its name or metadata say, and what site.yaml says.

    ``factor`` and ``offset`` are those of the metadata; they go before those in the file.

    Raises
    ------
    UnreadableSceneError
        Neither says in which scale the numbers are; the text names the key of site.yaml.
    """
    if is_coherence:
        scale = "coherence"
    elif scale is None:
        scale = defaults.backscatter_scale
    if scale is None:
        raise UnreadableSceneError(
            path,
            f"neither the name nor the metadata of {name} say whether it holds power, amplitude or decibel.",
            remedy="say it in site.yaml: `radar: {backscatter_scale: power}` (or amplitude, or db), "
            "and drop the product again.",
        )
    place = index - 1
    stated = header.scales[place] != 1.0 or header.offsets[place] != 0.0
    if factor is None and not stated and not header.is_float[place]:
        key = "coherence_factor" if is_coherence else "backscatter_factor"
        factor = defaults.coherence_factor if is_coherence else defaults.backscatter_factor
        if factor is None:
            raise UnreadableSceneError(
                path,
                f"{name} holds whole numbers and does not say what they are to be multiplied by.",
                remedy=f"say it in site.yaml: `radar: {{{key}: 0.0001}}` (whatever the producer used), "
                "and drop the product again.",
            )
    return RadarBand(
        polarisation,
        BandSource(
            name,
            uri,
            header.grid,
            header.scales[place] if factor is None else factor,
            header.offsets[place] if offset is None else offset,
            header.nodata[place],
            index,
        ),
        scale,
    )
