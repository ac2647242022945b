"""``sen4cap up`` over a database and a Prefect server that somebody else runs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from sen4cap_core.db.server.databases import plain_url
from sen4cap_core.service import control
from sen4cap_core.service.place import Place
from sen4cap_core.service.processes import supervised_processes
from sen4cap_core.service.report import gather
from sen4cap_core.settings import Settings
from tests.fixtures_services import PrefectServer

pytestmark = pytest.mark.e2e


def test_existing_servers_are_used_and_left_alone(
    empty_postgis_url: str, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="sen4cap-foreign-") as name:
        Path(name).chmod(0o755)
        monkeypatch.setenv("SEN4CAP_HOME", name)
        monkeypatch.setenv("SEN4CAP_DATABASE_URL", empty_postgis_url)
        monkeypatch.setenv("PREFECT_API_URL", prefect_server.api_url)
        place = Place(Settings())
        try:
            control.up(place, lambda line: None)
            report = gather(place)
            own = {service.name for service in report.services if service.pid is not None}
            tables = inspect(create_engine(plain_url(empty_postgis_url, driver="+psycopg"))).get_table_names()

            assert report.all_up
            assert own == {"watcher", "scenes", "worker"}
            assert {"upload", "scene", "parcel"} <= set(tables)
            assert not (Path(name) / "postgres").exists()
        finally:
            control.down(place, lambda line: None)
        assert supervised_processes(place.home) == []
        assert gather(place).all_up is False
