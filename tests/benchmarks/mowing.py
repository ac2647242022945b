"""What grassland mowing costs for many parcels: kernels alone, the whole command, and slower ways beside it.

``python -m tests.benchmarks.mowing --parcels 100000`` writes a Parquet table of 100 Sentinel-2 dates and 120
coherence pairs of two orbits per parcel, sorted by parcel, then measures. Kernel seconds are the best of
three with compiled kernels; the command is a process of its own with a warm kernel cache. The Sentinel-2 rule
alone, without fusion, is set beside the same in vectorised numpy and in a pandas loop (of a sample).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sen4cap_core.declarations.settings.l4b_config import Compat, L4BConfig
from sen4cap_core.processors.l4b.branches import OpticalState, detect_drops
from sen4cap_core.processors.l4b.command import parcel_facts
from sen4cap_core.processors.l4b.detection import detect
from sen4cap_core.processors.l4b.observations_table import TableObservations, read_observations_table
from sen4cap_core.tables.parcels import read_parcels
from tests.benchmarks.process_cost import cost_of_command

START, END = date(2019, 3, 1), date(2019, 11, 30)
N_OPTICAL, N_PAIRS = 100, 60
RUN_COMMAND = "from sen4cap_core.cli.l4b import app; app()"


def write_tables(folder: Path, n_parcels: int, seed: int = 1) -> None:
    """Write ``observations.parquet``, ``parcels.parquet`` and an empty configuration."""
    random = np.random.default_rng(seed)
    n_rows = N_OPTICAL + 2 * N_PAIRS
    optical_dates = np.datetime64("2019-03-01") + np.sort(random.choice(270, N_OPTICAL, replace=False))
    pairs = [np.datetime64(day) + 5 * np.arange(N_PAIRS) for day in ("2019-02-01", "2019-02-04")]
    dates = np.concatenate([*pairs, optical_dates])
    is_optical = np.repeat([False, True], [2 * N_PAIRS, N_OPTICAL])
    missions = pa.DictionaryArray.from_arrays(pa.array(is_optical.astype(np.int32)), ["S1", "S2"])
    orbits = np.repeat(np.array(["088", "037", None], object), [N_PAIRS, N_PAIRS, N_OPTICAL])
    writer: pq.ParquetWriter | None = None
    for first in range(0, n_parcels, 20_000):
        n = min(20_000, n_parcels - first)
        ndvi = 0.75 + 0.05 * random.standard_normal((n, N_OPTICAL))
        coherence = 0.25 + 0.05 * random.standard_normal((n, 2 * N_PAIRS))
        for _ in range(3):
            since = optical_dates - optical_dates[random.integers(0, N_OPTICAL, n)][:, None]
            days = since.astype(int)
            ndvi -= np.where((days >= 0) & (days < 35), 0.35 * (1 - days / 35), 0)
            since_pair = np.arange(2 * N_PAIRS) % N_PAIRS - random.integers(0, N_PAIRS, n)[:, None]
            coherence += np.where((since_pair >= 0) & (since_pair < 3), 0.3, 0)
        ndvi[random.random(ndvi.shape) < 0.45] = np.nan
        mean = np.concatenate([coherence, ndvi * 1000], axis=1).ravel()
        table = pa.table(
            {
                "parcel_id": np.repeat(np.arange(first, first + n) + 100_000, n_rows),
                "mission": missions.take(pa.array(np.tile(np.arange(n_rows), n))).cast(pa.string()),
                "orbit": pa.array(np.tile(orbits, n), pa.string()),
                "date1": pa.array(np.tile(dates - 6, n), mask=np.tile(is_optical, n)),
                "date": np.tile(dates, n),
                "mean": pa.array(mean, from_pandas=True),
                "n_valid": np.where(np.isnan(mean), 0, 20),
            }
        )
        writer = writer or pq.ParquetWriter(folder / "observations.parquet", table.schema)
        writer.write_table(table, row_group_size=1_000_000)
    if writer is not None:
        writer.close()
    parcels = {
        "parcel_id": np.arange(n_parcels) + 100_000,
        "fid": np.arange(n_parcels),
        "crop_code": random.choice(["046", "051", "GPZ"], n_parcels),
        "n_pix_s2": np.full(n_parcels, 80),
        "n_pix_s1": np.full(n_parcels, 20),
    }
    pq.write_table(pa.table(parcels), folder / "parcels.parquet")
    (folder / "empty.cfg").write_text("")


def best_of(n: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of ``n`` calls."""
    seconds = []
    for _ in range(n):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return min(seconds)


def pandas_loop(ndvi: np.ndarray, days: np.ndarray) -> int:
    """Apply the Sentinel-2 rule parcel by parcel with pandas."""
    n_found = 0
    for row in ndvi:
        clear = pd.Series(row, index=days).dropna()
        low, high, after = clear.shift(1), clear.shift(2), clear
        day = pd.Series(clear.index, index=clear.index)
        fall_rate = (low - high) / (day.shift(1) - day.shift(2))
        return_rate = (after - low) / (day - day.shift(1))
        amount = ((high - low - 0.12) / low).clip(lower=0)
        is_cut = (fall_rate < -1e-6) & (return_rate < 0.05) & (low < 0.75) & (high > 0.5) & (amount > 0)
        n_found += int(is_cut.sum())
    return n_found


def numpy_rule(ndvi: np.ndarray, days: np.ndarray) -> int:
    """Apply the Sentinel-2 rule date by date, vectorised over parcels."""
    older, newer = np.full(len(ndvi), np.nan), np.full(len(ndvi), np.nan)
    older_day, newer_day = np.zeros(len(ndvi)), np.zeros(len(ndvi))
    n_found = 0
    with np.errstate(all="ignore"):
        for day, value in zip(days, ndvi.T, strict=True):
            is_cut = (older - newer - 0.12) / newer > 0
            is_cut &= (newer - older) / (newer_day - older_day) < -1e-6
            is_cut &= ((value - newer) / (day - newer_day) < 0.05) & (newer < 0.75) & (older > 0.5)
            n_found += int(is_cut.sum())
            seen = np.isfinite(value)
            older, newer = np.where(seen, newer, older), np.where(seen, value, newer)
            older_day, newer_day = np.where(seen, newer_day, older_day), np.where(seen, day, newer_day)
    return n_found


def command_cost(folder: Path, compat: str) -> tuple[float, float]:
    """Wall seconds and peak memory [MB] of the whole command in a new process."""
    arguments = [
        *("--observations", str(folder / "observations.parquet")),
        *("--parcels", str(folder / "parcels.parquet")),
        *("--config", str(folder / "empty.cfg")),
        *("--start", str(START), "--end", str(END), "--missions", "S1_S2", "--compat", compat),
        *("--out", str(folder / "result.parquet")),
    ]
    return cost_of_command([sys.executable, "-c", RUN_COMMAND, "detect", *arguments])


def optical_part(table: TableObservations) -> tuple[np.ndarray, np.ndarray]:
    """NDVI (P, T) and its days."""
    source = next(s for s in table.matrix.sources if s.mission == "S2")
    return table.matrix.values[:, source.columns] / 1000, source.days.astype(float)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=500, help="parcels of the pandas loop")
    options = parser.parse_args()
    n = options.parcels
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, n)
        for compat in ("default", "sen4cap"):
            command_cost(folder, compat)  # fills the kernel cache
            seconds, peak_mb = min(command_cost(folder, compat) for _ in range(3))
            print(f"whole command, {compat}: {seconds:.2f} s, at most {peak_mb:.0f} MB")
        config, parcels = L4BConfig(), read_parcels(folder / "parcels.parquet")
        table = read_observations_table(
            folder / "observations.parquet", parcels, config, START, END, ("S2", "S1")
        )
        facts = parcel_facts(parcels, table)

        def run(missions: tuple[str, ...], compat: Compat) -> Callable[[], object]:
            return lambda: detect(table.matrix, facts, config, missions, compat)

        kernel_seconds = {
            (missions, compat): best_of(3, run(missions, compat))
            for missions in (("S2",), ("S2", "S1"))
            for compat in ("default", "sen4cap")
        }
        for (missions, compat), seconds in kernel_seconds.items():
            print(f"kernels and fusion, {'+'.join(missions)}, {compat}: {seconds:.3f} s")
        ndvi, days = optical_part(table)
        source = next(source for source in table.matrix.sources if source.mission == "S2")
        own = best_of(
            3, lambda: detect_drops(table.matrix, source, config.s2, "sen4cap", OpticalState.empty(n))
        )
        print(f"Sentinel-2 rule, own kernel: {own:.3f} s")
        numpy_seconds = best_of(1, lambda: numpy_rule(ndvi, days))
        loop_seconds = best_of(1, lambda: pandas_loop(ndvi[: options.sample], days)) * n / options.sample
        print(f"Sentinel-2 rule, vectorised numpy: {numpy_seconds:.2f} s = {numpy_seconds / own:.0f} x")
        print(
            f"Sentinel-2 rule, pandas loop (extrapolated): {loop_seconds:.0f} s = {loop_seconds / own:.0f} x"
        )


if __name__ == "__main__":
    main()
