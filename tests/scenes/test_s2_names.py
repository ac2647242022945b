"""Names of tiles, bands, products."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sen4cap_core.scenes.acquisition import s2_names


@pytest.mark.parametrize(
    ("text", "tile"),
    [
        ("MGRS-30TUM", "30TUM"),
        ("30TUM", "30TUM"),
        ("T07HFE", "07HFE"),
        ("S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE", "07HFE"),
        ("S2B_OPER_MSI_L2A_TL_ESRI_20220414T082127_A026649_T33XWJ_N04.00", "33XWJ"),
        ("S2A_28QCH_20200714_0_L2A", "28QCH"),
        ("S2B_9VXK_20171013_0", "09VXK"),
        ("S2_L2A_T30TUM_20190527", "30TUM"),
        ("LC08_L2SP_028030_20200114", None),
        ("S2A_MSIL2A", None),
        ("30IUM", None),
    ],
)
def test_tile_is_found_in_names(text: str, tile: str | None) -> None:
    assert s2_names.find_tile(text) == tile


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("GRANULE/x/IMG_DATA/R10m/T30TUM_20190616T110621_B04_10m", ("B04", 10)),
        ("T30TUM_20190616T110621_B8A_20m.jp2", ("B8A", 20)),
        ("L2A_T30TUM_20180416T110651_SCL_20m.jp2", ("SCL", 20)),
        ("T46RER_20210908T042701_B04.jp2", None),
        ("MSK_CLDPRB_20m.jp2", None),
    ],
)
def test_image_names_are_split(name: str, answer: tuple[str, int] | None) -> None:
    assert s2_names.split_image_name(name) == answer


@pytest.mark.parametrize(
    ("name", "platform"),
    [("Sentinel-2A", "S2A"), ("sentinel-2c", "S2C"), ("sentinel-2", "S2"), ("S2B_MSIL2A_x", "S2B"),
     ("sentinel-2 S2_L2A_T30TUM", "S2"), ("", "S2")],
)  # fmt: skip
def test_platform_is_short(name: str, platform: str) -> None:
    assert s2_names.short_platform(name) == platform


@pytest.mark.parametrize(
    ("baseline", "offset"),
    [("02.12", False), ("03.01", False), ("04.00", True), ("N0510", True), ("0400", True), ("99.99", True),
     ("", False), ("5.09", True), ("2.14", False), ("2.10.1", False)],
)  # fmt: skip
def test_offset_came_with_baseline_04(baseline: str, offset: bool) -> None:
    assert s2_names.carries_offset(baseline) is offset


def test_acquisition_key_is_that_of_the_datastrip() -> None:
    older = s2_names.datastrip_start("S2A_OPER_MSI_L2A_DS_SGS__20190616T140000_S20190616T110626_N02.12")
    newer = s2_names.datastrip_start("S2A_OPER_MSI_L2A_DS_2APS_20230416T140000_S20190616T110626_N05.00")

    assert older == newer == "20190616T110626"
    assert s2_names.acquisition_key("30TUM", "20190616T110626") == "s2/30TUM/20190616T110626"


def test_times_are_utc() -> None:
    expected = datetime(2019, 6, 16, 11, 6, 21, 24000, tzinfo=UTC)

    assert s2_names.parse_utc("2019-06-16T11:06:21.024Z") == expected
    assert s2_names.parse_utc("2019-06-16T13:06:21.024+02:00") == expected
    assert s2_names.parse_utc("2019-06-16T11:06:21.024").tzinfo is not None
