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
from sen4cap_core.reports.pictures.filled import MAX_GAP_DAYS, filled_series
from sen4cap_core.reports.pictures.parcel_map import parcel_map_png

MAX_BYTES: Final = 120_000
MARGIN_DAYS: Final = 21
HARVESTED: Final = "harvest"
NOT_HARVESTED: Final = "no harvest"
NO_SERIES: Final = "no usable series"
GRADE_COLOURS: Final[Mapping[str, str]] = {
    "STRONG": "#00694e",
    "MODERATE": "#56b4e9",
    "WEAK": "#e69f00",
    "POOR": "#d55e00",
    HARVESTED: "#00694e",
    NOT_HARVESTED: "#e69f00",
    NO_SERIES: "#d5dae0",
    "NR": "#aab2bd",
    "NA": "#d5dae0",
    "NA1": "#d5dae0",
}
_NAMED: Final[Mapping[str, str]] = {
    "NR": "NR: not yet or not relevant",
    "NA": "NA: not available",
    "NA1": "NA1: too few radar pixels",
}
"""What the map calls grades that do not speak for themselves."""
_MARKER_COLOUR: Final = "#222831"
_MARKERS: Final = ("M1 green", "M2 NDVI down", "M3 VV - VH up", "M4 VV - VH high", "M5 coherence up")
_LEGEND_PX: Final = 26
"""Below the charts, whose places are shares of the rest."""
_CHARTS_PX: Final = 564
_LEFT: Final = 0.152
_SHADE: Final = 0.12
_STYLES: Final = ("-", ":")


@dataclass(frozen=True)
class PracticeChart:
    """All that the judgement of one row rests on. Days since 1970-01-01."""

    title: str
    subtitle: str
    ndvi: tuple[NDArray[np.int32], NDArray[np.float64]]
    """Days and NDVI."""
    ratio: tuple[NDArray[np.int32], NDArray[np.float64]]
    """Days and VV - VH [dB]."""
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
    colours = {_NAMED.get(grade, grade): colour for grade, colour in GRADE_COLOURS.items()}
    return parcel_map_png(parcels, [_NAMED.get(value, value) for value in values], colours, title)


def practice_chart_png(chart: PracticeChart) -> bytes:
    """Draw one row: NDVI, backscatter ratio and coherence, the weeks with true markers, the periods."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    whole_px = _CHARTS_PX + _LEGEND_PX
    figure = new_figure(7.5, whole_px / 100)
    places = [(0.675, 0.215), (0.455, 0.19), (0.245, 0.18), (0.095, 0.12)]
    heights = [((at * _CHARTS_PX + _LEGEND_PX) / whole_px, h * _CHARTS_PX / whole_px) for at, h in places]
    first = None
    parts = [(chart.ndvi, "NDVI", "#00694e"), (chart.ratio, "VV - VH (dB)", "#d55e00")]
    parts.append((chart.coherence, "coherence", "#0072b2"))
    has_gap = False
    for (bottom, height), (series, label, colour) in zip(heights, parts, strict=False):
        axes = figure.add_axes((_LEFT, bottom, 0.98 - _LEFT, height), sharex=first)
        first = first or axes
        line = filled_series(*series)
        has_gap = has_gap or bool(np.isfinite(line.far).any())
        axes.plot(line.days, line.near, color=colour, lw=0.9)
        axes.plot(line.days, line.far, color=colour, lw=0.6, ls=(0, (3, 3)), alpha=0.7)
        axes.plot(*series, ls="", color=colour, marker="o", ms=2.2)
        axes.set_ylabel(label, size=8, color=INK)
        axes.tick_params(labelbottom=False, labelsize=7, colors=SOFT)
        _draw_periods(axes, chart)
    axes = figure.add_axes((_LEFT, heights[3][0], 0.98 - _LEFT, heights[3][1]), sharex=first)
    for marker in range(chart.markers.shape[1]):
        weeks = chart.mondays[chart.markers[:, marker] == 1]
        axes.plot(weeks + 3, np.full(weeks.size, marker + 1), "|", color=_MARKER_COLOUR, ms=5, mew=2)
    axes.set_yticks(range(1, 6), _MARKERS, fontsize=7)
    axes.set_ylim(5.6, 0.4)
    _draw_periods(axes, chart)
    _time_axis(axes)
    figure.text(0.012, 0.957, chart.title, size=11, weight="bold", color=INK, parse_math=False)
    figure.text(0.012, 0.924, chart.subtitle, size=7, color=SOFT, parse_math=False)
    handles: list[Line2D | Patch] = [
        Patch(color=colour, alpha=2 * _SHADE, lw=0, label=name) for name, _, colour in _periods(chart)
    ]
    handles += [
        Line2D([], [], color=INK, lw=1, ls=_STYLES[place % 2], label=f"week of {name}")
        for place, name in enumerate(chart.weeks)
    ]
    handles.append(Line2D([], [], color=_MARKER_COLOUR, ls="", marker="|", ms=5, mew=2, label="marker true"))
    if has_gap:
        dashed = (0, (3, 3))
        handles.append(Line2D([], [], color=SOFT, lw=0.8, ls=dashed, label=f"gap over {MAX_GAP_DAYS} days"))
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.005, 0.0), ncols=len(handles), frameon=False,
        fontsize=7.5, labelcolor=INK, handlelength=1.6, columnspacing=1.6,
    )  # fmt: skip
    return figure_png(figure, MAX_BYTES)


def _periods(chart: PracticeChart) -> list[tuple[str, tuple[int, int], str]]:
    """Name, days and colour of the periods there are."""
    named = (
        ("harvest expected", chart.harvest_period, "#e69f00"),
        ("period of the practice", chart.practice_period, "#56b4e9"),
    )
    return [(name, period, colour) for name, period, colour in named if period is not None]


def _draw_periods(axes: object, chart: PracticeChart) -> None:
    for _, period, colour in _periods(chart):
        axes.axvspan(*period, color=colour, alpha=_SHADE, lw=0)  # type: ignore[attr-defined]
    for place, monday in enumerate(chart.weeks.values()):
        axes.axvline(monday + 3, color=INK, lw=1, ls=_STYLES[place % 2])  # type: ignore[attr-defined]


def _time_axis(axes: object) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)  # type: ignore[attr-defined]
    # At the end of the axis the year alone: the months stand along it.
    formatter = ConciseDateFormatter(locator, offset_formats=["", *["%Y"] * 5])  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)  # type: ignore[attr-defined]
    axes.tick_params(labelsize=8, colors=SOFT)  # type: ignore[attr-defined]
