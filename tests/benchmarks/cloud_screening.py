"""What the screening finds that the scene classification overlooks, and what it costs in clear pixels.

``python -m tests.benchmarks.cloud_screening --seeds 6 --size-m 6000`` simulates seasons with thin veils,
small cumulus, shadows and whole objects overlooked by the classification, and counts pixels of 60 m.
``--whole 10980`` times the reading and screening of a full tile beside the bare decode of two bands.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from sen4cap_core.clock import to_days
from sen4cap_core.kernels.composites.fields import to_stored
from sen4cap_core.kernels.optical.status import coarsen_status
from sen4cap_core.rasters.blockwise.blocks import cut
from sen4cap_core.rasters.decoding.decode import BandFiles, decode_environment, enter_decode_environment
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.masks.screening import ClearSky, ScreenedDate, ScreeningSettings, screen
from sen4cap_core.rasters.masks.screening_store import ScreeningStore
from sen4cap_core.rasters.masks.status import CLOUD, SHADOW, scl_table
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.scenes.screening_input import read_screened_date, screening_grid
from sen4cap_core.simulation.optical.safe_product import tile_scene
from sen4cap_core.simulation.season import Season
from sen4cap_core.simulation.sky.hard_clouds import hard_fields, overlook, spoilt

_TABLE = np.where(scl_table() == SHADOW, CLOUD, scl_table()).astype(np.uint8)


def screened_dates(seed: int, size_m: float, n_dates: int = 40) -> Iterator[tuple[ScreenedDate, np.ndarray]]:
    """Dates of a simulated season at 60 m, each with its truth (1 cloud, 2 shadow, 0 clear)."""
    season = Season(
        seed=seed, size_m=size_m, n_dates=n_dates, bands="10m-only-ndvi", missed_cloud=0.0,
        start=date(2019, 3, 1), end=date(2019, 10, 31),
    )  # fmt: skip
    for one in season.passes:
        facts = season.acquisition(one)
        cloud, shadow = hard_fields(one, season.grid, facts.sun_zenith_deg, facts.sun_azimuth_deg, seed)
        images = season.images(one, (cloud, shadow))
        scl = overlook(images["SCL"], cloud, shadow, seed * 1000 + one.index)
        fine = _TABLE[scl]
        status = np.empty(cloud.shape, np.uint8)
        coarsen_status(fine, 3, status)
        bands = np.empty((3, *cloud.shape), np.int16)
        for out, name in zip(bands, ("B02", "B04", "B08"), strict=True):
            cells = images[name].reshape(cloud.shape[0], 6, cloud.shape[1], 6)
            mean = cells.mean(axis=(1, 3))
            mean[(cells == 0).any(axis=(1, 3))] = 0
            to_stored(mean, 1e-4, facts.boa_offset / 1e4, 0.0, out)
        yield (
            ScreenedDate(to_days(one.at.date()), bands, status, facts.sun_zenith_deg, facts.sun_azimuth_deg),
            spoilt(cloud, shadow),
        )


class Counts:
    """Pixels by truth and verdict."""

    def __init__(self) -> None:
        self.spoilt = self.missed_scl = self.missed_ours = self.clear = self.lost = 0
        self.shadow = self.shadow_scl = self.shadow_ours = 0

    def add(self, status: np.ndarray, marks: np.ndarray, truth: np.ndarray) -> None:
        """Count one date; water, snow and what has no data are left out."""
        land = (status == 0) | (status == CLOUD)
        usable_scl, usable_ours = status == 0, (status == 0) & (marks == 0)
        for kind, names in (
            (1, ("spoilt", "missed_scl", "missed_ours")),
            (2, ("shadow", "shadow_scl", "shadow_ours")),
        ):
            here = land & (truth == kind)
            for name, mask in zip(names, (here, here & usable_scl, here & usable_ours), strict=True):
                setattr(self, name, getattr(self, name) + int(mask.sum()))
        clear = usable_scl & (truth == 0)
        self.clear += int(clear.sum())
        self.lost += int((clear & ~usable_ours).sum())

    def __str__(self) -> str:
        cut = 1 - self.missed_ours / max(self.missed_scl, 1)
        shade = 1 - self.shadow_ours / max(self.shadow_scl, 1)
        return (
            f"cloud missed: SCL {self.missed_scl / max(self.spoilt, 1):.3f}, screened "
            f"{self.missed_ours / max(self.spoilt, 1):.3f} (cut by {cut:.0%}); shadow missed: SCL "
            f"{self.shadow_scl / max(self.shadow, 1):.3f}, screened "
            f"{self.shadow_ours / max(self.shadow, 1):.3f} (cut by {shade:.0%}); "
            f"clear lost {self.lost / max(self.clear, 1):.2%}"
        )


def score(seed: int, size_m: float, settings: ScreeningSettings | None = None, skip: int = 0) -> Counts:
    """Screen a season in order and count from the date number ``skip`` on."""
    counts, state = Counts(), None
    for number, (one, truth) in enumerate(screened_dates(seed, size_m)):
        state = state or ClearSky.unknown(truth.shape)
        marks = screen(one, state, settings)
        if number >= skip:
            counts.add(one.status, marks, truth)
    return counts


def whole_tile(size: int) -> None:
    """Time one date of a full tile: lossless JPEG 2000 of natural entropy, two threads."""
    with tempfile.TemporaryDirectory() as folder:
        grid = replace(tile_grid("30TUM"), width=size, height=size)
        rng = np.random.default_rng(1)
        bands = {}
        for name, level in (("B02", 0.05), ("B04", 0.08), ("B08", 0.3)):
            fields = rng.normal(level, level / 3, (size // 30, size // 30)).astype(np.float32)
            bands[name] = np.kron(fields, np.ones((30, 30), np.float32))
            bands[name] += rng.standard_normal((size, size), np.float32) * np.float32(0.0047)
        scl = np.kron(
            rng.choice(np.array([4, 4, 5, 9], np.uint8), (size // 60, size // 60)),
            np.ones((30, 30), np.uint8),
        )
        (scene,) = open_scenes(tile_scene(Path(folder), bands, scl, grid=grid))
        bands.clear()
        grid60 = screening_grid(scene)
        assert grid60 is not None
        seconds = [timed(lambda: read_screened_date(scene, grid60, 2)) for _ in range(2)]
        print(f"read at 60 m: {min(seconds):.1f} s")
        date_read = read_screened_date(scene, grid60, 2)
        store = ScreeningStore(Path(folder) / "screening", grid60)
        for number in range(3):
            seconds.append(timed(lambda n=number: store.screen(f"2019061{n}T000000_x", lambda: date_read)))
        print(f"screened, written: {seconds[-1]:.1f} s")
        print(f"files: {[(p.name, p.stat().st_size // 10**6) for p in sorted(store.folder.iterdir())]} MB")
        print(f"bare decode of B04 and B08: {timed(lambda: decode(scene)):.1f} s")


def decode(scene: Scene) -> None:
    with decode_environment():
        files = BandFiles()
        with ThreadPoolExecutor(2, initializer=enter_decode_environment) as pool:
            sources = [scene.bands[name] for name in ("B04", "B08")]
            blocks = cut(scene.grid.shape, (1024, 1024))
            list(pool.map(lambda job: files.read(*job), [(s, b) for s in sources for b in blocks]))
        files.close()


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size-m", type=float, default=9000.0)
    parser.add_argument("--whole", type=int, metavar="PIXELS", help="edge of the tile, 10980 for a whole one")
    args = parser.parse_args()
    if args.whole:
        whole_tile(args.whole - args.whole % 60)
        return
    for seed in range(1, args.seeds + 1):
        start = time.perf_counter()
        print(f"seed {seed}: {score(seed, args.size_m)}  [{time.perf_counter() - start:.0f} s]")


if __name__ == "__main__":
    main()
