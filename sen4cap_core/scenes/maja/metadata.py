"""What the metadata file of a MAJA product in MUSCATE format (``*_MTD_ALL.xml``) says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.angle_xml import read_angle_grid, read_mean_angle
from sen4cap_core.scenes.acquisition.angles import SceneAngles
from sen4cap_core.scenes.acquisition.s2_names import find_tile
from sen4cap_core.scenes.acquisition.xml_fields import all_fields, instant, number, text_of, unreadable
from sen4cap_core.scenes.landsat.metadata import BAND_NAMES
from sen4cap_core.xmlsafe import parse_xml

BASE_GROUPS = ("R1", "XS")
"""Group of the pixels a scene is laid on: 10 m of Sentinel-2, 30 m of Landsat."""
FLAT, SURFACE = "Flat_Reflectance", "Surface_Reflectance"
"""Natures of the images: FRE is corrected for the slope of the ground, SRE is not."""

_MASK = re.compile(r"_(MG2|SAT|EDG|CLM)_(R1|R2|XS)\.tif$", re.IGNORECASE)
_PLATFORM = re.compile(r"SENTINEL-?2([A-Z])", re.IGNORECASE)
_LANDSAT = re.compile(r"LANDSAT-?([89])", re.IGNORECASE)
_PATH_ROW = re.compile(r"(?:^|_)(\d{3})-?(\d{3})(?:_|$)")


@dataclass(frozen=True)
class MajaMetadata:
    """Facts of one product."""

    product_id: str
    platform: str
    """``S2A``, ``L8``; what the file says, where that is no Sentinel-2 and no Landsat 8 or 9."""
    level: str
    version: str | None
    acquired_at: datetime
    generated_at: datetime | None
    absolute_orbit: int | None
    tile: str | None
    """MGRS tile; of Landsat on its own frames WRS-2 path and row, ``198030``."""
    reflectance: dict[str, dict[str, str]]
    """Nature (`FLAT`, `SURFACE`) -> Sentinel-2 band name -> file in the product."""
    masks: dict[tuple[str, str], str]
    """(MG2, SAT, EDG or CLM; R1, R2 or XS) -> file in the product."""
    grids: dict[str, Grid]
    """R1 (10 m) and R2 (20 m) of Sentinel-2, XS (30 m) of Landsat."""
    quantification: float
    aerosol: tuple[str, str, int] | None
    """(Group R1 or R2, file in the product, band of the file) of the aerosol map, at its coarsest."""
    aot_quantification: float
    """Stored aerosol optical thickness of 1."""
    nodata: float
    angles: SceneAngles


def read_maja_metadata(content: bytes, file: str) -> MajaMetadata:
    """Parse the metadata.

    Raises
    ------
    BadUploadError, UnreadableSceneError
        Not XML, or a field is missing that cannot be done without.
    """
    root = parse_xml(content, name=file)
    acquired = text_of(root, "ACQUISITION_DATE")
    if not acquired:
        raise unreadable(file, "it states no ACQUISITION_DATE.")
    produced, orbit = text_of(root, "PRODUCTION_DATE"), text_of(root, "ORBIT_NUMBER")
    quantification = number(
        text_of(root, "REFLECTANCE_QUANTIFICATION_VALUE") or "10000", "REFLECTANCE_QUANTIFICATION_VALUE", file
    )
    if quantification <= 0:
        raise unreadable(file, f"REFLECTANCE_QUANTIFICATION_VALUE is {quantification:g}.")
    stated = text_of(root, "PLATFORM") or ""
    platform = _platform(stated)
    band_name = landsat_band if platform in ("L8", "L9") else sentinel_2_band
    grids = _grids(root, file)
    base = next(iter(grids.values()))
    product_id = text_of(root, "PRODUCT_ID") or PurePosixPath(file).name.removesuffix("_MTD_ALL.xml")
    return MajaMetadata(
        product_id=product_id,
        platform=platform,
        level=(text_of(root, "PRODUCT_LEVEL") or "").upper(),
        version=text_of(root, "PRODUCT_VERSION"),
        acquired_at=instant(acquired, "ACQUISITION_DATE", file),
        generated_at=instant(produced, "PRODUCTION_DATE", file) if produced else None,
        absolute_orbit=int(number(orbit, "ORBIT_NUMBER", file)) if orbit else None,
        tile=_tile(text_of(root, "GEOGRAPHICAL_ZONE") or "", product_id, platform),
        reflectance={
            nature: images for nature in (FLAT, SURFACE) if (images := _images(root, nature, band_name, file))
        },
        masks=_masks(root, file),
        grids=grids,
        quantification=quantification,
        aerosol=_aerosol(root, file),
        aot_quantification=number(
            text_of(root, "AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE") or "200",
            "AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE",
            file,
        ),
        nodata=_nodata(root, file),
        angles=_angles(root, base, band_name, file),
    )


def sentinel_2_band(text: str) -> str:
    """``B2`` -> ``B02``; ``B8A`` stays."""
    return f"B{int(text[1:]):02d}" if text[1:].isdigit() else text.upper()


def landsat_band(text: str) -> str:
    """``B5`` of Landsat 8 and 9 -> ``B08``, the Sentinel-2 band whose place it takes; others stay."""
    number = text[1:]
    return BAND_NAMES.get(int(number), text.upper()) if number.isdigit() else text.upper()


def _platform(stated: str) -> str:
    if match := _PLATFORM.search(stated):
        return f"S2{match.group(1).upper()}"
    match = _LANDSAT.search(stated)
    return f"L{match.group(1)}" if match else stated


def _tile(zone: str, product_id: str, platform: str) -> str | None:
    """Tile by the zone that is stated; Landsat is made on its own frames (MAJA) or on tiles (Theia)."""
    if platform not in ("L8", "L9"):
        return find_tile(zone)
    for text in (zone, product_id.partition("_L2A_")[2]):
        if tile := find_tile(text):
            return tile
        if match := _PATH_ROW.search(text):
            return match.group(1) + match.group(2)
    return None


def _images(root: Element, nature: str, band_name: Callable[[str], str], file: str) -> dict[str, str]:
    images = {}
    for image in all_fields(root, "Image"):
        if text_of(image, "NATURE") != nature:
            continue
        for element in all_fields(image, "IMAGE_FILE"):
            if element.get("band_id"):
                images[band_name(element.get("band_id", ""))] = _inside(element.text, file)
    return images


def _aerosol(root: Element, file: str) -> tuple[str, str, int] | None:
    found = None
    for image in all_fields(root, "Image"):
        if text_of(image, "NATURE") != "Aerosol_Optical_Thickness":
            continue
        for element in all_fields(image, "IMAGE_FILE"):
            group, band = element.get("group_id", ""), element.get("band_number", "1")
            if band.isdigit() and (found is None or group > found[0]):
                found = (group, _inside(element.text, file), int(band))
    return found


def _masks(root: Element, file: str) -> dict[tuple[str, str], str]:
    masks = {}
    for element in all_fields(root, "MASK_FILE"):
        match = _MASK.search((element.text or "").strip())
        if match:
            masks[match.group(1).upper(), match.group(2).upper()] = _inside(element.text, file)
    return masks


def _inside(text: str | None, file: str) -> str:
    name = (text or "").strip()
    if not name or name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise unreadable(file, f"it points to {name!r}, outside the product's own folder.")
    return name


def _grids(root: Element, file: str) -> dict[str, Grid]:
    code = (text_of(root, "HORIZONTAL_CS_CODE") or "").upper().removeprefix("EPSG:")
    if not code.isdigit():
        raise unreadable(file, "it states no coordinate system (HORIZONTAL_CS_CODE).")
    grids = {}
    for group in all_fields(root, "Group_Geopositioning"):
        names = ("ULX", "ULY", "XDIM", "YDIM", "NROWS", "NCOLS")
        value = {name: number(text_of(group, name), name, file) for name in names}
        if value["XDIM"] <= 0 or value["YDIM"] != -value["XDIM"]:
            raise unreadable(file, f"pixels of {value['XDIM']:g} x {value['YDIM']:g} m.")
        if value["NROWS"] < 1 or value["NCOLS"] < 1:
            raise unreadable(file, f"a raster of {value['NROWS']:g} x {value['NCOLS']:g} pixels.")
        grids[group.get("group_id", "")] = Grid(
            int(code), value["ULX"], value["ULY"], value["XDIM"], int(value["NCOLS"]), int(value["NROWS"])
        )
    base = next((name for name in BASE_GROUPS if name in grids), None)
    if base is None:
        raise unreadable(
            file, "it does not say where its pixels are (Group_Geopositioning R1; of Landsat XS)."
        )
    return {base: grids[base], **grids}


def _nodata(root: Element, file: str) -> float:
    for element in all_fields(root, "SPECIAL_VALUE"):
        if element.get("name") == "nodata":
            return number(element.text, "SPECIAL_VALUE nodata", file)
    return -10000.0


def _angles(root: Element, grid: Grid, band_name: Callable[[str], str], file: str) -> SceneAngles:
    sun = next(all_fields(root, "Sun_Angles_Grids"), None)
    mean_sun = next(all_fields(root, "Sun_Angles"), None)
    angles = SceneAngles(
        grid.x_min_m,
        grid.y_max_m,
        sun=read_angle_grid(sun, file) if sun is not None else None,
        mean_sun=read_mean_angle(mean_sun, file) if mean_sun is not None else None,
    )
    for of_band in all_fields(root, "Band_Viewing_Incidence_Angles_Grids_List"):
        band = band_name(of_band.get("band_id", "B0"))
        for element in all_fields(of_band, "Viewing_Incidence_Angles_Grids"):
            detector = int(number(element.get("detector_id"), "detector_id", file))
            angles.view.setdefault(band, {})[detector] = read_angle_grid(element, file)
    for element in all_fields(root, "Mean_Viewing_Incidence_Angle"):
        mean = read_mean_angle(element, file)
        if mean is not None and element.get("band_id"):
            angles.mean_view[band_name(element.get("band_id", ""))] = mean
    return angles
