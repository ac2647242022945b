"""Pixel counts on the lattice of a zone, against labels burnt on a tile."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.rasters.grids.mgrs import tile_grid
from sen4cap_core.rasters.parcels import pixel_counts
from sen4cap_core.rasters.parcels.labels import burn_labels
from sen4cap_core.rasters.parcels.outlines import Outlines, outlines_of
from sen4cap_core.rasters.parcels.pixel_counts import count_pixels, zones_of
from tests.rasters.conftest import make_grid, make_parcels


def counted(outlines: Outlines, ids, resolutions_m: list[float], threads: int) -> np.ndarray:
    """Pixels of each parcel for each resolution; each parcel has to come once."""
    out = np.full((len(resolutions_m), len(ids)), -1)
    for some in count_pixels(outlines, ids, resolutions_m, threads=threads):
        assert (out[:, some.parcels] == -1).all()
        out[:, some.parcels] = some.pixels
    return out


@pytest.mark.parametrize("resolution_m", [10.0, 20.0])
@pytest.mark.parametrize("block_pixels", [32, 4096])
def test_counts_are_those_of_the_labels(monkeypatch, resolution_m: float, block_pixels: int) -> None:
    monkeypatch.setattr(pixel_counts, "BLOCK_PIXELS", block_pixels)
    grid = make_grid(200, 200)
    parcels = make_parcels(grid, 120, seed=3)
    parcels[5] = shapely.union(parcels[5], parcels[60])
    hole = parcels[7].centroid.buffer(15)
    parcels[7] = shapely.difference(parcels[7], hole)
    parcels[9] = None
    ids = np.random.default_rng(1).permutation(1000)[:120]
    # Parcels reach beyond the grid they were made for.
    side = round(4200 / resolution_m)
    on_lattice = Grid(grid.epsg, grid.x_min_m - 1200, grid.y_max_m + 1200, resolution_m, side, side)
    assert on_lattice.x_min_m % 60 == on_lattice.y_max_m % 60 == 0
    labels = burn_labels(parcels, ids, on_lattice, -resolution_m / 2)
    expected = dict(zip(labels.new_ids.tolist(), labels.n_total.tolist(), strict=True))

    (counts,) = counted(outlines_of(np.array(parcels, dtype=object)), ids, [resolution_m], threads=2)

    assert counts.tolist() == [expected[i] for i in ids.tolist()]
    assert counts.sum() > 0


def test_a_parcel_where_tiles_overlap_is_counted_once() -> None:
    west, east = tile_grid("30TUM"), tile_grid("30TVM")
    x = (east.bounds_m[0] + west.bounds_m[2]) / 2
    y = west.y_max_m - 50_000
    parcel = shapely.box(x - 100, y - 100, x + 100, y + 100)
    on_tiles = [int(burn_labels([parcel], [1], grid, -5.0).n_total[0]) for grid in (west, east)]
    outlines = outlines_of(np.array([parcel], dtype=object))
    coarse, counts = counted(outlines, np.array([1]), [20.0, 10.0], threads=1)
    assert on_tiles == [counts[0], counts[0]]
    grid = Grid(west.epsg, west.x_min_m, west.y_max_m, 20.0, west.width // 2, west.height // 2)
    assert coarse[0] == burn_labels([parcel], [1], grid, -10.0).n_total[0]


def test_zones_are_those_of_the_tiles() -> None:
    lon = [-0.1, 0.1, 5.0, 6.1]
    points = outlines_of(gpd.GeoSeries(gpd.points_from_xy(lon, [50.0] * 4)).buffer(0.01).to_numpy())
    assert zones_of(points, []).tolist() == [32630, 32631, 32631, 32632]
    assert zones_of(points, ["31UFS"]).tolist() == [32631] * 4
    assert zones_of(outlines_of(np.array([None], dtype=object)), []).tolist() == [0]


def test_a_parcel_across_a_border_of_zones_is_where_its_centre_is() -> None:
    wedge = shapely.Polygon([(-0.01, 50), (0.02, 50), (0.02, 50.01)])
    mirrored = shapely.affinity.scale(wedge, xfact=-1, origin=(0, 50))
    equator = [shapely.box(1, -0.1, 1.1, 0.3), shapely.box(1, -0.3, 1.1, 0.1)]
    zones = zones_of(outlines_of(np.array([wedge, mirrored, *equator])), [])
    assert zones.tolist() == [32631, 32630, 32631, 32731]
