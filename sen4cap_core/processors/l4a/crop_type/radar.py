"""Radar features: weekly backscatter, its ratio and coherence, and their statistics over longer periods."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.series_gaps import fill_linear
from sen4cap_core.observations.radar_composites import average_weeks, week_of
from sen4cap_core.processors.l4a.crop_type.model import SeasonSeries
from sen4cap_core.processors.l4a.crop_type.optical import Block
from sen4cap_core.tables.threads import run_in_chunks

POLARISATIONS = ("vv", "vh")
QUANTILE = 0.1
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

    def label(self, period: str) -> str:
        """Name of a period's column without the statistic: ``XX_W201914_ASC_VV_BCK``."""
        parts = ["XX", period, self.orbit, self.name, self.kind]
        return "_".join(part for part in parts if part)


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
        parts = [_weekly_columns(w) for w in weekly] + [_two_monthly(w) for w in weekly]
        blocks.append(_block(f"backscatter {orbit}".strip(), weekly, parts, max_gap_days))
    coherence: list[Weekly] = []
    for orbit in series.orbits(("coh_vv", "coh_vh")):
        weekly = [w for p in POLARISATIONS if (w := _weekly(series, f"coh_{p}", orbit, p.upper(), "COHE"))]
        coherence += weekly
        parts = [_weekly_columns(w) for w in weekly]
        blocks.append(_block(f"coherence {orbit}".strip(), weekly, parts, max_gap_days))
    if coherence:
        parts = [_over_orbits([w for w in coherence if w.name == p.upper()]) for p in POLARISATIONS]
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


def _weekly_columns(weekly: Weekly) -> Columns:
    names, columns = [], []
    for part, values in (("MEAN", weekly.mean), ("DEV", weekly.dev)):
        for k, (year, week) in enumerate(weekly.weeks):
            names.append(f"{weekly.label(f'W{year}{week:02d}')}_{part}")
            columns.append(values[:, k])
    return names, columns


def _two_monthly(weekly: Weekly) -> Columns:
    """Mean and coefficient of variation (population) over the weeks of two months."""
    names, columns = [], []
    pairs = weekly.months // 2
    for pair in np.unique(pairs).tolist():
        mine = np.flatnonzero(pairs == pair)
        year, month = divmod(pair * 2, 12)
        label = weekly.label(f"M{year}{month + 1:02d}")
        for part, values in (("MEAN", weekly.mean), ("DEV", weekly.dev)):
            chosen = values[:, mine].astype(np.float64)
            mean = chosen.mean(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                variation = np.where(mean == 0, 0, chosen.std(axis=1) / mean)
            names += [f"{label}_MEAN_{part}", f"{label}_CVAR_{part}"]
            columns += [mean.astype(np.float32), variation.astype(np.float32)]
    return names, columns


def _over_orbits(series: list[Weekly]) -> Columns:
    """Monthly mean and 10 % quantile, and the season's deviation, of the coherence of all orbits."""
    names: list[str] = []
    columns: list[NDArray[np.float32]] = []
    if not series:
        return names, columns
    months = np.concatenate([w.months for w in series])
    label = Weekly("", series[0].name, "COHE", (), months, *(np.empty((0, 0), np.float32),) * 2, months)
    for part in ("MEAN", "DEV"):
        values = np.concatenate([w.mean if part == "MEAN" else w.dev for w in series], axis=1)
        for month in np.unique(months).tolist():
            chosen = values[:, months == month]
            year, number = divmod(month, 12)
            name = label.label(f"M{year}{number + 1:02d}")
            names += [f"{name}_MEAN_{part}", f"{name}_MIN_{part}"]
            columns += [
                _known_mean(chosen),
                low_quantile(chosen),
            ]
        names.append(f"{label.label('S')}_STD_{part}")
        columns.append(values.astype(np.float64).std(axis=1).astype(np.float32))
    return names, columns


def _known_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of the values of each row that are known, NaN without any."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float32] = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return mean.astype(np.float32)


def low_quantile(values: NDArray[np.float32], quantile: float = QUANTILE) -> NDArray[np.float32]:
    """Return the quantile of each row (type 4 of Hyndman and Fan 1996): h = n q, the minimum below 1."""
    ordered = np.sort(values, axis=1)
    n = values.shape[1]
    h = n * quantile
    at = int(np.floor(h))
    if at < 1:
        return ordered[:, 0]
    if at >= n:
        return ordered[:, -1]
    part = np.float32(h - at)
    return ordered[:, at - 1] + part * (ordered[:, at] - ordered[:, at - 1])


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
