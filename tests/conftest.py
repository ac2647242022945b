"""What all tests share, and which of them belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["fixtures_services"]

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent

ROOMS = {
    "practices": ("processors/l4c/", "kernels/test_practice"),
    "radar": ("sentinel1/", "kernels/test_sar"),
    "mowing": ("processors/l4b/", "kernels/test_mowing", "kernels/test_grass", "kernels/test_coherence"),
    "pixels": ("rasters/",),
    "declarations": ("declarations/", "kernels/test_outline"),
    "slc": ("steps/test_slc_way",),
}
"""Tests that compile the same kernels, the longest first. Compiling takes a minute on a machine that never
ran them, so one process does it, before the others read them from the disk."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file, and the files of a room, in one process (``--dist loadgroup``)."""
    order = {name: number for number, name in enumerate(ROOMS)}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_room(item)))
    items.sort(key=lambda item: order.get(_room(item), len(order)))


def _room(item: pytest.Item) -> str:
    path = item.path.relative_to(TESTS).as_posix()
    return next((name for name, starts in ROOMS.items() if path.startswith(starts)), path)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and oracles beside the repository; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} does not exist")
    return folder
