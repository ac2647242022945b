"""Angle grids out of the metadata of Sentinel-2 (``MTD_TL.xml``) and of MAJA (``*_MTD_ALL.xml``).

Both write the same blocks of rows of numbers; they differ in how band and detector are named.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.scenes.acquisition.angles import AngleGrid, MeanAngle
from sen4cap_core.scenes.acquisition.xml_fields import all_fields, number, text_of, unreadable


def read_angle_grid(element: Element, file: str) -> AngleGrid:
    """Parse one element that holds ``Zenith`` and ``Azimuth`` with their rows of ``VALUES``.

    Raises
    ------
    UnreadableSceneError
        A part is missing, a value is no number, rows are of different lengths, or the two parts have
        different shapes.
    """
    zenith, row_step_m, col_step_m = _values(element, "Zenith", file)
    azimuth, *_ = _values(element, "Azimuth", file)
    if zenith.shape != azimuth.shape:
        raise unreadable(
            file,
            f"an angle grid has {zenith.shape} zenith and {azimuth.shape} azimuth values (rows, columns).",
        )
    return AngleGrid(zenith, azimuth, row_step_m, col_step_m)


def read_mean_angle(element: Element, file: str) -> MeanAngle | None:
    """Parse ``ZENITH_ANGLE`` and ``AZIMUTH_ANGLE``; None where one is absent or NaN.

    A mean over a tile of which nothing was seen is written as NaN.
    """
    texts = [(name, text_of(element, name)) for name in ("ZENITH_ANGLE", "AZIMUTH_ANGLE")]
    if any(text is None or text.lower() == "nan" for _, text in texts):
        return None
    zenith, azimuth = (number(text, name, file) for name, text in texts)
    return MeanAngle(zenith, azimuth)


def _values(element: Element, name: str, file: str) -> tuple[NDArray[np.float32], float, float]:
    part = next(all_fields(element, name), None)
    if part is None:
        raise unreadable(file, f"an angle grid has no {name}.")
    try:
        rows = [np.array((row.text or "").split(), dtype=np.float32) for row in all_fields(part, "VALUES")]
    except ValueError as error:
        raise unreadable(file, f"an angle grid holds something that is no number ({error}).") from error
    if not rows or not rows[0].size or len({row.size for row in rows}) != 1:
        raise unreadable(file, f"the rows of an angle grid ({name}) are missing or of different lengths.")
    steps = [number(text_of(part, step), step, file) for step in ("ROW_STEP", "COL_STEP")]
    if min(steps) <= 0:
        raise unreadable(file, f"an angle grid has steps of {steps[0]:g} and {steps[1]:g} m.")
    return np.stack(rows), steps[0], steps[1]
