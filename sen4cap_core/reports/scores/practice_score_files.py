"""Scores of a practice result written as files: a table by crop and plots."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from sen4cap_core.errors import BadUploadError, NothingToDoError
from sen4cap_core.files import atomic_path
from sen4cap_core.reports.scores.scoring_practices import (
    crop_shares_png,
    score_table,
    week_error_png,
    week_errors,
)

KEY = "parcel_id"
NEEDED = ("FIELD_ID", "L_WEEK", "C_INDEX", "H_START", "H_END", "H_W_START")
NOT_SCORED = "NA"


def score_practices(
    result: Path, truth: Path, out: Path, *, harvest: str, presence: str, tillage: str, crop: str
) -> list[str]:
    """Score a result of practice monitoring; write ``scores.csv`` and plots to ``out``, return lines to show.

    Raises
    ------
    BadUploadError
        When a file is missing, is no table, or lacks a column.
    NothingToDoError
        When no row of the result has a truth, or the truth has nothing to score.
    """
    rows = _read(result)
    missing = [name for name in NEEDED if name not in rows]
    if missing:
        raise BadUploadError(result, f"lacks {', '.join(missing)}.", expected="a result of l4c monitor.")
    known = _read(truth)
    if KEY not in known:
        raise BadUploadError(truth, f"lacks {KEY}.", expected=f"{KEY} and columns of what happened.")
    if known[KEY].duplicated().any():
        twice = known.loc[known[KEY].duplicated(), KEY].iloc[0]
        raise BadUploadError(truth, f"parcel {twice} is in it more than once.")
    joined = rows.merge(known.add_prefix("truth:"), left_on="FIELD_ID", right_on=f"truth:{KEY}")
    if joined.empty:
        raise NothingToDoError(f"no FIELD_ID of {result.name} is a {KEY} of {truth.name}")
    group = f"truth:{crop}" if crop in known else crop
    if group not in joined:
        raise BadUploadError(truth, f"neither it nor the result has a column {crop}.")
    is_graded = (joined["C_INDEX"] != NOT_SCORED).any()
    columns = {
        "harvest": f"truth:{harvest}" if harvest in known else None,
        "presence": f"truth:{presence}" if presence in known and is_graded else None,
        "tillage": f"truth:{tillage}" if tillage in known and "TL_W_START" in joined else None,
    }
    if not any(columns.values()):
        raise NothingToDoError(
            f"{truth.name} has none of {harvest}, {presence}, {tillage} that can be scored"
        )
    table = score_table(
        joined,
        crop=group,
        harvest=columns["harvest"],
        presence=columns["presence"],
        tillage=columns["tillage"],
    )
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "scores.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.4f")
    written = ["scores.csv", *_plots(joined, table, columns, out)]
    return [*_lines(table), f"{len(joined)} rows scored; in {out}: {', '.join(written)}"]


def _plots(rows: pd.DataFrame, table: pd.DataFrame, columns: dict[str, str | None], out: Path) -> list[str]:
    pictures: dict[str, bytes] = {}
    for name, found in (("harvest", "H_W_START"), ("tillage", "TL_W_START")):
        true = columns[name]
        if true is not None:
            errors = week_errors(rows[found], rows[true])
            pictures[f"{name}_weeks.png"] = week_error_png(errors, f"{name.capitalize()} week")
    shares = [str(name) for name in table if str(name).endswith(("_precision", "_recall"))]
    pictures["crops.png"] = crop_shares_png(table, shares, "Precision and recall by crop")
    for name, png in pictures.items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(png)
    return list(pictures)


def _lines(table: pd.DataFrame) -> list[str]:
    total = table.iloc[0]
    lines = []
    for title, words in (("harvest", "within 1 week"), ("tillage", "within 2 weeks")):
        if f"{title}_true" in table:
            precision, recall, n = (total[f"{title}_{part}"] for part in ("precision", "recall", "true"))
            error, bias = total[f"{title}_error_weeks"], total[f"{title}_bias_weeks"]
            lines.append(
                f"{title} {words}: precision {precision:.3f}, recall {recall:.3f} of {n}, "
                f"mean error {error:.2f} weeks, bias {bias:+.2f}"
            )
    if "practice_present" in table:
        precision, recall = total["practice_precision"], total["practice_recall"]
        lines.append(
            f"practice seen (STRONG, MODERATE): precision {precision:.3f}, recall {recall:.3f} of "
            f"{total['practice_present']}, {total['practice_judged']} judged"
        )
    return lines


def _read(path: Path) -> pd.DataFrame:
    """Read every column as text; nothing is taken for missing."""
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    try:
        if path.name.lower().endswith((".parquet", ".pq")):
            frame = pd.read_parquet(path)
            return frame.astype(object).where(frame.notna(), "").astype(str)
        return pd.read_csv(path, dtype=str, keep_default_na=False, sep=_separator(path))
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise BadUploadError(path, f"is not a readable table: {error}") from error


def _separator(path: Path) -> str:
    opened = gzip.open if path.name.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        return ";" if ";" in file.readline() else ","
