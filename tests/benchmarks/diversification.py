"""What the assessment of crop diversification costs.

``python -m tests.benchmarks.diversification --parcels 1000000`` writes random parcels of a country (20 to a
holding, crop types by share, one in ten not classified) and assesses them by the command, each kind of file
in a process of its own: seconds and peak resident memory, imports included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tests.benchmarks.process_cost import cost_of_command

SUFFIXES = ("csv", "csv.gz", "parquet")


def write_inputs(folder: Path, n: int, n_types: int, seed: int = 1) -> None:
    """Write parcels in each format, and a crop code table."""
    rng = np.random.default_rng(seed)
    rows = ["CTnumDIV,EAA,AL,PGrass,TGrass,Fallow,Cwater"]
    for crop_type in range(1, n_types + 1):
        kind = crop_type % 10
        flags = [1, int(kind != 1), *(int(kind == one) for one in (1, 2, 3, 4))]
        rows.append(",".join(map(str, [crop_type, *flags])))
    (folder / "codes.csv").write_text("\n".join(rows) + "\n")
    declared = np.minimum(rng.geometric(4 / n_types, n), n_types).astype(np.int32)
    is_right = rng.random(n) < 0.95
    predicted = np.where(is_right, declared, rng.integers(1, n_types + 1, n)).astype(np.int32)
    is_seen = rng.random(n) < 0.9

    def seen(values: np.ndarray) -> pa.Array:
        return pa.array(values, mask=~is_seen)

    table = pa.table(
        {
            "NewID": pa.array(np.arange(1, n + 1)),
            "HoldID": pa.array(rng.integers(1, max(n // 20, 1) + 1, n)),
            "CT_decl": pa.array(declared),
            "CT_pred_1": seen(predicted),
            "CT_conf_1": seen(np.round(rng.beta(5, 2, n), 3)),
            "CT_pred_2": seen(rng.integers(1, n_types + 1, n)),
            "CTnumDIV": pa.array(declared),
            "CTnumDIV_pred_1": seen(predicted),
            "Area_meters": pa.array(np.round(rng.lognormal(9.5, 1.0, n), 2)),
            "GeomValid": pa.array((rng.random(n) < 0.99).astype(np.int8)),
            "Duplic": pa.array((rng.random(n) < 0.005).astype(np.int8)),
            "Overlap": pa.array((rng.random(n) < 0.01).astype(np.int8)),
            "LC": pa.array(rng.integers(0, 5, n)),
            "S2Pix": pa.array(rng.integers(0, 300, n)),
            "S1Pix": pa.array(rng.integers(0, 80, n)),
        }
    )
    pq.write_table(table, folder / "parcels.parquet")
    for suffix, compression in (("csv", None), ("csv.gz", "gzip")):
        with pa.output_stream(str(folder / f"parcels.{suffix}"), compression=compression) as stream:
            pa.csv.write_csv(table, stream)


def measure(folder: Path, suffix: str, compat: str) -> tuple[float, float]:
    """Return seconds and MB of one run."""
    command = [
        *(sys.executable, "-m", "sen4cap_core.cli.main", "diversification", "assess", "--compat", compat),
        *("--parcels", str(folder / f"parcels.{suffix}"), "--crop-codes", str(folder / "codes.csv")),
        *(
            "--out-parcels",
            str(folder / f"out-p.{suffix}"),
            "--out-holdings",
            str(folder / f"out-h.{suffix}"),
        ),
    ]
    return cost_of_command(command)


def main() -> None:
    """Write the inputs and print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=1_000_000)
    parser.add_argument("--types", type=int, default=60)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, arguments.parcels, arguments.types)
        for compat in ("default", "sen4cap"):
            for suffix in SUFFIXES:
                seconds, megabytes = measure(folder, suffix, compat)
                print(f"{compat:8} {suffix:8} {seconds:6.2f} s {megabytes:6.0f} MB", flush=True)


if __name__ == "__main__":
    main()
