"""A site: what site.yaml may say."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sen4cap_core.declarations.sites.schedule import SchedulesConfig
from sen4cap_core.declarations.sites.site_processors import ProcessorsConfig
from sen4cap_core.declarations.sites.site_sources import Satellite, SourceConfig
from sen4cap_core.declarations.texts.countries import country_code
from sen4cap_core.declarations.texts.yaml_models import StrictModel, read_yaml_model

_MGRS_TILE = re.compile(r"^(0?[1-9]|[1-5]\d|60)[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V]$")


class SeasonConfig(StrictModel):
    """A dated period under monitoring, its days included."""

    name: str = Field(min_length=1, max_length=100)
    """Name for people, its own in the year."""
    start: date
    """First day."""
    mid: date | None = None
    """Day from which a first crop type map is due; later than the start, before the end."""
    end: date
    """Last day."""
    enabled: bool = True
    """False keeps the season's results and processes nothing more for it."""

    @model_validator(mode="after")
    def _in_order(self) -> SeasonConfig:
        if self.start >= self.end:
            raise ValueError(f"season {self.name!r} starts {self.start} but ends {self.end}")
        if self.mid is not None and not self.start < self.mid < self.end:
            raise ValueError(
                f"season {self.name!r}: mid {self.mid} does not lie between {self.start} and {self.end}"
            )
        return self

    @property
    def year(self) -> int:
        """The year the season belongs to (see `season_year`)."""
        return season_year(self.start, self.end)

    def contains(self, other: SeasonConfig) -> bool:
        """Whether the other season lies wholly inside this one."""
        return self.start <= other.start and other.end <= self.end


class RadarConfig(StrictModel):
    """Sentinel-1: what ready-made products do not say themselves, and what is made of the others."""

    compat: Literal["sen4cap"] | None = None
    """``sen4cap``: decibel of amplitude, as the original has it, which is half the decibel of power."""
    backscatter_quantity: Literal["sigma0", "gamma0", "beta0"] | None = None
    """Quantity of backscatter products that do not state it."""
    backscatter_scale: Literal["power", "amplitude", "db"] | None = None
    """Scale of backscatter products that do not state it."""
    backscatter_factor: Annotated[float, Field(gt=0)] | None = None
    """Value = stored whole number x factor, for backscatter products that do not state it."""
    coherence_factor: Annotated[float, Field(gt=0)] | None = None
    """The same for coherence."""
    band_order: tuple[Literal["vv", "vh"], ...] | None = Field(default=None, min_length=1, max_length=2)
    """Polarisations of the bands of files that do not name them."""
    relative_orbits: dict[str, Annotated[int, Field(ge=1, le=175)]] = Field(default_factory=dict)
    """Relative orbit by a pattern of the name (``"*_D037_*"``), for products that do not say it."""
    orbit_directions: dict[int, Literal["ascending", "descending"]] = Field(default_factory=dict)
    """Direction of relative orbits, for products that state neither direction nor time of day."""
    dem_heights: Literal["ellipsoid", "geoid"] | None = None
    """What the heights of elevation models count from that do not say it themselves."""
    fringes: Literal["remove", "keep"] = "remove"
    """``keep``: coherence from SLC products keeps the fringes of the baseline, as the original's."""
    backscatter: Literal["sigma0", "gamma0"] = "sigma0"
    """What is made of SLC and GRD: over the ellipsoid as the original, or flattened by the terrain."""
    layover_shadow: Literal["mask", "keep"] | None = None
    """Cells of SLC and GRD in layover or shadow of hills; default: masked where backscatter is gamma0."""

    @property
    def masks_unseen(self) -> bool:
        """Whether cells in layover or shadow have no value."""
        return (self.layover_shadow or ("mask" if self.backscatter == "gamma0" else "keep")) == "mask"


class RetentionConfig(StrictModel):
    """How long files are kept that can be had again. Nothing goes before a report was looked at."""

    superseded_days: int | None = Field(default=None, ge=0)
    """Products that a newer version or a newer processing of the scene took the place of."""
    downloads_days: int | None = Field(default=None, ge=1)
    """Scenes fetched from a source that still has them, after they were processed; never what was dropped."""
    screening_days: int | None = Field(default=None, ge=30)
    """What cloud screening read, and its states, counted from the last date of a year; the marks stay."""
    products_days: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Products in force by kind, ``l3b-ndvi: 800``, counted from the end of their period."""


class SiteConfig(StrictModel):
    """Everything site.yaml may say; an empty one is complete."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    """Name for people; default: the name of the upload folder."""
    country: str | None = Field(default=None, json_schema_extra={"pattern": "^[A-Z]{3}$"})
    """ISO 3166 code of three letters, ``NLD``."""
    satellites: tuple[Satellite, ...] = Field(default=("S1", "S2"), min_length=1)
    """L8 stands for Landsat 8 and 9."""
    seasons: tuple[SeasonConfig, ...] = ()
    """Default: the calendar year of each year folder."""
    processors: ProcessorsConfig = ProcessorsConfig()
    """Which processors run, and how."""
    schedule: SchedulesConfig = SchedulesConfig()
    """When the processors run by the calendar."""
    level2a: Literal["maja", "copernicus"] = "maja"
    """Whose Level-2A product counts where there are two of one Sentinel-2 acquisition."""
    radar: RadarConfig = RadarConfig()
    """Ready-made Sentinel-1 products."""
    tiles: tuple[str, ...] | None = Field(default=None, min_length=1)
    """MGRS tiles, ``30TUM``; default: all tiles that meet the extent."""
    cloud_screening: bool = False
    """Whether clouds and shadows are looked for beyond the products' own masks (docs/clouds.md)."""
    statistics: tuple[Literal["minmax", "median", "p25", "p75"], ...] = ()
    """What is observed of each parcel beside mean and deviation (docs/markers.md)."""
    sources: tuple[SourceConfig, ...] = ()
    """Where scenes are fetched from; default: only what is dropped."""
    retention: RetentionConfig = RetentionConfig()
    """How long files are kept that can be had again; default: for ever."""
    enabled: bool = True
    """False pauses the site and keeps everything."""

    @field_validator("country")
    @classmethod
    def _is_a_country(cls, country: str | None) -> str | None:
        return None if country is None else country_code(country)

    @field_validator("tiles", mode="before")
    @classmethod
    def _tile_names(cls, tiles: Any) -> Any:
        if not isinstance(tiles, list | tuple):
            return tiles
        names = [str(tile).upper().removeprefix("T") for tile in tiles]
        wrong = [name for name in names if not _MGRS_TILE.match(name)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: not a Sentinel-2 tile; a tile looks like 30TUM")
        return tuple(dict.fromkeys(name.zfill(5) for name in names))

    @field_validator("seasons")
    @classmethod
    def _seasons_apart(cls, seasons: tuple[SeasonConfig, ...]) -> tuple[SeasonConfig, ...]:
        counts = Counter((season.name, season.year) for season in seasons)
        for (name, year), count in counts.items():
            if count > 1:
                raise ValueError(f"{count} seasons of {year} are called {name!r}; give each its own name")
        enabled = [season for season in seasons if season.enabled]
        for index, one in enumerate(enabled):
            for other in enabled[index + 1 :]:
                outer, inner = (one, other) if one.contains(other) else (other, one)
                if outer.contains(inner):
                    raise ValueError(
                        f"season {inner.name!r} ({inner.start} to {inner.end}) lies inside season "
                        f"{outer.name!r} ({outer.start} to {outer.end}); change its dates or disable one"
                    )
        return seasons


def season_year(start: date, end: date) -> int:
    """Return the year that holds the longer part of a season (both days included); a tie: the later year."""
    days = Counter({year: _days_in_year(start, end, year) for year in range(start.year, end.year + 1)})
    longest = max(days.values())
    return max(year for year, n_days in days.items() if n_days == longest)


def _days_in_year(start: date, end: date, year: int) -> int:
    first, last = max(start, date(year, 1, 1)), min(end, date(year, 12, 31))
    return (last - first + timedelta(days=1)).days


def implicit_season(year: int) -> SeasonConfig:
    """Return the season of a year for which site.yaml names none: the calendar year."""
    return SeasonConfig(name=str(year), start=date(year, 1, 1), mid=date(year, 7, 1), end=date(year, 12, 31))


def read_site_config(path: Path) -> SiteConfig:
    """Read site.yaml.

    Raises
    ------
    ConfigurationError
        Unknown keys (with line and nearest known key), values out of range, seasons that contradict each
        other; all mistakes at once.
    """
    return read_yaml_model(path, SiteConfig, see="`sen4cap site schema` prints all that it may say")


def site_schema() -> dict[str, Any]:
    """Return the JSON schema of site.yaml."""
    schema = SiteConfig.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "site.yaml"
    return schema
