"""How QGIS shows each kind of product: colour ramps of rasters, colours of parcels."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sen4cap_core.products.colours import NDVI_STOPS, Rgb
from sen4cap_core.products.naming import (
    L3A_COMPOSITE,
    L3B_NDVI,
    S1_BACKSCATTER,
    S1_COHERENCE,
    l3b_collection,
)

NO_ANSWER: Final[Rgb] = (200, 200, 200)
_GREY: Final = ((0.0, (0, 0, 0)), (1.0, (255, 255, 255)))
_WATER: Final = ((0.0, (166, 97, 26)), (0.5, (245, 245, 245)), (1.0, (1, 90, 140)))


@dataclass(frozen=True)
class Ramp:
    """Colours between two physical values; QGIS applies scale and offset of the file before."""

    low: float
    high: float
    stops: Sequence[tuple[float, Rgb]] = NDVI_STOPS
    """Fraction 0..1 of the way from ``low`` to ``high``, and colour."""


@dataclass(frozen=True)
class Category:
    """One value of a column: its colour and what it means."""

    value: str
    label: str
    colour: Rgb


@dataclass(frozen=True)
class Categories:
    """Colours of parcels by a column."""

    column: str
    entries: tuple[Category, ...]
    is_number: bool


RASTERS: Final[Mapping[str, Ramp]] = {
    L3B_NDVI: Ramp(0.0, 1.0),
    l3b_collection("lai"): Ramp(0.0, 6.0),
    l3b_collection("fapar"): Ramp(0.0, 1.0),
    l3b_collection("fcover"): Ramp(0.0, 1.0),
    l3b_collection("ndwi"): Ramp(-0.6, 0.6, _WATER),
    l3b_collection("brightness"): Ramp(0.0, 0.5, _GREY),
    L3A_COMPOSITE: Ramp(0.0, 0.5, _GREY),
    S1_BACKSCATTER: Ramp(0.0, 0.3, _GREY),
    S1_COHERENCE: Ramp(0.0, 1.0, _GREY),
}
"""Collections a project shows. Other indices have no range that suits every site."""

SHOWN_ASSETS: Final[Mapping[str, frozenset[str]]] = {L3A_COMPOSITE: frozenset(("b04", "b08", "b11"))}
"""Of kinds with many rasters those that are shown: red, near and short-wave infrared, not what weighed."""

MOWINGS: Final = Categories(
    "mow_n",
    (
        Category("0", "not mown", (245, 240, 210)),
        Category("1", "mown once", (199, 233, 180)),
        Category("2", "mown twice", (127, 205, 187)),
        Category("3", "three times", (44, 127, 184)),
        Category("4", "four times or more", (37, 52, 148)),
    ),
    is_number=True,
)
COMPLIANCE: Final = Categories(
    "compl",
    (
        Category("-1", "no rule for this crop", (235, 235, 235)),
        Category("0", "not assessed", NO_ANSWER),
        Category("1", "compliant", (77, 172, 38)),
        Category("2", "not compliant", (208, 28, 139)),
        Category("3", "mown inside and outside of the period", (253, 174, 97)),
    ),
    is_number=True,
)
GRADES: Final = Categories(
    "C_INDEX",
    (
        Category("STRONG", "strong", (26, 150, 65)),
        Category("MODERATE", "moderate", (166, 217, 106)),
        Category("WEAK", "weak", (253, 174, 97)),
        Category("POOR", "poor", (215, 25, 28)),
        Category("NR", "not yet or not relevant", (235, 235, 235)),
        Category("NA", "not available", NO_ANSWER),
    ),
    is_number=False,
)
CONFORMITY: Final = Categories(
    "Doubtful",
    (
        Category("0", "agrees, or cannot be told", (199, 233, 180)),
        Category("1", "contradicts the declaration", (208, 28, 139)),
    ),
    is_number=True,
)


def crop_categories(names: Mapping[int, str]) -> Categories:
    """Return a colour for each crop type, number -> name; neighbours in number differ in hue."""
    entries = []
    for place, number in enumerate(sorted(names)):
        # The golden ratio spreads hues evenly however many there are.
        hue = (place * 0.618034) % 1.0
        red, green, blue = colorsys.hls_to_rgb(hue, 0.45 + 0.2 * (place % 2), 0.6)
        colour = (round(255 * red), round(255 * green), round(255 * blue))
        entries.append(Category(str(number), f"{number} {names[number]}", colour))
    return Categories("CT_pred_1", tuple(entries), is_number=True)
