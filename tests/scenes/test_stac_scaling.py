"""The offset of baseline 04.00, applied exactly once."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from sen4cap_core.scenes.acquisition.stac_scaling import FileNumbers, Scaling, band_scaling

INTEGER = FileNumbers(False, 1.0, 0.0, None)
BEFORE, AFTER = datetime(2021, 6, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)
STATED = {"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]}


def scaling(
    asset: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    baseline: str | None = "05.10",
    at: datetime = AFTER,
    file: FileNumbers = INTEGER,
    band: str = "B04",
    index: int = 1,
) -> Scaling:
    return band_scaling(band, asset or {}, index, properties or {}, baseline, at, file)


def test_stated_offset_is_used() -> None:
    assert scaling(STATED) == Scaling(0.0001, -0.1, 0.0)
    assert scaling({"raster:bands": [{"scale": 0.0001, "offset": 0}]}).offset == 0


def test_stac_1_1_bands_mean_the_same() -> None:
    assert scaling({"bands": [{"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0}]}) == scaling(
        STATED
    )
    assert scaling({"raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0}) == scaling(STATED)


@pytest.mark.parametrize("prefix", ["earthsearch", "sentinel"])
def test_offset_that_was_applied_is_not_applied_again(prefix: str) -> None:
    assert scaling(STATED, {f"{prefix}:boa_offset_applied": True}) == Scaling(0.0001, 0.0, 0.0)
    assert scaling({}, {f"{prefix}:boa_offset_applied": True}) == Scaling(0.0001, 0.0, 0.0)


def test_offset_not_yet_applied_is_applied() -> None:
    assert scaling(STATED, {"earthsearch:boa_offset_applied": False}).offset == -0.1
    assert scaling({}, {"earthsearch:boa_offset_applied": False}).offset == pytest.approx(-0.1)


def test_offset_follows_from_the_baseline_with_a_warning() -> None:
    guessed = scaling({})

    assert (guessed.scale, guessed.offset, guessed.nodata) == (0.0001, pytest.approx(-0.1), 0.0)
    assert guessed.warning is not None
    assert "-1000 is added" in guessed.warning


@pytest.mark.parametrize("baseline", ["02.12", "03.01"])
def test_no_offset_before_baseline_04(baseline: str) -> None:
    assert scaling({}, baseline=baseline, at=BEFORE) == Scaling(0.0001, 0.0, 0.0)


def test_an_offset_before_baseline_04_is_applied_and_wondered_at() -> None:
    contradictory = scaling(STATED, baseline="02.12", at=BEFORE)

    assert contradictory.offset == -0.1
    assert contradictory.warning is not None
    assert "although baseline 02.12 has none" in contradictory.warning


def test_unknown_baseline_has_no_offset_and_a_warning_in_the_time_of_offsets() -> None:
    assert scaling({}, baseline=None, at=BEFORE) == Scaling(0.0001, 0.0, 0.0)
    late = scaling({}, baseline=None, at=AFTER)
    assert late.offset == 0
    assert late.warning is not None
    assert "neither an offset nor a processing baseline" in late.warning


def test_the_file_may_say_it() -> None:
    assert scaling(file=FileNumbers(False, 0.0001, -0.1, 0)) == Scaling(0.0001, -0.1, 0.0)
    assert scaling(file=FileNumbers(False, 0.0002, 0.0, 7)) == Scaling(0.0002, 0.0, 7.0)


def test_floating_point_is_reflectance() -> None:
    floating = scaling(file=FileNumbers(True, 1.0, 0.0, None))

    assert (floating.scale, floating.offset, floating.warning) == (1.0, 0.0, None)
    assert floating.nodata is not None
    assert math.isnan(floating.nodata)


def test_each_band_of_an_asset_has_its_own() -> None:
    asset = {"raster:bands": [{"scale": 1, "offset": 0}, {"scale": 0.5, "offset": -0.25, "nodata": "nan"}]}

    second = scaling(asset, index=2)

    assert (second.scale, second.offset) == (0.5, -0.25)


def test_classes_are_never_scaled() -> None:
    assert scaling(STATED, band="SCL") == Scaling(1.0, 0.0, 0.0)


@pytest.mark.parametrize("value", ["x", [1], float("inf"), float("nan")])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="stated scale is"):
        scaling({"raster:bands": [{"scale": value}]})


@pytest.mark.parametrize("value", [0, -0.0001])
def test_scale_is_positive(value: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        scaling({"raster:bands": [{"scale": value}]})
