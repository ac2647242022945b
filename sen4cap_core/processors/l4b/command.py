"""A whole run on table files: read, detect, write."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from sen4cap_core.declarations.settings.l4b_config import Compat, Method
from sen4cap_core.declarations.settings.l4b_file import read_l4b_config
from sen4cap_core.errors import ConfigurationError, NothingToDoError
from sen4cap_core.processors.l4b.detection import detect, effective_method
from sen4cap_core.processors.l4b.explain import explanations
from sen4cap_core.processors.l4b.model import ParcelFacts
from sen4cap_core.processors.l4b.observations_table import TableObservations, read_observations_table
from sen4cap_core.processors.l4b.table import events_table, mowing_table
from sen4cap_core.tables.parcels import ParcelTable, read_parcels
from sen4cap_core.tables.reading import table_format
from sen4cap_core.tables.writing import write_table


def detect_tables(
    observations: Path,
    parcels: Path,
    config_path: Path,
    start: date,
    end: date,
    out: Path,
    *,
    missions: tuple[str, ...],
    compat: Compat,
    method: Method | None = None,
    events_out: Path | None = None,
    with_evidence: bool = False,
) -> list[str]:
    """Detect mowings from table files and write the result; return lines that say what was done.

    Raises
    ------
    BadUploadError, ConfigurationError
        When a file cannot be used.
    NothingToDoError
        When no observation lies in the period.
    """
    for target in (out, events_out):
        if target is not None:
            table_format(target)
    if end < start:
        raise NothingToDoError(f"The end {end} lies before the start {start}.")
    if not config_path.is_file():
        raise ConfigurationError(config_path, "there is no such file.", remedy="Check the path.")
    config = read_l4b_config(config_path)
    used = effective_method(compat, method)
    parcel_table = read_parcels(parcels, config.ct_numbers)
    with_scores = used == "neighbourhood"
    table = read_observations_table(
        observations, parcel_table, config, start, end, missions, with_scores=with_scores
    )
    if not table.matrix.sources:
        raise NothingToDoError(
            f"{observations.name}: no observation of {' or '.join(missions)} for these parcels "
            f"from {start} to {end}."
        )
    facts = parcel_facts(parcel_table, table)
    outcome = detect(table.matrix, facts, config, missions, compat, used)
    explained = explanations(outcome, facts, config) if with_evidence else None
    write_table(out, mowing_table(parcel_table.ids, outcome, explained=explained))
    if events_out is not None:
        write_table(events_out, events_table(parcel_table.ids, outcome))
    lines = [
        f"{len(parcel_table)} parcels, {int((outcome.n_mowings > 0).sum())} of them mown, "
        f"{outcome.events.parcel.size} mowings: {out}"
    ]
    if table.n_foreign_rows:
        lines.append(
            f"{table.n_foreign_rows} observations of parcels that are not in {parcels.name} were left out."
        )
    return lines


def parcel_facts(parcels: ParcelTable, table: TableObservations) -> ParcelFacts:
    """Say which parcels are in the images: by their pixel counts, or where these are not given by having
    rows.
    """
    n = len(parcels)
    rows_s2 = table.has_rows.get("S2", np.zeros(n, np.bool_))
    rows_s1 = table.has_rows.get("S1", np.zeros(n, np.bool_))
    s2, s1 = parcels.n_pixels("S2"), parcels.n_pixels("S1")
    return ParcelFacts(
        crop_codes=parcels.crop_codes,
        in_optical=rows_s2 if s2 is None else s2 > 0,
        in_radar=rows_s1 if s1 is None else s1 > 0,
        n_pixels_radar=np.ones(n, np.int32) if s1 is None else s1,
        neighbourhood=parcels.neighbourhood,
        n_pixels_optical=s2,
        is_feature_zero=np.zeros(n, np.bool_) if parcels.fid is None else parcels.fid == 0,
    )
