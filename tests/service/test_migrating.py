"""Tables on somebody else's server: what is missing is made, or said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from sen4cap_core.db.server import databases
from sen4cap_core.errors import ServiceError
from sen4cap_core.service.cluster import Cluster
from sen4cap_core.service.migrating import migrate
from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings

pytestmark = pytest.mark.service


@pytest.fixture
def bare_database(postgis_cluster: Cluster) -> Iterator[str]:
    """URL of a database without PostGIS, owned by a role that may do nothing else."""
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_role(admin, "guest", "guest-password")
    databases.ensure_database(admin, "guests", owner="guest")
    yield f"postgresql://guest:guest-password@127.0.0.1:{postgis_cluster.access.port}/guests"
    databases.drop_database(admin, "guests")


def place_on(url: str, home: Path) -> Place:
    return Place(Settings(home=home, database_url=SecretStr(url)))


def test_tables_are_made_on_a_given_server(empty_postgis_url: str, tmp_path: Path) -> None:
    for _ in range(2):
        migrate(place_on(empty_postgis_url, tmp_path))
    with psycopg.connect(empty_postgis_url) as connection:
        assert connection.execute("SELECT count(*) FROM upload").fetchone() == (0,)


def test_what_an_administrator_has_to_do_is_said(
    bare_database: str, postgis_cluster: Cluster, tmp_path: Path
) -> None:
    with pytest.raises(ServiceError, match="CREATE EXTENSION postgis"):
        migrate(place_on(bare_database, tmp_path))
    databases.ensure_extension(postgis_cluster.url("guests", superuser=True))
    migrate(place_on(bare_database, tmp_path))


def test_a_server_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="does not answer") as caught:
        migrate(place_on("postgresql://me:very-secret@127.0.0.1:9/db", tmp_path))
    assert "very-secret" not in str(caught.value)


def test_tables_of_a_newer_version_are_refused_in_words(empty_postgis_url: str, tmp_path: Path) -> None:
    migrate(place_on(empty_postgis_url, tmp_path))
    with psycopg.connect(empty_postgis_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '20991231_later'")
    with pytest.raises(ServiceError, match=r"newer version \(revision 20991231_later; .* restore a backup"):
        migrate(place_on(empty_postgis_url, tmp_path))
