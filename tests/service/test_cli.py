"""The command line of the services: quick to load, errors as sentences, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sen4cap_core.service.state import Exit, State, UnitState, write_state

HEAVY = (
    "numpy",
    "pandas",
    "geopandas",
    "rasterio",
    "sqlalchemy",
    "prefect",
    "pydantic",
    "numba",
    "matplotlib",
)


def run(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SEN4CAP_HOME": str(home), **variables}
    for variable in {"PREFECT_API_URL", "SEN4CAP_DATABASE_URL"} - set(variables):
        environment.pop(variable, None)
    return subprocess.run(
        [sys.executable, "-m", "sen4cap_core.cli.main", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, sen4cap_core.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_status_of_nothing_says_so_and_fails(tmp_path: Path) -> None:
    told = run("status", home=tmp_path / "home")
    assert told.returncode == 1
    assert f"nothing was ever started in {tmp_path / 'home'}; if it is" in " ".join(told.stdout.split())
    assert not (tmp_path / "home").exists(), "asking makes nothing"


def test_down_of_nothing_is_harmless(tmp_path: Path) -> None:
    told = run("down", home=tmp_path / "home")
    assert told.returncode == 0
    assert told.stdout.startswith(f"nothing was ever started in {tmp_path / 'home'};")


def test_an_error_is_a_sentence(tmp_path: Path) -> None:
    told = run("env", home=tmp_path / "home")
    assert told.returncode == 1
    assert told.stderr.strip().endswith("Run: sen4cap up")
    assert "Traceback" not in told.stderr


def test_env_prints_given_addresses(tmp_path: Path) -> None:
    url = "postgresql://somebody:with$ign@host/db"
    told = run("env", home=tmp_path, SEN4CAP_DATABASE_URL=url, PREFECT_API_URL="http://host:4200/api/")
    assert told.stdout.splitlines() == [
        f"export SEN4CAP_HOME={tmp_path}",
        f"export SEN4CAP_DATABASE_URL='{url}'",
        "export PREFECT_API_URL=http://host:4200/api",
        f"export PREFECT_HOME={tmp_path}/prefect",
    ]


def test_how_a_service_ended_folds_no_table(tmp_path: Path) -> None:
    at = datetime(2026, 11, 28, 16, 1, 53, tzinfo=UTC)
    ended = Exit(code=-9, at=at)
    worker = UnitState(
        name="scenes", title="warm worker for scenes", phase="backoff", restarts=1, last_exit=ended
    )
    (tmp_path / "run").mkdir()
    write_state(tmp_path / "run", State(pid=1, born=0.0, phase="up", started_at=at, units=[worker]))
    lines = run("status", home=tmp_path, COLUMNS="60").stdout.splitlines()
    assert [line for line in lines if line.startswith("warm worker")][1:] == [
        "warm worker for scenes: ended unasked, killed by signal 9 at 2026-11-28 16:01:53 UTC"
    ]
