"""Which job a planned run is, and whether a site wants it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Season, Site
from sen4cap_core.declarations.sites.schedule import Planned
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.steps.composites.optical import HALF_SYNTHESIS_DAYS
from sen4cap_core.steps.shared.work import (
    ask_composite_optical,
    ask_composite_radar,
    ask_crop_types,
    ask_mowing,
    ask_practices,
    planned_key,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def is_on(config: SiteConfig, planned: Planned) -> bool:
    """Whether a site wants a processor and this version can run it by the calendar."""
    if planned == "s1_composites":
        return "S1" in config.satellites
    return bool(getattr(config.processors, planned).is_on)


def composite_day(due_on: date) -> date:
    """Return the day that a composite is for whose last acquisitions are of another day."""
    return due_on - timedelta(days=HALF_SYNTHESIS_DAYS)


def ask_planned(session: Session, site: Site, season: Season, planned: Planned, due_on: date) -> str:
    """Ask for the job of a planned run; return its key.

    Mowing and practices have one job per season and year: they look at all there is and carry it on.
    """
    number, until = season.id, min(due_on, season.end)
    if planned == "l3a":
        until = composite_day(due_on)
        ask_composite_optical(session, site.slug, season.id, until)
    elif planned == "l4a":
        ask_crop_types(session, site.slug, season.id, until)
    elif planned == "l4b":
        ask_mowing(session, site.slug, season.id)
    elif planned == "l4c":
        # A year is evaluated once, however many seasons it has: under its first one.
        seasons = site_rows.seasons_of(session, site.id, enabled_only=True)
        number = next(one.id for one in seasons if one.year == season.year)
        ask_practices(session, site.slug, number)
    else:
        ask_composite_radar(session, site.slug, season.id)
    return planned_key(planned, number, until)
