"""From names of variables to what a pass over one scene computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sen4cap_core.processors.l3b.groups import BAND_OF
from sen4cap_core.processors.l3b.indices import INDICES, index_variable
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.variables import BandMean, PassItem, Quantisation
from sen4cap_core.scenes.model import Scene


@dataclass(frozen=True)
class RasterFacts:
    """What people are told of how a raster was made."""

    expression: str
    method: str
    """Part of the identity of the raster: another method makes another raster."""
    lineage: str
    description: str
    properties: Mapping[str, object] = field(default_factory=dict)
    """Further properties of the STAC item."""


_MASKED = (
    "on pixels the scene classification calls vegetation or bare soil; "
    "water, cloud, shadow, snow and saturated pixels are missing."
)


def facts_of(name: str, scene: Scene) -> RasterFacts:
    """Return how a variable is made of a scene."""
    lineage = f"{name.upper()} of surface reflectance {_MASKED}"
    if name == "ndvi":
        expression = "(B08 - B04) / (B08 + B04)"
        return RasterFacts(expression, expression, lineage, NDVI.description)
    index = INDICES[name]
    return RasterFacts(index.expression, index.expression, lineage, index.description)


def pass_items(names: Iterable[str], scene: Scene) -> tuple[list[PassItem], dict[str, str]]:
    """Return what computes the variables of a scene, and why it has none for the others.

    Returns
    -------
    items : for the variables that the scene has
    lacking : variable -> reason, for those that it can never give
    """
    items: list[PassItem] = []
    lacking: dict[str, str] = {}
    for name in dict.fromkeys(names):
        bands = bands_needed(name)
        absent = [band for band in bands if band not in scene.bands]
        if absent:
            lacking[name] = f"the product has no band {', '.join(absent)}"
        elif name in BAND_OF:
            items.append(BandMean(name, bands[0]))
        elif name == "ndvi":
            items.append(replace(NDVI, bands=bands))
        else:
            items.append(index_variable(name, bands))
    return items, lacking


def bands_needed(name: str) -> tuple[str, ...]:
    """Return the bands of a variable, by their Sentinel-2 names."""
    if name in BAND_OF:
        return (BAND_OF[name],)
    return NDVI.bands if name == "ndvi" else INDICES[name].bands


def quantisation_of(name: str) -> Quantisation:
    """Return how a variable is stored as int16."""
    if name in INDICES:
        return Quantisation(INDICES[name].scale)
    return Quantisation(1e-3) if name == "lai" else Quantisation()
