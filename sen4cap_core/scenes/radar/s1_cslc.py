"""OPERA CSLC-S1: geocoded single-look complex bursts; two of one burst are a coherence pair.

Bursts lie on a fixed grid of 5 m by 10 m and carry neither topographic nor flat-earth phase, so that two of
them multiply to an interferogram directly (OPERA CSLC-S1 product specification).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError, UnreadableSceneError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.radar.s1_files import direction_at
from sen4cap_core.scenes.radar.s1_model import RadarPair, RadarScene
from sen4cap_core.scenes.radar.s1_names import check_pair, instant

_NAME = re.compile(
    r"OPERA_L2_CSLC-S1_(?P<burst>T\d{3}-\d{6}-IW[123])_(?P<t>\d{8}T\d{6})Z_(?P<gen>\d{8}T\d{6})Z_"
    r"(?P<sat>S1[A-E])_(?P<pol>VV|HH)_v(?P<version>\d+\.\d+)\.h5"
)
LONGEST_PAIR = timedelta(days=13)
OUTPUT_M = 20.0
WINDOW_M = (70.0, 80.0)
"""Extent of the estimator in rows and columns: that of 5 x 20 radar samples on the ground."""


def match_cslc(name: str) -> re.Match[str] | None:
    """Return the parts of a CSLC file name, None of any other."""
    return _NAME.fullmatch(name)


def find_pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return (later, earlier) files of one burst: each with the one next before it within 13 days.

    Of two deliveries of one acquisition the later made one is taken.
    """
    bursts: dict[tuple[str, str], dict[str, str]] = {}
    for name in sorted(names, key=_made):
        found = _NAME.fullmatch(name)
        if found is not None and found["pol"] == "VV":
            bursts.setdefault((found["burst"], found["pol"]), {})[found["t"]] = name
    pairs = []
    for acquisitions in bursts.values():
        times = sorted(acquisitions)
        for earlier, later in itertools.pairwise(times):
            try:
                close = instant(later) - instant(earlier) <= LONGEST_PAIR
                check_pair(instant(earlier), instant(later), has_time=True)
            except ValueError:
                continue
            if close:
                pairs.append((acquisitions[later], acquisitions[earlier]))
    return sorted(pairs)


def open_cslc_pair(path: Path) -> RadarScene:
    """Open the pair of a CSLC file and the one next before it in its folder; headers only.

    Raises
    ------
    BadUploadError
        No earlier acquisition of the burst lies beside it.
    UnreadableSceneError
        A file is damaged, or both lie on different grids.
    """
    names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    partner = next((earlier for later, earlier in find_pairs(names) if later == path.name), None)
    if partner is None:
        raise BadUploadError(
            path,
            "no earlier acquisition of its burst lies beside it.",
            expected="two VV files of one burst, 6 or 12 days apart, in one folder",
        )
    later, earlier = _NAME.fullmatch(path.name), _NAME.fullmatch(partner)
    assert later is not None
    assert earlier is not None
    grid, step_m = _grid(path)
    other, _ = _grid(path.parent / partner)
    if other != grid:
        raise UnreadableSceneError(path, f"it lies on another grid than {partner}.")
    at, started_at = instant(later["t"]), instant(earlier["t"])
    cells = (round(OUTPUT_M / step_m[0]), round(OUTPUT_M / step_m[1]))
    return RadarScene(
        product_id=f"OPERA_L2_CSLC-S1_{later['burst']}_{later['t']}_{earlier['t']}_VV",
        quantity="coherence",
        platform=later["sat"],
        acquired_at=at,
        pair_started_at=started_at,
        relative_orbit=int(later["burst"][1:4]),
        orbit_direction=direction_at(at, grid),
        format="opera-cslc",
        path=path,
        acquisition_key=f"coherence/{later['burst']}/{later['t']}/{earlier['t']}",
        grid=grid,
        bands={},
        pair=RadarPair(
            str(path.parent / partner),
            str(path),
            cells,
            (round(WINDOW_M[0] / step_m[0]), round(WINDOW_M[1] / step_m[1])),
        ),
        baseline=later["version"],
        generated_at=max(instant(later["gen"]), instant(earlier["gen"])),
        warnings=["the product has VV only: what needs the other polarisation is left out."],
    )


def read_cslc(path: Path, first_row: int, n_rows: int) -> NDArray[np.complex64]:
    """Read rows of a burst's VV samples.

    Raises UnreadableSceneError where the file is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return np.asarray(file["data/VV"][first_row : first_row + n_rows], np.complex64)
    except (OSError, KeyError, ValueError) as error:
        raise _damaged(path, error) from error


def _grid(path: Path) -> tuple[Grid, tuple[float, float]]:
    """Return the 20 m grid of a burst, and the size of its samples in rows and columns."""
    try:
        with h5py.File(path, "r") as file:
            data: Any = file["data"]
            rows, columns = data["VV"].shape
            x, y = data["x_coordinates"][:2], data["y_coordinates"][:2]
            epsg = int(np.asarray(data["projection"]))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error
    step_x, step_y = float(x[1] - x[0]), float(y[0] - y[1])
    if step_x <= 0 or step_y <= 0 or OUTPUT_M % step_x or OUTPUT_M % step_y:
        raise UnreadableSceneError(
            path, f"its samples are {step_x:g} m by {step_y:g} m.", expected="5 m by 10 m, north up"
        )
    # Coordinates are those of the samples' centres.
    return (
        Grid(
            epsg,
            float(x[0]) - step_x / 2,
            float(y[0]) + step_y / 2,
            OUTPUT_M,
            int(columns * step_x // OUTPUT_M),
            int(rows * step_y // OUTPUT_M),
        ),
        (step_y, step_x),
    )


def _made(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    return (found["gen"], name) if found else ("", name)


def _damaged(path: Path, error: Exception) -> UnreadableSceneError:
    return UnreadableSceneError(
        path,
        f"this OPERA file cannot be read ({error}).",
        expected="/data/VV, /data/x_coordinates, /data/y_coordinates and /data/projection",
        remedy="download it again; it may have been cut short.",
    )
