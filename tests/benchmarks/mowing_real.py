"""Tables with known cuts that nobody here has made: the original's own, and ten real parcels.

The real ones are of 2020 with dated mowings (Joint Research Centre, check by monitoring, example data of its
package SALMS). Their clear score is made of what is there: bright red is cloud, dark near infrared is shadow,
NDVI uneven within the parcel the edge of either.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sen4cap_core.simulation.land.grassland import PIXEL_COHERENCE_SD, GrasslandTables

ORBITS = {"0517": 1, "1650": 2, "1651": 2, "1658": 3}
"""Orbits by the time of their passages."""
FOLDER = "data/cbm-parcel-series-2020/scripts/SALMS/inst/extdata"


def original_parcels(shared: Path) -> GrasslandTables:
    """Read the tables of the original's run with default parameters, and their true dates."""
    folder = shared / "oracle" / "l4b" / "synthetic-default"
    observations = pd.read_csv(folder / "observations.csv.gz", dtype={"orbit": str})
    return GrasslandTables(
        pd.read_csv(folder / "parcels.csv.gz", dtype={"crop_code": str}),
        observations.assign(clear_score=np.nan),
        pd.read_csv(folder / "truth.csv.gz"),
    )


def with_noise(tables: GrasslandTables, factor: float, seed: int) -> GrasslandTables:
    """Make the noise of coherence so many times as large; the mean of a parcel has that of its pixels."""
    rows = tables.observations
    n_pixels = rows["parcel_id"].map(tables.parcels.set_index("parcel_id")["n_pix_s1"])
    more = np.sqrt(factor**2 - 1.0) * PIXEL_COHERENCE_SD / np.sqrt(n_pixels.clip(lower=1).to_numpy(float))
    noisy = rows["mean"] + more * np.random.default_rng(seed).standard_normal(len(rows))
    mean = rows["mean"].where(rows["mission"] != "S1", noisy.clip(0.01, 0.99))
    return GrasslandTables(tables.parcels, rows.assign(mean=mean), tables.truth)


def real_parcels(folder: Path) -> GrasslandTables:
    """Read parcels, observations (NDVI times 1000, VH coherence) and true dates."""
    frames, parcels = [], []
    truth = pd.read_csv(folder / "gtdir" / "FOIinfo.csv", index_col=0)
    for name in range(1, 11):
        optical = pd.concat(
            [pd.read_csv(folder / "tsdir" / f"{name}_s2{kind}_ts.csv") for kind in ("", "_idx")]
        )
        wide = optical.pivot_table(index="date", columns="band", values="MEAN")
        wide = wide.dropna(subset=["NDVI", "B04", "B08"])
        uneven = optical[optical["band"] == "NDVI"].set_index("date")["STD.DEV"].reindex(wide.index)
        score = np.minimum((0.25 - wide["B04"]) / 0.16, (wide["B08"] - 0.05) / 0.10)
        score = np.minimum(score, (0.2 - uneven) / 0.12).clip(0, 1)
        n_s2 = int(optical["count"].max())
        frames.append(
            pd.DataFrame(
                {
                    "parcel_id": str(name),
                    "mission": "S2",
                    "orbit": "",
                    "date1": "",
                    "date": wide.index,
                    "mean": (wide["NDVI"] * 1000).round(2).to_numpy(),
                    "n_valid": n_s2,
                    "clear_score": score.round(3).to_numpy(),
                }
            )
        )
        radar = pd.read_csv(folder / "tsdir" / f"{name}_s1_coh6_ts.csv")
        radar = radar[(radar["band"] == "s1_coh6_VH") & radar["MEAN"].notna()]
        later = pd.to_datetime(radar["date"].str[:8], format="%Y%m%d")
        n_s1 = int(radar["count"].max())
        frames.append(
            pd.DataFrame(
                {
                    "parcel_id": str(name),
                    "mission": "S1",
                    "orbit": [str(number) for number in radar["date"].str[9:13].map(ORBITS)],
                    "date1": (later - pd.Timedelta(days=6)).dt.strftime("%Y-%m-%d"),
                    "date": later.dt.strftime("%Y-%m-%d"),
                    "mean": radar["MEAN"].round(4),
                    "n_valid": n_s1,
                    "clear_score": np.nan,
                }
            )
        )
        parcels.append(
            {"parcel_id": str(name), "fid": name, "crop_code": "meadow", "n_pix_s2": n_s2, "n_pix_s1": n_s1}
        )
    day = pd.to_datetime(truth["Event_date"], format="%d/%m/%Y")
    true_dates = pd.DataFrame({"parcel_id": truth["ID"].astype(str), "date": day.dt.strftime("%Y-%m-%d")})
    return GrasslandTables(pd.DataFrame(parcels), pd.concat(frames, ignore_index=True), true_dates)
