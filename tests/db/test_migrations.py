"""Migrations on a real PostGIS: up, down, up, and no difference to the models."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect, text

from sen4cap_core.db.models import Base
from sen4cap_core.db.server import migrate
from sen4cap_core.db.server.session import make_engine

pytestmark = pytest.mark.service

OURS = {table.name for table in Base.metadata.sorted_tables}


def _tables(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names()) & (OURS | {"alembic_version"})
    finally:
        engine.dispose()


def _execute(url: str, statement: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_up_down_up_and_no_drift(empty_postgis_url: str) -> None:
    assert migrate.current(empty_postgis_url) is None

    migrate.upgrade(empty_postgis_url)

    assert migrate.current(empty_postgis_url) == migrate.head()
    assert _tables(empty_postgis_url) == OURS | {"alembic_version"}
    assert migrate.drift(empty_postgis_url) == []

    migrate.downgrade(empty_postgis_url)

    assert migrate.current(empty_postgis_url) is None
    assert _tables(empty_postgis_url) == {"alembic_version"}

    migrate.upgrade(empty_postgis_url)

    assert migrate.drift(empty_postgis_url) == []


def test_a_second_upgrade_changes_nothing(empty_postgis_url: str) -> None:
    migrate.upgrade(empty_postgis_url)
    _execute(
        empty_postgis_url,
        "INSERT INTO site (slug, name, tiles, config, enabled) VALUES ('nl', 'NL', '{}', '{}', true)",
    )

    migrate.upgrade(empty_postgis_url)

    engine = make_engine(empty_postgis_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT slug FROM site")).scalar_one() == "nl"
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE upload DROP COLUMN error",
        "ALTER TABLE job ALTER COLUMN priority TYPE bigint",
        "DROP INDEX ix_job_state_not_before",
        "DROP INDEX idx_site_extent",
        "ALTER TABLE job DROP CONSTRAINT uq_job_key",
        "CREATE TABLE stray (id int)",
    ],
)
def test_drift_is_noticed(empty_postgis_url: str, change: str) -> None:
    migrate.upgrade(empty_postgis_url)
    assert migrate.drift(empty_postgis_url) == []

    _execute(empty_postgis_url, change)

    assert migrate.drift(empty_postgis_url) != []


def test_upgrades_at_the_same_time_are_safe(empty_postgis_url: str) -> None:
    # Alembic keeps its operations in a module-level proxy, so two upgrades in threads of one process would
    # disturb each other for a reason of their own: real processes are started.
    command = [
        sys.executable,
        "-c",
        "import sys; from sen4cap_core.db.server.migrate import upgrade; upgrade(sys.argv[1])",
        empty_postgis_url,
    ]
    with ThreadPoolExecutor(3) as pool:
        done = list(
            pool.map(lambda _: subprocess.run(command, capture_output=True, text=True, check=False), range(3))
        )

    assert [run.returncode for run in done] == [0, 0, 0], [run.stderr[-500:] for run in done]
    assert migrate.drift(empty_postgis_url) == []
