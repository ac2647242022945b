"""Whether what was just received leaves mowing any parcel to look at, where there are answers already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.made import mowing as mowing_rows
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError, Problem
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.steps.shared.mowing_selection import answers_stay, select_crops
from sen4cap_core.steps.uploads.config_in_force import l4b_in_force

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

CHOOSING = (Kind.CROP_CODES, Kind.L4B_CONFIG, Kind.DECLARATIONS)
"""Kinds of uploads that decide on which parcels mowing is looked for."""


def warn_of_no_grassland(session: Session, site_slug: str, year: int) -> list[Problem]:
    """Warn where no parcel of a year is left to mowing and the answers there are stay as they are.

    An evaluation of nothing is not made: it would take the answers of a whole season out of force for what is
    a mistake in a table, as a rule.
    """
    site = site_rows.known_site(session, site_slug)
    switch = SiteConfig.model_validate(site.config).processors.l4b
    current = declaration_rows.current_set(session, site.id, year)
    if not switch.is_on or current is None:
        return []
    effective, _ = l4b_in_force(session, site, year)
    try:
        codes = declaration_rows.crop_codes(session, site.id, year)
        crops = select_crops(effective.config, switch.compat or "default", codes).crops
    except NothingToDoError:
        crops = ()
    if crops is None or declaration_rows.n_parcels_of(session, current.id, crops):
        return []
    seasons = site_rows.seasons_of(session, site.id, enabled_only=True)
    runs = [mowing_rows.latest_run(session, season.id) for season in seasons if season.year == year]
    return [
        Problem(f"mowing is looked for on no parcel any more: {answers_stay(run)}")
        for run in runs
        if run is not None
    ]
