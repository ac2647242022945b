"""What a composite is given: dates with their bands, masks and weights, and how to join them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.rasters.blockwise.bands import BandSource
from sen4cap_core.rasters.blockwise.blocks import Block
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.masks.status_masks import StatusMask

Method = Literal["weighted", "weighted-sen4cap", "median", "max-ndvi"]


@dataclass(frozen=True, eq=False)
class Field:
    """Values at nodes some hundred or thousand metres apart."""

    values: NDArray[np.float32]
    """(rows, columns), without NaN; node (0, 0) lies at (``x_m``, ``y_m``), rows go south."""
    x_m: float
    y_m: float
    col_step_m: float
    row_step_m: float

    def steps(self, grid: Grid, block: Block) -> tuple[float, float, float, float]:
        """Where the centre of a block's first pixel lies, and how far it is to the next, in nodes.

        (row, row step, column, column step), as the sampling kernels take them.
        """
        size = grid.resolution_m
        y_m = grid.y_max_m - (block.row + 0.5) * size
        x_m = grid.x_min_m + (block.col + 0.5) * size
        return (
            (self.y_m - y_m) / self.row_step_m,
            size / self.row_step_m,
            (x_m - self.x_m) / self.col_step_m,
            size / self.col_step_m,
        )


@dataclass(frozen=True, eq=False)
class ComposedDate:
    """One acquisition that goes into a composite."""

    minute: int
    """From midnight (UTC) of the day the composite is for; negative before it."""
    day_of_year: int
    bands: Mapping[str, BandSource]
    masks: tuple[StatusMask, ...]
    aot: BandSource | None = None
    """Aerosol optical thickness; unknown where None."""
    weight: float = 1.0
    """Of date and sensor, 0..1."""
    cloud: Field | None = None
    """Weight by the distance to clouds, 0..1; 1 where None."""
    directions: Mapping[str, Field] = field(default_factory=dict)
    """By band: factor that takes the reflectance to a view from the zenith."""


@dataclass(frozen=True)
class AerosolWeight:
    """Falls from ``most`` without aerosol to ``least`` at an optical thickness of ``aot_max``."""

    least: float = 0.33
    most: float = 1.0
    aot_max: float = 0.8


@dataclass(frozen=True)
class CompositePlan:
    """The composite of one pixel size."""

    method: Method
    bands: tuple[str, ...]
    aerosol: AerosolWeight = AerosolWeight()

    @property
    def helpers(self) -> tuple[str, ...]:
        """Bands that are read besides: blue tells the thinner cloud, red and near infrared what is green."""
        needed: tuple[str, ...] = ("B02",) if self.method.startswith("weighted") else ()
        if self.method == "max-ndvi":
            needed = ("B04", "B08")
        return tuple(name for name in needed if name not in self.bands)
