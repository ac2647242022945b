"""Bursts and swaths put together on a tile: each cell is taken from the burst in which it lies deepest.

That cuts the overlap of two bursts half-way along track and that of two swaths at the middle of their common
range, and the same way in each pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.radar.windows import coherence_cells
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.sentinel1.acquisition import BurstOnMap
from sen4cap_core.sentinel1.box import Box
from sen4cap_core.sentinel1.geocode import GeocodedBurst
from sen4cap_core.sentinel1.threads import in_rows

SAME_BURST_S = 0.5
"""Bursts of two passes are the same when they begin this near to each other after the ascending node."""
WINDOW_CELLS = 2
"""A window reaches so far beyond its cell, at most."""
MIN_WINDOW_SAMPLES = 56
"""Half of the window."""


class Mosaic:
    """A tile that is filled burst by burst."""

    def __init__(self, grid: Grid) -> None:
        self.values = np.full(grid.shape, np.nan, np.float32)
        self._depth = np.full(grid.shape, -1.0, np.float32)

    def add(
        self, slices: tuple[slice, slice], values: NDArray[np.float32], depth: NDArray[np.float32]
    ) -> None:
        """Take the cells of a burst that lie deeper in it than in those before."""
        here = self._depth[slices]
        with np.errstate(invalid="ignore"):
            better = np.isfinite(values) & (depth > here)
        here[better] = depth[better]
        self.values[slices][better] = values[better]


def merge_power(
    bursts: Iterable[BurstOnMap],
    grid: Grid,
    quantity: Literal["sigma0", "gamma0"],
    *,
    mask_unseen: bool = False,
) -> NDArray[np.float32]:
    """Return backscatter (linear power) of one polarisation on a tile; NaN where no burst has any.

    sigma0 is over the ellipsoid, gamma0 flattened by the terrain. ``mask_unseen``: cells in layover or shadow
    have no value.

    The noise is taken off before values are clipped at 0, which is done here, after averaging.
    """
    mosaic = Mosaic(grid)
    for burst in bursts:
        power = burst.data.power()
        if quantity == "gamma0":
            power *= _known(burst.data.gamma_ratio)
        if mask_unseen:
            power[_known(burst.data.unseen)] = np.nan
        mosaic.add(burst.data.box.slices, power, burst.data.depth)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.maximum(mosaic.values, 0.0), np.float32)


def merge_coherence(
    pairs: Iterable[tuple[BurstOnMap, BurstOnMap]],
    grid: Grid,
    *,
    keep_fringes: bool,
    threads: int,
    mask_unseen: bool = False,
) -> NDArray[np.float32]:
    """Return the coherence of one polarisation of two passes on a tile; NaN where they do not both see.

    Parameters
    ----------
    pairs : the same burst in both passes, see `match_bursts`
    keep_fringes : leave the fringes of the orbits' distance in, as the original does, which lowers coherence
    mask_unseen : cells in layover or shadow have no value; those around them keep theirs, which those cells
        are part of
    """
    mosaic = Mosaic(grid)
    for one, other in pairs:
        box = one.data.box.meet(other.data.box)
        if box is None:
            continue
        out = np.empty(box.shape, np.float32)
        kept = _Fringes(one.data, other.data, box) if keep_fringes else None

        def rows(
            top: int,
            bottom: int,
            one: GeocodedBurst = one.data,
            other: GeocodedBurst = other.data,
            box: Box = box,
            fringes: _Fringes | None = kept,
            out: NDArray[np.float32] = out,
        ) -> None:
            # Windows reach into the rows around.
            first, last = max(top - WINDOW_CELLS, 0), min(bottom + WINDOW_CELLS, box.height)
            a, b = (_samples(burst, box, first, last) for burst in (one, other))
            nodes = fringes.rows(first, last) if fringes else np.empty((0, 0))
            part = np.empty((last - first, box.width), np.float32)
            coherence_cells(
                a, b, nodes, one.wavelength_m, MIN_WINDOW_SAMPLES, top - first, bottom - first, part
            )
            out[top:bottom] = part[top - first : bottom - first]

        in_rows(rows, box.height, threads)
        if mask_unseen:
            for seen in (one.data, other.data):
                out[_known(seen.unseen)[box.within(seen.box)]] = np.nan
        depths = (burst.data.depth[box.within(burst.data.box)] for burst in (one, other))
        mosaic.add(box.slices, out, np.minimum(*depths))
    return mosaic.values


def _known(effect: NDArray[Any] | None) -> NDArray[Any]:
    if effect is None:
        raise ValueError("the burst was geocoded without what hills do to it: geocode it with hills=True")
    return effect


@dataclass(frozen=True)
class _Fringes:
    """How much farther the first pass was than the second, at the nodes of a part that both have."""

    one: GeocodedBurst
    other: GeocodedBurst
    box: Box

    def rows(self, first: int, last: int) -> NDArray[np.float64]:
        """Metres at the corners of the cells of some rows."""
        ranges = []
        for burst in (self.one, self.other):
            rows, columns = self.box.within(burst.box)
            nodes = slice(rows.start + first, rows.start + last + 1), slice(columns.start, columns.stop + 1)
            ranges.append(burst.range_nodes_m[nodes])
        return np.ascontiguousarray(ranges[0] - ranges[1])


def _samples(burst: GeocodedBurst, box: Box, first: int, last: int) -> NDArray[np.complex64]:
    """Samples of some rows of a part of a burst."""
    rows, columns = box.within(burst.box)
    return burst.sample_rows(rows.start + first, rows.start + last, columns)


class Named(Protocol):
    """A burst, in memory or stored."""

    @property
    def swath(self) -> str:
        """``IW1`` ..."""

    @property
    def polarisation(self) -> str:
        """``VV`` or ``VH``."""

    @property
    def since_node_s(self) -> float:
        """Seconds from the ascending node to its first line."""


AnyBurst = TypeVar("AnyBurst", bound=Named)


def match_bursts(one: Sequence[AnyBurst], other: Sequence[AnyBurst]) -> list[tuple[AnyBurst, AnyBurst]]:
    """Return the bursts of one swath and polarisation that two passes of a relative orbit have in common."""
    matched = []
    for burst in one:
        near = [
            candidate
            for candidate in other
            if (candidate.swath, candidate.polarisation) == (burst.swath, burst.polarisation)
            and abs(candidate.since_node_s - burst.since_node_s) < SAME_BURST_S
        ]
        if near:
            matched.append((burst, min(near, key=lambda c: abs(c.since_node_s - burst.since_node_s))))
    return matched
