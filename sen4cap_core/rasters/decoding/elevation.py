"""Heights above the ellipsoid: an elevation model in any projection and, if it needs one, a geoid grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioIOError
from rasterio.warp import Resampling, reproject, transform_bounds

from sen4cap_core.errors import BadUploadError

HeightReference = Literal["ellipsoid", "geoid"]
HOLE_M = -32_768.0
LOWEST_M = -12_000.0
"""Whatever is lower than the sea floor is a hole, whether the file says so or not."""


class ElevationError(BadUploadError):
    """An elevation model or a geoid grid cannot be used; another file mends it."""


@dataclass(frozen=True)
class Elevation:
    """An elevation model that has been looked at."""

    path: Path
    reference: HeightReference | None
    """What the file's heights count from; None where it does not say."""
    bounds_deg: tuple[float, float, float, float]
    """West, south, east, north."""


def describe_elevation(path: Path) -> Elevation:
    """Look at an elevation model without reading it.

    Raises
    ------
    ElevationError
        It is no raster, or has no coordinate system.
    """
    try:
        with rasterio.open(path) as model:
            if model.crs is None:
                raise ElevationError(
                    path,
                    "this elevation model has no coordinate system.",
                    remedy="write it as a GeoTIFF with its projection.",
                )
            crs = CRS.from_wkt(model.crs.to_wkt())
            flat = _horizontal(crs)
            bounds = transform_bounds(flat.to_wkt(), "EPSG:4326", *model.bounds)
    except (RasterioIOError, CRSError) as error:
        raise ElevationError(
            path, f"this elevation model cannot be opened ({error}).", expected="a GeoTIFF"
        ) from error
    return Elevation(path, _reference(crs), bounds)


def heights_at_nodes(
    model: Path,
    epsg: int,
    x_min_m: float,
    y_max_m: float,
    step_m: float,
    shape: tuple[int, int],
    geoid: Path | None = None,
) -> NDArray[np.float32]:
    """Interpolate heights (m above the ellipsoid) at the nodes of a grid.

    Parameters
    ----------
    model : elevation model; ``geoid``: undulation of the geoid its heights count from, None when they are
        ellipsoidal
    x_min_m, y_max_m : the first node, in the projection ``epsg``; further ones each ``step_m`` east and south
    shape : rows and columns of nodes

    Returns
    -------
    float32 ``shape``, NaN in holes and outside the model. Land and sea below zero keep their heights.

    Raises
    ------
    ElevationError
        A file cannot be read.
    """
    # Nodes are the centres of the cells that a warp fills.
    transform = Affine(step_m, 0.0, x_min_m - step_m / 2, 0.0, -step_m, y_max_m + step_m / 2)
    heights = _warp(model, epsg, transform, shape)
    if geoid is not None:
        heights += _warp(geoid, epsg, transform, shape)
    return heights


def write_elevation(
    path: Path, heights_m: NDArray[np.float32], west_deg: float, north_deg: float, step_deg: float
) -> None:
    """Write heights above the ellipsoid, float32 (rows, columns) with NaN for holes, as a GeoTIFF."""
    rows, columns = heights_m.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype="float32",
        crs="EPSG:4979",
        transform=Affine(step_deg, 0.0, west_deg, 0.0, -step_deg, north_deg),
        nodata=HOLE_M,
    ) as model:
        model.write(np.where(np.isnan(heights_m), np.float32(HOLE_M), heights_m), 1)


def _warp(path: Path, epsg: int, transform: Affine, shape: tuple[int, int]) -> NDArray[np.float32]:
    out = np.full(shape, np.nan, np.float32)
    try:
        with rasterio.open(path) as source:
            # The warper of GDAL would otherwise be free to move heights between vertical systems.
            crs = _horizontal(CRS.from_wkt(source.crs.to_wkt())).to_wkt()
            values, place = _around(source, crs, epsg, transform, shape)
            if values.size == 0:
                return out
            holes = values < LOWEST_M
            if source.nodata is not None:
                holes |= values == source.nodata
            values[holes] = np.nan
            reproject(
                values,
                out,
                src_transform=place,
                src_crs=crs,
                src_nodata=np.nan,
                dst_transform=transform,
                dst_crs=f"EPSG:{epsg}",
                dst_nodata=np.nan,
                resampling=Resampling.bilinear,
                # The height of a node must not depend on the window it is asked in: by default GDAL widens
                # its kernel and approximates places by the window, and a centimetre between the two passes
                # of a pair is two radians of phase.
                tolerance=0.0,
                XSCALE=1,
                YSCALE=1,
            )
    except RasterioIOError as error:
        raise ElevationError(
            path, f"this elevation model cannot be read ({error}).", remedy="copy or download it again."
        ) from error
    return out


def _around(
    source: rasterio.io.DatasetReader, crs: str, epsg: int, transform: Affine, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], Affine]:
    """Read the part of a raster that an output grid needs, with a margin of some cells."""
    left, top = transform @ (0, 0)
    right, bottom = transform @ (shape[1], shape[0])
    west, south, east, north = transform_bounds(f"EPSG:{epsg}", crs, left, bottom, right, top)
    if east < west:
        # Across the antimeridian the model is one file on either side; it is asked for as a whole.
        west, east = source.bounds.left, source.bounds.right
    inverse = ~source.transform
    columns, rows = zip(*(inverse @ corner for corner in ((west, north), (east, south))), strict=True)
    margin = 4
    first_row, last_row = (
        int(np.clip(value, 0, source.height))
        for value in (np.floor(min(rows)) - margin, np.ceil(max(rows)) + margin)
    )
    first_col, last_col = (
        int(np.clip(value, 0, source.width))
        for value in (np.floor(min(columns)) - margin, np.ceil(max(columns)) + margin)
    )
    if first_row >= last_row or first_col >= last_col:
        return np.empty((0, 0), np.float32), source.transform
    window = ((first_row, last_row), (first_col, last_col))
    values = source.read(1, window=window, out_dtype=np.float32)
    return values, source.transform @ Affine.translation(first_col, first_row)


def _horizontal(crs: CRS) -> CRS:
    if crs.is_compound:
        return crs.sub_crs_list[0]
    return crs.to_2d() if len(crs.axis_info) == 3 else crs


def _reference(crs: CRS) -> HeightReference | None:
    if crs.is_compound:
        return "ellipsoid" if "ellipsoid" in crs.sub_crs_list[1].name.lower() else "geoid"
    return "ellipsoid" if len(crs.axis_info) == 3 else None
