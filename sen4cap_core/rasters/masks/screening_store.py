"""The screened dates of one tile on disk: what was read of each, the state after it, its marks.

::

    <instant>_<product>_read.tif     blue, red, near infrared, status of the product's masks, at 60 m
    <instant>_<product>_state.tif    the clear-sky state after that date
    <instant>_<product>_marks.tif    clouds and shadows found: the mask of the scene

A date is judged by the dates before it, whatever came later: names sort by instant, and a state is used only
where exactly the dates before it led to it. So a late date gets the marks it would have got in its turn.
Dates after it that were screened before it came keep theirs until they are deleted (a scene that is processed
anew), and the next new one is judged by all. Each raster of marks says by how many dates it was judged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from sen4cap_core.files import atomic_path
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.screening import ClearSky, ScreenedDate, ScreeningSettings, screen
from sen4cap_core.rasters.writing.class_cog import write_class_cog

STATES_KEPT = 6
"""The newest ones; older ones are made again from what was read, when a date comes that needs them."""
MARKS_MISSING = 255
_DATES, _LAST, _CHAIN = "DATES", "LAST_DATE", "CHAIN"
_LAYERS = ("blue", "red", "nir", "status")
_STATE_LAYERS = ("blue", "red", "nir", "day", "refused")


@dataclass(frozen=True)
class JudgedBy:
    """What a date was compared with when it was screened."""

    n_dates: int
    last: str | None
    """``<instant>_<product>`` of the last date before it; None where there was none."""
    chain: str
    """Stands for exactly these dates."""


def judged_by(marks: Path) -> JudgedBy | None:
    """Read what the marks of a date rest on; None of marks that were made before this was written."""
    with rasterio.open(marks) as dataset:
        tags = dataset.tags()
    if _CHAIN not in tags:
        return None
    return JudgedBy(int(tags[_DATES]), tags.get(_LAST), tags[_CHAIN])


class ScreeningStore:
    """A folder of screened dates of one grid and settings; files appear whole, beside other processes too."""

    def __init__(self, folder: Path, grid: Grid, settings: ScreeningSettings | None = None) -> None:
        self.folder, self.grid = folder, grid
        self._settings = settings or ScreeningSettings()

    def marks_of(self, name: str) -> Path:
        """Where the marks of a date lie, once it is screened."""
        return self.folder / f"{name}_marks.tif"

    def screen(self, name: str, read: Callable[[], ScreenedDate]) -> Path:
        """Screen a date unless it was screened before; return the raster of its marks.

        Parameters
        ----------
        name : ``<instant>_<product>``; names sort by instant
        read : called where the date is new

        Returns
        -------
        Raster of uint8: 0 clear, 1 cloud, 2 shadow, 255 without data.

        Raises
        ------
        ValueError
            When the date has another shape than the grid.
        OSError
            When a file cannot be written.
        """
        marks_path = self.marks_of(name)
        if marks_path.is_file():
            return marks_path
        date = self._kept(name)
        if date is None:
            date = read()
            self._keep(name, date)
        before = self._names_before(name)
        state = self._state_after(before)
        marks = screen(date, state, self._settings, self.grid.resolution_m)
        marks[(date.bands == -32768).any(axis=0)] = MARKS_MISSING
        self._write_state(name, state, _chain([*before, name]))
        write_class_cog(
            marks_path,
            self.grid,
            marks,
            nodata=MARKS_MISSING,
            description="1 cloud, 2 shadow",
            tags={_DATES: str(len(before)), _LAST: before[-1] if before else "", _CHAIN: _chain(before)},
        )
        self._forget_old_states()
        return marks_path

    def _names_before(self, name: str) -> list[str]:
        """Earlier dates in order; of two products of one acquisition the one that sorts last."""
        instant = name.partition("_")[0]
        names = sorted(path.name.removesuffix("_read.tif") for path in self.folder.glob("*_read.tif"))
        last = {one.partition("_")[0]: one for one in names}
        return [one for at, one in sorted(last.items()) if at < instant]

    def _state_after(self, names: Sequence[str]) -> ClearSky:
        """Return the state after some dates: the latest that holds, and the dates since then."""
        for n in range(len(names), -1, -1):
            state = ClearSky.unknown(self.grid.shape) if n == 0 else self._state(names[n - 1], names[:n])
            if state is None:
                continue
            for name in names[n:]:
                date = self._kept(name)
                if date is not None:
                    screen(date, state, self._settings, self.grid.resolution_m)
            return state
        raise AssertionError("the state before all dates always holds")

    def _state(self, name: str, names: Sequence[str]) -> ClearSky | None:
        found = _read_layers(self.folder / f"{name}_state.tif")
        if found is None or found[1].get(_CHAIN) != _chain(names) or found[0].shape[1:] != self.grid.shape:
            return None
        layers = found[0]
        return ClearSky(layers[:3].copy(), layers[3].astype(np.int32), layers[4].astype(np.uint8))

    def _write_state(self, name: str, state: ClearSky, chain: str) -> None:
        # Days since 1970 fit into 16 bits until 2059.
        layers = [*state.reference, state.day.astype(np.int16), state.refused.astype(np.int16)]
        path = self.folder / f"{name}_state.tif"
        _write_layers(path, self.grid, dict(zip(_STATE_LAYERS, layers, strict=True)), {_CHAIN: chain})

    def _keep(self, name: str, date: ScreenedDate) -> None:
        layers = [*date.bands, date.status.astype(np.int16)]
        tags = {"DAY": str(date.day)}
        if date.sun_zenith_deg is not None and date.sun_azimuth_deg is not None:
            tags |= {"SUN_ZENITH": repr(date.sun_zenith_deg), "SUN_AZIMUTH": repr(date.sun_azimuth_deg)}
        path = self.folder / f"{name}_read.tif"
        _write_layers(path, self.grid, dict(zip(_LAYERS, layers, strict=True)), tags)

    def _kept(self, name: str) -> ScreenedDate | None:
        found = _read_layers(self.folder / f"{name}_read.tif")
        if found is None:
            return None
        layers, tags = found
        sun = (
            (float(tags["SUN_ZENITH"]), float(tags["SUN_AZIMUTH"])) if "SUN_ZENITH" in tags else (None, None)
        )
        return ScreenedDate(int(tags["DAY"]), layers[:3], layers[3].astype(np.uint8), *sun)

    def _forget_old_states(self) -> None:
        for path in sorted(self.folder.glob("*_state.tif"))[:-STATES_KEPT]:
            path.unlink(missing_ok=True)


def instant_of(file_name: str) -> datetime | None:
    """Return the instant in the name of a file of the store; None of another file."""
    try:
        return datetime.strptime(file_name.partition("_")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _chain(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _write_layers(
    path: Path, grid: Grid, layers: Mapping[str, NDArray[np.int16]], tags: Mapping[str, str]
) -> None:
    if any(layer.shape != grid.shape for layer in layers.values()):
        raise ValueError(f"layers of {[one.shape for one in layers.values()]} on a grid of {grid.shape}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        atomic_path(path) as temporary,
        rasterio.open(
            temporary, "w", driver="GTiff", width=grid.width, height=grid.height, count=len(layers),
            dtype="int16", crs=f"EPSG:{grid.epsg}", transform=grid.transform, compress="ZSTD", zstd_level=1,
            predictor=2, interleave="band",
        ) as dataset,
    ):  # fmt: skip
        dataset.update_tags(**tags)
        for index, (name, layer) in enumerate(layers.items(), start=1):
            dataset.write(layer, index)
            dataset.set_band_description(index, name)


def _read_layers(path: Path) -> tuple[NDArray[np.int16], dict[str, str]] | None:
    """Return layers and tags; None where there is no such file or it is damaged: it is made again."""
    if not path.is_file():
        return None
    try:
        with rasterio.open(path) as dataset:
            return dataset.read(), dict(dataset.tags())
    except (RasterioError, OSError):
        return None
