"""The warm process: scene work runs here, since an interpreter start costs more than a small scene.

The job table says what is to be done; a job is a flow run in this process, several where a backlog waits.
More of these processes, on this or other machines over the same database and data root, share the work by
claiming.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.claims import (
    PROCESSED_HERE,
    next_correction,
    next_fetch,
    next_long,
    next_registration,
    next_work,
)
from flows.drains import prepare_drains, start_drain, warm_up
from flows.plan_seasons import plan_seasons as plan_seasons_flow
from flows.reconcile import reconcile_now, summary_of
from flows.runs import AWAY_SECONDS, run_work
from flows.runtime import mark_crashed, mark_stopped
from sen4cap_core import redaction
from sen4cap_core.db.server.session import alone
from sen4cap_core.db.work import backlog, jobs
from sen4cap_core.db.work.jobs import ClaimedJob
from sen4cap_core.db.work.uploads import DRAIN_LOCK
from sen4cap_core.service.alerts import tell
from sen4cap_core.service.connection import open_step_context
from sen4cap_core.service.place import Place
from sen4cap_core.steps.scenes.preprocess import corrector_of
from sen4cap_core.steps.seasons.plan import plan_seasons
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.leases import new_owner, owners_in, take_back_orphans
from sen4cap_core.steps.shared.work import (
    FETCH_SCENE,
    INGEST_SCENE,
    LONG_WORK,
    PREPROCESS_SCENE,
    RECEIVE_UPLOAD,
    SEARCH_SOURCES,
    SEASON_WORK,
)
from sen4cap_core.steps.upkeep.usage import sample_machine
from sen4cap_core.steps.upkeep.warnings import look_for_warnings

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""Pause before looking again when nothing is due: one small query."""
INBOX_LOOK_SECONDS = 1.5
"""The same for the inbox: a file takes as long to be copied."""
FETCH_LOOK_SECONDS = 3.0
"""The same where nobody waits by the second."""
LONG_LOOK_SECONDS = 15.0
"""The same for what takes minutes."""
PLAN_SECONDS = 60.0
"""How often the calendars of the seasons are looked at: a few queries for each site, no flow run."""
PLAN_PAUSE_SECONDS = 5.0
"""So long after a look the next one may follow, where all work that was due has been done meanwhile."""
ORPHAN_SECONDS = 15.0
"""How often jobs of dead processes are looked for."""
STOP_SECONDS = 8.0
"""How long a stop waits for the jobs in hand; what is not done then is taken up again at the next start."""
RECYCLE_AFTER_JOBS = 2000
"""Then the process ends and is started anew, so that memory cannot creep over a season."""


RECONCILE_SECONDS = 300.0
"""How often files, rows and jobs are compared: in this process, since an interpreter of its own would be the
dearest thing that an idle installation does."""


TakeWork = Callable[[Context, str], list[ClaimedJob]]
"""Claims what a slot does next, for an owner; empty when nothing is due."""


@dataclass(frozen=True)
class Hand:
    """What one thread does."""

    name: str
    take: TakeWork
    kinds: tuple[str, ...]
    """Jobs it looks for."""
    pause_s: float
    """Before it looks again when nothing is due."""
    news: threading.Event = field(default_factory=threading.Event)
    """Set when other hands have done something: what they left is looked for at once."""


class WarmWorker:
    """Claims jobs and runs their flows, a thread per slot, until told to stop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stop = threading.Event()
        self._jobs_left = RECYCLE_AFTER_JOBS
        self._owners: list[str] = []
        self._hands: list[Hand] = []
        self._ran_dry = threading.Event()
        self._killed_drain: int | None = None
        """Process of the drain that did not end by itself when the worker stopped."""

    def run(self) -> None:
        """Work until ``stop``."""
        self._hands = self._make_hands()
        slots = [
            threading.Thread(target=self._slot, args=(hand,), name=f"{hand.name}-{number}", daemon=True)
            for number, hand in enumerate(self._hands)
        ]
        slots.append(threading.Thread(target=self._plan, name="plan", daemon=True))
        slots.append(threading.Thread(target=self._reconcile, name="reconcile", daemon=True))
        slots.append(threading.Thread(target=self._receive, name="receive", daemon=True))
        for thread in slots:
            thread.start()
        while not self._stop.is_set():
            self._look_for_orphans()
            self._stop.wait(ORPHAN_SECONDS)
        self._tell_hands()
        self._ran_dry.set()
        # Together: one after the other they would outlast the patience of whoever stops this process.
        until = time.monotonic() + STOP_SECONDS
        for thread in slots:
            thread.join(timeout=max(until - time.monotonic(), 0.0))
        self._give_back()

    def _make_hands(self) -> list[Hand]:
        settings = self._context.settings
        hands = [
            Hand("slot", next_work, (*PROCESSED_HERE, *SEASON_WORK), LOOK_SECONDS)
            for _ in range(settings.scene_slots)
        ]
        # Scenes that come while others are processed are registered beside them.
        hands.append(Hand("register", next_registration, (INGEST_SCENE,), LOOK_SECONDS))
        # Fetching waits for the network, so it has hands of its own: it holds no scene up.
        hands += [
            Hand("fetch", next_fetch, (SEARCH_SOURCES, FETCH_SCENE), FETCH_LOOK_SECONDS)
            for _ in range(settings.fetch_slots)
        ]
        hands.append(Hand("long", next_long, LONG_WORK, LONG_LOOK_SECONDS))
        if corrector_of(settings) is not None:
            # A correction takes an hour and threads of its own.
            hands.append(Hand("correct", next_correction, (PREPROCESS_SCENE,), FETCH_LOOK_SECONDS))
        return hands

    def _tell_hands(self) -> None:
        for hand in self._hands:
            hand.news.set()

    def stop(self, *_: object) -> None:
        """Claim no more; also a signal handler."""
        self._stop.set()

    def _slot(self, hand: Hand) -> None:
        # Prefect's sign of life is a thread that sleeps by the second, and a run ends when it wakes: 1.1 s in
        # place of 0.1. Here the lease tells who lives.
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            self._work_off(hand)

    def _give_back(self) -> None:
        """Let what is still in hand wait again at once; a clean stop is no failed try, nor a failed run."""
        try:
            with self._context.session() as session:
                of_drain = owners_in(session, self._killed_drain) if self._killed_drain else []
                left = [jobs.release_owned(session, owner) for owner in (*self._owners, *of_drain)]
            mark_stopped(run_id for of_owner in left for run_id in of_owner)
        except Exception:
            logger.warning("could not give jobs back: their leases do it", exc_info=True)

    def _work_off(self, hand: Hand) -> None:
        owner = new_owner()
        self._owners.append(owner)
        has_worked = False
        while not self._stop.is_set():
            # Before it looks: what is left for it from now on is looked for again.
            hand.news.clear()
            try:
                work = hand.take(self._context, owner) if self._is_due(hand.kinds) else []
                if not work:
                    if has_worked:
                        self._ran_dry.set()
                    has_worked = False
                    hand.news.wait(hand.pause_s)
                    continue
                run_work(self._context, work)
                has_worked = True
                self._tell_hands()
            except Exception:
                # The database or the Prefect server is away: the job's lease brings it back.
                logger.warning("cannot work at the moment, trying again", exc_info=True)
                self._stop.wait(AWAY_SECONDS)
                continue
            self._jobs_left -= len(work)
            if self._jobs_left <= 0:
                logger.info("%s jobs done: making room for a fresh process", RECYCLE_AFTER_JOBS)
                self.stop()

    def _is_due(self, kinds: tuple[str, ...]) -> bool:
        """Look whether anything may be due: one query in the place of those that choose and claim."""
        with self._context.session() as session:
            return backlog.due(session, kinds) > 0

    def _receive(self) -> None:
        """Let what waits in the inbox be received at once; without this worker an event does."""
        prepare_drains()
        warm_up()
        while not self._stop.wait(INBOX_LOOK_SECONDS):
            try:
                if not self._is_for_a_drain():
                    continue
                drain = start_drain()
                while drain.process.is_alive() and not self._stop.is_set():
                    drain.process.join(LOOK_SECONDS)
                    # What is received is work for others, the first of it while the last is still read.
                    self._tell_hands()
                if drain.process.is_alive():
                    # What it has in hand may end; the rest is taken up at the next start.
                    if drain.end(STOP_SECONDS / 2):
                        self._killed_drain = drain.process.pid
                elif drain.process.exitcode:
                    # It has said why; the Prefect server may be away, which fails it at once.
                    self._stop.wait(AWAY_SECONDS)
            except Exception:
                logger.warning("cannot receive at the moment, trying again", exc_info=True)
                self._stop.wait(AWAY_SECONDS)

    def _is_for_a_drain(self) -> bool:
        """Whether something waits in the inbox and no drain is at work, on whichever machine."""
        with self._context.session() as session:
            if not backlog.unattended(session, RECEIVE_UPLOAD):
                return False
        with alone(self._context.engine, DRAIN_LOCK) as is_alone:
            return is_alone

    def _reconcile(self) -> None:
        """Find now and then what no event announced."""
        while not self._stop.wait(RECONCILE_SECONDS):
            try:
                found = reconcile_now(self._context)
                if found is not None and found.counts():
                    logger.info("reconcile: %s", summary_of(found))
            except Exception:
                logger.warning("could not reconcile: tried again in five minutes", exc_info=True)

    def _plan(self) -> None:
        """Look at the calendars now and then; only what changes them becomes a flow run with a page.

        At once, nearly, when a hand has nothing more to do: what was waited for may be there.
        """
        api_url = Place(self._context.settings).prefect_api_url()
        sample_at = time.monotonic() + PLAN_SECONDS
        while not self._stop.wait(PLAN_PAUSE_SECONDS):
            self._ran_dry.wait(PLAN_SECONDS - PLAN_PAUSE_SECONDS)
            self._ran_dry.clear()
            if self._stop.is_set():
                return
            try:
                if time.monotonic() >= sample_at:
                    sample_at = time.monotonic() + PLAN_SECONDS
                    sample_machine(self._context)
                    look_for_warnings(self._context, partial(tell, api_url))
                for site in sorted(plan_seasons(self._context).sites_changed):
                    plan_seasons_flow(site, return_state=True)
            except Exception:
                logger.warning("could not plan: tried again in a minute", exc_info=True)

    def _look_for_orphans(self) -> None:
        try:
            mark_crashed(job.flow_run_id for job in take_back_orphans(self._context))
        except Exception:
            logger.warning("could not look for jobs of dead processes", exc_info=True)


def main() -> None:
    """Work until the process is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    redaction.install()
    worker = WarmWorker(open_step_context())
    signal.signal(signal.SIGTERM, worker.stop)
    signal.signal(signal.SIGINT, worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
