"""Where PostgreSQL is on this machine, and whether PostGIS came with it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.errors import ServiceError

# Debian and Ubuntu, Red Hat and its kin, Homebrew-like prefixes. Newest version first.
KNOWN_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/postgresql/*/bin",
)
NEEDED = ("initdb", "postgres")
REMEDY = (
    "Install it (Debian, Ubuntu: sudo apt-get install postgresql postgis postgresql-postgis), "
    "or set SEN4CAP_DATABASE_URL to an existing PostGIS database."
)


@dataclass(frozen=True)
class PostgresBinaries:
    """One PostgreSQL installation."""

    folder: Path
    version: str
    """Major version, for example ``15``."""

    def __getitem__(self, program: str) -> str:
        return str(self.folder / program)


def find_binaries(candidates: Iterable[Path] | None = None) -> PostgresBinaries:
    """Return the newest PostgreSQL here that has PostGIS.

    Parameters
    ----------
    candidates : folders with programs; None looks in the usual places, on PATH and asks ``pg_config``.

    Raises
    ------
    ServiceError
        When no server is installed, or none of them has the PostGIS extension files.
    """
    without_postgis: list[Path] = []
    for folder in _candidates() if candidates is None else candidates:
        if not all((folder / program).is_file() for program in NEEDED):
            continue
        control = _share_folder(folder) / "extension" / "postgis.control"
        if control.is_file():
            return PostgresBinaries(folder, _major_version(folder))
        without_postgis.append(folder)
    if without_postgis:
        raise ServiceError(
            f"PostgreSQL is in {without_postgis[0]}, but without the PostGIS extension. {REMEDY}"
        )
    raise ServiceError(f"No PostgreSQL server found on this machine. {REMEDY}")


def _candidates() -> Iterator[Path]:
    found: list[Path] = []
    for pattern in KNOWN_FOLDERS:
        found += Path("/").glob(pattern.lstrip("/"))
    yield from sorted(found, key=lambda folder: _number_in(folder.parent.name), reverse=True)
    if program := shutil.which("postgres"):
        yield Path(program).resolve().parent
    if program := shutil.which("pg_config"):
        yield Path(_output(program, "--bindir"))


def _share_folder(binaries: Path) -> Path:
    # pg_config may be absent (it is part of the development files) or refuse: the layout tells as well.
    if "lib/postgresql" in str(binaries):
        return Path("/usr/share/postgresql") / binaries.parent.name
    if (binaries / "pg_config").is_file():
        return Path(_output(str(binaries / "pg_config"), "--sharedir"))
    return binaries.parent / "share"


def _major_version(binaries: Path) -> str:
    # "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
    return _output(str(binaries / "postgres"), "--version").split()[2].split(".")[0]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def _number_in(name: str) -> int:
    digits = "".join(character for character in name if character.isdigit())
    return int(digits) if digits else 0
