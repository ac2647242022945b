"""The kinds of work, their keys and their order.

A key says which work it is, so that asking twice is asking once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from sen4cap_core import __version__
from sen4cap_core.db.work.jobs import enqueue
from sen4cap_core.declarations.sites.schedule import Planned
from sen4cap_core.products.naming import content_key, version_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RECEIVE_UPLOAD = "receive-upload"
INGEST_SCENE = "ingest-scene"
PROCESS_SCENE = "process-scene"
EXTRACT_PARCELS = "extract-parcels"
PROCESS_SLC = "process-slc"
PROCESS_GRD = "process-grd"
FETCH_SCENE = "fetch-scene"
PREPROCESS_SCENE = "preprocess-scene"
DETECT_MOWING = "detect-mowing"
MONITOR_PRACTICES = "monitor-practices"
SEARCH_SOURCES = "search-sources"
CLASSIFY_CROPS = "classify-crops"
COMPOSITE_RADAR = "composite-radar"
COMPOSITE_OPTICAL = "composite-optical"
EXPORT_MARKERS = "export-markers"
UPDATE_MARKERS = "update-markers"

SCENE_WORK = (INGEST_SCENE, PROCESS_SCENE, EXTRACT_PARCELS, PROCESS_SLC, PROCESS_GRD)
"""What must be through before a season is evaluated, so that a burst of scenes is evaluated once."""
SEASON_WORK = (DETECT_MOWING, MONITOR_PRACTICES)
"""What evaluates a season, when a burst is through."""
LONG_WORK = (CLASSIFY_CROPS, COMPOSITE_OPTICAL, COMPOSITE_RADAR, EXPORT_MARKERS, UPDATE_MARKERS)
"""What takes minutes over a whole season: it has a hand of its own, so that no scene waits for it."""
WARM_WORK = (*SCENE_WORK, *SEASON_WORK, *LONG_WORK, SEARCH_SOURCES)
"""What the warm worker does; receive-upload is the drain flow's."""

MOWING_DELAY_SECONDS = 3.0
"""An evaluation waits this long for the next scene of a burst."""

PRACTICES_DELAY_SECONDS = 10.0
"""Practices wait longer than mowing: they change by the week."""

MARKERS_DELAY_SECONDS = 600.0
"""Marker databases are whole tables, written anew: no oftener than this, however many scenes come."""

_PRIORITY = {
    RECEIVE_UPLOAD: 100,
    INGEST_SCENE: 80,
    PROCESS_SCENE: 50,
    EXTRACT_PARCELS: 40,
    PROCESS_GRD: 36,
    PROCESS_SLC: 35,
    FETCH_SCENE: 30,
    PREPROCESS_SCENE: 30,
    DETECT_MOWING: 20,
    MONITOR_PRACTICES: 10,
    CLASSIFY_CROPS: 5,
    COMPOSITE_RADAR: 2,
    EXPORT_MARKERS: 1,
    COMPOSITE_OPTICAL: 3,
    SEARCH_SOURCES: 90,
    UPDATE_MARKERS: 1,
}


def ask_receive(session: Session, site_slug: str, upload_id: int, *, again: bool = False) -> bool:
    """Ask for an upload to be received."""
    return _ask(session, RECEIVE_UPLOAD, upload_id, site_slug, "upload_id", again=again)


def ask_ingest(session: Session, site_slug: str, upload_id: int) -> bool:
    """Ask for the scenes of an upload to be registered."""
    return _ask(session, INGEST_SCENE, upload_id, site_slug, "upload_id", again=True)


def ask_fetch(session: Session, site_slug: str, site_id: int, acquisition_key: str) -> bool:
    """Ask for an acquisition to be fetched from the best source that has it."""
    parameters = {"site_id": site_id, "acquisition_key": acquisition_key}
    key = f"{FETCH_SCENE}/{site_id}/{acquisition_key}"
    return _enqueue(session, FETCH_SCENE, key, site_slug, parameters, again=True)


def ask_preprocess(session: Session, site_slug: str, upload_id: int, *, again: bool = False) -> bool:
    """Ask for a Level-1C upload to be corrected to Level-2A."""
    return _ask(session, PREPROCESS_SCENE, upload_id, site_slug, "upload_id", again=again)


def ask_process(session: Session, site_slug: str, scene_id: int, *, again: bool = False) -> bool:
    """Ask for a scene to be turned into rasters and observations."""
    return _ask(session, PROCESS_SCENE, scene_id, site_slug, "scene_id", again=again)


def ask_process_radar(session: Session, site_slug: str, acquisition_id: int, kind: str) -> bool:
    """Ask for a radar acquisition to be brought to the map; ``kind``: ``SLC`` (paired, too) or ``GRD``."""
    work = PROCESS_GRD if kind == "GRD" else PROCESS_SLC
    return _ask(session, work, acquisition_id, site_slug, "acquisition_id", again=True)


def ask_extract(session: Session, site_slug: str, declaration_set_id: int) -> bool:
    """Ask for the season's earlier scenes to be extracted for a declaration set."""
    return _ask(session, EXTRACT_PARCELS, declaration_set_id, site_slug, "declaration_set_id", again=True)


def ask_mowing(session: Session, site_slug: str, season_id: int) -> bool:
    """Ask for a season's mowing to be evaluated with what there is then."""
    return _ask(
        session,
        DETECT_MOWING,
        season_id,
        site_slug,
        "season_id",
        delay_seconds=MOWING_DELAY_SECONDS,
        again=True,
    )


def ask_practices(session: Session, site_slug: str, season_id: int) -> bool:
    """Ask for the practices of a season's year to be evaluated with what there is then."""
    return _ask(
        session,
        MONITOR_PRACTICES,
        season_id,
        site_slug,
        "season_id",
        delay_seconds=PRACTICES_DELAY_SECONDS,
        again=True,
    )


def ask_markers(session: Session, site_slug: str, year: int) -> bool:
    """Ask for the marker databases of a site's year to be brought up to date with what there is then."""
    return _enqueue(
        session,
        UPDATE_MARKERS,
        f"{UPDATE_MARKERS}/{site_slug}/{year}",
        site_slug,
        {"site": site_slug, "year": year},
        delay_seconds=MARKERS_DELAY_SECONDS,
        again=True,
    )


def ask_search(session: Session, site_slug: str) -> bool:
    """Ask for all sources of a site to be searched."""
    key = f"{SEARCH_SOURCES}/{site_slug}"
    return _enqueue(session, SEARCH_SOURCES, key, site_slug, {"site": site_slug}, again=True)


def ask_crop_types(
    session: Session, site_slug: str, season_id: int, until: date, method: str | None = None
) -> bool:
    """Ask for the crop types of a season with what was acquired up to a day, by the method of site.yaml where
    none is named.
    """
    parameters = {"season_id": season_id, "until": until.isoformat()}
    if method is not None:
        parameters["method"] = method
    key = planned_key("l4a", season_id, until)
    return _enqueue(session, CLASSIFY_CROPS, key, site_slug, parameters, again=True)


def ask_composite_radar(session: Session, site_slug: str, season_id: int) -> bool:
    """Ask for the radar composites of a season that are not there yet."""
    return _ask(session, COMPOSITE_RADAR, season_id, site_slug, "season_id", again=True)


def ask_composite_optical(session: Session, site_slug: str, season_id: int, day: date) -> bool:
    """Ask for the composites of a site for a day."""
    parameters = {"site": site_slug, "synthesis_date": day.isoformat()}
    key = planned_key("l3a", season_id, day)
    return _enqueue(session, COMPOSITE_OPTICAL, key, site_slug, parameters, again=True)


def ask_lost(session: Session, kind: str, site_slug: str, parameters: Mapping[str, object]) -> bool:
    """Ask for a product to be made again as it was made once; ``parameters`` are those of its flow."""
    key = f"{kind}/{site_slug}/{version_of(content_key([], parameters, __version__))}"
    return _enqueue(session, kind, key, site_slug, parameters, again=True)


def planned_key(planned: Planned, season_id: int, until: date) -> str:
    """Return the key of the job that a planned run of a season is."""
    key = work_key(_PLANNED_KINDS[planned], season_id)
    return f"{key}/{until}" if planned in _EACH_DAY else key


_PLANNED_KINDS: dict[Planned, str] = {
    "l3a": COMPOSITE_OPTICAL,
    "s1_composites": COMPOSITE_RADAR,
    "l4a": CLASSIFY_CROPS,
    "l4b": DETECT_MOWING,
    "l4c": MONITOR_PRACTICES,
}
_EACH_DAY = ("l3a", "l4a")
"""Have a job for each day that is asked for; the others one that looks at all there is."""


def work_key(kind: str, subject_id: int) -> str:
    """Return the key of a kind of work on one subject."""
    return f"{kind}/{subject_id}"


def _ask(
    session: Session,
    kind: str,
    subject_id: int,
    site_slug: str,
    parameter: str,
    *,
    delay_seconds: float = 0.0,
    again: bool = False,
) -> bool:
    """Enqueue work on one subject; True when this made something wait that did not wait before."""
    key = work_key(kind, subject_id)
    parameters = {parameter: subject_id}
    return _enqueue(session, kind, key, site_slug, parameters, delay_seconds=delay_seconds, again=again)


def _enqueue(
    session: Session,
    kind: str,
    key: str,
    site_slug: str,
    parameters: Mapping[str, object],
    *,
    delay_seconds: float = 0.0,
    again: bool = False,
) -> bool:
    outcome = enqueue(
        session,
        kind,
        key,
        site_slug,
        dict(parameters),
        priority=_PRIORITY[kind],
        delay_seconds=delay_seconds,
        again=again,
    )
    return outcome != "known"
