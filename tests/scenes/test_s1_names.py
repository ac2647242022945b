"""What the names of radar products say."""

from __future__ import annotations

import pytest

from sen4cap_core.scenes.radar.s1_names import match_radar, track_of_burst

# name, family, layer, quantity, scale, acquired, pair begins, relative orbit
NAMES = [
    ("OPERA_L2_RTC-S1_T069-146673-IW2_20230805T042413Z_20230806T101010Z_S1A_30_v1.0_VH.tif",
     "opera-rtc", "vh", "gamma0", "power", "20230805T042413", None, 69),
    ("OPERA_L2_RTC-S1_T069-146673-IW2_20230805T042413Z_20230806T101010Z_S1A_30_v1.0_mask.tif",
     "opera-rtc", "mask", "gamma0", "power", "20230805T042413", None, 69),
    ("S1A_IW_20200101T055555_DVP_RTC30_G_gpunem_AB12_VV.tif",
     "hyp3-rtc", "vv", "gamma0", "power", "20200101T055555", None, None),
    ("S1B_IW_20200101T055555_DVP_RTC30_G_sdunem_AB12_VH.tif",
     "hyp3-rtc", "vh", "sigma0", "db", "20200101T055555", None, None),
    ("S1A_IW_20200101T055555_DVP_RTC30_G_saunem_AB12_ls_map.tif",
     "hyp3-rtc", "mask", "sigma0", "amplitude", "20200101T055555", None, None),
    ("S1AB_20200101T055555_20200107T055512_VVP006_INT80_G_ueF_AB12_corr.tif",
     "hyp3-insar", "vv", "coherence", "coherence", "20200107T055512", "20200101T055555", None),
    ("S1_136231_IW2_20200604_20200616_VV_INT80_12E3_corr.tif",
     "hyp3-insar", "vv", "coherence", "coherence", "20200616T000000", "20200604T000000", 64),
    ("S1_064_000000s1n00-136231s2n02-000000s3n00_IW_20200604_20200616_VV_INT20_12E3_corr.tif",
     "hyp3-insar", "vv", "coherence", "coherence", "20200616T000000", "20200604T000000", 64),
    ("S1A_064_E053_1_N27_3_E054_1_N27_8_IW_20200604_20200616_VV_INT80_77F1_corr.tif",
     "hyp3-insar", "vv", "coherence", "coherence", "20200616T000000", "20200604T000000", 64),
    ("OPERA_L2_RTC-S1_T117-249422-IW1_20260805T042413Z_20260806T101010Z_S1D_30_v1.0_VV.tif",
     "opera-rtc", "vv", "gamma0", "power", "20260805T042413", None, 117),
    ("S1C_IW_20250601T055555_SVP_RTC20_G_gauned_AB12_VV.tif",
     "hyp3-rtc", "vv", "gamma0", "amplitude", "20250601T055555", None, None),
    ("SEN4CAP_L2A_S7_V20200404T165041_20200329T165122_VV_146_20m_COHE.tif",
     "sen4cap-l2", "vv", "coherence", "coherence", "20200404T165041", "20200329T165122", 146),
    ("S1C_L2_COH_20250604_20250523_VV_117_T30TUM.tif",
     "sen4cap-l2", "vv", "coherence", "coherence", "20250604T000000", "20250523T000000", 117),
    ("S1A_IW_SLC__1SDV_20220104T164312_20220104T164339_041314_04E951_3F2C_TC_Beta0_VV.tif",
     "snap", "vv", "beta0", "power", "20220104T164312", None, 117),
    ("SEN4CAP_L2A_S7_V20200404T165041_20200329T165122_VH_146_AMP.tif",
     "sen4cap-l2", "vh", "sigma0", "amplitude", "20200404T165041", None, 146),
    ("SEN4CAP_S1_L2A_S7_V20200404T165041_20200329T165122_VV_146_COHE_30TUM.tif",
     "sen4cap-l2", "vv", "coherence", "coherence", "20200404T165041", "20200329T165122", 146),
    ("S1A_L2_BCK_20210404T165041_VV_029_30TUM.tif",
     "sen4cap-l2", "vv", None, None, "20210404T165041", None, 29),
    ("S1A_L2_COH_20210404T165041_20210329T165122_VH_029_30TUM.tif",
     "sen4cap-l2", "vh", "coherence", "coherence", "20210404T165041", "20210329T165122", 29),
    ("S1A_IW_GRDH_1SDV_20220104T164312_20220104T164337_041314_04E951_3F2C_NR_Cal_TC_Gamma0_VV_db.tif",
     "snap", "vv", "gamma0", "db", "20220104T164312", None, 117),
    ("S1A_IW_GRDH_1SDV_20220104T164312_20220104T164337_041314_04E951_3F2C_Sigma0_VH.tif",
     "snap", "vh", "sigma0", "power", "20220104T164312", None, 117),
    ("S1A_S1B_Stack_coh_VH_12Jun2019_18Jun2019.tif",
     "snap", "vh", "coherence", "coherence", "20190618T000000", "20190612T000000", None),
    ("S1A_20190612T055555_046_CARD-COH6_VV_VH.tif",
     "card-coh", "multi", "coherence", "coherence", "20190618T055555", "20190612T055555", None),
]  # fmt: skip


@pytest.mark.parametrize("case", NAMES, ids=[case[0][:40] for case in NAMES])
def test_a_name_says_what_it_says(case) -> None:
    name, family, layer, quantity, scale, acquired, started, orbit = case
    radar = match_radar(name)

    assert radar is not None
    assert (radar.family, radar.layer, radar.quantity, radar.scale) == (family, layer, quantity, scale)
    assert f"{radar.acquired_at:%Y%m%dT%H%M%S}" == acquired
    assert (radar.pair_started_at and f"{radar.pair_started_at:%Y%m%dT%H%M%S}") == started
    assert radar.relative_orbit == orbit


def test_polarisations_of_one_product_share_its_stem() -> None:
    for name, *_ in NAMES:
        radar = match_radar(name)
        other = match_radar(name.replace("_VV", "_VH") if "_VV" in name else name.replace("_VH", "_VV"))
        if radar is None or other is None or radar.layer not in ("vv", "vh"):
            continue
        assert radar.family == "hyp3-insar" or radar.stem == other.stem


@pytest.mark.parametrize(
    "name",
    [
        "notes.tif", "S2A_MSIL2A_20190616T110621_N0212_R137_T30TUM_20190616T120000.tif",
        "SEN4CAP_L2A_PRD_S1_W201914_T30TUM_ASC_VV_BCK.tif", "OPERA_L2_RTC-S1_BROWSE.png",
    ],
)  # fmt: skip
def test_other_names_are_none_of_ours(name) -> None:
    assert match_radar(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("S1A_L2_BCK_20211304_VV_029_30TUM.tif", "not a date"),
        # 5 days and 8 minutes: the neighbouring track.
        ("SEN4CAP_L2A_S7_V20200403T165841_20200329T165041_VV_146_COHE.tif", "different relative orbits"),
        ("SEN4CAP_L2A_S7_V20200404T165841_20200329T165041_VV_146_COHE.tif", "different relative orbits"),
        ("SEN4CAP_L2A_S7_V20200404T165041_20200404T165041_VV_146_COHE.tif", "same time"),
        ("coh_VV_12Jun2019_19Jun2019.tif", "different relative orbits"),
        ("coh_VV_12Jan2019_31Feb2019.tif", "not a date"),
    ],
)
def test_impossible_dates_and_pairs_are_named(name, why) -> None:
    with pytest.raises(ValueError, match=why):
        match_radar(name)


def test_numbers_of_bursts_tell_their_track() -> None:
    # Burst numbers and tracks of published OPERA and HyP3 names; of the cycle's first and last.
    numbers = {146673: 69, 136231: 64, 135518: 64, 328985: 154, 249422: 117, 1: 1, 375887: 175}
    for number, orbit in numbers.items():
        assert track_of_burst(number)[0] == orbit
    # 04:24 UTC over Europe is morning, southwards; burst 249422 is an eighth of an orbit from the node.
    assert track_of_burst(146673)[1] == track_of_burst(249422 + 400)[1] == "descending"
    assert track_of_burst(249422)[1] == "ascending"


def test_a_granule_in_the_name_of_a_coherence_tells_its_orbit() -> None:
    radar = match_radar(
        "S1A_IW_SLC__1SDV_20190612T170557_20190612T170624_027641_031ED5_F1F1_Orb_Stack_coh_VV_12Jun2019_24Jun2019.tif"
    )
    assert radar is not None
    assert radar.relative_orbit == (27641 - 73) % 175 + 1
