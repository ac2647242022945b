"""A composite of ten dates beside numpy's nanmedian and xarray with dask.

``python -m tests.benchmarks.composites --size 4096 --dates 10`` measures each case in a process of its own on
the same random stack (one band, a third of the pixels cloudy): seconds with compiled kernels, peak resident
memory. ``--whole`` makes composites of four bands from JPEG 2000 products beside their bare decode.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from sen4cap_core.kernels.composite_average import MISSING, add_date, finish_average, total_weight
from sen4cap_core.kernels.composite_choice import keep_greenest, median_of_dates
from sen4cap_core.processors.l3a.dates import composed_date
from sen4cap_core.rasters.blocks import cut
from sen4cap_core.rasters.composite_block import FLAGS, outputs_of_plan
from sen4cap_core.rasters.composite_dates import CompositePlan
from sen4cap_core.rasters.composite_pass import run_composite
from sen4cap_core.rasters.decode import BandFiles, decode_environment, enter_decode_environment
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.mgrs import tile_grid
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.simulation.safe_product import tile_scene

CASES = ("median", "greenest", "weighted", "numpy-nanmedian", "xarray-median", "xarray-dask-median")
SIDE = 1024
BANDS = ("B02", "B03", "B04", "B08")


def make_stack(size: int, n_dates: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    stack = rng.integers(200, 6000, (n_dates, size, size), dtype=np.int16)
    for layer in stack:
        # Clouds of 16 pixels.
        clouds = rng.random((size // 16 + 1, size // 16 + 1)) < 0.33
        layer[np.kron(clouds, np.ones((16, 16), bool))[:size, :size]] = MISSING
    return stack


def in_blocks(size: int, block: Callable[[slice, slice], None], threads: int) -> None:
    parts = [
        (slice(r, min(r + SIDE, size)), slice(c, min(c + SIDE, size)))
        for r in range(0, size, SIDE)
        for c in range(0, size, SIDE)
    ]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: block(*part), parts))


def ours(case: str, stack: np.ndarray, threads: int) -> None:
    n_dates, size, _ = stack.shape
    out = np.empty((size, size), np.int16)

    def median(rows: slice, cols: slice) -> None:
        part = np.ascontiguousarray(stack[:, rows, cols])
        median_of_dates(part, out[rows, cols], np.empty(part.shape[1:], np.int16))

    def greenest(rows: slice, cols: slice) -> None:
        shape = stack[0, rows, cols].shape
        ndvi, best = np.full(shape, MISSING), np.full((1, *shape), MISSING)
        when = np.zeros(shape, np.int32)
        for d in range(n_dates):
            keep_greenest(stack[d, rows, cols], stack[d, rows, cols][None], d, ndvi, best, when)
        out[rows, cols] = best[0]

    def weighted(rows: slice, cols: slice) -> None:
        shape = stack[0, rows, cols].shape
        cube = (1, *shape)
        state = (
            np.zeros(cube, np.int64), np.zeros(cube, np.int64), np.zeros(shape, np.int64),
            np.zeros(shape, np.int64), np.full(cube, MISSING), np.full(shape, 255, np.uint8),
            np.zeros(shape, np.int32),
        )  # fmt: skip
        weight, aot, cloud = (
            np.empty(shape, np.int32),
            np.full(shape, 0.2, np.float32),
            np.ones(shape, np.float32),
        )
        for d in range(n_dates):
            numbers = stack[d, rows, cols][None]
            status = np.where(numbers[0] == MISSING, 4, 0).astype(np.uint8)
            total_weight(aot, cloud, 0.8, 0.33, 1.0, 0.8, weight)
            add_date(numbers, status, weight, d, 0, *state)
        made = np.empty(cube, np.int16)
        finish_average(
            *state, made, np.empty(shape, np.int16), np.empty(shape, np.int16), np.empty(shape, np.uint8)
        )
        out[rows, cols] = made[0]

    in_blocks(size, {"median": median, "greenest": greenest, "weighted": weighted}[case], threads)


def numpy_nanmedian(stack: np.ndarray) -> None:
    size = stack.shape[1]
    for top in range(0, size, 256):
        part = np.where(stack[:, top : top + 256] == MISSING, np.nan, stack[:, top : top + 256]).astype(
            np.float32
        )
        np.nanmedian(part, axis=0)


def xarray_median(stack: np.ndarray, with_dask: bool) -> None:
    import xarray

    array = xarray.DataArray(stack, dims=("time", "y", "x"))
    if with_dask:
        array = array.chunk({"time": -1, "y": SIDE, "x": SIDE})
    array.where(array != MISSING).astype("float32").median("time", skipna=True).compute()


def measure(case: str, size: int, n_dates: int, threads: int) -> dict[str, float | str]:
    import resource

    stack = make_stack(size, n_dates)
    small = np.ascontiguousarray(stack[:, :64, :64])
    if case in ("median", "greenest", "weighted"):
        ours(case, small, 1)
    start, cpu = time.perf_counter(), time.process_time()
    if case in ("median", "greenest", "weighted"):
        ours(case, stack, threads)
    elif case == "numpy-nanmedian":
        numpy_nanmedian(stack)
    else:
        xarray_median(stack, case == "xarray-dask-median")
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"case": case, "seconds": round(seconds, 2), "cpu": round(cpu, 2), "peak_mb": round(peak)}


def whole(size: int, n_dates: int, threads: int) -> None:
    """Composites of products, beside the bare decode of their bands."""
    full = tile_grid("30TUM")
    size -= size % 12
    grid = Grid(full.epsg, full.x_min_m, full.y_max_m, 10.0, size, size)
    with tempfile.TemporaryDirectory() as folder:
        scenes = []
        for day in range(n_dates):
            rng = np.random.default_rng(day)
            bands = {
                name: np.kron(rng.uniform(0.03, 0.4, (size // 12, size // 12)), np.ones((12, 12)))
                + rng.normal(0, 0.0047, (size, size))
                for name in BANDS
            }
            clouds = rng.random((size // 48 + 1, size // 48 + 1)) < 0.3
            scl = np.where(np.kron(clouds, np.ones((24, 24), bool)), 9, 4)[: size // 2, : size // 2]
            when = datetime(2019, 6, 2 + 2 * day, 11, 6, 21, tzinfo=UTC)
            path = tile_scene(Path(folder), bands, scl, grid=grid, acquired_at=when, aot=0.2)
            scenes += open_scenes(path)
        decode_s = timed(lambda: decode_all(scenes, threads))
        print(json.dumps({"case": "bare decode", "seconds": round(decode_s, 2)}))
        for method in ("weighted", "median", "max-ndvi"):
            plan = CompositePlan(method, BANDS)
            names = [o.name for o in outputs_of_plan(plan)] + ([FLAGS] if method == "weighted" else [])
            paths = {name: Path(folder) / f"{method}-{name}.tif" for name in names}
            for _ in range(2):
                start = time.perf_counter()
                dates = [
                    composed_date(s, date(2019, 6, 12), days_before=25, days_after=25, method=method)
                    for s in scenes
                ]
                run_composite(dates, grid, plan, paths, threads=threads)
                seconds = time.perf_counter() - start
            print(
                json.dumps(
                    {"case": method, "seconds": round(seconds, 2), "of_decode": round(seconds / decode_s, 2)}
                )
            )


def decode_all(scenes: list, threads: int) -> None:
    with decode_environment():
        files = BandFiles()
        with ThreadPoolExecutor(threads, initializer=enter_decode_environment) as pool:
            sources = [scene.bands[name] for scene in scenes for name in BANDS]
            blocks = cut(sources[0].grid.shape, (SIDE, SIDE))
            list(pool.map(lambda job: files.read(*job), [(s, b) for s in sources for b in blocks]))
        files.close()


def timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--dates", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--whole", action="store_true")
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case, args.size, args.dates, args.threads)))
        return
    if args.whole:
        whole(args.size, args.dates, args.threads)
        return
    found = {}
    for case in CASES:
        if case == "xarray-dask-median" and not has_dask():
            print("dask is not installed: xarray-dask-median is left out")
            continue
        command = [sys.executable, "-m", "tests.benchmarks.composites", "--case", case]
        command += ["--size", str(args.size), "--dates", str(args.dates), "--threads", str(args.threads)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found[case] = json.loads(answer)
        print(answer.strip())
    base = found["numpy-nanmedian"]["seconds"]
    for case, answer in found.items():
        print(f"{case:20s} {base / answer['seconds']:8.1f} times as fast as numpy nanmedian")


def has_dask() -> bool:
    import importlib.util

    return importlib.util.find_spec("dask") is not None


if __name__ == "__main__":
    main()
