"""What the two metadata files of a Sentinel-2 Level-2A product say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from shapely import Polygon

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.scenes.footprints import split_at_antimeridian
from sen4cap_core.scenes.s2_names import (
    BAND_IDS,
    datastrip_start,
    find_tile,
    parse_utc,
    short_platform,
    split_image_name,
)
from sen4cap_core.xmlsafe import local_name, parse_xml


@dataclass(frozen=True)
class GranuleListing:
    """One tile of a product, as listed in the product metadata."""

    granule_id: str
    datastrip_id: str
    images: dict[tuple[str, int], str]
    """(band, resolution in metres) -> path inside the product, with its suffix."""

    @property
    def folder(self) -> str:
        """``GRANULE/L2A_T30TUM_A011798_20190616T110626``."""
        return "/".join(PurePosixPath(next(iter(self.images.values()))).parts[:2])


@dataclass(frozen=True)
class ProductMetadata:
    """``MTD_MSIL2A.xml``."""

    product_id: str
    level: str
    platform: str
    baseline: str
    generated_at: datetime | None
    relative_orbit: int | None
    quantification: float
    boa_offsets: dict[str, float]
    """Band name -> number to add to the stored number; empty before baseline 04.00."""
    nodata: float
    footprint_wkt: str | None
    granules: list[GranuleListing]


@dataclass(frozen=True)
class TileMetadata:
    """``MTD_TL.xml`` of one granule."""

    tile: str | None
    sensed_at: datetime
    datastrip_start: str | None
    grids: dict[int, Grid]
    """By resolution in metres."""
    sun_zenith_deg: float | None
    sun_azimuth_deg: float | None


def read_product_metadata(content: bytes, file: str) -> ProductMetadata:
    """Parse ``MTD_MSIL2A.xml``.

    Raises
    ------
    BadUploadError, UnreadableSceneError
        Not XML, or a field is missing that cannot be done without.
    """
    root = parse_xml(content, name=file)
    level = _text(root, "PROCESSING_LEVEL") or local_name(root)
    boa_offsets = {
        BAND_IDS[element.get("band_id", "")]: _number(element.text, "BOA_ADD_OFFSET", file)
        for element in _all(root, "BOA_ADD_OFFSET")
        if element.get("band_id", "") in BAND_IDS
    }
    quantification = _number(
        _text(root, "BOA_QUANTIFICATION_VALUE") or "10000", "BOA_QUANTIFICATION_VALUE", file
    )
    if quantification <= 0:
        raise _unreadable(file, f"BOA_QUANTIFICATION_VALUE is {quantification:g}, it must be positive.")
    orbit = _text(root, "SENSING_ORBIT_NUMBER")
    generated = _text(root, "GENERATION_TIME")
    product_id = (_text(root, "PRODUCT_URI") or "").removesuffix(".SAFE")
    return ProductMetadata(
        product_id=product_id,
        level=level,
        platform=short_platform(_text(root, "SPACECRAFT_NAME") or product_id),
        baseline=_text(root, "PROCESSING_BASELINE") or "",
        generated_at=_instant(generated, "GENERATION_TIME", file) if generated else None,
        relative_orbit=int(_number(orbit, "SENSING_ORBIT_NUMBER", file)) if orbit else None,
        quantification=quantification,
        boa_offsets=boa_offsets,
        nodata=_nodata(root, file),
        footprint_wkt=_footprint(_text(root, "EXT_POS_LIST"), file),
        granules=_granules(root, file),
    )


def read_tile_metadata(content: bytes, file: str) -> TileMetadata:
    """Parse ``MTD_TL.xml``.

    Raises
    ------
    BadUploadError, UnreadableSceneError
        Not XML, or the place, size or time of the tile is missing.
    """
    root = parse_xml(content, name=file)
    sensed = _text(root, "SENSING_TIME")
    if not sensed:
        raise _unreadable(file, "it states no SENSING_TIME.")
    sun = next(_all(root, "Mean_Sun_Angle"), None)
    zenith = _text(sun, "ZENITH_ANGLE") if sun is not None else None
    azimuth = _text(sun, "AZIMUTH_ANGLE") if sun is not None else None
    return TileMetadata(
        tile=find_tile(_text(root, "TILE_ID") or ""),
        sensed_at=_instant(sensed, "SENSING_TIME", file),
        datastrip_start=datastrip_start(_text(root, "DATASTRIP_ID") or ""),
        grids=_grids(root, file),
        sun_zenith_deg=_number(zenith, "ZENITH_ANGLE", file) if zenith else None,
        sun_azimuth_deg=_number(azimuth, "AZIMUTH_ANGLE", file) if azimuth else None,
    )


def _granules(root: Element, file: str) -> list[GranuleListing]:
    listings = []
    for granule in root.iter():
        if local_name(granule) not in ("Granule", "Granules"):
            continue
        images = {}
        for element in _all(granule, "IMAGE_FILE"):
            name = (element.text or "").strip()
            key = split_image_name(name)
            if name.startswith("/") or ".." in PurePosixPath(name).parts:
                raise _unreadable(file, f"it points to {name!r}, outside the product's own folder.")
            if key is not None:
                images[key] = name if name.lower().endswith(".jp2") else f"{name}.jp2"
        if images:
            listings.append(
                GranuleListing(
                    granule.get("granuleIdentifier", ""), granule.get("datastripIdentifier", ""), images
                )
            )
    if not listings:
        raise _unreadable(
            file,
            "it lists no image files in the compact naming used since December 2016.",
            remedy="download it again from the Copernicus Data Space, where it has been reprocessed.",
        )
    return listings


def _grids(root: Element, file: str) -> dict[int, Grid]:
    code = (_text(root, "HORIZONTAL_CS_CODE") or "").upper().removeprefix("EPSG:")
    if not code.isdigit():
        raise _unreadable(file, "it states no coordinate system (HORIZONTAL_CS_CODE).")
    sizes = {element.get("resolution", ""): element for element in _all(root, "Size")}
    grids = {}
    for position in _all(root, "Geoposition"):
        resolution = position.get("resolution", "")
        size = sizes.get(resolution)
        if size is None or not resolution.isdigit():
            continue
        value = {
            tag: _number(_text(parent, tag), tag, file)
            for parent, tag in (
                (position, "ULX"),
                (position, "ULY"),
                (position, "XDIM"),
                (position, "YDIM"),
                (size, "NROWS"),
                (size, "NCOLS"),
            )
        }
        if value["XDIM"] != int(resolution) or value["YDIM"] != -int(resolution):
            raise _unreadable(file, f"pixels of {value['XDIM']:g} x {value['YDIM']:g} m at {resolution} m.")
        if value["NROWS"] < 1 or value["NCOLS"] < 1:
            raise _unreadable(file, f"a raster of {value['NROWS']:g} x {value['NCOLS']:g} pixels.")
        grids[int(resolution)] = Grid(
            int(code),
            value["ULX"],
            value["ULY"],
            float(resolution),
            int(value["NCOLS"]),
            int(value["NROWS"]),
        )
    if 10 not in grids:
        raise _unreadable(file, "it does not say where the 10 m pixels are (Tile_Geocoding).")
    return grids


def _nodata(root: Element, file: str) -> float:
    for element in _all(root, "Special_Values"):
        if (_text(element, "SPECIAL_VALUE_TEXT") or "").upper() == "NODATA":
            return _number(_text(element, "SPECIAL_VALUE_INDEX"), "SPECIAL_VALUE_INDEX", file)
    return 0.0


def _footprint(positions: str | None, file: str) -> str | None:
    """Turn ``lat lon lat lon ...`` into WKT of longitudes and latitudes."""
    if not positions:
        return None
    numbers = [_number(text, "EXT_POS_LIST", file) for text in positions.split()]
    if len(numbers) < 8 or len(numbers) % 2:
        return None
    return str(split_at_antimeridian(Polygon(zip(numbers[1::2], numbers[0::2], strict=True))).wkt)


def _all(root: Element, name: str) -> Iterator[Element]:
    # Some fields have a namespace prefix and some do not, and it has changed between baselines.
    return (element for element in root.iter() if local_name(element) == name)


def _text(root: Element, name: str) -> str | None:
    element = next(_all(root, name), None)
    return element.text.strip() if element is not None and element.text else None


def _number(text: str | None, field: str, file: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _unreadable(file, f"{field} is {text!r}, a number was expected.")
    return number


def _instant(text: str, field: str, file: str) -> datetime:
    try:
        return parse_utc(text)
    except ValueError as error:
        raise _unreadable(file, f"{field} is {text!r}, a time was expected.") from error


def _unreadable(file: str, what: str, remedy: str = "") -> UnreadableSceneError:
    return UnreadableSceneError(
        file, what, remedy=remedy or "copy or download the product again; it may have been altered."
    )
