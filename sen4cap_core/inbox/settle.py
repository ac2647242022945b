"""Whether a drop has arrived whole, or is still being copied."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.inbox.layout import Kind
from sen4cap_core.inbox.units import Fingerprint, Unit
from sen4cap_core.inbox.wrong_kind import satellite_product
from sen4cap_core.scenes.completeness import Completeness, check_completeness
from sen4cap_core.sentinel1.product import product_completeness

logger = logging.getLogger(__name__)

USABLE_SECONDS = 10.0
"""A scene that lacks only what is not needed is taken after this long without growth."""
INCOMPLETE_SECONDS = 60.0
"""A drop that is not whole is taken after this long without growth, so that its owner gets a clear error."""

JUST_ARRIVED, STILL_GROWING = "just arrived", "still growing"

_SHAPEFILE_NEEDS = (".shx", ".dbf", ".prj")


@dataclass
class _Watched:
    fingerprint: Fingerprint
    since: float
    completeness: Completeness | None = None


@dataclass
class Settler:
    """Remembers since when each drop has not changed. The clock is the caller's, in seconds."""

    settle_seconds: float
    usable_seconds: float = USABLE_SECONDS
    incomplete_seconds: float = INCOMPLETE_SECONDS
    check: Callable[[Unit], Completeness] = field(default=lambda unit: completeness_of(unit))
    _watched: dict[Path, _Watched] = field(default_factory=dict)

    def look(self, unit: Unit, fingerprint: Fingerprint, now: float) -> str | None:
        """Return why a drop cannot be taken yet, None when it can."""
        watched = self._watched.get(unit.path)
        if watched is None or watched.fingerprint != fingerprint:
            self._watched[unit.path] = _Watched(fingerprint, now)
            return JUST_ARRIVED if watched is None else STILL_GROWING
        quiet = now - watched.since
        if quiet < self.settle_seconds:
            return JUST_ARRIVED
        if watched.completeness is None:
            # Once per state of its files: while nothing changes, the answer does not either.
            watched.completeness = self.check(unit)
        completeness = watched.completeness
        needed = self.settle_seconds
        if completeness.lacking:
            needed = max(needed, self.incomplete_seconds)
        elif completeness.lacking_extras:
            needed = max(needed, self.usable_seconds)
        if quiet >= needed:
            return None
        return "incomplete, waiting for the rest: " + (completeness.lacking or completeness.lacking_extras)[0]

    def forget(self, path: Path) -> None:
        """Forget a drop that was taken."""
        self._watched.pop(path, None)

    def keep_only(self, paths: set[Path]) -> None:
        """Forget all drops but these."""
        self._watched = {path: watched for path, watched in self._watched.items() if path in paths}


def completeness_of(unit: Unit) -> Completeness:
    """Say what a drop still lacks, judged by its form: scene metadata, archive ends, shapefile parts."""
    try:
        # Also among declarations: a product that is still being copied there is not to be moved away.
        if unit.place.kind is Kind.SCENE or (unit.path.is_dir() and satellite_product(unit.path)):
            return product_completeness(unit.path) or check_completeness(unit.path)
        fault = _fault(unit)
    except OSError as error:
        fault = f"it cannot be read: {error.strerror or error}"
    except BadUploadError:
        # It will not get better by waiting; whoever opens it says what is wrong.
        fault = None
    except Exception:
        # Neither will this, which nobody has thought of: one odd file is not to hold up the others.
        logger.exception("whether %r is whole cannot be told; it is taken as it is", str(unit.path))
        fault = None
    return Completeness(lacking=[fault]) if fault else Completeness()


def _fault(unit: Unit) -> str | None:
    path = unit.path
    if path.is_dir():
        return None
    match path.suffix.lower():
        case ".zip":
            # The directory of a zip stands at its end.
            return None if zipfile.is_zipfile(path) else "the end of the zip"
        case ".gpkg":
            return None if _is_whole_sqlite(path) else "the end of the GeoPackage"
        case ".parquet" | ".geoparquet":
            return None if _ends_with(path, b"PAR1") else "the end of the Parquet file"
        case ".json" | ".geojson":
            return None if _is_json(path) else "the end of the JSON text"
        case ".shp":
            present = {part.suffix.lower() for part in unit.parts}
            missing = [suffix for suffix in _SHAPEFILE_NEEDS if suffix not in present]
            return f"the {', '.join(missing)} of the shapefile" if missing else None
    return None if path.stat().st_size else "its contents (it is empty)"


def _is_whole_sqlite(path: Path) -> bool:
    """Compare the pages counted in the header with the file's size."""
    with path.open("rb") as handle:
        header = handle.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        return False
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    n_pages = int.from_bytes(header[28:32], "big")
    return path.stat().st_size >= page_bytes * n_pages


def _ends_with(path: Path, end: bytes) -> bool:
    with path.open("rb") as handle:
        handle.seek(0, 2)
        handle.seek(max(handle.tell() - len(end), 0))
        return handle.read() == end


def _is_json(path: Path) -> bool:
    with path.open("rb") as handle:
        handle.seek(max(path.stat().st_size - 64, 0))
        return handle.read().rstrip().endswith((b"}", b"]"))
