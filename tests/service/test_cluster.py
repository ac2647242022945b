"""The private cluster: start, stop, restart, who may connect and as whom it runs."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from sen4cap_core.errors import ServiceError
from sen4cap_core.service.cluster import Cluster
from sen4cap_core.service.pgbinaries import find_binaries

pytestmark = pytest.mark.service


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder the database's user may enter."""
    with tempfile.TemporaryDirectory(prefix="sen4cap-cluster-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def test_survives_stop_and_restart_on_the_same_port(folder: Path) -> None:
    cluster = Cluster(folder, die_with_parent=True)
    cluster.start()
    try:
        with psycopg.connect(cluster.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS n, ST_SetSRID(ST_Point(1, 2), 4326) AS geom")
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
        port = cluster.access.port
        pid = cluster.running_pid()
        cluster.start()
        assert cluster.running_pid() == pid, "a second start must not start a second server"
    finally:
        cluster.stop()
    assert cluster.running_pid() is None

    again = Cluster(folder, die_with_parent=True)
    again.start()
    try:
        assert again.access.port == port
        with psycopg.connect(again.url()) as connection:
            assert connection.execute("SELECT n, ST_X(geom) FROM kept").fetchone() == (7, 1.0)
    finally:
        again.stop()


def test_starts_after_it_was_killed(folder: Path) -> None:
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.start()
    pid = cluster.running_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert (cluster.data / "postmaster.pid").exists()
    again = Cluster(folder, fast=True, die_with_parent=True)
    again.start()
    try:
        assert again.running_pid() not in (None, pid)
    finally:
        again.stop()


def test_lock_file_of_a_number_that_is_somebody_elses_now(folder: Path) -> None:
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.start()
    cluster.stop()
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n")
    assert cluster.running_pid() is None
    cluster.start()
    try:
        assert cluster.running_pid() is not None
    finally:
        cluster.stop()


def test_never_runs_as_root(postgis_cluster: Cluster) -> None:
    pid = postgis_cluster.running_pid()
    assert pid is not None
    server = psutil.Process(pid)
    for process in [server, *server.children(recursive=True)]:
        assert 0 not in process.uids()
        assert 0 not in process.gids()


def test_listens_on_loopback_only(postgis_cluster: Cluster) -> None:
    pid = postgis_cluster.running_pid()
    assert pid is not None
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_a_password_is_needed_over_tcp_and_over_the_socket(postgis_cluster: Cluster) -> None:
    port = postgis_cluster.access.port
    for host in ("127.0.0.1", str(postgis_cluster.socket)):
        for password in ("", "wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=host, port=port, user="sen4cap", dbname="sen4cap", password=password)
        with psycopg.connect(
            host=host,
            port=port,
            user="sen4cap",
            dbname="sen4cap",
            password=postgis_cluster.access.password,
        ) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_secrets_are_readable_by_the_owner_only(postgis_cluster: Cluster) -> None:
    assert stat.S_IMODE((postgis_cluster.folder / "access.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(postgis_cluster.data.stat().st_mode) == 0o700
    assert stat.S_IMODE(postgis_cluster.socket.stat().st_mode) == 0o700
    access = postgis_cluster.access
    assert access.password != access.superuser_password
    assert len(access.password) >= 24
    assert not list(postgis_cluster.folder.rglob("first-password"))


def test_the_application_role_is_no_superuser(postgis_url: str) -> None:
    with psycopg.connect(postgis_url) as connection:
        assert connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone() == (False,)
        # The migration may ask for the extension again without the right to create it.
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")


def test_moves_to_another_port_when_its_own_is_taken(folder: Path) -> None:
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.start()
    cluster.stop()
    port = cluster.access.port
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", port))
        taker.listen()
        cluster.start()
        try:
            assert cluster.access.port != port
            with psycopg.connect(cluster.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        finally:
            cluster.stop()
        with pytest.raises(ServiceError, match="SEN4CAP_DATABASE_PORT"):
            Cluster(folder, port=port).prepare()


def test_ends_with_a_parent_that_is_killed(folder: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sen4cap_core.service.cluster import Cluster\n"
        f"cluster = Cluster(Path({str(folder)!r}), fast=True, die_with_parent=True); cluster.start()\n"
        "print(cluster.running_pid(), flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root steps down to another user")
def test_says_which_folder_is_closed_to_the_databases_user(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ServiceError, match="may not enter"):
        Cluster(closed / "postgres").prepare()


def test_missing_server_and_missing_postgis_are_said(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="No PostgreSQL server"):
        find_binaries([tmp_path])
    for name in ("initdb", "postgres"):
        (tmp_path / name).touch()
    config = tmp_path / "pg_config"
    config.write_text(f"#!/bin/sh\necho {tmp_path}/share\n")
    config.chmod(0o755)
    with pytest.raises(ServiceError, match="without the PostGIS extension"):
        find_binaries([tmp_path])


def test_refuses_a_data_folder_of_another_version(folder: Path) -> None:
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.prepare()
    (cluster.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 9"):
        cluster.prepare()
