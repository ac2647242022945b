"""What a scene must give: a function of the site's processors, its site.yaml and the kind of scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.models import DeclarationSet, Site
from sen4cap_core.db.overview import completeness
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.processors.l3b.groups import (
    BANDS_GROUP,
    BIOPHYSICAL_GROUP,
    GROUPS,
    INDICES_GROUP,
    NDVI_GROUP,
)
from sen4cap_core.products.naming import l3b_collection

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RADAR_GROUPS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "s1-backscatter": {"backscatter": frozenset(("vv", "vh", "vv_db", "vh_db", "vh_vv"))},
    "s1-coherence": {"coherence": frozenset(("coh_vv", "coh_vh"))},
}
"""Observation groups of radar scenes by sensor; a product with one polarisation lacks the other's."""


@dataclass(frozen=True)
class Wanted:
    """Rasters by variable, and the variables observed of each group."""

    rasters: frozenset[str]
    groups: Mapping[str, frozenset[str]]
    statistics: frozenset[str] = frozenset()
    """Of each variable beside mean and deviation; observation sets note them among their variables."""

    def without(self, lacking: frozenset[str]) -> Wanted:
        """Return what is left where a scene can never give some variables."""
        groups = {group: variables - lacking for group, variables in self.groups.items()}
        left = {group: variables for group, variables in groups.items() if variables}
        return replace(self, rasters=self.rasters - lacking, groups=left)

    def is_met(self, group: str, noted: frozenset[str]) -> bool:
        """Whether an observation set of a group notes all that is wanted of it."""
        return self.groups[group] | self.statistics <= noted


def wanted_of(session: Session, site: Site, year: int, sensor: str) -> Wanted:
    """Return what a scene of a sensor must give for the declarations of a year."""
    config = SiteConfig.model_validate(site.config)
    statistics = frozenset[str](config.statistics)
    if sensor in RADAR_GROUPS:
        return Wanted(frozenset(), RADAR_GROUPS[sensor], statistics)
    processors = config.processors
    asked = frozenset(processors.l3b.indices) if processors.l3b.enabled else frozenset()
    # Mowing, practices and the charts all read NDVI.
    groups = {NDVI_GROUP: frozenset(GROUPS[NDVI_GROUP])}
    if _crop_types_run(session, site, year, processors.l4a.enabled):
        groups[BANDS_GROUP] = frozenset(GROUPS[BANDS_GROUP])
    for group in (BIOPHYSICAL_GROUP, INDICES_GROUP):
        if variables := asked & frozenset(GROUPS[group]):
            groups[group] = variables
    return Wanted(asked, groups, statistics)


def _crop_types_run(session: Session, site: Site, year: int, enabled: bool) -> bool:
    """L4A runs where site.yaml names it, else as soon as there is a table of crop codes to learn from."""
    if not enabled:
        return False
    named = "l4a" in site.config.get("processors", {})
    return named or bool(declaration_rows.crop_codes(session, site.id, year))


def scenes_to_observe(session: Session, declaration_set: DeclarationSet) -> list[int]:
    """Return processed scenes that lack observations of a declaration set, newest first."""
    site = session.get_one(Site, declaration_set.site_id)
    observed = completeness.observed_variables(session, declaration_set.id)
    wanted: dict[str, Wanted] = {}
    found = []
    for scene in completeness.processed_scenes(session, site.id, declaration_set.year):
        if scene.sensor not in wanted:
            wanted[scene.sensor] = wanted_of(session, site, declaration_set.year, scene.sensor)
        here = wanted[scene.sensor].without(scene.lacking)
        if any(
            not here.is_met(group, observed.get((scene.scene_id, group), frozenset()))
            for group in here.groups
        ):
            found.append(scene.scene_id)
    return found


def scenes_without_rasters(session: Session, site: Site) -> list[int]:
    """Return processed scenes of a site that lack a raster which site.yaml asks for, newest first."""
    asked = {}
    kinds = completeness.kinds_by_scene(session, site.id)
    found = []
    for scene in completeness.processed_scenes(session, site.id):
        if scene.sensor not in asked:
            # Rasters follow from site.yaml alone, whatever the year.
            asked[scene.sensor] = wanted_of(session, site, 0, scene.sensor).rasters
        needed = {l3b_collection(variable) for variable in asked[scene.sensor] - scene.lacking}
        if needed - kinds.get(scene.scene_id, set()):
            found.append(scene.scene_id)
    return found
