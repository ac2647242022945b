"""Integer sums per parcel, and the mean and standard deviation that follow from them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.pixels.zonal import (
    clear_spans,
    copy_spans,
    sum_spans,
    sum_spans_linear,
    sum_spans_zoomed,
)
from sen4cap_core.rasters.blockwise.blocks import Block, BlockSpans
from sen4cap_core.rasters.blockwise.variables import BlockBand, Quantisation
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status import NO_DATA
from sen4cap_core.rasters.parcels.labels import LabelSpans
from sen4cap_core.rasters.parcels.pixel_values import PixelValues


@dataclass(frozen=True, eq=False)
class VariableSums:
    """Sums of one variable's stored int16 values over the valid pixels of each parcel."""

    quantisation: Quantisation
    n_valid: NDArray[np.int64]
    """(parcels,)"""
    total: NDArray[np.int64]
    """(parcels,), sum of stored values."""
    squares: NDArray[np.int64]
    """(parcels,), sum of their squares."""

    def mean(self) -> NDArray[np.float32]:
        """Mean in physical units; NaN without a valid pixel."""
        mean = np.full(self.n_valid.shape, np.nan)
        np.divide(self.total, self.n_valid, out=mean, where=self.n_valid > 0)
        return (mean / self.quantisation.steps_per_unit).astype(np.float32)

    def std(self) -> NDArray[np.float32]:
        """Standard deviation with n - 1 in physical units; NaN with fewer than two valid pixels."""
        enough = self.n_valid > 1
        n = np.where(enough, self.n_valid, 2)
        # Taken about a whole number next to the mean: exact in int64, where sum(x)^2 would overflow or
        # cancel.
        centre = self.total // n
        squares = self.squares - 2 * centre * self.total + n * centre * centre
        rest = self.total - n * centre
        variance = (squares - rest.astype(np.float64) ** 2 / n) / (n - 1)
        std = np.sqrt(np.maximum(variance, 0.0)) / self.quantisation.steps_per_unit
        return np.where(enough, std, np.nan).astype(np.float32)


class Statistics(Protocol):
    """Statistics of one variable by parcel, however they were added up."""

    @property
    def n_valid(self) -> NDArray[np.int64]:
        """(parcels,)"""

    def mean(self) -> NDArray[np.float32]:
        """Mean in physical units; NaN without a valid pixel."""

    def std(self) -> NDArray[np.float32]:
        """Standard deviation with n - 1; NaN with fewer than two valid pixels."""


@dataclass(frozen=True, eq=False)
class ParcelSums:
    """What one acquisition says about parcels: for each variable the sums over valid pixels."""

    new_ids: NDArray[np.int32]
    """(parcels,), ascending."""
    n_total: NDArray[np.int64]
    """(parcels,), pixels of the parcel on the tile, valid or not."""
    variables: Mapping[str, Statistics]
    orders: Mapping[str, Mapping[str, NDArray[np.float32]]] = field(default_factory=dict)
    """By variable and ending of column (``min``, ``p25`` ...) the values (parcels,) in physical units, as far
    as they were asked for; NaN without a valid pixel."""


class SumBuilder:
    """Adds blocks up from several threads: each thread has its own sums, merged at the end."""

    def __init__(
        self,
        labels: LabelSpans,
        grid: Grid,
        quantisations: Mapping[str, Quantisation],
        statistics: Collection[str] = (),
    ) -> None:
        self.spans = BlockSpans(labels, grid)
        self._labels = labels
        self._quantisations = dict(quantisations)
        self._statistics = statistics
        missing = {name: np.int16(stored.nodata) for name, stored in quantisations.items()}
        self._pixels = PixelValues(labels, missing) if statistics else None
        self._local = threading.local()
        self._lock = threading.Lock()
        self._of_threads: list[dict[str, NDArray[np.int64]]] = []

    def add(self, variable: str, values: NDArray[np.int16], block: Block, zoom: int = 1) -> None:
        """Add one block of stored values, each of ``zoom`` x ``zoom`` pixels of ``block``."""
        spans, sums = self.spans.of_block(block), self._sums()[variable]
        nodata = self._quantisations[variable].nodata
        if zoom == 1:
            sum_spans(values, spans, nodata, *sums)
        else:
            sum_spans_zoomed(values, zoom, spans, nodata, *sums)
        self._keep(variable, values, block, zoom)

    def add_band(
        self, variable: str, band: BlockBand, status: NDArray[np.uint8], block: Block, zoom: int = 1
    ) -> None:
        """Add one block of a band on the pixels whose status is 0."""
        quantisation = self._quantisations[variable]
        steps = quantisation.steps_per_unit
        gain, shift = band.source.scale * steps, band.source.offset * steps
        spans, sums = self._clear_spans(status, block, zoom), self._sums()[variable]
        sum_spans_linear(band.values, gain, shift, band.missing, zoom, spans, *sums)
        if self._pixels is not None:
            self._keep(variable, _stored(band, status, gain, shift, quantisation.nodata), block, zoom)

    def _clear_spans(self, status: NDArray[np.uint8], block: Block, zoom: int) -> NDArray[np.int32]:
        """Spans of the pixels whose status is 0; those of the last images of a thread are kept."""
        kept: dict[int, tuple[NDArray[np.uint8], NDArray[np.int32]]] = self._local.__dict__.setdefault(
            "clear", {}
        )
        if zoom not in kept or kept[zoom][0] is not status:
            spans = self.spans.of_block(block)
            most = int(((spans[2] - spans[1]) // 2 + 1).sum())
            out = np.empty((4, most), np.int32)
            kept[zoom] = status, out[:, : clear_spans(status, zoom, spans, out)].copy()
        return kept[zoom][1]

    def only_parcels(self, status: NDArray[np.uint8], block: Block, zoom: int = 1) -> NDArray[np.uint8]:
        """Status of a block's pixels, of ``zoom`` times the size, that any parcel needs; else no data."""
        out = np.full(status.shape, NO_DATA, np.uint8)
        copy_spans(status, zoom, self.spans.of_block(block), out)
        return out

    def _keep(self, variable: str, values: NDArray[np.int16], block: Block, zoom: int) -> None:
        if self._pixels is not None:
            row, col = self.spans.corner(block)
            self._pixels.keep(variable, values, row, col, self.spans.of_rows(block), zoom)

    def result(self, threads: int = 1) -> ParcelSums:
        """Sums of all threads; integers, so their order does not matter."""
        n = len(self._labels.new_ids)
        merged = {}
        for name, quantisation in self._quantisations.items():
            sums = np.zeros((3, n), np.int64)
            for thread in self._of_threads:
                sums += thread[name]
            merged[name] = VariableSums(quantisation, sums[0], sums[1], sums[2])
        return ParcelSums(self._labels.new_ids, self._labels.n_total, merged, self._orders(threads))

    def _orders(self, threads: int) -> dict[str, dict[str, NDArray[np.float32]]]:
        if self._pixels is None:
            return {}
        return {
            name: self._pixels.statistics(
                name, self._statistics, steps_per_unit=stored.steps_per_unit, threads=threads
            )
            for name, stored in self._quantisations.items()
        }

    def _sums(self) -> dict[str, NDArray[np.int64]]:
        sums: dict[str, NDArray[np.int64]] | None = getattr(self._local, "sums", None)
        if sums is None:
            sums = {name: np.zeros((3, len(self._labels.new_ids)), np.int64) for name in self._quantisations}
            self._local.sums = sums
            with self._lock:
                self._of_threads.append(sums)
        return sums


def _stored(
    band: BlockBand, status: NDArray[np.uint8], gain: float, shift: float, nodata: int
) -> NDArray[np.int16]:
    """Return the numbers of a band as ``sum_spans_linear`` adds them up."""
    numbers = band.values.astype(np.float64)
    usable = (status == 0) & (numbers != band.missing) & ~np.isnan(numbers)
    stored = np.rint(np.clip(numbers * gain + shift, -32767.0, 32767.0))
    return np.where(usable, stored, nodata).astype(np.int16)
