"""What no event announced: rows that ought to have a follower and have none."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from sen4cap_core.db.models import (
    DeclarationSet,
    Job,
    MowingRun,
    ObservationSet,
    ProcessorConfig,
    SceneRow,
    Season,
    Site,
    Upload,
)


def uploads_without_job(session: Session) -> list[tuple[int, str]]:
    """Return (upload, site) of uploads that wait although no job will receive them."""
    job_keys = select(Job.key).where(
        Job.kind == "receive-upload", Job.state.in_(("waiting", "running", "failed"))
    )
    query = select(Upload.id, Upload.site_slug).where(
        Upload.state == "waiting", func.concat("receive-upload/", Upload.id).not_in(job_keys)
    )
    return [(row.id, row.site_slug) for row in session.execute(query)]


def scene_uploads_without_scene(session: Session) -> list[tuple[int, str]]:
    """Return (upload, site) of received scene uploads that no scene row came of and no job is about."""
    jobs = select(Job.key).where(Job.kind == "ingest-scene")
    query = (
        select(Upload.id, Upload.site_slug)
        .outerjoin(SceneRow, SceneRow.upload_id == Upload.id)
        .where(
            Upload.kind == "scene",
            Upload.state == "received",
            SceneRow.id.is_(None),
            func.concat("ingest-scene/", Upload.id).not_in(jobs),
        )
    )
    return [(row.id, row.site_slug) for row in session.execute(query)]


def seasons_to_evaluate(session: Session) -> list[tuple[int, str]]:
    """Return (season, site) of enabled seasons whose inputs are newer than their last mowing run."""
    # The run, or the job that found nothing to do: L4B may be off, or the filter may let nothing pass.
    looked = select(func.max(Job.finished_at)).where(Job.key == func.concat("detect-mowing/", Season.id))
    run = select(func.max(MowingRun.created_at)).where(MowingRun.season_id == Season.id)
    last_run = func.greatest(run.scalar_subquery(), looked.scalar_subquery())
    newest_observation = (
        select(func.max(ObservationSet.created_at))
        .join(SceneRow, SceneRow.id == ObservationSet.scene_id)
        .join(DeclarationSet, DeclarationSet.id == ObservationSet.declaration_set_id)
        .where(
            DeclarationSet.site_id == Season.site_id,
            DeclarationSet.year == Season.year,
            DeclarationSet.valid_to.is_(None),
            SceneRow.state != "superseded",
            SceneRow.acquired_at >= Season.start,
            SceneRow.acquired_at < Season.end + 1,
        )
        .scalar_subquery()
    )
    newest_config = (
        select(func.max(ProcessorConfig.valid_from))
        .where(ProcessorConfig.site_id == Season.site_id, ProcessorConfig.year == Season.year)
        .scalar_subquery()
    )
    query = (
        select(Season.id, Site.slug)
        .join(Site, Site.id == Season.site_id)
        .where(
            Season.enabled,
            Site.enabled,
            newest_observation.is_not(None),
            or_(last_run.is_(None), newest_observation > last_run, newest_config > last_run),
        )
    )
    return [(row.id, row.slug) for row in session.execute(query)]


def failed_keys(session: Session) -> set[str]:
    """Return the keys of jobs that failed for good: they wait for a person, not for another try."""
    return set(session.scalars(select(Job.key).where(Job.state == "failed")))
