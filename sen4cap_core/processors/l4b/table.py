"""The result in the original's columns, as an Arrow table and as a file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sen4cap_core.kernels.mowing.slots import MISSION_TEXTS, N_SLOTS
from sen4cap_core.processors.l4b.model import MowingOutcome
from sen4cap_core.tables.arrow_arrays import from_numbers, from_texts


def mowing_table(ids: pa.Array, outcome: MowingOutcome, *, explained: list[str] | None = None) -> pa.Table:
    """Return one row for each parcel: ``parcel_id``, ``mow_n``, ``m1_dstart`` ... ``m4_mis``, ``proc``,
    ``compl``.

    Start and end are text ``YYYY-MM-DD HH:MM:SS`` or ``0``, confidences have three decimals, the mission is
    ``S1``, ``S2``, ``S2/S1`` or ``0``: the original's shapefile attributes. With the explanation of each
    parcel (``explain.explanations``) ``evidence_columns`` are added.
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
    if explained is not None:
        columns |= evidence_columns(outcome, explained)
    return pa.table(columns)


def evidence_columns(outcome: MowingOutcome, explained: list[str]) -> dict[str, pa.Array]:
    """Return what the original does not tell: all mowings, what the answer rests on, why there is none.

    ``mow_total`` counts mowings beyond the fourth too; ``n_clear`` and ``gap_days`` are the clear Sentinel-2
    dates and the longest time between two of them, ``n_radar`` the coherence values that could be tested,
    ``no_radar`` is 1 where these are fewer than ``min_radar_tests``,
    ``reason`` says why the parcel could not be judged and is empty where it was, ``explanation`` says all
    of it in words and dates.
    """
    evidence = outcome.evidence
    return {
        "mow_total": from_numbers(outcome.n_mowings),
        "n_clear": from_numbers(evidence.n_clear),
        "gap_days": from_numbers(evidence.longest_gap_days),
        "n_radar": from_numbers(evidence.n_radar_tests),
        "no_radar": from_numbers(outcome.no_radar.astype(np.int32)),
        "reason": from_texts([reason or "" for reason in outcome.reason]),
        "explanation": from_texts(explained),
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
