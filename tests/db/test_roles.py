"""Owner, service and analyst may do what their names say, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from sen4cap_core.db.server import databases, migrate
from sen4cap_core.db.server.roles import create_login, ensure_roles
from sen4cap_core.service.cluster import ROLE, Cluster

pytestmark = pytest.mark.service
DATABASE, OTHER = "tests_roles", "tests_roles_other"
INSERT = "INSERT INTO site (slug, name, tiles, config, enabled) VALUES ('nl', 'nl', '{}', '{}', true)"


@pytest.fixture(scope="module")
def admin_url(postgis_cluster: Cluster) -> Iterator[str]:
    """A migrated database with the roles and a login of each."""
    admin = postgis_cluster.url("postgres", superuser=True)
    databases.ensure_database(admin, DATABASE, owner=ROLE, template="empty_postgis")
    databases.ensure_database(admin, OTHER, owner=ROLE)
    migrate.upgrade(postgis_cluster.url(DATABASE))
    url = postgis_cluster.url(DATABASE, superuser=True)
    ensure_roles(url, (OTHER, "there_is_none"))
    assert ensure_roles(url, (OTHER,)) == {
        "owner": "tests_roles_owner", "service": "tests_roles_service", "analyst": "tests_roles_analyst",
    }  # fmt: skip
    yield url
    databases.drop_database(admin, DATABASE)
    databases.drop_database(admin, OTHER)


def url_of(admin_url: str, login: tuple[str, str], database: str = DATABASE) -> str:
    place = admin_url.rpartition("@")[2].partition("/")[0]
    return f"postgresql://{login[0]}:{login[1]}@{place}/{database}"


@pytest.fixture(scope="module")
def logins(admin_url: str) -> dict[str, str]:
    found = {}
    for role in ("owner", "service", "analyst"):
        made = create_login(admin_url, f"tests_{role}_anna", role)  # type: ignore[arg-type]
        found[role] = url_of(admin_url, (made.name, made.password))
    return found


def may(url: str, statement: str) -> bool:
    """Whether a statement is allowed; it is taken back."""
    try:
        with psycopg.connect(url) as connection:
            connection.execute(statement)  # type: ignore[arg-type]
            connection.rollback()
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def test_the_analyst_only_reads(logins: dict[str, str]) -> None:
    url = logins["analyst"]
    assert may(url, "SELECT * FROM mowing_result JOIN parcel USING (new_id)")
    assert may(url, "SELECT ST_AsText(geom) FROM parcel")
    for statement in (INSERT, "UPDATE site SET name = 'x'", "DELETE FROM site", "TRUNCATE site",
                      "CREATE TABLE mine (a int)", "CREATE TEMPORARY TABLE mine (a int)",
                      "SELECT * FROM alembic_version", "DROP TABLE site"):  # fmt: skip
        assert not may(url, statement), statement


def test_the_service_writes_rows_and_makes_no_tables(logins: dict[str, str]) -> None:
    url = logins["service"]
    for statement in (INSERT, "UPDATE site SET name = 'x'", "DELETE FROM job"):
        assert may(url, statement), statement
    for statement in ("CREATE TABLE mine (a int)", "DROP TABLE site", "ALTER TABLE site ADD mine int"):
        assert not may(url, statement), statement


def test_the_owner_upgrades_tables(logins: dict[str, str]) -> None:
    for statement in ("ALTER TABLE site ADD mine int", "DROP TABLE offer", "CREATE TABLE mine (a int)"):
        assert may(logins["owner"], statement), statement


def test_tables_of_later_versions_are_covered(
    admin_url: str, postgis_cluster: Cluster, logins: dict[str, str]
) -> None:
    with psycopg.connect(postgis_cluster.url(DATABASE)) as connection:
        connection.execute("CREATE TABLE later (id serial PRIMARY KEY, a int)")
    assert may(logins["analyst"], "SELECT * FROM later")
    assert not may(logins["analyst"], "INSERT INTO later (a) VALUES (1)")
    assert may(logins["service"], "INSERT INTO later (a) VALUES (1)")


def test_nobody_enters_prefects_database_nor_comes_without_a_role(
    admin_url: str, logins: dict[str, str]
) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE tests_stranger LOGIN PASSWORD 'stranger'")
    for url in (
        url_of(admin_url, ("tests_stranger", "stranger")),
        logins["analyst"].rpartition("/")[0] + f"/{OTHER}",
    ):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url)


def test_a_new_password_and_another_role_replace_the_old_ones(admin_url: str) -> None:
    first = create_login(admin_url, "tests_bert", "service")
    second = create_login(admin_url, "tests_bert", "analyst")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url_of(admin_url, (first.name, first.password)))
    assert not may(url_of(admin_url, (second.name, second.password)), INSERT)


@pytest.mark.parametrize("name", ["postgres", "tests_roles_owner", "a; DROP TABLE site", "", "ä", "1a"])
def test_roles_of_the_system_are_not_changed(admin_url: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be a login|of its own"):
        create_login(admin_url, name, "analyst")
