"""The page of a crop type map: how good it is, where it doubts the declarations, what it looks like."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd

from sen4cap_core.processors.l4a.crop_type.classify import CropMap
from sen4cap_core.processors.l4a.crop_type.model import CropClasses
from sen4cap_core.processors.l4a.crop_type.tables_out import doubtful_frame, summary_frame
from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import bullets, count, day, document, heading, image, percent, share
from sen4cap_core.reports.pictures.crop_type import accuracy_png, confusion_png

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
