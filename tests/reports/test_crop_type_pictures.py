"""What the pictures of a crop type map show, read back from the figures before they become pixels."""

from __future__ import annotations

import io
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import box

from sen4cap_core.processors.l4a.crop_type.accuracy import measure
from sen4cap_core.reports.pages.crop_type_page import map_png
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


def test_the_legend_of_a_map_is_whole_beside_it() -> None:
    squares = np.array(
        [
            box(100.0 * (i % 4), 100.0 * (i // 4), 100.0 * (i % 4) + 90, 100.0 * (i // 4) + 90)
            for i in range(12)
        ]
    )
    numbers = np.arange(12) % 3 + 10
    crop_map = SimpleNamespace(pred_1=numbers, conform=np.ones(12, int), is_doubtful=np.zeros(12, bool))
    names = dict.fromkeys((10, 11, 12), "Temporary grassland, long ley")
    classes = SimpleNamespace(area_m2=np.full(12, 8100.0), names=names)

    png = map_png(squares, crop_map, classes)  # type: ignore[arg-type]

    assert png is not None
    image = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    dark = np.nonzero((image < 90).all(axis=2).any(axis=0))[0]
    # Letters stand to the right of the map, and the last one ends before the edge.
    assert dark.max() > 0.8 * image.shape[1]
    assert (image[:, -3:] > 245).all()
