"""Throw-away services for tests: a PostGIS of its own, databases out of it, and a Prefect server on it."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sen4cap_core.db.server import databases
from sen4cap_core.service.cluster import PREFECT_DATABASE, ROLE, Cluster, end_with_parent
from sen4cap_core.service.logfiles import last_lines
from sen4cap_core.service.units import is_healthy, prefect_server_command, prefect_server_environment

TEMPLATE = "empty_postgis"
SERVER_START_S = 240
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgis_cluster() -> Iterator[Cluster]:
    """A PostGIS for this test session, gone with it (also when the session is killed)."""
    # pytest's own temporary folders are closed to the user the database runs as.
    folder = Path(tempfile.mkdtemp(prefix="sen4cap-postgis-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.start()
    admin = cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, TEMPLATE, owner=ROLE)
    databases.ensure_extension(cluster.url(TEMPLATE, superuser=True))
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def postgis_url(postgis_cluster: Cluster) -> str:
    """URL of the session's database: PostGIS extension, no tables."""
    return postgis_cluster.url()


@pytest.fixture
def empty_postgis_url(postgis_cluster: Cluster) -> Iterator[str]:
    """URL of a database for one test alone: PostGIS extension, no tables."""
    name = f"test_{next(_numbers)}"
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, name, owner=ROLE, template=TEMPLATE)
    yield postgis_cluster.url(name)
    databases.drop_database(admin, name)


@dataclass(frozen=True)
class PrefectServer:
    """A Prefect server for this test session."""

    api_url: str
    environment: dict[str, str]
    """What a program must have in its environment to use it."""


@pytest.fixture(scope="session")
def prefect_server(postgis_cluster: Cluster) -> Iterator[PrefectServer]:
    """A Prefect server on the session's PostgreSQL, gone with the session (10 to 40 s to start)."""
    with tempfile.TemporaryDirectory(prefix="sen4cap-prefect-") as name:
        folder = Path(name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        server = PrefectServer(
            f"http://127.0.0.1:{port}/api",
            {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "PREFECT_HOME": name},
        )
        database = postgis_cluster.url(PREFECT_DATABASE, driver="+asyncpg")
        with (folder / "server.log").open("wb") as output:
            process = subprocess.Popen(
                prefect_server_command(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **server.environment, **prefect_server_environment(database)},
                preexec_fn=end_with_parent,
            )
        try:
            deadline = time.monotonic() + SERVER_START_S
            while not is_healthy(server.api_url):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the Prefect server did not start:\n{last_lines(folder / 'server.log', 30)}")
                time.sleep(0.2)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def prefect_api(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Point Prefect in this process, and what it starts, at the session's server; gives the API's address."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    for variable, value in prefect_server.environment.items():
        monkeypatch.setenv(variable, value)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield prefect_server.api_url
