"""What a catalogue offers, what is asked of it, and what a source of scenes can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from sen4cap_core.errors import Sen4capError

Sensor = Literal["s2-l2a", "landsat-c2l2", "s1-backscatter", "s1-coherence", "s1-slc"]
Form = Literal["local", "item", "archive"]
"""``local``: lies in an archive on this machine; ``item``: a STAC item with an asset for each band;
``archive``: one file that holds the product."""


class SourceError(Sen4capError):
    """A source answered something that cannot be used; asking again changes nothing."""


class SourceAwayError(SourceError):
    """A source does not answer at the moment, or is overloaded; it is asked again later."""

    def __init__(self, text: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class NotUnderstoodError(SourceError):
    """Some of an answer cannot be understood; all the rest of it was yielded before."""


@dataclass(frozen=True)
class Asset:
    """One file of an offer."""

    key: str
    href: str
    size_bytes: int | None = None
    checksum: str | None = None
    """``md5:<hex>`` or ``sha256:<hex>``; None where the catalogue states none that can be checked."""
    is_cog: bool = False


@dataclass(frozen=True)
class Offer:
    """One product of a catalogue over one tile or footprint."""

    source: str
    """Name of the source, unique in a site."""
    offer_id: str
    """The catalogue's own id."""
    product_id: str
    sensor: Sensor
    form: Form
    acquired_at: datetime
    acquisition_key: str
    """Equal for all products of one acquisition and tile, whatever source, format and processing."""
    part: str | None = None
    """Start of the datastrip, where it is stated: a split datatake has two products of one tile."""
    tile: str | None = None
    published_at: datetime | None = None
    baseline: str | None = None
    relative_orbit: int | None = None
    orbit_direction: str | None = None
    cloud_percent: float | None = None
    footprint_wkt: str | None = None
    assets: tuple[Asset, ...] = ()
    item: Mapping[str, Any] = field(default_factory=dict)
    """The STAC item, where the form is ``item``."""

    @property
    def size_bytes(self) -> int | None:
        """Bytes of all assets, None where one of them is not known."""
        sizes = [asset.size_bytes for asset in self.assets]
        return None if not sizes or None in sizes else sum(size for size in sizes if size is not None)

    @property
    def is_cog(self) -> bool:
        """Whether its bands are cloud-optimised GeoTIFFs, whose decode costs a fifteenth of JPEG 2000's."""
        return bool(self.assets) and all(asset.is_cog for asset in self.assets)


@dataclass(frozen=True)
class Query:
    """What a site needs of a source."""

    satellites: tuple[str, ...]
    """``S1``, ``S2``, ``L8``."""
    footprint_wkt: str
    """Extent in longitude and latitude, simple enough for a query."""
    start: date
    end: date
    """Last day, included."""
    tiles: tuple[str, ...] = ()
    """MGRS tiles wanted; empty for all that meet the footprint."""
    relative_orbits: tuple[int, ...] = ()
    max_cloud_percent: float = 100.0
    """Optical products that state more are not wanted; those that state nothing are."""

    def wants(self, offer: Offer) -> bool:
        """Whether an offer passes the filters: catalogues answer more than they are asked."""
        if not self.start <= offer.acquired_at.date() <= self.end:
            return False
        if self.tiles and offer.tile is not None and offer.tile not in self.tiles:
            return False
        if (
            self.relative_orbits
            and offer.relative_orbit is not None
            and offer.relative_orbit not in self.relative_orbits
        ):
            return False
        return offer.cloud_percent is None or offer.cloud_percent <= self.max_cloud_percent


Progress = Callable[[int], None]
"""Called with the bytes that have come so far."""


class Source(Protocol):
    """Where scenes come from."""

    name: str

    @property
    def remote_now(self) -> datetime | None:
        """What the source's own clock said in its last answer; None where it tells no time."""
        ...

    def search(self, query: Query) -> Iterator[Offer]:
        """Yield what the source has of a query, page by page.

        Raises
        ------
        SourceAwayError
            It does not answer at the moment.
        NotUnderstoodError
            At the end, where some of what it has cannot be understood.
        SourceError
            It answers something that cannot be used, or refuses the account.
        """
        ...

    def fetch(self, offer: Offer, folder: Path, bands: frozenset[str], progress: Progress) -> Path:
        """Bring an offer into a folder, or say where it lies; return what a scene reader opens.

        What came already is not fetched again; a broken transfer goes on where it stopped.
        """
        ...
