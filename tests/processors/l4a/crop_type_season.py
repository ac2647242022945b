"""A small made-up season of parcels: three crops that differ in when they are green, seen by S2 and S1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

BANDS = ("b03", "b04", "b08", "b11", "b05", "b06", "b07", "b12")
CROPS = ("011", "012", "013")
FIRST_DAY = np.datetime64("2019-03-04")


def parcels_frame(n_each: int = 40) -> pd.DataFrame:
    """``n_each`` parcels of each crop, ids with a leading zero."""
    n = n_each * len(CROPS)
    return pd.DataFrame(
        {
            "parcel_id": [f"{i:05d}" for i in range(n)],
            "crop_code": [CROPS[i % len(CROPS)] for i in range(n)],
            "Area_meters": np.linspace(4000, 90_000, n),
            "S2Pix": 50,
            "S1Pix": 12,
        }
    )


def codes_frame() -> pd.DataFrame:
    """One class per crop, the third grassland."""
    return pd.DataFrame(
        {
            "Ori_crop": CROPS,
            "CTnumL4A": [1, 2, 3],
            "CTL4A": ["wheat", "maize", "grass"],
            "LC": [1, 1, 3],
        }
    )


def long_frame(parcels: pd.DataFrame, seed: int = 5, cloud: float = 0.2) -> pd.DataFrame:
    """Ten-daily optical and weekly radar observations in the long form."""
    random = np.random.default_rng(seed)
    peaks = {"011": 60.0, "012": 130.0, "013": 95.0}
    peak = parcels["crop_code"].map(peaks).to_numpy() + random.normal(0, 6, len(parcels))
    days, variables, means, stds, n_valid, orbits, rows = ([] for _ in range(7))

    def see(day, variable, mean, std, n, orbit, where) -> None:
        days.append(str(FIRST_DAY + day))
        variables.append(variable)
        means.append(np.round(mean, 6)[where])
        stds.append(std)
        n_valid.append(n)
        orbits.append(orbit)
        rows.append(where)

    for step in range(18):
        day = 10 * step
        green = np.exp(-(((day - peak) / 35.0) ** 2))
        clear = np.flatnonzero(random.random(len(parcels)) >= cloud)
        for i, band in enumerate(BANDS):
            base = 0.05 + 0.02 * i
            mean = base + (0.3 if band in ("b08", "b06", "b07") else -0.03) * green
            see(day, band, mean + random.normal(0, 0.01, len(mean)), 0.01, 50, "", clear)
    for step in range(24):
        day = 7 * step + 1
        green = np.exp(-(((day - peak) / 35.0) ** 2))
        for orbit in ("ascending", "descending"):
            for name, mean in (
                ("vv", 0.1 - 0.04 * green),
                ("vh", 0.01 + 0.02 * green),
                ("coh_vv", 0.7 - 0.5 * green),
            ):
                noisy = mean * random.lognormal(0, 0.1, len(mean))
                see(day, name, noisy, 0.005, 12, orbit, np.arange(len(mean)))
    # One table at the end: three hundred small ones take as long as ten maps of crops.
    counts = [len(where) for where in rows]
    return pd.DataFrame(
        {
            "parcel": parcels["parcel_id"].to_numpy()[np.concatenate(rows)],
            "variable": np.repeat(np.array(variables, object), counts),
            "date": np.repeat(np.array(days, object), counts),
            "mean": np.concatenate(means),
            "std": np.repeat(stds, counts),
            "n_valid": np.repeat(n_valid, counts),
            "tile": "30TUM",
            "orbit_direction": np.repeat(np.array(orbits, object), counts),
        }
    )


def write_inputs(
    folder: Path, *, n_each: int = 40, observations: pd.DataFrame | None = None
) -> dict[str, Path]:
    """Write parcels, crop codes and long observations; return the paths by parameter name."""
    parcels = parcels_frame(n_each)
    paths = {
        "observations": folder / "observations.csv",
        "parcels": folder / "parcels.csv",
        "crop_codes": folder / "codes.csv",
    }
    (long_frame(parcels) if observations is None else observations).to_csv(paths["observations"], index=False)
    parcels.to_csv(paths["parcels"], index=False)
    codes_frame().to_csv(paths["crop_codes"], index=False)
    return paths


def wide_of(long: pd.DataFrame) -> pd.DataFrame:
    """The same observations in the store's wide form with dates."""
    keys = ["parcel", "date", "tile", "orbit_direction"]
    wide = long.pivot(index=keys, columns="variable", values=["mean", "std", "n_valid"])
    wide.columns = pd.Index([f"{variable}_{part}" for part, variable in wide.columns])
    return wide.reset_index()
