"""What each pixel shows: the codes all products share, and Sen2Cor's classes translated into them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

LAND = 0
WATER = 1
SHADOW = 2
"""Of clouds, and cast by hills where a product says so."""
SNOW = 3
CLOUD = 4
SATURATED = 5
NO_DATA = 255

STATUS_NAMES: Mapping[int, str] = {
    LAND: "land",
    WATER: "water",
    SHADOW: "shadow",
    SNOW: "snow",
    CLOUD: "cloud",
    SATURATED: "saturated",
    NO_DATA: "no data",
}

_OF_SCL = {
    0: NO_DATA,
    1: SATURATED,
    2: SHADOW,  # dark area, topographic shadow
    3: SHADOW,  # cloud shadow
    4: LAND,  # vegetation
    5: LAND,  # not vegetated
    6: WATER,
    7: CLOUD,  # unclassified
    8: CLOUD,  # medium probability
    9: CLOUD,  # high probability
    10: CLOUD,  # thin cirrus
    11: SNOW,
}


def scl_table() -> NDArray[np.uint8]:
    """Status of each Sen2Cor class, uint8 (256,); classes that do not exist are no data."""
    table = np.full(256, NO_DATA, np.uint8)
    for scl, status in _OF_SCL.items():
        table[scl] = status
    return table
