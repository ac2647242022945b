"""Databases with our tables: migrated once in a process, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from sen4cap_core.db.models import Base
from sen4cap_core.db.server import databases, migrate
from sen4cap_core.db.server.session import make_engine
from sen4cap_core.service.cluster import ROLE, Cluster
from tests.fixtures_services import TEMPLATE

TABLES = [table.name for table in Base.metadata.sorted_tables]

# Truncating makes new files for a table and each index: of all tables it takes longer than most tests.
_WITH_ROWS = " UNION ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in TABLES)
_WITH_NUMBERS = """
    SELECT owned.refobjid::regclass::text FROM pg_sequences AS used
    JOIN pg_depend AS owned
      ON owned.objid = format('%I.%I', used.schemaname, used.sequencename)::regclass
      AND owned.classid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')
    WHERE used.last_value IS NOT NULL
"""


def migrated_url(cluster: Cluster, name: str) -> str:
    """Return the URL of a database with our tables; made at the first call."""
    databases.ensure_database(cluster.url("postgres", superuser=True), name, owner=ROLE, template=TEMPLATE)
    url = cluster.url(name)
    migrate.upgrade(url)
    return url


def clear_tables(engine: Engine) -> None:
    """Take all rows away, and let numbers begin at 1 again."""
    with engine.begin() as connection:
        used = connection.execute(text(f"{_WITH_ROWS} UNION {_WITH_NUMBERS}")).scalars().all()
        if names := set(used) & set(TABLES):
            connection.execute(text(f"TRUNCATE {', '.join(sorted(names))} RESTART IDENTITY CASCADE"))


@pytest.fixture(scope="session")
def migrated_engine(postgis_cluster: Cluster) -> Iterator[Engine]:
    """Engine of a migrated database that tests share."""
    engine = make_engine(migrated_url(postgis_cluster, "tests_rows"), pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """Engine of a migrated database without a row."""
    clear_tables(migrated_engine)
    return migrated_engine
