"""What may go goes after a report, what is needed stays, and tables and disk agree afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from sen4cap_core.clock import utc_now
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Job, OfferRow, SourceSearch
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.steps.products.export import find_products
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.upkeep.check_files import check_files, repair
from sen4cap_core.steps.upkeep.reconcile import reconcile
from sen4cap_core.steps.upkeep.retention import (
    RetentionPlan,
    apply_retention,
    plan_retention,
    restore_downloads,
    sweep_retired,
)
from tests.steps.conftest import SITE
from tests.steps.sources.test_sources_way import Network, network

pytestmark = pytest.mark.service
__all__ = ["network"]

LATER = utc_now() + timedelta(days=100)


def settle(network: Network, **retention: Any) -> None:
    network.settle(retention=retention)


def fetched(network: Network, *days: int) -> Path:
    """Fetch and process scenes; return the folder of the last one."""
    network.desk.declare()
    for day in days:
        network.offer(network.first, day)
    network.search()
    for day in days:
        done = network.fetch(day)
        _, found = ingest_scene(network.desk.context, done.upload_id)
        process_scene(network.desk.context, found[0].scene_id)
    finish_jobs(network.desk.context)
    return done.path


def finish_jobs(context: Context) -> None:
    with context.session() as session:
        session.execute(update(Job).values(state="done"))


def assert_nothing_is_asked_again(context: Context) -> None:
    asked = reconcile(context).counts()
    assert not {"scenes", "rasters", "extractions", "scene_uploads"} & set(asked), asked
    finish_jobs(context)


def names(plan: RetentionPlan) -> list[str]:
    return sorted(one.kind for one in plan.going)


def test_a_download_goes_and_comes_back_with_its_results_kept(network: Network) -> None:
    context = network.desk.context
    settle(network, downloads_days=30)
    path = fetched(network, 16)
    assert names(plan_retention(context, SITE)) == []
    plan = plan_retention(context, SITE, LATER)
    assert names(plan) == ["download"]
    assert path.exists()
    assert check_files(context).found() == {}

    with pytest.raises(Sen4capError, match="not true any more"):
        apply_retention(context, SITE, "00000000", LATER)
    done = apply_retention(context, SITE, plan.id, LATER)

    assert done.n_bytes > len(network.red)
    assert not path.exists()
    assert check_files(context).found() == {}
    assert len(find_products(context, SITE)) == 1
    assert_nothing_is_asked_again(context)
    assert network.search().new_acquisitions == 0
    with pytest.raises(NothingToDoError, match="here already"):
        network.fetch(16)

    assert restore_downloads(context, SITE, 2019) == 1
    again = network.fetch(16)
    assert again.path == path
    assert path.exists()
    _, found = ingest_scene(context, again.upload_id)
    with pytest.raises(NothingToDoError):
        process_scene(context, found[0].scene_id)
    assert check_files(context).found() == {}


def test_an_input_stays_that_no_source_can_deliver_again(network: Network) -> None:
    context = network.desk.context
    settle(network, downloads_days=30)
    path = fetched(network, 16)
    with context.session() as session:
        session.execute(update(SourceSearch).where(SourceSearch.source == "first").values(error="away"))

    plan = plan_retention(context, SITE, LATER)
    assert plan.going == []
    assert list(plan.kept.values()) == [1]
    assert "its source does not have it" in next(iter(plan.kept))
    with pytest.raises(NothingToDoError, match="may go"):
        apply_retention(context, SITE, plan.id, LATER)
    assert path.exists()

    with context.session() as session:
        session.execute(update(SourceSearch).values(error=None))
        session.execute(update(OfferRow).values(source="elsewhere"))
    assert plan_retention(context, SITE, LATER).going == []


def test_rasters_go_by_kind_and_are_not_made_again(network: Network) -> None:
    context = network.desk.context
    settle(network, products_days={"l3b-ndvi": 400})
    fetched(network, 16, 18)
    (first, second) = find_products(context, SITE)
    between = first.end + timedelta(days=401)

    plan = plan_retention(context, SITE, between)
    assert [one.row_id for one in plan.going] == [first.id]
    apply_retention(context, SITE, plan.id, between)

    assert not (context.settings.data / first.path).exists()
    assert [one.id for one in find_products(context, SITE)] == [second.id]
    assert check_files(context).found() == {}
    assert_nothing_is_asked_again(context)


def test_a_raster_stays_whose_scene_is_gone(desk) -> None:
    context = desk.context
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"retention": {"products_days": {"l3b-ndvi": 1}}})
    path = desk.scene(4)
    desk.process(path)
    path.rename(path.with_name("moved.SAFE"))

    plan = plan_retention(context, SITE)
    assert plan.going == []
    assert "could not be made again" in next(iter(plan.kept))
    assert list(check_files(context).found()) == ["missing scenes"]


def test_superseded_products_go_and_a_broken_run_is_finished(desk, monkeypatch) -> None:
    context = desk.context
    desk.process(desk.scene(4))
    desk.process(desk.scene(4, baseline="99.99"))
    with pytest.raises(NothingToDoError, match="keeps everything"):
        plan_retention(context, SITE)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"retention": {"superseded_days": 10}})
    plan = plan_retention(context, SITE, LATER)
    assert [one.why for one in plan.going] == ["another version or scene is in its place"]
    with pytest.raises(Sen4capError, match="waits or runs"):
        apply_retention(context, SITE, plan.id, LATER)
    finish_jobs(context)

    with monkeypatch.context() as broken:
        broken.setattr("sen4cap_core.steps.upkeep.retention.remove_items", _killed)
        with pytest.raises(OSError, match="killed"):
            apply_retention(context, SITE, plan.id, LATER)
    assert list(check_files(context).found()) == ["left over"]
    assert sweep_retired(context, SITE) == 2
    assert check_files(context).found() == {}
    assert sweep_retired(context, SITE) == 0


def test_what_screening_read_goes_when_its_year_is_over(desk) -> None:
    context = desk.context
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"cloud_screening": True, "retention": {"screening_days": 400}})
    for day in (4, 9):
        bands = {"B02": 0.04, "B04": 0.05, "B08": 0.3}
        desk.process(desk.scene(day, reflectance=bands))
    finish_jobs(context)
    young = datetime(2020, 6, 1, tzinfo=UTC)
    assert plan_retention(context, SITE, young).going == []
    old = datetime(2020, 8, 1, tzinfo=UTC)
    (one,) = plan_retention(context, SITE, old).going
    assert (one.kind, len(one.files)) == ("screening", 4)
    assert one.n_bytes > 0
    apply_retention(context, SITE, plan_retention(context, SITE, old).id, old)
    left = sorted(path.name[16:][-9:] for path in context.settings.data.rglob("screening/*/*/*.tif"))
    assert left == ["marks.tif"] * 2
    assert plan_retention(context, SITE, old).going == []


def _killed(*_: object) -> int:
    raise OSError("killed")


def test_the_check_names_what_is_lost_and_what_is_nobodys(desk) -> None:
    context = desk.context
    root = context.settings.data
    desk.declare()
    done = desk.process(desk.scene(4))
    assert check_files(context).found() == {}
    (raster,) = find_products(context, SITE)
    (root / raster.path).unlink()
    observation = next(iter(root.glob("sites/*/*/observations/**/*.parquet")))
    observation.unlink()
    orphan = (root / raster.path).with_name("left.tif")
    orphan.write_bytes(b"nobody's")
    (root / "sites" / SITE / "catalog.json").unlink()

    found = check_files(context).found()

    assert found["missing products"] == [raster.path]
    assert found["missing observations"] == [str(observation.relative_to(root))]
    assert found["orphans"] == [str(orphan.relative_to(root))]
    assert found["broken links"] == [f"catalog.json -> sites/{SITE}/catalog.json"]

    repair(context, check_files(context))
    finish_jobs(context)
    assert reconcile(context).counts() != {}
    process_scene(context, done.subject.scene_id)
    assert list(check_files(context).found()) == ["orphans"]
