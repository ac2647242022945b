"""What all tests share, and which of them go first."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["fixtures_services", "fixtures_tables"]

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
END_TO_END = TESTS / "e2e"

LONGEST = (
    *("processors/l4c/", "kernels/test_practice"),
    *("sentinel1/", "kernels/test_sar"),
    *("processors/l4b/", "kernels/test_mowing", "kernels/test_grass", "kernels/test_coherence"),
    *("rasters/", "declarations/", "kernels/test_outline", "steps/test_slc_way"),
)
"""Tests that compile or simulate most: they go first, so that no worker begins one when the others end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest go first; ``--dist loadgroup --no-loadscope-reorder`` keeps the order."""
    strays = [
        one.nodeid for one in items if one.get_closest_marker("e2e") and END_TO_END not in one.path.parents
    ]
    if strays:
        # ``make test`` collects that folder alone for them: importing all tests takes a while.
        raise pytest.UsageError(f"end-to-end tests belong into {END_TO_END}: {', '.join(strays)}")
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).as_posix()
    return next((turn for turn, start in enumerate(LONGEST) if path.startswith(start)), len(LONGEST))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real data and oracles beside the repository; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no reference data: {folder} does not exist")
    return folder
