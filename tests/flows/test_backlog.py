"""A backlog of scenes is worked off several in a run; one that is bad has a run of its own to say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from flows import claims
from flows.claims import next_work
from flows.runs import run_work
from sen4cap_core.db.models import Job, ObservationSet, SceneRow
from sen4cap_core.steps.work import PROCESS_SCENE
from tests.flows.conftest import Server
from tests.steps.conftest import Desk

pytestmark = pytest.mark.service


def states(desk: Desk) -> dict[str, tuple[str, int]]:
    """State and tries of the jobs of scenes."""
    with desk.context.session() as session:
        query = select(Job).where(Job.kind == PROCESS_SCENE)
        return {job.key: (job.state, job.attempts) for job in session.scalars(query)}


def test_a_backlog_is_a_few_runs_and_a_bad_scene_has_its_own(
    desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    monkeypatch.setattr(claims, "BACKLOG", 0)
    desk.declare()
    numbers = [desk.ingest(desk.scene(day)) for day in (2, 5, 8, 11)]
    with desk.context.session() as session:
        # Only what comes of the scenes is looked at here.
        session.execute(update(Job).where(Job.kind != PROCESS_SCENE).values(state="done"))
        bad = session.get_one(SceneRow, numbers[1])
        shutil.rmtree(Path(bad.path))
    slots = desk.context.settings.model_copy(update={"scene_slots": 1})
    object.__setattr__(desk.context, "settings", slots)

    taken = next_work(desk.context, "me")
    assert [job.payload["scene_id"] for job in taken] == numbers[:2]
    run_work(desk.context, taken)

    good, ill = (f"process-scene/{number}" for number in numbers[:2])
    assert states(desk)[good] == ("done", 1)
    assert states(desk)[ill] == ("waiting", 1)
    # What failed once is not taken together with others again.
    rest = []
    while work := next_work(desk.context, "me"):
        rest.append([job.payload["scene_id"] for job in work])
        run_work(desk.context, work)
    assert [numbers[1]] in rest
    assert sorted(number for run in rest for number in run) == sorted(numbers[1:])
    # A file that is away may come back: a third try later.
    assert states(desk)[ill] == ("waiting", 2)
    with desk.context.session() as session:
        assert len(session.scalars(select(ObservationSet)).all()) == 3
        names = {job.flow_run_id for job in session.scalars(select(Job).where(Job.kind == PROCESS_SCENE))}
    assert len(names) >= 2
