from __future__ import annotations

import doctest
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sen4cap_core.products import naming

KEY = naming.content_key(["scene:1"], {"a": 1}, "0.1.0")
SEEN = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_examples_in_the_docstrings_hold() -> None:
    result = doctest.testmod(naming)

    assert result.attempted > 0
    assert result.failed == 0


def test_a_raster_lies_under_its_site_year_tile_and_day() -> None:
    path = naming.l3b_path("navarra", 2019, "30TUM", SEEN, "ndvi", "0a1b2c3d")

    assert path == PurePosixPath(
        "sites/navarra/2019/l3b/30TUM/20190616/"
        "sen4cap-l3b-ndvi_30TUM_20190616T110621_20190616T110621_0a1b2c3d.tif"
    )
    assert naming.stac_path(path).name == path.stem + ".json"


def test_two_halves_of_a_datatake_on_one_day_have_names_of_their_own() -> None:
    one = naming.l3b_path("navarra", 2019, "30TUM", SEEN, "ndvi", "0a1b2c3d")
    other = naming.l3b_path("navarra", 2019, "30TUM", SEEN + timedelta(seconds=14), "ndvi", "0a1b2c3d")

    assert one != other
    assert one.parent == other.parent


def test_a_time_elsewhere_is_filed_under_its_utc_day() -> None:
    local = datetime(2019, 6, 17, 1, 0, tzinfo=timezone(timedelta(hours=2)))

    assert naming.l3b_folder("navarra", 2019, "30TUM", local).name == "20190616"


def test_tables_observations_and_labels_have_their_places() -> None:
    assert naming.l4b_folder("navarra", 2019, "summer") == PurePosixPath("sites/navarra/2019/l4b/summer")
    assert (
        naming.l4b_stem("navarra", date(2019, 1, 1), date(2019, 6, 16), "0a1b2c3d")
        == "sen4cap-l4b-mowing_navarra_20190101_20190616_0a1b2c3d"
    )
    assert str(naming.observations_path("navarra", 2019, 3, "30TUM", SEEN, "ndvi", "0a1b2c3d")) == (
        "sites/navarra/2019/observations/set-3/30TUM/20190616/20190616T110621_ndvi_0a1b2c3d.parquet"
    )
    assert str(naming.labels_path("navarra", 2019, 3, "30TUM", 10.0, "0a1b2c3d")) == (
        "sites/navarra/2019/labels/set-3/30TUM_10m_0a1b2c3d.npz"
    )


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\0b", "a\nb", "c:"])
def test_a_name_that_would_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not usable as one part of a path"):
        naming.l4b_folder(name, 2019, "summer")


@pytest.mark.parametrize("tile", ["T30TUM", "30tum", "30IUM", "30TUZ", "30TU", "../30TUM", "30TUM\n"])
def test_a_tile_that_is_none_is_refused(tile: str) -> None:
    with pytest.raises(ValueError, match="not an MGRS tile"):
        naming.l3b_path("navarra", 2019, tile, SEEN, "ndvi", "0a1b2c3d")


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without time zone"):
        naming.stamp(datetime(2019, 6, 16))


@given(st.lists(st.text(), max_size=5), st.dictionaries(st.text(), plain, max_size=4), st.randoms())
def test_a_key_does_not_depend_on_order_or_repetition(
    inputs: list[str], parameters: dict[str, object], random
) -> None:
    shuffled = [*inputs, *inputs]
    random.shuffle(shuffled)
    turned = dict(reversed(parameters.items()))

    assert naming.content_key(shuffled, turned, "1") == naming.content_key(inputs, parameters, "1")


@pytest.mark.parametrize(
    ("inputs", "parameters", "version"),
    [
        (["scene:2"], {"a": 1}, "0.1.0"),
        (["scene:1", "scene:2"], {"a": 1}, "0.1.0"),
        (["scene:1"], {"a": 2}, "0.1.0"),
        (["scene:1"], {"a": 1, "b": None}, "0.1.0"),
        (["scene:1"], {"a": [1]}, "0.1.0"),
        (["scene:1"], {"a": 1}, "0.1.1"),
    ],
)
def test_a_key_changes_with_each_input_parameter_and_version(
    inputs: list[str], parameters: dict[str, object], version: str
) -> None:
    assert naming.content_key(inputs, parameters, version) != KEY


def test_a_key_takes_dates_and_paths_but_no_values_without_a_stable_text() -> None:
    in_paris = datetime(2019, 6, 16, 13, 6, 21, tzinfo=timezone(timedelta(hours=2)))

    assert naming.content_key([], {"t": SEEN}, "1") == naming.content_key([], {"t": in_paris}, "1")
    assert naming.content_key([], {"d": date(2019, 6, 16)}, "1") != naming.content_key([], {"t": SEEN}, "1")
    with pytest.raises(ValueError):
        naming.content_key([], {"x": float("nan")}, "1")
    with pytest.raises(TypeError, match="no stable text"):
        naming.content_key([], {"x": {1, 2}}, "1")


def test_the_version_is_the_start_of_a_key() -> None:
    assert naming.version_of(KEY) == KEY[:8]
    with pytest.raises(ValueError, match="not a content key"):
        naming.version_of("abc")
