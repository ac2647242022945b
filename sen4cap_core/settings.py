"""Where things are and how many hands there are: environment variables ``SEN4CAP_*``, read at the edge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_home() -> Path:
    # The private database cluster never runs as root, so its files cannot live under /root.
    return Path("/var/lib/sen4cap") if os.geteuid() == 0 else Path.home() / "sen4cap"


class Settings(BaseSettings):
    """Settings of one installation. Frozen; constructed at the edge and passed in."""

    model_config = SettingsConfigDict(env_prefix="SEN4CAP_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=_default_home)
    """The one folder that holds everything: uploads, products, database, logs."""
    uploads: Path | None = None
    """Upload root; default ``<home>/uploads``."""
    data_root: Path | None = None
    """Products, observations and labels; default ``<home>/data``."""
    products_url: str | None = None
    """Where a web server of yours offers the data root; the pages of products then link the files."""
    database_url: SecretStr | None = None
    """An existing PostGIS to use instead of the private cluster (``postgresql://user:password@host/db``)."""
    database_port: int | None = None
    """Port of the private cluster; default: a free one, chosen at first start and kept."""
    prefect_host: str = "127.0.0.1"
    """Address our Prefect server listens on. Beyond loopback it always has a login: the one given in
    ``PREFECT_SERVER_API_AUTH_STRING``, else one that is made at the first start."""
    prefect_port: int = 4200
    """Port of the Prefect server that ``sen4cap up`` starts; the next free one is taken when it is busy."""
    prefect_keep_days: int = Field(730, ge=0)
    """Runs that ended longer ago, their logs and pages leave Prefect's database; 0 keeps them for good."""

    work_pool_template: Path | None = None
    """Base job template of a Kubernetes work pool; without it runs are processes of the worker's machine."""

    rescan_seconds: float = 15.0
    """How often the watcher lists the upload folders anew (network mounts send no events)."""
    settle_seconds: float = 1.0
    """A file is taken when its size and time have not changed for this long."""
    lease_seconds: float = 300.0
    """A job whose worker has not renewed its lease for this long is taken up again."""
    max_attempts: int = 4
    """After this many tries a job is failed and waits for a person."""
    scene_slots: int = 1
    """Scenes processed at the same time on this machine (each uses all decode threads)."""
    fetch_slots: int = 2
    """Files fetched at the same time on this machine; what a provider allows is in site.yaml."""
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1)
    linger_seconds: float = 45.0
    """How long the drain flow waits for more work before it ends."""

    smtp_url: SecretStr | None = None
    """Server that takes e-mail: ``smtp://user:password@host:587`` (with STARTTLS) or ``smtps://...``."""
    alert_email: str | None = None
    """Addresses that alerts and the daily digest go to, separated by commas."""
    alert_sender: str | None = None
    """Sender of them; default: sen4cap at the host of the server."""

    sen2cor: str | None = None
    """Sen2Cor's ``L2A_Process``: a path, or ``docker:<image>`` / ``podman:<image>``."""
    maja: str | None = None
    """MAJA, in the same way; taken before Sen2Cor where both are set."""
    maja_gipp: Path | None = None
    """Folder of MAJA's parameter files, with ``UserConfiguration`` in it."""
    maja_terrain: Path | None = None
    """Folder of MAJA's terrain products."""
    gpt: str | None = None
    """SNAP's ``gpt``, in the same way; where it is set, pairs of SLC products are SNAP's work, not ours."""
    gpt_profile: Literal["sen4cap", "improved"] = "improved"
    """``sen4cap``: SNAP's graphs with the original's parameters."""
    level_2a_hours: float = 6.0
    """A correction that takes longer is ended."""
    level_2a_retry_hours: float = 24.0
    """Pause before a failed correction is tried again."""

    @property
    def uploads_root(self) -> Path:
        """Folder people drop files into."""
        return self.uploads or self.home / "uploads"

    @property
    def data(self) -> Path:
        """Folder for everything we write: rasters, observations, labels, results."""
        return self.data_root or self.home / "data"
