"""Parcels on a plain map, each in the colour of what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from sen4cap_core.products.colours import Rgb
from sen4cap_core.reports.pictures.drawing import length_text, round_length_m
from sen4cap_core.reports.pictures.figures import INK, figure_png, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend
    from matplotlib.patches import Patch

MAX_BYTES: Final = 120_000
MOST_PARCELS: Final = 30_000
"""More are drawn for a minute and seen by nobody: of a larger site every n-th parcel is shown."""
NEUTRAL: Final = "#e9ecef"
WIDTH_PX: Final = 700
"""Of the pictures of a page."""
MOST_HEIGHT_PX: Final = 620
"""Of the map itself: with title and legend it is seen at once on a screen 800 pixels high."""
_DPI: Final = 100
_EDGE_PX, _GAP_PX = 14, 18
_WIDEST_PX: Final = WIDTH_PX - 2 * _EDGE_PX
_LABEL_PX = 40
_HEAD_PX, _TITLE_PX = 44, 28
_SCALE_PX, _FOOT_PX = 34, 12
_METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, and of longitude at the equator."""


@dataclass(frozen=True)
class Outlined:
    """Parcels with a dark outline over their colour."""

    which: NDArray[np.bool_]
    """(n,) in the order of the parcels."""
    label: str


def parcel_map_png(
    parcels: gpd.GeoDataFrame,
    values: Sequence[str],
    colours: Mapping[str, str],
    title: str,
    outlined: Outlined | None = None,
) -> bytes:
    """Draw parcels in the colour of their value, those of other values in light grey; legend in the order of
    ``colours``, and a scale bar where the reference system is known.

    The map is as wide as the other pictures of a page, but for land that would be too tall then; the picture
    is as high as the shape of the land asks for.
    """
    # Half a second of imports that only pictures need.
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    step = -(-len(parcels) // MOST_PARCELS) or 1
    if step > 1:
        title += f" (every {step}th parcel)"
    figure = new_figure(WIDTH_PX / _DPI, WIDTH_PX / _DPI)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), anchor="NW")
    marked = np.zeros(len(parcels), bool) if outlined is None else outlined.which
    shapes, fills, framed = [], [], []
    shown = zip(parcels.geometry.iloc[::step], values[::step], marked[::step].tolist(), strict=True)
    for geometry, value, is_marked in shown:
        if geometry is None or geometry.is_empty:
            continue
        for part in getattr(geometry, "geoms", [geometry]):
            shapes.append(np.asarray(part.exterior.coords)[:, :2])
            fills.append(colours.get(value, NEUTRAL))
            if is_marked:
                framed.append(shapes[-1])
    axes.add_collection(PolyCollection(shapes, facecolors=fills, edgecolors="#8a929c", linewidths=0.3))
    axes.add_collection(PolyCollection(framed, facecolors="none", edgecolors=INK, linewidths=1.4))
    axes.margins(0.005)
    axes.autoscale_view()
    is_geographic = parcels.crs is not None and parcels.crs.is_geographic
    narrowing = max(0.1, np.cos(np.radians(float(np.mean(axes.get_ylim()))))) if is_geographic else 1.0
    axes.set_aspect(1.0 / narrowing)
    axes.set_axis_off()
    present = set(values)
    handles = [Patch(color=colour, label=name) for name, colour in colours.items() if name in present]
    if outlined is not None and framed:
        handles.append(Patch(fc="none", ec=INK, lw=1.4, label=outlined.label))
    heading = figure.text(0.0, 0.0, title, size=11, weight="bold", color=INK, parse_math=False)
    width_to_height = narrowing * float(np.ptp(axes.get_xlim()) / np.ptp(axes.get_ylim()))
    map_height = min(_WIDEST_PX / width_to_height, MOST_HEIGHT_PX)
    map_width = map_height * width_to_height
    bar_m, bar_px = 0.0, 0.0
    if parcels.crs is not None and shapes:
        unit_m = float(parcels.crs.axis_info[0].unit_conversion_factor)
        land_m = float(np.ptp(axes.get_xlim())) * (
            _METRES_PER_DEGREE * narrowing if is_geographic else unit_m
        )
        bar_m = round_length_m(land_m / 4.0)
        bar_px = map_width * bar_m / land_m
    # The legend stands below the map, where it covers no parcel, and right of the scale bar.
    left_px = max(bar_px, _LABEL_PX) + _GAP_PX
    legend, legend_px = _legend(figure, handles, max(map_width, _WIDEST_PX / 2) - left_px)
    content = max(map_width, left_px + legend_px[0], heading.get_window_extent().width)
    width = min(round(content) + 2 * _EDGE_PX, WIDTH_PX)
    height = round(_HEAD_PX + map_height + max(_SCALE_PX, legend_px[1] + _GAP_PX) + _FOOT_PX)
    figure.set_size_inches(width / _DPI, height / _DPI)
    legend.set_bbox_to_anchor((1.0 - _EDGE_PX / width, _FOOT_PX / height))
    heading.set_position((_EDGE_PX / width, 1.0 - _TITLE_PX / height))
    bottom = (height - _HEAD_PX - map_height) / height
    axes.set_position((_EDGE_PX / width, bottom, map_width / width, map_height / height))
    if bar_m:
        _draw_scale(figure, bottom * height - _SCALE_PX / 2, bar_m, bar_px)
    return figure_png(figure, MAX_BYTES, [_rgb(colour) for colour in (*colours.values(), NEUTRAL)])


def _rgb(colour: str) -> Rgb:
    return (int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16))


def _legend(figure: Figure, handles: list[Patch], widest_px: float) -> tuple[Legend, tuple[float, float]]:
    """Draw the legend in as many columns as fit; return it with its width and height in pixels."""
    for n_columns in range(max(len(handles), 1), 0, -1):
        legend = figure.legend(
            handles=handles, loc="lower right", ncols=n_columns, fontsize=8, frameon=False,
            borderaxespad=0.0, borderpad=0.0, columnspacing=1.2, handlelength=1.4, handletextpad=0.5,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
        box = legend.get_window_extent()
        if box.width <= widest_px or n_columns == 1:
            break
        legend.remove()
    return legend, (box.width, box.height) if handles else (0.0, 0.0)


def _draw_scale(figure: Figure, foot_px: float, length_m: float, length_px: float) -> None:
    """Draw the scale bar, so high above the picture's lower edge, with its length below it."""
    from matplotlib.lines import Line2D

    width, height = figure.bbox.width, figure.bbox.height
    start, end = _EDGE_PX / width, (_EDGE_PX + length_px) / width
    foot, tick = foot_px / height, 4.0 / height
    bar = Line2D(
        [start, start, start, end, end, end],
        [foot - tick, foot + tick, foot, foot, foot + tick, foot - tick],
        color=INK,
        lw=1.2,
        transform=figure.transFigure,
    )
    figure.add_artist(bar)
    label = figure.text(0.0, foot - 6.0 / height, length_text(length_m), size=8, ha="center", va="top")
    # Below the middle of the bar, and not beyond its start where the bar is shorter.
    label.set_x(start + max(length_px, label.get_window_extent().width) / width / 2)
