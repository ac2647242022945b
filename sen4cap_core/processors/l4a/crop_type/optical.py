"""Optical features: a 10-day grid of bands and indices, mean and deviation per parcel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days
from sen4cap_core.kernels.series.gaps import fill_linear
from sen4cap_core.processors.l4a.crop_type.model import NO_ORBIT, SeasonSeries
from sen4cap_core.tables.threads import run_in_chunks

MAIN_BANDS = ("b03", "b04", "b08", "b11")
INDICES = ("ndvi", "ndwi", "brightness")
RED_EDGE_BANDS = ("b05", "b06", "b07", "b12")


@dataclass(frozen=True)
class Block:
    """Some columns of the feature table."""

    name: str
    """What people call it: ``optical``, ``radar ASC`` ..."""
    names: tuple[str, ...]
    values: NDArray[np.float32]
    """(parcels, features), NaN where the parcel has no value to fill from."""
    is_bridged: NDArray[np.float32]
    """(parcels,), share of the block's dates bridged beyond the limit, 0..1."""
    gap_days: NDArray[np.int32]
    """(parcels,), longest gap that was bridged; -1 where there is nothing."""


def optical_blocks(
    series: SeasonSeries, step_days: int, max_gap_days: int, *, with_red_edge: bool
) -> list[Block]:
    """Return the main set (b3, b4, b8, b11, ndvi, ndwi, brightness) and, where wanted and observed, the
    red-edge set (b5, b6, b7, b12).

    Dates run from the season's first acquisition in steps of ``step_days`` to the last; between acquisitions
    values are linear in days, before the first and after the last clear one they are kept. Indices come from
    the interpolated bands as in the original: ndwi = (B11 - B8) / (B11 + B8), brightness =
    sqrt(B3^2 + B4^2 + B8^2 + B11^2); NDVI from its own observations where there are some. The deviation of an
    index without observations of its own follows from those of its bands, taken as independent.
    """
    days = series.days((*MAIN_BANDS, *RED_EDGE_BANDS, "ndvi"))
    if not len(days):
        return []
    grid = np.arange(days[0], days[-1] + 1, step_days, dtype=np.int32)
    sets: list[tuple[str, tuple[str, ...]]] = [("optical", (*MAIN_BANDS, "ndvi"))]
    if with_red_edge:
        sets.append(("red edge", RED_EDGE_BANDS))
    blocks = []
    for title, variables in sets:
        filled = {}
        gaps = []
        for variable in variables:
            if series.has(variable):
                mean, std, gap = _on_grid(series, variable, grid)
                filled[variable] = (mean, std)
                gaps.append(gap)
        if not filled:
            continue
        if title == "optical":
            filled = _with_indices(filled)
        longest = np.max(gaps, axis=0)
        blocks.append(_block(title, filled, grid, longest, max_gap_days))
    return blocks


Filled = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


def _on_grid(
    series: SeasonSeries, variable: str, grid: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Mean, deviation and bridged gap (parcels, dates) of one variable."""
    cells = series.cells[(variable, NO_ORBIT)]
    days = np.array(sorted(cells), np.int32)
    shape = (series.n_parcels, len(grid))
    gap = np.empty(shape, np.int32)
    parts = []
    for field in ("mean", "std"):
        matrix = np.empty((series.n_parcels, len(days)), np.float32)
        for column, day in enumerate(days.tolist()):
            cell = cells[day]
            matrix[:, column] = np.where(cell.n > 0, getattr(cell, field), np.nan)
        out = np.empty(shape, np.float32)
        _fill(days, matrix, grid, out, gap)
        parts.append(out)
    return parts[0], parts[1], gap


def _fill(
    days: NDArray[np.int32],
    matrix: NDArray[np.float32],
    grid: NDArray[np.int32],
    out: NDArray[np.float32],
    gap: NDArray[np.int32],
) -> None:
    def part(first: int, last: int) -> None:
        fill_linear(days, matrix, grid, -1, first, last, out, gap)

    run_in_chunks(part, len(matrix))


def _with_indices(filled: Filled) -> Filled:
    """Add the indices whose bands are there, in the original's order."""
    zero = np.float32(0)
    done: Filled = {name: filled[name] for name in MAIN_BANDS if name in filled}
    if "ndvi" in filled:
        done["ndvi"] = filled["ndvi"]
    elif "b08" in filled and "b04" in filled:
        done["ndvi"] = _normalised(filled["b08"], filled["b04"])
    if "b11" in filled and "b08" in filled:
        done["ndwi"] = _normalised(filled["b11"], filled["b08"])
    if all(band in filled for band in MAIN_BANDS):
        means = [filled[band][0] for band in MAIN_BANDS]
        bright = np.sqrt(sum(mean * mean for mean in means))
        spread = sum((mean * filled[band][1]) ** 2 for mean, band in zip(means, MAIN_BANDS, strict=True))
        with np.errstate(invalid="ignore", divide="ignore"):
            dev = np.where(bright > 0, np.sqrt(spread) / bright, zero)
        done["brightness"] = (bright, np.where(np.isnan(bright), np.float32(np.nan), dev))
    return done


def _normalised(
    plus: tuple[NDArray[np.float32], NDArray[np.float32]],
    minus: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(plus - minus) / (plus + minus), 0 where the sum is 0, with its deviation to first order."""
    total = plus[0] + minus[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        index = np.where(total == 0, np.float32(0), (plus[0] - minus[0]) / total)
        dev = 2 * np.sqrt((minus[0] * plus[1]) ** 2 + (plus[0] * minus[1]) ** 2) / (total * total)
    return index, np.where(total == 0, np.float32(0), dev).astype(np.float32)


def _block(
    title: str, filled: Filled, grid: NDArray[np.int32], gap: NDArray[np.int32], max_gap_days: int
) -> Block:
    """Lay the columns out as the original: all means by date, then all deviations by date."""
    bands = list(filled)
    n_parcels, n_dates = gap.shape
    values = np.empty((n_parcels, 2 * n_dates * len(bands)), np.float32)
    names = []
    for half, kind in enumerate(("mean", "dev")):
        for k, day in enumerate(grid.tolist()):
            stamp = from_days(day).strftime("%Y_%m_%d")
            for i, band in enumerate(bands):
                column = half * n_dates * len(bands) + k * len(bands) + i
                values[:, column] = filled[band][half][:, k]
                names.append(f"XX_{stamp}_s2_{kind}_{_short(band)}")
    is_empty = np.isnan(filled[bands[0]][0][:, 0])
    bridged = (gap > max_gap_days).mean(axis=1).astype(np.float32)
    longest = np.where(is_empty, -1, gap.max(axis=1)).astype(np.int32)
    return Block(title, tuple(names), values, np.where(is_empty, 1, bridged).astype(np.float32), longest)


def _short(band: str) -> str:
    """``b03`` as the original writes it: ``b3``."""
    return f"b{int(band[1:])}" if band[1:].isdigit() else band
