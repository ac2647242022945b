"""Declarations that lie outside of their site, or that take the place of quite other parcels."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from sen4cap_core.simulation.uploads import write_shapefile_zip
from sen4cap_core.steps.uploads.site import store_extent
from tests.steps.conftest import GRID, SITE, fields

pytestmark = pytest.mark.service


def give_extent(context, tmp_path: Path, *, shift_m: float = 0.0, width_m: float = 5000.0) -> None:
    left, top = GRID.x_min_m + shift_m, GRID.y_max_m
    outline = gpd.GeoDataFrame(geometry=[shapely.box(left, top - 5000, left + width_m, top)], crs=GRID.epsg)
    path = tmp_path / "site.gpkg"
    outline.to_file(path, driver="GPKG")
    store_extent(context, SITE, path)


def drop(receive, tmp_path: Path, name: str, **options):
    path = tmp_path / name
    write_shapefile_zip(path, fields(**options), "parcels")
    return receive(f"declarations/{name}", path.read_bytes())


def warnings_of(answer) -> str:
    return " ".join(one["text"] for one in answer.receipt["warnings"])


def test_parcels_of_another_place_are_refused_and_those_in_force_stay(context, receive, tmp_path) -> None:
    assert drop(receive, tmp_path, "ours.zip", n=3).accepted
    give_extent(context, tmp_path, shift_m=50_000)

    answer = drop(receive, tmp_path, "theirs.zip", n=4, first_id=100)

    assert not answer.accepted
    error = answer.receipt["error"]
    assert "none of its 4 parcels lies in the extent of the site polder" in error
    assert "those of the file lie within -5." in error
    for way_out in ("coordinate system", "site.gpkg", "another site"):
        assert way_out in error
    give_extent(context, tmp_path)
    again = drop(receive, tmp_path, "ours-again.zip", n=3, crop="046")
    assert again.receipt["stored"]["parcels with other attributes"] == 3


def test_first_parcels_of_another_place_are_taken_with_a_warning(context, receive, tmp_path) -> None:
    give_extent(context, tmp_path, shift_m=50_000)

    answer = drop(receive, tmp_path, "first.zip", n=4)

    assert answer.accepted
    assert "4 of 4 parcels lie outside of the extent of the site" in warnings_of(answer)
    assert "If polder is the wrong site or its extent another one's, correct that" in warnings_of(answer)
    assert not drop(receive, tmp_path, "second.zip", n=5).accepted


def test_parcels_outside_are_counted(context, receive, tmp_path) -> None:
    give_extent(context, tmp_path, width_m=500.0)

    answer = drop(receive, tmp_path, "parcels.zip", n=4)

    assert answer.accepted
    assert "2 of 4 parcels lie outside of the extent of the site" in warnings_of(answer)
    give_extent(context, tmp_path)
    assert "outside of the extent" not in warnings_of(drop(receive, tmp_path, "again.zip", n=5))


def test_a_version_that_most_parcels_are_gone_from_says_so(receive, tmp_path) -> None:
    drop(receive, tmp_path, "first.zip", n=4)
    half = drop(receive, tmp_path, "half.zip", n=2)
    other = drop(receive, tmp_path, "other.zip", n=4, first_id=50)

    assert "are gone" not in warnings_of(half)
    assert "2 of the 2 parcels declared before are gone" in warnings_of(other)
    assert "mode: incremental" in warnings_of(other)
