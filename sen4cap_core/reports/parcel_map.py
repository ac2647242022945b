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
_METRES_PER_DEGREE: Final = 111_320.0
"""Of latitude, and of longitude at the equator."""


def parcel_map_png(
    parcels: gpd.GeoDataFrame, values: Sequence[str], colours: Mapping[str, str], title: str
) -> bytes:
    """Draw parcels in the colour of their value, those of other values in light grey; legend in the order of
    ``colours``, and a scale bar where the reference system is known.
    """
    # Half a second of imports that only pictures need.
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    step = -(-len(parcels) // MOST_PARCELS) or 1
    figure = new_figure(7.0, 5.0)
    # The legend has a strip of its own beside the map, where it covers no parcel.
    axes = figure.add_axes((0.02, 0.1, 0.7, 0.79), anchor="NW")
    shapes, fills = [], []
    for geometry, value in zip(parcels.geometry.iloc[::step], values[::step], strict=True):
        if geometry is None or geometry.is_empty:
            continue
        for part in getattr(geometry, "geoms", [geometry]):
            shapes.append(np.asarray(part.exterior.coords)[:, :2])
            fills.append(colours.get(value, NEUTRAL))
    axes.add_collection(PolyCollection(shapes, facecolors=fills, edgecolors="#8a929c", linewidths=0.3))
    axes.autoscale_view()
    is_geographic = parcels.crs is not None and parcels.crs.is_geographic
    narrowing = max(0.1, np.cos(np.radians(float(np.mean(axes.get_ylim()))))) if is_geographic else 1.0
    axes.set_aspect(1.0 / narrowing)
    if parcels.crs is not None and shapes:
        unit_m = float(parcels.crs.axis_info[0].unit_conversion_factor)
        _draw_scale(axes, _METRES_PER_DEGREE * narrowing if is_geographic else unit_m)
    axes.set_axis_off()
    handles = [Patch(color=colour, label=name) for name, colour in colours.items() if name in set(values)]
    figure.legend(handles=handles, loc="lower right", bbox_to_anchor=(0.99, 0.02), fontsize=8, frameon=False)
    if step > 1:
        title += f" (every {step}th parcel)"
    figure.text(0.012, 0.93, title, size=11, weight="bold", color=INK, parse_math=False)
    return figure_png(figure, MAX_BYTES)


def _draw_scale(axes: Axes, metres_per_unit: float) -> None:
    """Draw a bar of a round length, a quarter of the map's width at most, below the map."""
    from matplotlib.lines import Line2D

    axes.apply_aspect()
    left, right = axes.get_xlim()
    box = axes.get_position()
    length_m = round_length_m((right - left) * metres_per_unit / 4.0)
    width = box.width * length_m / metres_per_unit / (right - left)
    start, foot = box.x0 + 0.02, 0.06
    end, tick = start + width, 0.008
    bar = Line2D(
        [start, start, start, end, end, end],
        [foot - tick, foot + tick, foot, foot, foot + tick, foot - tick],
        color=INK,
        lw=1.2,
        transform=axes.figure.transFigure,
    )
    axes.figure.add_artist(bar)
    axes.figure.text(start + width / 2, foot - 0.012, length_text(length_m), size=8, ha="center", va="top")
