"""STAC APIs: Copernicus Data Space, Earth Search, Planetary Computer, USGS, and any other.

An offer is fetched as its item with the wanted bands beside it, the form that people drop by hand. A COG of
one band is a few tens of megabytes; the whole product would be twenty times that.
"""

from __future__ import annotations

import copy
import json
import posixpath
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pystac_client
import requests
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from shapely import from_wkt
from shapely.geometry import mapping

from sen4cap_core.files import write_text_atomic
from sen4cap_core.sources.accounts import Account
from sen4cap_core.sources.clients import NOBODY, client_of
from sen4cap_core.sources.item_offers import as_offer
from sen4cap_core.sources.object_store import ObjectStore
from sen4cap_core.sources.offers import (
    Asset,
    NotUnderstoodError,
    Offer,
    Progress,
    Query,
    SourceAwayError,
    SourceError,
)
from sen4cap_core.sources.remote_clock import RemoteClock
from sen4cap_core.sources.transfer import BUSY, Patience, download

COLLECTIONS = {
    "S2": ("sentinel-2-l2a",),
    "L8": ("landsat-c2-l2", "landsat-c2l2-sr"),
    "S1": ("sentinel-1-rtc",),
}
"""Names that public catalogues share. A catalogue has some of them; those it has are asked."""
PAGE = 100
TIMEOUT_SECONDS = (10.0, 60.0)


class StacSource:
    """One STAC API."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        account: Account = Account(),
        collections: tuple[str, ...] = (),
        sign_url: str | None = None,
        bands: frozenset[str] = frozenset(),
        patience: Patience = Patience(),
    ) -> None:
        """Describe the source; nothing is asked yet.

        Parameters
        ----------
        collections : searched; default those of ``COLLECTIONS`` that the catalogue has
        sign_url : an address that answers ``?href=`` with a signed one (Planetary Computer)
        bands : Sentinel-2 bands an offer must be able to bring, besides SCL
        """
        self.name = name
        self._url, self._account, self._collections = url, account, collections
        self._sign_url, self._bands, self._patience = sign_url, bands, patience
        self._clock = RemoteClock()

    @property
    def remote_now(self) -> datetime | None:
        """As `Source.remote_now`."""
        return self._clock.now

    def search(self, query: Query) -> Iterator[Offer]:
        """Yield the items of a query that pass its filters; errors as `Source.search`."""
        try:
            client = self._open()
            found = client.search(
                collections=self._known(client, query.satellites),
                intersects=mapping(from_wkt(query.footprint_wkt)),
                datetime=f"{query.start.isoformat()}T00:00:00Z/{query.end.isoformat()}T23:59:59Z",
                limit=PAGE,
            )
            faults: list[str] = []
            n_items = 0
            for item in found.items_as_dicts():
                n_items += 1
                try:
                    offer = as_offer(self.name, item, self._bands)
                except SourceError as error:
                    faults.append(str(error))
                    continue
                if offer is not None and query.wants(offer):
                    yield offer
        except APIError as error:
            code = getattr(error, "status_code", None)
            if code in BUSY or code is None:
                raise SourceAwayError(f"{self._url} answers {code or 'nothing'}") from None
            raise SourceError(f"{self._url} refuses the search ({code}): {str(error)[:200]}") from None
        except (requests.RequestException, OSError) as error:
            raise SourceAwayError(f"{self._url} does not answer: {type(error).__name__}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{self._url} answers what is no STAC: {type(error).__name__} {str(error)[:100]}"
            ) from None
        if faults:
            raise NotUnderstoodError(
                f"{len(faults)} of {n_items} items cannot be understood and are passed over; "
                f"first {faults[0]}"
            )

    def _open(self) -> pystac_client.Client:
        headers = {}
        if self._account.token is not None:
            headers["Authorization"] = f"Bearer {self._account.token.get_secret_value()}"
        # The pauses after a refusal are the caller's: a search is asked again by the next run.
        stac_io = StacApiIO(headers=headers, max_retries=2, timeout=TIMEOUT_SECONDS)
        self._clock.listen(stac_io.session)
        return pystac_client.Client.open(self._url, stac_io=stac_io)

    def _known(self, client: pystac_client.Client, satellites: tuple[str, ...]) -> list[str]:
        if self._collections:
            return list(self._collections)
        wanted = [name for satellite in satellites for name in COLLECTIONS[satellite]]
        there = {collection.id for collection in client.get_collections()}
        known = [name for name in wanted if name in there]
        if not known:
            raise SourceError(
                f"{self._url} has none of the collections {', '.join(wanted)}: "
                "name the ones to search as `collections` in site.yaml"
            )
        return known

    def fetch(self, offer: Offer, folder: Path, bands: frozenset[str], progress: Progress) -> Path:
        """Bring the wanted bands and the item; return the item's file."""
        home = folder / _safe_name(offer.offer_id)
        done = 0

        def advance(asset_bytes: int) -> None:
            progress(done + asset_bytes)

        names: dict[str, str] = {}
        for asset in offer.assets:
            name = _safe_name(f"{asset.key}{_suffix(asset.href)}")
            names[asset.key] = name
            self._fetch(asset, home / name, advance)
            done += (home / name).stat().st_size
        path = home / f"{home.name}.json"
        write_text_atomic(path, json.dumps(_with_local_assets(offer.item, names), indent=1))
        return path

    def _fetch(self, asset: Asset, target: Path, progress: Progress) -> None:
        if asset.href.startswith("s3://"):
            ObjectStore(self._account).download(asset, target, progress=progress)
            return
        _require_https(asset.href, self._url)
        signed = self._signed(asset) if self._sign_url else asset
        client = client_of(self._account if self._is_known_to(asset.href) else NOBODY)
        download(client, signed, target, progress=progress, patience=self._patience)

    def _is_known_to(self, href: str) -> bool:
        # A signed address carries its own right; another provider's host gets no password of ours.
        ours = {_provider(self._url), _provider(self._account.token_url or "")}
        return not self._sign_url and _provider(href) in ours

    def _signed(self, asset: Asset) -> Asset:
        assert self._sign_url is not None
        try:
            answer = httpx.get(self._sign_url, params={"href": asset.href}, timeout=TIMEOUT_SECONDS[1])
            answer.raise_for_status()
            href = str(answer.json()["href"])
        except httpx.HTTPError as error:
            raise SourceAwayError(f"{self._sign_url} does not sign: {type(error).__name__}") from None
        except (ValueError, KeyError, TypeError):
            raise SourceError(f"{self._sign_url} answers without an href") from None
        return Asset(asset.key, href, asset.size_bytes, asset.checksum, asset.is_cog)


def _require_https(href: str, catalogue: str) -> None:
    scheme = urlsplit(href).scheme
    if scheme == "https" or (scheme == "http" and urlsplit(catalogue).scheme == "http"):
        return
    raise SourceError(
        f"{href.partition('?')[0]}: files come over https or s3, not over {scheme or 'nothing'}"
    )


def _provider(href: str) -> str:
    """Return what a provider's hosts have in common: ``dataspace.copernicus.eu``; else the whole host."""
    host = urlsplit(href).hostname or ""
    parent = host.partition(".")[2]
    # Two labels may be anybody's (gov.uk); an address of four numbers has no parent.
    return parent if parent.count(".") >= 2 and not parent.replace(".", "").isdigit() else host


def _suffix(href: str) -> str:
    return posixpath.splitext(unquote(urlsplit(href).path))[1][:10]


def _safe_name(text: str) -> str:
    """Return a name that cannot leave its folder, whatever a catalogue calls its products."""
    name = "".join(c if c.isalnum() or c in "._-" else "_" for c in text).lstrip(".")[:180]
    if not name:
        raise SourceError(f"a product without a usable name: {text[:50]!r}")
    return name


def _with_local_assets(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the item with the fetched assets alone, their addresses beside the item; links are left out."""
    local: dict[str, Any] = copy.deepcopy(dict(item))
    local["assets"] = {
        key: {**asset, "href": f"./{names[key]}"} for key, asset in local["assets"].items() if key in names
    }
    for asset in local["assets"].values():
        asset.pop("alternate", None)
    local["links"] = [link for link in local.get("links", []) if link.get("rel") == "license"]
    return local
