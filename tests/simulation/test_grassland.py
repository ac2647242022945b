"""Simulated grassland: what a region's settings say is in its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sen4cap_core.simulation.land.grassland import Region, simulate_grassland

SMALL = Region(7, n_parcels=40)


def test_the_same_seed_gives_the_same_tables():
    first, second = simulate_grassland(SMALL), simulate_grassland(SMALL)
    pd.testing.assert_frame_equal(first.observations, second.observations)
    pd.testing.assert_frame_equal(first.truth, second.truth)


def test_truth_is_of_the_parcels_and_shows_in_their_series():
    tables = simulate_grassland(replace(SMALL, cloudiness=0.05, missed_cloud=0.0, haze=0.0))
    assert set(tables.truth.parcel_id) <= set(tables.parcels.parcel_id)
    falls = []
    for _, cut in tables.truth[tables.truth["drop"] > 0.4].iterrows():
        own = tables.observations[tables.observations.parcel_id == cut.parcel_id]
        before, after = own[own.date < cut.date], own[own.date > cut.date]
        if len(before) and len(after) > 1:
            falls.append(before["mean"].iloc[-1] - after["mean"].iloc[:2].min())
    assert len(falls) > 20
    assert np.mean(np.array(falls) > 80) > 0.9


@pytest.mark.parametrize(
    ("change", "column", "is_lower"),
    [
        ({"haze": 1.0, "haze_in_score": 1.0}, "clear_score", True),
        ({"clear_score": 0.8}, "clear_score", True),
        ({"level": 0.7}, "mean", True),
        ({"cloudiness": 0.2}, "mean", False),
    ],
)
def test_settings_move_what_they_name(change, column, is_lower):
    usual = simulate_grassland(SMALL).observations[column].mean()
    changed = simulate_grassland(replace(SMALL, **change)).observations[column].mean()
    assert (changed < usual) == is_lower


def test_few_spells_bring_the_cuts_of_all_parcels_together():
    def days_with_a_cut(region: Region) -> float:
        doys = simulate_grassland(region).truth.doy
        return doys.nunique() / len(doys)

    assert days_with_a_cut(replace(SMALL, n_spells=4, synchrony=1.0)) < 0.7 * days_with_a_cut(SMALL)
