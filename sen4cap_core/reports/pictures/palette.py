"""Colours for numbers: the ramps of one quantity and the true colour stretch."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.products.colours import NDVI_STOPS

GAMMA: Final = 1 / 1.35
"""Lifts the dark half of a true colour picture, where fields and woods are."""
STRETCH_PERCENT: Final = (2.0, 98.0)


def ramp_colours(
    values: NDArray[np.floating], low: float, high: float, table: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the colour of values on a ramp.

    Parameters
    ----------
    values : float (rows, cols); below ``low`` as ``low``, above ``high`` as ``high``, missing (NaN) as
        ``low``: the caller paints over it.
    table : uint8 (n, 3), colours from ``low`` to ``high``.

    Returns
    -------
    uint8 (rows, cols, 3)
    """
    part = (values - low) / (high - low)
    index = np.nan_to_num(part, nan=0.0).clip(0, 1) * (len(table) - 1)
    colours: NDArray[np.uint8] = table[np.rint(index).astype(np.intp)]
    return colours


def grey_table(size: int = 256) -> NDArray[np.uint8]:
    """Return the ramp from black to white as uint8 (size, 3)."""
    return np.repeat(np.rint(np.linspace(0, 255, size)).astype(np.uint8)[:, None], 3, axis=1)


def ndvi_table(size: int = 256) -> NDArray[np.uint8]:
    """Return the ramp from NDVI 0 to 1 as uint8 (size, 3)."""
    at = [value for value, _ in NDVI_STOPS]
    wanted = np.linspace(0, 1, size)
    channels = [np.interp(wanted, at, [colour[i] for _, colour in NDVI_STOPS]) for i in range(3)]
    return np.rint(np.column_stack(channels)).astype(np.uint8)


def true_colours(reflectance: NDArray[np.floating], usable: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Stretch reflectances to a picture.

    Parameters
    ----------
    reflectance : float (3, rows, cols) red, green, blue, 0..1, NaN missing.
    usable : bool (rows, cols), pixels to take the stretch from: clouds would eat the fields' contrast.

    Returns
    -------
    uint8 (rows, cols, 3)

    Notes
    -----
    Black is the lowest 2nd percentile of the three bands and white the highest 98th, the same for all, so
    that hues stay as they are; then gamma. A black of its own for each band would turn fields red, whose blue
    and green differ little.
    """
    sample = reflectance[:, usable]
    if sample.shape[1] == 0:
        sample = np.array([[0.0, 0.3]] * 3)
    low, high = np.nanpercentile(sample, STRETCH_PERCENT, axis=1)
    black = float(np.nanmin(low))
    span = max(float(np.nanmax(high)) - black, 1e-3)
    scaled = (np.nan_to_num(reflectance) - black) / span
    picture: NDArray[np.uint8] = np.rint(255 * scaled.clip(0, 1) ** GAMMA).astype(np.uint8)
    return picture.transpose(1, 2, 0)
