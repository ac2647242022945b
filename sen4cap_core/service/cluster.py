"""A private PostGIS: own data folder, own port on loopback, generated passwords, never run as root."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

from sen4cap_core.db.server import databases
from sen4cap_core.errors import ServiceError
from sen4cap_core.service.osuser import OsUser, require_reachable, unprivileged_user
from sen4cap_core.service.pgbinaries import PostgresBinaries, find_binaries

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
SUPERUSER = "postgres"
ROLE = "sen4cap"
DATABASE = "sen4cap"
PREFECT_DATABASE = "prefect"

MAX_SOCKET_PATH_BYTES = 100  # sun_path holds 108 bytes including "/.s.PGSQL.65535"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Access:
    """How to reach the cluster; kept in a file only its owner can read."""

    port: int
    superuser_password: str
    password: str


class Cluster:
    """One PostgreSQL cluster below one folder.

    Parameters
    ----------
    folder : holds ``data``, ``socket`` and ``access.json``; made at first start.
    port : fixed port; None takes a free one at first start and keeps it.
    fast : True gives up durability for speed. For throw-away clusters only.
    die_with_parent : True ends the server when the process that started it dies, however it dies.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, fast: bool = False, die_with_parent: bool = False
    ) -> None:
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.socket = self.folder / "socket"
        self._access_file = self.folder / "access.json"
        self._port = port
        self._fast = fast
        self._die_with_parent = die_with_parent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def exists(self) -> bool:
        """Whether the cluster has been made."""
        return self._access_file.is_file()

    @property
    def access(self) -> Access:
        """Port and passwords.

        Raises
        ------
        ServiceError
            When the cluster has not been made yet, or the file is not readable by us.
        """
        try:
            return Access(**json.loads(self._access_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise ServiceError(f"No database in {self.folder} yet. Run: sen4cap up") from None
        except PermissionError:
            raise ServiceError(
                f"{self._access_file} may be read by its owner only. Run as the user who ran sen4cap up."
            ) from None

    def url(self, database: str = DATABASE, *, driver: str = "", superuser: bool = False) -> str:
        """Return the URL of a database, for example with ``driver='+asyncpg'``."""
        access = self.access
        role, password = (SUPERUSER, access.superuser_password) if superuser else (ROLE, access.password)
        return f"postgresql{driver}://{role}:{password}@{HOST}:{access.port}/{database}"

    def prepare(self) -> None:
        """Make the cluster when there is none, choose its port, clear away what a crash left behind.

        Raises
        ------
        ServiceError
            When PostgreSQL or PostGIS is missing, or the folder is closed to the database's user.
        """
        user = unprivileged_user()
        require_reachable(self.folder / "data", user)
        binaries = find_binaries()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.exists:
            self._initialise(binaries, user)
        made_with = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_with != binaries.version:
            raise ServiceError(
                f"The database in {self.data} was made by PostgreSQL {made_with}, this machine has "
                f"{binaries.version}. Install PostgreSQL {made_with} again, or move the data with pg_upgrade."
            )
        if self.running_pid() is None:
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._choose_port()

    def command(self) -> list[str]:
        """Return the command line that runs the server in the foreground."""
        settings = {
            "listen_addresses": HOST,
            "port": self.access.port,
            "unix_socket_directories": self._socket_folder(),
            "unix_socket_permissions": "0700",
            "password_encryption": "scram-sha-256",
            "max_connections": 200,
            "shared_buffers": "256MB",
            "log_checkpoints": "off",
            "log_line_prefix": "%m [%p] %d ",
            "timezone": "UTC",
        }
        if self._fast:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [find_binaries()["postgres"], "-D", str(self.data), *options]

    def spawn(self, output: BinaryIO | int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start the server process without waiting for it; ``prepare`` must have been called."""
        user = unprivileged_user()
        self._process = subprocess.Popen(
            self.command(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.data,
            env=plain_environment(),
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            start_new_session=True,
            # Runs after the switch of user, which would clear the parent-death signal.
            preexec_fn=end_with_parent if self._die_with_parent else None,
        )
        return self._process

    def start(self, *, timeout_s: float = 60.0) -> None:
        """Start the server, wait until it answers, see that its databases exist. Harmless when it runs.

        Raises
        ------
        ServiceError
            When the server ends by itself or does not answer in time; the text has the end of its log.
        """
        self.prepare()
        if self.running_pid() is None:
            logfile = self.folder / "postgres.log"
            with logfile.open("ab") as output:
                self.spawn(output)
        self.wait_ready(timeout_s=timeout_s)
        self.ensure_databases()

    def wait_ready(self, *, timeout_s: float = 60.0) -> None:
        """Wait until the server takes connections."""
        deadline = time.monotonic() + timeout_s
        url = self.url("postgres", superuser=True)
        while not databases.can_connect(url):
            if self._process is not None and self._process.poll() is not None:
                raise ServiceError(
                    f"PostgreSQL ended with code {self._process.returncode}. {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"PostgreSQL did not answer within {timeout_s:.0f} s. {self._last_words()}"
                )
            time.sleep(0.05)

    def ensure_databases(self) -> None:
        """Create the role, both databases and the PostGIS extension where they are missing."""
        access = self.access
        admin = self.url("postgres", superuser=True)
        databases.ensure_role(admin, ROLE, access.password, may_create_databases=self._fast)
        databases.ensure_database(admin, DATABASE, owner=ROLE)
        databases.ensure_extension(self.url(DATABASE, superuser=True), "postgis")
        databases.ensure_database(admin, PREFECT_DATABASE, owner=ROLE)

    def running_pid(self) -> int | None:
        """Return the process id of the server that holds our data folder, None when there is none."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
            process = psutil.Process(pid)
            # After a crash the number may belong to somebody else: ours is the one that sits in our folder.
            ours = Path(process.cwd()) == self.data and process.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, ValueError, psutil.Error):
            return None
        return pid if ours else None

    def stop(self, *, timeout_s: float = 60.0) -> None:
        """Shut down fast: running transactions are rolled back, everything committed is on disk."""
        pid = self.running_pid()
        if pid is not None:
            process = psutil.Process(pid)
            process.send_signal(signal.SIGINT)
            if self._process is None or self._process.pid != pid:
                waiter = process.wait
            else:
                waiter = self._process.wait
            try:
                waiter(timeout_s)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                log.warning("PostgreSQL %s did not stop within %.0f s: immediate shutdown", pid, timeout_s)
                process.send_signal(signal.SIGQUIT)
                waiter(timeout_s)
        self._process = None

    def remove(self) -> None:
        """Stop the server and delete the whole folder. For throw-away clusters."""
        self.stop()
        shutil.rmtree(self.folder)

    def _initialise(self, binaries: PostgresBinaries, user: OsUser | None) -> None:
        # A data folder without its access file is a first start that was cut short: nothing is in it.
        shutil.rmtree(self.data, ignore_errors=True)
        for path in (self.data, self.socket):
            path.mkdir(mode=0o700, exist_ok=True)
            if user:
                user.own(path)
        access = Access(0, secrets.token_urlsafe(24), secrets.token_urlsafe(24))
        password_file = self.socket / "first-password"
        try:
            _write_private(password_file, access.superuser_password)
            if user:
                user.own(password_file)
            done = subprocess.run(
                [
                    binaries["initdb"],
                    f"--pgdata={self.data}",
                    f"--username={SUPERUSER}",
                    "--auth=scram-sha-256",
                    f"--pwfile={password_file}",
                    "--encoding=UTF8",
                    "--lc-collate=C",
                    "--lc-ctype=C.UTF-8",
                    "--lc-messages=C",
                    *(["--no-sync"] if self._fast else []),
                ],
                capture_output=True,
                text=True,
                cwd=self.data,
                env=plain_environment(),
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            raise ServiceError(f"initdb could not make the database in {self.data}: {done.stderr.strip()}")
        self._write_access(access)

    def _write_access(self, access: Access) -> None:
        temporary = self._access_file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        _write_private(temporary, json.dumps(asdict(access)))
        temporary.replace(self._access_file)

    def _choose_port(self) -> None:
        access = self.access
        wanted = self._port or access.port
        if wanted and _is_free(wanted):
            port = wanted
        elif self._port:
            raise ServiceError(
                f"Port {self._port} (SEN4CAP_DATABASE_PORT) is taken by another program. Choose another one."
            )
        else:
            port = _free_port()
            if wanted:
                log.warning(
                    "port %d is taken by another program: the database moves to port %d", wanted, port
                )
        if port != access.port:
            self._write_access(Access(port, access.superuser_password, access.password))

    def _socket_folder(self) -> str:
        # Too long a path cannot hold a socket: the server is then reached over loopback alone.
        return str(self.socket) if len(str(self.socket).encode()) <= MAX_SOCKET_PATH_BYTES - 16 else ""

    def _last_words(self) -> str:
        logfile = self.folder / "postgres.log"
        if not logfile.is_file():
            return ""
        return "Its last words:\n" + "\n".join(logfile.read_text(errors="replace").splitlines()[-5:])


def plain_environment() -> dict[str, str]:
    """Return the environment of the server, without PGDATA, PGPORT and the like of the caller."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    """In a child, between fork and exec: be interrupted when the parent dies, however it dies."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
