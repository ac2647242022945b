"""Rows of observations into the cells of a season: merged by parcel and day, units brought together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError
from sen4cap_core.processors.l4a.crop_type.columns import canonical_variable
from sen4cap_core.processors.l4a.crop_type.model import OPTICAL, RADAR, DayCell, SeasonSeries

RADAR_FORMS = (*RADAR, "vv_db", "vh_db")
"""Radar variables as tables may hold them."""


def note_totals(
    series: SeasonSeries, rows: NDArray[np.intp], totals: NDArray[np.float64], names: Sequence[str]
) -> None:
    """Note the most pixels each parcel had in one image of a mission."""
    variables = {canonical_variable(name)[0] for name in names}
    for mission, members in (("S2", OPTICAL), ("S1", RADAR_FORMS)):
        if variables.intersection(members):
            most = series.n_total.setdefault(mission, np.zeros(series.n_parcels, np.int32))
            np.maximum.at(most, rows, np.nan_to_num(totals).astype(np.int32))


def add_rows(
    series: SeasonSeries,
    variable: str,
    orbits: NDArray[np.object_],
    days: NDArray[np.int32],
    rows: NDArray[np.intp],
    n: NDArray[np.float64],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    usable: NDArray[np.bool_],
) -> None:
    """Merge rows into the cells of their days and orbits.

    Parameters
    ----------
    orbits, days, rows, n, mean, std : (rows of a table,); ``rows`` are numbers of parcels, ``n`` NaN where
        nothing is told, ``mean`` NaN without a value.
    usable : rows that count.
    """
    optical = variable in OPTICAL
    good = np.flatnonzero(usable & np.isfinite(mean) & (n > 0))
    # A day without any clear parcel is a date of the season still: the 10-day grid may start there. A row
    # without a count is of another acquisition.
    told = usable & np.isfinite(n)
    for day in np.unique(days[told]):
        for orbit in {""} if optical else set(orbits[told & (days == day)].tolist()):
            series.cell((variable, "" if optical else orbit), int(day))
    if not len(good):
        return
    names, which = np.unique(orbits[good].astype(str), return_inverse=True)
    if optical:
        names, which = np.array([""]), np.zeros(len(good), np.int64)
    key = days[good].astype(np.int64) * len(names) + which
    order = np.lexsort((rows[good], key))
    good, key = good[order], key[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    stops = np.r_[starts[1:], len(key)]
    spread = np.nan_to_num(std)
    counts = np.clip(np.nan_to_num(n), 0, 2**31 - 1).astype(np.int32)
    for begin, end in zip(starts.tolist(), stops.tolist(), strict=True):
        part = good[begin:end]
        cell = series.cell((variable, str(names[key[begin] % len(names)])), int(days[part[0]]))
        _merge(cell, rows[part], counts[part], mean[part], spread[part])


def _merge(
    cell: DayCell,
    rows: NDArray[np.intp],
    n: NDArray[np.int32],
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
) -> None:
    """Merge rows sorted by parcel; a parcel that comes several times (tiles) is merged one by one."""
    while len(rows):
        is_first = np.r_[True, rows[1:] != rows[:-1]]
        cell.add(rows[is_first], n[is_first], mean[is_first], std[is_first])
        rows, n, mean, std = (a[~is_first] for a in (rows, n, mean, std))


def checked(series: SeasonSeries, path: Path) -> SeasonSeries:
    """Bring units together: reflectance 0..1, NDVI -1..1, linear power; refuse what has no observation."""
    if not series.cells:
        raise BadUploadError(
            path,
            "no observation of these parcels in this period that a crop type could be told from.",
            expected=f"variables such as {', '.join((*OPTICAL, *RADAR))}",
            remedy="Check the parcel ids, the dates and the names of the variables.",
        )
    for db, linear in (("vv_db", "vv"), ("vh_db", "vh")):
        for key in [key for key in series.cells if key[0] == db]:
            if (linear, key[1]) not in series.cells:
                series.cells[(linear, key[1])] = {d: _from_db(c) for d, c in series.cells[key].items()}
            del series.cells[key]
    for variable in ("vv", "vh"):
        for key in [key for key in series.cells if key[0] == variable]:
            if _median(series, key) < 0:
                series.cells[key] = {d: _from_db(c) for d, c in series.cells[key].items()}
                series.remarks.append(f"{' '.join(key).strip()} is below 0: read as dB")
    for key in list(series.cells):
        divisor = 1.0
        if key[0].startswith("b") and _median(series, key) > 2:
            divisor = 10_000.0
        if key[0] == "ndvi" and _peak(series, key) > 2:
            divisor = 1000.0
        if divisor != 1:
            for cell in series.cells[key].values():
                cell.mean /= np.float32(divisor)
                cell.std /= np.float32(divisor)
            series.remarks.append(f"{key[0]} divided by {divisor:g}: its values are digital numbers")
    return series


def _values(series: SeasonSeries, key: tuple[str, str]) -> NDArray[np.float32]:
    parts = [cell.mean[cell.n > 0] for cell in series.cells[key].values()]
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


def _median(series: SeasonSeries, key: tuple[str, str]) -> float:
    values = _values(series, key)
    return float(np.median(values)) if len(values) else 0.0


def _peak(series: SeasonSeries, key: tuple[str, str]) -> float:
    values = _values(series, key)
    return float(np.quantile(np.abs(values), 0.99)) if len(values) else 0.0


def _from_db(cell: DayCell) -> DayCell:
    """Linear power of a mean in dB; the deviation by the slope of the scale there."""
    mean = np.float32(10) ** (cell.mean / np.float32(10))
    return DayCell(cell.n, mean, (mean * np.float32(np.log(10) / 10) * cell.std).astype(np.float32))
