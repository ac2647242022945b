"""A past season backfilled from a catalogue on loopback: wall time, overhead, nothing lost or double.

    python -m tests.benchmarks.season --tiles 3 --size 1024 --dates 60 --pairs 60
    python -m tests.benchmarks.season --idle 120

Starts an installation of its own in a temporary folder and removes it. Sentinel-2 scenes come as COG items,
ready-made coherence pairs as STAC items, all over HTTP. ``--idle`` measures what all services together take
of one core while nothing happens.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rasterio
import shapely
import yaml
from geopandas import GeoDataFrame
from rasterio.transform import from_origin
from sqlalchemy import func, select

from sen4cap_core.db.models import Job, JobUsage, ObservationSet, OfferRow, PlannedRun, SceneRow
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.service.connection import open_step_context
from sen4cap_core.simulation.uploads import write_shapefile_zip
from tests.sources.catalogue_server import Catalogue, serving

TILES = ("30TUM", "30TVM", "30TUL")
START = date(2019, 3, 1)
SITE = "bench"
PROCESSING = ("process-scene", "detect-mowing", "extract-parcels")


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--size", type=int, default=1024, help="pixels of 10 m along a side")
    parser.add_argument("--dates", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--idle", type=float, default=0.0, help="only measure idle services, so many seconds")
    parser.add_argument("--hours", type=float, default=6.0, help="give up after so long")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sen4cap-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        os.environ["SEN4CAP_HOME"] = str(folder / "home")
        command = [sys.executable, "-m", "sen4cap_core.cli.main"]
        subprocess.run([*command, "up"], check=True)
        try:
            if arguments.idle:
                idle(arguments.idle)
            else:
                season(folder, arguments)
        finally:
            subprocess.run([*command, "down"], check=False)


def season(folder: Path, arguments: argparse.Namespace) -> None:
    """Backfill a season and print what it took."""
    catalogue = Catalogue(collections=("sentinel-2-l2a", "sentinel-1-coherence"), page=100)
    tiles = TILES[: arguments.tiles]
    with serving(catalogue):
        for tile in tiles:
            fill(catalogue, tile, arguments)
        home = os.environ["SEN4CAP_HOME"]
        before, begun, started_at = _cpu_of(home), time.monotonic(), datetime.now(UTC)
        settle(folder, catalogue, tiles, arguments.size)
        expected = len(tiles) * (arguments.dates + arguments.pairs)
        wait(expected, arguments.hours)
        wall = time.monotonic() - begun
        after = _cpu_of(home)
    tell(wall, expected, started_at)
    for name in sorted(after):
        print(f"  {name:40} {after[name] - before.get(name, 0.0):8.1f} CPU-s")


def fill(catalogue: Catalogue, tile: str, arguments: argparse.Namespace) -> None:
    """Offer the scenes and pairs of one tile."""
    rng = np.random.default_rng(int.from_bytes(tile.encode(), "big") % 2**32)
    size = arguments.size
    scl = _tiff(tile, np.full((size // 2, size // 2), 4, np.uint8), 20.0)
    for number in range(arguments.dates):
        day = START + timedelta(days=5 * number // max(1, arguments.dates // 60))
        green = 0.3 + 0.4 * np.sin(np.pi * number / arguments.dates)
        base = rng.normal(0.05, 0.005, (size, size))
        red = (base * 10000).astype(np.uint16)
        nir = (base * (1 + green) / (1 - green) * 10000).astype(np.uint16)
        stamp = f"{day:%Y%m%d}T110621"
        name = f"S2A_MSIL2A_{stamp}_N0212_R137_T{tile}_{day:%Y%m%d}T143132"
        files = {"red": _tiff(tile, red, 10.0), "nir": _tiff(tile, nir, 10.0), "scl": scl}
        properties = {
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "eo:cloud_cover": 5.0,
            "s2:processing_baseline": "02.12",
            "s2:product_uri": name + ".SAFE",
            "grid:code": f"MGRS-{tile}",
            "earthsearch:boa_offset_applied": True,
        }
        _offer(catalogue, "sentinel-2-l2a", name, f"{day}T11:06:21Z", properties, files)
    for number in range(arguments.pairs):
        later = START + timedelta(days=6 + 3 * number)
        earlier = later - timedelta(days=6)
        values = np.clip(rng.normal(0.5, 0.1, (size // 2, size // 2)), 0, 1).astype(np.float32)
        name = f"COH_{tile}_{earlier:%Y%m%d}_{later:%Y%m%d}"
        properties = {
            "platform": "sentinel-1a",
            "constellation": "sentinel-1",
            "sat:relative_orbit": 30,
            "sat:orbit_state": "ascending",
            "start_datetime": f"{earlier}T06:00:00Z",
            "end_datetime": f"{later}T06:00:00Z",
            "grid:code": f"MGRS-{tile}",
            "sen4cap:quantity": "coherence",
            "sen4cap:scale": "coherence",
        }
        files = {"vv": _tiff(tile, values, 20.0), "vh": _tiff(tile, values * 0.8, 20.0)}
        _offer(catalogue, "sentinel-1-coherence", name, f"{later}T06:00:00Z", properties, files)


def _offer(
    catalogue: Catalogue,
    collection: str,
    name: str,
    at: str,
    properties: dict[str, Any],
    files: dict[str, bytes],
) -> None:
    assets = {}
    for key, content in files.items():
        path = f"/files/{name}/{key}.tif"
        catalogue.files[path] = content
        kind = "image/tiff; application=geotiff; profile=cloud-optimized"
        assets[key] = {"href": catalogue.url + path, "type": kind, "file:size": len(content)}
    item = {"type": "Feature", "stac_version": "1.0.0", "id": name, "collection": collection}
    rest = {"geometry": None, "links": [], "assets": assets}
    catalogue.items.append({**item, **rest, "properties": {"datetime": at, **properties}})


def _tiff(tile: str, values: np.ndarray, resolution_m: float) -> bytes:
    grid = tile_grid(tile)
    buffer = io.BytesIO()
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype.name,
        "crs": f"EPSG:{grid.epsg}",
        "transform": from_origin(grid.x_min_m, grid.y_max_m, resolution_m, resolution_m),
        "tiled": True,
        "blockxsize": 256,
        "blockysize": 256,
        "compress": "deflate",
        "nodata": 0,
    }
    with rasterio.open(buffer, "w", **profile) as target:
        target.write(values, 1)
    return buffer.getvalue()


def settle(folder: Path, catalogue: Catalogue, tiles: tuple[str, ...], size: int) -> None:
    """Drop extent, declarations and site.yaml: the season begins."""
    home = folder / "home" / "uploads" / SITE
    (home / "2019" / "declarations").mkdir(parents=True)
    squares, ids = [], []
    for tile in tiles:
        grid = tile_grid(tile)
        for number in range(400):
            left = grid.x_min_m + 100 + (number % 20) * (size * 10 - 400) / 20
            top = grid.y_max_m - 100 - (number // 20) * (size * 10 - 400) / 20
            squares.append(shapely.box(left, top - 250, left + 250, top))
            ids.append(f"{tile}{number:04d}")
    epsg = tile_grid(tiles[0]).epsg
    columns = {"PARCEL_ID": ids, "FARM_ID": ids, "CROP_CODE": ["265"] * len(ids)}
    frame = GeoDataFrame(columns, geometry=squares, crs=epsg)
    write_shapefile_zip(home / "2019" / "declarations" / "parcels.zip", frame, "parcels")
    write_shapefile_zip(home / "site.zip", frame.dissolve(), "site")
    source = {"kind": "stac", "name": "loopback", "url": catalogue.url}
    source["collections"] = list(catalogue.collections)  # type: ignore[assignment]
    config = {
        "satellites": ["S1", "S2"],
        "tiles": list(tiles),
        "seasons": [{"name": "main", "start": START.isoformat(), "end": "2019-12-31"}],
        "processors": {"l3b": ["ndvi"], "l4a": False, "l4c": False, "l3a": False},
        "sources": [source],
    }
    (home / "site.yaml").write_text(yaml.safe_dump(config))


def wait(expected: int, hours: float) -> None:
    """Wait until every offer is a processed scene and the planned run of mowing has ended."""
    context = open_step_context()
    deadline = time.monotonic() + hours * 3600
    while True:
        with context.session() as session:
            scenes = Counter(session.scalars(select(SceneRow.state)))
            runs = Counter(session.scalars(select(PlannedRun.state)))
            open_jobs = session.scalar(
                select(func.count()).where(
                    Job.state.in_(("waiting", "running")),
                    Job.site_slug == SITE,
                    # Waits ten minutes on purpose, for a burst to end.
                    Job.kind != "update-markers",
                )
            )
        if (
            scenes["processed"] >= expected
            and not open_jobs
            and runs["done"] + runs["skipped"]
            and not runs["waiting"]
        ):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {hours} h: {dict(scenes)}, runs {dict(runs)}, {open_jobs} jobs open")
        time.sleep(1)


def tell(wall: float, expected: int, started_at: datetime) -> None:
    """Print the figures."""
    context = open_step_context()
    with context.session() as session:
        scenes = session.execute(
            select(SceneRow.product_id, SceneRow.tile, func.count()).group_by(
                SceneRow.product_id, SceneRow.tile
            )
        ).all()
        fetched = session.scalar(select(func.count()).where(OfferRow.state == "fetched"))
        observed = session.execute(
            select(ObservationSet.scene_id, ObservationSet.group_name, func.count()).group_by(
                ObservationSet.scene_id, ObservationSet.group_name
            )
        ).all()
        usage = session.execute(
            select(JobUsage.kind, func.count(), func.sum(JobUsage.seconds), func.sum(JobUsage.cpu_seconds))
            .group_by(JobUsage.kind)
            .order_by(JobUsage.kind)
        ).all()
        first_jobs = session.execute(
            select(Job.kind, func.min(Job.created_at), func.min(Job.finished_at))
            .group_by(Job.kind)
            .order_by(func.min(Job.created_at))
        ).all()
        first_starts = dict(
            session.execute(select(JobUsage.kind, func.min(JobUsage.started_at)).group_by(JobUsage.kind))
            .tuples()
            .all()
        )
        at_work = session.execute(
            select(JobUsage.started_at, JobUsage.seconds)
            .where(JobUsage.kind.in_(PROCESSING))
            .order_by(JobUsage.started_at)
        ).all()
    double = sum(n > 1 for *_, n in scenes) + sum(n > 1 for *_, n in observed)
    spans = [((at - started_at).total_seconds(), float(seconds)) for at, seconds in at_work]
    print(f"wall {wall:.0f} s for {expected} acquisitions: {wall / expected:.2f} s each")
    print(f"outside processing: {100 * (wall - covered(spans)) / wall:.1f} % of the wall time")
    last = max(first + seconds for first, seconds in spans)
    print(f"first scene at work after {spans[0][0]:.1f} s; the end {wall - last:.1f} s after the last work")
    print("the first of each kind of work: asked for, begun, ended, in seconds")
    for kind, *moments in first_jobs:
        told = (moments[0], first_starts.get(kind), moments[1])
        words = (f"{(at - started_at).total_seconds():8.1f}" if at else f"{'-':>8}" for at in told)
        print(f"  {kind:20} {' '.join(words)}")
    print(f"fetched {fetched}, scenes {len(scenes)}, lost {expected - len(scenes)}, double {double}")
    for kind, n, seconds, cpu in usage:
        print(f"  {kind:20} {n:5} runs  {float(seconds):8.1f} s  {float(cpu):8.1f} CPU-s")


def covered(spans: list[tuple[float, float]]) -> float:
    """Return the seconds in which at least one of some spans (start, length), in order of start, was on."""
    total, until = 0.0, 0.0
    for first, seconds in spans:
        total += max(0.0, first + seconds - max(first, until))
        until = max(until, first + seconds)
    return total


def idle(seconds: float) -> None:
    """Print what all services together take while nothing happens."""
    time.sleep(30)
    home = os.environ["SEN4CAP_HOME"]
    begun = _cpu_of(home)
    started = datetime.now()
    time.sleep(seconds)
    ended = _cpu_of(home)
    taken = (datetime.now() - started).total_seconds()
    total = 0.0
    for name in sorted(ended):
        used = ended[name] - begun.get(name, 0.0)
        total += used
        print(f"  {name:40} {100 * used / taken:6.2f} % of one core")
    print(f"all services: {100 * total / taken:.1f} % of one core over {taken:.0f} s")


def _cpu_of(home: str) -> dict[str, float]:
    found: dict[str, float] = {}
    seen: set[int] = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get("SEN4CAP_HOME") != home and home not in " ".join(process.cmdline()):
                continue
            # PostgreSQL's own processes carry another title and no mark of ours: they come with their parent.
            for one in (process, *process.children(recursive=True)):
                if one.pid in seen:
                    continue
                seen.add(one.pid)
                words = one.cmdline()
                name = " ".join(Path(word).name for word in words[:4])[:40] or one.name()
                name = "postgres" if name.startswith("postgres") else name
                times = one.cpu_times()
                used = times.user + times.system + times.children_user + times.children_system
                found[name] = found.get(name, 0.0) + used
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
