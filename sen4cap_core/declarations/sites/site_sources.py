"""Where the scenes of a site come from: the section ``sources`` of site.yaml."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic.networks import HttpUrl

from sen4cap_core.declarations.texts.yaml_models import StrictModel

Satellite = Literal["S1", "S2", "L8"]


class AnySource(StrictModel):
    """What all sources of scenes have in common. Their order is their priority."""

    name: str | None = Field(default=None, pattern="^[A-Za-z0-9_-]{1,40}$")
    """Short name for people; default: its kind and place, ``stac-2``."""
    satellites: tuple[Satellite, ...] | None = Field(default=None, min_length=1)
    """What is fetched from it; default: all satellites of the site."""
    max_cloud_percent: float = Field(default=100.0, ge=0, le=100)
    """Optical scenes that state more are not fetched."""
    relative_orbits: tuple[int, ...] = ()
    """Default: all."""
    look_back_days: int = Field(default=10, ge=0, le=400)
    """Each search looks so many days behind the last one: products are published late."""


class LocalSource(AnySource):
    """An archive mounted on this machine: read where it lies, never copied or altered."""

    kind: Literal["local"]
    """What sort of source it is."""
    root: PurePosixPath
    """Absolute path below which scenes lie."""
    patterns: tuple[str, ...] = ()
    """Where below the root, ``Sentinel-2/{year}/{month}/{day}/*``; default: the known places of archives."""

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: PurePosixPath) -> PurePosixPath:
        if not root.is_absolute() or ".." in root.parts:
            raise ValueError("the root of an archive is an absolute path without '..'")
        return root


class RemoteSource(AnySource):
    """What all catalogues on the network have in common."""

    url: HttpUrl
    """Address of the catalogue, without user and password."""
    connections: int = Field(default=4, ge=1, le=64)
    """Files fetched at the same time from this host; Copernicus allows 4, authorities 20."""
    secret: str | None = None
    """Name under which user and password are kept; never the password itself."""

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: HttpUrl) -> HttpUrl:
        if url.username or url.password:
            raise ValueError("no user or password in an address; store them and give the name as `secret`")
        return url


class StacSource(RemoteSource):
    """A STAC API."""

    kind: Literal["stac"]
    """What sort of source it is."""
    collections: tuple[str, ...] = ()
    """Collections searched; default: those of the site's satellites."""
    sign_url: HttpUrl | None = None
    """Address that signs the files' addresses (``?href=``), where the catalogue wants it."""


class DhusSource(RemoteSource):
    """A mirror of the Data Hub software."""

    kind: Literal["dhus"]
    """What sort of source it is."""


SourceConfig = Annotated[LocalSource | StacSource | DhusSource, Field(discriminator="kind")]
