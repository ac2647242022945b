"""The result in the original's columns, as an Arrow table and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sen4cap_core.files import atomic_path
from sen4cap_core.kernels.mowing_slots import MISSION_TEXTS, N_SLOTS
from sen4cap_core.processors.l4b.arrow_arrays import from_numbers, from_texts, to_numbers
from sen4cap_core.processors.l4b.model import MowingOutcome
from sen4cap_core.processors.l4b.tables_in import table_format


def mowing_table(ids: pa.Array, outcome: MowingOutcome, *, with_evidence: bool = False) -> pa.Table:
    """Return one row for each parcel: ``parcel_id``, ``mow_n``, ``m1_dstart`` ... ``m4_mis``, ``proc``,
    ``compl``.

    Start and end are text ``YYYY-MM-DD HH:MM:SS`` or ``0``, confidences have three decimals, the mission is
    ``S1``, ``S2``, ``S2/S1`` or ``0``: the original's shapefile attributes. ``with_evidence`` adds
    ``evidence_columns``.
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
    if with_evidence:
        columns |= evidence_columns(outcome)
    return pa.table(columns)


def evidence_columns(outcome: MowingOutcome) -> dict[str, pa.Array]:
    """Return what the original does not tell: all mowings, what the answer rests on, why there is none.

    ``mow_total`` counts mowings beyond the fourth too; ``n_clear`` and ``gap_days`` are the clear Sentinel-2
    dates and the longest time between two of them, ``n_radar`` the coherence values that could be tested,
    ``reason`` says why the parcel could not be judged and is empty where it was.
    """
    evidence = outcome.evidence
    return {
        "mow_total": from_numbers(outcome.n_mowings),
        "n_clear": from_numbers(evidence.n_clear),
        "gap_days": from_numbers(evidence.longest_gap_days),
        "n_radar": from_numbers(evidence.n_radar_tests),
        "reason": from_texts([reason or "" for reason in outcome.reason]),
    }


def events_table(ids: pa.Array, outcome: MowingOutcome) -> pa.Table:
    """Return one row for each mowing: ``parcel_id``, ``start``, ``end``, ``confidence``, ``missions``."""
    events = outcome.events
    every = np.ones(events.parcel.size, np.bool_)
    return pa.table(
        {
            "parcel_id": ids.take(from_numbers(events.parcel)),
            "start": _time_texts(events.start_s, every),
            "end": _time_texts(events.end_s, every),
            "confidence": from_numbers(np.round(events.confidence, 3)),
            "missions": from_texts(MISSION_TEXTS).take(from_numbers(events.mission)),
        }
    )


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
        # Arrow's "needed" quotes every text; as plain as the original's unless an id forbids it.
        first = table.column_names[0]
        special = pc.any(pc.match_substring_regex(table[first], '[",\\r\\n]')).as_py()
        options = pa.csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
        compression = "gzip" if kind == "csv.gz" else None
        with pa.output_stream(str(temporary), compression=compression) as stream:
            stream.write((",".join(table.column_names) + "\n").encode())
            pa.csv.write_csv(_with_decimals(table), stream, options)


def _with_decimals(table: pa.Table) -> pa.Table:
    """Write confidences as the original does: ``0.0``, ``0.5``, ``0.561``."""
    for i, name in enumerate(table.column_names):
        if name.endswith("_conf") or name == "confidence":
            distinct, codes = np.unique(to_numbers(table[name].combine_chunks(), np.nan), return_inverse=True)
            texts = from_texts([repr(float(value)) for value in distinct])
            table = table.set_column(i, name, texts.take(from_numbers(codes.astype(np.int32))))
    return table
