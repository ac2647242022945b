"""What a person should know: a run that waits too long, a disk that fills, a source that is silent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Season, Site, WarningRow
from sen4cap_core.db.overview import monitoring
from sen4cap_core.db.overview.monitoring import Warned
from sen4cap_core.db.work import pending
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.redaction import redact
from sen4cap_core.reports.pages.season import TITLES
from sen4cap_core.reports.pages.season_report import DiskNeed
from sen4cap_core.reports.pages.text import size
from sen4cap_core.steps.seasons.disk_need import disk_need
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.sources.search import LATE_DAYS
from sen4cap_core.steps.sources.site import sources_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

STUCK_AFTER = timedelta(hours=48)
"""A planned run that waits so long needs a person, whatever its deadline."""
SILENT_AFTER = timedelta(hours=24)
"""A source without a good search for so long is silent; it is asked every hour."""
LOW_DISK_FRACTION = 0.05
ROOM_TO_SPARE = 1.1
FAILED_LATELY = timedelta(days=1)
SAMPLE_AGE = timedelta(minutes=30)
"""Machines that were not heard of for so long are not judged."""


def look_for_warnings(
    context: Context, tell: Callable[[Sequence[WarningRow]], None] = lambda rows: None
) -> list[WarningRow]:
    """Bring the warnings up to date and tell of those that came up, or last for another day.

    They count as told when ``tell`` has returned: where it fails they are told the next time.
    """
    with context.session() as session:
        now = pending.database_now(session)
        found = [*_stuck(session, now), *_disks(session, now), *_failed(session, now), *_short(session, now)]
        for site in site_rows.enabled_sites(session):
            found += _silent(session, site, now)
        # They go to chats and mailboxes: what an error says of addresses and accounts stays here.
        found = [replace(one, text=redact(one.text)) for one in found]
        untold = monitoring.keep_warnings(session, found, now)
        tell(untold)
        return untold


def _stuck(session: Session, now: datetime) -> list[Warned]:
    found = []
    for plan in monitoring.stuck_runs(session, now - STUCK_AFTER):
        season = session.get_one(Season, plan.season_id)
        site = session.get_one(Site, season.site_id)
        if not site.enabled or not season.enabled:
            continue
        waits = ", ".join(f"{gate['n']} {gate['what']}" for gate in plan.waits_for.get("gates", []))
        since = f"{plan.waiting_since:%Y-%m-%d %H:%M} UTC" if plan.waiting_since else "unknown"
        name = f"{TITLES.get(plan.processor, plan.processor)} of {plan.due_on}"
        text = f"{site.slug}, {season.name}: {name} waits since {since} for {waits or 'nothing'}"
        found.append(Warned(f"gate/{plan.id}", "stuck-gate", site.slug, text))
    return found


def _disks(session: Session, now: datetime) -> list[Warned]:
    return [
        Warned(
            f"disk/{sample.host}",
            "disk-low",
            None,
            f"{sample.host}: {size(sample.disk_free_bytes)} of {size(sample.disk_bytes)} are left",
        )
        for sample in monitoring.latest_samples(session, now - SAMPLE_AGE)
        if sample.disk_free_bytes < LOW_DISK_FRACTION * sample.disk_bytes
    ]


def _failed(session: Session, now: datetime) -> list[Warned]:
    """Tell of work that was given up. The alert of its run may have been lost with the Prefect server."""
    return [
        Warned(
            f"failed/{slug}/{kind}",
            "work-failed",
            slug,
            f"{slug}: {n} x {kind} failed for good in the last day, the last one: {reason}; "
            f"mend the cause, then: sen4cap retry --site {slug}",
        )
        for slug, kind, n, reason in monitoring.failed_work(session, now - FAILED_LATELY)
    ]


def _short(session: Session, now: datetime) -> list[Warned]:
    """Compare what is free with what all seasons under way still write: they fill the same disk."""
    needs: list[DiskNeed] = []
    for site in site_rows.enabled_sites(session):
        for season in site_rows.seasons_of(session, site.id, enabled_only=True):
            if season.start <= now.date() <= season.end + timedelta(days=LATE_DAYS):
                need = disk_need(session, site.slug, season, now)
                needs += [need] if need else []
    n_bytes = sum(need.n_bytes for need in needs)
    scenes = sum(need.open_scenes for need in needs), sum(need.scenes_to_come for need in needs)
    known = {row.key for row in monitoring.open_warnings(session)}
    found = []
    for sample in monitoring.latest_samples(session, now - SAMPLE_AGE):
        key = f"need/{sample.host}"
        # An estimate goes up and down: what was told of is over when there is some room to spare.
        if sample.disk_free_bytes < n_bytes * (ROOM_TO_SPARE if key in known else 1.0):
            text = (
                f"{sample.host}: {size(sample.disk_free_bytes)} are free, and the seasons under way still "
                f"write about {size(n_bytes)} ({scenes[0]} scenes here or on offer, {scenes[1]} to come)"
            )
            found.append(Warned(key, "disk-short", None, text))
    return found


def _silent(session: Session, site: Site, now: datetime) -> list[Warned]:
    found = []
    config = SiteConfig.model_validate(site.config)
    for season in site_rows.seasons_of(session, site.id, enabled_only=True):
        if not season.start <= now.date() <= season.end + timedelta(days=LATE_DAYS):
            continue
        known = pending.searches(session, season.id)
        for source in sources_of(config):
            state = known.get(source.name)
            if state is None or state.error is None:
                continue
            good = state.succeeded_at
            if good is not None and now - good < SILENT_AFTER:
                continue
            since = f"since {good:%Y-%m-%d %H:%M} UTC" if good else "ever"
            text = f"{site.slug}, {season.name}: no good search of {source.name} {since}: {state.error}"
            found.append(Warned(f"source/{season.id}/{source.name}", "source-silent", site.slug, text))
    return found
