"""Geocoded bursts whose samples go to disk while they are made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.sentinel1.acquisition import (
    BurstOnMap,
    Terrain,
    acquisition_orbit,
    geocode_bursts,
    plan_bursts,
)
from sen4cap_core.sentinel1.product import open_product
from sen4cap_core.sentinel1.samples import SampleFile
from sen4cap_core.sentinel1.store import find_bursts, store_bursts
from tests.sentinel1.simulated_pair import Simulated


def test_samples_on_disk_are_those_in_memory(
    simulated: Simulated,
    on_map: tuple[list[BurstOnMap], list[BurstOnMap]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = open_product(simulated.second)
    plans = plan_bursts(product, simulated.grid, simulated.parcels)
    orbit = acquisition_orbit(product, plans[0].annotation, simulated.orbit_file)
    # Several blocks of columns, the last one narrower.
    monkeypatch.setattr("sen4cap_core.sentinel1.geocode.COLUMNS_AT_ONCE", 100)
    folder = tmp_path / "acquisition"
    assert find_bursts(folder, simulated.grid) is None
    stored = store_bursts(
        folder,
        simulated.grid,
        lambda samples: geocode_bursts(
            product, plans[:1], orbit, Terrain((simulated.dem,)), 1, folder=samples
        ),
    )

    (kept,) = stored
    assert find_bursts(folder, simulated.grid) == stored
    assert sorted(path.name for path in folder.iterdir()) == ["000.npz", "000.samples.npy", "index.json"]
    found = kept.load()
    (known,) = geocode_bursts(product, plans[:1], orbit, Terrain((simulated.dem,)), 1)
    assert isinstance(found.data.samples, SampleFile)
    assert (found.swath, found.polarisation, found.data.box) == (known.swath, "VV", known.data.box)
    ours, theirs = found.data.samples[:], known.data.samples[:]
    assert 0.2 < np.isfinite(theirs).mean() < 0.95
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(found.data.depth, known.data.depth)
    # Where blocks begin matters to the last digit only.
    whole = on_map[1][0].data
    np.testing.assert_allclose(ours, whole.samples[:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.data.power(), whole.power(), rtol=1e-5, atol=1e-6)
