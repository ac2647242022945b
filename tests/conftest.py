"""What all tests share, which of them go first, and which go to one process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

pytest_plugins = ["fixtures_services", "fixtures_tables"]

# Asserts are rewritten when a test is imported: of all files that takes eight seconds, in each process anew
# where Python is told to write nothing beside its sources, as in containers (PYTHONDONTWRITEBYTECODE).
sys.dont_write_bytecode = False

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
END_TO_END = TESTS / "e2e"

ROOMS = {
    "pixels": ("rasters/",),
    "declarations": ("declarations/", "kernels/outlines/test_outline"),
    "mowing": ("processors/l4b/", "kernels/mowing/", "kernels/grass/", "kernels/series/test_mowing"),
    "practices": ("processors/l4c/", "kernels/practices/"),
    "radar": ("sentinel1/", "kernels/radar/test_sar"),
    "slc": ("steps/radar/test_slc_way",),
    "server": (
        "flows/",
        "service/test_alerts",
        "service/test_place",
        "service/test_prefect_api",
        "service/test_provider_limit",
        "deployments/test_kubernetes_jobs",
    ),
    "faults": ("e2e/test_faults",),
    "services": ("e2e/test_real_services",),
}
"""Tests that compile the same kernels, simulate the same scene or need a Prefect server (one process starts
it), and those that take longest. They go first.

On a machine that never ran them compiling takes a minute: one process does it, the others read from the disk.
The real system, tested beside them a little later, finds what it needs when the first three have gone ahead.
"""


class OneProcessForEachRoom(LoadScopeScheduling):
    """Hands out a room, or else a file, at a time (``--dist loadscope --no-loadscope-reorder``)."""

    def _split_scope(self, nodeid: str) -> str:
        return room_of(nodeid)


def room_of(nodeid: str) -> str:
    """Return the room of a test, else its file."""
    path = nodeid.split("::")[0].removeprefix("tests/")
    return next((name for name, starts in ROOMS.items() if path.startswith(starts)), path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessForEachRoom | None:
    """Let whole rooms stay in one process."""
    return OneProcessForEachRoom(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the rooms go first, so that no process begins one when the others end."""
    strays = [
        one.nodeid for one in items if one.get_closest_marker("e2e") and END_TO_END not in one.path.parents
    ]
    if strays:
        # ``make test`` collects that folder alone for them: importing all tests takes a while.
        raise pytest.UsageError(f"end-to-end tests belong into {END_TO_END}: {', '.join(strays)}")
    turns = {name: turn for turn, name in enumerate(ROOMS)}
    items.sort(key=lambda item: turns.get(room_of(item.nodeid), len(turns)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and oracles beside the repository; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} does not exist")
    return folder
