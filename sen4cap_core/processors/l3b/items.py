"""From names of variables to what a pass over one scene computes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from sen4cap_core.processors.l3b.biophysical import (
    DESCRIPTIONS,
    QUANTISATIONS,
    Biophysical,
    biophysical_item,
    inversion_of,
)
from sen4cap_core.processors.l3b.groups import BAND_OF, DOMAINS, NETWORK_VARIABLES
from sen4cap_core.processors.l3b.indices import INDICES, index_variable
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.blockwise.variables import BandMean, PassItem, Quantisation
from sen4cap_core.scenes.acquisition.model import Scene


@dataclass(frozen=True)
class RasterFacts:
    """What people are told of how a raster was made."""

    expression: str
    method: str
    """Part of the identity of the raster: another method makes another raster."""
    lineage: str
    description: str


@dataclass(frozen=True)
class PassPlan:
    """What a pass is to compute, and what is to be said of it."""

    items: list[PassItem]
    """For the variables that the scene has."""
    lacking: dict[str, str]
    """Variable -> reason, for those that it can never give."""
    notes: list[str] = field(default_factory=list)
    """What people should know of how it is made."""

    def found(self) -> dict[str, dict[str, object]]:
        """After the pass: further properties of the STAC item of a variable."""
        found: dict[str, dict[str, object]] = {}
        for item in self.items:
            if isinstance(item, Biophysical):
                found |= item.found()
        return found


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
    if name in NETWORK_VARIABLES:
        return _biophysical_facts(name, scene)
    index = INDICES[name]
    return RasterFacts(index.expression, index.expression, lineage, index.description)


def _biophysical_facts(name: str, scene: Scene) -> RasterFacts:
    inversion = inversion_of(scene)
    if isinstance(inversion, str):
        raise ValueError(f"{name} cannot be made of {scene.product_id}: {inversion}")
    what = f"{name.removesuffix('_domain')} domain" if name in DOMAINS else name
    method = f"{what.upper()} by the {inversion.method}"
    lineage = f"{method}, of surface reflectance {_MASKED}"
    if inversion.notes:
        lineage += f" Note: {'; '.join(inversion.notes)}."
    expression = f"{name}({', '.join(inversion.network.bands)}, sun and view angles)"
    return RasterFacts(expression, method, lineage, DESCRIPTIONS[name])


def pass_plan(names: Iterable[str], scene: Scene) -> PassPlan:
    """Return what computes the variables of a scene, and why it has none for the others."""
    items: list[PassItem] = []
    lacking: dict[str, str] = {}
    notes: list[str] = []
    asked = list(dict.fromkeys(names))
    if together := [name for name in asked if name in NETWORK_VARIABLES]:
        inversion = inversion_of(scene)
        if isinstance(inversion, str):
            lacking |= dict.fromkeys(together, inversion)
        else:
            items.append(biophysical_item(together, inversion))
            notes += inversion.notes
    for name in (name for name in asked if name not in NETWORK_VARIABLES):
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
    return PassPlan(items, lacking, notes)


def bands_needed(name: str) -> tuple[str, ...]:
    """Return the bands of an index or a band mean, by their Sentinel-2 names."""
    if name in BAND_OF:
        return (BAND_OF[name],)
    return NDVI.bands if name == "ndvi" else INDICES[name].bands


def quantisation_of(name: str) -> Quantisation:
    """Return how a variable is stored as int16."""
    if name in INDICES:
        return Quantisation(INDICES[name].scale)
    return QUANTISATIONS.get(name, Quantisation())
