"""The same acquisition from MAJA and from the Copernicus service counts once, whichever comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from sen4cap_core.db.models import Job, SceneRow
from sen4cap_core.simulation.optical.maja_product import maja_scene
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.steps.uploads.site import receive_site_config
from tests.scenes.stac_items import plain_item
from tests.steps.conftest import GRID

pytestmark = pytest.mark.service

WHEN = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)


def maja(desk, when: datetime = WHEN, **options) -> Path:
    folder = desk.folder / f"maja-{next(desk._numbers)}"
    folder.mkdir()
    # Over the tile some minutes after the datastrip began.
    return maja_scene(folder, grid=GRID, acquired_at=when + timedelta(minutes=7), **options)


def states(desk) -> dict[str, str]:
    with desk.context.session() as session:
        return {row.format: row.state for row in session.scalars(select(SceneRow))}


def settle(desk, text: str) -> None:
    path = desk.folder / f"site-{next(desk._numbers)}.yaml"
    path.write_text(text)
    receive_site_config(desk.context, desk.enter(path, "site-config"))


@pytest.mark.parametrize("maja_first", [True, False])
def test_maja_counts_whichever_comes_first(desk, maja_first: bool) -> None:
    ways = [lambda: desk.ingest(maja(desk)), lambda: desk.ingest(desk.scene(16))]
    for way in ways if maja_first else ways[::-1]:
        way()
    assert states(desk) == {"maja": "ingested", "safe": "superseded"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_an_item_without_datastrip_joins_the_product_of_its_overpass(desk, order: tuple[int, ...]) -> None:
    later = WHEN + timedelta(minutes=7)
    folder = desk.folder / "item"
    item = plain_item(
        folder, {"datetime": later.isoformat(), "platform": "sentinel-2a"}, item_id="S2A_30TUM_20190616_0_L2A"
    )
    ways = [lambda: desk.ingest(item), lambda: desk.ingest(desk.scene(16)), lambda: desk.ingest(maja(desk))]
    for number in order:
        ways[number]()
    assert states(desk) == {"maja": "ingested", "safe": "superseded", "stac-item": "superseded"}


def test_settings_prefer_the_service_and_what_was_superseded_comes_back(desk) -> None:
    desk.process(maja(desk))
    safe = desk.ingest(desk.scene(16))
    assert states(desk) == {"maja": "processed", "safe": "superseded"}

    settle(desk, "level2a: copernicus\n")
    assert states(desk) == {"maja": "superseded", "safe": "ingested"}
    with desk.context.session() as session:
        job = session.scalars(select(Job).where(Job.key == f"process-scene/{safe}")).one()
        assert job.state == "waiting"

    settle(desk, "level2a: maja\n")
    assert states(desk) == {"maja": "ingested", "safe": "superseded"}


def test_other_days_satellites_and_halves_of_a_datatake_are_not_one(desk) -> None:
    first = desk.ingest(desk.scene(16))
    desk.ingest(maja(desk, WHEN + timedelta(days=5)))
    desk.ingest(maja(desk, platform="S2B"))
    with desk.context.session() as session:
        assert [row.state for row in session.scalars(select(SceneRow))] == ["ingested"] * 3

    # A product over the second half of a split datatake joins it, though the first half came before.
    late = WHEN + timedelta(minutes=7)
    second = desk.ingest(scene_at(desk, late))
    third = desk.ingest(maja(desk))
    with desk.context.session() as session:
        rows = {row.id: row for row in session.scalars(select(SceneRow))}
        assert rows[second].superseded_by == third
        assert rows[first].state == "ingested"


def scene_at(desk, when: datetime) -> Path:
    folder = desk.folder / f"half-{next(desk._numbers)}"
    folder.mkdir()
    return tile_scene(folder, grid=GRID, acquired_at=when)
