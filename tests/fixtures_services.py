"""Throw-away services for tests: a PostGIS of its own, databases out of it, and a Prefect server on it."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sen4cap_core.db import databases
from sen4cap_core.service.cluster import ROLE, Cluster

TEMPLATE = "empty_postgis"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgis_cluster() -> Iterator[Cluster]:
    """A PostGIS for this test session, gone with it (also when the session is killed)."""
    # pytest's own temporary folders are closed to the user the database runs as.
    folder = Path(tempfile.mkdtemp(prefix="sen4cap-postgis-"))
    folder.chmod(0o755)
    cluster = Cluster(folder, fast=True, die_with_parent=True)
    cluster.start()
    admin = cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, TEMPLATE, owner=ROLE)
    databases.ensure_extension(cluster.url(TEMPLATE, superuser=True))
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def postgis_url(postgis_cluster: Cluster) -> str:
    """URL of the session's database: PostGIS extension, no tables."""
    return postgis_cluster.url()


@pytest.fixture
def empty_postgis_url(postgis_cluster: Cluster) -> Iterator[str]:
    """URL of a database for one test alone: PostGIS extension, no tables."""
    name = f"test_{next(_numbers)}"
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, name, owner=ROLE, template=TEMPLATE)
    yield postgis_cluster.url(name)
    databases.drop_database(admin, name)
