"""The page of a crop type map: how good it is, where it doubts the declarations, what it looks like."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from PIL import Image

from sen4cap_core.processors.l4a.crop_type.classify import CropMap
from sen4cap_core.processors.l4a.crop_type.model import CropClasses
from sen4cap_core.processors.l4a.crop_type.tables_out import doubtful_frame, summary_frame
from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import bullets, count, day, document, heading, image, percent, share
from sen4cap_core.reports.pictures.crop_type import accuracy_png, confusion_png
from sen4cap_core.reports.pictures.drawing import png_bytes

MAP_PARCELS = 20_000
"""Parcels a map shows, the largest ones."""
MAP_BYTES = 200_000
MAP_CLASSES = 19
TOP = 25
MAX_CROPS = 40


def crop_type_markdown(
    crop_map: CropMap,
    classes: CropClasses,
    predictions: pd.DataFrame,
    holdings: pd.DataFrame,
    parcel_names: Mapping[int, str],
    *,
    title: str,
    as_of: date,
    map_picture: bytes | None,
    files: Mapping[str, Path],
) -> str:
    """Return the page of one classification.

    Parameters
    ----------
    predictions : table of ``predictions_frame``.
    holdings : crop diversification, ``CD_diagn`` per holding.
    parcel_names : NewID -> the agency's own id.
    """
    n_classified = int((crop_map.conform >= 0).sum())
    pairs: list[tuple[object, object]] = [
        ("State of knowledge", day(as_of)),
        ("Method", "the original's forest" if crop_map.method == "sen4cap" else "default"),
        ("Parcels classified", share(n_classified, len(predictions))),
        ("Contradict the declaration with confidence", count(int(crop_map.is_doubtful.sum()))),
    ]
    accuracy, by_area = crop_map.accuracy, crop_map.by_area
    if accuracy is not None:
        pairs += [
            ("Validation parcels", count(int(accuracy.confusion.sum()))),
            ("Overall accuracy", percent(accuracy.overall)),
            ("Kappa", f"{accuracy.kappa:.3f}"),
            ("Macro F", f"{accuracy.macro_f:.3f}"),
        ]
    if by_area is not None:
        pairs.append(
            ("Accuracy by area", f"{percent(by_area.overall)} ± {percent(by_area.overall_ci)} (95 %)")
        )
    pictures: list[object] = []
    if accuracy is not None:
        pictures = [
            heading("Accuracy by crop", 3),
            image("F-scores", accuracy_png(crop_map, classes)),
            heading("What was taken for what", 3),
            image("Confusion", confusion_png(accuracy, classes.names)),
        ]
    return document(
        heading(title),
        facts(pairs),
        bullets(crop_map.remarks) if crop_map.remarks else None,
        *_doubtful(predictions, classes, parcel_names),
        *([heading("Map", 3), image("Crop types", map_picture)] if map_picture else []),
        *pictures,
        *_crops(classes, crop_map),
        *_reasons(crop_map),
        *_holdings(holdings),
        heading("Files", 3),
        facts((name, str(path)) for name, path in files.items()),
    )


def _doubtful(predictions: pd.DataFrame, classes: CropClasses, names: Mapping[int, str]) -> list[object]:
    rows = doubtful_frame(predictions, classes.names)
    if rows.empty:
        return [heading("Most doubtful declarations", 3), "No prediction contradicts a declaration."]
    table = markdown_table(
        ["Parcel", "Area (ha)", "Declared", "Predicted", "Confidence"],
        [
            [
                names.get(int(row["NewID"]), row["NewID"]),
                f"{row['Area_meters'] / 10_000:.2f}",
                row["Declared"],
                row["Predicted"],
                f"{row['CT_conf_1']:.3f}",
            ]
            for row in rows.head(TOP).to_dict("records")
        ],
        ["left", "right", "left", "left", "right"],
    )
    more = f"… and {count(len(rows) - TOP)} more in Doubtful_declarations." if len(rows) > TOP else None
    return [heading("Most doubtful declarations", 3), table, more]


def _crops(classes: CropClasses, crop_map: CropMap) -> list[object]:
    summary = summary_frame(classes, crop_map).head(MAX_CROPS)
    table = markdown_table(
        ["Class", "Name", "Parcels", "Area (ha)", "Classified"],
        [
            [
                row["CTnumL4A"],
                row["CTL4A"],
                count(int(row["Count"])),
                f"{row['Area'] / 10_000:.0f}",
                "yes" if row["Classified"] else "no",
            ]
            for row in summary.to_dict("records")
        ],
        ["right", "left", "right", "right", "left"],
    )
    return [heading("By declared crop", 3), table]


def _reasons(crop_map: CropMap) -> list[object]:
    stated = pd.Series([reason for reason in crop_map.reasons.tolist() if reason is not None], dtype=object)
    if stated.empty:
        return []
    rows = sorted(stated.value_counts().items(), key=lambda pair: (-pair[1], str(pair[0])))[:MAX_CROPS]
    table = markdown_table(["Why", "Parcels"], [[why, count(int(n))] for why, n in rows], ["left", "right"])
    return [heading("Not classified", 3), table]


def _holdings(holdings: pd.DataFrame) -> list[object]:
    if holdings.empty:
        return []
    rows = sorted(holdings["CD_diagn"].value_counts().items(), key=lambda pair: str(pair[0]))
    table = markdown_table(
        ["Diagnosis", "Holdings"], [[name, count(int(n))] for name, n in rows], ["left", "right"]
    )
    return [heading("Crop diversification", 3), table]


def map_png(
    geometries: Sequence[shapely.Geometry | None] | NDArray[np.object_],
    crop_map: CropMap,
    classes: CropClasses,
) -> bytes | None:
    """Draw the parcels in the colours of their predicted crops; doubtful ones have a red outline.

    Parameters
    ----------
    geometries : longitude and latitude, one per parcel; None where there is none.

    Returns
    -------
    PNG, or None where no parcel has a geometry.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PolyCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    shapes = np.asarray(geometries, dtype=object)
    there = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    if not len(there):
        return None
    largest = there[np.argsort(-classes.area_m2[there], kind="stable")[:MAP_PARCELS]]
    numbers, sizes = np.unique(crop_map.pred_1[crop_map.conform >= 0], return_counts=True)
    shown = numbers[np.argsort(-sizes, kind="stable")][:MAP_CLASSES].tolist()
    palette = {number: colormaps["tab20"](i) for i, number in enumerate(shown)}
    parts, owner = shapely.get_parts(shapes[largest], return_index=True)
    rings = [shapely.get_coordinates(shapely.get_exterior_ring(part)) for part in parts]
    rows = largest[owner]
    other = (0.87, 0.87, 0.87, 1.0)
    faces = [palette.get(number, other) for number in crop_map.pred_1[rows].tolist()]
    figure = Figure(figsize=(8.0, 6.5), dpi=100, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.add_collection(PolyCollection(rings, facecolors=faces, edgecolors="white", linewidths=0.2))
    doubtful = [ring for ring, row in zip(rings, rows.tolist(), strict=True) if crop_map.is_doubtful[row]]
    axes.add_collection(PolyCollection(doubtful, facecolors="none", edgecolors="#d40000", linewidths=0.9))
    west, south, east, north = shapely.total_bounds(shapes[largest])
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(1 / max(0.1, float(np.cos(np.radians((south + north) / 2)))))
    axes.set_axis_off()
    handles = [Patch(color=palette[n], label=f"{n} {classes.names.get(n, '')[:20]}") for n in shown]
    handles.append(Patch(color=other, label="other or not classified"))
    handles.append(Patch(fc="none", ec="#d40000", label="doubtful declaration"))
    legend = figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=7.5)
    for text in legend.get_texts():
        text.set_parse_math(False)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    buffer.seek(0)
    return png_bytes(Image.open(buffer), MAP_BYTES)
