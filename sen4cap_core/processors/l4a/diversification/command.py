"""A whole run on table files: read, assess, write."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from sen4cap_core.declarations.settings.diversification_settings import Thresholds
from sen4cap_core.declarations.settings.l4b_config import Compat
from sen4cap_core.declarations.texts.yaml_models import read_yaml_model
from sen4cap_core.errors import ConfigurationError
from sen4cap_core.processors.l4a.diversification import categories, conformity
from sen4cap_core.processors.l4a.diversification.assessment import assess
from sen4cap_core.processors.l4a.diversification.code_sets import read_code_sets
from sen4cap_core.processors.l4a.diversification.model import Assessment
from sen4cap_core.processors.l4a.diversification.parcels_in import ParcelsIn, read_parcels
from sen4cap_core.processors.l4a.diversification.tables_out import (
    holdings_table,
    parcels_table,
    with_decimals,
)
from sen4cap_core.tables.reading import table_format
from sen4cap_core.tables.writing import write_table


def assess_tables(
    parcels_path: Path,
    crop_codes: Path,
    out_parcels: Path,
    out_holdings: Path,
    *,
    predictions: Path | None = None,
    config: Path | None = None,
    compat: Compat = "default",
) -> list[str]:
    """Assess crop diversification from table files and write both results; return lines that say what was
    done.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used; nothing is written then.
    """
    for target in (out_parcels, out_holdings):
        table_format(target)
    if out_parcels.resolve() == out_holdings.resolve():
        raise ConfigurationError(out_parcels, "parcels and holdings cannot go to the same file.")
    thresholds = Thresholds()
    if config is not None:
        if not config.is_file():
            raise ConfigurationError(config, "there is no such file.", remedy="Check the path.")
        thresholds = read_yaml_model(config, Thresholds)
    code_sets = read_code_sets(crop_codes)
    table = read_parcels(parcels_path, predictions, code_sets)
    found = assess(table.parcels, code_sets, thresholds, compat)
    for target, result in (
        (out_parcels, parcels_table(table.parcels, found)),
        (out_holdings, holdings_table(table.parcels, found, compat)),
    ):
        write_table(target, result if table_format(target) == "parquet" else with_decimals(result))
    return [
        f"{len(table.parcels)} parcels: {out_parcels}",
        f"{len(table.parcels.holding_ids)} holdings, {_counts(found)}: {out_holdings}",
        *_remarks(table, found, thresholds, compat),
        *(f"{crop_codes.name}: {text}." for text in code_sets.contradictions),
    ]


def assess_files(
    parcels_path: Path,
    crop_codes: Path,
    out_parcels: Path,
    out_holdings: Path,
    thresholds: Thresholds,
    compat: Compat,
) -> pd.DataFrame:
    """Assess the export of a crop type map and write both results as CSV; return the holdings.

    Raises
    ------
    BadUploadError
        When a file cannot be used; nothing is written then.
    """
    code_sets = read_code_sets(crop_codes)
    table = read_parcels(parcels_path, None, code_sets)
    found = assess(table.parcels, code_sets, thresholds, compat)
    holdings = holdings_table(table.parcels, found, compat)
    write_table(out_parcels, with_decimals(parcels_table(table.parcels, found)))
    write_table(out_holdings, with_decimals(holdings))
    frame: pd.DataFrame = holdings.to_pandas()
    return frame


def _counts(found: Assessment) -> str:
    counts = Counter(found.diagnosis.tolist())
    return ", ".join(f"{counts[code]} {name}" for code, name in enumerate(categories.DIAGNOSES))


def _remarks(table: ParcelsIn, found: Assessment, thresholds: Thresholds, compat: Compat) -> list[str]:
    remarks = []
    n_used = int(np.sum(found.conformity == conformity.PREDICTION_USED))
    if n_used:
        remarks.append(
            f"On {n_used} parcels a prediction of confidence {thresholds.min_confidence:g} or more took the "
            "place of the declaration."
        )
    if compat == "default" and not table.tells_predicted_type:
        remarks.append(
            "No prediction could take the place of a declaration: neither a column CTnumDIV_pred_1 nor "
            "CTnumL4A in the crop code table tells its crop type."
        )
    if found.n_without_type:
        remarks.append(
            f"{found.n_without_type} parcels ({found.area_without_type_m2 / 10_000:.2f} ha) count nowhere: "
            "their CTnumDIV is empty or not in the crop code table."
        )
    if table.n_foreign_predictions:
        remarks.append(
            f"{table.n_foreign_predictions} predictions are of parcels that are not in the table; left out."
        )
    return remarks
