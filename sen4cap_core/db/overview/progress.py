"""How far the work on a site is, for somebody who waits."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from sen4cap_core.db.models import Job, MowingRun, SceneRow, Season, Site, Upload
from sen4cap_core.db.work.rejections import Rejection, open_rejections, whole_reason

PATIENT_WORK = ("update-markers",)
"""Waits for minutes on purpose, for the rest of a burst; nobody waits for it."""


@dataclass(frozen=True)
class SiteProgress:
    """Counts of one moment; two equal ones mean that nothing has happened between."""

    uploads: int
    uploads_answered: int
    scenes: int
    scenes_processed: int
    jobs_open: int
    evaluated: bool
    """A season of the site has an evaluation of L4B."""
    failures: tuple[tuple[str, str], ...]
    """Jobs that failed for good: which, and why, in one or more lines."""
    rejections: tuple[Rejection, ...]
    """Uploads that were rejected and that nobody has settled yet."""

    @property
    def is_quiet(self) -> bool:
        """Whether all that was dropped has been answered and no work is open."""
        return self.is_answered and self.jobs_open == 0

    @property
    def is_answered(self) -> bool:
        """Whether all that was dropped has been answered."""
        return self.uploads == self.uploads_answered


def site_progress(session: Session, slug: str | None) -> SiteProgress:
    """Count uploads, scenes and jobs of a site, or of all; a site nobody has seen yet counts nothing."""

    def here(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        return true() if slug is None else column == slug

    of_site = select(Site.id).where(here(Site.slug))
    uploads = _by_state(session, Upload.state, here(Upload.site_slug))
    scenes = _by_state(session, SceneRow.state, SceneRow.site_id.in_(of_site))
    jobs = _by_state(session, Job.state, here(Job.site_slug) & Job.kind.not_in(PATIENT_WORK))
    runs = session.scalar(
        select(func.count())
        .select_from(MowingRun)
        .join(Season, Season.id == MowingRun.season_id)
        .where(Season.site_id.in_(of_site))
    )
    failed = session.execute(select(Job.key, Job.error).where(here(Job.site_slug), Job.state == "failed"))
    failures = tuple((what, whole_reason(why)) for what, why in failed)
    return SiteProgress(
        uploads=sum(uploads.values()),
        uploads_answered=uploads.get("received", 0) + uploads.get("rejected", 0),
        scenes=sum(scenes.values()),
        scenes_processed=scenes.get("processed", 0) + scenes.get("superseded", 0) + scenes.get("skipped", 0),
        jobs_open=jobs.get("waiting", 0) + jobs.get("running", 0),
        evaluated=bool(runs),
        failures=failures,
        rejections=tuple(open_rejections(session, slug)),
    )


def _by_state(
    session: Session, column: InstrumentedAttribute[str], of_site: ColumnElement[bool]
) -> dict[str, int]:
    rows = session.execute(select(column, func.count()).where(of_site).group_by(column))
    return dict(rows.tuples().all())
