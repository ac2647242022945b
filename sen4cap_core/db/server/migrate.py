"""Bring a database to the schema of the models, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text

from sen4cap_core.db.models import Base
from sen4cap_core.db.server.session import make_engine

Result = TypeVar("Result")

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"

UPGRADE_LOCK = 0x53454E344341  # key of the advisory lock: "SEN4CA" in ASCII


def upgrade(url: str, revision: str = "head") -> None:
    """Apply all revisions up to ``revision``; a database that is there already is left alone.

    Safe to call from two processes at once: the second waits for the first. Creates the PostGIS extension
    where it is missing, which needs a superuser or a trusted extension.
    """
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str = "base") -> None:
    """Undo revisions down to ``revision``. The tables' contents are lost; the PostGIS extension stays."""
    _run(url, lambda config: command.downgrade(config, revision))


def clear(url: str) -> None:
    """Take all tables away, the one that names the revision as well. Their contents are lost."""
    if current(url) is not None:
        downgrade(url)
    engine = make_engine(url, application_name="sen4cap-migrate")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    engine.dispose()


def current(url: str) -> str | None:
    """Return the revision a database is at, None for an empty one."""
    return _look(url, lambda connection: MigrationContext.configure(connection).get_current_revision())


def head() -> str | None:
    """Return the newest revision this version of the software knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_known(revision: str) -> bool:
    """Whether this version of the software has a revision; one of a newer version it does not."""
    return revision in {one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()}


def drift(url: str) -> list[str]:
    """List the differences between a database and the models, one line each; empty when there are none."""

    def compare(connection: Connection) -> list[str]:
        options = {
            "include_object": alembic_helpers.include_object,
            "compare_type": True,
            "compare_server_default": True,
        }
        found = compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
        return [str(difference) for difference in found]

    return _look(url, compare)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _run(url: str, action: Callable[[Config], None]) -> None:
    config = _config()
    engine = make_engine(url, application_name="sen4cap-migrate")
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            action(config)
    finally:
        engine.dispose()


def _look(url: str, question: Callable[[Connection], Result]) -> Result:
    engine = make_engine(url, application_name="sen4cap-migrate")
    try:
        with engine.connect() as connection:
            return question(connection)
    finally:
        engine.dispose()
