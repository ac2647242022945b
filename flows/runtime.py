"""What all flows share: the step context, readable names and tags, artifacts, skipped runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeVar, cast
from uuid import UUID

from prefect import State, get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.exceptions import CancelledRun
from prefect.runtime import flow_run
from prefect.states import Cancelled, Crashed

from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.db.work.leases import note_flow_run
from sen4cap_core.redaction import install, redact
from sen4cap_core.service.connection import open_step_context
from sen4cap_core.steps.shared.context import Context

install()


def _is_no_skip(record: logging.LogRecord) -> bool:
    """Whether a log record is not Prefect's stack trace of a run that was skipped."""
    return not (record.exc_info and isinstance(record.exc_info[1], CancelledRun))


for _name in ("prefect.flow_runs", "prefect.engine"):
    # A skipped run ends cancelled, which Prefect's process of a deployment's run logs as an error, twice.
    logging.getLogger(_name).addFilter(_is_no_skip)

Key = TypeVar("Key")

STOPPED = "the services were stopped while it ran; what it had in hand is taken up again by another run"

_named: ContextVar[str | None] = ContextVar("_named", default=None)
"""The run that was given a name last."""

current_work: ContextVar[Sequence[ClaimedJob]] = ContextVar("current_work", default=())
"""The jobs the current flow run does, where the warm worker started it."""


def step_context(progress_title: str | None = None) -> Context:
    """Return the context of the current flow run; with a title its progress is shown as an artifact."""
    run_id = str(flow_run.id) if flow_run.id else None
    context = open_step_context(flow_run_id=run_id)
    if run_id is not None and current_work.get():
        with context.session() as session:
            for job in current_work.get():
                note_flow_run(session, job.id, job.owner, run_id)
    return context if progress_title is None else with_progress(context, progress_title)


def with_progress(context: Context, title: str) -> Context:
    """Return the context with a progress artifact of its own on the current run."""
    shown = _ShownProgress(title)
    return replace(context, progress=shown.report, say=shown.say)


def name_run(name: str, tags: Iterable[str] = ()) -> None:
    """Give the current run a name people read and tags they filter by."""
    if not flow_run.id:
        return
    _named.set(str(flow_run.id))
    with _shown_if_possible("name"), get_client(sync_client=True) as client:
        client.update_flow_run(UUID(str(flow_run.id)), name=name, tags=sorted({*flow_run.tags, *tags}))


def scope_tags(site: str, *, year: int | None = None, tile: str | None = None) -> list[str]:
    """Return the tags of a site, season and tile."""
    tags = [f"site:{site}"]
    if year:
        tags.append(f"season:{year}")
    if tile:
        tags.append(f"tile:{tile}")
    return tags


def artifact_key(*parts: str) -> str:
    """Return a valid artifact key: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def show(key: str, markdown: str, description: str) -> str | None:
    """Leave a markdown artifact on the current run; return its address within the Prefect UI."""
    with _shown_if_possible(f"artifact {key}"):
        artifact_id = create_markdown_artifact(markdown=redact(markdown), key=key, description=description)
        return f"/artifacts/artifact/{artifact_id}"
    return None


@contextmanager
def _shown_if_possible(what: str) -> Iterator[None]:
    """Let work that is done stay done when the server that shows it is away."""
    try:
        yield
    except Exception:
        get_run_logger().warning("%s could not be shown", what, exc_info=True)


def skipped(reason: object) -> State[None]:
    """Return the final state of a run that had nothing to work on: never a green completion."""
    get_run_logger().warning("skipped: %s", reason)
    if _named.get() != str(flow_run.id):
        first_line = (redact(str(reason)).splitlines() or ["nothing to do"])[0]
        name_run(f"{flow_run.flow_name}: skipped, {first_line[:80]}")
    return Cancelled(name="Skipped", message=redact(str(reason)))


def each_by_itself(keys: Iterable[Key], work: Callable[[Key], None], called: str) -> dict[Key, str | None]:
    """Do the work of each key; return for each None, or why it came to nothing.

    Whatever is wrong with one is nothing to the others. ``called`` names one in the log: ``scene {}``.
    """
    reasons: dict[Key, str | None] = {}
    for key in keys:
        try:
            work(key)
            reasons[key] = None
        except Exception as error:
            get_run_logger().warning("%s is left to a run of its own: %s", called.format(key), error)
            reasons[key] = f"{type(error).__name__}: {error}"
    return reasons


def mark_crashed(run_ids: Iterable[str | None]) -> None:
    """Say in Prefect that the runs of dead processes are over: nobody else will."""
    _end_runs(run_ids, Crashed(message="its process died; the job is taken up again by another run"))


def mark_stopped(run_ids: Iterable[str | None]) -> None:
    """Say in Prefect that runs ended because their worker was told to stop: that is no failure of theirs."""
    _end_runs(run_ids, Cancelled(message=STOPPED))


def _end_runs(run_ids: Iterable[str | None], state: State[None]) -> None:
    runs = sorted({run_id for run_id in run_ids if run_id})
    if not runs:
        return
    with get_client(sync_client=True) as client:
        for run_id in map(UUID, runs):
            run = client.read_flow_run(run_id)
            if run.state is None or not run.state.is_final():
                client.set_flow_run_state(run_id, state, force=True)


class _ShownProgress:
    """A progress artifact with the name of the part that is under way, which the log of the run tells too."""

    def __init__(self, title: str) -> None:
        self._title, self._shown = title, 0.0
        key = artifact_key("progress", title)
        self._artifact_id = cast(UUID, create_progress_artifact(0.0, key=key, description=title))

    def report(self, fraction: float) -> None:
        # Each update is a request to the server: whole steps of five percent are enough for the eye.
        if fraction >= 1.0 or fraction - self._shown >= 0.05:
            self._shown = fraction
            with _shown_if_possible("progress"):
                update_progress_artifact(self._artifact_id, progress=round(100 * fraction, 1))

    def say(self, text: str) -> None:
        get_run_logger().info("%s", text)
        with _shown_if_possible("progress"):
            update_progress_artifact(
                self._artifact_id,
                progress=round(100 * self._shown, 1),
                description=f"{self._title}: {text}",
            )
