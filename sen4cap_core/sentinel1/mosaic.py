"""Bursts and swaths put together on a tile: each cell is taken from the burst in which it lies deepest.

That cuts the overlap of two bursts half-way along track and that of two swaths at the middle of their common
range, and the same way in each pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.sar_windows import coherence_cells
from sen4cap_core.rasters.grid import Grid
from sen4cap_core.sentinel1.acquisition import BurstOnMap
from sen4cap_core.sentinel1.threads import in_rows

SAME_BURST_S = 0.5
"""Bursts of two passes are the same when they begin this near to each other after the ascending node."""
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
    bursts: Iterable[BurstOnMap], grid: Grid, quantity: Literal["sigma0", "gamma0"]
) -> NDArray[np.float32]:
    """Return backscatter (linear power) of one polarisation on a tile; NaN where no burst has any.

    sigma0 is over the ellipsoid, gamma0 flattened by the terrain.

    The noise is taken off before values are clipped at 0, which is done here, after averaging.
    """
    mosaic = Mosaic(grid)
    for burst in bursts:
        power = burst.data.power()
        if quantity == "gamma0":
            power *= burst.data.gamma_ratio
        mosaic.add(burst.data.box.slices, power, burst.data.depth)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.maximum(mosaic.values, 0.0), np.float32)


def merge_coherence(
    pairs: Iterable[tuple[BurstOnMap, BurstOnMap]], grid: Grid, *, keep_fringes: bool, threads: int
) -> NDArray[np.float32]:
    """Return the coherence of one polarisation of two passes on a tile; NaN where they do not both see.

    Parameters
    ----------
    pairs : the same burst in both passes, see `match_bursts`
    keep_fringes : leave the fringes of the orbits' distance in, as the original does, which lowers coherence
    """
    mosaic = Mosaic(grid)
    for one, other in pairs:
        box = one.data.box.meet(other.data.box)
        if box is None:
            continue
        first, second = (_part(burst, box.within(burst.data.box)) for burst in (one, other))
        fringes = first[1] - second[1] if keep_fringes else np.empty((0, 0))
        out = np.empty(box.shape, np.float32)
        wavelength_m = one.data.wavelength_m

        def rows(
            top: int,
            bottom: int,
            a: NDArray[np.complex64] = first[0],
            b: NDArray[np.complex64] = second[0],
            fringes: NDArray[np.float64] = fringes,
            wavelength_m: float = wavelength_m,
            out: NDArray[np.float32] = out,
        ) -> None:
            coherence_cells(a, b, fringes, wavelength_m, MIN_WINDOW_SAMPLES, top, bottom, out)

        in_rows(rows, box.height, threads)
        mosaic.add(box.slices, out, np.minimum(first[2], second[2]))
    return mosaic.values


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


def _part(
    burst: BurstOnMap, cells: tuple[slice, slice]
) -> tuple[NDArray[np.complex64], NDArray[np.float64], NDArray[np.float32]]:
    """Samples, ranges at the nodes and depth of a part of a burst."""
    rows, columns = cells
    samples = burst.data.samples[2 * rows.start : 2 * rows.stop, 4 * columns.start : 4 * columns.stop]
    ranges = burst.data.range_nodes_m[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    return samples, ranges, burst.data.depth[cells]
