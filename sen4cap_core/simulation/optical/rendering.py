"""From NDVI, clouds and noise to the stored numbers of all bands, pixel by pixel."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.compiling import kernel
from sen4cap_core.simulation.optical.acquisition import QUANTIFICATION

BANDS: Final = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
SOIL: Final = (0.06, 0.07, 0.10, 0.13, 0.15, 0.17, 0.19, 0.21, 0.22, 0.23, 0.28, 0.24)
LEAVES: Final = (0.02, 0.025, 0.06, 0.03, 0.09, 0.28, 0.36, 0.40, 0.42, 0.42, 0.20, 0.10)
WATER: Final = (0.05, 0.05, 0.045, 0.03, 0.025, 0.02, 0.018, 0.016, 0.014, 0.012, 0.008, 0.006)
CLOUD: Final = (0.56, 0.56, 0.55, 0.55, 0.55, 0.55, 0.54, 0.53, 0.53, 0.50, 0.38, 0.28)
HAZE: Final = (1.2, 1.0, 0.7, 0.45, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.02)
"""What the air adds in each band, relative to the blue."""

SPECTRA: Final = np.array([SOIL, LEAVES, WATER, CLOUD, HAZE], np.float32)

_I02, _I03, _I04, _I08 = (BANDS.index(name) for name in ("B02", "B03", "B04", "B08"))
_TWENTY: Final = tuple(BANDS.index(name) for name in ("B05", "B06", "B07", "B8A", "B11", "B12"))


@kernel
def render(
    labels: NDArray[np.int32],
    ndvi: NDArray[np.float32],
    is_water: NDArray[np.bool_],
    texture: NDArray[np.float32],
    cloud: NDArray[np.float32],
    shadow: NDArray[np.float32],
    spectra: NDArray[np.float32],
    haze: float,
    boa_offset: int,
    swath_edge: float,
    noise_seed: int,
    missed: float,
    ten: NDArray[np.uint16],
    twenty: NDArray[np.uint16],
    scl: NDArray[np.uint8],
) -> None:
    """Fill the bands of one pass.

    Parameters
    ----------
    labels : int32 (rows, columns) at 10 m
        Unit of each pixel; the last unit stands for -1.
    ndvi, is_water : (units,)
        NDVI -1..1 of each unit on the day, and whether it is water.
    texture : float32 at 60 m
        Lasting differences of NDVI within the fields.
    cloud, shadow : float32 at 60 m
        Opacity of clouds and depth of shadows, 0..1.
    spectra : float32 (5, 12)
        `SPECTRA`.
    haze : float
        Reflectance added in the blue.
    boa_offset : int
        Added to a stored number to get reflectance x 10000.
    swath_edge : float
        Column at the first row from which on there are no data, moving left by one in four rows.
    noise_seed : int
        Seeds the noise of this pass.
    missed : float
        Share of the thin cloud that the classification does not see.
    ten : uint16 (4, rows, columns), out
        B02, B03, B04, B08.
    twenty : uint16 (6 or 0, rows / 2, columns / 2), out
        B05, B06, B07, B8A, B11, B12; none are made where the first length is 0.
    scl : uint8 (rows / 2, columns / 2), out
        Scene classes.
    """
    n_rows, n_columns = scl.shape
    last = len(ndvi) - 1
    for row in range(n_rows):
        for column in range(n_columns):
            if 2 * column + 1 > swath_edge - 0.5 * row:
                ten[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = 0
                if len(twenty):
                    twenty[:, row, column] = 0
                scl[row, column] = 0
                continue
            opacity = _between(cloud, row, column)
            depth = 0.65 * _between(shadow, row, column)
            lasting = _between(texture, row, column)
            total, n_water = 0.0, 0
            for corner in range(4):
                r, c = 2 * row + corner // 2, 2 * column + corner % 2
                unit = labels[r, c] if labels[r, c] >= 0 else last
                water = is_water[unit]
                value = ndvi[unit]
                if not water:
                    value = _mixed(labels, ndvi, r, c, last) + lasting + 0.012 * _normal(noise_seed, r, c)
                    value = min(max(value, -0.2), 0.95)
                n_water += water
                total += value
                bright = 1.0 + 0.03 * _normal(noise_seed + 7919, r, c)
                near = _surface(spectra, _I08, value, water) * bright
                red = near * (1.0 - value) / (1.0 + value)
                for layer, band, surface in (
                    (0, _I02, _surface(spectra, _I02, value, water) * bright),
                    (1, _I03, _surface(spectra, _I03, value, water) * bright),
                    (2, _I04, red),
                    (3, _I08, near),
                ):
                    seen = _seen(spectra, band, surface, opacity, depth, haze)
                    ten[layer, r, c] = _number(seen, boa_offset)
            mean, water = total / 4, n_water > 2
            for layer in range(len(twenty)):
                band = _TWENTY[layer]
                bright = 1.0 + 0.02 * _normal(noise_seed + 104729, row, column)
                surface = _surface(spectra, band, mean, water) * bright
                seen = _seen(spectra, band, surface, opacity, depth, haze)
                twenty[layer, row, column] = _number(seen, boa_offset)
            blind = _uniform(noise_seed + 15485863, row // 3, column // 3) < missed
            scl[row, column] = _class_of(mean, water, opacity, depth, blind)


def coarse_bands(
    blue: NDArray[np.uint16], near: NDArray[np.uint16], boa_offset: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return B01 and B09 (60 m) made from B02 (10 m) and B8A (20 m): means, the first a little darker."""
    return _coarse(blue, 6, 0.9, boa_offset), _coarse(near, 3, 0.98, boa_offset)


def _coarse(
    numbers: NDArray[np.uint16], factor: int, brightness: float, boa_offset: int
) -> NDArray[np.uint16]:
    rows, columns = numbers.shape[0] // factor, numbers.shape[1] // factor
    cells = numbers.reshape(rows, factor, columns, factor)
    mean = cells.mean(axis=(1, 3), dtype=np.float32)
    out = np.clip(np.rint((mean + boa_offset) * brightness) - boa_offset, 1, 65534)
    return np.where((cells == 0).any(axis=(1, 3)), 0, out).astype(np.uint16)


@kernel
def _between(field: NDArray[np.float32], row: int, column: int) -> float:
    """Value of a 60 m field at a 20 m pixel, bilinear between the centres."""
    y = min(max((row - 1) / 3.0, 0.0), field.shape[0] - 1.0)
    x = min(max((column - 1) / 3.0, 0.0), field.shape[1] - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, field.shape[0] - 1), min(left + 1, field.shape[1] - 1)
    fy, fx = y - top, x - left
    upper = field[top, left] * (1 - fx) + field[top, right] * fx
    lower = field[bottom, left] * (1 - fx) + field[bottom, right] * fx
    return float(upper * (1 - fy) + lower * fy)


@kernel
def _mixed(labels: NDArray[np.int32], ndvi: NDArray[np.float32], row: int, column: int, last: int) -> float:
    """NDVI of a pixel with a little of its four neighbours, as the optics blur it."""
    own = labels[row, column]
    centre = ndvi[own if own >= 0 else last]
    total, n = 0.0, 0
    for dr, dc in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        r, c = row + dr, column + dc
        if 0 <= r < labels.shape[0] and 0 <= c < labels.shape[1]:
            unit = labels[r, c]
            total += ndvi[unit if unit >= 0 else last]
            n += 1
    return float(0.76 * centre + 0.24 * total / n)


@kernel
def _surface(spectra: NDArray[np.float32], band: int, ndvi: float, water: bool) -> float:
    """Reflectance of the ground: soil and leaves mixed by their cover."""
    if water:
        return float(spectra[2, band])
    cover = min(max((ndvi - 0.15) / 0.77, 0.0), 1.0)
    return float(spectra[0, band] + cover * (spectra[1, band] - spectra[0, band]))


@kernel
def _seen(
    spectra: NDArray[np.float32], band: int, surface: float, opacity: float, depth: float, haze: float
) -> float:
    """Reflectance after shadow, cloud and haze."""
    ground = (1.0 - opacity) * surface * (1.0 - depth)
    return float(ground + opacity * spectra[3, band] + haze * spectra[4, band])


@kernel
def _number(reflectance: float, boa_offset: int) -> int:
    return int(min(max(np.rint(reflectance * QUANTIFICATION) - boa_offset, 1.0), 65534.0))


@kernel
def _class_of(ndvi: float, water: bool, opacity: float, depth: float, blind: bool) -> int:
    """Scene class; the thinnest cloud is never seen, thin cloud not always."""
    if opacity > 0.55:
        return 9
    if opacity > 0.28:
        return 8
    if opacity > 0.07 and not blind:
        return 10
    if depth > 0.15 and not (blind and depth < 0.25):
        return 3
    if water:
        return 6
    return 4 if ndvi > 0.3 else 5


@kernel
def _hash(seed: int, row: int, column: int) -> int:
    """Mix three numbers to 32 bits, as good as random; the same on every machine and in every block order."""
    h = (seed * 374761393 + row * 668265263 + column * 2246822519) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 3266489917) & 0xFFFFFFFF
    return h ^ (h >> 16)


@kernel
def _uniform(seed: int, row: int, column: int) -> float:
    return _hash(seed, row, column) / 4294967296.0


@kernel
def _normal(seed: int, row: int, column: int) -> float:
    """Nearly normal, standard deviation 1: the sum of four uniform bytes."""
    h = _hash(seed, row, column)
    total = (h & 0xFF) + ((h >> 8) & 0xFF) + ((h >> 16) & 0xFF) + ((h >> 24) & 0xFF)
    return (total - 510.0) / 147.8
