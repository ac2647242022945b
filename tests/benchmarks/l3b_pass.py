"""What a scene pass costs beside the bare decode of its bands.

``python -m tests.benchmarks.l3b_pass --size 10980`` writes a synthetic tile (two lossless JPEG 2000 bands
of a natural tile's entropy, SCL at 20 m, the same as COG), then measures each case in a process of its
own: seconds with compiled kernels, peak resident memory.
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
from pathlib import Path

import numpy as np
import rasterio
import shapely

from sen4cap_core.processors.l3b.ndvi import NDVI
from sen4cap_core.rasters.bands import BandSource
from sen4cap_core.rasters.blocks import cut
from sen4cap_core.rasters.cog_pass import extract_from_cog
from sen4cap_core.rasters.decode import BandFiles, decode_environment, decode_side, enter_decode_environment
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.rasters.labels import LabelSpans, burn_labels, load_labels, save_labels
from sen4cap_core.rasters.scene_pass import run_pass

CASES = (
    "decode-jp2",
    "pass-jp2",
    "pass-jp2-no-raster",
    "decode-cog",
    "pass-cog",
    "pass-cog-no-raster",
    "extract-own-cog",
    "statistics-spans",
    "statistics-bincount",
    "statistics-ndimage",
    "statistics-exactextract",
)


def make_grid(size: int) -> Grid:
    return Grid(32630, 300000.0, 4600020.0, 10.0, size, size)


def make_band(grid: Grid, level: float, contrast: float, seed: int) -> np.ndarray:
    """Fields of 40 pixels and noise of 47 steps: 7.6 bits per pixel, as a natural tile."""
    rng = np.random.default_rng(seed)
    cells = -(-grid.height // 40)
    fields = rng.normal(level, contrast, (cells, cells)).astype(np.float32)
    out = np.empty(grid.shape, np.uint16)
    for top in range(0, grid.height, 400):
        rows = np.arange(top, min(top + 400, grid.height))
        image = fields[rows[:, None] // 40, np.arange(grid.width)[None, :] // 40]
        image = image + rng.normal(0.0, 47.0, image.shape).astype(np.float32)
        out[rows] = np.clip(image, 1, 12000).astype(np.uint16)
    return out


def make_scl(grid: Grid, seed: int) -> np.ndarray:
    """Vegetation and soil by fields, a fifth under clouds with a shadow."""
    rng = np.random.default_rng(seed)
    scl = rng.choice(np.array([4, 5], np.uint8), (grid.height // 20 + 1, grid.width // 20 + 1))
    scl = np.kron(scl, np.ones((20, 20), np.uint8))[: grid.height, : grid.width].copy()
    rows, cols = np.ogrid[: grid.height, : grid.width]
    for _ in range(40):
        r, c = rng.uniform(0, grid.height, 2)
        radius = grid.height * rng.uniform(0.01, 0.07)
        scl[(rows - r - radius) ** 2 + (cols - c + radius) ** 2 < radius**2] = 3
        scl[(rows - r) ** 2 + (cols - c) ** 2 < radius**2] = 9
    return scl


def write_raster(path: Path, values: np.ndarray, grid: Grid, kind: str) -> None:
    common = {
        "width": grid.width,
        "height": grid.height,
        "count": 1,
        "dtype": values.dtype,
        "crs": f"EPSG:{grid.epsg}",
    }
    side = 1024 if grid.resolution_m == 10 else 640
    formats = {
        "jp2": {
            "driver": "JP2OpenJPEG",
            "QUALITY": "100",
            "REVERSIBLE": "YES",
            "YCBCR420": "NO",
            "BLOCKXSIZE": side,
            "BLOCKYSIZE": side,
        },
        "tif": {"driver": "COG", "compress": "DEFLATE", "predictor": 2, "blocksize": 512, "num_threads": 2},
    }
    options = {**common, **formats[kind]}
    with (
        rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"),
        rasterio.open(path, "w", transform=grid.transform, **options) as dataset,
    ):
        dataset.write(values, 1)


def make_parcels(grid: Grid, n: int, seed: int = 7) -> list[shapely.Geometry]:
    """Irregular parcels of 0.1 to 10 ha."""
    rng = np.random.default_rng(seed)
    area_m2 = np.exp(rng.uniform(np.log(1_000), np.log(100_000), n))
    radius = np.sqrt(area_m2 / np.pi)
    x_min, y_min, x_max, y_max = grid.bounds_m
    x, y = rng.uniform(x_min, x_max, n), rng.uniform(y_min, y_max, n)
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    reach = radius[:, None] * rng.uniform(0.7, 1.3, (n, 12))
    corners = np.stack([x[:, None] + reach * np.cos(angles), y[:, None] + reach * np.sin(angles)], axis=-1)
    return list(shapely.polygons(corners))


def sources(folder: Path, size: int, kind: str) -> tuple[dict[str, BandSource], BandSource]:
    grid = make_grid(size)
    bands = {n: BandSource(n, str(folder / f"{n}.{kind}"), grid, 1e-4, -0.1, 0) for n in ("B04", "B08")}
    return bands, BandSource("SCL", str(folder / f"SCL.{kind}"), grid.at_resolution(20))


def prepare(folder: Path, size: int, parcels: int) -> None:
    grid = make_grid(size)
    layers: list[tuple[str, Callable[[], np.ndarray], Grid]] = [
        ("B04", lambda: make_band(grid, 1800, 300, 1), grid),
        ("B08", lambda: make_band(grid, 4000, 700, 2), grid),
        ("SCL", lambda: make_scl(grid.at_resolution(20), 3), grid.at_resolution(20)),
    ]
    for name, make, layer_grid in layers:
        missing = [k for k in ("jp2", "tif") if not (folder / f"{name}.{k}").exists()]
        if missing:
            values = make()
            for kind in missing:
                write_raster(folder / f"{name}.{kind}", values, layer_grid, kind)
    started = time.perf_counter()
    save_labels(
        folder / "labels.npz", burn_labels(make_parcels(grid, parcels), np.arange(1, parcels + 1), grid, -5.0)
    )
    print(f"burn {parcels} parcels: {time.perf_counter() - started:.1f} s", flush=True)


def bare_decode(folder: Path, size: int, kind: str, threads: int) -> None:
    """Decode all blocks of the same bands with all threads and throw them away: the limit."""
    bands, scl = sources(folder, size, kind)
    with decode_environment():
        files = BandFiles()
        tasks = [
            (source, block)
            for source in [scl, *bands.values()]
            for block in cut(source.grid.shape, decode_side(files.dataset(source), 1))
        ]
        with ThreadPoolExecutor(threads, initializer=enter_decode_environment) as pool:
            for _ in pool.map(lambda task: files.read(*task).shape, tasks):
                pass
        files.close()


def scene_pass(folder: Path, size: int, kind: str, threads: int, labels: LabelSpans, raster: bool) -> None:
    bands, scl = sources(folder, size, kind)
    paths = {"ndvi": folder / f"out-{kind}.tif"} if raster else {}
    run_pass(
        bands, scl, make_grid(size), variables=(NDVI,), labels=labels, raster_paths=paths, threads=threads
    )


def statistics(folder: Path, size: int, way: str, parcels: int) -> Callable[[], object]:
    """Mean, std and count of an NDVI image in memory; label images and frames are made beforehand."""
    labels = load_labels(folder / "labels.npz")
    with rasterio.open(folder / "out-tif.tif") as dataset:
        values = dataset.read(1)
    if way == "spans":
        from sen4cap_core.rasters.blocks import Block
        from sen4cap_core.rasters.sums import SumBuilder

        whole = Block(0, 0, size, size)

        def spans() -> object:
            builder = SumBuilder(labels, make_grid(size), {"ndvi": NDVI.quantisation})
            builder.add("ndvi", values, whole)
            sums = builder.result().variables["ndvi"]
            return sums.mean(), sums.std()

        spans()
        return spans
    if way == "exactextract":
        import geopandas
        from exactextract import exact_extract

        frame = geopandas.GeoDataFrame(geometry=make_parcels(make_grid(size), parcels), crs=32630)
        return lambda: exact_extract(
            str(folder / "out-tif.tif"), frame, ["mean", "stdev", "count"], strategy="raster-sequential"
        )
    image = np.zeros((size, size), np.int32)
    for row, first, last, parcel in zip(labels.rows, labels.first, labels.last, labels.parcel, strict=True):
        image[row, first : last + 1] = parcel + 1
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


def run_case(case: str, folder: Path, size: int, parcels: int, threads: int) -> dict[str, float]:
    np.seterr(all="ignore")
    kind = "jp2" if "jp2" in case else "tif"
    job: Callable[[], object]
    if case.startswith("decode"):
        job = lambda: bare_decode(folder, size, kind, threads)  # noqa: E731
    elif case.startswith("statistics"):
        job = statistics(folder, size, case.removeprefix("statistics-"), parcels)
    else:
        labels = load_labels(folder / "labels.npz")
        warm_up(folder)
        if case == "extract-own-cog":
            own = BandSource("ndvi", str(folder / "out-tif.tif"), make_grid(size), 1e-4, 0.0, -32768)
            job = lambda: extract_from_cog({"ndvi": own}, labels, threads=threads)  # noqa: E731
        else:
            job = lambda: scene_pass(folder, size, kind, threads, labels, "no-raster" not in case)  # noqa: E731
    cpu = time.process_time()
    started = time.perf_counter()
    job()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "cpu_seconds": time.process_time() - cpu, "peak_mb": peak_resident_mb()}


def peak_resident_mb() -> float:
    """Peak of this process alone; ``getrusage`` would count what its parent had before the fork."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def warm_up(folder: Path) -> None:
    """Compile the kernels on a scene of 600 pixels."""
    with tempfile.TemporaryDirectory(dir=folder) as tiny:
        place, grid = Path(tiny), make_grid(600)
        for name in ("B04", "B08"):
            write_raster(place / f"{name}.tif", make_band(grid, 2000, 100, 1), grid, "tif")
        write_raster(place / "SCL.tif", make_scl(grid.at_resolution(20), 3), grid.at_resolution(20), "tif")
        labels = burn_labels(make_parcels(grid, 3), [1, 2, 3], grid, 0.0)
        scene_pass(place, 600, "tif", 1, labels, raster=True)


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
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    if options.case:
        print(
            json.dumps(run_case(options.case, options.folder, options.size, options.parcels, options.threads))
        )
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, options.size, options.parcels)
        compare(options, folder)


def compare(options: argparse.Namespace, folder: Path) -> None:
    sizes = {p.name: p.stat().st_size / 1e6 for p in sorted(folder.glob("[BS]*.*"))}
    print(f"{options.size} x {options.size}, {options.parcels} parcels, {options.threads} threads;", end=" ")
    print(", ".join(f"{name} {mb:.0f} MB" for name, mb in sizes.items()), flush=True)
    limits: dict[str, float] = {}
    print(f"{'case':26} {'seconds':>8} {'CPU s':>8} {'peak MB':>8}   against bare decode", flush=True)
    for case in options.cases:
        command = [sys.executable, "-m", "tests.benchmarks.l3b_pass", "--case", case, "--folder", str(folder)]
        command += [
            "--size",
            str(options.size),
            "--parcels",
            str(options.parcels),
            "--threads",
            str(options.threads),
        ]
        runs = [json.loads(subprocess.check_output(command).splitlines()[-1]) for _ in range(options.repeat)]
        best = sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]
        kind = "jp2" if "jp2" in case else "cog"
        if case.startswith("decode"):
            limits[kind] = best["seconds"]
        ratio = f"{best['seconds'] / limits[kind]:.2f}" if case.startswith("pass") and kind in limits else ""
        print(
            f"{case:26} {best['seconds']:8.2f} {best['cpu_seconds']:8.2f} {best['peak_mb']:8.0f}   {ratio}",
            flush=True,
        )


if __name__ == "__main__":
    main()
