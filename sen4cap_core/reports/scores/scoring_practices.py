"""How well practices were told: harvest and tillage weeks and catch crops against what really happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sen4cap_core.reports.pictures.figures import BAR, INK, figure_png, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PRESENT: Final = ("STRONG", "MODERATE")
NOT_JUDGED: Final = ("NA", "NR", "NA1")
YES_TEXTS: Final = ("1", "true", "yes")
ALL: Final = "all"
MAX_BYTES: Final = 120_000
WEEK: Final = 7


@dataclass(frozen=True)
class WeekScore:
    """Weeks found against true days. Shares are NaN without anything to share."""

    n_true: int
    """Rows with a true day (within the row's harvest period, where it says one)."""
    n_found: int
    """Of these, rows with a week found."""
    n_false: int
    """Rows with a week found and no true day."""
    n_near: int
    """Rows found within the weeks allowed."""
    bias_weeks: float
    mean_error_weeks: float

    @property
    def recall(self) -> float:
        """Share of the true days found near enough."""
        return self.n_near / self.n_true if self.n_true else np.nan

    @property
    def precision(self) -> float:
        """Share of the weeks found that are near enough to a true day."""
        found = self.n_found + self.n_false
        return self.n_near / found if found else np.nan


@dataclass(frozen=True)
class PresenceScore:
    """Practice seen (STRONG or MODERATE) against practice present."""

    n_judged: int
    n_present: int
    n_seen: int
    n_both: int

    @property
    def precision(self) -> float:
        """Share of the seen ones that are present."""
        return self.n_both / self.n_seen if self.n_seen else np.nan

    @property
    def recall(self) -> float:
        """Share of the present ones that are seen."""
        return self.n_both / self.n_present if self.n_present else np.nan


def week_errors(found: pd.Series, true: pd.Series) -> pd.Series:
    """Return weeks from the week of each true day to the Monday found; NaN where either is missing."""
    monday = pd.to_datetime(found, format="%Y-%m-%d", errors="coerce")
    day = pd.to_datetime(true, format="%Y-%m-%d", errors="coerce")
    weeks: pd.Series = (monday - (day - pd.to_timedelta(day.dt.day_of_week, unit="D"))).dt.days / WEEK
    return weeks


def score_weeks(rows: pd.DataFrame, found: str, true: str, allowed_weeks: int) -> WeekScore:
    """Score a column of Mondays against a column of true days, both as text.

    Rows that could not be judged (L_WEEK is NA) do not count. With columns H_START and H_END a true harvest
    outside of them does not count either: the method is not asked for it.
    """
    judged = rows[~rows["L_WEEK"].isin(NOT_JUDGED)]
    day = pd.to_datetime(judged[true], format="%Y-%m-%d", errors="coerce")
    is_asked = day.notna()
    if found == "H_W_START":
        limits = (pd.to_datetime(judged[name], errors="coerce") for name in ("H_START", "H_END"))
        first, last = limits
        outside = (day < first) | (day > last)
        judged, is_asked, day = judged[~outside], is_asked[~outside], day[~outside]
    errors = week_errors(judged[found], judged[true])
    has_week = pd.to_datetime(judged[found], format="%Y-%m-%d", errors="coerce").notna()
    return WeekScore(
        n_true=int(is_asked.sum()),
        n_found=int((is_asked & has_week).sum()),
        n_false=int((~is_asked & has_week).sum()),
        n_near=int((errors.abs() <= allowed_weeks).sum()),
        bias_weeks=float(errors.mean()) if errors.notna().any() else np.nan,
        mean_error_weeks=float(errors.abs().mean()) if errors.notna().any() else np.nan,
    )


def score_presence(rows: pd.DataFrame, true: str) -> PresenceScore:
    """Score C_INDEX against a column that says 1, true or yes where the practice is present."""
    judged = rows[~rows["C_INDEX"].isin(NOT_JUDGED)]
    present = judged[true].astype(str).str.strip().str.lower().isin(YES_TEXTS)
    seen = judged["C_INDEX"].isin(PRESENT)
    both = int((present & seen).sum())
    return PresenceScore(len(judged), int(present.sum()), int(seen.sum()), both)


def score_table(
    rows: pd.DataFrame,
    *,
    crop: str,
    harvest: str | None,
    presence: str | None,
    tillage: str | None,
    harvest_weeks: int = 1,
    tillage_weeks: int = 2,
) -> pd.DataFrame:
    """Return one row for all crops together and one for each crop, the most frequent first.

    ``harvest``, ``presence`` and ``tillage`` name the columns of the truth; what is None is not scored.
    """
    groups = [(ALL, rows)]
    groups += [(str(code), part) for code, part in rows.groupby(crop, sort=True)]
    lines = []
    for name, part in groups:
        line: dict[str, object] = {"crop": name, "rows": len(part)}
        for title, found, true, allowed in (
            ("harvest", "H_W_START", harvest, harvest_weeks),
            ("tillage", "TL_W_START", tillage, tillage_weeks),
        ):
            if true is None:
                continue
            weeks = score_weeks(part, found, true, allowed)
            line |= {
                f"{title}_true": weeks.n_true,
                f"{title}_found": weeks.n_found + weeks.n_false,
                f"{title}_precision": weeks.precision,
                f"{title}_recall": weeks.recall,
                f"{title}_bias_weeks": weeks.bias_weeks,
                f"{title}_error_weeks": weeks.mean_error_weeks,
            }
        if presence is not None:
            seen = score_presence(part, presence)
            line |= {
                "practice_judged": seen.n_judged,
                "practice_present": seen.n_present,
                "practice_seen": seen.n_seen,
                "practice_precision": seen.precision,
                "practice_recall": seen.recall,
            }
        lines.append(line)
    table = pd.DataFrame(lines)
    rest = table[1:].sort_values(["rows", "crop"], ascending=[False, True])
    return pd.concat([table[:1], rest], ignore_index=True)


def week_error_png(errors: pd.Series, title: str, reach_weeks: int = 6) -> bytes:
    """Draw how many rows are how many weeks off; what is further off stands at the ends."""
    weeks = np.clip(np.rint(errors.dropna().to_numpy()), -reach_weeks, reach_weeks).astype(int)
    places = np.arange(-reach_weeks, reach_weeks + 1)
    figure = new_figure(6.0, 3.0)
    axes = figure.add_axes((0.1, 0.18, 0.87, 0.67))
    axes.bar(places, np.bincount(weeks + reach_weeks, minlength=places.size), color=BAR)
    axes.set_xticks(places)
    axes.set_xlabel("weeks too late (too early: negative)", size=9, color=INK)
    axes.set_ylabel("rows", size=9, color=INK)
    return _titled_png(figure, title)


def crop_shares_png(table: pd.DataFrame, columns: Sequence[str], title: str, most: int = 12) -> bytes:
    """Draw some shares of each crop side by side; missing shares are left out."""
    shown = table.head(most)
    figure = new_figure(7.0, 3.4)
    axes = figure.add_axes((0.07, 0.24, 0.91, 0.52))
    width = 0.8 / max(1, len(columns))
    for i, name in enumerate(columns):
        places = np.arange(len(shown)) + (i - (len(columns) - 1) / 2) * width
        axes.bar(places, shown[name].fillna(0.0), width, label=name.replace("_", " "))
    axes.set_xticks(np.arange(len(shown)), shown["crop"].tolist(), rotation=40, ha="right", fontsize=8)
    axes.set_ylim(0, 1)
    axes.legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    return _titled_png(figure, title)


def _titled_png(figure: Figure, title: str) -> bytes:
    figure.text(0.012, 0.93, title, size=11, weight="bold", color=INK, parse_math=False)
    return figure_png(figure, MAX_BYTES)
