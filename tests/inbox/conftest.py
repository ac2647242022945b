"""An upload folder on disk, and a database with our tables, empty at the start of each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from sen4cap_core.db import databases, migrate
from sen4cap_core.db.models import Base
from sen4cap_core.db.session import make_engine
from sen4cap_core.service.cluster import ROLE, Cluster
from sen4cap_core.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation in a folder of this test: quick to settle, and to look again."""
    for name in ("SEN4CAP_HOME", "SEN4CAP_UPLOADS", "SEN4CAP_DATA_ROOT", "SEN4CAP_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(home=tmp_path / "home", settle_seconds=0.3, rescan_seconds=2.0)
    settings.uploads_root.mkdir(parents=True)
    return settings


@pytest.fixture
def root(settings: Settings) -> Path:
    """The upload folder."""
    return settings.uploads_root


@pytest.fixture(scope="session")
def migrated_engine(postgis_cluster: Cluster) -> Iterator[Engine]:
    """Engine of a migrated database shared by the tests of this folder."""
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, "tests_inbox", owner=ROLE, template="empty_postgis")
    url = postgis_cluster.url("tests_inbox")
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
