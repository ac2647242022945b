"""One simulated pass: what the metadata of a Sentinel-2 product state of it, and the names that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyproj import Transformer

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.s2_names import OFFSET_SINCE, carries_offset, parse_baseline

BOA_ADD_OFFSET = -1000
QUANTIFICATION = 10000
GRANULE_DELAY = timedelta(seconds=5)
"""Between the start of the datatake, which names the product, and that of the datastrip."""


@dataclass(frozen=True)
class Acquisition:
    """A pass over one tile."""

    platform: str
    datatake_start: datetime
    relative_orbit: int
    absolute_orbit: int
    tile: str
    grid: Grid
    """10 m grid; width and height are multiples of 6, so that 20 m and 60 m pixels fit."""
    baseline: str
    generated_at: datetime
    sun_zenith_deg: float
    sun_azimuth_deg: float
    view_zenith_deg: float
    view_azimuth_deg: float
    datastrip_start: datetime

    @property
    def sensed_at(self) -> datetime:
        """Instant at which this tile was seen."""
        return self.datastrip_start + timedelta(seconds=20)

    @property
    def boa_offset(self) -> int:
        """What is to be added to a stored number: -1000 since baseline 04.00, else 0."""
        return BOA_ADD_OFFSET if carries_offset(self.baseline) else 0

    @property
    def product_id(self) -> str:
        """``S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T140000``."""
        major, minor = parse_baseline(self.baseline)
        return (
            f"{self.platform}_MSIL2A_{stamp(self.datatake_start)}_N{major:02d}{minor:02d}"
            f"_R{self.relative_orbit:03d}_T{self.tile}_{stamp(self.generated_at)}"
        )

    @property
    def granule_folder(self) -> str:
        """``GRANULE/L2A_T30TUM_A020800_20190616T110626``."""
        return f"GRANULE/L2A_T{self.tile}_A{self.absolute_orbit:06d}_{stamp(self.datastrip_start)}"

    def image_path(self, band: str, resolution_m: int) -> str:
        """Path of an image inside the product, without suffix as the metadata list it."""
        name = f"T{self.tile}_{stamp(self.datatake_start)}_{band}_{resolution_m}m"
        return f"{self.granule_folder}/IMG_DATA/R{resolution_m}m/{name}"


def plan_acquisition(
    tile: str,
    grid: Grid,
    acquired_at: datetime,
    *,
    baseline: str = "05.10",
    platform: str = "S2A",
    relative_orbit: int = 137,
    generated_at: datetime | None = None,
    view_zenith_deg: float = 5.0,
) -> Acquisition:
    """Complete the facts of a pass from time and place.

    Raises ValueError where the grid does not hold whole 60 m pixels, or the baseline is not ``NN.NN``.
    """
    if grid.resolution_m != 10 or grid.width % 6 or grid.height % 6:
        raise ValueError(f"the grid is {grid.key}, 10 m pixels in multiples of 6 were expected")
    if parse_baseline(baseline) == (0, 0):
        raise ValueError(f"the baseline is {baseline!r}, something like 05.10 was expected")
    start = acquired_at.astimezone(UTC).replace(microsecond=0)
    left, bottom, right, top = grid.bounds_m
    longitude, latitude = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(
        (left + right) / 2, (bottom + top) / 2
    )
    zenith, azimuth = sun_angles_deg(start, longitude, latitude)
    return Acquisition(
        platform=platform,
        datatake_start=start,
        relative_orbit=relative_orbit,
        # 143 orbits in ten days.
        absolute_orbit=round((start - datetime(2015, 6, 27, tzinfo=UTC)) / timedelta(days=10) * 143) % 10**6,
        tile=tile,
        grid=grid,
        baseline=baseline,
        generated_at=generated_at or _generation_time(start, baseline),
        sun_zenith_deg=zenith,
        sun_azimuth_deg=azimuth,
        view_zenith_deg=view_zenith_deg,
        view_azimuth_deg=105.0,
        datastrip_start=start + GRANULE_DELAY,
    )


def _generation_time(start: datetime, baseline: str) -> datetime:
    """Three hours later; or in the reprocessing of the archive, where the baseline came after the image."""
    reprocessed = carries_offset(baseline) and start < OFFSET_SINCE
    return start + (timedelta(days=1500, hours=5) if reprocessed else timedelta(hours=3))


def stamp(instant: datetime) -> str:
    """Return an instant as product names have it, ``20190616T110621``."""
    return f"{instant:%Y%m%dT%H%M%S}"


def iso_milliseconds(instant: datetime) -> str:
    """Return an instant as metadata have it, ``2019-06-16T11:06:21.024Z``."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03d}Z"


def sun_angles_deg(instant: datetime, longitude: float, latitude: float) -> tuple[float, float]:
    """Return zenith and azimuth (clockwise from north) of the sun in degrees, good to about half a degree.

    From the declination and the equation of time of the year's day (Spencer, Fourier series, 1971).
    """
    day = instant.timetuple().tm_yday - 1 + (instant.hour + instant.minute / 60) / 24
    g = 2 * math.pi * day / 365
    declination = (
        0.006918
        - 0.399912 * math.cos(g)
        + 0.070257 * math.sin(g)
        - 0.006758 * math.cos(2 * g)
        + 0.000907 * math.sin(2 * g)
        - 0.002697 * math.cos(3 * g)
        + 0.00148 * math.sin(3 * g)
    )
    equation_minutes = 229.18 * (
        0.000075
        + 0.001868 * math.cos(g)
        - 0.032077 * math.sin(g)
        - 0.014615 * math.cos(2 * g)
        - 0.040849 * math.sin(2 * g)
    )
    solar_minutes = (
        instant.hour * 60 + instant.minute + instant.second / 60 + equation_minutes + 4 * longitude
    )
    hour_angle = math.radians(solar_minutes / 4 - 180)
    phi = math.radians(latitude)
    cos_zenith = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        hour_angle
    )
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(
        hour_angle
    )
    return math.degrees(math.acos(cos_zenith)), math.degrees(math.atan2(east, north)) % 360
