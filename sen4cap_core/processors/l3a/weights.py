"""How much a date counts in a weighted composite (Sen2Agri Level 3A)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sen4cap_core.rasters.passes.composite_dates import AerosolWeight

SENSOR_WEIGHTS: Mapping[str, float] = {"s2": 1.0}
"""By the first part of the sensor."""
OTHER_SENSORS = 0.33


@dataclass(frozen=True)
class CompositeSettings:
    """Settings of the weighted average, under the original's defaults."""

    aerosol: AerosolWeight = field(default_factory=AerosolWeight)
    date_least: float = 0.5
    """Weight of a date at the edge of the period."""
    cloud_cell_m: float = 240.0
    """Size of the cells on which distances to clouds are measured."""
    sigma_small: float = 2.0
    """In cells; see `rasters.cloud_distance`."""
    sigma_large: float = 10.0


def date_weight(days: int, reach_days: int, least: float, *, original: bool = False) -> float:
    """Weight of a date ``days`` before or after the day the composite is for.

    Falls linearly from 1 to ``least`` at ``reach_days``. The original divides whole numbers: 1 up to the last
    day, and ``least`` on it.

    Raises
    ------
    ValueError
        When the date lies outside the period.
    """
    apart = abs(days)
    if apart > reach_days:
        raise ValueError(f"{apart} days from the composite's day, {reach_days} at most")
    if apart == 0:
        return 1.0
    share = apart // reach_days if original else apart / reach_days
    return 1.0 - share * (1.0 - least)


def sensor_weight(sensor: str) -> float:
    """Weight of a kind of scene: 1 for Sentinel-2, 0.33 for others."""
    return SENSOR_WEIGHTS.get(sensor.split("-")[0], OTHER_SENSORS)
