"""What the declarations of a country cost: seconds and memory of each stage, beside a bare load of the file.

``python -m tests.benchmarks.declarations --parcels 200000`` writes a GeoPackage of parcels of 16 corners with
twelve attributes, starts a PostGIS of its own, and receives the file in a process of its own, as the service
does, then its update with a tenth changed. Beside it: ``ogr2ogr`` into PostGIS where it is installed, and the
bare load by our own means (read, COPY of geometry and columns as they are, nothing computed).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from sqlalchemy import text

from sen4cap_core.db.bulk.copying import BATCH_ROWS, copy_rows
from sen4cap_core.db.server import databases, migrate
from sen4cap_core.db.server.session import make_engine, session_scope
from sen4cap_core.db.work.uploads import Drop as Found
from sen4cap_core.db.work.uploads import register_upload
from sen4cap_core.kernels.compiling import load_compiler
from sen4cap_core.service.cluster import ROLE, Cluster
from sen4cap_core.settings import Settings
from sen4cap_core.steps.shared.context import open_context
from sen4cap_core.steps.shared.taken import Drop
from sen4cap_core.steps.uploads.declarations import receive_declarations
from tests.benchmarks.process_cost import peak_resident_mb

EPSG = 28992
SIDE_M = 150.0
SITE, YEAR = "bench", 2024


def write_parcels(path: Path, n: int, *, changed: bool = False) -> None:
    """Write a patchwork of parcels that touch; two in a hundred overlap a neighbour by more than a tenth."""
    random = np.random.default_rng(1)
    side = int(np.ceil(np.sqrt(n)))
    corners_x, corners_y = np.meshgrid(np.arange(side + 1) * SIDE_M, np.arange(side + 1) * SIDE_M)
    corners_x = 20_000.0 + corners_x + random.uniform(-30, 30, corners_x.shape)
    corners_y = 320_000.0 + corners_y + random.uniform(-30, 30, corners_y.shape)
    row, column = np.divmod(np.arange(n), side)
    ring = [(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]
    x = np.stack([corners_x[row + i, column + j] for i, j in ring], axis=1)
    y = np.stack([corners_y[row + i, column + j] for i, j in ring], axis=1)
    # Three points more on each side, as surveyed outlines have.
    share = np.linspace(0, 1, 4, endpoint=False)
    long_x = (x[:, :4, None] * (1 - share) + x[:, 1:, None] * share).reshape(n, 16)
    long_y = (y[:, :4, None] * (1 - share) + y[:, 1:, None] * share).reshape(n, 16)
    wider = np.flatnonzero(random.random(n) < 0.02)
    long_x[wider, 4:9] += 40.0
    if changed:
        long_y[::10, 5] += 3.0
    outlines = np.stack([long_x, long_y], axis=2)
    geometry = shapely.polygons(np.concatenate([outlines, outlines[:, :1]], axis=1))
    crops = random.integers(1, 300, n)
    frame = gpd.GeoDataFrame(
        {
            "PARCEL_ID": [f"NL{number:09d}" for number in range(n)],
            "HOLDING_ID": [f"H{number // 12:07d}" for number in range(n)],
            "CROP_CODE": np.char.zfill(crops.astype(str), 4),
            "CROP_NAME": np.char.add("Crop number ", crops.astype(str)),
            "AREA_HA": random.uniform(0.1, 9, n).round(4),
            "SLOPE": random.uniform(0, 30, n).round(2),
            "REGION": random.choice(["North", "East", "South", "West"], n),
            "SCHEME": random.choice(["BISS", "ANC", "Eco-scheme 4", "organic"], n),
            "DECLARED": random.choice(["2024-03-01", "2024-04-12", "2024-05-15"], n),
            "REMARK": np.where(random.random(n) < 0.1, 'said "late" by the inspector', None),
            "VERSION": random.integers(1, 9, n),
            "BLOCK": [f"{number // 40:06d}" for number in range(n)],
        },
        geometry=geometry,
        crs=EPSG,
    )
    frame.to_file(path, driver="GPKG", layer="parcels")


def receive(path: Path, url: str, home: Path) -> None:
    """Receive a file as the service does; print seconds and the peak of this process's memory.

    As in the service, which forks the process that receives, everything is imported and the compiler loaded
    before; the seconds of the whole process tell what these take.
    """
    load_compiler()
    context = open_context(Settings(home=home, decode_threads=2), url)
    with context.session() as session:
        found = Found(SITE, YEAR, "declarations", str(path), 1, 1, path.name)
        upload, _ = register_upload(session, found)
        drop = Drop(upload.id, SITE, YEAR, "declarations", path, path.name, 1)
    began, began_cpu = time.perf_counter(), time.process_time()
    taken = receive_declarations(context, drop)
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak_gb = peak_resident_mb() / 1024
    n = taken.stored["parcels"]
    told = f"{path.name}: {seconds:.1f} s ({cpu:.1f} s of processor), {n / seconds:,.0f} parcels/s"
    print(f"{told}, peak {peak_gb:.2f} GiB", flush=True)
    print({name: value for name, value in taken.stored.items() if name != "declaration set"}, flush=True)


def server_seconds(cluster: Cluster) -> float:
    """Return the processor time that the server's processes have used, those that ended included."""
    ticks = 0
    main = cluster.running_pid()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        if int(entry.name) == main:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == main:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(name: str, n: int, cluster: Cluster, command: list[str], **more: Any) -> None:
    """Run a command; print its seconds, and the processor seconds of its process and of the server."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server, began = server_seconds(cluster), time.perf_counter()
    subprocess.run(command, check=True, **more)
    seconds, server = time.perf_counter() - began, server_seconds(cluster) - server
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = f"{name}: {seconds:.1f} s, processor {own:.1f} s and {server:.1f} s in the server"
    print(f"{told}, {n / seconds:,.0f} parcels/s", flush=True)


def bare_load(path: Path, url: str) -> float:
    """Load geometry and columns as they are, with the means we have; return seconds."""
    began = time.perf_counter()
    meta, table = pyogrio.read_arrow(path)
    geometry = meta["geometry_name"] or "wkb_geometry"
    names = [name for name in table.column_names if name != geometry]
    engine = make_engine(url)
    columns = ", ".join(f'"{name}" text' for name in names)
    with session_scope(engine) as session:
        session.execute(text(f"CREATE UNLOGGED TABLE bare (geom geometry, {columns})"))

        def batches():
            for batch in table.to_batches(max_chunksize=BATCH_ROWS):
                wkb = batch.column(geometry).to_numpy(zero_copy_only=False)
                texts = [batch.column(name).cast(pa.string()) for name in names]
                hexed = pa.array(pd.Series(wkb).map(bytes.hex), pa.string())
                yield pa.RecordBatch.from_arrays([hexed, *texts], names=["geom", *names])

        copy_rows(session, "bare", batches())
    engine.dispose()
    return time.perf_counter() - began


def main() -> None:
    """Measure; with ``--receive`` only the process that receives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=200_000)
    parser.add_argument("--no-update", action="store_true", help="only the first file")
    parser.add_argument("--receive", nargs=3, metavar=("FILE", "URL", "HOME"))
    options = parser.parse_args()
    if options.receive:
        receive(Path(options.receive[0]), options.receive[1], Path(options.receive[2]))
        return
    folder = Path(tempfile.mkdtemp(prefix="sen4cap-bench-"))
    folder.chmod(0o755)
    cluster = Cluster(folder / "postgis", fast=True, die_with_parent=True)
    cluster.start()
    try:
        admin = cluster.url("postgres", superuser=True)
        databases.ensure_database(admin, "bench", owner=ROLE)
        databases.ensure_extension(cluster.url("bench", superuser=True))
        url = cluster.url("bench")
        migrate.upgrade(url)
        names = ("first",) if options.no_update else ("first", "update")
        for name in names:
            write_parcels(folder / f"{name}.gpkg", options.parcels, changed=name == "update")
        seconds = bare_load(folder / "first.gpkg", url)
        print(f"bare load: {seconds:.1f} s, {options.parcels / seconds:,.0f} parcels/s", flush=True)
        if shutil.which("ogr2ogr"):
            for index in ("NONE", "GIST"):
                command = ["ogr2ogr", "-f", "PostgreSQL", f"PG:{url}", str(folder / "first.gpkg")]
                command += ["-nln", f"bare_{index.lower()}", "-nlt", "MULTIPOLYGON"]
                command += ["-lco", "UNLOGGED=ON", "-lco", f"SPATIAL_INDEX={index}"]
                told = f"ogr2ogr, spatial index {index.lower()}"
                environment = {**os.environ, "PG_USE_COPY": "YES"}
                measured(told, options.parcels, cluster, command, env=environment)
        else:
            print("ogr2ogr is not installed: only the bare load by our own means is set beside", flush=True)
        for name in names:
            command = [sys.executable, "-m", "tests.benchmarks.declarations", "--receive"]
            command += [str(folder / f"{name}.gpkg"), url, str(folder / "home")]
            measured(f"whole process, {name}", options.parcels, cluster, command)
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
