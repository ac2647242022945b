"""What the pictures of a crop type map show, read back from the figures before they become pixels."""

from __future__ import annotations

import io
from datetime import date
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

from sen4cap_core.processors.l4a.crop_type.accuracy import measure
from sen4cap_core.reports.pictures import crop_type

CLASSES = np.array([1, 2, 3])
NAMES = {1: "wheat", 2: "maize", 3: "grass"}
DECLARED = np.array([1, 1, 1, 2, 2, 3, 3, 3, 3, 3])
PREDICTED = np.array([1, 1, 2, 2, 2, 3, 3, 3, 3, 1])


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that were drawn, in their order."""
    drawn: list[Any] = []
    monkeypatch.setattr(crop_type, "figure_png", lambda figure, _max_bytes: drawn.append(figure) or b"")
    return drawn


def test_bars_are_f_scores_and_dots_the_area_so_far_with_the_largest_crop_first(figures: list[Any]) -> None:
    accuracy = measure(PREDICTED, DECLARED, CLASSES)
    area_m2 = np.where(DECLARED == 2, 30_000.0, 5_000.0)
    classes = SimpleNamespace(declared=DECLARED, area_m2=area_m2, names=NAMES)

    crop_type.accuracy_png(SimpleNamespace(accuracy=accuracy), classes)  # type: ignore[arg-type]

    [axes] = figures[0].axes
    order = [1, 2, 0]
    # 2 PA UA / (PA + UA), by hand: maize 1 and 2/3, grass 4/5 and 1, wheat 2/3 and 2/3.
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([4 / 5, 8 / 9, 2 / 3])
    assert axes.lines[0].get_ydata() == pytest.approx([60 / 100, 85 / 100, 1])
    assert [text.get_text() for text in axes.get_xticklabels()] == [f"{i + 1} {NAMES[i + 1]}" for i in order]
    title = axes.get_title(loc="left")
    assert "accuracy 0.800" in title
    assert f"kappa {accuracy.kappa:.3f}" in title


def test_the_heat_map_has_shares_of_each_declared_crop(figures: list[Any]) -> None:
    crop_type.confusion_png(measure(PREDICTED, DECLARED, CLASSES), NAMES)

    [axes] = figures[0].axes
    # Grass, wheat, maize by the number declared; rows what was predicted.
    shares = [[0.8, 0, 0], [0.2, 2 / 3, 0], [0, 1 / 3, 1]]
    np.testing.assert_allclose(axes.images[0].get_array(), shares)
    assert [text.get_text() for text in axes.texts] == ["4", "1", "2", "1", "2"]


def test_accuracy_stands_against_the_date(figures: list[Any]) -> None:
    days = [date(2019, 5, 1), date(2019, 6, 1), date(2019, 7, 1)]

    crop_type.early_season_png(days, [0.4, 0.6, 0.8], [0.3, 0.5, 0.7])

    overall, macro_f = figures[0].axes[0].lines
    assert list(overall.get_xdata()) == days
    assert list(overall.get_ydata()) == [0.4, 0.6, 0.8]
    assert list(macro_f.get_ydata()) == [0.3, 0.5, 0.7]
    with pytest.raises(ValueError, match="no day"):
        crop_type.early_season_png([], [], [])


def test_the_map_has_its_crops_in_their_colours_and_doubtful_ones_in_a_frame() -> None:
    squares = [
        box(100.0 * (i % 4), 100.0 * (i // 4), 100.0 * (i % 4) + 90, 100.0 * (i // 4) + 90) for i in range(12)
    ]
    parcels = gpd.GeoDataFrame(geometry=squares, crs="EPSG:32631")
    # Nothing is told of the last; twelve is the most frequent, then ten.
    numbers = np.array([12, 12, 12, 12, 12, 10, 10, 10, 10, 11, 11, 11])
    conform = np.ones(12, int)
    conform[-1] = -1
    classes = SimpleNamespace(names={10: "Oats", 11: "$\\frac{", 12: "Temporary grassland, long ley"})
    pictures = []
    for doubtful in (False, True):
        is_doubtful = np.arange(12) == (5 if doubtful else -1)
        crop_map = SimpleNamespace(pred_1=numbers, conform=conform, is_doubtful=is_doubtful)
        png = crop_type.crop_map_png(parcels, crop_map, classes, "Crop types")  # type: ignore[arg-type]
        assert png is not None
        pictures.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int))

    plain, framed = pictures
    colours = [(0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E), (0x2C, 0xA0, 0x2C), (0xDE, 0xDE, 0xDE)]
    for colour, n_squares in zip(colours, (5, 4, 2, 1), strict=True):
        # Three rows of squares fill the height of the map.
        side = 0.9 * (plain[:, :, 0] < 250).any(axis=1)[44:600].sum() / 2.9
        shown = (plain == colour).all(axis=2).sum()
        assert shown == pytest.approx(n_squares * side**2, rel=0.1)
    # The sixth square is the second of the middle row.
    changed = (np.abs(plain[60:500] - framed[60:500]) > 60).any(axis=2)
    rows, columns = np.nonzero(changed)
    height, width = framed.shape[:2]
    assert width / 4 - 15 < columns.min() < columns.max() < width / 2 + 15
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=3)
    dark = np.nonzero((framed < 90).all(axis=2))
    assert dark[1].max() < width - 8
    assert dark[0].max() < height - 4


def test_without_an_outline_there_is_no_map() -> None:
    parcels = gpd.GeoDataFrame(geometry=[None, None], crs="EPSG:4326")
    nothing = SimpleNamespace()

    assert crop_type.crop_map_png(parcels, nothing, nothing, "Crop types") is None  # type: ignore[arg-type]
