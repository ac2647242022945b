"""How accurate the map would have been on each date of the season."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sen4cap_core.clock import from_days
from sen4cap_core.declarations.settings.crop_type_settings import Method
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4a.crop_type.classify import classify
from sen4cap_core.processors.l4a.crop_type.command import TableInput, read_input
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.files_out import write_predictions
from sen4cap_core.processors.l4a.crop_type.model import OPTICAL, RADAR, SeasonSeries
from sen4cap_core.tables.reading import table_format


@dataclass(frozen=True)
class EarlySeason:
    """Accuracy by date: columns date, n_features, n_classified, n_validation, overall, macro_f."""

    table: pd.DataFrame
    skipped: tuple[str, ...]
    """Dates on which nothing could be classified, and why."""


def early_season(
    observations: Path,
    parcels: Path,
    crop_codes: Path,
    out: Path,
    *,
    config: Path | None = None,
    start: date | None = None,
    until: date | None = None,
    method: Method = "default",
    every_days: int = 30,
) -> EarlySeason:
    """Classify with what was known every ``every_days`` days, and at the end, and write the accuracies.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used.
    NothingToDoError
        When nothing could be classified on any date.
    """
    table_format(out)
    given = read_input(observations, parcels, crop_codes, config, start=start, until=until, strata=None)
    days = given.series.days((*OPTICAL, *RADAR))
    stops = np.unique(np.r_[np.arange(days[0] + every_days, days[-1], every_days), days[-1]])
    rows, skipped = [], []
    for stop in stops.tolist():
        try:
            rows.append(_on(given, stop, method))
        except (NothingToDoError, ValueError) as why:
            skipped.append(f"{from_days(stop)}: {why}")
    if not rows:
        raise NothingToDoError(f"nothing can be classified on any date; {skipped[-1]}")
    table = pd.DataFrame(rows)
    write_predictions(table, out)
    return EarlySeason(table, tuple(skipped))


def _on(given: TableInput, stop: int, method: Method) -> dict[str, object]:
    """Classify with the observations up to a day."""
    part = SeasonSeries(given.series.n_parcels)
    for key, cells in given.series.cells.items():
        kept = {day: cell for day, cell in cells.items() if day <= stop}
        if kept:
            part.cells[key] = kept
    features = build_features(part, given.config)
    found = classify(given.classes, features, given.config, method)
    accuracy = found.accuracy
    return {
        "date": from_days(stop),
        "n_features": len(features.names),
        "n_classified": int((found.conform >= 0).sum()),
        "n_validation": int(found.is_validation.sum()),
        "overall": round(accuracy.overall, 4) if accuracy else np.nan,
        "macro_f": round(accuracy.macro_f, 4) if accuracy else np.nan,
    }
