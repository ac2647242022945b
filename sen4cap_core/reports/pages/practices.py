"""What L4C found, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import pandas as pd

from sen4cap_core.reports.pages.tables import facts, markdown_table
from sen4cap_core.reports.pages.text import Markdown, count, day, document, heading, share

GRADES: Final = ("STRONG", "MODERATE", "WEAK", "POOR", "NR", "NA", "NA1")
TITLES: Final = {"NA": "Harvest", "CC": "Catch crops", "FL": "Fallow", "NFC": "Nitrogen-fixing crops"}
MAX_CROPS: Final = 25


def practice_markdown(
    frame: pd.DataFrame,
    *,
    practice: str,
    as_of: date,
    n_left_out: int = 0,
    crop_names: Mapping[str, str] | None = None,
    pictures: Mapping[str, Markdown] | None = None,
) -> Markdown:
    """Return the page of one practice.

    Parameters
    ----------
    frame : the original's columns as text, one row for each judged row
    n_left_out : rows that could not be judged at all
    crop_names : crop code -> name
    pictures : title -> image
    """
    found = frame["H_W_START"].str.startswith(("1", "2"))
    judged = ~frame["L_WEEK"].isin(("NA", "NA1"))
    pairs: list[tuple[object, object]] = [
        ("State of knowledge", day(as_of)),
        ("Rows", count(len(frame))),
        ("Rows without a date in VEG_START or H_START", count(n_left_out)),
        ("With usable series", share(int(judged.sum()), len(frame))),
        ("Harvest found", share(int(found.sum()), int(judged.sum()))),
        ("Of doubtful quality", share(int((frame["H_QUALITY"] == "1").sum()), int(found.sum()))),
    ]
    if "TL_W_START" in frame:
        tilled = frame["TL_W_START"].str.startswith(("1", "2"))
        pairs.append(("Tillage found", share(int(tilled.sum()), int(found.sum()))))
    parts: list[object] = [heading(TITLES[practice]), facts(pairs)]
    if practice != "NA":
        parts += [heading("C_INDEX by crop", 3), _by_crop(frame, crop_names or {})]
    for title, picture in (pictures or {}).items():
        parts += [heading(title, 3), picture]
    return Markdown(document(*parts))


def grades_by_crop(frame: pd.DataFrame) -> pd.DataFrame:
    """Count C_INDEX by main crop: index crop code, the most frequent first; columns the grades and total."""
    table = pd.crosstab(frame["MAIN_CROP"], frame["C_INDEX"]).reindex(columns=list(GRADES), fill_value=0)
    table["rows"] = table.sum(axis=1)
    ordered = table.reset_index().sort_values(["rows", "MAIN_CROP"], ascending=[False, True])
    return ordered.set_index("MAIN_CROP")


def _by_crop(frame: pd.DataFrame, crop_names: Mapping[str, str]) -> Markdown:
    table = grades_by_crop(frame)
    rows: list[list[object]] = [
        [code, crop_names.get(str(code), ""), *(count(int(number)) for number in row)]
        for code, row in zip(table.index[:MAX_CROPS], table.to_numpy()[:MAX_CROPS], strict=True)
    ]
    if len(table) > MAX_CROPS:
        rest = table.iloc[MAX_CROPS:].sum()
        rows.append([f"{len(table) - MAX_CROPS} more", "", *(count(int(number)) for number in rest)])
    header = ["Crop", "Name", *GRADES, "Rows"]
    return markdown_table(header, rows, ["left", "left", *(["right"] * (len(header) - 2))])  # type: ignore[list-item]
