"""The calendar of a season: what is due, what it waits for, and that nothing is asked for twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.declared.sites import SeasonSpan
from sen4cap_core.db.models import (
    CropCode,
    DeclarationSet,
    Job,
    ObservationSet,
    OfferRow,
    PlannedRun,
    SceneRow,
    Season,
)
from sen4cap_core.db.work import jobs, pending, planning
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.declarations.tables.crop_codes import COLUMNS
from sen4cap_core.reports.pages.season import season_lines, season_markdown
from sen4cap_core.steps.seasons import plan as planner
from sen4cap_core.steps.seasons.page import season_page
from sen4cap_core.steps.seasons.plan import plan_seasons
from sen4cap_core.steps.shared.context import Context
from tests.steps.conftest import SITE, Desk

pytestmark = pytest.mark.service


class Clock:
    """The database's clock as the planner sees it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self, session: object) -> datetime:
        return self.now

    def set(self, day: str) -> None:
        self.now = datetime.fromisoformat(day).replace(tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock(datetime(2019, 6, 14, 12, tzinfo=UTC))
    monkeypatch.setattr(pending, "database_now", made)
    return made


@pytest.fixture
def settle(desk: Desk) -> Any:
    """Set the site's seasons and settings; a season of 2019 is called year."""

    def settle(
        start: str = "2019-01-01", end: str = "2019-12-31", enabled: bool = True, **config: Any
    ) -> int:
        with desk.context.session() as session:
            site = site_rows.get_or_create_site(session, SITE)
            settings = SiteConfig.model_validate(config).model_dump(mode="json", exclude_unset=True)
            site_rows.set_config(session, site, settings)
            span = SeasonSpan("year", 2019, date.fromisoformat(start), None, date.fromisoformat(end), enabled)
            site_rows.set_seasons(session, site, [span])
            return site_rows.seasons_of(session, site.id)[-1].id

    return settle


def _declare(context: Context) -> None:
    """Enter a declaration set without parcels: the planner asks only whether there is one."""
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        session.add(DeclarationSet(site_id=site.id, year=2019, n_parcels=0, columns={}))


def _claim(session: Session, kind: str) -> list[jobs.ClaimedJob]:
    """Claim what waits, also what is to wait for the rest of a burst."""
    session.execute(text("UPDATE job SET not_before = now()"))
    return jobs.claim(session, [kind], "worker", 60, 10)


def _plans(context: Context, processor: str) -> list[tuple[str, str]]:
    with context.session() as session:
        query = (
            select(PlannedRun.due_on, PlannedRun.state)
            .where(PlannedRun.processor == processor)
            .order_by(PlannedRun.due_on)
        )
        return [(str(day), state) for day, state in session.execute(query)]


def _plan(context: Context, processor: str) -> PlannedRun:
    with context.session() as session:
        query = select(PlannedRun).where(PlannedRun.processor == processor).order_by(PlannedRun.due_on.desc())
        return session.scalars(query).first()  # type: ignore[return-value]


def _asked(context: Context) -> list[str]:
    with context.session() as session:
        return list(session.scalars(select(Job.key).where(Job.state == "waiting").order_by(Job.key)))


def _scene(context: Context, day: str, sensor: str = "s1-coherence", state: str = "ingested") -> int:
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        when = datetime.fromisoformat(day).replace(tzinfo=UTC)
        row = SceneRow(
            site_id=site.id, product_id=f"{sensor}-{day}", sensor=sensor, platform="S", acquired_at=when,
            tile="30TUM", acquisition_key=f"{sensor}/{day}", format="x", path="x", state=state,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def _crop_codes(context: Context) -> None:
    """Enter one crop code: what crop types are learnt by."""
    words = {"ct": "wheat", "ct_l4a": "wheat", "ct_div": "wheat"}
    numbers = {"ctnum": 1, "ctnum_l4a": 1, "ctnum_div": 1, "lc": 1}
    flags = dict.fromkeys(("eaa", "al", "pgrass", "tgrass", "fallow", "cwater"), False)
    with context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        session.add(CropCode(site_id=site.id, year=2019, ori_crop="265", **words, **numbers, **flags))


def _observed_scene(context: Context, day: str) -> None:
    """Enter a processed scene that was observed."""
    scene = _scene(context, day, "s2-l2a", "processed")
    with context.session() as session:
        declared = session.scalars(select(DeclarationSet)).one()
        session.add(
            ObservationSet(
                scene_id=scene, declaration_set_id=declared.id, group_name="ndvi", path="x", n_rows=1,
                n_observed=1, source="scene", made_by="x",
            )
        )  # fmt: skip


def test_a_past_season_is_one_run_of_each_processor(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    season = settle()
    clock.set("2021-03-01")
    report = plan_seasons(desk.context)
    assert _plans(desk.context, "l4b") == [("2020-02-29", "asked")]
    assert _plan(desk.context, "l4b").covers_from == date(2019, 2, 28)
    # Crop codes and practice tables are not there: these runs wait for them and have no deadline.
    assert _plans(desk.context, "l4a") == [("2020-02-29", "waiting")]
    assert _plan(desk.context, "l4a").deadline is None
    assert _asked(desk.context) == [f"detect-mowing/{season}"]
    assert report.asked == [f"{SITE} year: l4b of 2020-02-29"]
    assert not plan_seasons(desk.context).is_changed


def test_a_run_waits_for_pairs_then_runs_without_them(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    season = settle(
        schedule={"l4a": "never", "l4c": "never", "l4b": {"every": "week", "first": "2019-06-14"}}
    )
    plan_seasons(desk.context)
    assert _plans(desk.context, "l4b") == []
    clock.set("2019-06-15T00:30")
    first = _scene(desk.context, "2019-06-12")
    _scene(desk.context, "2019-06-13")
    _scene(desk.context, "2019-06-15")
    with desk.context.session() as session:
        session.execute(text("UPDATE scene SET ingested_at = '2019-06-14T21:30Z'"))
        session.execute(
            text("UPDATE scene SET ingested_at = '2019-06-14T20:30Z' WHERE id = :id"), {"id": first}
        )
    plan_seasons(desk.context)
    with desk.context.session() as session:
        page = season_page(session, SITE)
    assert season_lines(page)[1].replace("\u202f", " ").strip() == (
        "L4B mowing of 2019-06-14 waits for 2 coherence pairs to be processed, oldest since 4 h 00 min; "
        "deadline in 24 h 00 min, then runs without"
    )
    assert "What waits, and why" in season_markdown(page)
    assert _asked(desk.context) == []
    clock.set("2019-06-16T00:31")
    plan_seasons(desk.context)
    run = _plan(desk.context, "l4b")
    assert (run.state, run.ran_without["gates"][0]["n"]) == ("asked", 2)
    assert _asked(desk.context) == [f"detect-mowing/{season}"]


def test_an_evaluation_that_others_asked_for_later_is_the_one_that_is_shown(
    desk: Desk, settle: Any, clock: Clock
) -> None:
    """Scenes ask for mowing too, under the same key: the page showed how the calendar's own run had ended."""
    _declare(desk.context)
    settle()
    clock.set("2021-03-01")
    plan_seasons(desk.context)

    def ended(state: str, at: str, error: str | None) -> str:
        values = {"state": state, "at": at, "error": error}
        with desk.context.session() as session:
            session.execute(
                text(
                    "UPDATE job SET state = :state, finished_at = :at, error = :error "
                    "WHERE kind = 'detect-mowing'"
                ),
                values,
            )
        plan_seasons(desk.context)
        with desk.context.session() as session:
            lines = season_lines(season_page(session, SITE))
        return next(line.strip().replace("\u202f", " ") for line in lines if "L4B mowing" in line)

    first = ended("skipped", "2021-03-01T11:37Z", "nothing new since the evaluation of 11:30")
    assert first.endswith("(2021-03-01 11:37 UTC): nothing new since the evaluation of 11:30")
    later = ended("done", "2021-03-01T12:05Z", None)
    assert later == "L4B mowing of 2020-02-29 ran (2021-03-01 12:05 UTC)"
    assert ended("waiting", "2021-03-01T12:05Z", None) == later
    failed = ended("failed", "2021-03-01T13:00Z", "it broke")
    assert failed == "L4B mowing of 2020-02-29 failed (2021-03-01 13:00 UTC): it broke"
    assert ended("done", "2021-03-01T14:00Z", None) == "L4B mowing of 2020-02-29 ran (2021-03-01 14:00 UTC)"


def test_what_comes_puts_the_deadline_off(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle(schedule={"l4b": {"every": "week", "first": "2019-06-12"}})
    _scene(desk.context, "2019-06-11")
    _scene(desk.context, "2019-06-10")
    with desk.context.session() as session:
        session.execute(text("UPDATE scene SET ingested_at = '2019-06-14T09:00Z'"))
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").deadline == datetime(2019, 6, 15, 12, tzinfo=UTC)
    with desk.context.session() as session:
        session.execute(
            text("UPDATE scene SET ingested_at = '2019-06-14T20:00Z' WHERE product_id LIKE '%-11'")
        )
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").deadline == datetime(2019, 6, 15, 20, tzinfo=UTC)


def test_when_all_is_there_it_runs_at_once(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    season = settle(schedule={"l4b": {"every": "week", "first": "2019-06-12"}})
    scene = _scene(desk.context, "2019-06-11", "s2-l2a")
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").state == "waiting"
    with desk.context.session() as session:
        session.get_one(SceneRow, scene).state = "processed"
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").state == "asked"
    with desk.context.session() as session:
        [job] = _claim(session, "detect-mowing")
        assert job.payload == {"season_id": season}
        jobs.skip(session, job.id, "worker", "nothing new")
    plan_seasons(desk.context)
    run = _plan(desk.context, "l4b")
    assert (run.state, run.reason) == ("skipped", "nothing new")


def test_a_scene_that_failed_for_good_holds_nobody_up(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle(schedule={"l4b": {"every": "week", "first": "2019-06-12"}})
    scene = _scene(desk.context, "2019-06-11", "s2-l2a")
    with desk.context.session() as session:
        jobs.enqueue(session, "process-scene", f"process-scene/{scene}", SITE, {})
        [job] = _claim(session, "process-scene")
        jobs.fail(session, job.id, "worker", "disk full")
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").state == "asked"


def test_edits_take_effect_at_the_next_tick(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle(schedule={"l4c": "week", "l4b": "month"})
    plan_seasons(desk.context)
    assert [state for _, state in _plans(desk.context, "l4c")] == ["waiting"]
    settle(processors={"l4c": False}, schedule={"l4b": "month"})
    plan_seasons(desk.context)
    assert [state for _, state in _plans(desk.context, "l4c")] == ["withdrawn"]
    settle()
    plan_seasons(desk.context)
    assert [state for _, state in _plans(desk.context, "l4c")] == ["waiting"]
    settle(start="2019-01-03")
    plan_seasons(desk.context)
    assert [state for _, state in _plans(desk.context, "l4c")] == ["withdrawn", "waiting"]
    settle(enabled=False)
    plan_seasons(desk.context)
    assert {state for _, state in _plans(desk.context, "l4c")} == {"withdrawn"}


def test_a_later_day_takes_over_and_keeps_the_deadline(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle(schedule={"l4b": {"every": "day", "first": "2019-06-10", "wait_hours": 48}})
    _scene(desk.context, "2019-06-09")
    with desk.context.session() as session:
        session.execute(text("UPDATE scene SET ingested_at = '2019-06-09T09:00Z'"))
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").deadline == datetime(2019, 6, 16, 12, tzinfo=UTC)
    clock.set("2019-06-15T01:00")
    plan_seasons(desk.context)
    assert _plans(desk.context, "l4b") == [("2019-06-13", "folded"), ("2019-06-14", "waiting")]
    assert _plan(desk.context, "l4b").covers_from == date(2019, 6, 10)
    clock.set("2019-06-16T12:01")
    plan_seasons(desk.context)
    assert _plans(desk.context, "l4b")[-1] == ("2019-06-15", "asked")


def test_what_came_late_lets_the_last_run_wait_again(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle(schedule={"l4b": {"every": "week", "first": "2019-06-12"}})
    plan_seasons(desk.context)
    with desk.context.session() as session:
        [job] = _claim(session, "detect-mowing")
        jobs.finish(session, job.id, "worker")
        session.execute(text("UPDATE declaration_set SET valid_from = '2019-06-14T13:00Z'"))
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").state == "done"
    clock.set("2019-06-14T19:00")
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4b").state == "asked"


def test_a_crop_type_job_that_is_lost_is_asked_for_again(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    season = settle()
    clock.set("2021-03-01")
    _crop_codes(desk.context)
    _observed_scene(desk.context, "2019-06-11")
    plan_seasons(desk.context)
    key = f"classify-crops/{season}/2019-12-31"
    assert key in _asked(desk.context)
    with desk.context.session() as session:
        session.execute(text("DELETE FROM job WHERE key = :key"), {"key": key})
    assert key not in _asked(desk.context)

    plan_seasons(desk.context)

    assert key in _asked(desk.context)
    assert _plans(desk.context, "l4a") == [("2020-02-29", "asked")]


def test_a_new_crop_code_table_lets_the_last_map_wait_again(
    desk: Desk, receive: Any, settle: Any, clock: Clock
) -> None:
    _declare(desk.context)
    settle(schedule={"l4b": "never", "l4c": "never"})
    table = f"{','.join(COLUMNS)}\n265,1,wheat,1,1,w,1,w,1,1,0,0,0,0\n"
    assert receive("crop-codes/codes.csv", table).accepted
    _observed_scene(desk.context, "2019-06-11")
    with desk.context.session() as session:
        for what in (
            "upload SET received_at",
            "declaration_set SET valid_from",
            "observation_set SET created_at",
        ):
            session.execute(text(f"UPDATE {what} = '2021-02-28T12:00Z'"))
    for moment, expected in (("2021-03-01", "asked"), ("2021-03-01T12:00", "done")):
        clock.set(moment)
        with desk.context.session() as session:
            for kind in ("receive-upload", "extract-parcels", "classify-crops"):
                for job in _claim(session, kind):
                    jobs.finish(session, job.id, "worker")
        plan_seasons(desk.context)
        assert _plan(desk.context, "l4a").state == expected
    assert receive("crop-codes/new.csv", table.replace(",1,1,0,", ",1,0,0,")).accepted
    with desk.context.session() as session:
        session.execute(
            text("UPDATE upload SET received_at = '2021-03-01T11:00Z' WHERE path LIKE '%new.csv'")
        )
        session.execute(
            text("UPDATE job SET state = 'done' WHERE kind IN ('receive-upload', 'extract-parcels')")
        )

    plan_seasons(desk.context)

    assert _plan(desk.context, "l4a").state == "asked"


def test_two_planners_ask_once(desk: Desk, settle: Any, clock: Clock) -> None:
    _declare(desk.context)
    settle()
    clock.set("2021-03-01")
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: plan_seasons(desk.context), range(4)))
    assert sum(len(report.asked) for report in reports) == 1
    assert len(_plans(desk.context, "l4b")) == 1
    with desk.context.session() as session:
        assert len(_claim(session, "detect-mowing")) == 1


def test_a_planner_killed_in_the_middle_leaves_nothing_half_done(
    desk: Desk, settle: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _declare(desk.context)
    settle()
    clock.set("2021-03-01")

    def die(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(planner, "ask_planned", die)
        with pytest.raises(KeyboardInterrupt):
            plan_seasons(desk.context)
    assert _plans(desk.context, "l4b") == []
    plan_seasons(desk.context)
    assert _plans(desk.context, "l4b") == [("2020-02-29", "asked")]


def test_a_database_that_restarts_in_the_middle_is_asked_again(
    desk: Desk, settle: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _declare(desk.context)
    settle()
    clock.set("2021-03-01")
    real = planner.ask_planned
    calls = []

    def cut_once(session: Any, *arguments: Any) -> str:
        calls.append(1)
        if len(calls) == 1:
            with desk.context.engine.connect() as other:
                pid = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        return real(session, *arguments)

    monkeypatch.setattr(planner, "ask_planned", cut_once)
    assert plan_seasons(desk.context).asked == [f"{SITE} year: l4b of 2020-02-29"]
    assert len(calls) == 2
    assert len(_asked(desk.context)) == 1


def test_a_machine_whose_clock_is_ahead_plans_by_the_database(
    desk: Desk, settle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _declare(desk.context)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    year = tomorrow.year
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        config = {"schedule": {"l4b": {"every": "day", "first": str(tomorrow)}}}
        site_rows.set_config(session, site, config)
        session.add(
            Season(site_id=site.id, name="now", year=year, start=date(year, 1, 1), end=date(year, 12, 31))
        )
    from sen4cap_core import clock as machine

    monkeypatch.setattr(machine, "utc_now", lambda: datetime.now(UTC) + timedelta(days=3))
    plan_seasons(desk.context)
    with desk.context.session() as session:
        plans = [p for s in session.scalars(select(Season)) for p in planning.plans_of(session, s.id, "l4b")]
    assert [plan for plan in plans if plan.due_on >= tomorrow] == []


def test_offers_not_fetched_and_sources_not_searched_hold_a_run_up(
    desk: Desk, settle: Any, clock: Clock
) -> None:
    _declare(desk.context)
    season = settle(
        schedule={"l4b": {"every": "week", "first": "2019-06-12"}},
        sources=[{"kind": "local", "root": "/eodata", "name": "archive"}],
    )
    with desk.context.session() as session:
        site = site_rows.get_or_create_site(session, SITE)
        for number, state in enumerate(("offered", "fetching", "fetched", "failed")):
            session.add(
                OfferRow(
                    site_id=site.id, season_id=season, source="archive", offer_id=str(number), content={},
                    product_id=str(number), sensor="s2-l2a", acquisition_key=str(number), state=state,
                    acquired_at=datetime(2019, 6, 10, tzinfo=UTC), tile="30TUM",
                )
            )  # fmt: skip
    plan_seasons(desk.context)
    gates = _plan(desk.context, "l4b").waits_for["gates"]
    assert [(gate["what"], gate["n"]) for gate in gates] == [
        ("search of source archive to be made", 1),
        ("Sentinel-2 scenes to be fetched", 2),
    ]


def test_crop_types_of_a_past_season_wait_for_a_first_scene_and_then_run_by_themselves(
    desk: Desk, settle: Any, clock: Clock
) -> None:
    _declare(desk.context)
    settle()
    _crop_codes(desk.context)
    clock.set("2021-03-01")
    plan_seasons(desk.context)
    run = _plan(desk.context, "l4a")
    assert (run.state, run.deadline) == ("waiting", None)
    assert [gate["what"] for gate in run.waits_for["gates"]] == ["a first scene of the season"]
    _observed_scene(desk.context, "2019-06-11")
    other = _scene(desk.context, "2019-06-16", "s2-l2a")
    plan_seasons(desk.context)
    # One of two scenes is not through: it is waited for, as of every run.
    assert [gate["what"] for gate in _plan(desk.context, "l4a").waits_for["gates"]] == [
        "Sentinel-2 scenes to be processed"
    ]
    with desk.context.session() as session:
        session.get_one(SceneRow, other).state = "processed"
    plan_seasons(desk.context)
    assert _plan(desk.context, "l4a").state == "asked"


def test_seasons_under_way_stand_first_and_others_say_what_they_are(desk: Desk, clock: Clock) -> None:
    _declare(desk.context)
    clock.set("2021-03-01")

    def settle(*named: tuple[str, int]) -> None:
        seasons = [{"name": name, "start": f"{y}-01-01", "end": f"{y}-12-31"} for name, y in named]
        schedule = {"l4a": "never", "l4c": "never"}
        config = SiteConfig.model_validate({"seasons": seasons, "schedule": schedule})
        with desk.context.session() as session:
            site = site_rows.get_or_create_site(session, SITE)
            site_rows.set_config(session, site, config.model_dump(mode="json", exclude_unset=True))
            spans = [SeasonSpan(s.name, s.year, s.start, s.mid, s.end, True) for s in config.seasons]
            site_rows.set_seasons(session, site, spans)
        plan_seasons(desk.context)

    settle(("main", 2018))
    settle(("switched off", 2016), ("resting", 2017), ("main", 2019))
    with desk.context.session() as session:
        for season in session.scalars(select(Season).where(Season.name != "main")):
            season.enabled = False
            season.paused_at = clock.now if season.name == "resting" else None

    with desk.context.session() as session:
        page = season_page(session, SITE)

    assert [line for line in season_lines(page) if not line.startswith(" ")] == [
        f"{SITE}, season main 2019 (season_id={page.numbers['main 2019']})",
        f"{SITE}, season resting 2017 (season_id={page.numbers['resting 2017']}): paused",
        f"{SITE}, season switched off 2016 (season_id={page.numbers['switched off 2016']}): off in site.yaml",
        f"{SITE}, season main 2018 (season_id={page.numbers['main 2018']}): withdrawn, not in site.yaml",
        # Assumed for the year until one was named.
        f"{SITE}, season 2019 (season_id={page.numbers['2019']}): withdrawn, not in site.yaml",
    ]
    # Seasons of one name and two years do not run into each other.
    assert {(line.season, line.due_on.year) for line in page.lines if "main" in line.season} == {
        ("main 2019", 2020),
        ("main 2018", 2019),
    }
    assert "main 2018 (withdrawn, not in site.yaml)" in season_markdown(page)
