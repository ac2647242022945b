"""From a catalogue on loopback to parcel observations: searched, fetched, processed, each scene once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import select

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import Job, ObservationSet, OfferRow, SceneRow, SourceSearch, Upload
from sen4cap_core.db.work import jobs, pending
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.reports.pages.sources import sources_markdown
from sen4cap_core.sources.offers import SourceAwayError, SourceError
from sen4cap_core.steps.scenes.ingest import ingest_scene
from sen4cap_core.steps.scenes.process import process_scene
from sen4cap_core.steps.seasons.plan import plan_seasons
from sen4cap_core.steps.sources.fetch import FetchedScene, fetch_scene
from sen4cap_core.steps.sources.search import SearchReport, search_sources
from sen4cap_core.steps.sources.status import source_status
from sen4cap_core.steps.uploads.site import apply_site_config
from tests.scenes.stac_items import write_tiff
from tests.sources.catalogue_server import Catalogue, serving
from tests.steps.conftest import GRID, SITE, Desk

pytestmark = pytest.mark.service

TODAY = datetime.fromisoformat("2019-06-20T12:00:00+00:00")


class Network:
    """Two catalogues with scenes of June, and a site that knows both."""

    def __init__(self, desk: Desk, folder: Path, first: Catalogue, second: Catalogue) -> None:
        self.desk, self.first, self.second = desk, first, second
        place = {"x_min_m": GRID.x_min_m, "y_max_m": GRID.y_max_m}
        self.red = write_tiff(folder / "red.tif", 500, size=120, **place).read_bytes()
        self.nir = write_tiff(folder / "nir.tif", 4500, size=120, **place).read_bytes()
        classes = write_tiff(folder / "scl.tif", 4, dtype="uint8", size=60, resolution_m=20, **place)
        self.scl = classes.read_bytes()

    def settle(self, **changes: Any) -> None:
        """Give the site its extent and its sources."""
        sources = [
            {"kind": "stac", "name": name, "url": catalogue.url}
            for name, catalogue in (("first", self.first), ("second", self.second))
        ]
        config = {"satellites": ["S2"], "sources": sources, "processors": {"l4a": False, "l3a": False}}
        config = SiteConfig.model_validate(config | changes).model_dump(mode="json", exclude_unset=True)
        with self.desk.context.session() as session:
            site = site_rows.get_or_create_site(session, SITE)
            site_rows.set_extent(session, site, shapely.box(-4.9, 41.7, -4.8, 41.8), ["30TUM"])
            site_rows.set_config(session, site, config)

    def offer(
        self, catalogue: Catalogue, day: int, baseline: str = "0212", more: tuple[str, ...] = ()
    ) -> str:
        """Let a catalogue offer a scene, with ``more`` bands than NDVI needs; return its product."""
        name = f"S2A_MSIL2A_201906{day:02d}T110621_N{baseline}_R137_T30TUM_201906{day:02d}T143132"
        assets = {}
        others = [(key, self.red) for key in more]
        for key, content in (("red", self.red), ("nir", self.nir), ("scl", self.scl), *others):
            path = f"/files/{name}/{key}.tif"
            catalogue.files[path] = content
            kind = "image/tiff; application=geotiff; profile=cloud-optimized"
            assets[key] = {"href": catalogue.url + path, "type": kind, "file:size": len(content)}
        catalogue.items.append(
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": name,
                "collection": "sentinel-2-l2a",
                "geometry": None,
                "properties": {
                    "datetime": f"2019-06-{day:02d}T11:06:21Z",
                    "platform": "sentinel-2a",
                    "constellation": "sentinel-2",
                    "eo:cloud_cover": 5.0,
                    "s2:processing_baseline": f"{baseline[:2]}.{baseline[2:]}",
                    "s2:product_uri": name + ".SAFE",
                    "grid:code": "MGRS-30TUM",
                    "earthsearch:boa_offset_applied": True,
                },
                "links": [],
                "assets": assets,
            }
        )
        return name

    def search(self) -> SearchReport:
        """Search as the flow does."""
        return search_sources(self.desk.context, SITE)

    def fetch(self, day: int) -> FetchedScene:
        """Fetch the acquisition of a day, as the job of it does."""
        with self.desk.context.session() as session:
            site = site_rows.get_or_create_site(session, SITE)
            site_id = site.id
        return fetch_scene(self.desk.context, site_id, f"s2/30TUM/201906{day:02d}T110621")

    def waiting(self) -> list[str]:
        """Keys of the transfers that wait."""
        with self.desk.context.session() as session:
            query = select(Job.key).where(Job.kind == "fetch-scene", Job.state == "waiting").order_by(Job.key)
            return [key.rpartition("/")[2][:8] for key in session.scalars(query)]

    def states(self) -> dict[str, list[str]]:
        """States of the offers by source, in order of time."""
        with self.desk.context.session() as session:
            rows = session.scalars(select(OfferRow).order_by(OfferRow.acquired_at, OfferRow.id))
            found: dict[str, list[str]] = {}
            for row in rows:
                found.setdefault(row.source, []).append(row.state)
            return found


@pytest.fixture
def network(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr(pending, "database_now", lambda session: TODAY)
    first, second = Catalogue(), Catalogue()
    with serving(first), serving(second):
        made = Network(desk, tmp_path, first, second)
        made.settle()
        yield made


def test_a_scene_of_a_catalogue_becomes_observations(network: Network) -> None:
    network.desk.declare()
    network.offer(network.first, 16)
    report = network.search()
    assert (report.found, report.new_acquisitions, report.faults) == ({"first": 1, "second": 0}, 1, {})
    done = network.fetch(16)
    assert done.n_bytes > len(network.red)
    _, found = ingest_scene(network.desk.context, done.upload_id)
    processed = process_scene(network.desk.context, found[0].scene_id)
    assert [observed.n_observed for observed in processed.observed] == [4]
    with pytest.raises(NothingToDoError, match="here already"):
        network.fetch(16)
    assert network.search().new_acquisitions == 0
    with network.desk.context.session() as session:
        assert session.scalars(select(Upload.state).where(Upload.kind == "scene")).all() == ["received"]
        assert [s.n_bytes for s in source_status(session, SITE).sources] == [done.n_bytes, 0]


def test_an_acquisition_at_two_sources_is_fetched_once_in_its_newest_processing(network: Network) -> None:
    network.offer(network.first, 16)
    network.offer(network.second, 16)
    network.offer(network.second, 18, "0213")
    network.offer(network.first, 18)
    network.search()
    assert network.waiting() == ["20190616", "20190618"]
    assert network.fetch(16).offer.source == "first"
    assert network.fetch(18).offer.source == "second"
    with pytest.raises(NothingToDoError):
        network.fetch(16)
    with pytest.raises(NothingToDoError):
        network.fetch(18)
    assert network.states() == {"first": ["fetched", "passed-over"], "second": ["passed-over", "fetched"]}


def test_a_reprocessed_product_supersedes_the_one_that_is_here(network: Network) -> None:
    network.offer(network.first, 16)
    network.search()
    first = network.fetch(16)
    _, old = ingest_scene(network.desk.context, first.upload_id)
    newer = network.offer(network.first, 16, "0500")
    assert network.search().new_acquisitions == 1
    done = network.fetch(16)
    assert done.offer.product_id == newer
    ingest_scene(network.desk.context, done.upload_id)
    with network.desk.context.session() as session:
        assert session.get_one(SceneRow, old[0].scene_id).state == "superseded"


def test_a_source_that_is_away_holds_nobody_up_and_is_searched_again(network: Network) -> None:
    network.offer(network.first, 16)
    network.offer(network.second, 17)
    network.first.down = True
    report = network.search()
    assert list(report.faults) == ["first"]
    assert report.found == {"second": 1}
    network.first.down = False
    assert network.search().found == {"first": 1, "second": 1}
    with network.desk.context.session() as session:
        states = session.scalars(select(SourceSearch).order_by(SourceSearch.source)).all()
        assert [(s.source, s.error, s.searched_until) for s in states] == [
            ("first", None, date(2019, 6, 20)),
            ("second", None, date(2019, 6, 20)),
        ]


def test_an_item_that_is_none_is_passed_over_and_told(network: Network) -> None:
    for day in (16, 17, 18):
        network.offer(network.first, day)
    del network.first.items[0]["id"]
    report = network.search()
    assert report.found == {"first": 2, "second": 0}
    assert report.faults == {}
    assert report.passed_over["first"].startswith("1 of 3 items cannot be understood and are passed over")
    assert network.waiting() == ["20190617", "20190618"]
    with network.desk.context.session() as session:
        page = sources_markdown(source_status(session, SITE), report.passed_over)
        assert [search.error for search in session.scalars(select(SourceSearch))] == [None, None]
    assert "### Not understood in the last search" in page
    assert "1 of 3 items" in page


def test_the_next_source_is_asked_when_one_refuses_or_stays_away(network: Network) -> None:
    network.offer(network.first, 16)
    network.offer(network.second, 16)
    network.search()
    network.first.files.clear()
    done = network.fetch(16)
    assert done.offer.source == "second"
    assert "not there any more" in done.passed_over[0]
    assert network.states() == {"first": ["failed"], "second": ["fetched"]}


def test_the_last_source_is_waited_for(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    network.offer(network.first, 16)
    network.search()
    network.first.busy = [(503, "")] * 5
    with pytest.raises(SourceAwayError):
        network.fetch(16)
    assert network.states() == {"first": ["offered"]}
    assert network.fetch(16).offer.source == "first"


def test_a_scene_that_was_dropped_by_hand_is_not_fetched(network: Network) -> None:
    network.offer(network.first, 16)
    network.search()
    done = network.fetch(16)
    ingest_scene(network.desk.context, done.upload_id)
    with network.desk.context.session() as session:
        session.query(OfferRow).update({"state": "offered", "upload_id": None})
    with pytest.raises(NothingToDoError, match="is here"):
        network.fetch(16)
    assert network.states() == {"first": ["passed-over"]}


def test_an_archive_is_linked_and_not_copied(network: Network, tmp_path: Path) -> None:
    root = tmp_path / "eodata" / "2019" / "06" / "16"
    root.mkdir(parents=True)
    product = network.desk.scene(16)
    product.rename(root / product.name)
    network.settle(sources=[{"kind": "local", "root": str(tmp_path / "eodata")}])
    before = sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*"))
    assert network.search().new_acquisitions == 1
    done = network.fetch(16)
    assert done.path == root / product.name
    _, found = ingest_scene(network.desk.context, done.upload_id)
    assert [scene.outcome for scene in found] == ["to be processed"]
    assert sorted((str(p), p.stat().st_mtime_ns) for p in root.rglob("*")) == before
    assert not (network.desk.context.settings.data / "downloads").exists()


def test_crop_types_switched_on_in_mid_season_fetch_the_bands_that_are_missing(network: Network) -> None:
    context = network.desk.context
    network.desk.declare()
    more = ("blue", "green", "rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22")
    network.offer(network.first, 16, more=more)
    assert plan_seasons(context).searches == [SITE]
    _search_as_asked(network)
    done = network.fetch(16)
    _, [found] = ingest_scene(context, done.upload_id)
    process_scene(context, found.scene_id)
    assert not any("swir16" in request for request in network.first.requests)
    assert plan_seasons(context).searches == []

    network.settle(processors={"l4a": True, "l3a": False})
    assert plan_seasons(context).searches == [SITE]
    assert _search_as_asked(network).new_acquisitions == 1
    assert network.waiting() == ["20190616"]
    assert network.states() == {"first": ["offered"]}
    before = len(network.first.requests)
    assert network.fetch(16).upload_id == done.upload_id
    files = [request for request in network.first.requests[before:] if "/files/" in request]
    assert len(files) == len(more)
    assert not any("red.tif" in request for request in files)
    assert _variables(network, found.scene_id) == {"ndvi": {"ndvi"}}
    with context.session() as session:
        assert session.scalars(select(Job.state).where(Job.kind == "process-scene")).all() == ["waiting"]
    process_scene(context, found.scene_id)
    assert len(_variables(network, found.scene_id)["bands"]) == 10
    with pytest.raises(NothingToDoError, match="here already"):
        network.fetch(16)
    # Off and on again: all is here.
    for is_on in (False, True):
        network.settle(processors={"l4a": is_on, "l3a": False})
        network.search()
        with pytest.raises(NothingToDoError, match="here already"):
            network.fetch(16)
        assert network.states() == {"first": ["fetched"]}


def _search_as_asked(network: Network) -> SearchReport:
    """Do the search that waits, as the warm worker does."""
    with network.desk.context.session() as session:
        [job] = jobs.claim(session, ["search-sources"], "worker", 60)
    report = network.search()
    with network.desk.context.session() as session:
        assert jobs.finish(session, job.id, "worker")
    return report


def _variables(network: Network, scene_id: int) -> dict[str, set[str]]:
    with network.desk.context.session() as session:
        rows = session.scalars(select(ObservationSet).where(ObservationSet.scene_id == scene_id))
        return {row.group_name: set(row.variables) for row in rows}


def test_later_searches_look_back_for_what_is_published_late(network: Network) -> None:
    network.first.collections = ("sentinel-2-l2a", "landsat-c2-l2", "sentinel-1-rtc", "naip")
    network.settle(
        satellites=["S1", "S2", "L8"],
        sources=[{"kind": "stac", "name": "first", "url": network.first.url, "look_back_days": 6}],
    )
    network.offer(network.first, 16)
    network.search()
    late = network.offer(network.first, 14)
    assert network.search().new_acquisitions == 1
    assert network.waiting() == ["20190614", "20190616"]
    whole, again = network.first.searches
    # The season from its first day, then six days behind the day up to which it was searched.
    assert whole["datetime"].startswith("2019-01-01T00:00:00Z/2019-06-20")
    assert again["datetime"].startswith("2019-06-14T00:00:00Z/2019-06-20")
    assert sorted(again["collections"]) == ["landsat-c2-l2", "sentinel-1-rtc", "sentinel-2-l2a"]
    assert network.fetch(14).offer.product_id == late


def test_a_site_that_wants_something_new_is_searched_at_once(network: Network) -> None:
    def asked() -> list[str]:
        with network.desk.context.session() as session:
            found = session.scalars(select(Job).where(Job.kind == "search-sources")).all()
            states = [job.state for job in found]
            for job in found:
                job.state = "done"
        return states

    with network.desk.context.session() as session:
        config = SiteConfig.model_validate(site_rows.get_or_create_site(session, SITE).config)
    apply_site_config(network.desk.context, SITE, config)
    assert asked() == ["waiting"]
    network.search()
    apply_site_config(network.desk.context, SITE, config)
    assert asked() == ["done"]
    apply_site_config(network.desk.context, SITE, config.model_copy(update={"satellites": ("S1", "S2")}))
    assert asked() == ["waiting"]


def test_reasons_why_nothing_is_searched(network: Network) -> None:
    network.settle(sources=[])
    with pytest.raises(NothingToDoError, match="names no sources"):
        network.search()
    network.settle(enabled=False)
    with pytest.raises(NothingToDoError, match="is paused"):
        network.search()
    network.settle(sources=[{"kind": "dhus", "url": "https://scihub.copernicus.eu/dhus"}])
    assert "closed in October 2023" in network.search().faults["dhus-1"]


def test_when_every_offer_is_refused_the_reasons_are_said(network: Network) -> None:
    network.offer(network.first, 16)
    network.search()
    network.first.files.clear()
    with pytest.raises(SourceError, match=r"no source could bring it: first: .*not there any more"):
        network.fetch(16)
