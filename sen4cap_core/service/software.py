"""Which software this is: what services were started with may be replaced on disk while they run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import sen4cap_core
from sen4cap_core.service.place import Place

STALE = (
    "The software on disk is another one than that which runs: runs that start now take the new one, beside "
    "services and tables of the old. Run: sen4cap down, then sen4cap up"
)


def fingerprint(place: Place) -> str:
    """Return a hash of all that runs: library, flows, migrations, deployments.

    Raises
    ------
    ServiceError
        When there is no ``prefect.yaml`` where this installation expects it.
    """
    project = place.project
    digest = hashlib.sha256()
    for path in sorted(_sources(Path(sen4cap_core.__file__).parent, project)):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _sources(library: Path, project: Path) -> Iterator[Path]:
    for folder in (library, project / "flows", project / "migrations"):
        yield from folder.rglob("*.py")
    yield project / "prefect.yaml"
