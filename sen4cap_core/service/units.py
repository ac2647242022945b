"""What is started, with which command, and what must be up before it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from sen4cap_core.clock import utc_now
from sen4cap_core.db.server import databases
from sen4cap_core.service.cluster import HOST, Cluster, plain_environment
from sen4cap_core.service.osuser import OsUser, unprivileged_user
from sen4cap_core.service.place import Place, is_loopback
from sen4cap_core.service.ports import ClaimedPort, claim_port
from sen4cap_core.service.prefect_api import PrefectApi, PrefectApiError
from sen4cap_core.service.processes import is_listening
from sen4cap_core.service.runs_in_hand import RunsInHand

DEPLOYMENTS = "deployments"
WORK_POOL = "sen4cap"
WORK_POOL_DESCRIPTION = "Processes on this machine, one per run."


@dataclass(frozen=True)
class Unit:
    """One service, or one thing done once on the way up."""

    name: str
    title: str
    command: Callable[[], list[str]]
    environment: Mapping[str, str]
    folder: Path
    """Working folder of the process."""
    needs: tuple[str, ...] = ()
    """Units that must be ready before this one starts, and that end after it."""
    once: bool = False
    """Ready when it has ended well; never restarted."""
    before: Callable[[], None] | None = None
    """Done before each start."""
    before_stop: Callable[[], None] | None = None
    """Done when all is to end, before its stop signal and while what it needs is up."""
    after_stop: Callable[[], None] | None = None
    """Done when its processes have gone, while what it needs is up."""
    ready: Callable[[], bool] | None = None
    """Whether it does its work; None: as soon as it runs."""
    ready_timeout_s: float = 240.0
    user: OsUser | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 15.0
    extra: Mapping[str, str] = field(default_factory=dict)
    """Variables for this process alone, on top of ``environment``."""


def standard_units(place: Place) -> list[Unit]:
    """Return the services of one installation; those that exist elsewhere are left out.

    Raises
    ------
    ServiceError
        When PostgreSQL, PostGIS, ``prefect.yaml`` or a free port is missing.
    """
    units: list[Unit] = []
    if place.has_own_database:
        cluster = place.cluster
        cluster.prepare()
        units.append(_database(cluster))
    port = None
    if place.has_own_prefect:
        place.ensure_login()
        port = claim_port(place.settings.prefect_port, place.settings.prefect_host)
        place.record_prefect_port(port.number)
    environment = place.child_environment()
    project = place.project

    def python(*arguments: str) -> Callable[[], list[str]]:
        return lambda: [sys.executable, "-m", *arguments]

    units.append(
        Unit(
            "tables",
            "database tables",
            python("sen4cap_core.service.migrating"),
            environment,
            project,
            needs=("postgres",),
            once=True,
        )
    )
    if port is not None:
        units.append(_prefect_server(place, environment, port))
    in_hand = RunsInHand(place.home, place.prefect_api_url(), place.prefect_login())
    online = _WorkerOnline(place.prefect_api_url(), place.prefect_login())
    units += [
        Unit(
            DEPLOYMENTS,
            "deployments",
            python("sen4cap_core.service.deploying"),
            environment,
            project,
            needs=("prefect",),
            once=True,
        ),
        Unit(
            "watcher",
            "watcher of the upload folders",
            python("sen4cap_core.cli.watch"),
            environment,
            project,
            needs=("tables",),
        ),
        Unit(
            "scenes",
            "warm worker for scenes",
            python("flows.worker"),
            environment,
            project,
            needs=("prefect", "tables"),
            # A scene that is being written may finish; one that takes longer is taken up again later.
            stop_timeout_s=30.0,
        ),
        Unit(
            "worker",
            "worker for deployments",
            python("prefect", "worker", "start", "--pool", WORK_POOL, "--type", "process"),
            environment,
            project,
            needs=("prefect", "tables"),
            before=online.note_start,
            before_stop=in_hand.tell_to_end,
            after_stop=in_hand.say_why,
            ready=online,
            extra={
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "PREFECT_WORKER_PREFETCH_SECONDS": "1",
                # Its runs report that they live; 30 s is the shortest beat there is.
                "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            },
        ),
    ]
    names = {unit.name for unit in units}
    return [_without_foreign_needs(unit, names) for unit in units]


class _WorkerOnline:
    """Whether a worker has reported to the pool since ours was started."""

    def __init__(self, api_url: str, login: str | None) -> None:
        self._api_url = api_url
        self._login = login
        self._started = utc_now()

    def note_start(self) -> None:
        """See that the pool is there and remember the time."""
        self._started = utc_now()
        with PrefectApi(self._api_url, login=self._login) as api:
            api.ensure_work_pool(WORK_POOL, description=WORK_POOL_DESCRIPTION)

    def __call__(self) -> bool:
        try:
            with PrefectApi(self._api_url, timeout_s=5.0, login=self._login) as api:
                seen = api.last_worker_heartbeat(WORK_POOL)
        except PrefectApiError:
            return False
        return seen is not None and seen >= self._started


def is_healthy(api_url: str, *, timeout_s: float = 3.0) -> bool:
    """Whether a Prefect API answers that it is well."""
    try:
        return (
            httpx.get(f"{api_url}/health", timeout=timeout_s, trust_env=False).status_code == httpx.codes.OK
        )
    except httpx.HTTPError:
        return False


def prefect_server_command(port: int, host: str = HOST) -> list[str]:
    """Return the command line of a Prefect server, on loopback unless another address is given."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", host, "--port", str(port)]


def prefect_server_environment(database_url: str, keep_days: int = 0) -> dict[str, str]:
    """Return the variables of a Prefect server on its own PostgreSQL database, without telemetry.

    ``keep_days``: after so long runs leave the database with their logs and pages; 0 keeps them for good.
    """
    vacuum = "PREFECT_SERVER_SERVICES_DB_VACUUM"
    kept = {f"{vacuum}_ENABLED": "true", f"{vacuum}_RETENTION_PERIOD": str(keep_days * 86400)}
    return {
        **(kept if keep_days else {}),
        "PREFECT_API_DATABASE_CONNECTION_URL": database_url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        # The newer interface asks hosts outside for its configuration; the older one does without.
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # A minute's schedule would otherwise fill the list of runs an hour ahead.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "2",
        "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT2M",
    }


def _database(cluster: Cluster) -> Unit:
    def ready() -> bool:
        if not databases.can_connect(cluster.url("postgres", superuser=True)):
            return False
        cluster.ensure_databases()
        return True

    return Unit(
        "postgres",
        "PostGIS",
        cluster.command,
        plain_environment(),
        cluster.data,
        before=cluster.prepare,
        ready=ready,
        ready_timeout_s=120.0,
        user=unprivileged_user(),
        stop_signal=signal.SIGINT,
        stop_timeout_s=60.0,
    )


def _prefect_server(place: Place, environment: Mapping[str, str], port: ClaimedPort) -> Unit:
    api_url = place.prefect_api_url()
    return Unit(
        "prefect",
        "Prefect server",
        lambda: prefect_server_command(port.number, place.settings.prefect_host),
        environment,
        place.prefect_home,
        # Its database is made with the private cluster, or together with the tables on a server of others.
        needs=("postgres",) if place.has_own_database else ("tables",),
        # Another program may have taken the port meanwhile, and may be a Prefect server too.
        ready=lambda: is_healthy(api_url) and is_listening(place.home, port.number),
        stop_timeout_s=30.0,
        extra={
            **prefect_server_environment(
                place.prefect_database_url(), keep_days=place.settings.prefect_keep_days
            ),
            **_login_environment(place),
        },
    )


def _login_environment(place: Place) -> dict[str, str]:
    """Return what a server with a login, and its pages in a browser on another machine, need."""
    login = place.prefect_login()
    found = {"PREFECT_SERVER_API_AUTH_STRING": login} if login else {}
    if not is_loopback(place.settings.prefect_host):
        # The pages ask the server they came from, under whatever name it was reached.
        found["PREFECT_UI_API_URL"] = "/api"
    return found


def _without_foreign_needs(unit: Unit, names: set[str]) -> Unit:
    return replace(unit, needs=tuple(name for name in unit.needs if name in names))
