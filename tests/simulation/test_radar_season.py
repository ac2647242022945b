"""Radar of the simulated season: tied to the same truth, the same bytes again, read back by the readers."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sen4cap_core.clock import to_days
from sen4cap_core.scenes.radar.s1_reading import open_radar
from sen4cap_core.simulation.land.crops import CROPS
from sen4cap_core.simulation.radar.radar_season import plan_radar
from sen4cap_core.simulation.season import Season, simulate_season


@pytest.fixture(scope="module")
def season() -> Season:
    return Season(seed=3, size_m=2000, bands="10m-only-ndvi")


def test_coherence_rises_after_harvest_and_cut_and_falls_across_them(season) -> None:
    radar = season.radar()
    pairs = radar.pairs()
    series = np.array([radar.true_coherence(a, b, "vv") for a, b in pairs])
    days = np.array([to_days(b.at.date()) for _, b in pairs])
    wheat = season.truth.parcels["unit"][season.truth.parcels["crop_name"] == "Winter wheat"].to_numpy()
    grown, bare = (np.abs(days - to_days(date(2019, m, 15))) < 12 for m in (5, 9))
    assert series[bare][:, wheat].mean() > series[grown][:, wheat].mean() + 0.3

    rise, fall = [], []
    for cut in season.truth.mowings:
        day = to_days(cut.day)
        across = np.flatnonzero((days >= day) & (days - 6 < day))
        after = np.flatnonzero((days - 6 >= day) & (days - 6 < day + 6))
        before = np.flatnonzero((days < day) & (days >= day - 6))
        if len(across) and len(after) and len(before):
            rise.append(series[after[0], cut.unit] - series[before[0], cut.unit])
            fall.append(series[across[0], cut.unit] - series[before[0], cut.unit])
    assert len(rise) > 20
    assert np.median(rise) > 0.08
    assert np.mean(np.array(fall) < 0.0) > 0.9


def test_speckle_has_the_looks_it_says_and_power_its_mean(season) -> None:
    radar = season.radar()
    image = radar.amplitude_image(radar.passes[0], "vv").astype(np.float64) ** 2
    truth = np.append(radar.true_power(radar.passes[0], "vv"), 0.1)[radar._labels]
    ratio = image / truth
    assert abs(ratio.mean() - 1.0) < 0.02
    assert 3.7 < 1.0 / ratio.var() < 4.3


def test_products_read_back_are_what_was_simulated(season, tmp_path: Path) -> None:
    radar = season.radar()
    mains = radar.write_pass(radar.passes[1], tmp_path)
    again = season.radar()
    again.write_pass(again.passes[1], tmp_path / "again")
    for path in tmp_path.glob("*.tif"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()

    (backscatter,), (coherence,) = (open_radar(path) for path in mains)
    assert backscatter.polarisations == coherence.polarisations == ("vv", "vh")
    assert {band.scale for band in backscatter.bands.values()} == {"amplitude"}
    assert (backscatter.relative_orbit, backscatter.orbit_direction) == (154, "descending")
    assert coherence.pair_started_at == radar.passes[0].at
    assert backscatter.tile == season.tile
    assert backscatter.grid == radar.grid
    with rasterio.open(coherence.bands["vv"].source.uri) as dataset:
        stored = dataset.read(1)
    truth = radar.coherence_image(radar.passes[0], radar.passes[1], "vv")
    np.testing.assert_allclose(stored, truth, rtol=1e-3)


def test_cereals_and_maize_differ_in_the_ratio(season) -> None:
    radar = season.radar()
    june = min(radar.passes, key=lambda one: abs(to_days(one.at.date()) - to_days(date(2019, 8, 10))))
    ratio = radar.true_power(june, "vh") / radar.true_power(june, "vv")
    crop = season._growth.crop_of
    code = {c.name: i for i, c in enumerate(CROPS)}
    assert np.median(ratio[crop == code["Maize for silage"]]) > 2 * np.median(
        ratio[crop == code["Winter wheat"]]
    )


def test_orbits_nobody_simulates_are_refused() -> None:
    with pytest.raises(ValueError, match="not simulated"):
        plan_radar(1, date(2019, 3, 1), date(2019, 4, 1), (1,))
    both = plan_radar(1, date(2019, 3, 1), date(2019, 3, 31), (74, 154))
    assert [one.relative_orbit for one in both[:2]] == [74, 154]
    assert all(later.at > earlier.at for earlier, later in itertools.pairwise(both))


def test_a_whole_season_has_radar_where_it_is_wanted(tmp_path: Path) -> None:
    truth = simulate_season(
        tmp_path / "site", size_m=1000, n_dates=2, bands="10m-only-ndvi", start=date(2019, 5, 1),
        end=date(2019, 5, 31), radar_orbits=(74, 154),
    )  # fmt: skip
    mains = [path for path in truth.scenes if path.suffix == ".tif"]
    scenes = [scene for path in mains for scene in open_radar(path)]
    assert {scene.relative_orbit for scene in scenes} == {74, 154}
    assert {scene.sensor for scene in scenes} == {"s1-backscatter", "s1-coherence"}
    assert "S1" in (tmp_path / "site" / "site.yaml").read_text()
