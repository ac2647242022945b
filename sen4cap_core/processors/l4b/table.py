"""The result in the original's columns, as an Arrow table and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.kernels.mowing_slots import MISSION_TEXTS, N_SLOTS
from sen4cap_core.processors.l4b.arrow_arrays import from_numbers, from_texts, to_numbers
from sen4cap_core.processors.l4b.model import MowingOutcome
from sen4cap_core.processors.l4b.tables_in import table_format


def mowing_table(ids: pa.Array, outcome: MowingOutcome) -> pa.Table:
    """Return one row for each parcel: ``parcel_id``, ``mow_n``, ``m1_dstart`` ... ``m4_mis``, ``proc``,
    ``compl``.

    Start and end are text ``YYYY-MM-DD HH:MM:SS`` or ``0``, confidences have three decimals, the mission is
    ``S1``, ``S2``, ``S2/S1`` or ``0``: the original's shapefile attributes.
    """
    slots = outcome.slots
    columns: dict[str, pa.Array] = {"parcel_id": ids, "mow_n": from_numbers(slots.n)}
    missions = from_texts([*MISSION_TEXTS, "0"])
    for i in range(N_SLOTS):
        is_used = slots.n > i
        columns[f"m{i + 1}_dstart"] = _time_texts(slots.start_s[:, i], is_used)
        columns[f"m{i + 1}_dend"] = _time_texts(slots.end_s[:, i], is_used)
        columns[f"m{i + 1}_conf"] = from_numbers(slots.confidence[:, i])
        codes = np.where(is_used, slots.mission[:, i], len(MISSION_TEXTS)).astype(np.int32)
        columns[f"m{i + 1}_mis"] = missions.take(from_numbers(codes))
    columns["proc"] = from_numbers(outcome.processed.astype(np.int32))
    columns["compl"] = from_numbers(outcome.compliance.astype(np.int32))
    return pa.table(columns)


def _time_texts(seconds: NDArray[np.int64], is_used: NDArray[np.bool_]) -> pa.Array:
    distinct, codes = np.unique(seconds, return_inverse=True)
    texts = np.datetime_as_string(distinct.astype("datetime64[s]"), unit="s")
    named = from_texts([*(text.replace("T", " ") for text in texts.tolist()), "0"])
    return named.take(from_numbers(np.where(is_used, codes, len(distinct)).astype(np.int32)))


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as CSV, gzip CSV or Parquet after its suffix; it appears whole or not at all."""
    kind = table_format(path)
    with atomic_path(path) as temporary:
        if kind == "parquet":
            pq.write_table(table, temporary, compression="zstd")
            return
        options = pa.csv.WriteOptions(quoting_style="needed")
        compression = "gzip" if kind == "csv.gz" else None
        with pa.output_stream(str(temporary), compression=compression) as stream:
            pa.csv.write_csv(_with_decimals(table), stream, options)


def _with_decimals(table: pa.Table) -> pa.Table:
    """Write confidences as the original does: ``0.0``, ``0.5``, ``0.561``."""
    for i, name in enumerate(table.column_names):
        if name.endswith("_conf"):
            distinct, codes = np.unique(to_numbers(table[name].combine_chunks(), np.nan), return_inverse=True)
            texts = from_texts([repr(float(value)) for value in distinct])
            table = table.set_column(i, name, texts.take(from_numbers(codes.astype(np.int32))))
    return table
