"""Well-known binary read into arrays of vertices and written from them, against Shapely."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.declarations.shapes.shapes import joined_shapes, shapes_of, shapes_of_wkb
from sen4cap_core.kernels.outlines.wkb import find_plain
from sen4cap_core.rasters.parcels.outlines import outlines_of

SQUARE = shapely.box(0, 0, 10, 10)
HOLED = shapely.difference(SQUARE, shapely.box(2, 2, 4, 4))
TWO = shapely.union(HOLED, shapely.box(20, 0, 30, 10))
SHAPES = np.array([SQUARE, None, HOLED, TWO, shapely.box(5, 5, 6, 9), shapely.Point(1, 1)], dtype=object)


def as_multi(shape: shapely.Geometry | None) -> shapely.Geometry | None:
    return None if shape is None else shapely.MultiPolygon(shapely.get_parts(shape).tolist())


@pytest.mark.parametrize("srid", [0, 4326])
def test_shapes_are_written_as_shapely_writes_them(srid: int) -> None:
    data, starts = outlines_of(SHAPES[:5]).wkb(srid)
    for shape, first, end in zip(SHAPES[:5], starts[:-1], starts[1:], strict=True):
        multi = as_multi(shape)
        expected = (
            b"" if multi is None else shapely.to_wkb(shapely.set_srid(multi, srid), include_srid=srid > 0)
        )
        assert data[first:end].tobytes() == expected


def test_shapes_are_put_in_another_order() -> None:
    order = np.array([4, 2, 2, 1, 0, 3])
    taken = outlines_of(SHAPES).take(order).shapes()
    assert [as_multi(SHAPES[i]) for i in order] == taken.tolist()
    rows = np.array([0, 3])
    replaced = outlines_of(SHAPES).replaced(rows, outlines_of(SHAPES[[4, 1]])).shapes()
    assert replaced.tolist() == [as_multi(SHAPES[i]) for i in (4, 1, 2, 1, 4)] + [None]


@pytest.mark.parametrize("dimensions", [2, 3, 4])
@pytest.mark.parametrize("flavor", ["iso", "extended"])
def test_heights_and_measures_are_dropped(dimensions: int, flavor: str) -> None:
    shapes = SHAPES.copy()
    if dimensions > 2:
        shapes = shapely.force_3d(shapes, 7.0)
    wkb = shapely.to_wkb(shapes, output_dimension=dimensions, flavor=flavor).tolist()
    if dimensions == 4:
        ring = ", ".join(f"{x} {y} 1 2" for x, y in shapely.get_coordinates(SQUARE))
        wkb[0] = shapely.to_wkb(shapely.from_wkt(f"POLYGON ZM (({ring}))"), output_dimension=4, flavor=flavor)
    found = shapes_of_wkb(pa.array(wkb, pa.binary()))
    assert found.odd.tolist() == [2, 3, 5]
    same = [as_multi(SQUARE), None, HOLED, TWO, as_multi(SHAPES[4]), SHAPES[5]]
    assert found.objects().tolist() == same
    assert found.bounds() == (0, 0, 30, 10)


def test_chunks_and_slices_are_joined_in_order() -> None:
    column = pa.array(shapely.to_wkb(SHAPES).tolist(), pa.binary())
    parts = joined_shapes([shapes_of_wkb(column.slice(0, 2)), shapes_of_wkb(column.slice(2))])
    assert parts.odd.tolist() == [2, 3, 5]
    assert parts.objects().tolist() == shapes_of(SHAPES).objects().tolist()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_are_never_followed_out_of_their_shape(data: st.DataObject) -> None:
    wkb = bytearray(shapely.to_wkb(TWO))
    for _ in range(data.draw(st.integers(1, 3))):
        wkb[data.draw(st.integers(0, len(wkb) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(wkb[: data.draw(st.integers(0, len(wkb)))])
    plain = np.empty(1, np.bool_)
    find_plain(np.frombuffer(cut, np.uint8), np.array([0]), np.array([len(cut)]), plain)
    if plain[0]:
        # It has the form of a polygon: Shapely reads it, or stumbles only over a ring that does not close.
        try:
            assert shapely.from_wkb(cut).geom_type in ("Polygon", "MultiPolygon")
        except shapely.errors.GEOSException as error:
            assert "closed linestring" in str(error)  # noqa: PT017
