"""Declared parcels against the extent of their site: files of another place are refused, strays are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from sen4cap_core.errors import BadUploadError, Problem
from sen4cap_core.rasters.parcels.outlines import Outlines

_AT_ONCE = 100_000
"""Boxes made at a time: of a million at once they would take a third of a gigabyte."""
_MOST_GONE = 0.5
"""A greater share of the parcels before that is gone is told in words."""


def check_place(
    path: Path, outlines: Outlines, site: str, extent: BaseGeometry | None, *, replaces: bool
) -> list[Problem]:
    """Compare parcels with the extent of their site; return a warning where some lie outside.

    Where none lies inside, either may be the wrong one. So the first declarations are taken with a warning,
    and those that would take the place of others refused.

    Parameters
    ----------
    outlines : of the parcels, longitude and latitude. One without area lies nowhere and does not count.
    extent : longitude and latitude; None where the site has none.
    replaces : whether declarations of the year are in force that these would replace.

    Raises
    ------
    BadUploadError
        When none lies inside and others are in force.
    """
    there = np.flatnonzero(outlines.there)
    if extent is None or not len(there):
        return []
    boxes = outlines.measured().boxes[there]
    n_inside = _n_meeting(boxes, extent)
    if n_inside == len(there):
        return []
    if n_inside or not replaces:
        text = (
            f"{len(there) - n_inside} of {len(there)} parcels lie outside of the extent of the site: scenes "
            "are looked for within it, so they may never be observed"
            + ("" if n_inside else f". If {site} is the wrong site or its extent another one's, correct that")
        )
        return [Problem(text)]
    own = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    raise BadUploadError(
        path,
        f"none of its {len(there)} parcels lies in the extent of the site {site}.",
        expected=f"parcels within {_span(extent.bounds)}; those of the file lie within {_span(own)}",
        remedy=(
            "if it is the file of another site, drop it there. If the coordinates are in another coordinate "
            "system than the file states, state the right one and drop it again. If the parcels are right, "
            "drop an extent (site.zip or site.gpkg) that holds them, and then this file again."
        ),
    )


def warn_of_gone(n_gone: int, n_before: int) -> list[Problem]:
    """Return a warning where most of the parcels declared before are gone."""
    if n_gone <= _MOST_GONE * n_before:
        return []
    text = (
        f"{n_gone} of the {n_before} parcels declared before are gone. If the file is only a part, write "
        "`mode: incremental` into declarations.yaml beside it, and those it lacks stay; if it is the wrong "
        "file, drop the earlier one again"
    )
    return [Problem(text)]


def _n_meeting(boxes: NDArray[np.float64], extent: BaseGeometry) -> int:
    shapely.prepare(extent)
    return sum(
        int(shapely.intersects(extent, shapely.box(*boxes[first : first + _AT_ONCE].T)).sum())
        for first in range(0, len(boxes), _AT_ONCE)
    )


def _span(bounds: tuple[float, ...]) -> str:
    west, south, east, north = bounds
    return f"{west:.3f} to {east:.3f}° E, {south:.3f} to {north:.3f}° N"
