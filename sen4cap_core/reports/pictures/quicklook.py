"""A picture of a scene: one quantity or three in colour, clouds hatched, parcels outlined, with legend and
scale bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from sen4cap_core.products.colours import Rgb
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.reports.pictures.drawing import (
    INK,
    PAPER,
    SOFT_INK,
    blend,
    fitted,
    font,
    hatch,
    length_text,
    line_cover,
    png_bytes,
    round_length_m,
)
from sen4cap_core.reports.pictures.palette import grey_table, ndvi_table, ramp_colours, true_colours

MAX_BYTES = 150_000

_HEADER_PX, _FOOTER_PX, _MARGIN_PX = 32, 40, 10
_FULL_RESOLUTION_M = 30.0
_NARROWEST_PX = 560  # the legend needs it
_NO_DATA: Rgb = (226, 229, 233)
_HATCH_PAPER: Rgb = (214, 217, 222)
_HATCH_LINE: Rgb = (150, 156, 165)
_OUTLINE: Rgb = (20, 24, 30)
_HALO: Rgb = (255, 255, 255)
_OUTLINE_ON_COLOUR: Rgb = (255, 226, 77)
_CHANNELS: tuple[Rgb, Rgb, Rgb] = ((214, 48, 48), (40, 160, 60), (48, 90, 214))
"""Red, green and blue of the legend."""
_SMALLEST_PX = 3.0
"""A parcel smaller than this on the picture is not outlined: it would be a blot."""
_PARCELS = "parcels"
_SWATCH_PX = 26
"""From a swatch of the legend to its text."""
_CROWDED_PX = 14.0
"""Below this median size outlines lose their halo and become thin."""


@dataclass(frozen=True)
class Ramp:
    """What the colours of a picture of one quantity mean."""

    name: str = "NDVI"
    low: float = 0.0
    high: float = 1.0
    is_grey: bool = False
    """From black to white, in place of the colours of NDVI."""

    def table(self, size: int = 256) -> NDArray[np.uint8]:
        """Return the colours from the lowest value to the highest as uint8 (size, 3)."""
        return grey_table(size) if self.is_grey else ndvi_table(size)


def spread_of(name: str, pixels: NDArray[np.floating]) -> Ramp:
    """Return a ramp over the middle 96 % of a picture's values; 0..1 where there are none."""
    seen = pixels[np.isfinite(pixels)]
    if not seen.size:
        return Ramp(name)
    low, high = (float(value) for value in np.percentile(seen, (2, 98)))
    return Ramp(name, low, high if high > low else low + 1e-3)


def quicklook_png(
    pixels: NDArray[np.floating],
    grid: Grid,
    *,
    title: str,
    outlines: Sequence[BaseGeometry] = (),
    masked: NDArray[np.bool_] | None = None,
    ramp: Ramp | None = None,
    max_size_px: int = 600,
    label: str = "true colour",
    channels: Sequence[str] = (),
    has_clouds: bool = True,
) -> bytes:
    """Draw a scene.

    Parameters
    ----------
    pixels : float (rows, cols) NDVI -1..1, or (3, rows, cols) reflectance 0..1 of red, green, blue;
        NaN missing; or of other quantities, with ``ramp`` or ``channels``.
    grid : of ``pixels``; outlines are in its CRS.
    outlines : parcel polygons; those outside of the grid and those too small to see are left out.
    masked : bool (rows, cols), True where a pixel was seen but not used (cloud, shadow, snow, water):
        hatched. None: of one quantity all missing pixels are hatched, with colours none.
    ramp : of another quantity than NDVI in place of it.
    max_size_px : longer side of the map.
    label : what the three channels are, for pictures in colour.
    channels : names of what is red, green and blue, for the legend; none for true colour.
    has_clouds : False for a sensor that sees through them: what is missing is not hatched.

    Returns
    -------
    PNG of at most about 150 kB, map and legend.

    Raises
    ------
    ValueError
        When the shapes of ``pixels``, ``masked`` and ``grid`` do not fit together.
    """
    is_one = pixels.ndim == 2
    if pixels.shape[-2:] != grid.shape or not (is_one or pixels.shape[0] == 3) or pixels.ndim > 3:
        raise ValueError(f"pixels of shape {pixels.shape} on a grid of {grid.shape}")
    if masked is not None and masked.shape != grid.shape:
        raise ValueError(f"mask of shape {masked.shape} on a grid of {grid.shape}")
    shown = (ramp or Ramp()) if is_one else None
    scale = max_size_px / max(grid.shape)
    size = (max(1, round(grid.width * scale)), max(1, round(grid.height * scale)))
    hatching = "masked or no data" if is_one and has_clouds else None
    if masked is not None:
        hatching = "masked (cloud, water)"
    picture = _paint(pixels, shown, masked, size, has_clouds=has_clouds)
    rings = _visible(outlines, grid, scale)
    on_colour = shown is None or shown.is_grey
    _outline(picture, rings, on_colour=on_colour)
    plain = "no data" if masked is not None or hatching is None else None
    key = _Key(shown, label, tuple(channels), hatching, plain, _line_of(on_colour) if rings else None)
    return png_bytes(_compose(picture, grid, scale, title, key), MAX_BYTES, _kept(shown, channels))


def _kept(ramp: Ramp | None, channels: Sequence[str]) -> list[Rgb]:
    own = [(int(r), int(g), int(b)) for r, g, b in ramp.table(27)] if ramp else []
    if channels:
        own += _CHANNELS
    return [_NO_DATA, _HATCH_PAPER, _HATCH_LINE, _OUTLINE, _HALO, _OUTLINE_ON_COLOUR, SOFT_INK, *own]


def _paint(
    pixels: NDArray[np.floating],
    ramp: Ramp | None,
    masked: NDArray[np.bool_] | None,
    size: tuple[int, int],
    *,
    has_clouds: bool,
) -> NDArray[np.uint8]:
    """Return the map in colour, uint8 (height, width, 3)."""
    # Twice as many pixels as the picture has are enough; a whole tile would take seconds.
    step = max(1, min(pixels.shape[-1] // (2 * size[0]), pixels.shape[-2] // (2 * size[1])))
    pixels = pixels[..., ::step, ::step]
    missing = np.isnan(pixels) if pixels.ndim == 2 else np.isnan(pixels).any(axis=0)
    if masked is not None:
        hatched = masked[::step, ::step]
    else:
        hatched = missing if ramp and has_clouds else np.zeros_like(missing)
    if ramp:
        colours = ramp_colours(pixels, ramp.low, ramp.high, ramp.table())
    else:
        colours = true_colours(pixels, ~missing & ~hatched)
    shown = np.asarray(Image.fromarray(colours).resize(size, _resampling(colours.shape, size))).copy()
    missing, hatched = _stretch(missing, size), _stretch(hatched, size)
    lines = hatch(shown.shape[:2], 7, 2)
    shown[missing] = _NO_DATA
    shown[missing & hatched] = _HATCH_PAPER
    shown[hatched & lines] = _HATCH_LINE
    return shown


def _resampling(shape: tuple[int, ...], size: tuple[int, int]) -> Image.Resampling:
    # Enlarged, a pixel stays a square that people can count; reduced, it is averaged.
    return Image.Resampling.NEAREST if size[0] >= shape[1] else Image.Resampling.BOX


def _stretch(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _visible(outlines: Sequence[BaseGeometry], grid: Grid, scale: float) -> list[NDArray[np.float64]]:
    """Return the rings worth drawing, in pixels of the picture."""
    if len(outlines) == 0:
        return []
    shapes = np.asarray(outlines, dtype=object)
    bounds = shapely.bounds(shapes)
    x_min, y_min, x_max, y_max = grid.bounds_m
    per_m = scale / grid.resolution_m
    with np.errstate(invalid="ignore"):  # no geometry, no bounds
        inside = (
            (bounds[:, 2] > x_min) & (bounds[:, 0] < x_max) & (bounds[:, 3] > y_min) & (bounds[:, 1] < y_max)
        )
        extent_px = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) * per_m
        shapes = shapes[inside & (extent_px >= _SMALLEST_PX)]
    # A corner each pixel is enough: national files have ten.
    shapes = shapely.simplify(shapes, 0.5 / per_m, preserve_topology=False)
    polygons = shapely.get_parts(shapes)
    polygons = polygons[shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON]
    rings = shapely.get_rings(polygons)
    origin = np.array([x_min, y_max])
    return [(shapely.get_coordinates(ring) - origin) * (per_m, -per_m) for ring in rings]


def _outline(picture: NDArray[np.uint8], rings: Sequence[NDArray[np.float64]], *, on_colour: bool) -> None:
    if not rings:
        return
    core, halo = _line_of(on_colour), _OUTLINE if on_colour else _HALO
    size = (picture.shape[1], picture.shape[0])
    extent_px = float(np.median([np.ptp(ring, axis=0).max() for ring in rings]))
    if extent_px < _CROWDED_PX:
        blend(picture, core, line_cover(size, rings, 0.5) * 0.7)
        return
    blend(picture, halo, line_cover(size, rings, 3.0) * 0.45)
    blend(picture, core, line_cover(size, rings, 1.0) * 0.95)


def _line_of(on_colour: bool) -> Rgb:
    return _OUTLINE_ON_COLOUR if on_colour else _OUTLINE


@dataclass(frozen=True)
class _Key:
    """What the legend says; None: nothing of that."""

    ramp: Ramp | None
    label: str
    channels: tuple[str, ...]
    hatching: str | None
    plain: str | None
    """Of the grey of missing pixels that are not hatched."""
    outline: Rgb | None


def _compose(picture: NDArray[np.uint8], grid: Grid, scale: float, title: str, key: _Key) -> Image.Image:
    height, width = picture.shape[:2]
    canvas_width = max(width, _NARROWEST_PX)
    canvas = Image.new("RGB", (canvas_width, _HEADER_PX + height + _FOOTER_PX), PAPER)
    canvas.paste(Image.fromarray(picture), ((canvas_width - width) // 2, _HEADER_PX))
    pen = ImageDraw.Draw(canvas)
    kind = key.ramp.name if key.ramp else key.label
    if grid.resolution_m <= _FULL_RESOLUTION_M:  # a reduced preview has pixels of its own size
        kind += f", {grid.resolution_m:g} m"
    small, face = font(12), font(14, bold=True)
    kind_width = small.getlength(kind)
    room = canvas_width - 3 * _MARGIN_PX - kind_width
    pen.text((_MARGIN_PX, 21), fitted(title, face, room), fill=INK, font=face, anchor="ls")
    pen.text((canvas_width - _MARGIN_PX, 21), kind, fill=SOFT_INK, font=small, anchor="rs")
    top = _HEADER_PX + height
    left = _ramp_legend(canvas, pen, top, key.ramp) if key.ramp else _MARGIN_PX
    for colour, name in zip(_CHANNELS, key.channels, strict=False):
        left = _swatch(pen, left, top, colour, name)
    if key.hatching:
        left = _hatch_legend(canvas, pen, left, top, key.hatching)
    if key.plain:
        left = _swatch(pen, left, top, _NO_DATA, key.plain)
    free_px = _scale_bar(pen, canvas_width, top, scale / grid.resolution_m, width) - left
    # Outlines speak for themselves where there is no room to name them.
    if key.outline and _SWATCH_PX + font(11).getlength(_PARCELS) <= free_px:
        within = SOFT_INK if key.outline == _OUTLINE_ON_COLOUR else PAPER
        _swatch(pen, left, top, within, _PARCELS, key.outline)
    return canvas


def _ramp_legend(canvas: Image.Image, pen: ImageDraw.ImageDraw, top: int, ramp: Ramp) -> int:
    face = font(11)
    left = _MARGIN_PX + max(40, round(face.getlength(ramp.name)) + 10)
    width, y = 130, top + 9
    pen.text((_MARGIN_PX, y + 10), ramp.name, fill=INK, font=face, anchor="ls")
    colours = np.repeat(ramp.table(width)[None], 11, axis=0)
    canvas.paste(Image.fromarray(colours), (left, y))
    pen.rectangle((left - 1, y - 1, left + width, y + 11), outline=SOFT_INK)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = ramp.low + share * (ramp.high - ramp.low)
        x = left + round(share * (width - 1))
        pen.line((x, y + 11, x, y + 14), fill=SOFT_INK)
        pen.text((x, y + 25), f"{value:.3g}", fill=INK, font=font(10), anchor="ms")
    return left + width + 18


def _hatch_legend(canvas: Image.Image, pen: ImageDraw.ImageDraw, left: int, top: int, text: str) -> int:
    tile = np.empty((11, 20, 3), dtype=np.uint8)
    tile[:] = _HATCH_PAPER
    tile[hatch((11, 20), 7, 2)] = _HATCH_LINE
    canvas.paste(Image.fromarray(tile), (left, top + 9))
    return _swatch(pen, left, top, None, text)


def _swatch(
    pen: ImageDraw.ImageDraw, left: int, top: int, colour: Rgb | None, text: str, edge: Rgb = SOFT_INK
) -> int:
    face = font(11)
    pen.rectangle((left - 1, top + 8, left + 20, top + 20), outline=edge, fill=colour)
    pen.text((left + _SWATCH_PX, top + 19), text, fill=INK, font=face, anchor="ls")
    return left + _SWATCH_PX + round(face.getlength(text)) + 16


def _scale_bar(pen: ImageDraw.ImageDraw, canvas_width: int, top: int, px_per_m: float, map_width: int) -> int:
    """Draw the scale bar at the right; return where it begins."""
    length_m = round_length_m(min(map_width, 400) / 4 / px_per_m)
    right, y = canvas_width - _MARGIN_PX, top + 14
    left = right - round(length_m * px_per_m)
    pen.line((left, y, right, y), fill=INK, width=2)
    for x in (left, right):
        pen.line((x, y - 4, x, y + 4), fill=INK, width=1)
    text, face = length_text(length_m), font(11)
    pen.text(((left + right) / 2, y + 17), text, fill=INK, font=face, anchor="ms")
    return min(left, round((left + right - face.getlength(text)) / 2))
