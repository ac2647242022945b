"""A full disk: a clear error, nothing half written, nothing entered, and the work is done later."""

from __future__ import annotations

import errno

import pytest
from sqlalchemy import func, select

from sen4cap_core.db.models import ObservationSet, Product, SceneRow
from sen4cap_core.steps.scenes.process import process_scene

pytestmark = pytest.mark.service


def test_a_full_disk_leaves_no_partial_file_and_no_row(desk, request: pytest.FixtureRequest) -> None:
    desk.declare()
    scene_id = desk.ingest(desk.scene(16))
    request.getfixturevalue("full_disk")

    with pytest.raises(OSError, match=r"[Nn]o space|[Mm]ake room") as caught:
        process_scene(desk.context, scene_id)

    assert caught.value.errno == errno.ENOSPC
    assert [path for path in desk.context.settings.data.rglob("*") if path.is_file()] == []
    with desk.context.session() as session:
        assert session.scalar(select(func.count()).select_from(Product)) == 0
        assert session.scalar(select(func.count()).select_from(ObservationSet)) == 0
        assert session.get_one(SceneRow, scene_id).state == "ingested"


def test_when_there_is_room_again_the_scene_is_processed(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    desk.declare()
    scene_id = desk.ingest(desk.scene(16))
    real = os.fsync
    failures = iter([OSError(errno.ENOSPC, "No space left on device")])

    def fsync(descriptor: int) -> None:
        for error in failures:
            raise error
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError):
        process_scene(desk.context, scene_id)

    assert process_scene(desk.context, scene_id).observed[0].n_observed == 4
