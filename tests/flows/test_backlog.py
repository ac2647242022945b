"""A backlog of scenes is worked off several in a run; one that is bad has a run of its own to say so."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select, update

from flows import claims
from flows.claims import next_fetch, next_registration, next_work
from flows.ingest_scene import ingest_scene
from flows.runs import run_work
from sen4cap_core.db.models import Job, ObservationSet, SceneRow
from sen4cap_core.steps.shared.work import FETCH_SCENE, INGEST_SCENE, PROCESS_SCENE, ask_ingest
from tests.flows.conftest import Server
from tests.steps.conftest import SITE, Desk
from tests.steps.sources.test_sources_way import Network, network

pytestmark = pytest.mark.service
__all__ = ["network"]


def states(desk: Desk, kind: str = PROCESS_SCENE) -> dict[str, tuple[str, int]]:
    """State and tries of the jobs of a kind."""
    with desk.context.session() as session:
        query = select(Job).where(Job.kind == kind)
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


def test_files_of_a_backlog_come_in_one_run_and_are_scenes_at_once(
    network: Network, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    desk = network.desk
    monkeypatch.setattr(claims, "BACKLOG", 0)
    one = desk.context.settings.model_copy(update={"fetch_slots": 1})
    object.__setattr__(desk.context, "settings", one)
    names = [network.offer(network.first, day) for day in (3, 8, 13, 18)]
    network.search()
    for path in [path for path in network.first.files if names[1] in path]:
        del network.first.files[path]

    taken = next_fetch(desk.context, "me")
    assert [job.payload["acquisition_key"][-15:-7] for job in taken] == ["20190603", "20190608"]
    run_work(desk.context, taken)

    # The one that is gone has another try in a run of its own, after a pause.
    assert [states(desk, FETCH_SCENE)[job.key] for job in taken] == [("done", 1), ("waiting", 1)]
    # What came needs no run to be registered.
    assert [state for state, _ in states(desk, INGEST_SCENE).values()] == ["done"]
    assert next_registration(desk.context, "me") == []
    assert [state for state, _ in states(desk).values()] == ["waiting"]
    with desk.context.session() as session:
        assert session.scalars(select(SceneRow.product_id)).all() == [names[0]]


def test_what_came_and_cannot_be_registered_has_a_run_that_says_why(
    network: Network, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    desk = network.desk
    name = network.offer(network.first, 3)
    network.search()
    for path in [path for path in network.first.files if name in path]:
        network.first.files[path] = b"no image".ljust(len(network.first.files[path]))
    run_work(desk.context, next_fetch(desk.context, "me"))
    assert [state for state, _ in states(desk, FETCH_SCENE).values()] == ["done"]
    [(state, tries)] = states(desk, INGEST_SCENE).values()
    assert (state, tries) == ("waiting", 0)
    run_work(desk.context, next_registration(desk.context, "me"))
    with desk.context.session() as session:
        [job] = session.scalars(select(Job).where(Job.kind == INGEST_SCENE))
        assert "red.tif" in str(job.error)


def test_scenes_none_of_which_can_be_read_fail_with_their_names(desk: Desk, server: Server) -> None:
    broken, emptied, gone = (desk.scene(day) for day in (2, 5, 8))
    uploads = [desk.enter(path, "scene").upload_id for path in (broken, emptied, gone)]
    (broken / "MTD_MSIL2A.xml").write_text("<half", encoding="utf-8")
    shutil.rmtree(emptied / "GRANULE")
    shutil.rmtree(gone)

    none = server.run(ingest_scene, uploads)
    assert none.state == "Failed", none.message
    assert none.name == f"ingest-scene: nothing registered of {broken.name} and 2 more"
    assert all(f"\n{path.name}: " in none.message for path in (broken, emptied, gone)), none.message
    only = server.run(ingest_scene, uploads[2:])
    assert (only.state, f"{gone.name} is gone" in only.message) == ("Skipped", True)

    with desk.context.session() as session:
        for number in uploads:
            ask_ingest(session, SITE, number)
    taken = next_registration(desk.context, "me")
    assert len(taken) == 3
    run_work(desk.context, taken)
    assert [states(desk, INGEST_SCENE)[f"ingest-scene/{number}"] for number in uploads] == [
        ("waiting", 1), ("waiting", 1), ("skipped", 1)
    ]  # fmt: skip
    with desk.context.session() as session:
        reasons = dict(session.execute(select(Job.key, Job.error).where(Job.kind == INGEST_SCENE)).all())
    # Each has its own reason, not that of the run.
    first, second = (str(reasons[f"ingest-scene/{number}"]) for number in uploads[:2])
    assert first.startswith("BadUploadError: MTD_MSIL2A.xml: this is not well-formed XML")
    assert second.startswith(f"UnreadableSceneError: {emptied.name}: its metadata list the granule")
