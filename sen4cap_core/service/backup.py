"""The tables as one file, and back into an empty installation; other folders for what they name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from sen4cap_core.db.server import databases
from sen4cap_core.db.server.migrate import current, downgrade
from sen4cap_core.errors import ServiceError
from sen4cap_core.files import atomic_path
from sen4cap_core.service import control
from sen4cap_core.service.migrating import migrate
from sen4cap_core.service.pgbinaries import find_binaries
from sen4cap_core.service.place import Place

PATHS = (
    ("upload", "path"),
    ("upload", "dropped_as"),
    ("sighting", "path"),
    ("scene", "path"),
    ("radar_acquisition", "path"),
    ("offer", "path"),
)
"""Columns that name files by their whole path; those of products lie below the data root."""
_OPTIONS = ("--no-owner", "--no-privileges")


def dump(place: Place, target: Path) -> int:
    """Write all tables into one file of ``pg_dump``'s custom format; return its size in bytes.

    It shows one moment, however much is at work meanwhile. Services need not be up.

    Raises
    ------
    ServiceError
        The database does not answer, or ``pg_dump`` is missing or refuses.
    """
    with _database(place) as url, atomic_path(target) as temporary:
        # Whoever reads it reads declarations: for its owner alone.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # PostGIS brings its own coordinate systems, and nobody else may write them.
        without = "--exclude-table-data=spatial_ref_sys"
        _run("pg_dump", url, "--format=custom", f"--file={temporary}", without, *_OPTIONS)
    return target.stat().st_size


def restore(place: Place, source: Path, moved: Sequence[tuple[Path, Path]] = ()) -> dict[str, int]:
    """Fill the tables of an empty installation from such a file, then bring them to this version's schema.

    Parameters
    ----------
    moved : (old folder, new folder) of whatever lies elsewhere now

    Returns
    -------
    dict
        ``uploads``, ``paths`` (renamed) and ``lost`` (files of uploads that are not where their rows say).

    Raises
    ------
    ServiceError
        Services are up, there are sites or uploads already, or the file is none of ``pg_dump``.
    """
    _require_down(place)
    if not source.is_file():
        raise ServiceError(f"There is no file {source}")
    with _database(place, may_be_new=True) as url:
        _require_empty(url)
        if current(url) is not None:
            downgrade(url)
        with psycopg.connect(url) as connection:
            connection.execute("DROP TABLE IF EXISTS alembic_version")
        # Whole or not at all. Who may do what is said anew: sen4cap db roles.
        all_or_nothing = ("--single-transaction", "--exit-on-error", "--no-comments")
        _run("pg_restore", url, *all_or_nothing, *_OPTIONS, f"--dbname={_name(url)}", str(source))
        migrate(place)
        renamed = sum(_rename(url, old, new) for old, new in moved)
        uploads, lost = _lost(url)
    return {"uploads": uploads, "paths": renamed, "lost": lost}


def move(place: Place, old: Path, new: Path) -> tuple[int, int]:
    """Let the tables name files in another folder than before, once people have moved it.

    Returns
    -------
    (int, int)
        Paths that were renamed, and files of uploads that are not where their rows say.

    Raises
    ------
    ServiceError
        Services are up, or the new folder is not there.
    """
    _require_down(place)
    if not new.is_dir():
        raise ServiceError(f"There is no folder {new}: move the files first")
    with _database(place) as url:
        return _rename(url, old, new), _lost(url)[1]


def _require_down(place: Place) -> None:
    if control.is_up(place):
        raise ServiceError("The services are up and would work on half of it. First: sen4cap down")


def _require_empty(url: str) -> None:
    with psycopg.connect(url) as connection:
        for table in ("site", "upload"):
            if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
                continue
            found = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            (count,) = found.fetchone() or (0,)
            if count:
                raise ServiceError(
                    f"There is something here already ({count} rows in {table}): nothing was changed. "
                    "A backup is restored into a new home, before anything is dropped there"
                )


def _rename(url: str, old: Path, new: Path) -> int:
    before, after = str(old).rstrip("/"), str(new).rstrip("/")
    renamed = 0
    with psycopg.connect(url) as connection:
        for table, column in PATHS:
            statement = sql.SQL(
                "UPDATE {table} SET {column} = %(after)s || substr({column}, length(%(before)s) + 1)"
                " WHERE {column} = %(before)s OR starts_with({column}, %(before)s || '/')"
            ).format(table=sql.Identifier(table), column=sql.Identifier(column))
            try:
                renamed += connection.execute(statement, {"before": before, "after": after}).rowcount
            except psycopg.errors.UniqueViolation as error:
                raise ServiceError(
                    f"Files of {after} are known already beside those of {before}: nothing was changed"
                ) from error
    return renamed


def _lost(url: str) -> tuple[int, int]:
    """Return how many uploads there are, and of how many the file is not where the row says."""
    with psycopg.connect(url) as connection:
        paths = [row[0] for row in connection.execute("SELECT path FROM upload WHERE retired_at IS NULL")]
    return len(paths), sum(not os.path.lexists(path) for path in paths)


@contextmanager
def _database(place: Place, *, may_be_new: bool = False) -> Iterator[str]:
    """Give the URL of the database; a private one that is down runs for as long as it is needed."""
    if not place.has_own_database:
        url = databases.plain_url(place.database_url())
        if not databases.can_connect(url, timeout_seconds=10):
            raise ServiceError(
                "The database in SEN4CAP_DATABASE_URL does not answer, or refuses the password."
            )
        yield url
        return
    cluster = place.cluster
    if not may_be_new:
        _ = cluster.access  # says where there is none
    was_down = not cluster.exists or cluster.running_pid() is None
    if was_down:
        cluster.start()
    try:
        yield cluster.url()
    finally:
        if was_down:
            cluster.stop()


def _run(program: str, url: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs; the password goes through its environment, unseen by others."""
    given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    names = ("host", "port", "user", "password", "sslmode")
    environment = {f"PG{name.upper()}": given[name] for name in names if name in given}
    environment["PGDATABASE"] = given["dbname"]
    done = subprocess.run(
        [_path_of(program), *arguments],
        env={"PATH": os.environ.get("PATH", os.defpath), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServiceError(f"{program} refused, nothing was changed: {done.stderr.strip()}")


def _path_of(program: str) -> str:
    try:
        beside = Path(find_binaries()[program])
    except ServiceError:
        beside = Path(program)
    if beside.is_file():
        return str(beside)
    if found := shutil.which(program):
        return found
    raise ServiceError(f"{program} is not on this machine. Debian, Ubuntu: apt-get install postgresql-client")


def _name(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])
