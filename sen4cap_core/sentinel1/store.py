"""Geocoded bursts on disk: made once for an acquisition, used by both of its pairs, bounded in size."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sen4cap_core.files import write_text_atomic
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.sentinel1.acquisition import BurstOnMap
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geocode import GeocodedBurst
from sen4cap_core.sentinel1.samples import SampleFile

INDEX = "index.json"


@dataclass(frozen=True)
class StoredBurst:
    """A geocoded burst in a file."""

    swath: str
    polarisation: str
    since_node_s: float
    path: Path
    grid: Grid

    def load(self) -> BurstOnMap:
        """Read it; its samples, by far the most, stay on disk until they are asked for."""
        with np.load(self.path) as arrays:
            row, column, height, width = arrays["box"].tolist()
            data = GeocodedBurst(
                Box(self.grid, row, column, height, width),
                SampleFile(_samples_of(self.path)),
                arrays["range_nodes_m"],
                arrays["noise"],
                arrays.get("gamma_ratio"),
                arrays.get("unseen"),
                arrays["depth"],
                float(arrays["wavelength_m"]),
            )
        return BurstOnMap(self.swath, self.polarisation, self.since_node_s, data)


def _samples_of(path: Path) -> Path:
    """The file of a burst's samples, beside that of the rest."""
    return path.with_suffix(".samples.npy")


def find_bursts(folder: Path, grid: Grid) -> list[StoredBurst] | None:
    """Return the bursts of an acquisition that was stored whole, None where it was not."""
    if not (folder / INDEX).is_file():
        return None
    # The time of the last use decides what goes when room is needed.
    os.utime(folder / INDEX)
    return _stored(folder, grid)


def _stored(folder: Path, grid: Grid) -> list[StoredBurst]:
    entries = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    return [
        StoredBurst(e["swath"], e["polarisation"], e["since_node_s"], folder / e["file"], grid)
        for e in entries
    ]


def store_bursts(folder: Path, grid: Grid, make: Callable[[Path], Iterable[BurstOnMap]]) -> list[StoredBurst]:
    """Write bursts as they come, one in memory at a time; the folder counts when its index is there.

    ``make`` gets a folder in which it may leave the samples of its bursts.
    """
    making = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    making.mkdir(parents=True)
    try:
        entries: list[dict[str, object]] = []
        # Not counted by enumerate, which holds on to a burst while the next one is made.
        for burst in make(making):
            data = burst.data
            name = f"{len(entries):03d}.npz"
            if isinstance(data.samples, SampleFile):
                data.samples.path.replace(_samples_of(making / name))
            else:
                np.save(_samples_of(making / name), data.samples)
            arrays: dict[str, Any] = {
                "box": np.array([data.box.row, data.box.column, *data.box.shape]),
                "range_nodes_m": data.range_nodes_m,
                "noise": data.noise,
                "gamma_ratio": data.gamma_ratio,
                "unseen": data.unseen,
                "depth": data.depth,
                "wavelength_m": np.array(data.wavelength_m),
            }
            np.savez(making / name, **{key: array for key, array in arrays.items() if array is not None})
            facts = {"swath": burst.swath, "polarisation": burst.polarisation}
            entries.append({**facts, "since_node_s": burst.since_node_s, "file": name})
            del burst, data, arrays
        write_text_atomic(making / INDEX, json.dumps(entries))
        shutil.rmtree(folder, ignore_errors=True)
        making.replace(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return _stored(folder, grid)


def make_room(root: Path, max_bytes: int, keep: Sequence[Path]) -> int:
    """Remove the acquisitions used longest ago until the rest fits; return how many.

    ``keep`` are folders that stay whatever their size.
    """
    folders = [index.parent for index in root.glob(f"*/*/{INDEX}")]
    folders.sort(key=lambda folder: (folder / INDEX).stat().st_mtime, reverse=True)
    total, removed = 0, 0
    for folder in folders:
        size = sum(path.stat().st_size for path in folder.iterdir())
        if total + size > max_bytes and folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        else:
            total += size
    return removed
