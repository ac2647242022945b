"""Write simulated pixels as a MAJA Level-2A product in MUSCATE format: a folder or a zip of one."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.writing.geotiff import write_geotiff
from sen4cap_core.scenes.landsat.metadata import BAND_NAMES
from sen4cap_core.simulation.optical.acquisition import (
    QUANTIFICATION,
    Acquisition,
    iso_milliseconds,
    plan_acquisition,
)

NODATA = -10000
COARSE_BANDS = ("B05", "B06", "B07", "B8A", "B11", "B12")
_NATURES = {"FRE": "Flat_Reflectance", "SRE": "Surface_Reflectance"}
_MASK_NATURES = {"MG2": "Cloud", "SAT": "Saturation", "EDG": "Edge", "CLM": "Detailed_Cloud"}
_ORBIT_SHIFT = {"S2A": 2, "S2B": -27}


def maja_scene(
    folder: Path,
    reflectance: Mapping[str, float | NDArray[np.floating]] | None = None,
    masks: Mapping[str, int | NDArray[np.integer]] | None = None,
    *,
    tile: str = "30TUM",
    grid: Grid | None = None,
    acquired_at: datetime = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC),
    platform: str = "S2A",
    relative_orbit: int = 137,
    natures: Sequence[str] = ("SRE", "FRE"),
    as_zip: bool = False,
) -> Path:
    """Write one product and return its path.

    Parameters
    ----------
    reflectance : band -> number, or (rows, columns) at the band's own pixel size (10 m or 20 m)
        Surface reflectance 0..1, NaN where there are no data. Default: red 0.05, near infrared 0.35.
    masks : MG2, SAT, EDG, CLM -> number, or (rows, columns) at 10 m
        As MAJA codes them. Default: MG2, SAT and EDG all 0; only those named are written.
    tile, grid
        The tile, and the 10 m grid of the product within it; default: 1.2 km at the tile's upper left corner.
        Of Landsat path and row (``201031``), and a 30 m grid with an even number of rows and columns.
    platform
        ``S2A``, ...; or ``L8``, ``L9``, whose bands are given by the Sentinel-2 bands they stand for.
    natures
        ``FRE`` and ``SRE``: which reflectance to write; SRE gets 0.01 more, so that they can be told apart.

    The product appears whole, under its final name, as ``<folder>/<product>`` or ``<folder>/<product>.zip``.
    """
    if grid is None:
        whole = tile_grid(tile)
        grid = Grid(whole.epsg, whole.x_min_m, whole.y_max_m, 10.0, 120, 120)
    # Facts of a pass are planned on 10 m pixels; Landsat's lie on the same ground.
    fine = grid if grid.resolution_m == 10 else grid.at_resolution(10)
    acquisition = replace(
        plan_acquisition(tile, fine, acquired_at, platform=platform, relative_orbit=relative_orbit), grid=grid
    )
    group = next(iter(_groups(acquisition)))
    name = product_id(acquisition)
    folder.mkdir(parents=True, exist_ok=True)
    building = folder / f".{name}.part"
    shutil.rmtree(building, ignore_errors=True)
    try:
        (building / "MASKS").mkdir(parents=True)
        bands = reflectance or {"B04": 0.05, "B08": 0.35}
        for nature in natures:
            _write_bands(building, name, nature, bands, acquisition)
        kinds = {"MG2": 0, "SAT": 0, "EDG": 0} if masks is None else masks
        for kind, numbers in kinds.items():
            pixels = np.broadcast_to(np.asarray(numbers, np.uint8), grid.shape)
            write_geotiff(building / "MASKS" / f"{name}_{kind}_{group}.tif", pixels, grid, tiled=False)
        text = metadata_xml(acquisition, name, list(bands), natures, list(kinds))
        (building / f"{name}_MTD_ALL.xml").write_text(text, encoding="utf-8")
        if as_zip:
            target = folder / f"{name}.zip"
            with atomic_path(target) as temporary:
                _pack(building, name, temporary)
            return target
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        building.replace(target)
        return target
    finally:
        shutil.rmtree(building, ignore_errors=True)


def product_id(acquisition: Acquisition) -> str:
    """Return ``SENTINEL2A_20190616-110646-000_L2A_T30TUM_C_V1-0``."""
    a = acquisition
    instant = f"{a.sensed_at:%Y%m%d-%H%M%S}-{a.sensed_at.microsecond // 1000:03d}"
    sensor = f"LANDSAT{a.platform[1:]}-OLITIRS-XS" if is_landsat(a) else f"SENTINEL{a.platform[1:]}"
    return f"{sensor}_{instant}_L2A_{_zone(a)}_C_V1-0"


def is_landsat(acquisition: Acquisition) -> bool:
    """Whether a pass is one of Landsat 8 or 9."""
    return acquisition.platform.startswith("L")


def _zone(acquisition: Acquisition) -> str:
    tile = acquisition.tile
    return f"{tile[:3]}-{tile[3:]}" if is_landsat(acquisition) else f"T{tile}"


def _groups(acquisition: Acquisition) -> dict[str, Grid]:
    grid = acquisition.grid
    return {"XS": grid} if is_landsat(acquisition) else {"R1": grid, "R2": grid.at_resolution(20)}


def metadata_xml(
    acquisition: Acquisition, name: str, bands: Sequence[str], natures: Sequence[str], masks: Sequence[str]
) -> str:
    """Return ``*_MTD_ALL.xml`` in the structure of the published one; what nothing reads is left out."""
    a = acquisition
    platform = f"LANDSAT{a.platform[1:]}" if is_landsat(a) else f"SENTINEL{a.platform[1:]}"
    groups_of = _groups(a)
    base = next(iter(groups_of))
    ids = {band: band_id(band, a) for band in bands}
    images = "".join(
        f"<Image><Image_Properties><NATURE>{_NATURES[nature]}</NATURE></Image_Properties><Image_File_List>"
        + "".join(
            f'<IMAGE_FILE band_id="{short}">{name}_{nature}_{short}.tif</IMAGE_FILE>'
            for short in ids.values()
        )
        + "</Image_File_List></Image>\n"
        for nature in natures
    )
    mask_list = "".join(
        f"<Mask><Mask_Properties><NATURE>{_MASK_NATURES[kind]}</NATURE></Mask_Properties><Mask_File_List>"
        f'<MASK_FILE group_id="{base}">MASKS/{name}_{kind}_{base}.tif</MASK_FILE></Mask_File_List></Mask>\n'
        for kind in masks
    )
    groups = "".join(
        f'<Group_Geopositioning group_id="{group}"><ULX>{grid.x_min_m:.0f}</ULX><ULY>{grid.y_max_m:.0f}</ULY>'
        f"<XDIM>{grid.resolution_m:.0f}</XDIM><YDIM>-{grid.resolution_m:.0f}</YDIM>"
        f"<NROWS>{grid.height}</NROWS><NCOLS>{grid.width}</NCOLS></Group_Geopositioning>\n"
        for group, grid in groups_of.items()
    )
    view_means = "".join(
        f'<Mean_Viewing_Incidence_Angle band_id="{ids[band]}">'
        f'<ZENITH_ANGLE unit="deg">{a.view_zenith_deg:g}</ZENITH_ANGLE>'
        f'<AZIMUTH_ANGLE unit="deg">{a.view_azimuth_deg:g}</AZIMUTH_ANGLE></Mean_Viewing_Incidence_Angle>\n'
        for band in bands
    )
    sun = _angle_grid(a.sun_zenith_deg, a.sun_azimuth_deg)
    view = _angle_grid(a.view_zenith_deg, a.view_azimuth_deg)
    views = "".join(
        f'<Band_Viewing_Incidence_Angles_Grids_List band_id="{ids[band]}">'
        f'<Viewing_Incidence_Angles_Grids detector_id="06">{view}</Viewing_Incidence_Angles_Grids>'
        "</Band_Viewing_Incidence_Angles_Grids_List>\n"
        for band in bands
    )
    # The published orbit number counts from launch; 143 orbits are one cycle.
    orbit = (a.relative_orbit - 1 - _ORBIT_SHIFT.get(a.platform, 0)) % 143 + 143 * 40
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Muscate_Metadata_Document>
<Dataset_Identification>
<IDENTIFIER>{name}</IDENTIFIER>
<GEOGRAPHICAL_ZONE type="Tile">{_zone(a)}</GEOGRAPHICAL_ZONE>
</Dataset_Identification>
<Product_Characteristics>
<PRODUCT_ID>{name}</PRODUCT_ID>
<ACQUISITION_DATE>{iso_milliseconds(a.sensed_at)}</ACQUISITION_DATE>
<PRODUCTION_DATE>{iso_milliseconds(a.generated_at)}</PRODUCTION_DATE>
<PRODUCT_VERSION>1.0</PRODUCT_VERSION>
<PRODUCT_LEVEL>L2A</PRODUCT_LEVEL>
<PLATFORM>{platform}</PLATFORM>
<ORBIT_NUMBER type="Orbit">{orbit}</ORBIT_NUMBER>
</Product_Characteristics>
<Product_Organisation><Muscate_Product>
<Image_List>
{images}</Image_List>
<Mask_List>
{mask_list}</Mask_List>
</Muscate_Product></Product_Organisation>
<Geoposition_Informations>
<Horizontal_Coordinate_System><HORIZONTAL_CS_CODE>{a.grid.epsg}</HORIZONTAL_CS_CODE>\
</Horizontal_Coordinate_System>
<Group_Geopositioning_List>
{groups}</Group_Geopositioning_List>
</Geoposition_Informations>
<Geometric_Informations>
<Mean_Value_List>
<Sun_Angles><ZENITH_ANGLE unit="deg">{a.sun_zenith_deg:.6f}</ZENITH_ANGLE>\
<AZIMUTH_ANGLE unit="deg">{a.sun_azimuth_deg:.6f}</AZIMUTH_ANGLE></Sun_Angles>
<Mean_Viewing_Incidence_Angle_List>
{view_means}</Mean_Viewing_Incidence_Angle_List>
</Mean_Value_List>
<Angles_Grids_List>
<Sun_Angles_Grids>{sun}</Sun_Angles_Grids>
<Viewing_Incidence_Angles_Grids_List>
{views}</Viewing_Incidence_Angles_Grids_List>
</Angles_Grids_List>
</Geometric_Informations>
<Radiometric_Informations>
<REFLECTANCE_QUANTIFICATION_VALUE>{QUANTIFICATION}</REFLECTANCE_QUANTIFICATION_VALUE>
<Special_Values_List><SPECIAL_VALUE name="nodata">{NODATA}</SPECIAL_VALUE></Special_Values_List>
</Radiometric_Informations>
</Muscate_Metadata_Document>
"""


def band_id(band: str, acquisition: Acquisition) -> str:
    """``B04`` -> ``B4``, as MAJA names bands; of Landsat ``B08`` -> ``B5``, which stands for it."""
    if is_landsat(acquisition):
        return next(f"B{number}" for number, name in BAND_NAMES.items() if name == band)
    return f"B{int(band[1:])}" if band[1:].isdigit() else band


def _write_bands(
    folder: Path,
    name: str,
    nature: str,
    bands: Mapping[str, float | NDArray[np.floating]],
    acquisition: Acquisition,
) -> None:
    groups = _groups(acquisition)
    base = next(iter(groups.values()))
    for band, values in bands.items():
        own = groups.get("R2", base) if band in COARSE_BANDS else base
        shown = np.broadcast_to(np.asarray(values, float), own.shape) + (0.01 if nature == "SRE" else 0.0)
        numbers = np.where(np.isnan(shown), NODATA, np.rint(np.nan_to_num(shown) * QUANTIFICATION))
        path = folder / f"{name}_{nature}_{band_id(band, acquisition)}.tif"
        write_geotiff(path, numbers.astype(np.int16), own, nodata=NODATA, tiled=False)


def _angle_grid(zenith_deg: float, azimuth_deg: float) -> str:
    parts = []
    for part, angle in (("Zenith", zenith_deg), ("Azimuth", azimuth_deg)):
        rows = "".join(f"<VALUES>{angle:g} {angle:g}</VALUES>" for _ in range(2))
        parts.append(
            f'<{part} step_unit="m" values_unit="deg"><COL_STEP>5000</COL_STEP><ROW_STEP>5000</ROW_STEP>'
            f"<Values_List>{rows}</Values_List></{part}>"
        )
    return "".join(parts)


def _pack(folder: Path, root: str, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, f"{root}/{path.relative_to(folder).as_posix()}")
