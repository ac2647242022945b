"""Who may do what in the database: the owner makes tables, the service writes rows, analysts read.

Group roles without login; people and services are members with logins of their own.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal, LiteralString, get_args

import psycopg
from psycopg import sql

Role = Literal["owner", "service", "analyst"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SCHEMA: Final = sql.Identifier("public")
_NOT_FOR_ANALYSTS: Final = ("alembic_version",)


@dataclass(frozen=True)
class Login:
    """A login that was made; its password is shown once and kept nowhere."""

    name: str
    password: str


def group_name(database: str, role: Role) -> str:
    """Return the group role of a database: ``sen4cap_analyst``; roles are of the whole server."""
    return f"{database}_{role}"


def ensure_roles(admin_url: str, others: tuple[str, ...] = ()) -> dict[Role, str]:
    """Make the three group roles of the database of a URL and give them their rights; return their names.

    Repeat it after an upgrade: tables made later by the present owner are covered too, by default privileges.
    Nobody but the owner may make objects, and whoever is in none of the groups may not even connect.

    Parameters
    ----------
    admin_url : of a role that may create roles and owns the tables, or a superuser
    others : databases beside it that analysts and the service must not enter (Prefect's, its runs show files)

    Raises
    ------
    PrivilegeError
        The role of the URL may not create roles or give rights.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        database = str(connection.execute("SELECT current_database()").fetchone()[0])  # type: ignore[index]
        names: dict[Role, str] = {role: group_name(database, role) for role in ROLES}
        for name in names.values():
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
        # Not PostGIS's own tables, which belong to the administrator: those everybody may read.
        tables = connection.execute(
            "SELECT tablename, tableowner FROM pg_tables JOIN pg_roles ON rolname = tableowner"
            " WHERE schemaname = 'public' AND NOT rolsuper"
        ).fetchall()
        sequences = connection.execute(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
        ).fetchall()
        with connection.transaction():
            made = [str(row[0]) for row in tables], [str(row[0]) for row in sequences]
            makers = sorted({str(row[1]) for row in tables})
            for statement in _statements(database, names, *made, makers):
                connection.execute(statement)
            for other in others:
                if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (other,)).fetchone():
                    _run(connection, "REVOKE CONNECT ON DATABASE {} FROM PUBLIC", other)
    return names


def create_login(admin_url: str, name: str, role: Role) -> Login:
    """Make a login that is a member of a group, or give it a new password; return both.

    Raises
    ------
    ValueError
        The name is that of a group or of a role that owns something else.
    PrivilegeError
        The role of the URL may not create roles.
    """
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(f"{name!r} cannot be a login: letters without accents, digits and _")
    password = secrets.token_urlsafe(18)
    with psycopg.connect(admin_url, autocommit=True) as connection, connection.transaction():
        database = str(connection.execute("SELECT current_database()").fetchone()[0])  # type: ignore[index]
        groups = {group_name(database, one): one for one in ROLES}
        known = connection.execute(
            "SELECT rolsuper OR rolcreaterole OR NOT rolcanlogin FROM pg_roles WHERE rolname = %s", (name,)
        ).fetchone()
        if name in groups or (known is not None and known[0]):
            raise ValueError(f"{name!r} is a role of its own and is not changed: choose another name")
        verb = sql.SQL("ALTER" if known else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(password))
        )
        for group, one in groups.items():
            word = "GRANT {} TO {}" if one == role else "REVOKE {} FROM {}"
            connection.execute(sql.SQL(word).format(sql.Identifier(group), sql.Identifier(name)))
    return Login(name, password)


def _statements(
    database: str, names: dict[Role, str], tables: list[str], sequences: list[str], makers: list[str]
) -> list[sql.Composed]:
    owner, service, analyst = (sql.Identifier(names[role]) for role in ROLES)
    base = sql.Identifier(database)
    made: list[sql.Composed] = [
        sql.SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(base),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}, {}").format(base, owner, service, analyst),
        sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}, {}").format(base, owner, service),
        sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(_SCHEMA),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}, {}, {}").format(_SCHEMA, owner, service, analyst),
        sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(_SCHEMA, owner),
    ]
    for name in tables:
        table = sql.Identifier(name)
        grant = sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {}.{} TO {}")
        made.append(grant.format(_SCHEMA, table, service))
        if name not in _NOT_FOR_ANALYSTS:
            made.append(sql.SQL("GRANT SELECT ON {}.{} TO {}").format(_SCHEMA, table, analyst))
    for sequence in map(sql.Identifier, sequences):
        made.append(sql.SQL("GRANT USAGE, SELECT ON {}.{} TO {}").format(_SCHEMA, sequence, service))
    for maker in map(sql.Identifier, makers):
        head = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} ").format(maker, _SCHEMA)
        made += [
            # Members of the owner's group upgrade tables as their owner.
            sql.SQL("GRANT {} TO {}").format(maker, owner),
            head + sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {}").format(service),
            head + sql.SQL("GRANT USAGE, SELECT ON SEQUENCES TO {}").format(service),
            head + sql.SQL("GRANT SELECT ON TABLES TO {}").format(analyst),
        ]
    return made


def _run(connection: psycopg.Connection, text: LiteralString, name: str) -> None:
    connection.execute(sql.SQL(text).format(sql.Identifier(name)))
