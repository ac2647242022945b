"""What a scene pass can compute: its bands, how a block becomes numbers, how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.bands import BandSource


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
