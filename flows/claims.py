"""What the hands of the warm worker take next."""

from __future__ import annotations

from sen4cap_core.db.work import backlog, jobs
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.steps.scenes.correction_order import corrections_in_turn
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import claim_next
from sen4cap_core.steps.shared.work import (
    FETCH_SCENE,
    INGEST_SCENE,
    LONG_WORK,
    PREPROCESS_SCENE,
    PROCESS_SCENE,
    SCENE_WORK,
    SEARCH_SOURCES,
    SEASON_WORK,
)

LONGEST_WAIT_SECONDS = 900.0
"""After so long a season is evaluated although scenes of its site are still to come."""
INGEST_BATCH = 50
"""Uploads registered in one run: a run costs half a second of a core, a registration a hundredth."""
BATCH = 8
"""Acquisitions of a backlog fetched, or processed, in one run."""
BACKLOG = 20
"""With no more than these to come each has a run of its own, under its own name in the list."""
TO_COME = {
    FETCH_SCENE: (FETCH_SCENE,),
    # What is being fetched will be scenes: it counts before it is here.
    PROCESS_SCENE: (FETCH_SCENE, INGEST_SCENE, PROCESS_SCENE),
}
"""Kinds of work that make the backlog of a kind."""
PROCESSED_HERE = tuple(kind for kind in SCENE_WORK if kind != INGEST_SCENE)
"""Work on scenes that needs the cores."""


def next_fetch(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim a transfer, several of a backlog, or the search that finds what is to be transferred."""
    job = claim_next(context, [SEARCH_SOURCES, FETCH_SCENE], owner)
    return [job, *_more_of_backlog(context, job, owner, context.settings.fetch_slots)] if job else []


def next_registration(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim an upload that is to be registered, or a burst of one site."""
    job = claim_next(context, [INGEST_SCENE], owner)
    return [job, *_claim_more(context, job, owner, INGEST_BATCH - 1)] if job else []


def next_long(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim what takes minutes over a whole season, when no scene work of its site is left."""
    for kind in LONG_WORK:
        with context.session() as session:
            quiet = backlog.quiet_sites(session, kind, (*SCENE_WORK, FETCH_SCENE), LONGEST_WAIT_SECONDS)
        job = claim_next(context, [kind], owner, site_slug=quiet[0]) if quiet else None
        if job is not None:
            return [job]
    return []


def next_correction(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim the Level-1 product whose turn it is to be corrected."""
    for key in corrections_in_turn(context):
        job = claim_next(context, [PREPROCESS_SCENE], owner, key=key)
        if job is not None:
            return [job]
    return []


def next_work(context: Context, owner: str) -> list[ClaimedJob]:
    """Claim what is to be done next: one job, or scenes of a backlog.

    A season is evaluated when no scene work of its site is left, so a burst is evaluated once; an evaluation
    takes seconds and goes before the scenes of other sites.
    """
    job = None
    for kind in SEASON_WORK:
        with context.session() as session:
            quiet = backlog.quiet_sites(session, kind, (*SCENE_WORK, FETCH_SCENE), LONGEST_WAIT_SECONDS)
        job = job or (claim_next(context, [kind], owner, site_slug=quiet[0]) if quiet else None)
    job = job or claim_next(context, PROCESSED_HERE, owner)
    return [job, *_more_of_backlog(context, job, owner, context.settings.scene_slots)] if job else []


def _more_of_backlog(context: Context, job: ClaimedJob, owner: str, n_slots: int) -> list[ClaimedJob]:
    """Claim more jobs like a first try that is one of many, to be done in one run with it."""
    if job.kind not in TO_COME or job.attempts > 1:
        return []
    with context.session() as session:
        n_more = backlog.pending(session, TO_COME[job.kind], job.site_slug) - BACKLOG
    # Fewer towards the end of the backlog, so that all slots end at about the same time.
    return _claim_more(context, job, owner, min(n_more // (2 * max(1, n_slots)), BATCH) - 1)


def _claim_more(context: Context, job: ClaimedJob, owner: str, wanted: int) -> list[ClaimedJob]:
    """Claim up to so many more jobs of the same kind and site."""
    if wanted < 1:
        return []
    with context.session() as session:
        return jobs.claim(
            session,
            [job.kind],
            owner,
            context.settings.lease_seconds,
            wanted,
            max_attempts=context.settings.max_attempts,
            site_slug=job.site_slug,
            only_first_tries=job.kind != INGEST_SCENE,
        )
