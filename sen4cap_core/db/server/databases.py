"""Roles, databases and extensions on a PostgreSQL server: what has to exist before the tables."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict


def can_connect(url: str, *, timeout_seconds: int = 2) -> bool:
    """Whether the server behind this URL takes a connection now."""
    try:
        psycopg.connect(url, connect_timeout=timeout_seconds).close()
    except psycopg.OperationalError:
        return False
    return True


def ensure_role(admin_url: str, name: str, password: str, *, may_create_databases: bool = False) -> None:
    """Create a login role, or set its password when it exists."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
        connection.execute(
            sql.SQL("{verb} ROLE {role} LOGIN PASSWORD {password} {createdb}").format(
                verb=sql.SQL("ALTER" if known else "CREATE"),
                role=sql.Identifier(name),
                password=sql.Literal(password),
                createdb=sql.SQL("CREATEDB" if may_create_databases else "NOCREATEDB"),
            )
        )


def ensure_database(
    admin_url: str, name: str, *, owner: str | None = None, template: str = "template1"
) -> bool:
    """Create a database unless it exists; return whether it was created."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return False
        statement = sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(
            name=sql.Identifier(name), template=sql.Identifier(template)
        )
        if owner is not None:
            statement += sql.SQL(" OWNER {owner}").format(owner=sql.Identifier(owner))
        try:
            connection.execute(statement)
        except psycopg.errors.DuplicateDatabase:
            return False
    return True


def drop_database(admin_url: str, name: str) -> None:
    """Remove a database, cutting off whoever is connected to it."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def ensure_extension(url: str, name: str = "postgis") -> None:
    """Create an extension in the database of this URL unless it is there."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(name)))


def plain_url(url: str, *, database: str | None = None, driver: str = "") -> str:
    """Return a PostgreSQL URL with another driver (``+asyncpg``) and, if given, another database."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(
            scheme=f"postgresql{driver}",
            path=f"/{database}" if database else parts.path,
            # Options after the question mark are libpq's: another driver does not know them.
            query=parts.query if driver in ("", "+psycopg") else "",
        )
    )


def libpq_environment(url: str) -> dict[str, str]:
    """Return the variables by which PostgreSQL's programs find a database: no password in a command line."""
    given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    names = ("host", "port", "user", "password", "sslmode")
    found = {f"PG{name.upper()}": given[name] for name in names if name in given}
    return {**found, "PGDATABASE": given["dbname"]}


PrivilegeError = psycopg.errors.InsufficientPrivilege
"""Raised where our role may not create what is missing."""
