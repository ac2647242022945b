"""What a scene pass costs beside the bare decode of its bands, and beside other ways to the same figures.

``python -m tests.benchmarks.l3b_pass --size 10980`` writes a synthetic tile (lossless JPEG 2000 bands of a
natural tile's entropy, the same as COG), then measures each case in a process of its own: seconds with
compiled kernels, peak resident memory, and the ratio to the bare decode of the same bands in that run.

``--full`` is the comparison side by side: a tile of 10980 pixels and 30 000 parcels as COG, then the same
tile as JPEG 2000, each against the bare decode; OTB and exactextract on the COG. A case that takes longer
than its limit is ended and said.

``ndvi`` reads two bands of 10 m, ``all`` (NDVI, LAI, fAPAR, fCover and the means of ten bands) four of 10 m
and six of 20 m; the other programs make no band means.
``decode`` is GDAL through rasterio, ``read`` the same blocks as a pass reads them.
``otb`` is BandMathX and ZonalStatistics with burnt labels, ``exactextract`` NumPy and exactextract.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics as statistics_of
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio

from sen4cap_core.processors.l3b.groups import BAND_OF
from sen4cap_core.processors.l3b.items import pass_plan
from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block, cut
from sen4cap_core.rasters.blockwise.variables import bands_of
from sen4cap_core.rasters.decoding.decode import (
    BandFiles,
    decode_environment,
    decode_side,
    enter_decode_environment,
)
from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels, load_labels
from sen4cap_core.rasters.passes.cog_pass import extract_from_cog
from sen4cap_core.rasters.passes.scene_pass import run_pass
from sen4cap_core.rasters.passes.sums import SumBuilder
from sen4cap_core.scenes.acquisition.model import Scene
from tests.benchmarks import l3b_peers
from tests.benchmarks.l3b_scene import (
    SOIL,
    SUFFIX,
    grid_of,
    make_band,
    make_grid,
    make_parcels,
    make_scl,
    open_scene,
    prepare,
    write_raster,
)
from tests.benchmarks.process_cost import cpu_seconds, peak_resident_mb

RASTERS = {"ndvi": ("ndvi",), "all": ("ndvi", "lai", "fapar", "fcover")}
VARIABLES = {"ndvi": ("ndvi",), "all": (*RASTERS["all"], *BAND_OF)}
_FULL_LIMIT_S = 180.0
"""OTB interprets the networks pixel by pixel and would need half an hour for a full tile."""
_PASSES = ("decode-{}", "read-{}", "pass-{}", "pass-{}-no-raster")
Run = dict[str, float] | None
"""What a run measured; None where it took longer than the limit."""
Runs = dict[str, list[Run]]
FULL = (
    "decode-ndvi-cog",
    "pass-ndvi-cog",
    "decode-all-cog",
    "pass-all-cog",
    "pass-all-no-raster-cog",
    "decode-all-jp2",
    "pass-all-jp2",
    "exactextract-all-cog",
    "otb-all-cog",
)
CASES = (
    *(case.format(what) + f"-{kind}" for what in VARIABLES for kind in SUFFIX for case in _PASSES),
    "otb-all-jp2",
    "otb-all-cog",
    "exactextract-all-jp2",
    "exactextract-all-cog",
    "extract-own-cog",
    "statistics-spans",
    "statistics-bincount",
    "statistics-ndimage",
    "statistics-exactextract",
)


def bare_decode(sources: Iterable[BandSource], threads: int, with_gdal: bool = True) -> None:
    """Decode all blocks of the same bands with all threads and throw them away: with GDAL the limit.

    Without: as a pass reads them, which does without GDAL where it can.
    """
    with decode_environment():
        files = BandFiles()

        def read(source: BandSource, block: Block) -> object:
            if with_gdal:
                return files.dataset(source).read(source.band_index, window=block.window).shape
            return files.read(source, block).shape

        tasks = [
            (source, block)
            for source in sources
            for block in cut(source.grid.shape, decode_side(files.dataset(source), 1))
        ]
        with ThreadPoolExecutor(threads, initializer=enter_decode_environment) as pool:
            for _ in pool.map(lambda task: read(*task), tasks):
                pass
        files.close()


def scene_pass(
    scene: Scene, names: tuple[str, ...], threads: int, labels: LabelSpans, out: Path | None
) -> None:
    run_pass(
        scene.bands,
        scene.masks,
        scene.grid,
        variables=pass_plan(names, scene).items,
        labels=labels,
        raster_paths={name: out / f"out-{name}.tif" for name in RASTERS["all"] if name in names}
        if out
        else {},
        threads=threads,
    )


def statistics(folder: Path, size: int, way: str, parcels: int) -> Callable[[], object]:
    """Mean, std and count of an NDVI image in memory; label images and frames are made beforehand."""
    labels = load_labels(folder / "labels.npz")
    with rasterio.open(folder / "out-ndvi.tif") as dataset:
        values = dataset.read(1)
    if way == "spans":
        whole = Block(0, 0, size, size)

        def spans() -> object:
            builder = SumBuilder(labels, make_grid(size), {"ndvi": NDVI.quantisation})
            builder.add("ndvi", values, whole)
            sums = builder.result().variables["ndvi"]
            return sums.mean(), sums.std()

        spans()
        return spans
    if way == "exactextract":
        frame = l3b_peers.parcel_frame(make_parcels(make_grid(size), parcels))
        return lambda: l3b_peers.exact(folder / "out-ndvi.tif", frame)
    image = l3b_peers.label_image(labels)
    if way == "bincount":

        def bincount() -> object:
            inside = (image > 0) & (values != NDVI.quantisation.nodata)
            ids, own = image[inside], values[inside].astype(np.float64)
            n = np.bincount(ids, minlength=parcels + 1)
            return n, np.bincount(ids, own, parcels + 1) / n, np.bincount(ids, own * own, parcels + 1)

        return bincount
    from scipy import ndimage

    index = np.arange(1, parcels + 1)

    def with_ndimage() -> object:
        valid = np.where(values != NDVI.quantisation.nodata, image, 0)
        return ndimage.mean(values, valid, index), ndimage.standard_deviation(values, valid, index)

    return with_ndimage


def job_of(case: str, folder: Path, size: int, parcels: int, threads: int) -> Callable[[], object]:
    """Prepare a case; what it returns is measured."""
    way, *rest = case.split("-")
    if way == "statistics":
        return statistics(folder, size, rest[0], parcels)
    if way in ("otb", "exactextract"):
        peer = l3b_peers.with_otb if way == "otb" else l3b_peers.with_exactextract
        return peer(open_scene(folder, size, rest[-1]), folder, parcels, threads)
    labels = load_labels(folder / "labels.npz")
    if way == "extract":
        own = BandSource("ndvi", str(folder / "out-ndvi.tif"), make_grid(size), 1e-4, 0.0, -32768)
        return lambda: extract_from_cog({"ndvi": own}, labels, threads=threads)
    scene, names = open_scene(folder, size, rest[-1]), VARIABLES[rest[0]]
    bands = [scene.bands[name] for name in bands_of(pass_plan(names, scene).items)]
    if way == "decode":
        return lambda: bare_decode([scene.masks[0].source, *bands], threads)
    warm_up(folder, names)
    if way == "read":
        return lambda: bare_decode([scene.masks[0].source, *bands], threads, with_gdal=False)
    out = None if "no" in rest else folder
    for name in RASTERS["all"] if out else ():
        # A product's files are new: to give the room of older ones back would take a tenth of the time.
        (folder / f"out-{name}.tif").unlink(missing_ok=True)
    return lambda: scene_pass(scene, names, threads, labels, out)


def run_case(case: str, folder: Path, size: int, parcels: int, threads: int) -> dict[str, float]:
    np.seterr(all="ignore")
    job = job_of(case, folder, size, parcels, threads)
    print("prepared", flush=True)
    cpu = cpu_seconds()
    started = time.perf_counter()
    job()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": cpu_seconds() - cpu, "peak_mb": peak_resident_mb()}


def warm_up(folder: Path, names: tuple[str, ...]) -> None:
    """Compile the kernels on a scene of 600 pixels."""
    size = 600
    with tempfile.TemporaryDirectory(dir=folder) as tiny:
        place = Path(tiny)
        for name in SOIL:
            grid = grid_of(name, size)
            write_raster(place / f"{name}.tif", make_band(grid, name), grid, "cog")
        coarse = grid_of("SCL", size)
        write_raster(place / "SCL.tif", make_scl(coarse), coarse, "cog")
        labels = burn_labels(make_parcels(make_grid(size), 3), [1, 2, 3], make_grid(size), 0.0)
        scene_pass(open_scene(place, size, "cog"), names, 1, labels, place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=10980)
    parser.add_argument("--parcels", type=int, default=30_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help="keep the synthetic scene here; default: a temporary folder"
    )
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=CASES)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--repeat", type=int, default=1, help="rounds of all cases")
    parser.add_argument("--full", action="store_true", help="the comparison side by side on a full tile")
    parser.add_argument("--limit-s", type=float, help="seconds for one run of a case; default: none, or 180")
    options = parser.parse_args()
    if options.full:
        options.cases = options.cases if options.cases != list(CASES) else list(FULL)
        options.limit_s = options.limit_s or _FULL_LIMIT_S
    if options.case:
        print(
            json.dumps(run_case(options.case, options.folder, options.size, options.parcels, options.threads))
        )
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        kinds = tuple(kind for kind in SUFFIX if any(case.endswith(kind) for case in options.cases))
        prepare(folder, options.size, options.parcels, kinds)
        print(f"preparing took {time.perf_counter() - started:.0f} s", flush=True)
        compare(options, folder)
        print(f"all took {time.perf_counter() - started:.0f} s", flush=True)


def rounds(options: argparse.Namespace, case: str) -> int:
    """Short cases vary by a tenth from run to run: in the full comparison their median of five counts."""
    is_short = case.endswith("cog") and not case.startswith(("otb", "exactextract"))
    return 5 if options.full and options.repeat == 1 and is_short else int(options.repeat)


def measured(command: list[str], limit_s: float | None) -> Run:
    """What a case printed; None where it took too long. It and the programs it runs are ended then.

    The limit counts from when the case is prepared.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        printed, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return dict(json.loads(printed.splitlines()[-1]))


def compare(options: argparse.Namespace, folder: Path) -> None:
    sizes = {p.name: p.stat().st_size / 1e6 for p in sorted(folder.glob("[BS]*.*"))}
    print(f"{options.size} x {options.size}, {options.parcels} parcels, {options.threads} threads;", end=" ")
    print(", ".join(f"{name} {mb:.0f} MB" for name, mb in sizes.items()), flush=True)
    cases = [case for case in options.cases if not case.startswith("otb") or l3b_peers.has_otb()]
    if len(cases) < len(options.cases):
        print("otb is not measured: the programs of otb-bin are not installed", flush=True)
    runs = run_in_rounds(options, folder, cases)
    print(f"{'case':26} {'seconds':>8} {'CPU s':>8} {'peak MB':>8}   against bare decode: wall, CPU (range)")
    for case in cases:
        print_case(case, runs, options.limit_s)
    for case in cases:
        own = "pass-" + case.partition("-")[2]
        if not case.startswith(("otb", "exactextract")) or own not in runs:
            continue
        if not finished(runs[case]):
            limit = options.limit_s / median(runs[own], "seconds")
            print(f"{case} takes more than {limit:.0f} times as long as our pass")
        else:
            wall, cpu = (median(runs[case], k) / median(runs[own], k) for k in ("seconds", "cpu_seconds"))
            print(f"{case} takes {wall:.1f} times as long as our pass, in CPU seconds {cpu:.1f} times")


def run_in_rounds(options: argparse.Namespace, folder: Path, cases: list[str]) -> Runs:
    """Run all cases once, then again: what slows the machine down for a minute slows all of a round."""
    runs: Runs = {case: [] for case in cases}
    for number in range(max(rounds(options, case) for case in cases)):
        for case in cases:
            if number >= rounds(options, case):
                continue
            command = [sys.executable, "-m", "tests.benchmarks.l3b_pass", "--case", case]
            command += ["--folder", str(folder)]
            for name in ("size", "parcels", "threads"):
                command += [f"--{name}", str(getattr(options, name))]
            runs[case].append(measured(command, options.limit_s))
            print(f"round {number + 1}: {case} {runs[case][-1] or 'ended'}", file=sys.stderr, flush=True)
    return runs


def print_case(case: str, runs: Runs, limit_s: float | None) -> None:
    """Print the medians of a case, and those of its ratios to the bare decode of the same round."""
    what = "-".join(part for part in case.split("-")[1:] if part not in ("no", "raster"))
    decodes = runs.get(f"decode-{what}", [])
    if not finished(runs[case]):
        ratio = f"> {limit_s / median(decodes, 'seconds'):.0f}" if limit_s and finished(decodes) else ""
        print(f"{case:26} ended after {limit_s:.0f} s{'':23}{ratio}", flush=True)
        return
    shown = "  ".join(ratios(runs[case], decodes, key) for key in ("seconds", "cpu_seconds"))
    seconds, cpu, peak = (median(runs[case], key) for key in ("seconds", "cpu_seconds", "peak_mb"))
    print(
        f"{case:26} {seconds:8.2f} {cpu:8.2f} {peak:8.0f}   {'' if decodes is runs[case] else shown}",
        flush=True,
    )


def ratios(runs: list[Run], decodes: list[Run], key: str) -> str:
    found = sorted(own[key] / bare[key] for own, bare in zip(runs, decodes, strict=False) if own and bare)
    return f"{statistics_of.median(found):.2f} ({found[0]:.2f}-{found[-1]:.2f})" if found else ""


def finished(runs: list[Run]) -> bool:
    return bool(runs) and all(run is not None for run in runs)


def median(runs: list[Run], key: str) -> float:
    return statistics_of.median(run[key] for run in runs if run)


if __name__ == "__main__":
    main()
