"""Weekly, two-monthly, monthly and season composites pixel by pixel, after the rules of the original.

The same kernels and weeks as for parcels; the values are power, where the original averages amplitude.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days
from sen4cap_core.observations.radar_composites import (
    DIRECTIONS,
    Composite,
    average_weeks,
    monthly_coherence,
    ratio,
    season_coherence,
    two_monthly,
    week_of,
    weekly_composites,
)
from sen4cap_core.rasters.grids.grid import Grid

STRIP_ROWS = 256
"""At 20 m: 40 acquisitions of a tile's strip take 225 MB in each polarisation."""

ReadStrip = Callable[[int, str, Grid], NDArray[np.float32]]
"""``read(index, polarisation, grid)``: an acquisition on a strip's grid, NaN missing."""


@dataclass(frozen=True)
class Plan:
    """The rasters of one period, and the acquisitions they are made of."""

    period: str
    """``W201914``, ``M201903``, ``S``."""
    kind: str
    """``BCK`` or ``COHE``."""
    direction: str
    """``ASC`` or ``DESC``; empty where both are taken together."""
    members: tuple[int, ...]
    """Indices of the acquisitions."""


@dataclass(eq=False)
class Rasters:
    """What a plan gave: for each polarisation (``VV``, ``VH``, ``RATIO``) its bands by name."""

    plan: Plan
    images: dict[str, dict[str, NDArray[np.float32]]] = field(default_factory=dict)


def plan_rasters(
    days: Sequence[int], directions: Sequence[str | None], kind: str, periods: Sequence[str]
) -> list[Plan]:
    """Say which rasters there are to make of the acquisitions of one tile and kind.

    Parameters
    ----------
    days : days since 1970-01-01
    directions : ``ascending``, ``descending`` or None; unknown ones are left out
    kind : ``BCK`` or ``COHE``
    periods : of ``week``, ``month`` (two months of backscatter, one of coherence), ``season`` (coherence)
    """
    plans: dict[tuple[str, str], list[int]] = {}
    first_of_week: dict[tuple[str, tuple[int, int]], int] = {}
    known = [(i, DIRECTIONS[d], day) for i, (d, day) in enumerate(zip(directions, days, strict=True)) if d]
    for _, short, day in known:
        key = (short, week_of(day))
        first_of_week[key] = min(day, first_of_week.get(key, day))
    for index, short, day in known:
        year, week = week_of(day)
        if "week" in periods:
            plans.setdefault((f"W{year}{week:02d}", short), []).append(index)
        first = from_days(first_of_week[short, (year, week)])
        if "month" in periods:
            month = first.month if kind == "COHE" else (first.month - 1) // 2 * 2 + 1
            plans.setdefault((f"M{first.year}{month:02d}", "" if kind == "COHE" else short), []).append(index)
        if "season" in periods and kind == "COHE":
            plans.setdefault(("S", ""), []).append(index)
    return [Plan(period, kind, short, tuple(members)) for (period, short), members in sorted(plans.items())]


def make_rasters(
    plan: Plan,
    grid: Grid,
    days: Sequence[int],
    directions: Sequence[str | None],
    polarisations: Sequence[tuple[str, ...]],
    read: ReadStrip,
) -> Rasters:
    """Compute the rasters of a plan, strip by strip.

    Parameters
    ----------
    grid : of the rasters
    days, directions : of all acquisitions, as given to ``plan_rasters``
    polarisations : of each acquisition, those it has (``vv``, ``vh``)
    read : reads one of them
    """
    made = Rasters(plan)
    for top in range(0, grid.height, STRIP_ROWS):
        height = min(STRIP_ROWS, grid.height - top)
        strip = Grid(
            grid.epsg, grid.x_min_m, grid.y_max_m - top * grid.resolution_m, grid.resolution_m,
            grid.width, height,
        )  # fmt: skip
        for one in _strip(plan, strip, days, directions, polarisations, read):
            bands = made.images.setdefault(one.polarisation, {})
            name = (one.statistic or "mean").lower()
            image = bands.setdefault(name, np.full(grid.shape, np.nan, np.float32))
            image[top : top + height] = one.values.reshape(strip.shape)
    return made


def _strip(
    plan: Plan,
    strip: Grid,
    days: Sequence[int],
    directions: Sequence[str | None],
    polarisations: Sequence[tuple[str, ...]],
    read: ReadStrip,
) -> list[Composite]:
    found: list[Composite] = []
    weeklies = {}
    for pol in ("vv", "vh"):
        weekly = []
        for direction, short in DIRECTIONS.items():
            members = [i for i in plan.members if directions[i] == direction and pol in polarisations[i]]
            if not members:
                continue
            stack = np.stack([read(i, pol, strip).ravel() for i in members], axis=1)
            when = np.array([days[i] for i in members], np.int32)
            weekly.append(average_weeks(stack, np.ones_like(stack), when, short, pol.upper(), plan.kind))
        if weekly:
            weeklies[pol] = weekly
    if plan.kind == "COHE" and plan.period[0] in "MS":
        for weekly in weeklies.values():
            found += monthly_coherence(weekly) if plan.period[0] == "M" else season_coherence(weekly)
        return found
    singles = [weekly[0] for weekly in weeklies.values()]
    if plan.kind == "BCK" and len(singles) == 2:
        singles.append(ratio(*singles))
    for one in singles:
        found += two_monthly(one) if plan.period[0] == "M" else weekly_composites(one)
    return found
