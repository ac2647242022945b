"""One parcel's NDVI over a season with its detected mowings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import to_days
from sen4cap_core.processors.l4b.explain import MOST_STATED
from sen4cap_core.reports.pictures.figures import INK, SOFT, figure_png, new_figure
from sen4cap_core.reports.pictures.filled import MAX_GAP_DAYS, FilledSeries, filled_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

MAX_BYTES: Final = 80_000

# Okabe and Ito's colours: told apart by people who do not see red or green.
_SERIES: Final = "#00694e"
_SMOOTH: Final = "#c5e3d8"
_EVENT: Final = "#d55e00"
_PERIOD: Final = "#0072b2"
_RADAR: Final = ("#7b6fa8", "#b3912f", "#a0527a")
_SIZE_IN: Final = (7.0, 3.3)
_AXES: Final = (0.075, 0.25, 0.905, 0.52)
"""Left, bottom, width and height of the axes; two rows of legend have room below."""
_LABEL_DAYS: Final = 0.125
"""Width of an event's label as a share of the time axis: nearer ones go one line higher."""
_ROWS: Final = 3
_LEGEND_ROWS: Final = 2


@dataclass(frozen=True)
class ChartEvent:
    """A detected mowing as the chart shows it."""

    start: date
    end: date
    confidence: float
    missions: str = "S2"


@dataclass(frozen=True)
class ChartCoherence:
    """Coherence of one orbit. A pair says what changed between its two days, not on the later one."""

    name: str
    start_days: NDArray[np.integer]
    """(n,) the earlier day of each pair, since 1970-01-01."""
    days: NDArray[np.integer]
    """(n,) the later day of each pair."""
    values: NDArray[np.floating]
    """(n,) 0 to 1, NaN where missing."""


def parcel_chart_png(
    days: NDArray[np.integer] | Sequence[int],
    ndvi: NDArray[np.floating] | Sequence[float],
    *,
    title: str,
    subtitle: str = "",
    events: Sequence[ChartEvent] = (),
    periods: Sequence[tuple[date, date]] = (),
    season: tuple[date, date] | None = None,
    coherence: Sequence[ChartCoherence] = (),
    weights: NDArray[np.floating] | Sequence[float] | None = None,
) -> bytes:
    """Draw one parcel.

    Parameters
    ----------
    days : int (n,), days since 1970-01-01, in any order.
    ndvi : float (n,), mean NDVI of the parcel, NaN where the date was not clear: such dates are ticks below.
    title : the parcel (``Parcel 0815, crop 265``); shown as it is, without any markup.
    subtitle : area, compliance in words, reason.
    events : detected mowings, any number.
    periods : when the rule of its crop asks for mowing.
    season : first and last day shown; by default what the dates, events and periods span.
    coherence : series of radar orbits, drawn lightly on the same scale: each pair from its first day to its
        second.
    weights : float (n,), what each date counts in the smoothed line (clear pixels); all alike without.

    Returns
    -------
    PNG, 700 x 330 pixels, at most about 80 kB.

    Raises
    ------
    ValueError
        When ``days`` and ``ndvi`` differ in length, or there is nothing that gives the time axis a span.
    """
    when, values = np.asarray(days, dtype=np.int64), np.asarray(ndvi, dtype=np.float64)
    if when.shape != values.shape or when.ndim != 1:
        raise ValueError(f"{when.shape} days and {values.shape} values")
    order = np.argsort(when, kind="stable")
    when, values = when[order], values[order]
    line = filled_series(when, values, None if weights is None else np.asarray(weights, np.float64)[order])
    first, last = _span(when, events, periods, season)

    figure = new_figure(*_SIZE_IN)
    axes = figure.add_axes(_AXES)
    _draw_periods(axes, periods)
    _draw_events(axes, events, first, last)
    _draw_coherence(axes, coherence)
    _draw_series(axes, line, when, values)
    _draw_frame(axes, first, last, "NDVI, coherence" if coherence else "NDVI")
    # At the left of the months: at the right the legend begins below them.
    year = np.datetime64(int(first), "D").astype("datetime64[Y]")
    figure.text(0.004, _AXES[1] - 0.05, str(year), size=8, color=SOFT, va="center")
    # "$" would start mathematics, and a name may hold one.
    figure.text(0.012, 0.945, title, size=11.5, weight="bold", color=INK, va="center", parse_math=False)
    if subtitle:
        figure.text(0.988, 0.945, subtitle, size=9, color=SOFT, va="center", ha="right", parse_math=False)
    names = [one.name for one in coherence]
    unclear = np.isnan(values)
    has_long_gap = bool((np.diff(when[~unclear]) > MAX_GAP_DAYS).any())
    is_smoothed = bool(np.isfinite(line.smooth).any())
    handles = _handles(bool(events), bool(periods), bool(unclear.any()), has_long_gap, is_smoothed, names)
    _draw_legend(figure, handles)
    return figure_png(figure, MAX_BYTES)


def _span(
    when: NDArray[np.int64],
    events: Sequence[ChartEvent],
    periods: Sequence[tuple[date, date]],
    season: tuple[date, date] | None,
) -> tuple[float, float]:
    if season is not None:
        return float(to_days(season[0])), float(to_days(season[1]))
    marks = [*when.tolist(), *(to_days(d) for e in events for d in (e.start, e.end))]
    marks += [to_days(d) for period in periods for d in period]
    if not marks:
        raise ValueError("a chart without dates, events, periods or season has no time axis")
    return min(marks) - 4.0, max(marks) + 4.0


def _draw_series(
    axes: Axes, line: FilledSeries, when: NDArray[np.int64], values: NDArray[np.float64]
) -> None:
    clear = ~np.isnan(values)
    axes.plot(line.days, line.smooth, color=_SMOOTH, lw=4.5, solid_capstyle="round", zorder=2)
    axes.plot(line.days, line.near, color=_SERIES, lw=1.4, zorder=3)
    axes.plot(line.days, line.far, color=_SERIES, lw=0.9, ls=(0, (3, 3)), alpha=0.7, zorder=2)
    axes.plot(
        when[clear], values[clear], ls="", color=_SERIES, marker="o", ms=4, mec="white", mew=0.6, zorder=3
    )
    if not clear.any():
        axes.text(0.5, 0.5, "no clear date", transform=axes.transAxes, size=11, color=SOFT, ha="center")
    axes.plot(when[~clear], np.full(int((~clear).sum()), 0.015), "|", color=SOFT, ms=6, mew=1, zorder=3)


def _draw_coherence(axes: Axes, coherence: Sequence[ChartCoherence]) -> None:
    for place, one in enumerate(coherence):
        known = ~np.isnan(one.values)
        start, end, values = one.start_days[known], one.days[known], one.values[known]
        colour = _RADAR[place % len(_RADAR)]
        axes.hlines(values, start, end, color=colour, lw=1.6, alpha=0.8, zorder=2)
        axes.plot((start + end) / 2, values, color=colour, lw=0.6, ls=":", alpha=0.8, zorder=2)


def _draw_periods(axes: Axes, periods: Sequence[tuple[date, date]]) -> None:
    for start, end in periods:
        left, right = to_days(start), to_days(end)
        axes.axvspan(left, right, color=_PERIOD, alpha=0.07, lw=0, zorder=0)
        for edge in (left, right):
            axes.axvline(edge, color=_PERIOD, lw=1, ls=(0, (4, 3)), alpha=0.7, zorder=1)


def _draw_events(axes: Axes, events: Sequence[ChartEvent], first: float, last: float) -> None:
    """Draw the intervals with their labels above the axes; a label without room is left out."""
    free_from = [-np.inf] * _ROWS
    for event in sorted(events, key=lambda e: (e.start, e.end)):
        left, right = to_days(event.start), to_days(event.end)
        half = (last - first) * _LABEL_DAYS / 2
        middle = min(max((left + right) / 2, first + half), last - half)
        axes.axvspan(left, max(right, left + 0.6), color=_EVENT, alpha=0.28, lw=0, zorder=1)
        row = next((i for i, day in enumerate(free_from) if middle - half >= day), None)
        if row is None:
            continue
        free_from[row] = middle + half
        axes.text(
            middle,
            1.015 + 0.07 * row,
            f"{event.end:%-d %b} · {min(event.confidence, MOST_STATED):.2f}",
            transform=axes.get_xaxis_transform(),
            size=7.5,
            color=_EVENT,
            weight="bold",
            ha="center",
            va="bottom",
        )


def _draw_frame(axes: Axes, first: float, last: float, what: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes.set_xlim(first, last)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.set_ylabel(what, size=9, color=INK)
    locator = AutoDateLocator(minticks=4, maxticks=12)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, show_offset=False))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=8.5, colors=SOFT, length=3)
    axes.grid(axis="y", color="#e3e6ea", lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#aab1ba")


def _handles(
    has_events: bool,
    has_periods: bool,
    has_unclear: bool,
    has_long_gap: bool,
    is_smoothed: bool,
    orbits: Sequence[str],
) -> list[Line2D | Patch]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = [
        Line2D([], [], color=_SERIES, lw=1.4, marker="o", ms=4, label="NDVI" if orbits else "parcel mean")
    ]
    if is_smoothed:
        handles.append(Line2D([], [], color=_SMOOTH, lw=4.5, label="smoothed"))
    for place, name in enumerate(orbits):
        handles.append(Line2D([], [], color=_RADAR[place % len(_RADAR)], lw=1.6, label=name))
    if orbits:
        handles.append(Line2D([], [], color=SOFT, lw=1.6, label="each bar: first to second day of a pair"))
    if has_long_gap:
        dashed = (0, (3, 3))
        handles.append(
            Line2D([], [], color=_SERIES, lw=0.9, ls=dashed, label=f"gap over {MAX_GAP_DAYS} days")
        )
    if has_unclear:
        handles.append(Line2D([], [], color=SOFT, ls="", marker="|", ms=6, label="date not clear"))
    if has_events:
        handles.append(Patch(color=_EVENT, alpha=0.35, lw=0, label="mown: date · confidence"))
    if has_periods:
        handles.append(Patch(fc="#e6f0f7", ec=_PERIOD, ls="--", lw=1, label="mowing required"))
    return handles


def _draw_legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """Put the legend below the axes in as many columns as fit; more than two rows in small letters."""
    for n_columns in range(len(handles), 0, -1):
        n_rows = -(-len(handles) // n_columns)
        legend = figure.legend(
            handles=list(handles),
            loc="lower left",
            bbox_to_anchor=(0.055, -0.012),
            ncols=n_columns,
            frameon=False,
            fontsize=8.5 if n_rows <= _LEGEND_ROWS else 6.5,
            labelcolor=INK,
            handlelength=1.6,
            columnspacing=1.4,
            labelspacing=0.3,
        )
        if legend.get_window_extent().x1 <= figure.bbox.x1:
            return
        legend.remove()
