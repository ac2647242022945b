"""What a planned run waits for: what is still on its way up to its day, and what it cannot do without."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import declarations as declaration_rows
from sen4cap_core.db.declared import practices as practice_rows
from sen4cap_core.db.models import Season, Site
from sen4cap_core.db.work import pending
from sen4cap_core.db.work.pending import Pending
from sen4cap_core.declarations.sites.schedule import Planned
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.steps.shared.work import EXTRACT_PARCELS, INGEST_SCENE, PREPROCESS_SCENE, RECEIVE_UPLOAD
from sen4cap_core.steps.sources.site import sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

OPTICAL, RADAR = "optical", "radar"
INPUTS: dict[Planned, frozenset[str]] = {
    "l3a": frozenset((OPTICAL,)),
    "s1_composites": frozenset((RADAR,)),
    "l4a": frozenset((OPTICAL, RADAR)),
    "l4b": frozenset((OPTICAL, RADAR)),
    "l4c": frozenset((OPTICAL, RADAR)),
}
"""Whose acquisitions a processor reads."""

NOUNS = {
    "s2-l2a": "Sentinel-2 scenes",
    "landsat-l2": "Landsat scenes",
    "landsat-c2l2": "Landsat scenes",
    "s1-backscatter": "backscatter images",
    "s1-coherence": "coherence pairs",
    "s1-slc": "Sentinel-1 SLC products",
    RECEIVE_UPLOAD: "uploads to be received",
    INGEST_SCENE: "scene files to be registered",
    PREPROCESS_SCENE: "Level-1C products to be corrected",
    EXTRACT_PARCELS: "declarations to be observed in earlier scenes",
}
SITE_JOBS = (RECEIVE_UPLOAD, INGEST_SCENE, PREPROCESS_SCENE, EXTRACT_PARCELS)
"""Work whose day nobody knows before it is done: a run of any day waits for it."""


@dataclass(frozen=True)
class Gate:
    """One thing that a run waits for."""

    what: str
    """For people: ``coherence pairs to be fetched``."""
    n: int
    since: str | None
    """Instant of the oldest, ISO 8601; None for what was never there."""
    needed: bool = False
    """Whether the run cannot do without: then it has no deadline."""

    def as_row(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def open_gates(session: Session, site: Site, season: Season, planned: Planned, due_on: date) -> list[Gate]:
    """Return what a run waits for, what it needs first."""
    config = SiteConfig.model_validate(site.config)
    first, after = _period(season, due_on)
    gates = _needed(session, site, season, planned, due_on)
    gates += _unsearched(session, config, season, planned, due_on)
    inputs = INPUTS[planned]
    for found, text in (
        (pending.pending_offers(session, site.id, first, after), "to be fetched"),
        (pending.pending_scenes(session, site.id, first, after), "to be processed"),
    ):
        gates += [_gate(one, text) for one in found if _kind_of(one.what) in inputs]
    if RADAR in inputs:
        gates += [_gate(one, "to be made") for one in pending.pending_radar(session, site.id, first, after)]
    gates += [_gate(one, "") for one in pending.pending_jobs(session, site.slug, SITE_JOBS)]
    return gates


def deadline_of(
    session: Session, site: Site, season: Season, counted_to: date, waiting_since: datetime, wait_hours: float
) -> datetime:
    """Return when a run no longer waits: so long after the last thing up to a day that came."""
    progress = pending.last_progress(session, site.id, *_period(season, counted_to))
    return max(waiting_since, progress or waiting_since) + timedelta(hours=wait_hours)


def inputs_changed_after(
    session: Session, site: Site, season: Season, planned: Planned, due_on: date, instant: datetime
) -> bool:
    """Whether declarations, configuration or observations of a run's period are newer than an instant; for
    crop types the crop codes count too.
    """
    changed = [pending.inputs_changed_at(session, site.id, season.year, *_period(season, due_on))]
    if planned == "l4a":
        changed.append(pending.crop_codes_changed_at(session, site.id, season.year))
    return any(one is not None and one > instant for one in changed)


def _period(season: Season, due_on: date) -> tuple[datetime, datetime]:
    return midnight(season.start), midnight(min(due_on, season.end) + timedelta(days=1))


def _kind_of(sensor: str) -> str:
    return RADAR if sensor.startswith("s1-") else OPTICAL


def _gate(found: Pending, text: str) -> Gate:
    noun = f"{NOUNS.get(found.what, found.what)} {text}".strip()
    return Gate(noun, found.n, found.since.isoformat())


def _needed(session: Session, site: Site, season: Season, planned: Planned, due_on: date) -> list[Gate]:
    """Return what nothing can be told without."""
    if planned not in ("l4a", "l4b", "l4c"):
        return []
    lacking = []
    if declaration_rows.current_set(session, site.id, season.year) is None:
        lacking.append(f"declarations of {season.year}")
    if planned == "l4a" and not declaration_rows.crop_codes(session, site.id, season.year):
        lacking.append(f"a crop code table of {season.year}")
    # Mowing and practices are judged anew after each burst of scenes; crop types by the calendar alone.
    if planned == "l4a" and not pending.is_observed(session, site.id, season.year, *_period(season, due_on)):
        lacking.append("a first scene of the season")
    if planned == "l4c" and not practice_rows.practices_in_force(session, site.id, season.year):
        lacking.append(f"a practice table of {season.year}")
    return [Gate(what, 1, None, needed=True) for what in lacking]


def _unsearched(
    session: Session, config: SiteConfig, season: Season, planned: Planned, due_on: date
) -> list[Gate]:
    """Return the sources that were not yet searched up to the day of the run."""
    known = pending.searches(session, season.id)
    gates = []
    for source in sources_of(config):
        satellites = source.config.satellites or config.satellites
        kinds = {RADAR if satellite == "S1" else OPTICAL for satellite in satellites}
        state = known.get(source.name)
        until = state.searched_until if state is not None else None
        if not kinds & INPUTS[planned] or (until is not None and until >= min(due_on, season.end)):
            continue
        failed = state.failed_at if state is not None and state.error else None
        gates.append(
            Gate(
                f"search of source {source.name} to be made",
                1,
                failed.isoformat() if failed is not None else None,
            )
        )
    return gates
