"""Runs the migrations: from `sen4cap_core.db.server.migrate`, or by hand with the `alembic` command."""

from __future__ import annotations

from logging.config import fileConfig

from alembic import context
from geoalchemy2 import alembic_helpers
from sqlalchemy import Connection, text

from sen4cap_core.db.models import Base
from sen4cap_core.db.server.migrate import UPGRADE_LOCK
from sen4cap_core.db.server.session import make_engine
from sen4cap_core.settings import Settings


def run(connection: Connection) -> None:
    """Migrate over one connection, in one transaction, one process at a time."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        include_object=alembic_helpers.include_object,
        process_revision_directives=alembic_helpers.writer,
        render_item=alembic_helpers.render_item,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        # Held to the end of the transaction. Alembic reads the current revision only after this line, so the
        # second of two upgrades finds the work done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
        context.run_migrations()


def main() -> None:
    """Use the connection handed in by the caller, else the database of SEN4CAP_DATABASE_URL."""
    handed_in: Connection | None = context.config.attributes.get("connection")
    if handed_in is not None:
        run(handed_in)
        return
    if context.config.config_file_name is not None:
        fileConfig(context.config.config_file_name, disable_existing_loggers=False)
    url = Settings().database_url
    if url is None:
        raise SystemExit("Set SEN4CAP_DATABASE_URL to the database to migrate (postgresql://user@host/name).")
    engine = make_engine(url.get_secret_value(), application_name="sen4cap-migrate")
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Migrations need a connection: the spatial columns are checked against PostGIS.")
main()
