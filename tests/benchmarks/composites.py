"""A composite of ten dates beside numpy's nanmedian and xarray with dask.

``python -m tests.benchmarks.composites --size 2048 --dates 10`` measures each case in a process of its own
on the same random stack (four bands, a third of the pixels cloudy, in memory): seconds with compiled kernels,
CPU seconds, peak resident memory. Ours are the very objects that a composite of products feeds block by
block; NumPy, xarray and dask do the same to the same stack.

``weighted`` is the mean of each band by weights of aerosol, distance to clouds and date, the sum of weights
and the mean day; only ours also chooses what stands in where no date is clear. ``--whole`` makes composites
of four bands from JPEG 2000 products beside their bare decode.
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
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sen4cap_core.processors.l3a.dates import composed_date
from sen4cap_core.rasters.blockwise.blocks import Block, cut
from sen4cap_core.rasters.decoding.decode import BandFiles, decode_environment, enter_decode_environment
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.passes.composite_block import FLAGS, Composers, DateBlock, outputs_of_plan
from sen4cap_core.rasters.passes.composite_dates import CompositePlan
from sen4cap_core.rasters.passes.composite_pass import run_composite
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.simulation.optical.safe_product import tile_scene
from tests.benchmarks.process_cost import peak_resident_mb

OURS = ("median", "max-ndvi", "weighted")
PEERS = {
    "median": ("numpy-median", "xarray-median", "dask-median"),
    "max-ndvi": ("numpy-max-ndvi", "dask-max-ndvi"),
    "weighted": ("numpy-weighted", "dask-weighted"),
}
CASES = (*OURS, *(case for cases in PEERS.values() for case in cases))
SIDE = 1024
ROWS = 256
"""NumPy gets so many rows at a time: with all of them it would take more memory and no less time."""
BANDS = ("B02", "B03", "B04", "B08")
DATE_WEIGHTS = np.linspace(0.5, 1.0, 10)


@dataclass(frozen=True)
class Stack:
    """What all ways are given."""

    numbers: np.ndarray
    """int16 (dates, bands, rows, columns)"""
    clear: np.ndarray
    """bool (dates, rows, columns)"""
    aot: np.ndarray
    """float32 (dates, rows, columns), as ``cloud``, the weight by the distance to clouds."""
    cloud: np.ndarray


def make_stack(size: int, n_dates: int) -> Stack:
    rng = np.random.default_rng(1)
    numbers = rng.integers(200, 6000, (n_dates, len(BANDS), size, size), dtype=np.int16)
    # Clouds of 16 pixels.
    clouds = rng.random((n_dates, size // 16 + 1, size // 16 + 1)) < 0.33
    clear = np.stack([~np.kron(one, np.ones((16, 16), bool))[:size, :size] for one in clouds])
    aot = rng.uniform(0.05, 0.4, (n_dates, size, size)).astype(np.float32)
    cloud = rng.uniform(0.2, 1.0, (n_dates, size, size)).astype(np.float32)
    return Stack(numbers, clear, aot, cloud)


def weight_of(day: int) -> float:
    return float(DATE_WEIGHTS[day % len(DATE_WEIGHTS)])


def blocks_of(stack: Stack) -> list[list[DateBlock]]:
    """The stack as the pass would give it to a composer: contiguous arrays of blocks, date by date."""
    size = stack.numbers.shape[-1]
    return [
        [
            DateBlock(
                np.ascontiguousarray(stack.numbers[d][:, *block.slices]),
                np.where(stack.clear[d][block.slices], 0, 4).astype(np.uint8),
                np.ascontiguousarray(stack.aot[d][block.slices]),
                np.ascontiguousarray(stack.cloud[d][block.slices]),
                weight_of(d),
                d * 1440,
                150 + d,
            )
            for d in range(len(stack.numbers))
        ]
        for block in cut((size, size), (SIDE, SIDE))
    ]


def ours(method: str, blocks: list[list[DateBlock]], threads: int) -> None:
    composers = Composers(CompositePlan(method, BANDS))

    def block(dates: list[DateBlock]) -> None:
        with composers.lend(dates[0].status.shape) as composer:
            for one in dates:
                composer.add(one)
            composer.finish()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(block, blocks))


def masked(numbers: np.ndarray, clear: np.ndarray, block: Block) -> np.ndarray:
    part = numbers[:, :, *block.slices].astype(np.float32)
    part[np.broadcast_to(~clear[:, None, *block.slices], part.shape)] = np.nan
    return part


def weight_of_aerosol(aot: Any) -> Any:
    """Falls from the most without aerosol to the least at the largest thickness; of any array library."""
    a = CompositePlan("weighted", BANDS).aerosol
    return a.least + (a.most - a.least) * (1.0 - (aot / a.aot_max).clip(0.0, 1.0))


def with_numpy(method: str, stack: Stack) -> None:
    n_dates, size = len(stack.numbers), stack.numbers.shape[-1]
    of_date = np.array([weight_of(d) for d in range(n_dates)], np.float32)[:, None, None]
    days = np.arange(n_dates, dtype=np.float32)[:, None, None]
    for block in cut((size, size), (ROWS, size)):
        part = masked(stack.numbers, stack.clear, block)
        if method == "median":
            np.nanmedian(part, axis=0)
        elif method == "max-ndvi":
            ndvi = np.nan_to_num((part[:, 3] - part[:, 2]) / (part[:, 3] + part[:, 2]), nan=-2.0)
            np.take_along_axis(part, ndvi.argmax(0)[None, None], 0)
        else:
            given = weight_of_aerosol(stack.aot[:, *block.slices]) * stack.cloud[:, *block.slices] * of_date
            given = np.where(stack.clear[:, *block.slices], given, np.float32(0.0))
            w = np.where(np.isnan(part), np.float32(0.0), given[:, None])
            total = given.sum(0)
            with np.errstate(invalid="ignore"):
                (np.nan_to_num(part) * w).sum(0) / w.sum(0)
                (given * days).sum(0) / total


def with_xarray(method: str, stack: Stack, with_dask: bool) -> None:
    import xarray

    dims = ("time", "y", "x")
    numbers = xarray.DataArray(stack.numbers, dims=("time", "band", "y", "x"))
    valid, aot, cloud = (xarray.DataArray(a, dims=dims) for a in (stack.clear, stack.aot, stack.cloud))
    if with_dask:
        numbers = numbers.chunk({"time": -1, "band": 1 if method != "max-ndvi" else -1, "y": SIDE, "x": SIDE})
        valid, aot, cloud = (a.chunk({"time": -1, "y": SIDE, "x": SIDE}) for a in (valid, aot, cloud))
    shown = numbers.where(valid).astype("float32")
    if method == "median":
        shown.median("time", skipna=True).compute()
    elif method == "max-ndvi":
        ndvi = (shown[:, 3] - shown[:, 2]) / (shown[:, 3] + shown[:, 2])
        best = ndvi.fillna(-2.0).argmax("time")
        shown.isel(time=best.compute()).compute()
    else:
        n_dates = len(stack.numbers)
        of_date = xarray.DataArray(np.array([weight_of(d) for d in range(n_dates)], np.float32), dims="time")
        given = (weight_of_aerosol(aot) * cloud * of_date).where(valid, 0.0)
        mean = (shown * given).sum("time", skipna=True) / given.where(shown.notnull()).sum(
            "time", skipna=True
        )
        total = given.sum("time")
        day = (given * xarray.DataArray(np.arange(n_dates, dtype=np.float32), dims="time")).sum(
            "time"
        ) / total
        xarray.Dataset({"mean": mean, "weight": total, "day": day}).compute()


def measure(case: str, size: int, n_dates: int, threads: int) -> dict[str, float | str]:
    import warnings

    warnings.simplefilter("ignore")
    stack = make_stack(size, n_dates)
    peer, _, method = case.partition("-") if case not in OURS else ("", "", case)
    if peer:
        job = {
            "numpy": lambda: with_numpy(method, stack),
            "xarray": lambda: with_xarray(method, stack, False),
            "dask": lambda: with_xarray(method, stack, True),
        }[peer]
    else:
        blocks = blocks_of(stack)
        ours(method, [[replaced(one) for one in blocks[0]]], 1)
        del stack

        def job() -> None:
            ours(method, blocks, threads)

    start, cpu = time.perf_counter(), time.process_time()
    job()
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "case": case,
        "seconds": round(seconds, 3),
        "cpu": round(cpu, 3),
        "peak_mb": round(peak_resident_mb()),
    }


def replaced(date: DateBlock) -> DateBlock:
    """A corner of a block, for the compiler."""
    return DateBlock(
        np.ascontiguousarray(date.numbers[:, :64, :64]), np.ascontiguousarray(date.status[:64, :64]),
        np.ascontiguousarray(date.aot[:64, :64]), np.ascontiguousarray(date.cloud[:64, :64]),
        date.weight, date.minute, date.day_of_year,
    )  # fmt: skip


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
    parser.add_argument("--size", type=int, default=2048)
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
    for method, peers in PEERS.items():
        own = in_its_own_process(method, args)
        for case in peers:
            if case.startswith("dask") and not has_dask():
                print(f"{case:16s} dask is not installed: left out")
                continue
            other = in_its_own_process(case, args)
            print(
                f"{method} is {other['seconds'] / own['seconds']:.1f} times as fast as {case}, "
                f"in CPU seconds {other['cpu'] / own['cpu']:.1f} times"
            )


def in_its_own_process(case: str, args: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.composites", "--case", case]
    command += ["--size", str(args.size), "--dates", str(args.dates), "--threads", str(args.threads)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(answer.strip(), flush=True)
    found: dict[str, float] = json.loads(answer)
    return found


def has_dask() -> bool:
    import importlib.util

    return importlib.util.find_spec("dask") is not None


if __name__ == "__main__":
    main()
