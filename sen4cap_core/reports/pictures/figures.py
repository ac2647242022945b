"""Figures of matplotlib: their paper, their inks, and their PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PIL import Image

from sen4cap_core.products.colours import Rgb
from sen4cap_core.reports.pictures.drawing import png_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK: Final = "#222831"
SOFT: Final = "#5c6570"
BAR: Final = "#0072b2"


def new_figure(width_in: float, height_in: float, *, layout: str | None = None) -> Figure:
    """Return an empty figure of 100 pixels an inch."""
    # Half a second of imports that only pictures need.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=100, facecolor="white", layout=layout)  # type: ignore[arg-type]
    FigureCanvasAgg(figure)
    return figure


def figure_png(figure: Figure, max_bytes: int, keep: Sequence[Rgb] = ()) -> bytes:
    """Return a figure of `new_figure` as PNG; the colours of ``keep`` come out as they are."""
    buffer = io.BytesIO()
    figure.canvas.print_png(buffer)  # type: ignore[attr-defined]
    buffer.seek(0)
    return png_bytes(Image.open(buffer), max_bytes, keep)
