"""A picture with few colours: of what is in it the most telling ones, and some that stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sen4cap_core.products.colours import Rgb

_BITS = 5
_SAMPLE_PX = 40_000
"""So many pixels are enough to find the colours of a picture in."""


def few_colours(picture: Image.Image, n_colours: int, kept: Sequence[Rgb]) -> Image.Image:
    """Return an RGB picture with a palette: ``kept``, which come out exactly, and ``n_colours`` found in it.

    Both together are at most 256. Pixels take the nearest colour, told to five bits of each channel; Pillow
    tells it to two, and white paper would turn grey.
    """
    pixels = np.asarray(picture)
    colours = np.array([*kept, *_found(pixels, n_colours)], np.uint8)
    cells = _cell(pixels)
    table = np.zeros(1 << 3 * _BITS, np.uint8)
    seen = np.flatnonzero(np.bincount(cells.ravel(), minlength=len(table)))
    table[seen] = _nearest(_middle(seen), colours)
    # A colour that is kept has the cell it lies in to itself.
    own = _cell(np.array(kept, np.uint8).reshape(-1, 3))
    for place in range(len(own) - 1, -1, -1):
        table[own[place]] = place
    index = table[cells]
    for place in _crowded(own):
        index[(pixels == colours[place]).all(axis=-1)] = place
    result = Image.fromarray(index, "P")
    result.putpalette(colours.ravel().tolist())
    return result


def _found(pixels: NDArray[np.uint8], n_colours: int) -> NDArray[np.uint8]:
    """Return the colours of a sample of the pixels, uint8 (n, 3)."""
    step = max(1, int(np.sqrt(pixels.shape[0] * pixels.shape[1] / _SAMPLE_PX)))
    sample = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    palette = sample.quantize(n_colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return np.array(palette.getpalette() or [], np.uint8).reshape(-1, 3)[:n_colours]


def _cell(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the cell of the colour cube that colours (..., 3) lie in."""
    high = (colours >> (8 - _BITS)).astype(np.int32)
    cell: NDArray[np.int32] = high[..., 0] << 2 * _BITS | high[..., 1] << _BITS | high[..., 2]
    return cell


def _middle(cells: NDArray[np.intp]) -> NDArray[np.int32]:
    """Return the colour in the middle of each cell, (n, 3)."""
    mask, half = (1 << _BITS) - 1, 1 << (7 - _BITS)
    high = np.stack([cells >> 2 * _BITS, cells >> _BITS & mask, cells & mask], axis=1)
    middle: NDArray[np.int32] = ((high << (8 - _BITS)) + half).astype(np.int32)
    return middle


def _nearest(wanted: NDArray[np.int32], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the place of the nearest of ``colours`` for each of ``wanted``."""
    ours = colours.astype(np.float32)
    # |a - b|² without |a|², which is the same for all b.
    distance = (ours**2).sum(axis=1) - 2 * (wanted.astype(np.float32) @ ours.T)
    place: NDArray[np.uint8] = distance.argmin(axis=1).astype(np.uint8)
    return place


def _crowded(cells: NDArray[np.int32]) -> list[int]:
    """Return the places of colours that do not have their cell to themselves."""
    _, inverse, counts = np.unique(cells, return_inverse=True, return_counts=True)
    return [int(place) for place in np.flatnonzero(counts[inverse] > 1)]
