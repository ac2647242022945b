"""MGRS squares to tile grids, checked against published corners and the whole Sentinel-2 grid."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import shapely

from sen4cap_core.rasters.grids.mgrs import (
    existing_tile,
    tile_epsg,
    tile_footprint,
    tile_grid,
    tiles_of_extent,
)


def test_tile_grid_of_known_tiles() -> None:
    # Corners as in the metadata of real products.
    north = tile_grid("30TUM")
    assert (north.epsg, north.x_min_m, north.y_max_m) == (32630, 300_000, 4_700_040)
    assert north.shape == (10_980, 10_980)
    assert tile_grid("T31TCJ").bounds_m == (300_000, 4_790_220, 409_800, 4_900_020)
    assert tile_grid("36MZC").bounds_m[3] == 9_800_020
    assert tile_grid("32TMT", 20).shape == (5490, 5490)
    assert tile_grid("32TMT", 60).shape == (1830, 1830)
    assert tile_epsg("33XVH") == 32633
    assert tile_epsg("01CDH") == 32701


@pytest.mark.parametrize("text", ["", "30TU", "61TUM", "00TUM", "30IUM", "30TIM", "30TUW", "30tum", "30TUMX"])
def test_names_that_are_no_tile_say_what_is_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected two digits of the UTM zone"):
        tile_grid(text)


def test_footprint_encloses_its_own_centre() -> None:
    footprint = tile_footprint("30TUM")
    assert footprint.contains(shapely.Point(-4.75, 41.95))
    assert footprint.area == pytest.approx(1.3 * 0.99, rel=0.05)


def test_footprint_across_the_antimeridian_has_two_parts() -> None:
    footprint = tile_footprint("01KAA")
    assert footprint.geom_type == "MultiPolygon"
    west, _, east, _ = footprint.bounds
    assert west >= -180
    assert east <= 180
    assert max(p.bounds[2] - p.bounds[0] for p in footprint.geoms) < 2


def test_tiles_of_extent() -> None:
    # Valladolid lies in one tile, away from the overlaps; the second box straddles zones 30 and 31.
    assert tiles_of_extent(shapely.box(-4.8, 41.6, -4.7, 41.7)) == ["30TUM"]
    assert tiles_of_extent(shapely.Point(-4.75, 41.65)) == ["30TUM"]
    zones = {tile[:2] for tile in tiles_of_extent(shapely.box(-0.3, 43.0, 0.9, 43.2))}
    assert zones == {"30", "31"}
    assert tiles_of_extent(shapely.Polygon()) == []
    assert "60KZF" not in tiles_of_extent(shapely.box(179.5, -20.0, 179.99, -19.0))


def test_touching_a_tile_is_not_enough() -> None:
    footprint = tile_footprint("30TUM")
    corner = shapely.get_coordinates(footprint)[0]
    touching = shapely.Polygon([corner, corner + np.array([5, 0]), corner + np.array([5, -5])])
    assert ("30TUM" in tiles_of_extent(touching)) == (not touching.touches(footprint))


def _published(shared: Path) -> list[dict[str, str]]:
    path = shared / "data/s2-tile-grid/derived/s2_tiles.csv"
    if not path.exists():
        pytest.skip(f"no tile table: {path} does not exist")
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_corners_of_all_published_tiles(shared: Path) -> None:
    rows = _published(shared)
    assert len(rows) == 56_686
    for row in rows:
        grid = tile_grid(row["tile_id"])
        corner = (grid.epsg, grid.bounds_m[0], grid.bounds_m[1])
        assert corner == (int(row["epsg"]), float(row["xmin"]), float(row["ymin"])), row["tile_id"]


def test_which_tiles_exist(shared: Path) -> None:
    # Those of Europe, and three of the others, which are all alike.
    zones = (1, 18, *range(28, 39), 60)
    published = {row["tile_id"] for row in _published(shared) if int(row["tile_id"][:2]) in zones}
    assert len(published) > 10_000
    ours = {existing_tile(z, c, r) for z in zones for c in range(1, 9) for r in range(-93, 94)} - {None}
    # Around the widened zones of Norway and Svalbard the published grid follows no rule of half a square:
    # seven squares of the Norwegian Sea and the Arctic Ocean are ours alone, three on 72 degrees north
    # theirs.
    assert ours - published == {"32VJH", "32VJJ", "32VJK", "32VKH", "32WME", "34WDE", "36WVE"}
    assert published - ours == {"33WUV", "35WLV", "37WCV"}
