"""Detected mowings scored against dated ones, as files: tables by crop, size and month, and plots."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, NothingToDoError, Problem
from sen4cap_core.files import atomic_path
from sen4cap_core.reports.scores.mowing_score_plots import reliability_png, scores_png
from sen4cap_core.reports.scores.scoring_mowing import (
    DatedEvents,
    Matches,
    Score,
    match_nearest,
    match_one_to_one,
)

ID_COLUMNS: Final = ("parcel_id", "Ori_id", "NewID")
CROP_COLUMNS: Final = ("crop_code", "Ori_crop")
AREA_COLUMNS: Final = {"area_m2": 1.0, "Area_meter": 1.0, "area_ha": 10_000.0, "n_pix_s2": 100.0}
"""Column -> square metres of its unit."""
SIZE_CLASSES_HA: Final = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, np.inf)
SCORE_COLUMNS: Final = {
    "protocol": "`MODCiX` or `one-to-one`",
    "group": "`all`, `crop`, `size` or `month`",
    "value": "crop code, size class or month; a false detection counts in its own month",
    "true": "true mowings",
    "found": "true mowings that a detection lies near to",
    "false": "detections that serve none",
    "missed": "true mowings without one",
    "precision": "found / (found + false)",
    "recall": "found / true",
    "f1": "harmonic mean of the two",
    "bias_days": "mean of detected less true day",
    "error_days": "mean size of that",
}
PROTOCOLS: Final = {"MODCiX": match_nearest, "one-to-one": match_one_to_one}
CONFIDENCE_BINS: Final = 10
SLOTS: Final = range(1, 5)


@dataclass(frozen=True)
class _Events:
    """Events in order of parcel and day, within the days of the year that count."""

    dated: DatedEvents
    parcel_id: NDArray[np.object_]
    confidence: NDArray[np.float64]
    """NaN where there is none."""

    @property
    def month(self) -> NDArray[np.object_]:
        """Month of each event, ``04``."""
        return np.array(pd.to_datetime(self.dated.day, unit="D").strftime("%m"), object)


def score_mowings(
    detections: Path,
    reference: Path,
    out: Path,
    *,
    parcels: Path | None,
    with_unnamed: bool,
    tolerance_days: int,
    first_doy: int,
    last_doy: int,
) -> list[str]:
    """Score detections; write ``scores.csv``, ``reliability.csv`` and plots to ``out``, return lines to show.

    Parameters
    ----------
    detections : a result of ``l4b detect`` or of the service, or its table of all mowings.
    reference : ``parcel_id`` and ``date`` (or ``start`` and ``end``); an empty date: watched, not mown.
    parcels : crop codes and areas, where the detections do not hold them.
    with_unnamed : parcels that the reference does not name count as watched and not mown.

    Raises
    ------
    BadUploadError
        When a file is missing, is no table, lacks a column or holds a date that is none.
    NothingToDoError
        When the tables share no parcel, or nothing lies within the days of the year.
    """
    found_rows, found_key = _read(detections, ID_COLUMNS)
    true_rows, true_key = _read(reference, ID_COLUMNS)
    found, true = _detected(found_rows, found_key, detections), _dated(true_rows, true_key, reference)
    watched = set(true_rows[true_key])
    if not watched & set(found_rows[found_key]) and "m1_dstart" in found_rows:
        raise NothingToDoError(
            f"no {found_key} of {detections.name} is a {true_key} of {reference.name}: are the ids the same?"
        )
    if not with_unnamed:
        found = found[found["id"].isin(watched)]
    numbers = {name: i for i, name in enumerate(sorted({*found["id"], *true["id"]}))}
    seen, real = (_events(rows, numbers, first_doy, last_doy) for rows in (found, true))
    if not seen.parcel_id.size and not real.parcel_id.size:
        raise NothingToDoError(f"no mowing lies between the days {first_doy} and {last_doy} of the year")
    groups = _groups(parcels, found_rows, found_key)
    matches = {name: match(seen.dated, real.dated, tolerance_days) for name, match in PROTOCOLS.items()}
    table = _table(matches, seen, real, groups)
    reliability = reliability_table(seen.confidence, matches["one-to-one"].used)
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in (("scores.csv", table), ("reliability.csv", reliability)):
        with atomic_path(out / name) as temporary:
            frame.to_csv(temporary, index=False, float_format="%.4f")
    for name, png in (("scores.png", scores_png(table)), ("reliability.png", reliability_png(reliability))):
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(png)
    lines = [_line(name, match.score()) for name, match in matches.items()]
    n = int(reliability["detections"].sum())
    if n:
        gap = (reliability["stated"] - reliability["observed"]).abs() * reliability["detections"]
        lines.append(f"confidence: off by {gap.sum() / n:.3f} on average over {n} detections")
    return [*lines, f"in {out}: scores.csv, reliability.csv, scores.png, reliability.png"]


def reliability_table(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> pd.DataFrame:
    """Return, for each tenth of confidence with detections, their number, mean confidence and share right."""
    known = ~np.isnan(confidence)
    place = np.clip((confidence[known] * CONFIDENCE_BINS).astype(int), 0, CONFIDENCE_BINS - 1)
    frame = pd.DataFrame({"place": place, "stated": confidence[known], "observed": is_right[known]})
    table = frame.groupby("place").agg(
        detections=("stated", "size"), stated=("stated", "mean"), observed=("observed", "mean")
    )
    table.insert(0, "from", table.index / CONFIDENCE_BINS)
    table.insert(1, "to", (table.index + 1) / CONFIDENCE_BINS)
    return table.reset_index(drop=True)


def _table(
    matches: dict[str, Matches], seen: _Events, real: _Events, groups: dict[str, dict[str, str]]
) -> pd.DataFrame:
    """One row for each protocol and all, each crop code, size class and month."""
    labels = {
        name: tuple(np.array([of.get(p, "unknown") for p in e.parcel_id], object) for e in (real, seen))
        for name, of in groups.items()
    }
    labels["month"] = real.month, seen.month
    rows = []
    for protocol, match in matches.items():
        rows.append(_row(protocol, "all", "", match.score()))
        for group, (of_real, of_seen) in labels.items():
            for value in sorted({*of_real, *of_seen}):
                score = match.score(of_real == value, of_seen == value)
                rows.append(_row(protocol, group, value, score))
    return pd.DataFrame(rows)


def _row(protocol: str, group: str, value: str, score: Score) -> dict[str, object]:
    cells = (
        protocol,
        group,
        value,
        score.n_true_positive + score.n_false_negative,
        score.n_true_positive,
        score.n_false_positive,
        score.n_false_negative,
        score.precision,
        score.recall,
        score.f1,
        score.bias_days,
        score.mean_absolute_error_days,
    )
    return dict(zip(SCORE_COLUMNS, cells, strict=True))


def _line(protocol: str, score: Score) -> str:
    n_true = score.n_true_positive + score.n_false_negative
    return (
        f"{protocol}: precision {score.precision:.3f}, recall {score.recall:.3f}, F1 {score.f1:.3f} "
        f"({score.n_true_positive} of {n_true} found, {score.n_false_positive} false), mean error "
        f"{score.mean_absolute_error_days:.1f} days, bias {score.bias_days:+.1f}"
    )


def _groups(parcels: Path | None, rows: pd.DataFrame, key: str) -> dict[str, dict[str, str]]:
    """Crop code and size class of each parcel, as far as a table tells them."""
    if parcels is not None:
        rows, key = _read(parcels, ID_COLUMNS)
    groups: dict[str, dict[str, str]] = {}
    crop = next((name for name in CROP_COLUMNS if name in rows), None)
    if crop is not None:
        groups["crop"] = dict(zip(rows[key], rows[crop], strict=True))
    area = next((name for name in AREA_COLUMNS if name in rows), None)
    if area is not None:
        hectares = pd.to_numeric(rows[area], errors="coerce") * AREA_COLUMNS[area] / 10_000.0
        classes = pd.cut(hectares, SIZE_CLASSES_HA, right=False, labels=_size_labels())
        texts = classes.astype(object).where(classes.notna(), "unknown")
        groups["size"] = dict(zip(rows[key], texts, strict=True))
    return groups


def _size_labels() -> list[str]:
    pairs = itertools.pairwise(SIZE_CLASSES_HA)
    return [f"{low:g} to {high:g} ha" if np.isfinite(high) else f"{low:g} ha and more" for low, high in pairs]


def _detected(rows: pd.DataFrame, key: str, path: Path) -> pd.DataFrame:
    """Detections one below the other, from a table of mowings or from the original's columns."""
    if {"start", "end"} <= set(rows):
        return _frame(rows, key, "start", "end", "confidence", path)
    if "m1_dstart" not in rows:
        raise BadUploadError(
            path,
            "holds no mowings.",
            expected="columns start and end, or m1_dstart ... m4_dend (a result of l4b detect).",
        )
    parts = []
    for i in SLOTS:
        used = rows[rows[f"m{i}_dstart"] != "0"]
        parts.append(_frame(used, key, f"m{i}_dstart", f"m{i}_dend", f"m{i}_conf", path))
    return pd.concat(parts, ignore_index=True)


def _dated(rows: pd.DataFrame, key: str, path: Path) -> pd.DataFrame:
    names = ("date", "date") if "date" in rows else ("start", "end")
    if names[0] not in rows or names[1] not in rows:
        raise BadUploadError(path, "lacks date.", expected="parcel_id and date, or start and end.")
    return _frame(rows[rows[names[0]] != ""], key, *names, "", path)


def _frame(rows: pd.DataFrame, key: str, start: str, end: str, confidence: str, path: Path) -> pd.DataFrame:
    days = {}
    for name in (start, end):
        instants = pd.to_datetime(rows[name], errors="coerce", utc=True, format="ISO8601")
        if instants.isna().any():
            at = int(np.argmax(instants.isna()))
            text = f"expected a date as YYYY-MM-DD, found {rows[name].iloc[at]!r}"
            raise BadUploadError(
                path, "a date is wrong.", problems=[Problem(text, row=int(rows.index[at]) + 2, column=name)]
            )
        days[name] = (instants - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    stated = pd.to_numeric(rows[confidence], errors="coerce") if confidence in rows else np.nan
    return pd.DataFrame({"id": rows[key], "start": days[start], "end": days[end], "confidence": stated})


def _events(rows: pd.DataFrame, numbers: dict[str, int], first_doy: int, last_doy: int) -> _Events:
    every = DatedEvents(
        rows["id"].map(numbers).to_numpy().astype(np.int64),
        rows["start"].to_numpy(np.float64),
        rows["end"].to_numpy(np.float64),
    )
    at = every.order_within(first_doy, last_doy)
    dated = DatedEvents(every.parcel[at], every.start_day[at], every.end_day[at])
    return _Events(dated, rows["id"].to_numpy(object)[at], rows["confidence"].to_numpy(np.float64)[at])


def _read(path: Path, keys: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Read every column as text, and say which is the parcel id; nothing is taken for missing."""
    if not path.is_file():
        raise BadUploadError(path, "there is no such file.", remedy="Check the path.")
    try:
        if path.name.lower().endswith((".parquet", ".pq")):
            frame = pd.read_parquet(path)
            if "geometry" in frame:
                frame = frame.drop(columns="geometry")
            frame = frame.astype(object).where(frame.notna(), "").astype(str)
        else:
            opened = gzip.open if path.name.endswith(".gz") else open
            with opened(path, "rt", encoding="utf-8-sig") as file:
                separator = ";" if ";" in file.readline() else ","
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator)
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise BadUploadError(path, f"is not a readable table: {error}") from error
    key = next((name for name in keys if name in frame), None)
    if key is None:
        raise BadUploadError(path, "has no column with parcel ids.", expected=" or ".join(keys) + ".")
    return frame, key
