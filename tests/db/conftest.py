"""A database with our tables, empty at the start of each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from sen4cap_core.db import databases, migrate
from sen4cap_core.db.models import Base
from sen4cap_core.db.session import make_engine
from sen4cap_core.service.cluster import ROLE, Cluster


@pytest.fixture(scope="session")
def migrated_engine(postgis_cluster: Cluster) -> Iterator[Engine]:
    """Engine of a migrated database shared by the tests of this folder."""
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, "tests_db", owner=ROLE, template="empty_postgis")
    url = postgis_cluster.url("tests_db")
    migrate.upgrade(url)
    engine = make_engine(url, pool_size=10)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(migrated_engine: Engine) -> Engine:
    """Engine of a migrated database without a row."""
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with migrated_engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    return migrated_engine
