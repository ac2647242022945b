"""Mirrors of the Data Hub software, through sentinelsat.

The Copernicus hub itself was closed in 2023; national mirrors still run the software.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from sentinelsat import SentinelAPI
from sentinelsat.exceptions import (
    InvalidChecksumError,
    LTAError,
    SentinelAPIError,
    ServerError,
    UnauthorizedError,
)

from sen4cap_core.scenes.acquisition.s2_names import acquisition_key, match_product
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.offers import Offer, Progress, Query, Sensor, SourceAwayError, SourceError
from sen4cap_core.sources.remote_clock import RemoteClock

CLOSED = ("scihub.copernicus.eu", "apihub.copernicus.eu", "cophub.copernicus.eu")
CLOSED_TEXT = (
    "the Copernicus hub was closed in October 2023; use a source of kind `stac` with "
    "https://stac.dataspace.copernicus.eu/v1, or the address of a national mirror"
)
_WANTED = {
    "S2": {"platformname": "Sentinel-2", "producttype": "S2MSI2A"},
    "S1": {"platformname": "Sentinel-1", "producttype": "SLC", "sensoroperationalmode": "IW"},
}
TIMEOUT_SECONDS = (10.0, 60.0)


class DhusSource:
    """One mirror."""

    def __init__(self, name: str, url: str, account: Account = Account()) -> None:
        """Describe the mirror. Raises SourceError for the hub that is closed."""
        if (urlsplit(url).hostname or "").lower() in CLOSED:
            raise SourceError(f"{url}: {CLOSED_TEXT}")
        self.name, self._url, self._account = name, url, account
        self._clock = RemoteClock()

    @property
    def remote_now(self) -> datetime | None:
        """As `Source.remote_now`."""
        return self._clock.now

    def search(self, query: Query) -> Iterator[Offer]:
        """Yield the mirror's products of a query; errors as `Source.search`."""
        api = self._api()
        for satellite in query.satellites:
            filters = _WANTED.get(satellite)
            if filters is None:
                continue
            try:
                found = api.query(
                    query.footprint_wkt,
                    date=(query.start, query.end + timedelta(days=1)),
                    area_relation="Intersects",
                    **filters,
                )
            except UnauthorizedError:
                raise SourceError(f"{self._url} refuses the account: see `secret` in site.yaml") from None
            except (ServerError, requests.RequestException) as error:
                raise SourceAwayError(f"{self._url} does not answer: {type(error).__name__}") from None
            except SentinelAPIError as error:
                raise SourceError(f"{self._url} refuses the search: {type(error).__name__}") from None
            for uuid, properties in found.items():
                offer = self._offer(uuid, properties)
                if offer is not None and query.wants(offer):
                    yield offer

    def fetch(self, offer: Offer, folder: Path, bands: frozenset[str], progress: Progress) -> Path:
        """Bring the zip of a product; sentinelsat goes on where it broke off and checks the checksum."""
        folder.mkdir(parents=True, exist_ok=True)
        try:
            info = self._api().download(offer.offer_id, directory_path=str(folder), checksum=True)
        except UnauthorizedError:
            raise SourceError(f"{self._url} refuses the account: see `secret` in site.yaml") from None
        except LTAError:
            raise SourceAwayError(
                f"{offer.product_id} is in the long-term archive of {self._url}: it was asked for", 3600.0
            ) from None
        except InvalidChecksumError:
            raise SourceAwayError(f"{offer.product_id} came damaged from {self._url}") from None
        except (ServerError, requests.RequestException) as error:
            raise SourceAwayError(f"{self._url} does not answer: {type(error).__name__}") from None
        except SentinelAPIError as error:
            raise SourceError(f"{self._url}: {type(error).__name__}") from None
        path = Path(info["path"])
        progress(path.stat().st_size)
        return path

    def _api(self) -> SentinelAPI:
        account = self._account
        password = account.password.get_secret_value() if account.password else None
        api = SentinelAPI(account.user, password, self._url, show_progressbars=False, timeout=TIMEOUT_SECONDS)
        self._clock.listen(api.session)
        return api

    def _offer(self, uuid: str, properties: Mapping[str, Any]) -> Offer | None:
        name = str(properties.get("title", ""))
        begin = _utc(properties.get("beginposition"))
        if begin is None:
            return None
        sensor: Sensor
        product = match_product(name)
        if product and product["level"] == "2A":
            sensor, tile = "s2-l2a", product["tile"]
            key = acquisition_key(tile, product["datatake"])
        elif "_IW_SLC__" in name:
            sensor, tile, key = "s1-slc", None, f"s1-slc/{name}"
        else:
            return None
        baseline = product["baseline"] if product else None
        cloud = properties.get("cloudcoverpercentage")
        orbit = properties.get("relativeorbitnumber")
        return Offer(
            self.name, uuid, name, sensor, "archive", begin, key, tile=tile,
            published_at=_utc(properties.get("ingestiondate")),
            baseline=f"{baseline[:2]}.{baseline[2:]}" if baseline else None,
            relative_orbit=int(orbit) if orbit is not None else None,
            orbit_direction=str(properties.get("orbitdirection", "")).lower() or None,
            cloud_percent=float(cloud) if cloud is not None else None,
            footprint_wkt=properties.get("footprint"),
        )  # fmt: skip


def _utc(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
