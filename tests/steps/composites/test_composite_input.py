"""Which scenes share a composite, without a database."""

from __future__ import annotations

from types import SimpleNamespace

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.steps.composites.input import CompositeInput, TileScene, share_out

TILE = Grid(32630, 699_960.0, 4_600_020.0, 10.0, 300, 300)


def scene(number: int, tile: str, grid: Grid) -> TileScene:
    shown = SimpleNamespace(grid=grid, tile=tile, product_id=f"P{number}")
    return TileScene(number, shown)  # type: ignore[arg-type]


def test_scenes_of_a_path_and_row_join_a_tile_whatever_their_zones() -> None:
    # The same ground in zone 31, where the other product of this path and row lies.
    beside = Grid(32631, 199_800.0, 4_604_000.0, 30.0, 300, 300)
    same = Grid(32630, 699_900.0, 4_600_050.0, 30.0, 100, 100)
    far = Grid(32631, 600_000.0, 4_600_050.0, 30.0, 100, 100)
    found = CompositeInput("site", 1, 2019, False)
    found.tiles = {
        "30TYM": [scene(1, "30TYM", TILE), scene(2, "30TYM", TILE)],
        "199031": [scene(3, "199031", same), scene(4, "199031", same), scene(5, "199031", beside)],
        "196031": [
            scene(6, "196031", far),
            scene(7, "196031", far),
            scene(8, "196031", far.at_resolution(60)),
        ],
        "195031": [scene(9, "195031", far), scene(10, "195031", Grid(32632, 9e5, 5e6, 30.0, 10, 10))],
    }
    found.n_scenes = {tile: len(members) for tile, members in found.tiles.items()}
    share_out(found)
    assert {tile: [m.scene_id for m in members] for tile, members in found.tiles.items()} == {
        "30TYM": [1, 2, 3, 4, 5],
        "196031": [6, 7, 8],
        "195031": [9],
    }
    assert found.n_scenes == {"30TYM": 5, "196031": 3, "195031": 2}
    assert found.left_out == ["P10: it lies in EPSG:32632, the others in EPSG:32631"]
