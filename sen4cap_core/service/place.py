"""Where the parts of one installation are, and at which addresses they answer."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import ServiceError
from sen4cap_core.files import atomic_path, write_text_atomic
from sen4cap_core.service.cluster import HOST, PREFECT_DATABASE, Cluster
from sen4cap_core.settings import Settings

SUPERVISED_MARK = "SEN4CAP_SUPERVISED_HOME"
"""Every process below a supervisor carries this variable, so that none is lost, however it was orphaned."""

PROJECT_VARIABLE = "SEN4CAP_PROJECT"


@dataclass(frozen=True)
class Place:
    """Folders, files and addresses of one installation."""

    settings: Settings

    @property
    def home(self) -> Path:
        """The one folder that holds everything."""
        return self.settings.home.resolve()

    @property
    def never_started(self) -> str:
        """What to say where nothing was ever started."""
        return f"nothing was ever started in {self.home}; if it is elsewhere, set SEN4CAP_HOME to its folder"

    @property
    def run(self) -> Path:
        """State and locks of the supervisor."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log per service."""
        return self.home / "logs"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own folder: profiles, results, parameters of background tasks."""
        return self.home / "prefect"

    @property
    def project(self) -> Path:
        """Folder with ``prefect.yaml`` and ``flows/``.

        Raises
        ------
        ServiceError
            When there is no ``prefect.yaml`` in it.
        """
        given = os.environ.get(PROJECT_VARIABLE)
        folder = Path(given).resolve() if given else Path(__file__).resolve().parents[2]
        if not (folder / "prefect.yaml").is_file():
            raise ServiceError(
                f"No prefect.yaml in {folder}. Run sen4cap from its source folder's environment, "
                f"or set {PROJECT_VARIABLE} to that folder."
            )
        return folder

    @property
    def cluster(self) -> Cluster:
        """The private database, whether it is used or not."""
        return Cluster(self.home / "postgres", port=self.settings.database_port)

    @property
    def has_own_database(self) -> bool:
        """Whether the database is the private one."""
        given = self.settings.database_url
        if given is None:
            return True
        # Our own children, and whoever took over `sen4cap env`, have our own URL in their environment.
        return self.cluster.exists and given.get_secret_value() == self.cluster.url()

    @property
    def has_own_prefect(self) -> bool:
        """Whether the Prefect server is one that we start."""
        given = os.environ.get("PREFECT_API_URL")
        return not given or given.rstrip("/") == self.recorded_api_url()

    def database_url(self) -> str:
        """Return the URL of the PostGIS database that holds the tables."""
        given = self.settings.database_url
        return self.cluster.url() if given is None else given.get_secret_value()

    def prefect_database_url(self) -> str:
        """Return the URL of the Prefect server's own database."""
        from sen4cap_core.db.server.databases import plain_url

        for variable in ("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL"):
            if given := os.environ.get(variable):
                return given
        return plain_url(self.database_url(), database=PREFECT_DATABASE, driver="+asyncpg")

    def prefect_api_url(self) -> str:
        """Return the address of Prefect's API.

        Raises
        ------
        ServiceError
            When none was given and none was started from this home yet.
        """
        url = os.environ.get("PREFECT_API_URL") or self.recorded_api_url()
        if url is None:
            raise ServiceError("No Prefect server is known here. Run: sen4cap up")
        return url.rstrip("/")

    def recorded_api_url(self) -> str | None:
        """Return the address of the server last started from this home, None before the first start."""
        try:
            return str(json.loads((self.run / "prefect.json").read_text(encoding="utf-8"))["api_url"])
        except FileNotFoundError:
            return None

    def record_prefect_port(self, port: int) -> str:
        """Keep the port of our own Prefect server for everybody who asks later; return its API's address."""
        host = self.settings.prefect_host
        # One that listens on all addresses is reached on this machine's own.
        url = f"http://{HOST if host in ('0.0.0.0', '::') or is_loopback(host) else host}:{port}/api"
        write_text_atomic(self.run / "prefect.json", json.dumps({"api_url": url}) + "\n")
        return url

    @property
    def login_file(self) -> Path:
        """The login that was made for our own Prefect server; readable by its owner only."""
        return self.run / "prefect-login.json"

    def prefect_login(self) -> str | None:
        """Return ``user:password`` of the Prefect server, None where it has no login."""
        for variable in ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
            if given := os.environ.get(variable):
                return given
        if not self.has_own_prefect:
            return None
        try:
            return str(json.loads(self.login_file.read_text(encoding="utf-8"))["login"])
        except FileNotFoundError:
            return None

    def ensure_login(self) -> None:
        """See that a server beyond loopback has a login: who reaches one without runs commands here.

        A login that was given once is kept: a start from a shell without it must not open the server.
        """
        login = os.environ.get("PREFECT_SERVER_API_AUTH_STRING")
        if not login:
            if is_loopback(self.settings.prefect_host) or self.prefect_login() is not None:
                return
            login = f"admin:{secrets.token_urlsafe(24)}"
        self.login_file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.login_file) as temporary:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.write(json.dumps({"login": login}) + "\n")

    def client_environment(self) -> dict[str, str]:
        """Return the variables that point a program at this installation's database and Prefect server."""
        return {
            "SEN4CAP_HOME": str(self.home),
            "SEN4CAP_DATABASE_URL": self.database_url(),
            **self.prefect_environment(),
        }

    def prefect_environment(self) -> dict[str, str]:
        """Return the variables by which Prefect's own client finds this installation's server."""
        login = self.prefect_login()
        return {
            "PREFECT_API_URL": self.prefect_api_url(),
            "PREFECT_HOME": str(self.prefect_home),
            **({"PREFECT_API_AUTH_STRING": login} if login else {}),
        }

    def child_environment(self) -> dict[str, str]:
        """Return the whole environment of a supervised process."""
        return {
            **os.environ,
            **self.client_environment(),
            SUPERVISED_MARK: str(self.home),
            PROJECT_VARIABLE: str(self.project),
            # "python" in prefect.yaml is this environment's.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            # A small scene's first pass in a fresh process: 4.3 s with compiling, 0.5 s with what was kept.
            "NUMBA_CACHE_DIR": str(self.home / "cache" / "numba"),
            # Each block is read once; GDAL would keep five percent of the machine's memory for a second time.
            "GDAL_CACHEMAX": "64",
            "NO_COLOR": "1",
            "PREFECT_LOGGING_COLORS": "false",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }


def point_prefect_here(place: Place) -> str:
    """Let Prefect's client in this process use the installation's server; return the address of its API.

    In a shell that does not know the installation it would start a server of its own, and keep there what is
    meant for this one. Goes before the first import of Prefect.
    """
    os.environ.update(place.prefect_environment())
    return place.prefect_api_url()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on this address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def make_folders(place: Place) -> None:
    """Create the folders people and services write to."""
    settings = place.settings
    folders = (place.home, place.run, place.logs, place.prefect_home, settings.uploads_root, settings.data)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    # Parameters of background tasks and logs may show what is in the declarations: nobody else's business.
    for private in (place.logs, place.prefect_home):
        private.chmod(0o700)
