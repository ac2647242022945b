"""What colours of a quicklook mean stands below it."""

from __future__ import annotations

import io

import numpy as np
import shapely
from PIL import Image

from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.reports.pictures import quicklook
from sen4cap_core.reports.pictures.quicklook import Ramp, quicklook_png

GRID = Grid(32630, 300_000.0, 4_700_040.0, 20.0, 100, 100)
COHERENCE = Ramp("coherence VV", 0.0, 1.0, is_grey=True)
PARCEL = shapely.box(300_200, 4_699_000, 300_900, 4_699_600)


def parts(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Map and legend."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)
    return picture[32:632, :600], picture[632:]


def coherence() -> np.ndarray:
    values = np.full(GRID.shape, 0.2, np.float32)
    values[50:] = 0.8
    return values


def test_grey_says_the_same_on_all_dates_and_the_legend_says_what() -> None:
    drawn, legend = parts(quicklook_png(coherence(), GRID, title="a", ramp=COHERENCE, has_clouds=False))

    np.testing.assert_allclose(drawn[100, 300], 255 * 0.2, atol=6)
    np.testing.assert_allclose(drawn[500, 300], 255 * 0.8, atol=6)
    # The ramp: the widest run of columns that never gets darker, from black to white.
    row = legend[14, 60:300, 0]
    start = int(np.argmin(row))
    ramp = row[start : start + 128]
    assert (np.diff(ramp) >= 0).all()
    assert (ramp[0], ramp[-1]) == (0, 255)


def test_what_radar_did_not_see_is_plain_grey() -> None:
    values = coherence()
    values[:25] = np.nan

    drawn, _ = parts(quicklook_png(values, GRID, title="a", ramp=COHERENCE, has_clouds=False))

    assert {tuple(c) for c in drawn[:140].reshape(-1, 3).tolist()} == {quicklook._NO_DATA}


def test_channels_are_named_in_their_colours() -> None:
    pixels = np.random.default_rng(1).random((3, *GRID.shape), dtype=np.float32)

    (_, bare), (_, named) = (
        parts(quicklook_png(pixels, GRID, title="a", channels=names, has_clouds=False))
        for names in ((), ("VV", "VH", "VH/VV"))
    )

    def columns(legend: np.ndarray) -> list[int]:
        return [int(np.argmax((legend == colour).all(axis=2).any(axis=0))) for colour in quicklook._CHANNELS]

    red, green, blue = columns(named)
    assert 0 < red < green < blue
    assert columns(bare) == [0, 0, 0]


def test_outlines_are_named_where_there_is_room_before_the_scale_bar() -> None:
    values = coherence()
    masked = np.zeros(GRID.shape, bool)
    for ramp, mask, has_room in ((COHERENCE, None, True), (Ramp("reflectance B08", 0, 0.5), masked, False)):
        (_, bare), (_, outlined) = (
            parts(quicklook_png(values, GRID, title="a", ramp=ramp, masked=mask, outlines=shapes))
            for shapes in ((), (PARCEL,))
        )
        columns = np.nonzero((np.abs(bare - outlined) > 20).any(axis=(0, 2)))[0]
        assert bool(columns.size) == has_room
        if has_room:
            # Before the scale bar, 200 m of 2000, at the right.
            assert 200 < columns.min() < columns.max() < 590 - 60
