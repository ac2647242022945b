"""Radar features: weekly backscatter, its ratio and coherence, and their statistics over longer periods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.series.gaps import fill_linear
from sen4cap_core.observations import radar_composites as composites
from sen4cap_core.observations.radar_composites import (
    Composite,
    average_weeks,
    monthly_coherence,
    season_coherence,
    two_monthly,
    week_of,
    weekly_composites,
)
from sen4cap_core.processors.l4a.crop_type.model import SeasonSeries
from sen4cap_core.processors.l4a.crop_type.optical import Block
from sen4cap_core.tables.threads import run_in_chunks

POLARISATIONS = ("vv", "vh")
WEEK_DAYS = 7


@dataclass(frozen=True)
class Weekly:
    """Weekly composites of one series, gaps filled along the weeks."""

    orbit: str
    name: str
    """``VV``, ``VH`` or ``RATIO``."""
    kind: str
    """``BCK`` or ``COHE``."""
    weeks: tuple[tuple[int, int], ...]
    """(year, week) of each column, ascending."""
    months: NDArray[np.int32]
    """12 * year + month - 1 of the first acquisition of each week."""
    mean: NDArray[np.float32]
    dev: NDArray[np.float32]
    """(parcels, weeks)"""
    gap_weeks: NDArray[np.int32]
    """(parcels, weeks), as ``fill_linear`` tells it."""

    def composite_of(self, part: str) -> composites.Weekly:
        """Return the means (``MEAN``) or the deviations, which may be 0, as composites take them."""
        values, above = (self.mean, 0.0) if part == "MEAN" else (self.dev, -1.0)
        months = self.months.astype(np.int64)
        return composites.Weekly(self.orbit, self.name, self.kind, self.weeks, months, values, above)


def radar_blocks(series: SeasonSeries, max_gap_days: int) -> list[Block]:
    """Return a block for each orbit of backscatter and of coherence, and one for the coherence of all orbits.

    Weeks and their means are those of `sen4cap_core.observations.radar_composites`. Missing weeks are filled
    along the index of the weeks, linear between the nearest, the nearest beside them. The statistics over
    weeks are those of the original, taken of the parcel's weekly means (``_MEAN``) and of its weekly
    deviations (``_DEV``): it takes them per pixel.
    """
    blocks = []
    for orbit in series.orbits(POLARISATIONS):
        weekly = [w for pol in POLARISATIONS if (w := _weekly(series, pol, orbit, pol.upper(), "BCK"))]
        if len(weekly) == len(POLARISATIONS):
            weekly.append(_ratio(*weekly))
        parts = [_columns(of, [w]) for of in (weekly_composites, two_monthly) for w in weekly]
        blocks.append(_block(f"backscatter {orbit}".strip(), weekly, parts, max_gap_days))
    coherence: list[Weekly] = []
    for orbit in series.orbits(("coh_vv", "coh_vh")):
        weekly = [w for p in POLARISATIONS if (w := _weekly(series, f"coh_{p}", orbit, p.upper(), "COHE"))]
        coherence += weekly
        parts = [_columns(weekly_composites, [w]) for w in weekly]
        blocks.append(_block(f"coherence {orbit}".strip(), weekly, parts, max_gap_days))
    if coherence:
        by_name = [[w for w in coherence if w.name == p.upper()] for p in POLARISATIONS]
        parts = [_columns(_over_orbits, chosen) for chosen in by_name if chosen]
        blocks.append(_block("coherence of all orbits", coherence, parts, max_gap_days))
    return blocks


Columns = tuple[list[str], list[NDArray[np.float32]]]


def _weekly(series: SeasonSeries, variable: str, orbit: str, name: str, kind: str) -> Weekly | None:
    """Average the acquisitions of each week and fill the weeks a parcel lacks."""
    cells = series.cells.get((variable, orbit))
    if not cells:
        return None
    days = np.array(sorted(cells), np.int32)
    found, n, std = (
        np.column_stack([getattr(cells[int(day)], part) for day in days]).astype(np.float32)
        for part in ("mean", "n", "std")
    )
    average = average_weeks(found, n, days, orbit, name, kind)
    weeks, mean = average.weeks, average.values
    shape = mean.shape
    group = np.array([weeks.index(week_of(int(day))) for day in days])
    dev = np.full(shape, np.nan, np.float32)
    n = np.where((n > 0) & (found > 0), n, 0).astype(np.float64)
    # Where nothing was seen the deviation may be unknown; it has no weight.
    squares = np.where(n > 0, n * std.astype(np.float64) ** 2, 0.0)
    for column in range(len(weeks)):
        total = n[:, group == column].sum(axis=1)
        seen = total > 0
        dev[seen, column] = np.sqrt(squares[:, group == column].sum(axis=1)[seen] / total[seen])
    index = np.arange(len(weeks), dtype=np.int32)
    filled = [np.empty(shape, np.float32) for _ in range(2)]
    gap = np.empty(shape, np.int32)
    for matrix, out in zip((mean, dev), filled, strict=True):
        _fill(index, matrix, out, gap)
    months = average.months.astype(np.int32)
    return Weekly(orbit, name, kind, weeks, months, filled[0], filled[1], gap)


def _fill(
    index: NDArray[np.int32], matrix: NDArray[np.float32], out: NDArray[np.float32], gap: NDArray[np.int32]
) -> None:
    def part(first: int, last: int) -> None:
        fill_linear(index, matrix, index, -1, first, last, out, gap)

    run_in_chunks(part, len(matrix))


def _ratio(vv: Weekly, vh: Weekly) -> Weekly:
    """VV / VH over the weeks both have, of the parcel's means; its deviation to first order."""
    both = [week for week in vv.weeks if week in set(vh.weeks)]
    left = [vv.weeks.index(week) for week in both]
    right = [vh.weeks.index(week) for week in both]
    a, b = vv.mean[:, left], vh.mean[:, right]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = a / b
        dev = ratio * np.sqrt((vv.dev[:, left] / a) ** 2 + (vh.dev[:, right] / b) ** 2)
    gap = np.maximum(vv.gap_weeks[:, left], vh.gap_weeks[:, right])
    return Weekly(vv.orbit, "RATIO", "BCK", tuple(both), vv.months[left], ratio, dev, gap)


def _columns(statistics: Callable[..., list[Composite]], series: list[Weekly]) -> Columns:
    """Statistics over weeks, of the means (``_MEAN``), then of the deviations (``_DEV``)."""
    found = [
        (f"{one.column}_{part}", one.values)
        for part in ("MEAN", "DEV")
        for one in statistics(*(weekly.composite_of(part) for weekly in series))
    ]
    return [name for name, _ in found], [values for _, values in found]


def _over_orbits(*series: composites.Weekly) -> list[Composite]:
    """Monthly mean and 10 % quantile, and the season's deviation, of the coherence of all orbits."""
    return monthly_coherence(series) + season_coherence(series)


def _block(title: str, weekly: list[Weekly], parts: list[Columns], max_gap_days: int) -> Block:
    names = tuple(name for part in parts for name in part[0])
    columns = [column for part in parts for column in part[1]]
    values = np.empty((len(columns[0]), len(columns)), np.float32)
    for i, column in enumerate(columns):
        values[:, i] = column
    is_empty = np.isnan(values[:, 0])
    over = np.concatenate([w.gap_weeks * WEEK_DAYS > max_gap_days for w in weekly], axis=1)
    bridged = np.where(is_empty, 1, over.mean(axis=1)).astype(np.float32)
    return Block(title, names, values, bridged, np.full(len(values), -1, np.int32))
