"""Faults of a season: what is away, late, doubled or lost, and that nothing is lost or done twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import DeclarationSet, Job, OfferRow, PlannedRun, Season, SourceSearch
from sen4cap_core.db.work import jobs, pending
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.steps.seasons.plan import plan_seasons
from sen4cap_core.steps.upkeep.warnings import look_for_warnings
from tests.steps.conftest import SITE
from tests.steps.sources.test_sources_way import Network, network  # noqa: F401

pytestmark = pytest.mark.service

BEGIN = datetime(2019, 6, 20, 12, tzinfo=UTC)


class Clock:
    """The time of the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = BEGIN
        monkeypatch.setattr(pending, "database_now", lambda session: self.now)

    def pass_hours(self, hours: float) -> None:
        self.now += timedelta(hours=hours)


@pytest.fixture
def clock(network: Network, monkeypatch: pytest.MonkeyPatch) -> Clock:  # noqa: F811
    return Clock(monkeypatch)


def _run(network: Network) -> PlannedRun:  # noqa: F811
    with network.desk.context.session() as session:
        query = select(PlannedRun).where(PlannedRun.processor == "l4b").order_by(PlannedRun.due_on.desc())
        return session.scalars(query).first()  # type: ignore[return-value]


def _declare(network: Network, **schedule: Any) -> None:  # noqa: F811
    plan = {"l4b": {"every": "week", "first": "2019-06-18", **schedule}, "l4c": "never"}
    network.settle(schedule=plan)
    with network.desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        session.add(DeclarationSet(site_id=site.id, year=2019, n_parcels=0, columns={}))


def test_a_source_down_for_a_day_holds_the_run_up_and_loses_nothing(
    network: Network,  # noqa: F811
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _declare(network)
    for day in (10, 16):
        network.offer(network.first, day)
    network.first.down = True
    assert plan_seasons(network.desk.context).searches == [SITE]
    network.search()
    with network.desk.context.session() as session:
        session.execute(text("UPDATE source_search SET failed_at = :now"), {"now": clock.now})
    plan_seasons(network.desk.context)
    assert "search of source first to be made" in [gate["what"] for gate in _run(network).waits_for["gates"]]
    assert look_for_warnings(network.desk.context) != []
    clock.pass_hours(23)
    assert plan_seasons(network.desk.context).asked == []
    network.first.down = False
    assert network.search().new_acquisitions == 2
    assert network.waiting() == ["20190610", "20190616"]
    plan_seasons(network.desk.context)
    [gate] = _run(network).waits_for["gates"]
    assert (gate["what"], gate["n"]) == ("Sentinel-2 scenes to be fetched", 2)
    with network.desk.context.session() as session:
        assert all(row.error is None for row in session.scalars(select(SourceSearch)))


def test_half_a_catalogue_that_comes_later_is_fetched_once_and_looked_at(
    network: Network,  # noqa: F811
    clock: Clock,
) -> None:
    _declare(network)
    network.offer(network.first, 10)
    assert network.search().new_acquisitions == 1
    network.offer(network.first, 11)
    network.offer(network.first, 16)
    clock.pass_hours(20)
    assert network.search().new_acquisitions == 2
    assert network.search().new_acquisitions == 0
    assert network.waiting() == ["20190610", "20190611", "20190616"]


def test_an_item_in_two_baselines_at_once_is_fetched_in_the_newer_one(
    network: Network,  # noqa: F811
    clock: Clock,
) -> None:
    network.offer(network.first, 16, "0211")
    newer = network.offer(network.first, 16, "0500")
    assert network.search().new_acquisitions == 1
    assert network.fetch(16).offer.product_id == newer
    with pytest.raises(NothingToDoError, match="here already"):
        network.fetch(16)
    assert network.states() == {"first": ["passed-over", "fetched"]}


def test_a_run_whose_worker_is_lost_for_good_is_done_once_by_another(
    network: Network,  # noqa: F811
    clock: Clock,
) -> None:
    context = network.desk.context
    _declare(network)
    with context.session() as session:
        season = session.scalars(select(Season)).one()
        for source in ("first", "second"):
            state = {"searched_until": clock.now.date(), "succeeded_at": clock.now}
            session.add(SourceSearch(season_id=season.id, source=source, **state))
    plan_seasons(context)
    assert _run(network).state == "asked"
    with context.session() as session:
        session.execute(text("UPDATE job SET not_before = now()"))
        [lost] = jobs.claim(session, ["detect-mowing"], "lost", 60)
    plan_seasons(context)
    assert _run(network).state == "asked"
    with context.session() as session:
        session.execute(text("UPDATE job SET lease_until = now() - interval '1 second'"))
        [again] = jobs.claim(session, ["detect-mowing"], "other", 60)
        assert again.attempts == 2
        assert jobs.finish(session, again.id, "other")
    with context.session() as session:
        assert not jobs.finish(session, lost.id, "lost")
    assert plan_seasons(context).ended == [f"{SITE} 2019: l4b of 2019-06-18: done"]
    with context.session() as session:
        assert len(session.scalars(select(Job).where(Job.kind == "detect-mowing")).all()) == 1


def test_other_tiles_and_an_earlier_start_are_searched_over_all_days(
    network: Network,  # noqa: F811
    clock: Clock,
) -> None:
    context = network.desk.context
    network.offer(network.first, 2)
    network.offer(network.first, 16)
    network.search()
    assert plan_seasons(context).searches == []
    network.settle(tiles=["30TUL"])
    assert plan_seasons(context).searches == [SITE]
    network.search()
    with context.session() as session:
        assert {row.state for row in session.scalars(select(OfferRow))} == {"passed-over"}
    network.settle(tiles=["30TUM"])
    network.search()
    with context.session() as session:
        assert {row.state for row in session.scalars(select(OfferRow))} == {"offered"}
    assert plan_seasons(context).searches == []


def test_a_clock_that_runs_ahead_or_behind_loses_nothing(network: Network, clock: Clock) -> None:  # noqa: F811
    network.settle(schedule={"l4b": "never"})
    true = clock.now
    network.first.clock = network.second.clock = lambda: true
    network.offer(network.first, 10)
    # The database's clock runs three weeks ahead: what is still to come counts as not yet searched.
    clock.now = true + timedelta(days=21)
    network.search()
    with network.desk.context.session() as session:
        assert {row.searched_until for row in session.scalars(select(SourceSearch))} == {true.date()}
    # Some days later nobody has searched, and the clock was set right.
    network.offer(network.first, 21)
    true += timedelta(days=14)
    clock.now = true
    assert network.search().new_acquisitions == 1
    # It runs behind by a month: the scene of the 30th is found when it is right again.
    network.offer(network.first, 30)
    clock.now = true - timedelta(days=30)
    network.search()
    clock.now = true
    network.search()
    assert network.waiting() == ["20190610", "20190621", "20190630"]
    # A source that tells no time, and a clock that was a year ahead: the look-back starts from today.
    with network.desk.context.session() as session:
        session.execute(text("UPDATE source_search SET searched_until = '2020-06-01'"))
    network.offer(network.first, 29)
    assert network.search().new_acquisitions == 1


def test_a_machine_with_a_wrong_clock_searches_by_the_databases(
    network: Network,  # noqa: F811
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sen4cap_core import clock as machine

    monkeypatch.setattr(machine, "utc_now", lambda: BEGIN - timedelta(days=300))
    network.offer(network.first, 16)
    assert network.search().new_acquisitions == 1
