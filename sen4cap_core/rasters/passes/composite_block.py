"""One block of a composite: dates are added one by one, then it is finished."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.composites.average import MISSING, add_date, finish_average, total_weight
from sen4cap_core.kernels.composites.choice import keep_clear, keep_greenest, median_of_dates
from sen4cap_core.kernels.composites.original import ORIGINAL_MISSING, update_original
from sen4cap_core.kernels.optical.ndvi import ndvi_block
from sen4cap_core.rasters.blockwise.variables import Output, Quantisation
from sen4cap_core.rasters.masks.status import NO_DATA
from sen4cap_core.rasters.passes.composite_dates import AerosolWeight, CompositePlan

FLAGS = "flags"
"""Name of the raster that says what each pixel of a weighted composite shows; uint8."""
_MINUTES_OF_DAY = 1440
_REFLECTANCE = 1e-4
_ROWS = 16
"""Of so many rows the sums of ten bands stay in the processor's cache."""
_MOST_WAITING_BYTES = 3 * 2**26
"""Dates of a block that are added together are held till then: twelve of four bands and 1024 x 1024."""


@dataclass(frozen=True, eq=False)
class DateBlock:
    """One date on one block."""

    numbers: NDArray[np.int16]
    """(bands and helpers, rows, columns), reflectance x 10 000."""
    status: NDArray[np.uint8]
    aot: NDArray[np.float32]
    """NaN unknown."""
    cloud: NDArray[np.float32]
    """Weight by the distance to clouds, 0..1."""
    weight: float
    minute: int
    day_of_year: int


class BlockComposer(Protocol):
    """State of one block."""

    def add(self, date: DateBlock) -> None:
        """Take one date."""
        ...

    def finish(self) -> Mapping[str, NDArray[np.int16] | NDArray[np.uint8]]:
        """Give the rasters by name; they are good till the next block is begun."""
        ...

    def begin(self) -> None:
        """Forget all dates: another block of the same size follows."""
        ...


class Composers:
    """Composers for the blocks of one plan, lent to one thread at a time.

    Their memory serves one block after the other: to get it anew from the system takes longer than to add a
    date.
    """

    def __init__(self, plan: CompositePlan) -> None:
        self._plan = plan
        self._idle: dict[tuple[int, int], list[BlockComposer]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, shape: tuple[int, int]) -> Iterator[BlockComposer]:
        """Lend an empty composer for a block of ``shape`` (rows, columns)."""
        with self._lock:
            idle = self._idle.setdefault(shape, [])
            composer = idle.pop() if idle else make_composer(self._plan, shape)
        composer.begin()
        yield composer
        with self._lock:
            idle.append(composer)


def outputs_of_plan(plan: CompositePlan) -> list[Output]:
    """Rasters of a composite besides its flags, in the order they are written."""
    if plan.method == "weighted-sen4cap":
        missing = ORIGINAL_MISSING
        outputs = _bands(plan, missing)
        for band in plan.bands:
            name = band.lower()
            weight = Quantisation(1e-3, missing)
            outputs.append(Output(f"{name}_weight", weight, f"{band}: sum of weights"))
            outputs.append(Output(f"{name}_day", Quantisation(1.0, missing), f"{band}: mean day of the year"))
        return outputs
    outputs = _bands(plan, int(MISSING))
    day = Output("day", Quantisation(1.0), "Days from the synthesis date")
    if plan.method == "weighted":
        return [
            *outputs,
            Output("weight", Quantisation(1e-3), "Sum of weights; 0 where no date is clear"),
            day,
        ]
    if plan.method == "max-ndvi":
        return [*outputs, Output("ndvi", Quantisation(), "Highest NDVI"), day]
    return [*outputs, Output("n_dates", Quantisation(1.0), "Clear dates")]


def _bands(plan: CompositePlan, missing: int) -> list[Output]:
    return [
        Output(band.lower(), Quantisation(_REFLECTANCE, missing), f"Surface reflectance of {band}")
        for band in plan.bands
    ]


def make_composer(plan: CompositePlan, shape: tuple[int, int]) -> BlockComposer:
    """Return what joins the dates of a block."""
    if plan.method == "weighted":
        return _Weighted(plan, shape)
    if plan.method == "weighted-sen4cap":
        return _Original(plan, shape)
    if plan.method == "median":
        return _Median(plan, shape)
    return _Greenest(plan, shape)


class _Weighted:
    """Dates wait to the end, when a few rows of all of them are added up at a time within the cache.

    Where more come than may wait, those so far are added to sums of the whole block, which take more memory
    than six dates.
    """

    def __init__(self, plan: CompositePlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        names = [*plan.bands, *plan.helpers]
        self._blue = names.index("B02")
        self._n_bands, self._shape = len(names), shape
        self._waiting: list[DateBlock] = []
        self._of_rows = self._new_sums(_ROWS)
        self._of_block: tuple[NDArray[Any], ...] | None = None
        self._made: tuple[NDArray[Any], ...] = (
            np.empty((len(names), *shape), np.int16), np.empty(shape, np.int16), np.empty(shape, np.int16),
            np.empty(shape, np.uint8),
        )  # fmt: skip
        self._in_block = False
        """Whether dates were added to the sums of the block."""

    def _new_sums(self, n_rows: int) -> tuple[NDArray[Any], ...]:
        shape = (n_rows, self._shape[1])
        cube = (self._n_bands, *shape)
        return (
            np.empty(cube, np.int64), np.empty(cube, np.int32), np.empty(shape, np.int32),
            np.empty(shape, np.int64), np.empty(cube, np.int16), np.empty(shape, np.uint8),
            np.empty(shape, np.int32),
        )  # fmt: skip

    def begin(self) -> None:
        self._waiting.clear()
        self._in_block = False

    def add(self, date: DateBlock) -> None:
        self._waiting.append(date)
        size = date.numbers.nbytes + date.aot.nbytes + date.cloud.nbytes
        if len(self._waiting) * size >= _MOST_WAITING_BYTES:
            self._add_to_block()

    def _add_to_block(self) -> None:
        if self._of_block is None:
            self._of_block = self._new_sums(self._shape[0])
        if not self._in_block:
            _empty(self._of_block)
        for top, bottom in self._strips():
            self._add_rows(top, bottom, 0, self._of_block)
        self._waiting.clear()
        self._in_block = True

    def _strips(self) -> Iterator[tuple[int, int]]:
        height = self._shape[0]
        return ((top, min(top + _ROWS, height)) for top in range(0, height, _ROWS))

    def _add_rows(self, top: int, bottom: int, first: int, sums: tuple[NDArray[Any], ...]) -> None:
        """Add the dates that wait to sums that begin at row ``first``."""
        a: AerosolWeight = self._plan.aerosol
        weight = np.empty((bottom - top, self._shape[1]), np.int32)
        for date in self._waiting:
            aot, cloud = date.aot[top:bottom], date.cloud[top:bottom]
            total_weight(aot, cloud, date.weight, a.least, a.most, a.aot_max, weight)
            add_date(date.numbers, date.status, weight, date.minute, self._blue, top, bottom, first, *sums)

    def finish(self) -> Mapping[str, NDArray[np.int16] | NDArray[np.uint8]]:
        if self._in_block:
            self._add_to_block()
            assert self._of_block is not None
            finish_average(0, self._shape[0], 0, *self._of_block, *self._made)
        else:
            for top, bottom in self._strips():
                _empty(self._of_rows)
                self._add_rows(top, bottom, top, self._of_rows)
                finish_average(top, bottom, top, *self._of_rows, *self._made)
        numbers, weight, day, flags = self._made
        made = {band.lower(): numbers[i] for i, band in enumerate(self._plan.bands)}
        return {**made, "weight": weight, "day": day, FLAGS: flags}


def _empty(sums: tuple[NDArray[Any], ...]) -> None:
    for part, start in zip(sums, (0, 0, 0, 0, MISSING, NO_DATA, 0), strict=True):
        part.fill(start)


class _Original:
    """Numbers are cut off at each date and depend on the order of the dates, as in the original."""

    def __init__(self, plan: CompositePlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        names = [*plan.bands, *plan.helpers]
        self._blue = names.index("B02")
        cube = (len(names), *shape)
        self._average, self._weights, self._days = (np.empty(cube, np.int16) for _ in range(3))
        self._flags = np.empty(shape, np.uint8)
        self.begin()

    def begin(self) -> None:
        for part in (self._average, self._weights, self._days):
            part.fill(ORIGINAL_MISSING)
        self._flags.fill(NO_DATA)

    def add(self, date: DateBlock) -> None:
        a = self._plan.aerosol
        aot = np.maximum(date.aot.astype(np.float64), 0.0)
        thin = a.least + (a.most - a.least) * (1.0 - aot / a.aot_max)
        weight = np.where(aot < a.aot_max, thin, a.least) * date.cloud * date.weight
        update_original(
            date.numbers, date.status, np.abs(weight), date.day_of_year, self._blue,
            self._average, self._weights, self._days, self._flags,
        )  # fmt: skip

    def finish(self) -> Mapping[str, NDArray[np.int16] | NDArray[np.uint8]]:
        made: dict[str, NDArray[np.int16] | NDArray[np.uint8]] = {FLAGS: self._flags}
        for i, band in enumerate(self._plan.bands):
            name = band.lower()
            made[name], made[f"{name}_weight"], made[f"{name}_day"] = (
                part[i] for part in (self._average, self._weights, self._days)
            )
        return made


class _Median:
    """Dates wait to the end, when a few rows of all of them are sorted at a time within the cache."""

    def __init__(self, plan: CompositePlan, shape: tuple[int, int]) -> None:
        self._plan, self._shape = plan, shape
        self._dates: list[tuple[NDArray[np.int16], NDArray[np.uint8]]] = []

    def begin(self) -> None:
        self._dates.clear()

    def add(self, date: DateBlock) -> None:
        self._dates.append((date.numbers, date.status))

    def finish(self) -> Mapping[str, NDArray[np.int16] | NDArray[np.uint8]]:
        height, width = self._shape
        made = np.full((len(self._plan.bands), height, width), MISSING, np.int16)
        most = np.zeros(self._shape, np.int16)
        for top in range(0, height if self._dates else 0, _ROWS):
            n_rows = min(_ROWS, height - top)
            rows = slice(top, top + n_rows)
            stack = np.empty((len(self._dates), n_rows, width), np.int16)
            count = np.empty((n_rows, width), np.int16)
            for band, out in enumerate(made):
                for i, (numbers, status) in enumerate(self._dates):
                    keep_clear(numbers, band, status, top, i, stack)
                median_of_dates(stack, out[rows], count)
                np.maximum(most[rows], count, out=most[rows])
        self._dates.clear()
        bands = {band.lower(): made[i] for i, band in enumerate(self._plan.bands)}
        return {**bands, "n_dates": most}


class _Greenest:
    def __init__(self, plan: CompositePlan, shape: tuple[int, int]) -> None:
        self._plan = plan
        names = [*plan.bands, *plan.helpers]
        self._red, self._nir = names.index("B04"), names.index("B08")
        self._ndvi = np.empty(shape, np.int16)
        self._best_ndvi = np.empty(shape, np.int16)
        self._best = np.empty((len(names), *shape), np.int16)
        self._minute = np.empty(shape, np.int32)
        self.begin()

    def begin(self) -> None:
        self._best_ndvi.fill(MISSING)
        self._best.fill(MISSING)
        self._minute.fill(0)

    def add(self, date: DateBlock) -> None:
        missing = float(MISSING)
        ndvi_block(
            date.numbers[self._red], date.numbers[self._nir], date.status,
            _REFLECTANCE, 0.0, missing, _REFLECTANCE, 0.0, missing, 10_000.0, int(MISSING), self._ndvi,
        )  # fmt: skip
        keep_greenest(self._ndvi, date.numbers, date.minute, self._best_ndvi, self._best, self._minute)

    def finish(self) -> Mapping[str, NDArray[np.int16] | NDArray[np.uint8]]:
        day = (self._minute // _MINUTES_OF_DAY).astype(np.int16)
        day[self._best_ndvi == MISSING] = MISSING
        made = {band.lower(): self._best[i] for i, band in enumerate(self._plan.bands)}
        return {**made, "ndvi": self._best_ndvi, "day": day}
