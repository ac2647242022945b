"""What people read of each collection of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sen4cap_core.products.naming import (
    L3A_COMPOSITE,
    L3B_NDVI,
    L4A_CROP_TYPES,
    L4B_MOWING,
    L4C_PRACTICES,
    MARKERS,
    S1_BACKSCATTER,
    S1_COHERENCE,
    S1_COMPOSITE,
    l3b_collection,
)


@dataclass(frozen=True)
class CollectionText:
    """What people read of a collection."""

    title: str
    description: str
    keywords: tuple[str, ...]


_MASKED = "Clouds, shadows, snow, water and saturated pixels are missing."


def _l3b_text(title: str, what: str, *keywords: str) -> CollectionText:
    """Text of the rasters of one variable besides NDVI."""
    return CollectionText(
        f"{title} (L3B)",
        f"{what} of each scene, on the tile's own UTM grid. {_MASKED} int16 with scale and no-data value.",
        (*keywords, "vegetation", "L3B"),
    )


_INDEX_TITLES = {
    "ndwi": "NDWI, water in leaves",
    "ndwi2": "NDWI of McFeeters, open water",
    "mndwi": "MNDWI, open water",
    "ndti": "NDTI, turbidity",
    "ci": "Colour index of soils",
    "brightness": "Brightness in the visible",
    "brightness2": "Brightness with near infrared",
    "redness": "Redness of soils",
    "rvi": "RVI, ratio of near infrared and red",
    "savi": "SAVI, soil-adjusted vegetation index",
    "tsavi": "TSAVI, transformed soil-adjusted vegetation index",
    "msavi": "MSAVI, modified soil-adjusted vegetation index",
    "msavi2": "MSAVI2, modified soil-adjusted vegetation index",
    "gemi": "GEMI, global environment monitoring index",
    "ipvi": "IPVI, infrared percentage vegetation index",
    "tndvi": "TNDVI, transformed NDVI",
    "lai_ndvi": "Leaf area index from NDVI",
    "lai_linear": "Leaf area index, linear",
}

TEXTS: Mapping[str, CollectionText] = {
    L3B_NDVI: CollectionText(
        "NDVI (L3B)",
        "Normalised difference vegetation index of each Sentinel-2 scene, 10 m, on the tile's own UTM grid. "
        "Clouds, shadows, snow, water and saturated pixels are missing. int16, NDVI = number x 0.0001.",
        ("NDVI", "vegetation", "Sentinel-2", "L3B"),
    ),
    L3A_COMPOSITE: CollectionText(
        "Composites of reflectance (L3A)",
        "Surface reflectance of many dates joined into one image, free of clouds as far as there is a clear "
        "date: weighted average, median, or the greenest date. One raster for each band, and what weighed.",
        ("composite", "surface reflectance", "Sentinel-2", "L3A"),
    ),
    S1_COMPOSITE: CollectionText(
        "Radar composites",
        "Weekly, two-monthly, monthly and season composites of Sentinel-1 backscatter (linear power, and "
        "VV / VH) and coherence by orbit direction and polarisation, 20 m, on the tile's own UTM grid.",
        ("Sentinel-1", "backscatter", "coherence", "composite"),
    ),
    L4A_CROP_TYPES: CollectionText(
        "Crop types (L4A)",
        "Crop type of each declared parcel, told from a season of Sentinel-2 and Sentinel-1 parcel means: "
        "the two likeliest with their probabilities, conformity with the declaration, or why there is none.",
        ("crop type", "CAP", "parcels", "L4A"),
    ),
    **{
        l3b_collection(name): _l3b_text(title, "Spectral index", name.upper())
        for name, title in _INDEX_TITLES.items()
    },
    l3b_collection("lai"): _l3b_text(
        "Leaf area index", "Leaf area index (m2 of leaves per m2 of ground) by the published networks", "LAI"
    ),
    l3b_collection("fapar"): _l3b_text(
        "fAPAR", "Fraction of absorbed photosynthetically active radiation by the published networks", "fAPAR"
    ),
    l3b_collection("fcover"): _l3b_text(
        "Vegetation cover", "Fraction of ground covered by vegetation by the published networks", "fCover"
    ),
    **{
        l3b_collection(name): _l3b_text(title, f"1 where {what}, else 0; averaged in overviews", "domain")
        for name, title, what in (
            ("input_domain", "Input domain", "the reflectances are like none that the networks learnt from"),
            ("lai_domain", "LAI domain", "the leaf area index lay beyond its limits"),
            ("fapar_domain", "fAPAR domain", "fAPAR lay beyond its limits"),
            ("fcover_domain", "fCover domain", "fCover lay beyond its limits"),
        )
    },
    S1_BACKSCATTER: CollectionText(
        "Radar backscatter",
        "Backscatter of each Sentinel-1 acquisition in linear power, 20 m, on the tile's own UTM grid: "
        "sigma0, or gamma0 flattened by the terrain where the site asks for it; thermal noise removed, no "
        "speckle filter.",
        ("backscatter", "Sentinel-1", "SAR"),
    ),
    S1_COHERENCE: CollectionText(
        "Radar coherence",
        "Coherence of two Sentinel-1 acquisitions 6 or 12 days apart, 20 m, on the tile's own UTM grid; "
        "estimated in windows of 80 m by 70 m.",
        ("coherence", "Sentinel-1", "SAR", "interferometry"),
    ),
    MARKERS: CollectionText(
        "Marker databases",
        "Every observation of every parcel between two days as wide tables: means, deviations, pixel counts "
        "(MDB1), differences of VV and VH (MDB2), markers of harvest (MDB3).",
        ("markers", "CAP", "parcels"),
    ),
    L4B_MOWING: CollectionText(
        "Grassland mowing (L4B)",
        "Mowing events of each declared parcel over a season, with dates, confidence and compliance. "
        "One item for each evaluation; the newest one of a season supersedes the earlier ones.",
        ("mowing", "grassland", "CAP", "parcels", "L4B"),
    ),
    L4C_PRACTICES: CollectionText(
        "Agricultural practices (L4C)",
        "Harvest week, catch crops, fallow, nitrogen-fixing crops and tillage of each row of a practice "
        "table, with markers and grade. One item for each practice and evaluation; the newest one of a year "
        "supersedes the earlier ones.",
        ("harvest", "catch crop", "fallow", "CAP", "parcels", "L4C"),
    ),
}


def text_of(collection: str) -> CollectionText:
    """Return what is told of a collection; ``ValueError`` where there is none of that name."""
    if collection not in TEXTS:
        raise ValueError(f"unknown collection {collection!r}; known: {', '.join(TEXTS)}")
    return TEXTS[collection]
