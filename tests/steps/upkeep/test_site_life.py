"""A site is paused, resumed, renamed, deleted and purged, and keeps everything until then."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import SeasonSpan
from sen4cap_core.db.models import Job, Product, SceneRow, Site, Upload
from sen4cap_core.db.work import backlog, jobs
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.steps.acquisitions.subject import find_subject
from sen4cap_core.steps.upkeep.by_hand_forms import EditSite, PurgeSite
from sen4cap_core.steps.upkeep.site_life import delete_site, edit_site, list_sites, pause, purge_site, resume
from tests.steps.conftest import SITE, YEAR, Desk

pytestmark = pytest.mark.service


def _site(desk: Desk) -> Site:
    with desk.context.session() as session:
        return site_rows.get_or_create_site(session, SITE)


def test_a_pause_outlives_a_new_site_yaml(desk: Desk) -> None:
    scene_id = desk.ingest(desk.scene(14))
    pause(desk.context, SITE)
    assert not _site(desk).enabled
    with desk.context.session() as session:
        [job] = jobs.claim(session, ["process-scene"], "worker", 60)
        with pytest.raises(NothingToDoError, match="paused"):
            find_subject(desk.context, scene_id)
        jobs.skip(session, job.id, "worker", "paused")
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, {"country": "NLD"})
        assert not site.enabled
        assert site_rows.enabled_sites(session) == []
    resume(desk.context, SITE)
    assert _site(desk).enabled
    with desk.context.session() as session:
        assert backlog.pending(session, ["process-scene"]) == 1
    with desk.context.session() as session:
        site_rows.set_config(session, site_rows.get_or_create_site(session, SITE), {"enabled": False})
    with pytest.raises(Sen4capError, match=r"site\.yaml"):
        resume(desk.context, SITE)


def test_one_of_several_seasons_is_paused(desk: Desk) -> None:
    config = {"seasons": [{"name": "main", "start": "2020-01-01", "end": "2020-12-31"}]}
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        site_rows.set_config(session, site, config)
        start, end = (f"2020-{part}" for part in ("01-01", "12-31"))
        span = SeasonSpan("main", 2020, _day(start), None, _day(end))
        site_rows.set_seasons(session, site, [span])
    pause(desk.context, SITE, "main", 2020)
    with desk.context.session() as session:
        site_rows.set_seasons(session, site_rows.get_or_create_site(session, SITE), [span])
        enabled = {s.name: s.enabled for s in site_rows.seasons_of(session, site.id)}
    assert enabled == {str(YEAR): True, "main": False}
    assert list_sites(desk.context) == [f"{SITE}: {SITE}, active; seasons: {YEAR} {YEAR}, main 2020 (paused)"]
    resume(desk.context, SITE, "main")
    with desk.context.session() as session:
        assert all(s.enabled for s in site_rows.seasons_of(session, site.id))


def test_a_new_name_leaves_the_folder(desk: Desk) -> None:
    edit_site(desk.context, EditSite(site=SITE, name="Noordoostpolder"))
    site = _site(desk)
    assert (site.slug, site.name) == (SITE, "Noordoostpolder")


def test_what_is_deleted_is_kept_until_it_is_purged(desk: Desk) -> None:
    desk.declare()
    desk.process(desk.scene(14))
    data = desk.context.settings.data
    with desk.context.session() as session:
        other = site_rows.get_or_create_site(session, "other")
        session.add(Job(kind="x", key="x/other", site_slug=other.slug, state="waiting"))
    assert delete_site(desk.context, SITE, dry_run=True)["kept until purge"]["scenes"] == 1
    assert _site(desk).enabled
    form = PurgeSite(site=SITE, dry_run=False, confirm=SITE)
    with pytest.raises(Sen4capError, match="not deleted"):
        purge_site(desk.context, form)

    delete_site(desk.context, SITE, dry_run=False)
    assert not _site(desk).enabled
    with desk.context.session() as session:
        assert [site.slug for site in site_rows.all_sites(session)] == ["other"]
        assert session.scalars(select(SceneRow)).all()
    assert (data / "sites" / SITE).is_dir()
    resume(desk.context, SITE)
    assert _site(desk).enabled
    delete_site(desk.context, SITE, dry_run=False)

    uploads = desk.context.settings.uploads_root / SITE
    uploads.mkdir(parents=True, exist_ok=True)
    with pytest.raises(Sen4capError, match="move"):
        purge_site(desk.context, form)
    uploads.rename(uploads.with_name("away"))
    told = purge_site(desk.context, PurgeSite(site=SITE))
    assert told["dry run"]
    assert told["rows"]["scenes"] == 1
    with pytest.raises(Sen4capError, match="confirm"):
        purge_site(desk.context, form.model_copy(update={"confirm": "polders"}))

    kept = data / "in-force" / SITE / "site.yaml"
    kept.parent.mkdir(parents=True)
    kept.write_text("name: of a site that is no more\n", encoding="utf-8")
    purge_site(desk.context, form)

    assert not (data / "sites" / SITE).exists()
    assert not kept.exists(), "a new site of this name would get it back"
    assert uploads.with_name("away").is_dir()
    assert SITE not in (data / "catalog.json").read_text()
    with desk.context.session() as session:
        for table in (SceneRow, Product, Upload):
            assert session.scalars(select(table)).all() == []
        assert list(session.scalars(select(Site.slug))) == ["other"]
        assert list(session.scalars(select(Job.key))) == ["x/other"]


def _day(text: str):  # type: ignore[no-untyped-def]
    from datetime import date

    return date.fromisoformat(text)
