"""How the services are: gathered from the supervisor's state, the processes, Prefect and the database."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sen4cap_core.clock import utc_now
from sen4cap_core.db.server import databases
from sen4cap_core.errors import ServiceError
from sen4cap_core.inbox.heartbeat import arriving
from sen4cap_core.service import control
from sen4cap_core.service.place import Place
from sen4cap_core.service.prefect_api import PrefectApi
from sen4cap_core.service.processes import memory_bytes
from sen4cap_core.service.units import is_healthy

RUNNING_STATES = ("RUNNING", "PENDING", "CANCELLING")
BAD_STATES = ("FAILED", "CRASHED")
LOOK_BACK = timedelta(days=1)


@dataclass(frozen=True)
class ServiceReport:
    """One line of the table of services."""

    name: str
    title: str
    is_up: bool
    says: str
    """``up``, ``down``, ``starting``, ``not answering``, ``waits before restart``."""
    pid: int | None = None
    memory_bytes: int = 0
    restarts: int = 0
    last_exit: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Report:
    """Everything ``sen4cap status`` shows."""

    home: str
    message: str
    is_stale: bool
    """Whether the software was replaced on disk since the services were started."""
    services: list[ServiceReport]
    interface_url: str | None
    uploads: str
    runs: dict[str, int] | None
    """Prefect runs now (``running``) and in the last day (``failed``); None while the server is away."""
    work: dict[str, Any] | None
    """What ``db.status.summary`` gives; None while the database is away."""
    arriving: list[dict[str, str]]
    """Files the watcher sees and does not take yet: ``path`` and ``reason`` (still growing ...)."""
    misplaced: list[dict[str, Any]]
    """Files and folders that lie where nothing is expected, the latest first: ``path``, ``error_file``,
    ``at`` (UTC, when it was said) and ``why`` (of several lines)."""

    @property
    def all_up(self) -> bool:
        """Whether every service does its work."""
        return bool(self.services) and all(service.is_up for service in self.services)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for machines."""
        return asdict(self) | {"all_up": self.all_up}


def gather(place: Place, *, all_failures: bool = False) -> Report:
    """Ask everybody how they are. Takes a few seconds at most and raises for no service that is down.

    ``all_failures``: every failure and open rejection is in ``work``, not only the last few.
    """
    state = control.current_state(place)
    services = []
    supervised = control.is_up(place)
    says_of_phase = {"backoff": "waits before restart", "waiting": "waits for others", "stopped": "down"}
    for unit in state.units if state else []:
        if unit.once:
            if unit.phase != "done" and supervised:
                services.append(ServiceReport(unit.name, unit.title, False, unit.phase))
            continue
        identity = unit.identity()
        process = identity.find() if identity else None
        says = says_of_phase.get(unit.phase, unit.phase) if process or unit.phase != "up" else "down"
        services.append(
            ServiceReport(
                unit.name,
                unit.title,
                is_up=process is not None and unit.phase == "up" and supervised,
                says=says if supervised or process is None else f"{says}, but not supervised",
                pid=process.pid if process else None,
                memory_bytes=memory_bytes(process) if process else 0,
                restarts=unit.restarts,
                last_exit=str(unit.last_exit) if unit.last_exit else "",
                since=unit.started_at if process else None,
            )
        )
    database_url = _database_url(place)
    database_answers = database_url is not None and databases.can_connect(databases.plain_url(database_url))
    api_url = _api_url(place)
    prefect_answers = api_url is not None and is_healthy(api_url)
    services = _with_answers(services, place, {"postgres": database_answers, "prefect": prefect_answers})
    return Report(
        home=str(place.home),
        message=place.never_started if state is None else state.message,
        is_stale=supervised and control.is_stale(place, state),
        services=services,
        interface_url=api_url.removesuffix("/api") if api_url and prefect_answers else None,
        uploads=str(place.settings.uploads_root),
        runs=_runs(api_url, place.prefect_login()) if api_url and prefect_answers else None,
        work=_work(place, database_url, all_failures) if database_url and database_answers else None,
        arriving=_arriving(place) if supervised else [],
        misplaced=_misplaced(place),
    )


def _with_answers(
    services: list[ServiceReport], place: Place, answers: dict[str, bool]
) -> list[ServiceReport]:
    """Put right the services that run but do not answer; add those that others run for us."""
    names = {service.name for service in services}
    corrected = [
        ServiceReport(**{**asdict(service), "is_up": False, "says": "not answering"})
        if service.is_up and not answers.get(service.name, True)
        else service
        for service in services
    ]
    if services:
        foreign = {"postgres": place.has_own_database, "prefect": place.has_own_prefect}
        titles = {"postgres": "PostGIS (not ours)", "prefect": "Prefect server (not ours)"}
        corrected += [
            ServiceReport(name, titles[name], answers[name], "up" if answers[name] else "not answering")
            for name, ours in foreign.items()
            if not ours and name not in names
        ]
    return corrected


def _arriving(place: Place) -> list[dict[str, str]]:
    return [{"path": str(one.path), "reason": one.reason} for one in arriving(place.settings)]


def _misplaced(place: Place) -> list[dict[str, Any]]:
    from sen4cap_core.inbox.misplaced import printable
    from sen4cap_core.inbox.receipts import misplaced_notes

    return [
        {"path": printable(one.subject), "error_file": printable(one.note), "at": one.at, "why": one.why}
        for one in misplaced_notes(place.settings)
        # What was moved away a moment ago has its note until the watcher looks again.
        if os.path.lexists(one.subject)
    ]


def _database_url(place: Place) -> str | None:
    try:
        return place.database_url()
    except ServiceError:
        return None


def _api_url(place: Place) -> str | None:
    try:
        return place.prefect_api_url()
    except ServiceError:
        return None


def _runs(api_url: str, login: str | None) -> dict[str, int] | None:
    try:
        with PrefectApi(api_url, timeout_s=5.0, login=login) as api:
            return {
                "running": api.count_runs(RUNNING_STATES),
                "failed": api.count_runs(BAD_STATES, since=utc_now() - LOOK_BACK),
            }
    except ServiceError:
        return None


def _work(place: Place, database_url: str, all_failures: bool) -> dict[str, Any] | None:
    # Slow to import, and needed by nobody else here.
    from sen4cap_core.db.overview.status import LAST_FAILURES, summary_at
    from sen4cap_core.inbox.layout import settled_by
    from sen4cap_core.inbox.receipts import error_note, find_receipt

    work = summary_at(database_url, None if all_failures else LAST_FAILURES)
    for one in work["rejections"] if work else ():
        one["error_file"] = str(error_note(place.settings, Path(one["path"])) or one["path"])
        one["settled_by"] = settled_by(one["kind"], is_other_kind=one["is_other_kind"])
    for one in work["warned"] if work else ():
        one["receipt_file"] = str(find_receipt(place.settings, Path(one["path"])) or one["path"])
    return work
