"""The sources of a site, as site.yaml names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.declarations.sites.site import SiteConfig
from sen4cap_core.declarations.sites.site_sources import (
    AnySource,
    DhusSource,
    LocalSource,
    RemoteSource,
    StacSource,
)
from sen4cap_core.sources import dhus, local, stac
from sen4cap_core.sources.accounts import Store, find_account
from sen4cap_core.sources.offers import Source

NDVI_BANDS = frozenset({"B04", "B08"})
ALL_BANDS = frozenset({"B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"})


@dataclass(frozen=True)
class NamedSource:
    """One source of a site."""

    name: str
    rank: int
    """Place in site.yaml: 0 is asked first."""
    config: AnySource

    @property
    def connections(self) -> int | None:
        """Files fetched at the same time, None where nothing is fetched."""
        return self.config.connections if isinstance(self.config, RemoteSource) else None

    @property
    def limit_name(self) -> str | None:
        """Name of what is limited: the host, which several sites may share."""
        return f"sen4cap-source-{self.config.url.host}" if isinstance(self.config, RemoteSource) else None


def sources_of(config: SiteConfig) -> list[NamedSource]:
    """Return the sources of a site in their order."""
    kinds = [source.kind for source in config.sources]
    return [
        NamedSource(source.name or f"{kinds[rank]}-{rank + 1}", rank, source)
        for rank, source in enumerate(config.sources)
    ]


def bands_needed(config: SiteConfig) -> frozenset[str]:
    """Return the Sentinel-2 bands that the site's processors and the cloud screening read, besides the
    classification; composites weigh their dates by the aerosol map (``AOT``).
    """
    beyond_ndvi = set(config.processors.l3b.indices) - {"ndvi"} if config.processors.l3b.enabled else set()
    wants_all = config.processors.l4a.enabled or config.processors.l3a.enabled or beyond_ndvi
    bands = ALL_BANDS if wants_all else NDVI_BANDS
    if config.cloud_screening:
        bands |= {"B02"}
    return bands | {"AOT"} if config.processors.l3a.enabled else bands


def open_source(source: NamedSource, bands: frozenset[str], store: Store | None) -> Source:
    """Return a source ready to be asked; nothing is asked yet.

    Raises
    ------
    SourceError
        Its account is not known, or it cannot exist (the closed hub).
    """
    config = source.config
    if isinstance(config, LocalSource):
        return local.LocalSource(source.name, Path(config.root), config.patterns)
    if isinstance(config, StacSource):
        return stac.StacSource(
            source.name,
            str(config.url),
            account=find_account(config.secret, store),
            collections=config.collections,
            sign_url=str(config.sign_url) if config.sign_url else None,
            bands=bands,
        )
    assert isinstance(config, DhusSource)
    return dhus.DhusSource(source.name, str(config.url), find_account(config.secret, store))
