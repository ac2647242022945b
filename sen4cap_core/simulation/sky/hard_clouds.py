"""Clouds that classifications overlook: thin veils, small cumulus, shadows without a seen cloud.

The weather of `weather` gives layers with thin edges. Here are the hard cases, for what looks at clouds
itself; what Sen2Cor is known to overlook are whole objects, never single pixels.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.simulation.sky.weather import CELL_M, Pass, cloud_and_shadow, smooth_noise

CLOUD_OPACITY, SHADOW_DEPTH = 0.05, 0.12
"""From here on a pixel is spoilt: a tenth of red crops' reflectance, or of the near infrared."""
VEGETATION, BARE = 4, 5
_LAND = (VEGETATION, BARE)


def hard_fields(
    one: Pass, grid: Grid, sun_zenith_deg: float, sun_azimuth_deg: float, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return opacity of clouds and depth of their shadows, 0..1, at 60 m.

    The layer of the pass; on every third pass cumulus of 150 to 700 m over a twentieth of the area, on every
    third a veil of opacity 0.05 to 0.25 over half of it.
    """
    cloud, shadow = cloud_and_shadow(one, grid, sun_zenith_deg, sun_azimuth_deg, seed)
    rng = np.random.default_rng([seed, 43, one.index])
    kind = one.index % 3
    if kind == 0:
        return cloud, shadow
    rows, columns = cloud.shape
    reach = one.cloud_height_m * math.tan(math.radians(min(sun_zenith_deg, 70.0))) / CELL_M
    east = round(reach * math.sin(math.radians(sun_azimuth_deg)))
    north = round(reach * math.cos(math.radians(sun_azimuth_deg)))
    pad = max(abs(east), abs(north)) + 1
    shape = (rows + 2 * pad, columns + 2 * pad)
    extra = _cumulus(rng, shape) if kind == 1 else _veil(rng, shape)
    own = extra[pad : pad + rows, pad : pad + columns]
    shade = extra[pad - north : pad - north + rows, pad + east : pad + east + columns]
    both = 1.0 - (1.0 - cloud) * (1.0 - own)
    # A veil dims the ground by as much as it hides.
    shaded = np.maximum(shadow, shade * (1.0 if kind == 1 else 0.5)) * (1.0 - both)
    return both.astype(np.float32), shaded.astype(np.float32)


def _cumulus(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    opacity = np.zeros(shape)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    covered = 0.0
    while covered < 0.05 * opacity.size:
        radius = rng.uniform(75.0, 350.0) / CELL_M
        r, c = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        thickness = rng.uniform(0.25, 0.95)
        distance = np.hypot(rows - r, columns - c) / radius
        np.maximum(
            opacity,
            thickness * np.clip(1.5 * (1.0 - distance) + 0.5, 0.0, 1.0) * (distance < 1.3),
            out=opacity,
        )
        covered = float((opacity > CLOUD_OPACITY).sum())
    return opacity


def _veil(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    field = smooth_noise(rng, *shape, 4000.0 / CELL_M) + 0.4 * smooth_noise(rng, *shape, 700.0 / CELL_M)
    above = np.maximum(field - np.median(field), 0.0) / (field.std() or 1.0)
    thickest = rng.uniform(0.12, 0.25)
    return np.where(above > 0, 0.05 + (thickest - 0.05) * np.minimum(above, 1.0), 0.0)


def spoilt(cloud: NDArray[np.float32], shadow: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return 1 where cloud spoils a pixel, 2 where a shadow does, else 0."""
    out = np.zeros(cloud.shape, np.uint8)
    out[shadow >= SHADOW_DEPTH] = 2
    out[cloud >= CLOUD_OPACITY] = 1
    return out


def overlook(
    scl: NDArray[np.uint8], cloud: NDArray[np.float32], shadow: NDArray[np.float32], seed: int
) -> NDArray[np.uint8]:
    """Return scene classes (20 m) as a classification would give them that overlooks objects.

    Overlooked, each as a whole: of thin patches (opacity below 0.3) two thirds, of cumulus below 400 m and
    thin edges a half, of shadows a third. What is overlooked is called vegetation.
    """
    rng = np.random.default_rng([seed, 47])
    missed = np.zeros(cloud.shape, bool)
    patches, n_patches = scipy.ndimage.label(cloud >= CLOUD_OPACITY)
    thickest = scipy.ndimage.maximum(cloud, patches, np.arange(n_patches + 1))
    cells = np.bincount(patches.ravel(), minlength=n_patches + 1)
    chance = np.zeros(n_patches + 1)
    chance[cells * CELL_M**2 < math.pi * 200.0**2] = 0.5
    chance[thickest < 0.3] = 0.67
    missed |= (rng.random(n_patches + 1) < chance)[patches] & (patches > 0)
    # The thin parts of what is seen otherwise: veils around a thick cloud.
    thin, n_thin = scipy.ndimage.label((cloud >= CLOUD_OPACITY) & (cloud < 0.2))
    missed |= (rng.random(n_thin + 1) < 0.5)[thin] & (thin > 0)
    shades, n_shades = scipy.ndimage.label((shadow >= SHADOW_DEPTH) & (cloud < CLOUD_OPACITY))
    missed |= (rng.random(n_shades + 1) < 0.33)[shades] & (shades > 0)
    fine = missed.repeat(3, 0).repeat(3, 1)
    out = scl.copy()
    out[fine & np.isin(scl, (3, 8, 9, 10))] = VEGETATION
    return out
