"""Time practice monitoring on many parcels: the kernels alone, and the whole command.

``python -m tests.benchmarks.practices --parcels 100000`` makes parcels out of seeded noise around crop
curves, writes them as Parquet sorted by parcel, and monitors all four practices. The command is run in a new
process, twice, so that the second one finds compiled kernels. ``--folder`` keeps the inputs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.process_cost import cost_of_command

SETTINGS = """[DEFAULT_TIME_SERIES_ANALYSIS_PARAMS]
OPTTHRVEGCYCLE=350
NDVIDW=300
NDVIUP=500
NDVISTEP=5
OPTTHRMIN=100
COHTHRBASE=0.1
COHTHRHIGH=0.15
COHTHRABS=0.7
AMPTHRMIN=0.2
STDDEVINAMPTHR=1
OPTTHRBUFDEN=4
AMPTHRBREAKDEN=3
AMPTHRVALDEN=3
CATCHPERIOD=56
EFANDVITHR=325
EFANDVIUP=400
EFANDVIDW=300
EFACOHCHANGE=0.2
EFACOHVALUE=0.7
[CC_TIME_SERIES_ANALYSIS_PARAMS]
CC_CATCHMAIN="CatchCrop_3"
"""
NAMES = {"NA": "NA", "CC": "CatchCrop", "FL": "Fallow", "NFC": "NFC"}
PARCELS_PER_GROUP = 2_500


def write_inputs(folder: Path, n_parcels: int) -> None:
    """Write observations, practice tables and a configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "C.cfg").write_text(SETTINGS)
    start = date(2019, 1, 2)
    radar = [
        (orbit, start + timedelta(6 * i + shift))
        for orbit, shift in (("088", 0), ("139", 3))
        for i in range(59)
    ]
    keys = [("AMP", pol, orbit, day) for pol in ("VV", "VH") for orbit, day in radar]
    keys += [("COHE", "VV", orbit, day) for orbit, day in radar]
    keys += [("NDVI", "", "", date(2019, 1, 10) + timedelta(round(5.7 * i))) for i in range(62)]
    names = {
        "kind": [k[0] for k in keys],
        "pol": [k[1] for k in keys],
        "orbit": [k[2] for k in keys],
        "date": [k[3].isoformat() for k in keys],
    }
    fixed = {name: pa.array(texts).dictionary_encode() for name, texts in names.items()}
    kind = np.array(names["kind"])
    pol = np.array(names["pol"])
    day = np.array([k[3].timetuple().tm_yday for k in keys], np.float64)
    rng = np.random.default_rng(1)
    writer = None
    for first in range(0, n_parcels, PARCELS_PER_GROUP):
        ids = np.arange(first, min(n_parcels, first + PARCELS_PER_GROUP), dtype=np.int32)
        harvest = rng.uniform(180, 270, (ids.size, 1))
        green = (day > 90) & (day < harvest)
        values = rng.normal(0, 1, (ids.size, day.size))
        mean = np.where(green, 0.3, 0.75) + 0.05 * values
        mean = np.where(kind == "NDVI", np.where(green, 750, 230) + 40 * values, mean)
        is_amp = kind == "AMP"
        level = np.where(pol == "VV", -11.0, np.where(green, -16.5, -19.5))
        mean = np.where(is_amp, level + 0.7 * values, mean)
        n = np.arange(day.size)
        columns = {"parcel_id": pa.array(np.repeat(ids, day.size))}
        for name, array in fixed.items():
            codes = np.tile(array.indices.to_numpy()[n], ids.size)
            columns[name] = pa.DictionaryArray.from_arrays(codes, array.dictionary)
        columns["mean"] = pa.array(np.round(mean, 4).ravel())
        columns["std"] = pa.array(np.round(np.abs(values), 3).ravel())
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(folder / "observations.parquet", table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    for practice, name in NAMES.items():
        period = "2019-09-01,NA" if practice == "CC" else "2019-06-01,2019-07-15"
        row = f"233,2019-03-01,2019-06-15,2019-10-31,{name},CatchCrop_1,{period}"
        header = "SEQ_ID,FIELD_ID,MAIN_CROP,VEG_START,H_START,H_END,PRACTICE,P_TYPE,P_START,P_END,S1Pix"
        lines = [header, *(f"{i},F{i},{row},40" for i in range(n_parcels))]
        (folder / f"{practice}.csv").write_text("\n".join(lines) + "\n")


def command(folder: Path) -> list[str]:
    """Words of the command that monitors all four practices."""
    words = [sys.executable, "-m", "sen4cap_core.cli.main", "l4c", "monitor"]
    words += ["--observations", str(folder / "observations.parquet"), "--country", "NLD", "--year", "2019"]
    words += ["--config", str(folder / "C.cfg"), "--compat", "sen4cap"]
    for practice in NAMES:
        words += ["--practice", practice, "--practices", str(folder / f"{practice}.csv")]
        words += ["--out", str(folder / f"result_{practice}.parquet")]
    return words


def time_kernels(folder: Path) -> None:
    """Print the seconds of each stage, run in this process with compiled kernels."""
    from sen4cap_core.declarations.settings.l4c_config import PRACTICES, read_l4c_config
    from sen4cap_core.declarations.tables.practice_tables import read_practice_table
    from sen4cap_core.kernels.practices.series import NEVER
    from sen4cap_core.processors.l4c.command import all_parcels
    from sen4cap_core.processors.l4c.monitoring import Run, group_weeks, monitor
    from sen4cap_core.processors.l4c.observations_in import _batches, _Reading, read_parcel_series
    from sen4cap_core.processors.l4c.series_assembly import Assembly
    from sen4cap_core.processors.l4c.table import coded_practice_table

    config = read_l4c_config(folder / "C.cfg", 2019)
    tables = [read_practice_table(folder / f"{practice}.csv") for practice in PRACTICES]
    parcels = all_parcels(tables)
    clock, cpu, kernels, sorting = time.perf_counter(), time.process_time(), 0.0, 0.0

    def lap(name: str) -> None:
        nonlocal clock, cpu, kernels, sorting
        now, used = time.perf_counter(), time.process_time()
        print(f"{name:40s}{now - clock:8.2f} s{used - cpu:8.2f} s of processor")
        kernels += (now - clock) * name.startswith(("kernels", "judge"))
        sorting += (now - clock) * name.endswith("sort and pair")
        clock, cpu = now, used

    read = read_parcel_series(folder / "observations.parquet", parcels, None, 15, True)
    lap("read Parquet, sort and pair beside it")
    # The same once more, apart from the reading: batch by batch, as the command does.
    reading = _Reading()
    batches = list(_batches(folder / "observations.parquet", parcels, reading, with_std=False))
    clock, cpu = time.perf_counter(), time.process_time()
    assembly = Assembly(len(parcels), NEVER, 15, True)
    for batch in batches:
        assembly.add(batch, len(reading.orbits))
    assembly.finish(len(reading.orbits))
    lap("kernels: sort and pair")
    del batches, assembly
    series = read.series
    weeks = group_weeks(series, True)
    lap("kernels: weeks")
    for practice, table in zip(PRACTICES, tables, strict=True):
        run = Run(practice, "NLD", 2019, 18261, False, False, "sen4cap")
        found = monitor(series, weeks, table, read.place[parcels.locate(table.ids)], config, run)
        lap(f"judge {practice}")
        coded_practice_table(found, run)
        lap(f"table {practice}")
    print(f"{'kernels in all':40s}{kernels:8.2f} s, without sort and pair {kernels - sorting:.2f} s")


def main() -> None:
    """Make inputs, time the command twice and the stages once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where the inputs are kept; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        if not (folder / "NFC.csv").exists():
            write_inputs(folder, options.parcels)
        for attempt in ("first (compiles)", "second"):
            seconds, peak_mb = cost_of_command(command(folder))
            print(f"command, {attempt}: {seconds:.2f} s, at most {peak_mb:.0f} MB", flush=True)
        time_kernels(folder)
        time_kernels(folder)


if __name__ == "__main__":
    main()
