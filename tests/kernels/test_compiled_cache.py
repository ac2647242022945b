"""Compiled kernels are kept for one state of the sources only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHOW = "import sen4cap_core.kernels, numba; print(numba.config.CACHE_DIR)"


def cache_of(package: Path, cache: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", SHOW]
    return subprocess.run(
        command, env=environment, cwd=package, capture_output=True, text=True, check=True
    ).stdout


def test_an_edited_kernel_does_not_meet_its_old_callers(tmp_path: Path) -> None:
    source = Path(__file__).resolve().parents[2] / "sen4cap_core"
    package = tmp_path / "sen4cap_core"
    shutil.copytree(source / "kernels", package / "kernels")
    shutil.copy(source / "__init__.py", package)
    before = cache_of(tmp_path, tmp_path / "cache")
    again = cache_of(tmp_path, tmp_path / "cache")
    with (package / "kernels" / "optical" / "ndvi.py").open("a") as kernel:
        kernel.write("# another state\n")
    after = cache_of(tmp_path, tmp_path / "cache")

    assert before == again
    assert before != after
    assert Path(before.strip()).parent == tmp_path / "cache"


def test_without_a_writable_folder_kernels_are_compiled_anew(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()

    assert cache_of(Path(__file__).resolve().parents[2], blocked).strip() == ""
