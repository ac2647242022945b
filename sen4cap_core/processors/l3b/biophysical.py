"""LAI, fAPAR and fCover of a scene: which network, which angles, and the three as one item of a pass."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.optical.biophysical import (
    N_COUNTS,
    OUTSIDE_DOMAIN,
    as_reflectance,
    biophysical_block,
    flag_values,
)
from sen4cap_core.processors.l3b.groups import BIOPHYSICAL, DOMAINS
from sen4cap_core.processors.l3b.networks import Network, network
from sen4cap_core.processors.l3b.sun_and_view import Cosines, cosines_of
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.blockwise.variables import BlockBand, Output, Quantisation, Together
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.model import Scene

QUANTISATIONS: Mapping[str, Quantisation] = {
    "lai": Quantisation(1e-3),
    "fapar": Quantisation(),
    "fcover": Quantisation(),
    # Fractions, so that overviews and parcel means are shares of pixels.
    **dict.fromkeys(DOMAINS, Quantisation()),
}
DESCRIPTIONS: Mapping[str, str] = {
    "lai": "Leaf area index on clear land, m2 of leaves per m2 of ground",
    "fapar": "Fraction of absorbed photosynthetically active radiation on clear land",
    "fcover": "Fraction of clear land that vegetation covers",
    "input_domain": "1 where the reflectances are like none that the networks learnt from, else 0",
    "lai_domain": "1 where the leaf area index lay beyond its limits, else 0",
    "fapar_domain": "1 where fAPAR lay beyond its limits, else 0",
    "fcover_domain": "1 where fCover lay beyond its limits, else 0",
}

_OF_PLATFORM: Mapping[str, str] = {
    "S2A": "S2A",
    "S2B": "S2B",
    "S2C": "S2A",
    "S2": "S2A",
    "L8": "Landsat 8",
    "L9": "Landsat 8",
}
"""Networks exist for S2A, S2B and Landsat 8."""
_BORROWERS = frozenset(("S2C", "S2", "L9"))
"""Their bands are next to equal to those of the satellite whose network they use."""
_COARSE_M = 20.0
_STRIP_ROWS = 64
"""Reflectances of so many rows of a block stay in the processor's cache until the networks have used them."""


@dataclass(frozen=True, eq=False)
class Inversion:
    """How the variables of one scene are made."""

    network: Network
    cosines: Cosines
    grid: Grid
    """Of the scene."""
    zoom: int
    """Pixels are this many times the scene's."""
    notes: tuple[str, ...]
    """What people are told: a borrowed network, angles that had to be replaced."""

    @property
    def resolution_m(self) -> float:
        """Pixel size of the results."""
        return self.grid.resolution_m * self.zoom

    @property
    def method(self) -> str:
        """What makes the result another one."""
        sources = f"sun {self.cosines.sun_source}, view {self.cosines.view_source}"
        return f"network 3.0 {self.network.name}, {self.resolution_m:g} m, angles: {sources}"


def inversion_of(scene: Scene) -> Inversion | str:
    """Choose network and angles for a scene, or say why there are none."""
    name = _OF_PLATFORM.get(scene.platform)
    if name is None:
        return f"there is no network for {scene.platform}"
    notes = [f"{scene.platform} uses the network of {name}"] if scene.platform in _BORROWERS else []
    chosen = network(name)
    lacking = [band for band in chosen.bands if band not in scene.bands]
    if lacking and name.startswith("S2"):
        small = network(f"{name} 10 m")
        if all(band in scene.bands for band in small.bands):
            notes.append(f"without {', '.join(lacking)} the network of three bands is used")
            chosen, lacking = small, []
    if lacking:
        return f"the product has no band {', '.join(lacking)}"
    cosines = cosines_of(scene.angles, chosen.bands)
    if cosines is None:
        return "the product does not say where the sun stood"
    if cosines.view_source == "nadir":
        notes.append("the product states no view direction: the sensor is taken to look straight down")
    elif scene.angles is not None and scene.angles.view and cosines.view_source == "mean":
        notes.append("the view angle grids hold no usable number: the mean angles of the tile are used")
    coarse = len(chosen.bands) > 3 and scene.grid.resolution_m * 2 == _COARSE_M
    zoom = 2 if coarse and scene.grid.zoomed(2) is not None else 1
    return Inversion(chosen, cosines, scene.grid, zoom, tuple(notes))


class Counts:
    """Pixels computed, outside the domain, set to a limit and rejected, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pixels = np.zeros(N_COUNTS, np.int64)

    def add(self, pixels: NDArray[np.int64]) -> None:
        """Add what the kernel counted in one block."""
        with self._lock:
            self._pixels += pixels

    def computed(self) -> int:
        """Pixels that the networks were run on."""
        return int(self._pixels[0])

    def percent(self, place: int) -> float:
        """One of the counts in percent of the pixels computed; 0 where there were none."""
        total = int(self._pixels[0])
        return round(100.0 * int(self._pixels[place]) / total, 2) if total else 0.0


@dataclass(frozen=True, eq=False)
class Biophysical(Together):
    """The item of a pass, and afterwards what it found."""

    inversion: Inversion | None = None
    counts: Counts | None = None
    computed: tuple[str, ...] = ()
    """Variables of the networks in the order of the counts; perhaps only their flags are an output."""

    def found(self) -> dict[str, dict[str, object]]:
        """Properties of the STAC items by variable: network, angles, shares of flagged pixels."""
        assert self.inversion is not None
        assert self.counts is not None
        cosines = self.inversion.cosines
        common: dict[str, object] = {
            "sen4cap:network": self.inversion.network.name,
            "sen4cap:sun_angles": cosines.sun_source,
            "sen4cap:view_angles": cosines.view_source,
            "sen4cap:outside_input_domain_percent": self.counts.percent(1),
        }
        beyond = {
            name: {
                "sen4cap:set_to_limit_percent": self.counts.percent(2 + 2 * place),
                "sen4cap:rejected_percent": self.counts.percent(3 + 2 * place),
            }
            for place, name in enumerate(self.computed)
        }
        return {
            output.name: common | beyond.get(output.name.removesuffix("_domain"), {})
            for output in self.outputs
        }


def biophysical_item(names: Sequence[str], inversion: Inversion) -> Biophysical:
    """Return some of the three variables, and of their flags, as one item of a pass."""
    outputs = tuple(Output(n, QUANTISATIONS[n], DESCRIPTIONS[n]) for n in QUANTISATIONS if n in names)
    # Flags need the result they are about; the input's are found with any.
    wanted = [name for name in BIOPHYSICAL if name in names or f"{name}_domain" in names] or ["lai"]
    flags_of = {n: _flag_bits(n, wanted) for n in DOMAINS if n in names}
    net, counts = inversion.network, Counts()
    hidden, output, accepted = net.arrays(wanted)
    steps = np.array([QUANTISATIONS[name].steps_per_unit for name in wanted], np.float32)
    missing = outputs[0].quantisation.nodata

    def compute(
        bands: Mapping[str, BlockBand],
        status: NDArray[np.uint8],
        block: Block,
        out: Mapping[str, NDArray[np.int16]],
    ) -> None:
        rows, cols = _positions(inversion, block)
        counted = np.zeros(N_COUNTS, np.int64)
        for top in range(0, block.height, _STRIP_ROWS):
            strip = slice(top, min(top + _STRIP_ROWS, block.height))
            usable = (status[strip] == 0).astype(np.uint8)
            reflectance = np.empty((len(net.bands), *usable.shape), np.float32)
            for plane, name in zip(reflectance, net.bands, strict=True):
                band = bands[name]
                numbers, source = band.values[strip], band.source
                as_reflectance(numbers, source.scale, source.offset, band.missing, plane, usable)
            planes = np.empty((len(wanted), *usable.shape), np.int16)
            flags = np.empty(usable.shape, np.int16)
            biophysical_block(
                reflectance,
                usable,
                inversion.cosines.nodes,
                rows[strip],
                cols,
                hidden,
                output,
                accepted,
                net.domain,
                net.cells,
                steps,
                missing,
                planes,
                flags,
                counted,
            )
            for name, plane in zip(wanted, planes, strict=True):
                if name in out:
                    out[name][strip] = plane
            for name, bits in flags_of.items():
                flag_values(flags, bits, missing, int(QUANTISATIONS[name].steps_per_unit), out[name][strip])
        counts.add(counted)

    return Biophysical(outputs, net.bands, compute, inversion.zoom, inversion, counts, tuple(wanted))


def _flag_bits(name: str, wanted: Sequence[str]) -> int:
    """Bits of the kernel's flags that a domain variable stands for: set to a limit, or rejected."""
    if name == "input_domain":
        return OUTSIDE_DOMAIN
    return 0b110 << (2 * wanted.index(name.removesuffix("_domain")))


def _positions(inversion: Inversion, block: Block) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows and columns of the pixel centres of a block, counted in nodes of the angle grids."""
    cosines, grid, step = inversion.cosines, inversion.grid, inversion.resolution_m
    n_rows, n_cols = cosines.nodes.shape[1:]
    south = cosines.y_max_m - grid.y_max_m + (block.row + np.arange(block.height) + 0.5) * step
    east = grid.x_min_m - cosines.x_min_m + (block.col + np.arange(block.width) + 0.5) * step
    rows = np.clip(south / cosines.row_step_m, 0, n_rows - 1)
    cols = np.clip(east / cosines.col_step_m, 0, n_cols - 1)
    return rows.astype(np.float32), cols.astype(np.float32)
