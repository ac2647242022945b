from __future__ import annotations

import io
import subprocess
import sys
from datetime import date

import numpy as np
import pytest
import shapely
from PIL import Image

from sen4cap_core.clock import to_days
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.reports.pictures import quicklook as quicklook_module
from sen4cap_core.reports.pictures.chart import ChartCoherence, ChartEvent, parcel_chart_png
from sen4cap_core.reports.pictures.drawing import fitted, font, length_text, png_bytes, round_length_m
from sen4cap_core.reports.pictures.few_colours import few_colours
from sen4cap_core.reports.pictures.palette import ndvi_table, ramp_colours, true_colours
from sen4cap_core.reports.pictures.quicklook import quicklook_png

GRID = Grid(32630, 300_000.0, 4_700_040.0, 10.0, 100, 100)
HEADER = 32


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def map_of(png: bytes) -> np.ndarray:
    return opened(png)[HEADER : HEADER + 600, :600]


def ndvi(value: float = 0.6) -> np.ndarray:
    return np.full(GRID.shape, value, dtype=np.float32)


def colour_of(value: float) -> np.ndarray:
    return ramp_colours(np.array([[value]]), 0.0, 1.0, ndvi_table())[0, 0]


def test_ndvi_is_painted_in_the_colour_of_its_value_where_it_is() -> None:
    pixels = ndvi(0.2)
    pixels[50:, :] = 0.8

    picture = map_of(quicklook_png(pixels, GRID, title="a"))

    assert picture.shape == (600, 600, 3)
    top, bottom = picture[100, 300].astype(int), picture[500, 300].astype(int)
    assert np.abs(top - colour_of(0.2)).max() <= 4
    assert np.abs(bottom - colour_of(0.8)).max() <= 4


def test_missing_ndvi_is_hatched_grey() -> None:
    pixels = ndvi()
    pixels[:50] = np.nan

    picture = map_of(quicklook_png(pixels, GRID, title="a"))

    above = {tuple(colour) for colour in picture[:290].reshape(-1, 3).tolist()}
    assert above == {quicklook_module._HATCH_PAPER, quicklook_module._HATCH_LINE}
    assert len(np.unique(picture[310:].reshape(-1, 3), axis=0)) == 1


def test_with_a_mask_cloud_is_hatched_and_no_data_is_plain() -> None:
    pixels = np.full((3, *GRID.shape), 0.1, dtype=np.float32)
    pixels[0] += np.tile(np.linspace(0, 0.2, 10), 10)
    pixels[:, :, :30] = np.nan
    masked = np.zeros(GRID.shape, dtype=bool)
    masked[:, 70:] = True

    picture = map_of(quicklook_png(pixels, GRID, title="a", masked=masked))

    assert {tuple(c) for c in picture[:, :170].reshape(-1, 3).tolist()} == {quicklook_module._NO_DATA}
    seen = {tuple(c) for c in picture[:, 430:].reshape(-1, 3).tolist()}
    assert quicklook_module._HATCH_LINE in seen
    assert len(seen) > 2  # the scene shows between the lines


def test_an_outline_is_drawn_where_the_parcel_is() -> None:
    x, y = GRID.x_min_m, GRID.y_max_m
    parcel = shapely.box(x + 200, y - 600, x + 700, y - 300)

    plain, outlined = (
        map_of(quicklook_png(ndvi(), GRID, title="a", outlines=o)).astype(int) for o in ([], [parcel, None])
    )

    changed = np.abs(plain - outlined).max(axis=2) > 20
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max()) == pytest.approx((180, 360), abs=3)
    assert (columns.min(), columns.max()) == pytest.approx((120, 420), abs=3)
    assert not changed[200:340, 140:400].any()


def test_holes_and_several_parts_are_outlined_too() -> None:
    x, y = GRID.x_min_m, GRID.y_max_m
    ring = shapely.box(x + 100, y - 900, x + 900, y - 100).difference(
        shapely.box(x + 400, y - 600, x + 600, y - 400)
    )

    plain, outlined = (
        map_of(quicklook_png(ndvi(), GRID, title="a", outlines=o)).astype(int)
        for o in ([], [shapely.MultiPolygon([ring])])
    )

    changed = np.abs(plain - outlined).max(axis=2) > 20
    assert changed[300, 235:245].any()  # the hole's left edge
    assert changed[300, 55:65].any()


def test_parcels_elsewhere_or_too_small_to_see_change_nothing() -> None:
    x, y = GRID.x_min_m, GRID.y_max_m
    elsewhere = shapely.box(x - 500, y, x - 100, y + 100)
    tiny = shapely.box(x + 500, y - 503, x + 503, y - 500)

    assert quicklook_png(ndvi(), GRID, title="a", outlines=[elsewhere, tiny]) == quicklook_png(
        ndvi(), GRID, title="a"
    )


@pytest.mark.parametrize("size", [(3000, 3000), (60, 300), (300, 60), (1, 1)])
def test_any_size_gives_a_small_picture_that_fits(size: tuple[int, int]) -> None:
    height, width = size
    grid = Grid(32630, 300_000.0, 4_700_040.0, 10.0, width, height)
    noise = np.random.default_rng(1).random((3, height, width), dtype=np.float32)

    png = quicklook_png(noise, grid, title="noise is the worst case")

    assert len(png) <= quicklook_module.MAX_BYTES
    assert max(opened(png).shape) <= 600 + 72


def test_a_picture_without_any_data_or_of_one_value_is_drawn() -> None:
    nothing = np.full((3, *GRID.shape), np.nan, dtype=np.float32)

    assert {tuple(c) for c in map_of(quicklook_png(nothing, GRID, title="")).reshape(-1, 3).tolist()} == {
        quicklook_module._NO_DATA
    }
    quicklook_png(np.zeros((3, *GRID.shape), dtype=np.float32), GRID, title="flat")


def test_arrays_that_do_not_fit_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pixels of shape \(50, 100\)"):
        quicklook_png(ndvi()[:50], GRID, title="a")
    with pytest.raises(ValueError, match="pixels of shape"):
        quicklook_png(np.zeros((4, *GRID.shape)), GRID, title="a")
    with pytest.raises(ValueError, match="mask of shape"):
        quicklook_png(ndvi(), GRID, title="a", masked=np.zeros((2, 2), dtype=bool))


def test_the_ramp_gets_darker_step_by_step_so_that_hue_is_not_needed() -> None:
    luminance = ndvi_table() @ np.array([0.2126, 0.7152, 0.0722])

    assert (np.diff(luminance) <= 0).all()
    assert luminance[0] - luminance[-1] > 180


def test_a_true_colour_stretch_keeps_hues_and_ignores_clouds() -> None:
    fields = np.linspace(0.02, 0.12, 10_000).reshape(100, 100)
    bands = np.stack([fields, fields, fields]).astype(np.float32)
    clouded = bands.copy()
    clouded[:, :20] = 0.9
    usable = np.ones((100, 100), dtype=bool)
    usable[:20] = False

    picture = true_colours(clouded, usable)

    assert (picture[..., 0] == picture[..., 1]).all()
    assert picture[20:].max() == 255
    assert picture[20:].min() == 0
    assert (picture[:20] == 255).all()


def test_meadows_are_green_and_soil_is_brown_in_true_colour() -> None:
    """Reflectances of red, green and blue as a season shows them: blue differs least between surfaces."""
    surfaces = {"meadow": (0.035, 0.08, 0.03), "wheat": (0.06, 0.09, 0.045), "soil": (0.2, 0.15, 0.1)}
    bands = np.repeat(np.array(list(surfaces.values())).T[:, :, None], 100, axis=2)

    picture = true_colours(bands, np.ones(bands.shape[1:], dtype=bool))

    for row, name in enumerate(surfaces):
        red, green, blue = picture[row, 0].astype(int)
        brightest = {"meadow": green, "wheat": green, "soil": red}[name]
        assert brightest == max(red, green, blue)
        assert blue <= min(red, green)


def test_scale_bars_have_round_lengths() -> None:
    assert [round_length_m(m) for m in (1, 99, 250, 999.9, 27_000)] == [1, 50, 200, 500, 20_000]
    assert [length_text(m) for m in (500, 1000, 20_000)] == ["500 m", "1 km", "20 km"]
    with pytest.raises(ValueError, match="a length of 0 m"):
        round_length_m(0)


def test_long_titles_are_cut_to_the_room_they_have() -> None:
    face = font(14, bold=True)

    cut = fitted("S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM", face, 150)

    assert cut.endswith("…")
    assert face.getlength(cut) <= 150
    assert fitted("short", face, 150) == "short"
    assert fitted("anything", face, 5) == "…"


def test_kept_colours_survive_a_busy_picture() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    noise[:20] = (255, 255, 255)
    noise[20:40] = (1, 200, 77)

    picture = opened(png_bytes(Image.fromarray(noise), 60_000, [(1, 200, 77)]))

    assert (picture[:20] == 255).all()
    assert (picture[20:40] == (1, 200, 77)).all()


def test_pixels_take_the_nearest_colour_and_kept_ones_stay_apart() -> None:
    rng = np.random.default_rng(3)
    # Two of these differ by less than the cells in which colours are looked up.
    kept = [(255, 255, 255), (250, 251, 252), (10, 10, 10)]
    pixels = rng.integers(0, 256, (80, 80, 3), dtype=np.uint8)
    pixels[:5], pixels[5:10], pixels[10:15] = kept

    made = few_colours(Image.fromarray(pixels), 60, kept)

    palette = np.array(made.getpalette(), int).reshape(-1, 3)[:63]
    shown = palette[np.asarray(made)]
    assert [tuple(shown[row, 3]) for row in (2, 7, 12)] == kept
    distance = np.linalg.norm(pixels[15:].astype(int) - shown[15:], axis=-1)
    nearest = np.linalg.norm(pixels[15:, :, None].astype(int) - palette, axis=-1).min(axis=-1)
    # A cell is eight levels wide: what is taken for the nearest is no farther than its diagonal beyond it.
    assert (distance <= nearest + 8 * 3**0.5).all()
    assert distance.mean() < nearest.mean() + 1.5


DAYS = np.arange(to_days(date(2019, 1, 3)), to_days(date(2019, 12, 28)), 5, dtype=np.int32)
SEASON = (date(2019, 1, 1), date(2019, 12, 31))
EVENT = ChartEvent(date(2019, 7, 1), date(2019, 7, 11), 0.81)
ORANGE = np.array([0xD5, 0x5E, 0x00])


def series() -> np.ndarray:
    values = 0.5 + 0.2 * np.sin(np.arange(DAYS.size) / 6)
    values[::3] = np.nan
    return values.astype(np.float32)


def near(picture: np.ndarray, colour: np.ndarray, distance: int = 12) -> np.ndarray:
    return np.abs(picture.astype(int) - colour).max(axis=2) <= distance


def test_a_chart_is_small_legible_and_the_same_whatever_the_order_of_dates() -> None:
    turned = np.random.default_rng(0).permutation(DAYS.size)

    png = parcel_chart_png(DAYS, series(), title="Parcel 1", events=[EVENT], season=SEASON)

    assert len(png) <= 80_000
    assert opened(png).shape == (330, 700, 3)
    assert (opened(png)[0] == 255).all()
    again = parcel_chart_png(DAYS[turned], series()[turned], title="Parcel 1", events=[EVENT], season=SEASON)
    assert again == png


def test_the_smoothed_line_lies_under_the_series_and_heeds_weights() -> None:
    dip = series()
    dip[DAYS.size // 2] = 0.05
    weights = np.where(dip == 0.05, 0, 40)

    alike, weighed = (
        opened(parcel_chart_png(DAYS, dip, title="P", season=SEASON, weights=w)) for w in (None, weights)
    )

    wide = np.array([197, 227, 216])
    assert [near(picture[80:245], wide, 12).any() for picture in (alike, weighed)] == [True, True]
    assert (alike != weighed).any()


def test_an_event_is_a_span_at_its_dates() -> None:
    bare, marked = (
        opened(parcel_chart_png(DAYS, series(), title="P", events=events, season=SEASON))
        for events in ([], [EVENT])
    )

    row = 100  # inside the axes, above the series
    columns = np.nonzero((bare[row] != marked[row]).any(axis=1))[0]
    axis = 700 * (0.075 + 0.905 * (np.array([181, 191]) / 364))
    assert (columns.min(), columns.max()) == pytest.approx(tuple(axis), abs=2)
    assert near(marked[50:76], ORANGE, 30).any()  # its label above


def test_coherence_lies_between_the_two_days_of_its_pair() -> None:
    """Where the mowing lies: drawn at its later day it would seem to come after."""
    first, second = np.array([to_days(date(2019, 7, 1))]), np.array([to_days(date(2019, 7, 13))])
    pair = ChartCoherence("VH 037", first, second, np.array([0.9]))
    bare, drawn = (
        opened(parcel_chart_png(DAYS, series(), title="P", season=SEASON, coherence=coherence))
        for coherence in ([], [pair])
    )

    top, height = 330 * (1 - 0.25 - 0.52), 330 * 0.52
    row = round(top + 0.1 * height)
    columns = np.nonzero((bare[row, 60:] != drawn[row, 60:]).any(axis=1))[0] + 60
    axis = 700 * (0.075 + 0.905 * (np.array([181, 193]) / 364))
    assert (columns.min(), columns.max()) == pytest.approx(tuple(axis), abs=2)
    assert columns.size == columns.max() - columns.min() + 1


def test_the_period_of_the_rule_is_shaded() -> None:
    period = [(date(2019, 4, 1), date(2019, 10, 31))]

    picture = opened(parcel_chart_png(DAYS, series(), title="P", periods=period, season=SEASON))

    assert picture[100, 400].tolist() != [255, 255, 255]
    assert picture[100, 100].tolist() == [255, 255, 255]


def test_events_without_room_for_a_label_keep_their_span() -> None:
    crowd = [ChartEvent(date(2019, 7, d), date(2019, 7, d + 1), 0.5) for d in range(1, 28, 3)]

    png = parcel_chart_png(DAYS, series(), title="P", events=crowd, season=SEASON)

    orange = near(opened(png), ORANGE, 30)
    assert [orange[top : top + 12].any() for top in (62, 48, 35, 22)] == [True, True, True, False]


@pytest.mark.parametrize("n_orbits", [0, 1, 2, 4])
def test_the_legend_fits_below_the_months_and_into_the_picture(n_orbits: int) -> None:
    coherence = [
        ChartCoherence(f"coherence VH {n:03}", DAYS - 6, DAYS, series() - 0.2) for n in range(n_orbits)
    ]
    period = [(date(2019, 4, 1), date(2019, 7, 31))]
    ndvi = series()
    ndvi[100:150] = np.nan

    png = parcel_chart_png(
        DAYS, ndvi, title="P", events=[EVENT], periods=period, season=SEASON, coherence=coherence
    )

    below = (opened(png)[270:] < 200).any(axis=2)
    assert below[:, 60:].any()
    # Nothing touches the margins: no entry is cut, none is written over the year at the left of the months.
    assert not below[:, 694:].any()
    assert not below[-1].any()
    assert not below[:, :38].any()
    assert (opened(png)[248:268, 3:34] < 200).any()


def test_a_name_is_not_read_as_mathematics() -> None:
    first = parcel_chart_png(DAYS, series(), title=r"$\frac{", subtitle="_^{$", season=SEASON)

    assert len(first) > 1000


def test_a_parcel_never_observed_and_dates_out_of_nowhere() -> None:
    never = parcel_chart_png([], [], title="P", season=SEASON)
    cloudy = parcel_chart_png(DAYS, np.full(DAYS.size, np.nan), title="P")

    assert never != cloudy
    with pytest.raises(ValueError, match="no time axis"):
        parcel_chart_png([], [], title="P")
    with pytest.raises(ValueError, match="days and"):
        parcel_chart_png(DAYS, series()[1:], title="P")


def test_matplotlib_is_imported_only_when_a_chart_is_drawn() -> None:
    code = "import sys, sen4cap_core.reports.pictures.chart as _; print('matplotlib' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
