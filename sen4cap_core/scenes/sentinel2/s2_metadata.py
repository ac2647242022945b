"""What the two metadata files of a Sentinel-2 Level-2A product say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from shapely import Polygon

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.angle_xml import read_angle_grid, read_mean_angle
from sen4cap_core.scenes.acquisition.angles import SceneAngles
from sen4cap_core.scenes.acquisition.footprints import split_at_antimeridian
from sen4cap_core.scenes.acquisition.s2_names import (
    BAND_IDS,
    datastrip_start,
    find_tile,
    short_platform,
    split_image_name,
)
from sen4cap_core.scenes.acquisition.xml_fields import all_fields, instant, number, text_of, unreadable
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
    aot_quantification: float
    """Stored aerosol optical thickness of 1."""
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
    angles: SceneAngles


def read_product_metadata(content: bytes, file: str) -> ProductMetadata:
    """Parse ``MTD_MSIL2A.xml``.

    Raises
    ------
    BadUploadError, UnreadableSceneError
        Not XML, or a field is missing that cannot be done without.
    """
    root = parse_xml(content, name=file)
    level = text_of(root, "PROCESSING_LEVEL") or local_name(root)
    boa_offsets = {
        BAND_IDS[element.get("band_id", "")]: number(element.text, "BOA_ADD_OFFSET", file)
        for element in all_fields(root, "BOA_ADD_OFFSET")
        if element.get("band_id", "") in BAND_IDS
    }
    quantification = number(
        text_of(root, "BOA_QUANTIFICATION_VALUE") or "10000", "BOA_QUANTIFICATION_VALUE", file
    )
    if quantification <= 0:
        raise unreadable(file, f"BOA_QUANTIFICATION_VALUE is {quantification:g}, it must be positive.")
    orbit = text_of(root, "SENSING_ORBIT_NUMBER")
    generated = text_of(root, "GENERATION_TIME")
    product_id = (text_of(root, "PRODUCT_URI") or "").removesuffix(".SAFE")
    return ProductMetadata(
        product_id=product_id,
        level=level,
        platform=short_platform(text_of(root, "SPACECRAFT_NAME") or product_id),
        baseline=text_of(root, "PROCESSING_BASELINE") or "",
        generated_at=instant(generated, "GENERATION_TIME", file) if generated else None,
        relative_orbit=int(number(orbit, "SENSING_ORBIT_NUMBER", file)) if orbit else None,
        quantification=quantification,
        aot_quantification=number(
            text_of(root, "AOT_QUANTIFICATION_VALUE") or "1000", "AOT_QUANTIFICATION_VALUE", file
        ),
        boa_offsets=boa_offsets,
        nodata=_nodata(root, file),
        footprint_wkt=_footprint(text_of(root, "EXT_POS_LIST"), file),
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
    sensed = text_of(root, "SENSING_TIME")
    if not sensed:
        raise unreadable(file, "it states no SENSING_TIME.")
    grids = _grids(root, file)
    return TileMetadata(
        tile=find_tile(text_of(root, "TILE_ID") or ""),
        sensed_at=instant(sensed, "SENSING_TIME", file),
        datastrip_start=datastrip_start(text_of(root, "DATASTRIP_ID") or ""),
        grids=grids,
        angles=_angles(root, grids[10], file),
    )


def _granules(root: Element, file: str) -> list[GranuleListing]:
    listings = []
    for granule in root.iter():
        if local_name(granule) not in ("Granule", "Granules"):
            continue
        images = {}
        for element in all_fields(granule, "IMAGE_FILE"):
            name = (element.text or "").strip()
            key = split_image_name(name)
            if name.startswith("/") or ".." in PurePosixPath(name).parts:
                raise unreadable(file, f"it points to {name!r}, outside the product's own folder.")
            if key is not None:
                images[key] = name if name.lower().endswith(".jp2") else f"{name}.jp2"
        if images:
            listings.append(
                GranuleListing(
                    granule.get("granuleIdentifier", ""), granule.get("datastripIdentifier", ""), images
                )
            )
    if not listings:
        raise unreadable(
            file,
            "it lists no image files in the compact naming used since December 2016.",
            remedy="download it again from the Copernicus Data Space, where it has been reprocessed.",
        )
    return listings


def _grids(root: Element, file: str) -> dict[int, Grid]:
    code = (text_of(root, "HORIZONTAL_CS_CODE") or "").upper().removeprefix("EPSG:")
    if not code.isdigit():
        raise unreadable(file, "it states no coordinate system (HORIZONTAL_CS_CODE).")
    sizes = {element.get("resolution", ""): element for element in all_fields(root, "Size")}
    grids = {}
    for position in all_fields(root, "Geoposition"):
        resolution = position.get("resolution", "")
        size = sizes.get(resolution)
        if size is None or not resolution.isdigit():
            continue
        value = {
            tag: number(text_of(parent, tag), tag, file)
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
            raise unreadable(file, f"pixels of {value['XDIM']:g} x {value['YDIM']:g} m at {resolution} m.")
        if value["NROWS"] < 1 or value["NCOLS"] < 1:
            raise unreadable(file, f"a raster of {value['NROWS']:g} x {value['NCOLS']:g} pixels.")
        grids[int(resolution)] = Grid(
            int(code),
            value["ULX"],
            value["ULY"],
            float(resolution),
            int(value["NCOLS"]),
            int(value["NROWS"]),
        )
    if 10 not in grids:
        raise unreadable(file, "it does not say where the 10 m pixels are (Tile_Geocoding).")
    return grids


def _angles(root: Element, grid: Grid, file: str) -> SceneAngles:
    sun = next(all_fields(root, "Sun_Angles_Grid"), None)
    mean_sun = next(all_fields(root, "Mean_Sun_Angle"), None)
    angles = SceneAngles(
        grid.x_min_m,
        grid.y_max_m,
        sun=read_angle_grid(sun, file) if sun is not None else None,
        mean_sun=read_mean_angle(mean_sun, file) if mean_sun is not None else None,
    )
    for element in all_fields(root, "Viewing_Incidence_Angles_Grids"):
        band = BAND_IDS.get(element.get("bandId", ""))
        if band is not None:
            detector = int(number(element.get("detectorId"), "detectorId", file))
            angles.view.setdefault(band, {})[detector] = read_angle_grid(element, file)
    for element in all_fields(root, "Mean_Viewing_Incidence_Angle"):
        band, mean = BAND_IDS.get(element.get("bandId", "")), read_mean_angle(element, file)
        if band is not None and mean is not None:
            angles.mean_view[band] = mean
    return angles


def _nodata(root: Element, file: str) -> float:
    for element in all_fields(root, "Special_Values"):
        if (text_of(element, "SPECIAL_VALUE_TEXT") or "").upper() == "NODATA":
            return number(text_of(element, "SPECIAL_VALUE_INDEX"), "SPECIAL_VALUE_INDEX", file)
    return 0.0


def _footprint(positions: str | None, file: str) -> str | None:
    """Turn ``lat lon lat lon ...`` into WKT of longitudes and latitudes."""
    if not positions:
        return None
    numbers = [number(text, "EXT_POS_LIST", file) for text in positions.split()]
    if len(numbers) < 8 or len(numbers) % 2:
        return None
    return str(split_at_antimeridian(Polygon(zip(numbers[1::2], numbers[0::2], strict=True))).wkt)
