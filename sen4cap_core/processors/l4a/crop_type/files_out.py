"""The side files of a run: tables with the original's names, samples and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather

from sen4cap_core.clock import utc_now
from sen4cap_core.files import atomic_path
from sen4cap_core.processors.l4a.crop_type.classify import CropMap
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features
from sen4cap_core.processors.l4a.crop_type.model_file import write_models
from sen4cap_core.processors.l4a.crop_type.tables_out import (
    area_frame,
    confusion_frame,
    doubtful_frame,
    metrics_frame,
    producer_frame,
    summary_frame,
    user_frame,
)
from sen4cap_core.tables.reading import table_format


def time_suffix() -> str:
    """Return the original's suffix of a run's files: ``_MMDD_HHMM``, UTC."""
    return utc_now().strftime("_%m%d_%H%M")


def write_side_files(
    classes: CropClasses,
    features: Features,
    crop_map: CropMap,
    predictions: pd.DataFrame,
    folder: Path,
    suffix: str,
    provenance: Mapping[str, object],
) -> dict[str, Path]:
    """Write every side table and the models into a folder; return the files by title."""
    classified = predictions[predictions["Reason"] == ""]
    tables: dict[str, pd.DataFrame] = {
        "Parcels_classified_with_predictions": classified,
        "Parcels_all_with_predictions": predictions,
        "Crop_types_summary": summary_frame(classes, crop_map),
        "Doubtful_declarations": doubtful_frame(predictions, classes.names),
    }
    accuracy = crop_map.accuracy
    if accuracy is not None:
        tables["Accuracy_metrics"] = metrics_frame(crop_map)
        tables["Confusion_matrix"] = confusion_frame(accuracy)
        tables["Confusion_user"] = user_frame(accuracy, classes.names)
        tables["Confusion_producer"] = producer_frame(accuracy, classes.names)
        if crop_map.by_area is not None:
            tables["Accuracy_by_area"] = area_frame(crop_map.by_area, accuracy, classes.names)
    files = {title: write_csv(table, folder / f"{title}{suffix}.csv") for title, table in tables.items()}
    models, description = write_models(
        crop_map, folder / f"Random_Forest_Model{suffix}", provenance, features.names
    )
    files |= {"models": models, "model description": description}
    if all(model.samples is not None for model in crop_map.models):
        files |= _write_samples(classes, features, crop_map, folder, suffix)
    return files


def write_predictions(predictions: pd.DataFrame, path: Path) -> Path:
    """Write the predictions as CSV, gzip CSV or Parquet after the suffix; whole or not at all."""
    kind = table_format(path)
    if kind == "csv":
        return write_csv(predictions, path)
    with atomic_path(path) as temporary:
        if kind == "parquet":
            predictions.to_parquet(temporary, index=False, compression="zstd")
        else:
            # No time in the header: the same answer is the same file.
            predictions.to_csv(
                temporary, index=False, na_rep="NA", compression={"method": "gzip", "mtime": 1}
            )
    return path


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as the original does: NA for what is missing; whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, na_rep="NA")
    return path


def write_lut(header: Sequence[str], rows: Sequence[Sequence[str]], path: Path) -> Path:
    """Write the crop code table beside the map."""
    return write_csv(pd.DataFrame([list(row) for row in rows], columns=list(header)), path)


def _write_samples(
    classes: CropClasses, features: Features, crop_map: CropMap, folder: Path, suffix: str
) -> dict[str, Path]:
    """Write what was learnt from and validated with, as Arrow IPC."""
    validation = np.flatnonzero(crop_map.is_validation)
    calibration = np.sort(np.concatenate([m.selection.calibration for m in crop_map.models]))
    files = {}
    for title, rows in (
        ("Data_validation_final", validation),
        ("Data_calibration_final_before_smote", calibration),
    ):
        columns = {
            "NewID": pa.array(classes.ids[rows].tolist(), pa.string()),
            "CTnumL4A": pa.array(classes.declared[rows]),
        }
        files[title] = _write_ipc(
            columns, features.names, features.values[rows], folder / f"{title}{suffix}.ipc"
        )
    samples = [model.samples for model in crop_map.models if model.samples is not None]
    title = "Data_calibration_final_after_smote"
    labels = {"CTnumL4A": pa.array(np.concatenate([s[1] for s in samples]))}
    values = np.concatenate([s[0] for s in samples])
    files[title] = _write_ipc(labels, features.names, values, folder / f"{title}{suffix}.ipc")
    return files


def _write_ipc(columns: dict[str, pa.Array], names: Sequence[str], values: np.ndarray, path: Path) -> Path:
    columns = columns | {name: pa.array(np.ascontiguousarray(values[:, i])) for i, name in enumerate(names)}
    with atomic_path(path) as temporary:
        pyarrow.feather.write_feather(pa.table(columns), temporary, compression="zstd")
    return path
