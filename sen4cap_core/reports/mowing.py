"""What L4B found, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import pandas as pd

from sen4cap_core.reports.tables import facts, markdown_table
from sen4cap_core.reports.text import (
    bullets,
    count,
    day,
    document,
    heading,
    link,
    located,
    share,
)

COMPLIANCE: Final[Mapping[int, str]] = {
    -1: "no rule for this crop",
    0: "not assessed",
    1: "compliant",
    2: "not compliant",
    3: "mown inside and outside the period",
}
"""The original's ``compl`` codes in words."""

MAX_CROPS = 25
SLOTS = 4


def compliance_text(compl: int, reason: object = None) -> str:
    """Return a compliance code in words, with the reason where the parcel could not be judged.

    A ``reason`` that is no text (None, NaN of a data frame) is none.
    """
    words = COMPLIANCE.get(int(compl), f"unknown code {compl}")
    return f"{words}: {reason}" if isinstance(reason, str) and reason else words


def mowing_markdown(
    frame: pd.DataFrame,
    *,
    title: str,
    as_of: date | None,
    n_observation_dates: int | None = None,
    crop_names: Mapping[str, str] | None = None,
    parcel_links: Mapping[int, str] | None = None,
    links: Mapping[str, str] | None = None,
    top: int = 20,
) -> str:
    """Return the page of one evaluation.

    Parameters
    ----------
    frame : one row for each parcel with the original's columns (``NewID``, ``Ori_id``, ``Ori_crop``,
        ``Area_meter`` [m2], ``mow_n``, ``m1_dstart`` .. ``m4_mis``, ``proc``, ``compl``) and ``reason``.
    as_of : last acquisition that was used.
    n_observation_dates : acquisitions behind the answer.
    crop_names : crop code -> name.
    parcel_links : NewID -> address of the parcel's chart.
    links : title -> web address, path or file URI, shown at the top (exports, map, run).
    top : parcels listed: those with the latest mowing first.
    """
    judged, mown = frame["proc"] == 1, frame["mow_n"] > 0
    pairs: list[tuple[object, object]] = [
        ("State of knowledge", day(as_of)),
        ("Parcels", count(len(frame))),
        ("Judged", share(int(judged.sum()), len(frame))),
        ("Mown at least once", share(int(mown.sum()), int(judged.sum()))),
        ("Mowing events", count(int(frame["mow_n"].sum()))),
        ("Not compliant", share(int(frame["compl"].isin((2, 3)).sum()), int((frame["compl"] > 0).sum()))),
    ]
    if n_observation_dates is not None:
        pairs.insert(1, ("Acquisitions used", count(n_observation_dates)))
    return document(
        heading(title),
        facts(pairs),
        bullets(located(name, where) for name, where in (links or {}).items()),
        *_latest(frame[mown], parcel_links or {}, top),
        *_by_crop(frame, crop_names or {}),
        *_not_judged(frame[~judged]),
    )


def latest_mowing(frame: pd.DataFrame) -> pd.Series:
    """Return the end of each parcel's last mowing as text, empty where there is none; index of ``frame``."""
    ends = frame[[f"m{slot}_dend" for slot in range(1, SLOTS + 1)]].astype(str)
    return ends.where(ends != "0", "").max(axis=1)


def _latest(mown: pd.DataFrame, parcel_links: Mapping[int, str], top: int) -> list[object]:
    if mown.empty:
        return [heading("Latest mowings", 3), "No mowing has been seen yet."]
    latest = mown.assign(_latest=latest_mowing(mown))
    latest = latest.sort_values(["_latest", "NewID"], ascending=[False, True]).head(top)
    rows = [
        [
            link(row["Ori_id"], parcel_links.get(int(row["NewID"]))),
            row["Ori_crop"],
            f"{row['Area_meter'] / 10_000:.2f}",
            _events(row),
            compliance_text(row["compl"], row["reason"]),
        ]
        for row in latest.to_dict("records")
    ]
    more = len(mown) - len(rows)
    return [
        heading("Latest mowings", 3),
        markdown_table(
            ["Parcel", "Crop", "Area (ha)", "Mown between (confidence, satellite)", "Compliance"],
            rows,
            ["left", "left", "right", "left", "left"],
        ),
        f"… and {count(more)} more mown parcels in the exported tables." if more else None,
    ]


def _events(row: Mapping[Any, Any]) -> str:
    events = []
    for slot in range(1, SLOTS + 1):
        if str(row[f"m{slot}_dend"]) == "0":
            continue
        start, end = str(row[f"m{slot}_dstart"])[:10], str(row[f"m{slot}_dend"])[:10]
        confidence = float(str(row[f"m{slot}_conf"]))
        events.append(f"{start} – {_short_end(start, end)} ({confidence:.2f}, {row[f'm{slot}_mis']})")
    return "; ".join(events)


def _short_end(start: str, end: str) -> str:
    return end[5:] if end[:4] == start[:4] else end


def _by_crop(frame: pd.DataFrame, crop_names: Mapping[str, str]) -> list[object]:
    if frame.empty:
        return []
    summary = crop_summary(frame)
    rows: list[list[object]] = [
        [
            code,
            *([crop_names.get(str(code), "")] if crop_names else []),
            *(count(int(row[name])) for name in summary.columns),
        ]
        for code, row in summary.head(MAX_CROPS).iterrows()
    ]
    names = ["Crop", *(["Name"] if crop_names else [])]
    more = len(summary) - len(rows)
    return [
        heading("By crop", 3),
        markdown_table(
            [*names, *(name.capitalize() for name in summary.columns)],
            rows,
            [*(["left"] * len(names)), *(["right"] * len(summary.columns))],  # type: ignore[list-item]
        ),
        f"… and {count(more)} more crop codes." if more else None,
    ]


def crop_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """Count by declared crop: index crop code, the most frequent first; columns as in the report."""
    flags = pd.DataFrame(
        {
            "crop": frame["Ori_crop"].astype(str),
            "parcels": 1,
            "judged": (frame["proc"] == 1).astype(int),
            "mown": (frame["mow_n"] > 0).astype(int),
            "events": frame["mow_n"].astype(int),
            "compliant": (frame["compl"] == 1).astype(int),
            "not compliant": frame["compl"].isin((2, 3)).astype(int),
        }
    )
    summary = flags.groupby("crop").sum().reset_index()
    return summary.sort_values(["parcels", "crop"], ascending=[False, True]).set_index("crop")


def _not_judged(frame: pd.DataFrame) -> list[object]:
    if frame.empty:
        return []
    reasons = frame["reason"].where(frame["reason"].notna(), "no reason given").value_counts()
    rows = sorted(((str(reason), int(n)) for reason, n in reasons.items()), key=lambda r: (-r[1], r[0]))
    table = markdown_table(["Why", "Parcels"], [[why, count(n)] for why, n in rows], ["left", "right"])
    return [heading("Not judged", 3), table]
