"""What a scene pass can compute: its bands, how a block becomes numbers, how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block


@dataclass(frozen=True)
class Quantisation:
    """How values are stored as int16: ``value = stored * scale``; ``stored == nodata`` is missing."""

    scale: float = 1e-4
    nodata: int = -32768

    @property
    def steps_per_unit(self) -> float:
        """Stored steps in one physical unit: 10000 for a scale of 0.0001."""
        return float(round(1.0 / self.scale)) if self.scale < 1.0 else 1.0 / self.scale


@dataclass(frozen=True)
class BlockBand:
    """One band of one block on the pass's grid, as stored in the file."""

    values: NDArray[Any]
    source: BandSource

    @property
    def missing(self) -> float:
        """Digital number that is missing, NaN for none."""
        return np.nan if self.source.nodata is None else self.source.nodata


ComputeBlock = Callable[[Mapping[str, BlockBand], NDArray[np.uint8], Quantisation, NDArray[np.int16]], None]
"""``compute(bands, status, quantisation, out)``: fill ``out``; ``status`` is 0 where a pixel may be used."""


@dataclass(frozen=True)
class Variable:
    """One quantity per pixel. A pixel's value depends on that pixel's bands and status alone."""

    name: str
    bands: tuple[str, ...]
    compute: ComputeBlock
    quantisation: Quantisation = Quantisation()
    description: str = ""


@dataclass(frozen=True)
class Output:
    """One of several quantities that are computed together."""

    name: str
    quantisation: Quantisation = Quantisation()
    description: str = ""


ComputeTogether = Callable[
    [Mapping[str, BlockBand], NDArray[np.uint8], Block, Mapping[str, NDArray[np.int16]]], None
]
"""``compute(bands, status, block, out)``: fill the arrays of ``out`` (by name, those that are wanted);
``block`` says where the pixels lie, counted in the pixels that are computed."""


@dataclass(frozen=True)
class Together:
    """Several quantities that one walk over the pixels computes.

    With a ``zoom`` of 2 they are computed on pixels of twice the size: bands of that size are taken as they
    are, finer ones averaged over 2 x 2 pixels, of which none may be missing.
    """

    outputs: tuple[Output, ...]
    bands: tuple[str, ...]
    compute: ComputeTogether
    zoom: int = 1


@dataclass(frozen=True)
class BandMean:
    """A band itself, added up per parcel at its own pixel size and never written as a raster.

    Stored as reflectance like any other variable, so that its sums are whole numbers too.
    """

    name: str
    band: str
    quantisation: Quantisation = Quantisation()


PassItem = Variable | Together | BandMean
"""What a pass takes to compute."""


def outputs_of(items: Sequence[PassItem]) -> list[Output]:
    """Everything a pass computes, one by one."""
    outputs: list[Output] = []
    for item in items:
        if isinstance(item, Together):
            outputs += item.outputs
        else:
            text = item.description if isinstance(item, Variable) else ""
            outputs.append(Output(item.name, item.quantisation, text))
    return outputs


def bands_of(items: Sequence[PassItem]) -> list[str]:
    """Bands the items need, each once, in the order of the items."""
    names = [n for i in items for n in ((i.band,) if isinstance(i, BandMean) else i.bands)]
    return list(dict.fromkeys(names))
