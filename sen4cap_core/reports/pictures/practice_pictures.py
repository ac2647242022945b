"""Pictures of practices: when harvests were, where which grade is, one parcel with all it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.reports.pictures.figures import BAR, INK, SOFT, figure_png, new_figure
from sen4cap_core.reports.pictures.filled import filled_series
from sen4cap_core.reports.pictures.parcel_map import parcel_map_png

MAX_BYTES: Final = 120_000
MARGIN_DAYS: Final = 21
HARVESTED: Final = "harvest"
NOT_HARVESTED: Final = "no harvest"
GRADE_COLOURS: Final[Mapping[str, str]] = {
    "STRONG": "#00694e",
    "MODERATE": "#56b4e9",
    "WEAK": "#e69f00",
    "POOR": "#d55e00",
    HARVESTED: "#00694e",
    NOT_HARVESTED: "#e69f00",
    "NR": "#c9ced6",
    "NA": "#e9ecef",
    "NA1": "#e9ecef",
}
_MARKER_COLOUR: Final = "#222831"


@dataclass(frozen=True)
class PracticeChart:
    """All that the judgement of one row rests on. Days since 1970-01-01."""

    title: str
    subtitle: str
    ndvi: tuple[NDArray[np.int32], NDArray[np.float64]]
    """Days and NDVI x 1000."""
    ratio: tuple[NDArray[np.int32], NDArray[np.float64]]
    """Days and VV - VH, on the scale of the thresholds."""
    coherence: tuple[NDArray[np.int32], NDArray[np.float64]]
    mondays: NDArray[np.int32]
    markers: NDArray[np.int8]
    """(weeks, 5) M1 to M5; 1 is true."""
    harvest_period: tuple[int, int] | None = None
    practice_period: tuple[int, int] | None = None
    weeks: dict[str, int] = field(default_factory=dict)
    """Title -> Monday: harvest, tillage."""


def harvest_histogram_png(mondays: Sequence[date], title: str) -> bytes:
    """Draw how many harvests each week has; empty weeks between are shown."""
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(7.0, 2.8)
    axes = figure.add_axes((0.08, 0.2, 0.9, 0.65))
    days = np.array([to_days(monday) for monday in mondays], np.int64)
    if days.size:
        weeks = np.arange(days.min(), days.max() + 1, 7)
        counts = np.bincount((days - days.min()) // 7, minlength=weeks.size)
        axes.bar(weeks + 3, counts, width=6, color=BAR)
        axes.set_xlim(weeks[0] - MARGIN_DAYS, weeks[-1] + MARGIN_DAYS)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.text(0.5, 0.5, "no harvest yet", transform=axes.transAxes, ha="center", color=SOFT)
    _time_axis(axes)
    axes.set_ylabel("parcels", size=9, color=INK)
    figure.text(0.012, 0.92, title, size=11, weight="bold", color=INK, parse_math=False)
    return figure_png(figure, MAX_BYTES)


def practice_map_png(parcels: gpd.GeoDataFrame, values: Sequence[str], title: str) -> bytes:
    """Draw parcels in the colour of their grade; ``values`` are keys of ``GRADE_COLOURS``, others grey."""
    return parcel_map_png(parcels, values, GRADE_COLOURS, title)


def practice_chart_png(chart: PracticeChart) -> bytes:
    """Draw one row: NDVI, backscatter ratio and coherence, the weeks with true markers, the periods."""
    figure = new_figure(7.5, 5.6)
    heights = [(0.675, 0.215), (0.455, 0.19), (0.245, 0.18), (0.095, 0.12)]
    first = None
    parts = [(chart.ndvi, "NDVI x 1000", "#00694e"), (chart.ratio, "VV - VH", "#d55e00")]
    parts.append((chart.coherence, "coherence", "#0072b2"))
    for (bottom, height), (series, label, colour) in zip(heights, parts, strict=False):
        axes = figure.add_axes((0.09, bottom, 0.89, height), sharex=first)
        first = first or axes
        line = filled_series(*series)
        axes.plot(line.days, line.near, color=colour, lw=0.9)
        axes.plot(line.days, line.far, color=colour, lw=0.6, ls=(0, (3, 3)), alpha=0.7)
        axes.plot(*series, ls="", color=colour, marker="o", ms=2.2)
        axes.set_ylabel(label, size=8, color=INK)
        axes.tick_params(labelbottom=False, labelsize=7, colors=SOFT)
        _draw_periods(axes, chart)
    axes = figure.add_axes((0.09, heights[3][0], 0.89, heights[3][1]), sharex=first)
    for marker in range(chart.markers.shape[1]):
        weeks = chart.mondays[chart.markers[:, marker] == 1]
        axes.plot(weeks + 3, np.full(weeks.size, marker + 1), "|", color=_MARKER_COLOUR, ms=5, mew=2)
    axes.set_yticks(range(1, 6), [f"M{i}" for i in range(1, 6)], fontsize=7)
    axes.set_ylim(5.6, 0.4)
    _draw_periods(axes, chart)
    _time_axis(axes)
    figure.text(0.012, 0.955, chart.title, size=11, weight="bold", color=INK, parse_math=False)
    figure.text(0.012, 0.92, chart.subtitle, size=7, color=SOFT, parse_math=False)
    return figure_png(figure, MAX_BYTES)


def _draw_periods(axes: object, chart: PracticeChart) -> None:
    for period, colour in ((chart.harvest_period, "#e69f00"), (chart.practice_period, "#56b4e9")):
        if period is not None:
            axes.axvspan(*period, color=colour, alpha=0.12, lw=0)  # type: ignore[attr-defined]
    for place, monday in enumerate(chart.weeks.values()):
        style = ("-", ":")[place % 2]
        axes.axvline(monday + 3, color=INK, lw=1, ls=style)  # type: ignore[attr-defined]


def _time_axis(axes: object) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)  # type: ignore[attr-defined]
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)  # type: ignore[attr-defined]
    axes.tick_params(labelsize=8, colors=SOFT)  # type: ignore[attr-defined]
