"""An archive on this machine: a national mirror or the mounted store of a cloud. Read where it lies."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sen4cap_core.scenes.acquisition.s2_names import acquisition_key, match_product, parse_utc
from sen4cap_core.sources.offers import Offer, Progress, Query, SourceAwayError, SourceError

PATTERNS = {
    "S2": (
        "Sentinel-2/MSI/L2A/{year}/{month}/{day}/*",
        "Sentinel-2/MSI/L2A_N0500/{year}/{month}/{day}/*",
        "{year}/{month}/{day}/*",
        "{utm}/{band}/{square}/*",
        "*",
    ),
    "S1": (
        "Sentinel-1/SAR/SLC/{year}/{month}/{day}/*",
        "Sentinel-1/SAR/IW_SLC__1S/{year}/{month}/{day}/*",
        "{year}/{month}/{day}/*",
        "*",
    ),
    "L8": ("Landsat-8/OLI_TIRS/L2SP/{year}/{month}/{day}/*", "{year}/{month}/{day}/*", "*"),
}
"""Where archives are known to keep their products: places tried one after the other when none is given."""

_S1_SLC = re.compile(r"(?P<platform>S1[A-D])_IW_SLC__1S(?P<pol>[SD][VH])_(?P<start>\d{8}T\d{6})_")
_LANDSAT = re.compile(
    r"LC0(?P<number>[89])_L2S[PR]_(?P<path>\d{3})(?P<row>\d{3})_(?P<day>\d{8})_(?P<made>\d{8})_02_T1"
)
_SUFFIXES = (".SAFE.zip", ".SAFE", ".zip", ".tar")


class LocalSource:
    """Products below a root, found by where archives keep them. Nothing is copied and nothing is altered."""

    def __init__(self, name: str, root: Path, patterns: tuple[str, ...] = ()) -> None:
        """Describe the archive.

        Parameters
        ----------
        patterns : below the root, with ``{year} {month} {day}`` or ``{utm} {band} {square}`` of the tile,
            ``*`` for any name; default: the known places of `PATTERNS`
        """
        self.name, self._root, self._patterns = name, root, patterns

    @property
    def remote_now(self) -> datetime | None:
        """As `Source.remote_now`: a folder tells no time."""
        return None

    def search(self, query: Query) -> Iterator[Offer]:
        """Yield the archive's products of a query; errors as `Source.search`."""
        if not self._root.is_dir():
            raise SourceAwayError(f"{self._root} is not there: is the archive mounted?")
        seen: set[str] = set()
        for folder in self._folders(query):
            for path in _children(folder):
                offer = self._offer(path)
                if offer is not None and offer.offer_id not in seen and query.wants(offer):
                    seen.add(offer.offer_id)
                    yield offer

    def fetch(self, offer: Offer, folder: Path, bands: frozenset[str], progress: Progress) -> Path:
        """Say where the product lies."""
        path = Path(offer.offer_id)
        if not path.exists():
            raise SourceError(f"{path} is not in the archive any more")
        return path

    def _folders(self, query: Query) -> Iterator[Path]:
        """Yield each folder to be listed once; the first known place that exists is the archive's."""
        for satellite in query.satellites:
            for pattern in self._patterns or PATTERNS[satellite]:
                folders = sorted(
                    folder for folder in set(_expand(self._root, pattern, query)) if folder.is_dir()
                )
                yield from folders
                if folders and not self._patterns:
                    break

    def _offer(self, path: Path) -> Offer | None:
        name = path.name
        for suffix in _SUFFIXES:
            name = name.removesuffix(suffix)
        s2, s1, landsat = match_product(name), _S1_SLC.match(name), _LANDSAT.match(name)
        if s2 and s2["level"] == "2A":
            at = parse_utc(s2["datatake"])
            baseline = s2["baseline"]
            return Offer(
                self.name, str(path), name, "s2-l2a", "local", at,
                acquisition_key(s2["tile"], s2["datatake"]), tile=s2["tile"],
                published_at=parse_utc(s2["generated"]) if s2["generated"] else None,
                baseline=f"{baseline[:2]}.{baseline[2:]}" if baseline else None,
                relative_orbit=int(s2["orbit"]),
            )  # fmt: skip
        if s1:
            return Offer(
                self.name, str(path), name, "s1-slc", "local", parse_utc(s1["start"]), f"s1-slc/{name}"
            )
        if landsat:
            day = datetime.strptime(landsat["day"], "%Y%m%d").replace(tzinfo=UTC)
            return Offer(
                self.name, str(path), name, "landsat-c2l2", "local", day,
                f"landsat-c2l2/LC{landsat['number']}{landsat['path']}{landsat['row']}{day:%Y%j}",
                published_at=datetime.strptime(landsat["made"], "%Y%m%d").replace(tzinfo=UTC),
            )  # fmt: skip
        return None


def _expand(root: Path, pattern: str, query: Query) -> Iterator[Path]:
    """Yield the folders that a pattern names for the days and tiles of a query; its last part is dropped."""
    parent = pattern.rpartition("/")[0]
    if "{utm}" in parent:
        for tile in query.tiles:
            yield root / parent.format(utm=tile[:2].lstrip("0"), band=tile[2], square=tile[3:])
    elif "{" in parent:
        for day in _days(query.start, query.end):
            padded = {"year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}"}
            bare = {"year": str(day.year), "month": str(day.month), "day": str(day.day)}
            yield root / parent.format(**padded)
            yield root / parent.format(**bare)
    else:
        yield root / parent


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _children(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in sorted(os.scandir(folder), key=lambda entry: entry.name)]
    except OSError as error:
        raise SourceAwayError(f"{folder} cannot be listed: {error.strerror}") from None
