"""Drain the inbox: read what was dropped, store it, answer with a receipt."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar

from prefect import State, flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.runtime import artifact_key, name_run, show, skipped, step_context
from sen4cap_core.db.server.session import alone
from sen4cap_core.db.work import jobs
from sen4cap_core.db.work.uploads import DRAIN_LOCK
from sen4cap_core.reports.pages.receipt import receipt_markdown
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import claim_next, keep_leases, new_owner
from sen4cap_core.steps.shared.work import RECEIVE_UPLOAD
from sen4cap_core.steps.uploads.receive import Answer
from sen4cap_core.steps.uploads.receive import receive_upload as run_step

LOOK_SECONDS = 0.5
RETRY_SECONDS = 15.0

told_to_end: ContextVar[Callable[[], bool]] = ContextVar("told_to_end", default=lambda: False)
"""Asks whether the run is to end after the upload in hand: what waits is taken up at the next start."""


@flow(name="receive-upload")
def receive_upload(linger_seconds: float | None = None) -> dict[str, int] | State[None]:
    """Take whatever waits in the inbox, one upload after the other, sites before scenes.

    One such run takes a whole burst: it ends when nothing has come for a while, since the next drop would pay
    for an interpreter start. Returns the number of uploads received and rejected. Files that replace each
    other are taken in their order, so there is one drain at a time, on whichever machine: a second one is
    skipped.

    Args:
        linger_seconds: seconds without a drop after which the run ends; where empty as the installation is
            set.
    """
    context = step_context()
    with alone(context.engine, DRAIN_LOCK) as is_alone:
        if not is_alone:
            return skipped("another run receives what waits")
        return _drain(context, linger_seconds)


def _drain(context: Context, linger_seconds: float | None) -> dict[str, int]:
    linger = context.settings.linger_seconds if linger_seconds is None else linger_seconds
    owner, counts = new_owner(), {"received": 0, "rejected": 0, "put off": 0}
    quiet_since = time.monotonic()
    is_over = told_to_end.get()
    while not is_over() and time.monotonic() - quiet_since < linger:
        job = claim_next(context, [RECEIVE_UPLOAD], owner)
        if job is None:
            time.sleep(LOOK_SECONDS)
            continue
        with keep_leases(context, [job]):
            outcome, reason = _receive(context, job.payload["upload_id"])
        with context.session() as session:
            if outcome == "put off":
                jobs.fail(
                    session,
                    job.id,
                    job.owner,
                    reason,
                    RETRY_SECONDS * job.attempts,
                    max_attempts=context.settings.max_attempts,
                    flow_run_id=context.flow_run_id,
                )
            else:
                jobs.finish(session, job.id, job.owner, flow_run_id=context.flow_run_id)
        counts[outcome] += 1
        quiet_since = time.monotonic()
    name_run(f"receive-upload: {counts['received']} received, {counts['rejected']} rejected")
    return counts


def _receive(context: Context, upload_id: int) -> tuple[str, str]:
    """Receive one upload; return what became of it, and why it was put off."""
    try:
        answer: Answer = receive_one(context, upload_id)
    except Exception as error:
        # Not the file's fault (a wrong file is an answer, not an error): later, and the others go on.
        get_run_logger().exception("upload %s could not be received now", upload_id)
        return "put off", f"{type(error).__name__}: {error}"
    return ("received" if answer.accepted else "rejected"), ""


def _year(answer: Answer) -> list[str]:
    return [str(answer.receipt["year"])] if answer.receipt.get("year") else []


@task(name="receive-one", task_run_name="upload {upload_id}", cache_policy=NO_CACHE)
def receive_one(context: Context, upload_id: int) -> Answer:
    """Read, store and answer one upload; its receipt becomes an artifact."""
    answer = run_step(context, upload_id)
    show(
        artifact_key("receipt", answer.site, *_year(answer), answer.name),
        receipt_markdown(answer.receipt),
        f"{'Receipt' if answer.accepted else 'Rejection'} of {answer.name}",
    )
    return answer
