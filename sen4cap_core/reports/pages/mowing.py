"""What L4B found, as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import pandas as pd

from sen4cap_core.processors.l4b.explain import MOST_STATED
from sen4cap_core.reports.pages.tables import Align, facts, markdown_table
from sen4cap_core.reports.pages.text import (
    Markdown,
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

_VERDICTS: Final[Mapping[int, str]] = {**COMPLIANCE, -1: "no rule", 3: "mown outside too"}
"""The same for a narrow column: a table that is wider than the page runs off it."""
_BY_CROP: Final = ("parcels", "judged", "mown", "events")
"""Verdicts have a table of their own."""

MAX_CROPS = 25
MAX_WEEK_CROPS = 10
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
    events: pd.DataFrame | None = None,
    picture: Markdown | None = None,
    looked_on: str | None = None,
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
    events : all mowings with ``NewID``, ``start`` and ``end``; they are counted by week and crop.
    picture : map of the parcels.
    looked_on : sentence that says which parcels these are, and why no others.
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
        looked_on,
        facts(pairs),
        bullets(located(name, where) for name, where in (links or {}).items()),
        picture,
        *_latest(frame[mown], parcel_links or {}, top, as_of),
        *_compliance(frame),
        *_by_crop(frame, crop_names or {}),
        *(_by_week(frame, events) if events is not None else []),
        *_not_judged(frame[~judged]),
    )


def latest_mowing(frame: pd.DataFrame) -> pd.Series:
    """Return the end of each parcel's last mowing as text, empty where there is none; index of ``frame``."""
    ends = frame[[f"m{slot}_dend" for slot in range(1, SLOTS + 1)]].astype(str)
    return ends.where(ends != "0", "").max(axis=1)


def _latest(
    mown: pd.DataFrame, parcel_links: Mapping[int, str], top: int, as_of: date | None
) -> list[object]:
    if mown.empty:
        return [heading("Latest mowings", 3), "No mowing has been seen yet."]
    latest = mown.assign(_latest=latest_mowing(mown))
    latest = latest.sort_values(["_latest", "NewID"], ascending=[False, True]).head(top)
    rows = [
        [
            link(row["Ori_id"], parcel_links.get(int(row["NewID"]))),
            row["Ori_crop"],
            *_events(row, str(as_of)),
            _VERDICTS.get(int(row["compl"]), compliance_text(row["compl"])),
        ]
        for row in latest.to_dict("records")
    ]
    more = len(mown) - len(rows)
    return [
        heading("Latest mowings", 3),
        markdown_table(
            ["Parcel", "Crop", "Last mown", "Confidence", "Before that", "Compliance"],
            rows,
        ),
        "Each parcel with its last mowing first; all dates and reasons are in the exported tables"
        f"{f', with {count(more)} more mown parcels' if more else ''}.",
    ]


def _events(row: Mapping[Any, Any], today: str) -> tuple[str, str, str]:
    """Return the last mowing, its confidence and satellite, and the ends of those before, latest first.

    Days of the year of ``today`` are without it.
    """
    events = sorted(
        (
            (str(row[f"m{slot}_dend"])[:10], str(row[f"m{slot}_dstart"])[:10], slot)
            for slot in range(1, SLOTS + 1)
            if str(row[f"m{slot}_dend"]) != "0"
        ),
        reverse=True,
    )
    if not events:
        return "", "", ""
    (end, start, slot), *before = events
    confidence = min(float(str(row[f"m{slot}_conf"])), MOST_STATED)
    return (
        f"{_short(start, today)} – {_short(end, today)}",
        f"{confidence:.2f} {row[f'm{slot}_mis']}",
        ", ".join(_short(earlier, today) for earlier, _, _ in before),
    )


def _short(day: str, today: str) -> str:
    return day[5:] if day[:4] == today[:4] else day


def _by_crop(frame: pd.DataFrame, crop_names: Mapping[str, str]) -> list[object]:
    if frame.empty:
        return []
    summary = crop_summary(frame)
    rows: list[list[object]] = [
        [
            code,
            *([crop_names.get(str(code), "")] if crop_names else []),
            *(count(int(row[name])) for name in _BY_CROP),
        ]
        for code, row in summary.head(MAX_CROPS).iterrows()
    ]
    names = ["Crop", *(["Name"] if crop_names else [])]
    more = len(summary) - len(rows)
    return [
        heading("By crop", 3),
        markdown_table(
            [*names, *(name.capitalize() for name in _BY_CROP)],
            rows,
            [*(["left"] * len(names)), *(["right"] * len(_BY_CROP))],  # type: ignore[list-item]
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


def _compliance(frame: pd.DataFrame) -> list[object]:
    """Table of the verdicts, by crop with a rule."""
    ruled = frame[frame["compl"] >= 0]
    if ruled.empty:
        return []
    codes = [code for code in COMPLIANCE if code >= 0]
    counts = pd.crosstab(ruled["Ori_crop"].astype(str), ruled["compl"]).reindex(columns=codes, fill_value=0)
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index[:MAX_CROPS]
    rows = [[crop, *(count(int(n)) for n in counts.loc[crop])] for crop in order]
    rows.append(["all", *(count(int(n)) for n in counts.sum())])
    header = ["Crop", *(COMPLIANCE[code].capitalize() for code in codes)]
    align: list[Align] = ["left", *(["right"] * len(codes))]  # type: ignore[list-item]
    return [heading("Compliance", 3), markdown_table(header, rows, align)]


def week_counts(frame: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Count mowings by the Monday of the week their middle lies in (index) and crop code (columns)."""
    start, end = (pd.to_datetime(events[name], utc=True) for name in ("start", "end"))
    middle = (start + (end - start) / 2).dt.tz_localize(None)
    monday = (middle - pd.to_timedelta(middle.dt.day_of_week, unit="D")).dt.date
    crops = events["NewID"].map(frame.set_index("NewID")["Ori_crop"].astype(str))
    return pd.crosstab(monday.to_numpy(), crops.to_numpy())


def _by_week(frame: pd.DataFrame, events: pd.DataFrame) -> list[object]:
    if events.empty:
        return []
    counts = week_counts(frame, events)
    crops = counts.sum().sort_values(ascending=False, kind="stable").index[:MAX_WEEK_CROPS]
    rows = [
        [f"{monday}", count(int(row.sum())), *(count(int(row[crop])) for crop in crops)]
        for monday, row in counts.iterrows()
    ]
    align: list[Align] = ["left", *(["right"] * (len(crops) + 1))]  # type: ignore[list-item]
    more = counts.shape[1] - len(crops)
    return [
        heading("Mowings by week and crop", 3),
        markdown_table(["Week from", "All", *crops], rows, align),
        f"… and {count(more)} more crop codes." if more else None,
    ]


def _not_judged(frame: pd.DataFrame) -> list[object]:
    if frame.empty:
        return []
    reasons = frame["reason"].where(frame["reason"].notna(), "no reason given").value_counts()
    rows = sorted(((str(reason), int(n)) for reason, n in reasons.items()), key=lambda r: (-r[1], r[0]))
    table = markdown_table(["Why", "Parcels"], [[why, count(n)] for why, n in rows], ["left", "right"])
    return [heading("Not judged", 3), table]
