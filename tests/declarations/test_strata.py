"""Regions of the crop type map: read, stored, and which one a parcel belongs to."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from sen4cap_core.declarations.sites.strata import Strata, read_strata
from sen4cap_core.errors import BadUploadError

RD = CRS.from_epsg(28992)


def drop(folder: Path, columns: dict[str, list[object]], boxes: list[shapely.Geometry | None]) -> Path:
    path = folder / "strata.gpkg"
    gpd.GeoDataFrame(columns, geometry=boxes, crs=RD).to_file(path)
    return path


def test_a_parcel_belongs_to_the_stratum_of_its_largest_part(tmp_path: Path) -> None:
    west, east = (
        shapely.box(150_000, 450_000, 151_000, 452_000),
        shapely.box(151_000, 450_000, 152_000, 451_000),
    )
    island = shapely.box(153_000, 450_000, 154_000, 451_000)
    path = drop(tmp_path, {"ID": [2, 1, 2]}, [west, east, island])

    strata = Strata.from_json(read_strata(path).as_json())

    assert strata.names == ("1", "2")
    parcels = np.array(
        [
            shapely.box(150_100, 450_100, 150_200, 450_200),
            shapely.box(150_900, 450_100, 151_030, 450_200),
            shapely.box(150_970, 450_100, 151_100, 450_200),
            shapely.box(153_500, 450_100, 153_600, 450_200),
            shapely.box(152_400, 450_100, 152_500, 450_200),
            None,
        ],
        object,
    )
    assert strata.of(parcels, RD).tolist() == ["2", "2", "1", "2", None, None]


@pytest.mark.parametrize(
    ("columns", "boxes", "said"),
    [
        (
            {"region": ["a"]},
            [shapely.box(150_000, 450_000, 151_000, 451_000)],
            "no attribute names the strata",
        ),
        (
            {"id": ["a", ""]},
            [shapely.box(150_000, 450_000, 151_000, 451_000)] * 2,
            "row 2, column 'id': has no",
        ),
        (
            {"id": [1.0, np.nan]},
            [shapely.box(150_000, 450_000, 151_000, 451_000)] * 2,
            "row 2, column 'id': has no",
        ),
        (
            {"id": ["a", "b"]},
            [shapely.box(150_000, 450_000, 151_000, 451_000), None],
            "stratum 'b' has no area",
        ),
    ],
)
def test_strata_that_cannot_be_used_are_named(tmp_path: Path, columns, boxes, said: str) -> None:
    with pytest.raises(BadUploadError) as caught:
        read_strata(drop(tmp_path, columns, boxes))
    assert said in caught.value.text()
