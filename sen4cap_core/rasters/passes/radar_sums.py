"""Parcel statistics of radar products, on the product's own pixels.

A variable's mean is taken in its own domain: power in power, decibel in decibel, as the original takes them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.values import (
    AMPLITUDE,
    COHERENCE,
    DECIBEL,
    POWER,
    add_spans,
    apply_mask,
    to_physical,
)
from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block, pixel_offset
from sen4cap_core.rasters.decoding.decode import BandFiles
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.parcels.pixel_values import PixelValues
from sen4cap_core.rasters.passes.sums import ParcelSums

STRIP_ROWS: Final = 512
SCALE_CODES: Final = {"power": POWER, "amplitude": AMPLITUDE, "db": DECIBEL, "coherence": COHERENCE}
TRUE_DB: Final = 10.0
HALF_DB: Final = 5.0
"""10 log10 of amplitude, which the original calls dB, is 5 log10 of power."""
_NO_DIVISOR = np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class RealSums:
    """Sums of one real-valued variable over the valid pixels of each parcel."""

    n_valid: NDArray[np.int64]
    """(parcels,)"""
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    def mean(self) -> NDArray[np.float32]:
        """Mean; NaN without a valid pixel."""
        mean = np.full(self.n_valid.shape, np.nan)
        np.divide(self.total, self.n_valid, out=mean, where=self.n_valid > 0)
        return mean.astype(np.float32)

    def std(self) -> NDArray[np.float32]:
        """Standard deviation with n - 1; NaN with fewer than two valid pixels."""
        enough = self.n_valid > 1
        n = np.where(enough, self.n_valid, 2)
        variance = (self.squares - self.total * self.total / n) / (n - 1)
        return np.where(enough, np.sqrt(np.maximum(variance, 0.0)), np.nan).astype(np.float32)


@dataclass(frozen=True)
class RadarInput:
    """One polarisation on the grid of a pass."""

    source: BandSource
    scale: str
    """``power``, ``amplitude``, ``db`` or ``coherence``."""


@dataclass(frozen=True, eq=False)
class RadarResult:
    """What a pass over a radar product found."""

    sums: ParcelSums
    data_fraction: float
    """Usable pixels of those read, in the first polarisation."""


def extract_radar(
    inputs: Mapping[str, RadarInput],
    mask: tuple[BandSource, tuple[int, ...]] | None,
    window: Block,
    labels: LabelSpans,
    *,
    db_factor: float = TRUE_DB,
    statistics: Collection[str] = (),
) -> RadarResult:
    """Add up a product over parcels.

    Parameters
    ----------
    inputs : by polarisation (``vv``, ``vh``); all on one grid
    mask : layer on the same grid, and its values for usable pixels
    window : part of the product the labels lie on
    labels : on the window's pixels
    db_factor : 10 for decibel of power; 5 for the original's decibel of amplitude
    statistics : of each parcel beside mean and deviation, among ``pixel_values.STATISTICS``

    Returns
    -------
    Of backscatter ``vv``, ``vh`` (linear power), ``vv_db``, ``vh_db`` (mean of decibels) and ``vh_vv`` (mean
    of the pixels' ratio of power); of coherence ``coh_vv``, ``coh_vh``. Of the polarisations there are.

    Raises
    ------
    UnreadableSceneError
        When a file cannot be read; the message names it.
    """
    is_coherence = all(one.scale == "coherence" for one in inputs.values())
    plan = _plan(list(inputs), is_coherence, db_factor)
    n = len(labels.new_ids)
    counts = {name: np.zeros(n, np.int64) for name in plan}
    totals = {name: np.zeros((2, n)) for name in plan}
    pixels = PixelValues(labels, {name: np.float32(np.nan) for name in plan}) if statistics else None
    n_usable = n_read = 0
    for strip, values in read_strips(inputs, mask, window, labels):
        spans = labels.of_rows(strip.row, strip.row + strip.height)
        first = next(iter(values.values()))
        n_usable += int(np.count_nonzero(~np.isnan(first)))
        n_read += first.size
        for name, (band, divisor, factor) in plan.items():
            add_spans(
                values[band], values[divisor] if divisor else _NO_DIVISOR, factor, strip.row, strip.col,
                labels.rows[spans], labels.first[spans], labels.last[spans], labels.parcel[spans],
                counts[name], totals[name][0], totals[name][1],
            )  # fmt: skip
            if pixels is not None:
                image = _image(values[band], values[divisor] if divisor else None, factor)
                pixels.keep(name, image, strip.row, strip.col, spans)
    sums = {name: RealSums(counts[name], totals[name][0], totals[name][1]) for name in plan}
    threads = os.cpu_count() or 1
    orders = {name: pixels.statistics(name, statistics, threads=threads) for name in plan} if pixels else {}
    found = ParcelSums(labels.new_ids, labels.n_total, sums, orders)
    return RadarResult(found, n_usable / n_read if n_read else 0.0)


def _image(
    values: NDArray[np.float32], divisor: NDArray[np.float32] | None, db_factor: float
) -> NDArray[np.float32]:
    """Return a strip of one variable as ``add_spans`` adds it up."""
    image = values.astype(np.float64)
    if divisor is not None:
        image /= divisor
    return (db_factor * np.log10(image) if db_factor else image).astype(np.float32)


def window_of(grid: Grid, bounds_m: tuple[float, float, float, float]) -> Block | None:
    """Return the part of a grid that covers bounds in its own metres; None where they do not meet."""
    x_min, y_min, x_max, y_max = bounds_m
    step = grid.resolution_m
    left = max(int(np.floor((x_min - grid.x_min_m) / step + 1e-6)), 0)
    right = min(int(np.ceil((x_max - grid.x_min_m) / step - 1e-6)), grid.width)
    top = max(int(np.floor((grid.y_max_m - y_max) / step + 1e-6)), 0)
    bottom = min(int(np.ceil((grid.y_max_m - y_min) / step - 1e-6)), grid.height)
    return Block(top, left, bottom - top, right - left) if right > left and bottom > top else None


def grid_of_window(grid: Grid, window: Block) -> Grid:
    """Return the grid of a part of a grid."""
    return Grid(
        grid.epsg,
        grid.x_min_m + window.col * grid.resolution_m,
        grid.y_max_m - window.row * grid.resolution_m,
        grid.resolution_m,
        window.width,
        window.height,
    )


def side_files(uri: str) -> str:
    """Return GDAL's setting for files beside a raster: none is looked for but an ENVI image's header."""
    return "TRUE" if uri.lower().endswith(".img") else "EMPTY_DIR"


def read_strips(
    inputs: Mapping[str, RadarInput],
    mask: tuple[BandSource, tuple[int, ...]] | None,
    window: Block,
    labels: LabelSpans | None = None,
) -> Iterator[tuple[Block, dict[str, NDArray[np.float32]]]]:
    """Read a window strip by strip, as linear power or coherence, NaN missing.

    With labels, strips without a parcel are skipped. The strip's place is relative to the window.
    """
    if labels is not None:
        sources = [one.source for one in inputs.values()]
        pixel_offset(labels.grid, grid_of_window(sources[0].grid, window))
    valid = np.array(mask[1] if mask else (), np.float64)
    look = side_files(next(iter(inputs.values())).source.uri)
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS", GDAL_DISABLE_READDIR_ON_OPEN=look):
        files = BandFiles()
        try:
            for row in range(0, window.height, STRIP_ROWS):
                height = min(STRIP_ROWS, window.height - row)
                if labels is not None and not _holds_parcel(labels, row, height):
                    continue
                place = Block(window.row + row, window.col, height, window.width)
                values = {name: _read(files, one, place) for name, one in inputs.items()}
                if mask is not None:
                    layer = files.read(mask[0], place)
                    for image in values.values():
                        apply_mask(layer, valid, image)
                yield Block(row, 0, height, window.width), values
        finally:
            files.close()


def _holds_parcel(labels: LabelSpans, row: int, height: int) -> bool:
    spans = labels.of_rows(row, row + height)
    return bool(spans.stop > spans.start)


def _read(files: BandFiles, one: RadarInput, place: Block) -> NDArray[np.float32]:
    stored = files.read(one.source, place)
    out = np.empty(stored.shape, np.float32)
    source = one.source
    missing = np.nan if source.nodata is None else source.nodata
    to_physical(stored, SCALE_CODES[one.scale], source.scale, source.offset, missing, out)
    return out


def _plan(names: list[str], is_coherence: bool, db_factor: float) -> dict[str, tuple[str, str | None, float]]:
    """Variable -> (band, band it is divided by, decibel factor)."""
    if is_coherence:
        return {f"coh_{name}": (name, None, 0.0) for name in names}
    plan: dict[str, tuple[str, str | None, float]] = {name: (name, None, 0.0) for name in names}
    plan |= {f"{name}_db": (name, None, db_factor) for name in names}
    if {"vv", "vh"} <= set(names):
        plan["vh_vv"] = ("vh", "vv", 0.0)
    return plan
