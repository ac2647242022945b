"""The real system, once for all end-to-end tests of a process: database, Prefect server, workers, watcher."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from numba import config

import sen4cap_core.kernels  # noqa: F401  says where compiled kernels are kept
from sen4cap_core.service import control
from sen4cap_core.service.place import Place
from sen4cap_core.service.processes import supervised_processes
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import open_context
from tests.e2e.system import System

SETTINGS = {
    "SEN4CAP_RESCAN_SECONDS": "3",
    "SEN4CAP_SETTLE_SECONDS": "0.5",
    "SEN4CAP_LINGER_SECONDS": "15",
    "SEN4CAP_LEASE_SECONDS": "60",
}
PREFECT_PORT = 14300
"""Of the first process; those beside it choose the next ones."""


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """The real services over a home of their own; started once in a process, gone with the session."""
    home = Path(tempfile.mkdtemp(prefix="sen4cap-e2e-"))
    home.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("PREFECT_API_URL", "SEN4CAP_DATABASE_URL", "SEN4CAP_PROJECT"):
            patch.delenv(variable, raising=False)
        ours = {"SEN4CAP_HOME": str(home), "SEN4CAP_PREFECT_PORT": str(PREFECT_PORT)}
        for name, value in {**SETTINGS, **ours}.items():
            patch.setenv(name, value)
        place = Place(Settings())
        _share_compiled(place.home)
        try:
            control.up(place, lambda line: None)
            yield System(place, open_context(place.settings, place.database_url()))
        finally:
            control.down(place, lambda line: None)
            assert supervised_processes(place.home) == []
            keep = os.environ.get("SEN4CAP_KEEP_E2E_HOME")
            if not keep:
                shutil.rmtree(home, ignore_errors=True)


def _share_compiled(home: Path) -> None:
    """Let the services find the kernels that other tests had compiled, as after a first day of work."""
    kept = vars(config)["CACHE_DIR"]
    if kept:
        (home / "cache").mkdir()
        (home / "cache" / "numba").symlink_to(Path(kept).parent)
