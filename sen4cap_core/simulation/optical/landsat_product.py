"""Write simulated pixels as a Landsat Collection 2 Level-2 product: a folder or the tar USGS delivers."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.writing.geotiff import write_geotiff
from sen4cap_core.simulation.optical.acquisition import sun_angles_deg

SCALE, OFFSET = 2.75e-5, -0.2
CLEAR = 1 << 6
"""QA_PIXEL of clear land."""


def landsat_scene(
    folder: Path,
    grid: Grid,
    reflectance: Mapping[int, float | NDArray[np.floating]] | None = None,
    pixel_quality: int | NDArray[np.integer] = CLEAR,
    saturation: int | NDArray[np.integer] = 0,
    *,
    path_row: str = "201031",
    acquired_at: datetime = datetime(2019, 6, 17, 10, 58, 3, tzinfo=UTC),
    platform: str = "L8",
    level: str = "L2SP",
    as_tar: bool = False,
) -> Path:
    """Write one product and return its path.

    Parameters
    ----------
    grid : 30 m, in any UTM zone
    reflectance : Landsat band number -> number or (rows, columns)
        Surface reflectance, NaN where there are no data. Default: red (4) 0.05, near infrared (5) 0.35.
    pixel_quality, saturation : QA_PIXEL and QA_RADSAT as USGS codes them

    It appears whole, as ``<folder>/<product>`` or ``<folder>/<product>.tar``.
    """
    generated_at = acquired_at + timedelta(days=12)
    name = f"LC0{platform[1]}_{level}_{path_row}_{acquired_at:%Y%m%d}_{generated_at:%Y%m%d}_02_T1"
    folder.mkdir(parents=True, exist_ok=True)
    building = folder / f".{name}.part"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir()
        bands = reflectance or {4: 0.05, 5: 0.35}
        for band, values in bands.items():
            shown = np.broadcast_to(np.asarray(values, float), grid.shape)
            numbers = np.clip(np.rint((np.nan_to_num(shown) - OFFSET) / SCALE), 1, 65535)
            pixels = np.where(np.isnan(shown), 0, numbers).astype(np.uint16)
            write_geotiff(building / f"{name}_SR_B{band}.TIF", pixels, grid, nodata=0)
        for mask, quality in (("QA_PIXEL", pixel_quality), ("QA_RADSAT", saturation)):
            pixels = np.broadcast_to(np.asarray(quality, np.uint16), grid.shape)
            write_geotiff(building / f"{name}_{mask}.TIF", pixels, grid)
        text = metadata_xml(name, grid, list(bands), path_row, acquired_at, generated_at, platform, level)
        (building / f"{name}_MTL.xml").write_text(text, encoding="utf-8")
        if as_tar:
            target = folder / f"{name}.tar"
            with atomic_path(target) as temporary, tarfile.open(temporary, "w") as archive:
                for path in sorted(building.iterdir()):
                    archive.add(path, path.name)
            return target
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
        return target
    finally:
        shutil.rmtree(building, ignore_errors=True)


def metadata_xml(
    name: str,
    grid: Grid,
    bands: list[int],
    path_row: str,
    acquired_at: datetime,
    generated_at: datetime,
    platform: str,
    level: str,
) -> str:
    """Return ``*_MTL.xml`` in the structure of the published one; what nothing reads is left out."""
    left, bottom, right, top = grid.bounds_m
    to_degrees = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    corners = {"UL": (left, top), "UR": (right, top), "LL": (left, bottom), "LR": (right, bottom)}
    degrees = {corner: to_degrees.transform(*place) for corner, place in corners.items()}
    places = "\n".join(
        f"    <CORNER_{corner}_LAT_PRODUCT>{lat:.5f}</CORNER_{corner}_LAT_PRODUCT>\n"
        f"    <CORNER_{corner}_LON_PRODUCT>{lon:.5f}</CORNER_{corner}_LON_PRODUCT>"
        for corner, (lon, lat) in degrees.items()
    )
    zenith, azimuth = sun_angles_deg(acquired_at, *degrees["UL"])
    files = "\n".join(
        f"    <FILE_NAME_BAND_{band}>{name}_SR_B{band}.TIF</FILE_NAME_BAND_{band}>" for band in bands
    )
    scaling = "\n".join(
        f"    <REFLECTANCE_MULT_BAND_{band}>{SCALE:g}</REFLECTANCE_MULT_BAND_{band}>\n"
        f"    <REFLECTANCE_ADD_BAND_{band}>{OFFSET:.6f}</REFLECTANCE_ADD_BAND_{band}>"
        for band in bands
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<LANDSAT_METADATA_FILE>
  <PRODUCT_CONTENTS>
    <LANDSAT_PRODUCT_ID>{name}</LANDSAT_PRODUCT_ID>
    <PROCESSING_LEVEL>{level}</PROCESSING_LEVEL>
    <COLLECTION_NUMBER>02</COLLECTION_NUMBER>
    <COLLECTION_CATEGORY>T1</COLLECTION_CATEGORY>
{files}
    <FILE_NAME_QUALITY_L1_PIXEL>{name}_QA_PIXEL.TIF</FILE_NAME_QUALITY_L1_PIXEL>
    <FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION>{name}_QA_RADSAT.TIF\
</FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION>
  </PRODUCT_CONTENTS>
  <IMAGE_ATTRIBUTES>
    <SPACECRAFT_ID>LANDSAT_{platform[1]}</SPACECRAFT_ID>
    <WRS_PATH>{int(path_row[:3])}</WRS_PATH>
    <WRS_ROW>{int(path_row[3:])}</WRS_ROW>
    <DATE_ACQUIRED>{acquired_at:%Y-%m-%d}</DATE_ACQUIRED>
    <SCENE_CENTER_TIME>{acquired_at:%H:%M:%S}.1234560Z</SCENE_CENTER_TIME>
    <SUN_AZIMUTH>{azimuth:.8f}</SUN_AZIMUTH>
    <SUN_ELEVATION>{90 - zenith:.8f}</SUN_ELEVATION>
  </IMAGE_ATTRIBUTES>
  <PROJECTION_ATTRIBUTES>
    <MAP_PROJECTION>UTM</MAP_PROJECTION>
    <DATUM>WGS84</DATUM>
    <UTM_ZONE>{grid.epsg % 100}</UTM_ZONE>
    <GRID_CELL_SIZE_REFLECTIVE>{grid.resolution_m:.2f}</GRID_CELL_SIZE_REFLECTIVE>
    <REFLECTIVE_LINES>{grid.height}</REFLECTIVE_LINES>
    <REFLECTIVE_SAMPLES>{grid.width}</REFLECTIVE_SAMPLES>
{places}
  </PROJECTION_ATTRIBUTES>
  <LEVEL2_PROCESSING_RECORD>
    <DATE_PRODUCT_GENERATED>{generated_at:%Y-%m-%dT%H:%M:%SZ}</DATE_PRODUCT_GENERATED>
  </LEVEL2_PROCESSING_RECORD>
  <LEVEL2_SURFACE_REFLECTANCE_PARAMETERS>
{scaling}
  </LEVEL2_SURFACE_REFLECTANCE_PARAMETERS>
</LANDSAT_METADATA_FILE>
"""
