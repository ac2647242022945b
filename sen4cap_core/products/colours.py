"""The colours of NDVI, the same in pictures and in QGIS."""

from __future__ import annotations

from typing import Final

Rgb = tuple[int, int, int]

NDVI_STOPS: Final[tuple[tuple[float, Rgb], ...]] = (
    (0.0, (250, 243, 224)),
    (0.2, (233, 216, 150)),
    (0.4, (186, 204, 110)),
    (0.6, (107, 168, 83)),
    (0.8, (36, 116, 61)),
    (1.0, (0, 58, 32)),
)
"""Bare to dense: each step is darker than the one before, so the order is seen without telling hues apart."""
