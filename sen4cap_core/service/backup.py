"""The tables as one file, and back into an empty installation; other folders for what they name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.db.server import databases
from sen4cap_core.db.server.migrate import clear
from sen4cap_core.db.server.whole_paths import KnownThereError, rename_folder, rows_of, upload_paths
from sen4cap_core.errors import ServiceError
from sen4cap_core.files import atomic_path
from sen4cap_core.service import control
from sen4cap_core.service.migrating import migrate
from sen4cap_core.service.pgbinaries import find_binaries
from sen4cap_core.service.place import Place

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


@dataclass(frozen=True)
class Named:
    """What the tables name after files were moved."""

    uploads: int
    renamed: int
    """Paths that have another folder now."""
    lost: int
    """Uploads whose file is not where the tables say."""
    elsewhere: list[str]
    """Uploads in neither the upload folder nor the data root: of an archive, or of a former home."""


def restore(place: Place, source: Path, moved: Sequence[tuple[Path, Path]] = ()) -> Named:
    """Fill the tables of an empty installation from such a file, then bring them to this version's schema.

    Parameters
    ----------
    moved : (old folder, new folder) of whatever lies elsewhere now

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
        clear(url)
        # Whole or not at all. Who may do what is said anew: sen4cap db roles.
        all_or_nothing = ("--single-transaction", "--exit-on-error", "--no-comments")
        _run(
            "pg_restore",
            url,
            *all_or_nothing,
            *_OPTIONS,
            f"--dbname={databases.libpq_environment(url)['PGDATABASE']}",
            str(source),
        )
        migrate(place)
        renamed = sum(_rename(url, old, new) for old, new in moved)
        return _named(place, url, renamed)


def move(place: Place, old: Path, new: Path) -> Named:
    """Let the tables name files in another folder than before, once people have moved it.

    Raises
    ------
    ServiceError
        Services are up, or the new folder is not there.
    """
    _require_down(place)
    if not new.is_dir():
        raise ServiceError(f"There is no folder {new}: move the files first")
    with _database(place) as url:
        return _named(place, url, _rename(url, old, new))


def _named(place: Place, url: str, renamed: int) -> Named:
    paths = upload_paths(url)
    ours = [folder.absolute() for folder in (place.settings.uploads_root, place.settings.data)]
    elsewhere = [path for path in paths if not any(Path(path).is_relative_to(folder) for folder in ours)]
    return Named(len(paths), renamed, sum(not os.path.lexists(path) for path in paths), elsewhere)


def _require_down(place: Place) -> None:
    if control.is_up(place):
        raise ServiceError("The services are up and would work on half of it. First: sen4cap down")


def _require_empty(url: str) -> None:
    for table in ("site", "upload"):
        if count := rows_of(url, table):
            raise ServiceError(
                f"There is something here already (rows of {table}: {count}), nothing was changed. "
                "A backup is restored into a new home, before anything is dropped there"
            )


def _rename(url: str, old: Path, new: Path) -> int:
    try:
        return rename_folder(url, str(old), str(new))
    except KnownThereError as error:
        raise ServiceError(
            f"Files of {new} are known already beside those of {old}: nothing was renamed"
        ) from error


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
    environment = databases.libpq_environment(url)
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
