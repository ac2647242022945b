"""What a ready-made radar product is: its polarisations, quantity, scale, orbit and dates.

A scale is never guessed: a band's numbers are power, amplitude or decibel because the product's name or
metadata say so, or because site.yaml does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.grids.grid import Grid

Polarisation = Literal["vv", "vh"]
Quantity = Literal["sigma0", "gamma0", "beta0", "coherence"]
Scale = Literal["power", "amplitude", "db", "coherence"]
Direction = Literal["ascending", "descending"]

BACKSCATTER = "s1-backscatter"
COHERENCE = "s1-coherence"
POLARISATIONS: tuple[Polarisation, ...] = ("vv", "vh")
NO_ORBIT = (
    "its relative orbit is not stated: series by orbit keep it apart. Say it in site.yaml: "
    '`radar: {relative_orbits: {"<pattern of its name, with *>": 117}}`, and drop the product again.'
)
NO_DIRECTION = (
    "its orbit direction is not stated and its time of day neither: composites by direction leave it "
    "out. Say it in site.yaml: `radar: {orbit_directions: {<relative orbit>: ascending}}`."
)


@dataclass(frozen=True)
class RadarDefaults:
    """What site.yaml says of products that do not say it themselves; None: it says nothing."""

    backscatter_quantity: Literal["sigma0", "gamma0", "beta0"] | None = None
    backscatter_scale: Literal["power", "amplitude", "db"] | None = None
    backscatter_factor: float | None = None
    """Value = stored whole number x factor."""
    coherence_factor: float | None = None
    band_order: tuple[Polarisation, ...] | None = None
    """Polarisations of the bands of a file that does not name them."""
    relative_orbits: dict[str, int] = field(default_factory=dict)
    """By a pattern of the product's name."""
    orbit_directions: dict[int, Direction] = field(default_factory=dict)
    """By relative orbit."""

    def relative_orbit_of(self, name: str) -> int | None:
        """Return what is said of products of this name: of the first pattern that it fits."""
        return next((n for pattern, n in self.relative_orbits.items() if fnmatchcase(name, pattern)), None)


@dataclass(frozen=True)
class RadarBand:
    """One polarisation of a product."""

    polarisation: Polarisation
    source: BandSource
    """Stored number x scale + offset = value in ``scale``."""
    scale: Scale


@dataclass(frozen=True)
class RadarMask:
    """A layer that says which pixels may be used."""

    source: BandSource
    valid: tuple[int, ...]
    """Values of usable pixels."""


@dataclass(frozen=True)
class RadarPair:
    """Two single-look complex images on one grid, of which coherence is still to be computed."""

    earlier: str
    later: str
    """What GDAL opens: complex samples, 5 m by 10 m."""
    cells: tuple[int, int]
    """(rows, columns) of samples in one output pixel of 20 m."""
    window: tuple[int, int]
    """(rows, columns) of samples under the estimator."""


@dataclass(frozen=True)
class RadarScene:
    """One acquisition (backscatter) or pair of acquisitions (coherence), ready to be read."""

    product_id: str
    """Name of the product without polarisation and suffix: VV and VH are one product."""
    quantity: Quantity
    platform: str
    acquired_at: datetime
    """UTC; of a pair the later acquisition. Midnight where the product states the day only."""
    pair_started_at: datetime | None
    relative_orbit: int | None
    orbit_direction: Direction | None
    format: str
    """``opera-rtc``, ``hyp3-rtc``, ``sen4cap-l2`` ..."""
    path: Path
    """What was dropped."""
    acquisition_key: str
    """Equal for two deliveries of the same acquisition; without the tile, which a product may not have."""
    grid: Grid
    """Of the product, whatever tile it lies on."""
    bands: dict[Polarisation, RadarBand]
    mask: RadarMask | None = None
    pair: RadarPair | None = None
    tile: str | None = None
    """MGRS tile the product was cut to; None where it lies on its own extent."""
    baseline: str | None = None
    """Version of the product, where it has one: the higher supersedes the lower."""
    generated_at: datetime | None = None
    footprint_wkt: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def sensor(self) -> str:
        """Return ``s1-backscatter`` or ``s1-coherence``."""
        return COHERENCE if self.quantity == "coherence" else BACKSCATTER

    @property
    def polarisations(self) -> tuple[Polarisation, ...]:
        """Return what the product holds, VV first."""
        if self.pair is not None:
            return ("vv",)
        return tuple(p for p in POLARISATIONS if p in self.bands)
