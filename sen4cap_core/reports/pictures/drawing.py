"""Small tools of the pictures: fonts, lines without stairs, scale bars, PNG bytes of bounded size."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sen4cap_core.products.colours import Rgb
from sen4cap_core.reports.pictures.few_colours import few_colours

INK: Rgb = (34, 40, 49)
SOFT_INK: Rgb = (92, 101, 112)
PAPER: Rgb = (255, 255, 255)

_OVERSAMPLE = 2
_PALETTES = (200, 128, 64, 32, 16)  # plus the colours that are kept, at most 256
_HOPE = 1.15
"""A palette is not tried where this many times the bytes that may be are expected of it."""


@lru_cache(maxsize=16)
def font(size_px: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which matplotlib brings along: a server without fonts draws the same picture."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib, whose fonts the pictures use, is not installed")
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / name, size_px)


def fitted(text: str, face: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Return a text that is not wider than this, its end replaced by an ellipsis where it must be."""
    if face.getlength(text) <= width_px:
        return text
    while text and face.getlength(text + "…") > width_px:
        text = text[:-1]
    return text.rstrip() + "…"


def line_cover(
    size: tuple[int, int], lines: Iterable[NDArray[np.float64]], width_px: float
) -> NDArray[np.float32]:
    """Return how much of each pixel lines cover, 0..1.

    Parameters
    ----------
    size : (width, height) of the picture.
    lines : float (n, 2), corners in pixels (x, y); 0, 0 is the upper left corner of the picture.

    Returns
    -------
    float32 (height, width)
    """
    width, height = size
    canvas = Image.new("L", (width * _OVERSAMPLE, height * _OVERSAMPLE), 0)
    pen = ImageDraw.Draw(canvas)
    thick = max(1, round(width_px * _OVERSAMPLE))
    for line in lines:
        pen.line((line * _OVERSAMPLE).ravel().tolist(), fill=255, width=thick)
    return np.asarray(canvas.reduce(_OVERSAMPLE)).astype(np.float32) / np.float32(255)


def blend(picture: NDArray[np.uint8], colour: Rgb, cover: NDArray[np.float32]) -> None:
    """Paint a colour over a picture (rows, cols, 3) in place, as strong as ``cover`` 0..1 says."""
    touched = cover > 0
    weight = cover[touched][:, None]
    mixed = picture[touched] * (1 - weight) + np.array(colour, dtype=np.float32) * weight
    picture[touched] = np.rint(mixed).astype(np.uint8)


def hatch(shape: tuple[int, int], period_px: int = 6, line_px: int = 1) -> NDArray[np.bool_]:
    """Return a pattern of diagonal lines, True on the lines, of this (height, width)."""
    rows, columns = np.indices(shape, sparse=True)
    pattern: NDArray[np.bool_] = (rows + columns) % period_px < line_px
    return pattern


def round_length_m(longest_m: float) -> float:
    """Return the longest of 1, 2, 5 x 10^n metres that is not longer than this."""
    if longest_m <= 0:
        raise ValueError(f"a length of {longest_m} m")
    power = 10.0 ** np.floor(np.log10(longest_m))
    return float(max(factor for factor in (1, 2, 5) if factor * power <= longest_m * (1 + 1e-9)) * power)


def length_text(length_m: float) -> str:
    """Return ``500 m`` or ``2 km``."""
    return f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"


def png_bytes(picture: Image.Image, max_bytes: int, keep: Sequence[Rgb] = ()) -> bytes:
    """Return a picture as PNG with a palette: the most colours that fit, in the end a smaller picture.

    Artifacts live in the database of the Prefect server, so pictures are kept small. Text and the colours of
    ``keep`` come out as they are, whatever the busy rest of the picture takes.
    """
    fixed = list(dict.fromkeys([*(shade(PAPER, INK, step / 8) for step in range(9)), *keep]))
    picture = picture.convert("RGB")
    while True:
        bytes_per_bit = 0.0
        for n_colours in _PALETTES:
            # What noise takes goes with the bits of its colours; other pictures shrink a little more.
            if bytes_per_bit * np.log2(n_colours) > _HOPE * max_bytes:
                continue
            buffer = io.BytesIO()
            few_colours(picture, n_colours, fixed).save(buffer, "PNG")
            if buffer.tell() <= max_bytes:
                return buffer.getvalue()
            bytes_per_bit = buffer.tell() / np.log2(n_colours)
        picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)


def shade(start: Rgb, end: Rgb, part: float) -> Rgb:
    """Return the colour between two, 0 the first and 1 the second."""
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(start, end, strict=True))
    return (red, green, blue)
