"""Strata: regions of a site whose crops are learnt apart, as a file of polygons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from sen4cap_core.declarations.shapes.geometry import WGS84, repair, reproject
from sen4cap_core.declarations.texts.texts import as_texts
from sen4cap_core.declarations.vectors.vector_files import read_vector
from sen4cap_core.errors import BadUploadError, Problem

NAME_COLUMNS = ("id", "stratum", "strata", "name")
"""Attributes that name a stratum; the first that is there counts. ``id`` is the original's."""
MAX_STRATA = 1000


@dataclass(frozen=True)
class Strata:
    """Named regions, ascending by name."""

    names: tuple[str, ...]
    polygons: NDArray[np.object_]
    """Valid MultiPolygons in longitude and latitude."""

    def as_json(self) -> dict[str, Any]:
        """Return what is stored: name and outline (WKB in hexadecimal digits) of each."""
        pairs = zip(self.names, self.polygons, strict=True)
        return {"strata": [{"name": n, "wkb": shapely.to_wkb(p, hex=True)} for n, p in pairs]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Strata:
        """Return what `as_json` stored."""
        rows = values["strata"]
        return cls(
            tuple(row["name"] for row in rows),
            np.array([shapely.from_wkb(row["wkb"]) for row in rows], object),
        )

    def of(self, geometry: NDArray[np.object_], crs: CRS) -> NDArray[np.object_]:
        """Return the name of the stratum that holds the largest part of each parcel, None outside of all.

        The original learns a parcel on a border in both regions, and predicts it twice.

        Parameters
        ----------
        geometry : polygons (parcels,); None where a parcel has none.
        """
        regions = reproject(self.polygons, WGS84, crs)
        tree = shapely.STRtree(regions)
        parcel, region = tree.query(geometry, predicate="intersects")
        shared_m2 = shapely.area(shapely.intersection(geometry[parcel], regions[region]))
        names = np.full(len(geometry), None, object)
        # The largest part comes last and stays; of equal parts the first name.
        order = np.lexsort((-region, shared_m2))
        order = order[shared_m2[order] > 0]
        names[parcel[order]] = np.array(self.names, object)[region[order]]
        return names


def read_strata(path: Path) -> Strata:
    """Read strata of any vector file, zipped or not: polygons with an attribute ``id`` (or ``stratum``...).

    Features of one name are one stratum.

    Raises
    ------
    BadUploadError
        When the file cannot be read, has no such attribute, or a feature has no name or no area.
    """
    layer = read_vector(path)
    lower = {name.lower(): name for name in reversed(layer.attributes.column_names)}
    column = next((lower[name] for name in NAME_COLUMNS if name in lower), None)
    if column is None:
        raise BadUploadError(
            path,
            "no attribute names the strata.",
            expected=f"one of {', '.join(NAME_COLUMNS)}",
            remedy=f"the file has: {', '.join(layer.attributes.column_names[:20]) or 'none'}.",
        )
    names = ["" if name is None else name for name in as_texts(layer.attributes[column])]
    polygons = repair(layer.shapes.objects()).geometry
    problems = [
        Problem("has no name", row=row, column=column) for row, name in enumerate(names, 1) if not name
    ]
    problems += [
        Problem(f"stratum {name!r} has no area", row=row)
        for row, (name, polygon) in enumerate(zip(names, polygons, strict=True), 1)
        if polygon is None
    ]
    if problems or not names:
        raise BadUploadError(
            path, "these strata cannot be used.", problems=problems[:20],
            expected="one or more polygons, each with a name", remedy="correct these features.",
        )  # fmt: skip
    distinct = sorted(set(names))
    if len(distinct) > MAX_STRATA:
        raise BadUploadError(
            path,
            f"{len(distinct)} strata: each needs hundreds of parcels to learn from.",
            expected=f"{MAX_STRATA} at most",
        )
    merged = [shapely.union_all(polygons[np.array([n == name for n in names])]) for name in distinct]
    outlines = repair(reproject(np.array(merged, object), layer.crs, WGS84)).geometry
    return Strata(tuple(distinct), outlines)
