"""Label spans: pixel centres, overlaps, independence of the order of the parcels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from sen4cap_core.errors import Sen4capError
from sen4cap_core.rasters.parcels import labels as labels_module
from sen4cap_core.rasters.parcels.label_changes import labels_of_parcels, parcels_with_other_pixels
from sen4cap_core.rasters.parcels.labels import LabelSpans, burn_labels, load_labels, save_labels
from tests.rasters.conftest import make_grid, make_parcels


def image_of(spans: LabelSpans) -> np.ndarray:
    """Parcel id of each pixel, -1 for none."""
    image = np.full(spans.grid.shape, -1, np.int64)
    for row, first, last, parcel in zip(spans.rows, spans.first, spans.last, spans.parcel, strict=True):
        assert (image[row, first : last + 1] == -1).all(), "a pixel has two owners"
        image[row, first : last + 1] = spans.new_ids[parcel]
    return image


def expected_image(parcels: list, ids: list[int], grid, buffer_m: float) -> np.ndarray:
    """Pixel centres inside the buffered outline, the smallest parcel first, by shapely alone."""
    rows, cols = np.mgrid[: grid.height, : grid.width]
    x = grid.x_min_m + (cols + 0.5) * grid.resolution_m
    y = grid.y_max_m - (rows + 0.5) * grid.resolution_m
    image = np.full(grid.shape, -1, np.int64)
    for index in sorted(range(len(parcels)), key=lambda i: (-parcels[i].area, -ids[i])):
        buffered = parcels[index].buffer(buffer_m) if buffer_m else parcels[index]
        image[shapely.contains_xy(buffered, x, y)] = ids[index]
    return image


@pytest.mark.parametrize("buffer_m", [0.0, -5.0])
@pytest.mark.parametrize("seed", range(4))
def test_pixels_are_those_whose_centre_lies_inside(seed: int, buffer_m: float) -> None:
    grid = make_grid(70, 90)
    parcels = make_parcels(grid, 40, seed)
    ids = list(np.random.default_rng(seed).permutation(1000)[:40].tolist())
    spans = burn_labels(parcels, ids, grid, buffer_m)
    np.testing.assert_array_equal(image_of(spans), expected_image(parcels, ids, grid, buffer_m))
    assert (np.diff(spans.rows) >= 0).all()
    assert spans.n_total.sum() == (image_of(spans) >= 0).sum()
    np.testing.assert_array_equal(spans.new_ids, np.sort(ids))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), order=st.permutations(range(12)))
def test_order_of_parcels_does_not_matter(seed: int, order: list[int]) -> None:
    grid = make_grid(40, 40)
    parcels = make_parcels(grid, 12, seed)
    parcels[3] = parcels[7]  # the same outline twice: the smaller id wins
    ids = np.arange(100, 112)
    straight = burn_labels(parcels, ids, grid, 0.0)
    shuffled = burn_labels([parcels[i] for i in order], ids[list(order)], grid, 0.0)
    for name in ("rows", "first", "last", "parcel", "new_ids", "n_total"):
        np.testing.assert_array_equal(getattr(straight, name), getattr(shuffled, name))
    assert straight.n_total[7] == 0


def test_small_parcel_inside_a_large_one_keeps_its_pixels() -> None:
    grid = make_grid(20, 20)
    x, y = grid.x_min_m, grid.y_max_m
    large, small = shapely.box(x, y - 200, x + 200, y), shapely.box(x + 50, y - 100, x + 80, y - 70)
    for parcels, ids in (([large, small], [1, 2]), ([small, large], [2, 1])):
        spans = burn_labels(parcels, ids, grid, 0.0)
        assert spans.n_total.tolist() == [400 - 9, 9]


def test_inner_buffer_takes_half_a_pixel_off_each_side() -> None:
    grid = make_grid(20, 20)
    square = shapely.box(grid.x_min_m + 30, grid.y_max_m - 90, grid.x_min_m + 90, grid.y_max_m - 30)
    assert burn_labels([square], [1], grid, 0.0).n_total.tolist() == [36]
    assert burn_labels([square], [1], grid, -5.1).n_total.tolist() == [16]


def test_parcels_without_pixels_stay_with_zero() -> None:
    grid = make_grid(20, 20)
    tiny = shapely.Point(grid.x_min_m + 100, grid.y_max_m - 100).buffer(2)
    far = shapely.box(0, 0, 100, 100)
    spans = burn_labels([None, shapely.Polygon(), tiny, far], [4, 3, 2, 1], grid, -5.0)
    assert spans.new_ids.tolist() == [1, 2, 3, 4]
    assert spans.n_total.tolist() == [0, 0, 0, 0]
    assert len(spans.rows) == 0


def test_strips_give_the_same_spans_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = make_grid(100, 80)
    parcels = make_parcels(grid, 30, 5)
    whole = burn_labels(parcels, range(30), grid, -5.0)
    monkeypatch.setattr(labels_module, "_STRIP_ROWS", 7)
    strips = burn_labels(parcels, range(30), grid, -5.0)
    np.testing.assert_array_equal(image_of(whole), image_of(strips))


@pytest.mark.parametrize(("first", "stop"), [(0, 7), (5, 6), (12, 40), (-9, 3), (-9, -1), (90, 400), (3, 3)])
def test_spans_of_rows_are_those_that_lie_in_them(first: int, stop: int) -> None:
    grid = make_grid(40, 40)
    spans = burn_labels(make_parcels(grid, 12, seed=3), range(12), grid, 0.0)

    inside = np.flatnonzero((spans.rows >= first) & (spans.rows < stop))
    assert np.arange(spans.rows.size)[spans.of_rows(first, stop)].tolist() == inside.tolist()


def test_ids_must_be_unique_and_as_many_as_outlines() -> None:
    grid = make_grid(5, 5)
    with pytest.raises(ValueError, match="parcel id 7 occurs twice"):
        burn_labels([None, None], [7, 7], grid, 0.0)
    with pytest.raises(ValueError, match="2 geometries but 1 parcel ids"):
        burn_labels([None, None], [7], grid, 0.0)


def test_labels_survive_the_disk(tmp_path: Path) -> None:
    grid = make_grid(40, 50)
    spans = burn_labels(make_parcels(grid, 10, 1), range(10), grid, -5.0)
    save_labels(tmp_path / "labels.npz", spans)
    loaded = load_labels(tmp_path / "labels.npz")
    assert loaded.grid == grid
    for name in ("rows", "first", "last", "parcel", "new_ids", "n_total"):
        np.testing.assert_array_equal(getattr(spans, name), getattr(loaded, name))
        assert getattr(spans, name).dtype == getattr(loaded, name).dtype
    assert [p.name for p in tmp_path.iterdir()] == ["labels.npz"]


def test_a_damaged_label_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "labels.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(Sen4capError, match="Remove it"):
        load_labels(tmp_path / "labels.npz")


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), moved=st.sets(st.integers(0, 19), max_size=5))
def test_other_pixels_are_found_wherever_they_come_from(seed: int, moved: set[int]) -> None:
    grid = make_grid(50, 50)
    parcels = make_parcels(grid, 20, seed)
    later = [p.buffer(4.0) if i in moved else p for i, p in enumerate(parcels)]
    former = burn_labels(parcels[:18], np.arange(1, 19), grid, -5.0)
    labels = burn_labels(later[1:], np.arange(2, 21), grid, -5.0)

    changed = parcels_with_other_pixels(former, labels)

    before, after = image_of(former), image_of(labels)
    expected = [not np.array_equal(before == p, after == p) or p > 18 for p in labels.new_ids]
    assert changed.tolist() == expected
    part = labels_of_parcels(labels, changed)
    np.testing.assert_array_equal(
        image_of(part), np.where(np.isin(after, labels.new_ids[changed]), after, -1)
    )
