"""Pictures of a crop type map: the map, F-scores, confusion, and accuracy over the season."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np

from sen4cap_core.files import atomic_path
from sen4cap_core.processors.l4a.crop_type.accuracy import Accuracy
from sen4cap_core.processors.l4a.crop_type.classify import CropMap
from sen4cap_core.processors.l4a.crop_type.model import CropClasses
from sen4cap_core.reports.pictures.figures import INK, SOFT, figure_png, new_figure
from sen4cap_core.reports.pictures.parcel_map import Outlined, parcel_map_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BYTES = 120_000
MAX_CLASSES = 40
"""Classes a picture shows, the largest ones."""
_BAR, _DOT = "#00694e", "#d55e00"
_STRONG_AND_PALE = [*range(0, 14, 2), 16, 18, *range(1, 14, 2), 17, 19]
"""Matplotlib's ``tab20``, the frequent crops in strong colours; its greys are for parcels without answer."""
_OTHER = "#dedede"


def write_pictures(crop_map: CropMap, classes: CropClasses, folder: Path, suffix: str) -> dict[str, Path]:
    """Write the accuracy plot and the confusion heat map; nothing where there is no accuracy."""
    accuracy = crop_map.accuracy
    if accuracy is None:
        return {}
    pictures = {
        "Accuracy_metrics_plot": accuracy_png(crop_map, classes),
        "Confusion_heat_map": confusion_png(accuracy, classes.names),
    }
    files = {}
    for title, png in pictures.items():
        files[title] = folder / f"{title}{suffix}.png"
        with atomic_path(files[title]) as temporary:
            temporary.write_bytes(png)
    return files


def crop_map_png(
    parcels: gpd.GeoDataFrame, crop_map: CropMap, classes: CropClasses, title: str
) -> bytes | None:
    """Draw the parcels in the colours of their predicted crops, the frequent ones first; doubtful
    declarations have a dark outline.

    Parameters
    ----------
    parcels : in the order of ``crop_map``

    Returns
    -------
    PNG, or None where no parcel has a geometry.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    if (parcels.geometry.isna() | parcels.geometry.is_empty).all():
        return None
    is_told = crop_map.conform >= 0
    numbers, sizes = np.unique(crop_map.pred_1[is_told], return_counts=True)
    frequent = numbers[np.argsort(-sizes, kind="stable")][: len(_STRONG_AND_PALE)].tolist()
    names = {number: _label(number, classes.names) for number in frequent}
    palette = [to_hex(colormaps["tab20"](place)) for place in _STRONG_AND_PALE]
    colours = {**dict(zip(names.values(), palette, strict=False)), "other or not classified": _OTHER}
    values = [
        names.get(number, "other or not classified") if told else "other or not classified"
        for number, told in zip(crop_map.pred_1.tolist(), is_told.tolist(), strict=True)
    ]
    doubtful = Outlined(crop_map.is_doubtful, "doubtful declaration")
    return parcel_map_png(parcels, values, colours, title, doubtful)


def accuracy_png(crop_map: CropMap, classes: CropClasses) -> bytes:
    """Draw F-scores as bars, largest crop first, and the cumulative area as dots (the original's plot)."""
    accuracy = crop_map.accuracy
    if accuracy is None:
        raise ValueError("a map without validation has no accuracy to draw")
    area = np.array([np.nansum(classes.area_m2[classes.declared == n]) for n in accuracy.classes.tolist()])
    of_what = "area"
    if not area.any():
        area, of_what = accuracy.confusion.sum(axis=0).astype(np.float64), "parcels"
    order = np.argsort(-area, kind="stable")[:MAX_CLASSES]
    labels = [_label(int(accuracy.classes[i]), classes.names) for i in order]
    figure, axes = _figure_with_axes(8.0, 4.2)
    place = np.arange(len(order))
    axes.bar(place, np.nan_to_num(accuracy.f_score[order]), color=_BAR, width=0.7, label="F-score")
    share = np.cumsum(area[order]) / area.sum()
    axes.plot(place, share, "o", color=_DOT, ms=5, label=f"cumulative share of {of_what}")
    axes.set_ylim(0, 1.02)
    axes.set_xticks(place, labels, rotation=60, ha="right", size=8, parse_math=False)
    title = f"Overall accuracy {accuracy.overall:.3f}   kappa {accuracy.kappa:.3f}"
    axes.set_title(f"{title}   macro F {accuracy.macro_f:.3f}", size=10.5, color=INK, loc="left")
    axes.legend(frameon=False, fontsize=8.5, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return figure_png(figure, MAX_BYTES)


def confusion_png(accuracy: Accuracy, names: dict[int, str]) -> bytes:
    """Draw which class was taken for which: shares of each declared class."""
    counts = accuracy.confusion
    order = np.argsort(-counts.sum(axis=0), kind="stable")[:MAX_CLASSES]
    part = counts[np.ix_(order, order)]
    sums = counts.sum(axis=0)[order]
    share = np.divide(part, sums, out=np.zeros(part.shape), where=sums > 0)
    labels = [_label(int(accuracy.classes[i]), names) for i in order]
    size = min(9.0, 3.2 + 0.26 * len(order))
    figure, axes = _figure_with_axes(size, size)
    axes.imshow(share, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(labels)), labels, rotation=60, ha="right", size=7.5, parse_math=False)
    axes.set_yticks(range(len(labels)), labels, size=7.5, parse_math=False)
    axes.set_xlabel("declared", size=9)
    axes.set_ylabel("predicted", size=9)
    if len(labels) <= 20:
        for i in range(len(labels)):
            for j in range(len(labels)):
                if part[i, j]:
                    colour = "white" if share[i, j] > 0.6 else INK
                    axes.text(j, i, str(int(part[i, j])), ha="center", va="center", size=7, color=colour)
    return figure_png(figure, MAX_BYTES)


def early_season_png(days: Sequence[date], overall: Sequence[float], macro_f: Sequence[float]) -> bytes:
    """Draw how accurate the map would have been on each day of the season.

    Raises
    ------
    ValueError
        When there is no day.
    """
    if not days:
        raise ValueError("no day to draw")
    figure, axes = _figure_with_axes(7.0, 3.6)
    when = np.array(days, "datetime64[D]").astype("O")
    axes.plot(when, overall, "-o", color=_BAR, ms=4, label="overall accuracy")
    axes.plot(when, macro_f, "-o", color=_DOT, ms=4, label="macro F")
    axes.set_ylim(0, 1.02)
    axes.grid(axis="y", color="#e3e6ea", lw=0.8)
    axes.set_title("Accuracy by what was known on the day", size=10.5, color=INK, loc="left")
    axes.legend(frameon=False, fontsize=8.5, loc="lower right")
    axes.tick_params(axis="x", rotation=30)
    return figure_png(figure, MAX_BYTES)


def _label(number: int, names: dict[int, str]) -> str:
    name = names.get(number, "")
    return f"{number} {name[:22]}".strip()


def _figure_with_axes(width_in: float, height_in: float) -> tuple[Figure, Any]:
    figure = new_figure(width_in, height_in, layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=8.5, colors=SOFT, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes
