"""Whose database and whose Prefect server it is, and what children are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from sen4cap_core.db.server.databases import plain_url
from sen4cap_core.errors import ServiceError
from sen4cap_core.service import logfiles
from sen4cap_core.service.place import Place, is_loopback
from sen4cap_core.service.units import prefect_server_environment
from sen4cap_core.settings import Settings

FOREIGN = "postgresql+psycopg://me:secret@host:5433/mine?sslmode=require"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return Place(Settings(home=tmp_path, database_url=None))


def test_our_own_server_in_the_environment_is_no_foreign_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place.has_own_prefect
    with pytest.raises(ServiceError, match="sen4cap up"):
        place.prefect_api_url()
    url = place.record_prefect_port(4205)
    monkeypatch.setenv("PREFECT_API_URL", url + "/")
    assert place.has_own_prefect
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere:4200/api")
    assert not place.has_own_prefect
    assert place.prefect_api_url() == "http://elsewhere:4200/api"


def test_a_given_database_is_not_ours(tmp_path: Path) -> None:
    place = Place(Settings(home=tmp_path, database_url=SecretStr(FOREIGN)))
    assert not place.has_own_database
    assert place.database_url() == FOREIGN
    assert place.prefect_database_url() == "postgresql+asyncpg://me:secret@host:5433/prefect"


def test_plain_url_is_what_libpq_understands() -> None:
    assert plain_url(FOREIGN) == "postgresql://me:secret@host:5433/mine?sslmode=require"


def test_a_project_without_deployments_is_refused(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (place.project / "flows").is_dir()
    monkeypatch.setenv("SEN4CAP_PROJECT", str(tmp_path))
    with pytest.raises(ServiceError, match=r"prefect\.yaml"):
        _ = place.project


def test_logs_are_emptied_under_their_writers(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    with logfiles.open_log(path) as writer:
        for number in range(1, 6):
            writer.write(f"round {number}\n".encode())
            logfiles.rotate(tmp_path, max_bytes=5, kept=3)
        writer.write(b"last\n")
    assert path.read_text() == "last\n"
    assert [(tmp_path / f"worker.log.{n}").read_text() for n in (1, 2, 3)] == [
        "round 5\n",
        "round 4\n",
        "round 3\n",
    ]
    assert not (tmp_path / "worker.log.4").exists()
    assert logfiles.last_lines(tmp_path / "worker.log.1") == "round 5"
    assert logfiles.last_lines(tmp_path / "absent.log") == ""


def test_a_server_beyond_loopback_has_a_login_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"):
        monkeypatch.delenv(variable, raising=False)
    alone = Place(Settings(home=tmp_path / "a"))
    alone.ensure_login()
    assert alone.prefect_login() is None

    place = Place(Settings(home=tmp_path / "b", prefect_host="0.0.0.0"))
    place.ensure_login()
    login = place.prefect_login()
    place.ensure_login()
    assert place.prefect_login() == login
    user, _, password = str(login).partition(":")
    assert user == "admin"
    assert len(password) >= 24
    assert place.login_file.stat().st_mode & 0o077 == 0
    assert place.record_prefect_port(4205) == "http://127.0.0.1:4205/api"

    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:my-own-password")
    assert place.prefect_login() == "me:my-own-password"
    # Kept for the next start, which may come from a shell without it.
    alone.ensure_login()
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING")
    alone.ensure_login()
    assert alone.prefect_login() == "me:my-own-password"
    assert alone.login_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("127.1.2.3", True), ("0.0.0.0", False),
     ("::", False), ("10.0.0.5", False), ("server.example", False)],
)  # fmt: skip
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(("days", "expected"), [(730, {"events", "flow_runs", "orphans"}), (0, {"events"})])
def test_old_runs_leave_prefects_database(
    days: int, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.settings.models.server.services import ServerServicesDBVacuumSettings

    assert Settings().prefect_keep_days == 730
    for name, value in prefect_server_environment("postgresql://host/prefect", days).items():
        monkeypatch.setenv(name, value)
    kept = ServerServicesDBVacuumSettings()
    assert kept.enabled_vacuum_types == expected
    assert not days or kept.retention_period == timedelta(days=days)
