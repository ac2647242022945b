"""What Sentinel-1 processing costs, and how near it comes to truth and to sarsen.

``python -m tests.benchmarks.sentinel1`` writes products as large as real ones (noise), then measures each
case in a process of its own with compiled kernels: seconds, processor seconds, peak resident memory, and the
ratio to reading the same measurement file alone. ``slc``: one full burst of IW1, its samples written; its
coherence from the stored one. ``grd``: a whole tile of 20 m cells, one polarisation. ``part``: 30 km of a
tile, ours and sarsen's, the same cells. Then two tables: backscatter against sarsen on simulated hills,
coherence against truth; ``--cases`` alone prints only these.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.optimize import brentq

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_footprint, tile_grid
from sen4cap_core.sentinel1.acquisition import (
    BurstOnMap,
    Terrain,
    acquisition_orbit,
    geocode_bursts,
    plan_bursts,
)
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.detected import detected_backscatter
from sen4cap_core.sentinel1.mosaic import match_bursts, merge_coherence, merge_power
from sen4cap_core.sentinel1.product import Product, open_product
from sen4cap_core.sentinel1.samples import SampleFile
from sen4cap_core.sentinel1.store import store_bursts
from sen4cap_core.simulation.radar.radar_detected import write_grd
from sen4cap_core.simulation.radar.radar_model import BETA_INCIDENCE_DEG
from sen4cap_core.simulation.radar.radar_pair import STRIP_M, TRUE_COHERENCE, rolling_ground, small_pair
from sen4cap_core.simulation.radar.radar_product import write_slc
from sen4cap_core.simulation.radar.radar_scene import SimulatedRadar
from tests.benchmarks.process_cost import cpu_seconds, peak_resident_mb
from tests.benchmarks.sentinel1_sarsen import run_sarsen
from tests.benchmarks.sentinel1_scenes import TILE, write_burst, write_detected, write_model
from tests.sentinel1.simulated_pair import outline_deg
from tests.sentinel1.test_truth import expected_coherence

PART_CELLS = 1500
CASES = {
    "slc-read": "slc-read",
    "slc-burst": "slc-read",
    "slc-burst-both": "slc-read",
    "slc-burst-hills": "slc-read",
    "slc-coherence": "slc-read",
    "grd-read": "grd-read",
    "grd-tile-sigma0": "grd-read",
    "grd-tile-gamma0": "grd-read",
    "part-read": "part-read",
    "part-ours": "part-read",
    "part-ours-flat": "part-read",
    "part-sarsen": "part-read",
    "part-sarsen-flat": "part-read",
}
"""Case -> what it is compared with."""


def part_of(grid: Grid, cells: int) -> Box:
    """Cells in the middle of a tile."""
    first = (grid.width - cells) // 2
    return Box(grid, first, first, cells, cells)


def grid_of(box: Box) -> Grid:
    x_min, y_max = box.corner_m
    return Grid(box.grid.epsg, x_min, y_max, 20.0, box.width, box.height)


def read_alone(product: Product) -> None:
    """Decode a measurement file and throw it away."""
    with rasterio.open(product.files.uri(product.swaths[0].measurement)) as image:
        for line in range(0, image.height, 1000):
            image.read(1, window=((line, min(line + 1000, image.height)), (0, image.width)))


def bursts_of(
    product: Product,
    dem: Path,
    threads: int,
    parcels: NDArray[np.object_],
    *,
    hills: bool = False,
    folder: Path | None = None,
) -> Iterator[BurstOnMap]:
    plans = plan_bursts(product, tile_grid(TILE, 20), parcels)
    orbit = acquisition_orbit(product, plans[0].annotation, None)
    return geocode_bursts(product, plans, orbit, Terrain((dem,)), threads, hills=hills, folder=folder)


def take_each(bursts: Iterator[BurstOnMap]) -> None:
    """Take bursts as the service does: their samples are on disk then, and go."""
    for burst in bursts:
        if isinstance(burst.data.samples, SampleFile):
            burst.data.samples.path.unlink()
        del burst


def detected(product: Product, box: Box, dem: Path, quantity: str, threads: int) -> NDArray[np.float32]:
    orbit = acquisition_orbit(product, product.annotation(product.swaths[0]), None)
    return detected_backscatter(product, box, orbit, Terrain((dem,)), threads, quantity)["VV"]  # type: ignore[arg-type]


def job_of(case: str, folder: Path, threads: int) -> Callable[[], object]:
    """Prepare a case; what it returns is measured."""
    kind, *rest = case.split("-")
    name = "slc-both" if case == "slc-burst-both" else kind
    product = open_product(next((folder / name).glob("*.SAFE")))
    if rest == ["read"]:
        return lambda: read_alone(product)
    grid, dem = tile_grid(TILE, 20), folder / "dem.tif"
    if kind == "slc":
        whole = np.array([tile_footprint(TILE)], object)
        if rest != ["coherence"]:
            hills = "hills" in rest
            return lambda: take_each(bursts_of(product, dem, threads, whole, hills=hills, folder=folder))
        stored = store_bursts(
            folder / "cache" / "slc", grid, lambda at: bursts_of(product, dem, threads, whole, folder=at)
        )
        pairs = match_bursts(stored, stored)
        return lambda: merge_coherence(
            ((a.load(), b.load()) for a, b in pairs), grid, keep_fringes=False, threads=threads
        )
    box = part_of(grid, grid.width if kind == "grd" else PART_CELLS)
    if "sarsen" in rest:
        return lambda: run_sarsen(product, folder / "part.tif", folder / "out.tif", flatten="flat" in rest)
    flat = "flat" in rest or "gamma0" in rest
    return lambda: detected(product, box, dem, "gamma0" if flat else "sigma0", threads)


def prepare(folder: Path) -> None:
    """Write products and elevation models."""
    for name in ("slc", "slc-both", "grd", "part"):
        (folder / name).mkdir()
    write_burst(folder / "slc", ["VV"])
    write_burst(folder / "slc-both", ["VV", "VH"])
    write_detected(folder / "grd", 1.0)
    write_detected(folder / "part", PART_CELLS * 20 / 109_800)
    grid = tile_grid(TILE, 20)
    around = Box(grid, 0, 0, grid.height, grid.width).grown(150)
    write_model(folder / "dem.tif", grid_of(around))
    write_model(folder / "part.tif", grid_of(part_of(grid, PART_CELLS)))


def warm_up(threads: int) -> None:
    """Compile the kernels on a small scene."""
    with tempfile.TemporaryDirectory() as place:
        simulate(Path(place), threads)


def simulate(folder: Path, threads: int) -> tuple[Product, Path, Box, list[BurstOnMap]]:
    """Hills that reflect by their facets: a GRD product, elevation model, its cells; bursts of SLC."""
    pair = small_pair(ground=replace(rolling_ground(), by_facets=True, sigma0={"VV": 0.12}))
    radar = SimulatedRadar(pair.ground, seed=5)
    product = open_product(write_grd(folder, radar, pair.first, ["VV"], 130.0))
    tile, ground = tile_grid(pair.tile, 20), pair.ground.grid
    row, column = round((tile.y_max_m - ground.y_max_m) / 20), round((ground.x_min_m - tile.x_min_m) / 20)
    box = Box(tile, row, column, ground.height, ground.width)
    dem = folder / "utm.tif"
    write_model(dem, grid_of(box))
    x = ground.x_min_m + (np.arange(ground.width) + 0.5) * 20
    y = ground.y_max_m - (np.arange(ground.height) + 0.5) * 20
    with rasterio.open(dem, "r+") as model:
        model.write(pair.ground.height_m(*np.meshgrid(x, y)).astype(np.float32), 1)
    slc = open_product(write_slc(folder, radar, pair.first, ["VV"], 130.0))
    bursts = list(bursts_of(slc, dem, threads, np.array([outline_deg(ground)], object), hills=True))
    merge_coherence(match_bursts(bursts, bursts), tile, keep_fringes=False, threads=threads)
    for quantity in ("sigma0", "gamma0"):
        detected(product, box, dem, quantity, threads)
    return product, dem, box, bursts


def run_case(case: str, folder: Path, threads: int) -> dict[str, float]:
    if "sarsen" not in case and "read" not in case:
        warm_up(threads)
    job = job_of(case, folder, threads)
    cpu, started = cpu_seconds(), time.perf_counter()
    job()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": cpu_seconds() - cpu, "peak_mb": peak_resident_mb()}


def against_sarsen(threads: int) -> None:
    """Print our backscatter of simulated hills beside sarsen's, on the same cells."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        product, dem, box, bursts = simulate(folder, threads)
        inner = slice(20, -20), slice(20, -20)
        # Our sigma0 by the table of one incidence angle: back to beta0, which is what sarsen makes.
        ours = detected(product, box, dem, "sigma0", threads) / np.sin(np.radians(BETA_INCIDENCE_DEG))
        flat = detected(product, box, dem, "gamma0", threads)
        theirs = run_sarsen(product, dem, folder / "a.tif", flatten=False)
        their_flat = run_sarsen(product, dem, folder / "b.tif", flatten=True)
        slc = merge_power(bursts, tile_grid(TILE, 20), "gamma0")[box.slices]
        print("\nbackscatter of simulated hills (true gamma0 0.12), 230 x 230 cells of 20 m")
        print(f"{'':28}{'ours':>9}{'sarsen':>9}{'ratio':>9}{'r':>8}")
        for name, a, b in (("beta0", ours, theirs), ("gamma0 flattened", flat, their_flat)):
            one, other = a[inner], b[inner]
            seen = np.isfinite(one) & np.isfinite(other)
            means = float(one[seen].mean()), float(other[seen].mean())
            r = float(np.corrcoef(one[seen], other[seen])[0, 1])
            print(f"{name:28}{means[0]:9.4f}{means[1]:9.4f}{means[0] / means[1]:9.4f}{r:8.4f}")
        rise = np.gradient(rasterio.open(dem).read(1), 20.0, axis=1)[inner]
        for name, values in (("gamma0 GRD", flat), ("gamma0 SLC", slc), ("gamma0 sarsen", their_flat)):
            towards, away = (float(np.nanmean(values[inner][s])) for s in (rise > 0.15, rise < -0.15))
            print(f"{name:28}slopes facing radar / behind: {towards / away:.4f}")


def against_truth(threads: int) -> None:
    """Print the coherence of six strips beside what is true of them."""
    with tempfile.TemporaryDirectory() as place:
        folder, pair = Path(place), small_pair()
        radar = SimulatedRadar(pair.ground, seed=20220503)
        dem = radar.write_dem(folder / "dem.tif")
        parcels = np.array([outline_deg(pair.ground.grid)], object)
        passes = [
            list(
                bursts_of(
                    open_product(write_slc(folder, radar, flight, ["VV"], 130.0)), dem, threads, parcels
                )
            )
            for flight in (pair.first, pair.second)
        ]
        tile, ground = tile_grid(pair.tile, 20), pair.ground.grid
        row = round((tile.y_max_m - ground.y_max_m) / 20)
        column = round((ground.x_min_m - tile.x_min_m) / 20)
        print(
            "\ncoherence of 900 m strips, 100 m baseline\ntruth        "
            + "".join(f"{t:8.2f}" for t in TRUE_COHERENCE)
        )
        looks = 0.0
        for name, keep in (("ours", False), ("fringes kept", True)):
            whole = merge_coherence(match_bursts(*passes), tile, keep_fringes=keep, threads=threads)
            scene = whole[row : row + ground.height, column : column + ground.width]
            wide = round(STRIP_M / 20)
            means = [np.nanmean(scene[10:-10, wide * n + 5 : wide * (n + 1) - 5]) for n in range(6)]
            if not keep:
                # The strip that changed altogether shows the estimator's bias, and so its looks.
                looks = brentq(lambda n, b=float(means[0]): expected_coherence(0.0, n) - b, 2.0, 200.0)
            print(f"{name:13}" + "".join(f"{mean:8.4f}" for mean in means))
        theory = [expected_coherence(t, looks) for t in TRUE_COHERENCE]
        print(f"{'expected':13}" + "".join(f"{mean:8.4f}" for mean in theory) + f" by {looks:.1f} looks")


def measure(cases: list[str], folder: Path, threads: int) -> None:
    """Print what each case costs; products that lie in the folder are not written again."""
    if not (folder / "part.tif").exists():
        prepare(folder)
    found: dict[str, dict[str, float]] = {}
    # As the service's workers have it; the kernels are compiled before, as theirs are.
    cache = str(folder / "cache" / "numba")
    environment = {**os.environ, "GDAL_CACHEMAX": "64", "NUMBA_CACHE_DIR": cache}
    warm = "from tests.benchmarks.sentinel1 import warm_up; warm_up(2)"
    subprocess.run([sys.executable, "-c", warm], check=True, env=environment)
    print(f"{'case':20}{'s':>9}{'CPU s':>9}{'peak MB':>9}{'to read':>9}", flush=True)
    for case in cases:
        command = [sys.executable, "-m", "tests.benchmarks.sentinel1", "--threads", str(threads)]
        done = subprocess.run(
            [*command, "--one", case, str(folder)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        if done.returncode:
            print(f"{case:20} failed: {done.stderr[-2000:]}")
            continue
        found[case] = json.loads(done.stdout.splitlines()[-1])
        one, base = found[case], found.get(CASES[case])
        ratio = f"{one['seconds'] / base['seconds']:9.1f}" if base else ""
        print(
            f"{case:20}{one['seconds']:9.2f}{one['cpu_seconds']:9.2f}{one['peak_mb']:9.0f}{ratio}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--folder", type=Path, help="an existing folder that keeps the products")
    parser.add_argument("--no-tables", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_case(options.one[0], Path(options.one[1]), options.threads)))
        return
    if options.cases:
        with tempfile.TemporaryDirectory() as place:
            measure(options.cases, options.folder or Path(place), options.threads)
    if not options.no_tables:
        against_sarsen(options.threads)
        against_truth(options.threads)


if __name__ == "__main__":
    main()
