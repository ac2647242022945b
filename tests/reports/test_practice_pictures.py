"""Pictures of practices and of their scores: what is drawn is what was said, read back from the pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from shapely.geometry import box

from sen4cap_core.clock import to_days
from sen4cap_core.reports.pictures import practice_pictures
from sen4cap_core.reports.pictures.parcel_map import NEUTRAL
from sen4cap_core.reports.pictures.practice_pictures import (
    GRADE_COLOURS,
    NO_SERIES,
    PracticeChart,
    harvest_histogram_png,
    practice_chart_png,
    practice_map_png,
)
from sen4cap_core.reports.scores.scoring_practices import crop_shares_png, week_error_png

BLUE = "#0072b2"
TOLERANCE = 6
"""Pictures are kept in few colours."""


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def is_colour(image: np.ndarray, colour: str) -> np.ndarray:
    wanted = np.array(to_rgb(colour)) * 255
    return np.abs(image - wanted).max(axis=2) <= TOLERANCE


def bars(png: bytes, colour: str = BLUE) -> list[tuple[float, int]]:
    """Middle column and height of each bar of a colour."""
    heights = is_colour(pixels(png), colour).sum(axis=0)
    columns = np.nonzero(heights > 2)[0]
    runs = np.split(columns, np.nonzero(np.diff(columns) > 1)[0] + 1) if columns.size else []
    return [(float(run.mean()), int(np.median(heights[run]))) for run in runs]


def test_a_chart_has_room_for_all_that_is_written_on_it() -> None:
    days = np.arange(to_days(date(2019, 4, 1)), to_days(date(2019, 9, 15)), 6, dtype=np.int32)
    series = days, np.linspace(800.0, 200.0, days.size)
    markers = np.ones((days.size, 5), np.int8)
    image = pixels(practice_chart_png(PracticeChart("P", "NA", series, series, series, days, markers)))

    # The year stands below the months.
    for edge in (image[:3], image[-3:], image[:, :2], image[:, -2:]):
        assert (edge > 245).all()


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Figures that were drawn, in their order."""
    drawn: list[Any] = []
    monkeypatch.setattr(
        practice_pictures, "figure_png", lambda figure, _max_bytes: drawn.append(figure) or b""
    )
    return drawn


def test_the_chart_says_what_its_shades_lines_and_marks_are(figures: list[Any]) -> None:
    days = np.arange(to_days(date(2019, 4, 1)), to_days(date(2019, 9, 15)), 6, dtype=np.int32)
    series = days, np.linspace(0.8, 0.2, days.size)
    markers = np.ones((days.size, 5), np.int8)
    start, end = int(days[2]), int(days[-3])

    for gap in (False, True):
        ndvi = (days[[0, -1]], series[1][[0, -1]]) if gap else series
        chart = PracticeChart("P", "", ndvi, series, series, days, markers, (start, end), (end, end + 7))
        practice_chart_png(replace(chart, weeks={"harvest": start, "tillage": end}))
    practice_chart_png(PracticeChart("P", "", series, series, series, days, markers))

    told = [[text.get_text() for text in figure.legends[0].get_texts()] for figure in figures]
    named = [
        "harvest expected",
        "period of the practice",
        "week of harvest",
        "week of tillage",
        "marker true",
    ]
    assert told == [named, [*named, "gap over 30 days"], ["marker true"]]
    for figure in figures:
        assert figure.legends[0].get_window_extent().x1 < figure.bbox.x1
        assert [axes.get_ylabel() for axes in figure.axes[:3]] == ["NDVI", "VV - VH (dB)", "coherence"]
        # What the markers say stands before them, and is not cut off.
        labels = figure.axes[3].get_yticklabels()
        assert [label.get_text()[:2] for label in labels] == ["M1", "M2", "M3", "M4", "M5"]
        figure.canvas.draw()
        assert min(label.get_window_extent().x0 for label in labels) > 0


def test_the_year_stands_alone_at_the_end_of_the_axis(figures: list[Any]) -> None:
    harvest_histogram_png([date(2019, 6, 10), date(2019, 8, 19)], "Harvest weeks, 2019")

    figures[0].canvas.draw()
    assert figures[0].axes[0].xaxis.get_offset_text().get_text() == "2019"


def test_parcels_of_the_map_have_the_colour_of_their_grade() -> None:
    values = ["STRONG", "POOR", "WEAK", "of no grade"]
    squares = [box(100.0 * i, 0.0, 100.0 * i + 80.0, 80.0) for i in range(4)]
    parcels = gpd.GeoDataFrame(geometry=squares, crs="EPSG:32631")
    image = pixels(practice_map_png(parcels, values, "Catch crops"))
    wanted = [GRADE_COLOURS.get(value, NEUTRAL) for value in values]
    n_rows = image.shape[0]
    rows, columns = np.nonzero(is_colour(image, wanted[0])[: n_rows // 2])
    side, start, middle_row = np.ptp(columns) + 1, int(columns.min()), int(rows.mean())
    # Squares lie side by side, as high as wide.
    assert np.count_nonzero(is_colour(image, wanted[0])[:, start + side // 2]) == pytest.approx(side, abs=3)
    middles = [int(start + side * (100 * i + 40) / 80) for i in range(4)]
    for column, colour in zip(middles, wanted, strict=True):
        assert is_colour(image, colour)[middle_row, column], (column, colour)
    # The legend stands below the map and covers no parcel.
    in_rows = np.nonzero(is_colour(image, GRADE_COLOURS["POOR"]).any(axis=1))[0]
    (gap,) = np.nonzero(np.diff(in_rows) > 10)[0]
    assert in_rows[gap] == pytest.approx(rows.min() + side, abs=3)
    # The legend names what is on the map and nothing else.
    assert not is_colour(image, GRADE_COLOURS["MODERATE"]).any()


def test_the_map_says_what_a_grade_without_an_answer_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(
        practice_pictures,
        "parcel_map_png",
        lambda _parcels, values, colours, _title: told.append((values, colours)) or b"",
    )
    practice_map_png(gpd.GeoDataFrame(), ["STRONG", "NR", "NA", "NA1", NO_SERIES], "Catch crops")

    [(values, colours)] = told
    assert values == [
        "STRONG", "NR: not yet or not relevant", "NA: not available", "NA1: too few radar pixels",
        "no usable series",
    ]  # fmt: skip
    assert set(values) <= set(colours)
    # Seen on white paper.
    assert max(min(to_rgb(colour)) for colour in colours.values()) < 0.87


def test_the_histogram_counts_weeks_and_shows_empty_ones() -> None:
    mondays = [date(2019, 7, 1)] * 2 + [date(2019, 7, 15)] * 4
    (first, two), (second, four) = bars(harvest_histogram_png(mondays, "Harvest weeks, 2019"))
    assert abs(four - 2 * two) <= 2
    # An empty week lies between them, whatever the counts are.
    (single, _), (neighbour, _) = bars(
        harvest_histogram_png([date(2019, 7, 1), date(2019, 7, 15)], "the same axis")
    )
    assert (first, second) == (single, neighbour)
    assert bars(harvest_histogram_png([], "none")) == []


def test_errors_of_weeks_stand_where_they_belong() -> None:
    errors = pd.Series([0.0, 0.0, 0.0, 0.2, 2.0, 2.0, -11.0, np.nan])
    early, right, late = bars(week_error_png(errors, "Harvest week"))
    assert abs(right[1] - 4 * early[1]) <= 4
    assert abs(late[1] - 2 * early[1]) <= 2
    # What is further off than six weeks stands at six.
    a_week = (late[0] - right[0]) / 2
    assert abs((right[0] - early[0]) / a_week - 6) < 0.1


def test_shares_of_crops_are_as_high_as_they_are() -> None:
    table = pd.DataFrame({"crop": ["all", "maize", "rye"], "harvest_recall": [1.0, 0.5, np.nan]})
    whole, half = bars(crop_shares_png(table, ["harvest_recall"], "Recall by crop"), "#1f77b4")[-2:]
    assert abs(half[1] - whole[1] / 2) <= 2
