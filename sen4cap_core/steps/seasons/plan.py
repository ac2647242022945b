"""Ask for what the calendar of each season says, once all it rests on is there or has been waited for.

Each site is one transaction with its row locked, by the database's clock: a second planner waits and finds
nothing left to do, one that is killed leaves nothing half done, and a machine whose clock is wrong plans
nothing too early. What was missed is made up for by one run: a past season is evaluated in one go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sen4cap_core.clock import midnight
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.models import PlannedRun, Season, Site
from sen4cap_core.db.server.session import transact
from sen4cap_core.db.work import pending
from sen4cap_core.db.work.planning import (
    ASKED,
    DONE,
    FAILED,
    FOLDED,
    SKIPPED,
    WAITING,
    WITHDRAWN,
    JobState,
    enter_plan,
    job_state,
    plans_of,
)
from sen4cap_core.declarations.sites.schedule import PLANNED, Planned, Schedule, run_days
from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.steps.seasons.gates import Gate, deadline_of, inputs_changed_after, open_gates
from sen4cap_core.steps.seasons.planned_work import ask_planned, is_on
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.work import ask_search
from sen4cap_core.steps.sources.search import site_to_search

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

EACH_DAY: tuple[Planned, ...] = ("l3a",)
"""Whose runs are of one day each: last month's composite holds nothing of the month before."""
COUNTED_TO = "counted_to"
"""In what a run waits for: the day up to which what comes puts its deadline off; it is the first day of those
that were folded into it."""
AGAIN_HOURS = 6.0
"""A run is repeated for what came late no sooner than so long after it was asked for."""

_ENDED = {"done": DONE, "skipped": SKIPPED, "failed": FAILED}
"""State of a run by that of its job, where that has ended."""


@dataclass
class PlanReport:
    """What a tick changed."""

    planned: list[str] = field(default_factory=list)
    """Runs that are new in the calendar."""
    asked: list[str] = field(default_factory=list)
    """Runs whose job was asked for, without what is missing where it says so."""
    ended: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    """Sites whose sources are to be searched for something new."""
    sites_changed: set[str] = field(default_factory=set)

    @property
    def is_changed(self) -> bool:
        """Whether anything happened."""
        return bool(self.sites_changed)

    def note(self, where: list[str], site: str, text: str) -> None:
        """Write down one change."""
        where.append(text)
        self.sites_changed.add(site)


def plan_seasons(context: Context, site_slug: str | None = None) -> PlanReport:
    """Bring the planned runs of one site, or of all enabled ones, up to this moment."""
    with context.session() as session:
        sites = site_rows.enabled_sites(session)
        numbers = [site.id for site in sites if site_slug in (None, site.slug)]
    report = PlanReport()
    for number in numbers:
        done = transact(context.engine, partial(_plan_site, number))
        for name in ("planned", "asked", "ended", "withdrawn", "searches"):
            getattr(report, name).extend(getattr(done, name))
        report.sites_changed |= done.sites_changed
    return report


def _plan_site(site_id: int, session: Session) -> PlanReport:
    site = site_rows.lock_site(session, site_id)
    report = PlanReport()
    if not site.enabled:
        return report
    now = pending.database_now(session)
    config = SiteConfig.model_validate(site.config)
    if site_to_search(session, site) and ask_search(session, site.slug):
        report.note(report.searches, site.slug, site.slug)
    for season in site_rows.seasons_of(session, site.id):
        for planned in PLANNED:
            schedule: Schedule = getattr(config.schedule, planned)
            works = season.enabled and is_on(config, planned)
            days = run_days(planned, schedule, season.start, season.mid, season.end) if works else ()
            _Calendar(session, report, site, season, planned, schedule, now).follow(days)
    return report


@dataclass
class _Calendar:
    """The runs of one processor over one season."""

    session: Session
    report: PlanReport
    site: Site
    season: Season
    planned: Planned
    schedule: Schedule
    now: datetime

    def follow(self, days: tuple[date, ...]) -> None:
        """Bring the runs up to now."""
        plans = plans_of(self.session, self.season.id, self.planned)
        for plan in plans:
            self._settle(plan)
            if plan.state == WAITING and plan.due_on not in days:
                why = "the season, its calendar or the processors of the site have changed"
                self._set(plan, WITHDRAWN, why)
                self.report.note(self.report.withdrawn, self.site.slug, self._name(plan))
        past = [day for day in days if midnight(day + timedelta(days=1)) <= self.now]
        if not past:
            return
        if self.planned in EACH_DAY:
            self._follow_each(plans, past)
            return
        latest = self._latest(plans, past)
        self._fold_earlier(plans, latest)
        if latest.state in (DONE, SKIPPED):
            self._follow_later(latest)
        if latest.state in (DONE, SKIPPED):
            self._repeat_for_news(latest)
        if latest.state == WAITING:
            self._decide(latest)

    def _follow_each(self, plans: list[PlannedRun], past: list[date]) -> None:
        """Bring runs up to now of which none covers another."""
        known = {plan.due_on: plan for plan in plans}
        for day in past:
            if enter_plan(self.session, self.season.id, self.planned, day, day):
                text = f"{self.site.slug} {self.season.name}: {self.planned} of {day}"
                self.report.note(self.report.planned, self.site.slug, text)
            elif known[day].state == WITHDRAWN:
                self._set(known[day], WAITING, None)
        for plan in plans_of(self.session, self.season.id, self.planned):
            if plan.state == WAITING:
                self._decide(plan)

    def _settle(self, plan: PlannedRun) -> None:
        """Follow the job of a run that was asked for."""
        if plan.state not in (ASKED, FAILED) or plan.job_key is None:
            return
        job = job_state(self.session, plan.job_key)
        if job is None:
            self._set(plan, WAITING, "its job is gone: it is asked for again")
            return
        state = _ENDED.get(job.state, ASKED)
        if state == plan.state:
            return
        self._end(plan, state, job)

    def _follow_later(self, plan: PlannedRun) -> None:
        """Take over how the job of a run ended when others asked for it again: the latest run counts."""
        job = job_state(self.session, plan.job_key) if plan.job_key is not None else None
        if job is None or job.state not in _ENDED or job.finished_at is None:
            return
        if plan.finished_at is None or job.finished_at > plan.finished_at:
            self._end(plan, _ENDED[job.state], job)

    def _end(self, plan: PlannedRun, state: str, job: JobState) -> None:
        plan.finished_at = job.finished_at
        self._set(plan, state, job.error)
        self.report.note(self.report.ended, self.site.slug, f"{self._name(plan)}: {state}")

    def _latest(self, plans: list[PlannedRun], past: list[date]) -> PlannedRun:
        """Return the run of the last day that is over; days missed before it are covered by it."""
        due_on = past[-1]
        ran = [plan.due_on for plan in plans if plan.state in (ASKED, DONE, SKIPPED, FAILED)]
        missed = [day for day in past if not ran or day > max(ran)]
        if enter_plan(self.session, self.season.id, self.planned, due_on, min([*missed, due_on])):
            text = f"{self.site.slug} {self.season.name}: {self.planned} of {due_on}"
            self.report.note(self.report.planned, self.site.slug, text)
        latest = plans_of(self.session, self.season.id, self.planned)
        plan = next(one for one in latest if one.due_on == due_on)
        if plan.state in (WITHDRAWN, FOLDED):
            self._set(plan, WAITING, None)
            plan.waiting_since = plan.deadline = None
            self.report.note(self.report.planned, self.site.slug, self._name(plan))
        return plan

    def _fold_earlier(self, plans: list[PlannedRun], latest: PlannedRun) -> None:
        for plan in plans:
            if plan.state == WAITING and plan.due_on < latest.due_on:
                self._set(plan, FOLDED, f"the run of {latest.due_on} covers it")
                latest.covers_from = min(latest.covers_from, plan.covers_from)
                # What has waited long goes on waiting where it stood, or a daily run would never start.
                if latest.waiting_since is None and plan.waiting_since is not None:
                    latest.waiting_since = plan.waiting_since
                    counted_to = plan.waits_for.get(COUNTED_TO, plan.due_on.isoformat())
                    latest.waits_for = {COUNTED_TO: counted_to}

    def _repeat_for_news(self, plan: PlannedRun) -> None:
        """Let the last run wait again when what it rests on has changed since."""
        if plan.asked_at is None or self.now - plan.asked_at < timedelta(hours=AGAIN_HOURS):
            return
        if inputs_changed_after(
            self.session, self.site, self.season, self.planned, plan.due_on, plan.asked_at
        ):
            self._set(plan, WAITING, "something new has come since it ran")
            plan.waiting_since = plan.deadline = None
            self.report.note(self.report.planned, self.site.slug, self._name(plan))

    def _decide(self, plan: PlannedRun) -> None:
        """Ask for the job of a run, or write down what it waits for."""
        gates = open_gates(self.session, self.site, self.season, self.planned, plan.due_on)
        needed = any(gate.needed for gate in gates)
        if gates and plan.waiting_since is None:
            plan.waiting_since = self.now
        plan.deadline = None
        if gates and not needed:
            counted_to = date.fromisoformat(plan.waits_for.get(COUNTED_TO, plan.due_on.isoformat()))
            plan.deadline = deadline_of(
                self.session,
                self.site,
                self.season,
                counted_to,
                plan.waiting_since or self.now,
                self.schedule.wait_hours,
            )
        kept = {name: value for name, value in plan.waits_for.items() if name == COUNTED_TO}
        rows = kept | {"gates": [gate.as_row() for gate in gates]}
        if gates and (plan.deadline is None or plan.deadline > self.now):
            if [gate["what"] for gate in plan.waits_for.get("gates", [])] != [gate.what for gate in gates]:
                self.report.sites_changed.add(self.site.slug)
            plan.waits_for = rows
            return
        self._ask(plan, gates)

    def _ask(self, plan: PlannedRun, gates: list[Gate]) -> None:
        plan.job_key = ask_planned(self.session, self.site, self.season, self.planned, plan.due_on)
        plan.waits_for, plan.ran_without = {}, {"gates": [gate.as_row() for gate in gates]} if gates else {}
        plan.deadline, plan.asked_at, plan.finished_at = None, self.now, None
        self._set(plan, ASKED, None)
        missing = f" without {', '.join(f'{gate.n} {gate.what}' for gate in gates)}" if gates else ""
        self.report.note(self.report.asked, self.site.slug, self._name(plan) + missing)

    def _set(self, plan: PlannedRun, state: str, reason: str | None) -> None:
        plan.state, plan.reason = state, reason
        self.session.flush()

    def _name(self, plan: PlannedRun) -> str:
        return f"{self.site.slug} {self.season.name}: {plan.processor} of {plan.due_on}"
