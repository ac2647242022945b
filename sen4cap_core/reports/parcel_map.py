"""Parcels on a plain map, each in the colour of what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np

from sen4cap_core.reports.drawing import length_text, round_length_m
from sen4cap_core.reports.figures import INK, figure_png, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BYTES: Final = 120_000
MOST_PARCELS: Final = 30_000
"""More are drawn for a minute and seen by nobody: of a larger site every n-th parcel is shown."""
NEUTRAL: Final = "#e9ecef"
WIDTH_PX: Final = 700
"""Of the pictures of a page."""
MOST_HEIGHT_PX: Final = 620
"""Of the map itself: with its legend it is seen at once on a screen 800 pixels high."""
_DPI: Final = 100
_EDGE_PX, _GAP_PX = 14, 18
_HEAD_PX, _TITLE_PX = 44, 28
_SCALE_PX, _FOOT_PX = 34, 12
_METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, and of longitude at the equator."""


def parcel_map_png(
    parcels: gpd.GeoDataFrame, values: Sequence[str], colours: Mapping[str, str], title: str
) -> bytes:
    """Draw parcels in the colour of their value, those of other values in light grey; legend in the order of
    ``colours``, and a scale bar where the reference system is known.

    The picture is as wide as the others of a page where the land is not too tall for that, and as high as its
    shape asks for: map and legend leave no blank between them.
    """
    # Half a second of imports that only pictures need.
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    step = -(-len(parcels) // MOST_PARCELS) or 1
    if step > 1:
        title += f" (every {step}th parcel)"
    figure = new_figure(WIDTH_PX / _DPI, WIDTH_PX / _DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), anchor="NW")
    shapes, fills = [], []
    for geometry, value in zip(parcels.geometry.iloc[::step], values[::step], strict=True):
        if geometry is None or geometry.is_empty:
            continue
        for part in getattr(geometry, "geoms", [geometry]):
            shapes.append(np.asarray(part.exterior.coords)[:, :2])
            fills.append(colours.get(value, NEUTRAL))
    axes.add_collection(PolyCollection(shapes, facecolors=fills, edgecolors="#8a929c", linewidths=0.3))
    axes.margins(0.005)
    axes.autoscale_view()
    is_geographic = parcels.crs is not None and parcels.crs.is_geographic
    narrowing = max(0.1, np.cos(np.radians(float(np.mean(axes.get_ylim()))))) if is_geographic else 1.0
    axes.set_aspect(1.0 / narrowing)
    axes.set_axis_off()
    handles = [Patch(color=colour, label=name) for name, colour in colours.items() if name in set(values)]
    legend = figure.legend(handles=handles, loc="lower right", fontsize=8, frameon=False, borderaxespad=0.0)
    heading = figure.text(0.0, 0.0, title, size=11, weight="bold", color=INK, parse_math=False)
    beside = legend.get_window_extent() if handles else None
    legend_px = (beside.width + _GAP_PX, beside.height) if beside is not None else (0.0, 0.0)
    width_to_height = narrowing * float(np.ptp(axes.get_xlim()) / np.ptp(axes.get_ylim()))
    map_px, (width, height) = _laid_out(width_to_height, legend_px, heading.get_window_extent().width)
    figure.set_size_inches(width / _DPI, height / _DPI)
    # The legend has a strip of its own beside the map, where it covers no parcel.
    legend.set_bbox_to_anchor((1.0 - _EDGE_PX / width, _FOOT_PX / height))
    heading.set_position((_EDGE_PX / width, 1.0 - _TITLE_PX / height))
    bottom = (height - _HEAD_PX - map_px[1]) / height
    axes.set_position((_EDGE_PX / width, bottom, map_px[0] / width, map_px[1] / height))
    if parcels.crs is not None and shapes:
        unit_m = float(parcels.crs.axis_info[0].unit_conversion_factor)
        _draw_scale(axes, _METRES_PER_DEGREE * narrowing if is_geographic else unit_m, height)
    return figure_png(figure, MAX_BYTES)


def _laid_out(
    width_to_height: float, legend_px: tuple[float, float], title_px: float
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return width and height of the map and of the picture, in pixels.

    Parameters
    ----------
    width_to_height : shape of the land.
    legend_px : width, with the gap before it, and height of the legend.
    title_px : width of the title.
    """
    widest = WIDTH_PX - 2 * _EDGE_PX - legend_px[0]
    map_height = min(widest / width_to_height, MOST_HEIGHT_PX)
    map_width = map_height * width_to_height
    width = max(2 * _EDGE_PX + map_width + legend_px[0], min(2 * _EDGE_PX + title_px, WIDTH_PX))
    # The legend may be higher than the map of a narrow strip.
    height = _HEAD_PX + max(map_height, legend_px[1] - _SCALE_PX) + _SCALE_PX + _FOOT_PX
    return (map_width, map_height), (round(width), round(height))


def _draw_scale(axes: Axes, metres_per_unit: float, height_px: int) -> None:
    """Draw a bar of a round length, a quarter of the map's width at most, below the map."""
    from matplotlib.lines import Line2D

    axes.apply_aspect()
    left, right = axes.get_xlim()
    box = axes.get_position()
    length_m = round_length_m((right - left) * metres_per_unit / 4.0)
    width = box.width * length_m / metres_per_unit / (right - left)
    start, foot = box.x0, box.y0 - 0.5 * _SCALE_PX / height_px
    end, tick = start + width, 4.0 / height_px
    bar = Line2D(
        [start, start, start, end, end, end],
        [foot - tick, foot + tick, foot, foot, foot + tick, foot - tick],
        color=INK,
        lw=1.2,
        transform=axes.figure.transFigure,
    )
    axes.figure.add_artist(bar)
    label = axes.figure.text(
        0.0, foot - 6.0 / height_px, length_text(length_m), size=8, ha="center", va="top"
    )
    # Below the middle of the bar, and not beyond its start where the bar is shorter.
    label.set_x(start + max(width, label.get_window_extent().width / axes.figure.bbox.width) / 2)
