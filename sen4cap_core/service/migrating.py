"""Bring the tables to the newest version: a short-lived process, so that the supervisor stays small."""

from __future__ import annotations

import logging
import sys

from sen4cap_core.db.server import databases
from sen4cap_core.db.server.migrate import current, head, is_known, upgrade
from sen4cap_core.errors import Sen4capError, ServiceError
from sen4cap_core.service.cluster import PREFECT_DATABASE
from sen4cap_core.service.place import Place
from sen4cap_core.settings import Settings

log = logging.getLogger(__name__)


def migrate(place: Place) -> None:
    """Upgrade the tables; on a server of others also see that PostGIS and Prefect's database are there.

    Raises
    ------
    ServiceError
        When the server does not answer, we may not create what is missing, or the tables are of a newer
        version of the software.
    """
    url = place.database_url()
    if not place.has_own_database:
        plain = databases.plain_url(url)
        if not databases.can_connect(plain, timeout_seconds=10):
            raise ServiceError(
                "The database in SEN4CAP_DATABASE_URL does not answer, or refuses the password."
            )
        try:
            databases.ensure_extension(plain)
            if place.has_own_prefect:
                databases.ensure_database(plain, PREFECT_DATABASE)
        except databases.PrivilegeError as error:
            raise ServiceError(
                f"{error}. Ask the database's administrator for: CREATE EXTENSION postgis; "
                f"CREATE DATABASE {PREFECT_DATABASE};"
            ) from error
    present = current(url)
    if present is not None and not is_known(present):
        raise ServiceError(
            f"The tables are of a newer version (revision {present}; this one knows none after {head()}). "
            "Nothing was changed. Install the newer version again, or restore a backup of this one: see"
            " docs/operations.md"
        )
    upgrade(url)
    if present not in (None, head()):
        log.warning("the tables were brought from revision %s to %s", present, head())


def main() -> None:
    """Entry point of the process."""
    try:
        migrate(Place(Settings()))
    except Sen4capError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
