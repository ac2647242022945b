"""A whole run on table files: read, classify, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.errors import BadUploadError
from sen4cap_core.files import content_hash
from sen4cap_core.processors.l4a.crop_type import files_out
from sen4cap_core.processors.l4a.crop_type.classify import CropMap, classify, counted
from sen4cap_core.processors.l4a.crop_type.config import read_crop_type_config
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features, SeasonSeries
from sen4cap_core.processors.l4a.crop_type.observations import read_season
from sen4cap_core.processors.l4a.crop_type.parcels_in import read_crop_types, read_table_parcels
from sen4cap_core.processors.l4a.crop_type.tables_out import predictions_frame
from sen4cap_core.stages import Stages, say_nothing
from sen4cap_core.tables.reading import table_format

STAGES = {"read the tables": 1, "features": 3, "learn and predict": 8, "write the tables": 1}


@dataclass(frozen=True)
class TableRun:
    """What a run on tables found and wrote."""

    classes: CropClasses
    features: Features
    crop_map: CropMap
    predictions: pd.DataFrame
    files: dict[str, Path]
    folder: Path
    """Where the side tables are, and pictures go."""
    suffix: str
    summary: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TableInput:
    """What was read of the tables, for one run or for several dates."""

    classes: CropClasses
    series: SeasonSeries
    config: CropTypeConfig
    remarks: tuple[str, ...]


def read_input(
    observations: Path,
    parcels: Path,
    crop_codes: Path,
    config: Path | None,
    *,
    start: date | None,
    until: date | None,
    strata: str | None,
) -> TableInput:
    """Read settings, crop codes, parcels and observations.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used.
    """
    settings = read_crop_type_config(config) if config is not None else CropTypeConfig()
    crop_types = read_crop_types(crop_codes)
    table = read_table_parcels(parcels, crop_types, crop_codes, strata)
    series = read_season(observations, table.lookup, start=start, until=until)
    remarks = [*table.remarks, *series.remarks]
    if series.n_foreign_rows:
        remarks.append(f"{series.n_foreign_rows} observations are of parcels not in {parcels.name}; left out")
    return TableInput(with_pixels(table.classes, series), series, settings, tuple(remarks))


def with_pixels(classes: CropClasses, series: SeasonSeries) -> CropClasses:
    """Take pixel counts the parcels do not tell from the observations' ``n_total``."""
    counts = {"S2": classes.s2_pix, "S1": classes.s1_pix}
    for mission, pixels in counts.items():
        told = series.n_total.get(mission)
        if told is not None and (pixels < 0).all():
            counts[mission] = told.astype("int64")
    return CropClasses(
        classes.ids, classes.declared, classes.land_cover, classes.area_m2, counts["S2"], counts["S1"],
        classes.is_usable, classes.names, classes.crop_codes, classes.stratum, classes.excluded_why,
    )  # fmt: skip


def classify_tables(
    observations: Path,
    parcels: Path,
    crop_codes: Path,
    out: Path,
    *,
    config: Path | None = None,
    start: date | None = None,
    until: date | None = None,
    method: Method = "default",
    strata: str | None = None,
    reports: Path | None = None,
    keep_samples: bool = False,
    say: Callable[[str], None] = say_nothing,
) -> TableRun:
    """Classify the parcels of table files and write the predictions and all side tables.

    Parameters
    ----------
    out : table of predictions (.csv, .csv.gz, .parquet), or a folder, which then gets everything.
    until : only observations up to this day are used, as if it were today.
    strata : column of the parcels that names regions, or a file of polygons: a model for each.
    reports : folder of the side tables; by default ``<out without suffix>-report``.
    say : gets the name of each part of the run as it begins.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used; nothing is written then.
    NothingToDoError
        When nothing can be classified.
    """
    is_table = out.suffix.lower() in (".csv", ".gz", ".parquet", ".pq")
    if is_table:
        table_format(out)
        folder = reports or out.with_name(out.name.split(".")[0] + "-report")
    else:
        folder = out
    stages = Stages(STAGES, say)
    stages.begin("read the tables")
    given = read_input(observations, parcels, crop_codes, config, start=start, until=until, strata=strata)
    stages.begin("features")
    try:
        features = build_features(given.series, given.config, release=True)
    except ValueError as error:
        raise BadUploadError(observations, f"{error}.", remedy="Change mode in the configuration.") from error
    stages.begin("learn and predict")
    crop_map = classify(given.classes, features, given.config, method, keep_samples=keep_samples)
    stages.begin("write the tables")
    predictions = predictions_frame(given.classes, features, crop_map)
    target = out if is_table else folder / "CropType.csv"
    provenance = {
        "observations": str(observations.name), "parcels": parcels.name,
        "parcels_sha256": content_hash(parcels), "crop_codes_sha256": content_hash(crop_codes),
        "until": until.isoformat() if until else None,
    }  # fmt: skip
    suffix = files_out.time_suffix()
    files = files_out.write_side_files(
        given.classes, features, crop_map, predictions, folder, suffix, provenance
    )
    if not is_table:
        crop_types = read_crop_types(crop_codes)
        files["crop codes"] = files_out.write_lut(
            crop_types.header, crop_types.rows, folder / "CropType_LUT.csv"
        )
    files_out.write_predictions(predictions, target)
    files["predictions"] = target
    return TableRun(
        given.classes, features, crop_map, predictions, files, folder, suffix,
        [*_lines(crop_map, predictions, target), *(f"{t}." for t in (*given.remarks, *crop_map.remarks))],
    )  # fmt: skip


def _lines(crop_map: CropMap, predictions: pd.DataFrame, target: Path) -> list[str]:
    n_classified = int((crop_map.conform >= 0).sum())
    lines = [f"{n_classified} of {len(predictions)} parcels classified: {target}"]
    if n_classified < len(predictions):
        lines.append(f"Not classified: {counted(crop_map.reasons)}")
    if crop_map.accuracy is not None:
        accuracy = crop_map.accuracy
        lines.append(
            f"Validation on {int(accuracy.confusion.sum())} parcels: "
            f"overall accuracy {accuracy.overall:.3f}, kappa {accuracy.kappa:.3f}, "
            f"macro F {accuracy.macro_f:.3f}"
        )
    if crop_map.by_area is not None:
        by_area = crop_map.by_area
        lines.append(f"By area: {by_area.overall:.3f} ± {by_area.overall_ci:.3f} (95 %)")
    n_against = n_classified - int((crop_map.conform == 1).sum())
    lines.append(f"{n_against} contradict the declaration, {int(crop_map.is_doubtful.sum())} with confidence")
    return lines
