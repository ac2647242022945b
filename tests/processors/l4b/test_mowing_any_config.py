"""The whole original sequence, written again parcel by parcel in plain Python, under many configurations."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import erfinv

from sen4cap_core.processors.l4b.command import detect_tables
from tests.processors.l4b.mowing_twin import assert_same_mowings, join_falls, join_rises, verdict

ORACLE = Path(__file__).parents[4] / "shared" / "oracle" / "l4b" / "synthetic-default"
CODES = {
    "046": ("01/04/2019", "31/07/2019"),
    "51": ("01/05/2019", "30/06/2019"),
    "GPZ": ("15/07/2019", "01/03/2020"),
}

pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the original's tables are not beside the repository"
)

DEFAULTS = {
    "dec": 0.12, "inc": 0.05, "high": 0.75, "low": 0.5, "corrupted": 0.1, "cut": 30.0, "span": 45.0,
    "ends": 28.0, "pfa": 3e-8, "n": 5, "step": 6, "variance": 0.024, "saturate": True, "orbits": "",
    "rule": 0, "start": "2019-03-01", "end": "2019-11-30",
}  # fmt: skip

CONFIGURATIONS = {
    "czech": {"high": 0.72, "low": 0.4, "rule": 1},
    "dutch": {"inc": 0.9, "orbits": "37"},
    "romanian": {"dec": 0.15, "inc": 0.9, "rule": 1, "orbits": "088, 037"},
    "older": {"pfa": 3e-7, "cut": 60.0, "span": 28.0},
    "12 days": {"step": 12, "n": 4, "ends": 20.5},
    "no floor": {"saturate": False, "pfa": 1e-12, "n": 7},
    "short season": {"start": "2019-05-07", "end": "2019-08-20", "cut": 7.0, "corrupted": 0.3},
    "loose": {"pfa": 0.01, "variance": 0.001, "span": 10.0, "ends": 6.0, "dec": 0.02},
}


def config_text(c: dict) -> str:
    periods = ", ".join(f"('{a}', '{b}')" for a, b in CODES.values())
    return f"""
[GENERAL_CONFIG]
s1_orbit_list_filter = {c["orbits"]}
[S1_constants]
S1_time_interval = {c["step"]}
min_cohe_var = {c["variance"]}
[S1_processing]
pfa = {c["pfa"]}
stat_smpl_n = {c["n"]}
saturate_sigma = {c["saturate"]}
non_overlap_interval_days = {c["ends"]}
[S2_processing]
corrupted_th = {c["corrupted"]}
decreasing_abs_th = {c["dec"]}
increasing_rate_th = {c["inc"]}
high_abs_th = {c["high"]}
low_abs_th = {c["low"]}
no_mowing_after_det = {c["cut"]}
non_overlap_interval_days = {c["span"]}
[compliancy]
crop_codes = {", ".join(CODES)}
crop_time_intervals = {periods}
crop_rule = {", ".join([str(c["rule"])] * len(CODES))}
"""


def falls(rows, c):
    clear = [
        (datetime.fromisoformat(d), m / 1000)
        for d, m in zip(rows.date, rows["mean"], strict=True)
        if m / 1000 >= c["corrupted"]
    ]
    found = []
    for (t0, a), (t1, b), (_t2, v) in zip(clear, clear[1:], clear[2:], strict=False):
        p0, p1 = np.float32(a), np.float32(b)
        gap = (t1 - t0).days
        back = (_t2 - t1).days
        amount = (float(p0 - p1) - c["dec"]) / float(p1)
        if (
            float(p1 - p0) / gap < -1e-6
            and (v - float(p1)) / back < c["inc"]
            and float(p1) < c["high"]
            and float(p0) > c["low"]
            and amount > 0
        ):
            start = t1 - timedelta(days=c["cut"]) if gap > c["cut"] else t0
            hours = timedelta(hours=10.5)
            found.append((min(1 - 0.5 * math.exp(-amount), 0.999), start + hours, t1 + hours, "S2"))
    return found


def rises(rows, n_pixels, fid, c):
    dates = [datetime.fromisoformat(d) for d in rows.date]
    y = rows["mean"].to_numpy()
    x = np.array([(d - dates[0]).days for d in dates], float)
    chance = math.sqrt(2) * erfinv(1 - 2 * c["pfa"])
    n, found = c["n"], []
    for t in range(n, len(y)):
        before = y[t - n : t]
        if not np.isfinite(before).all() or not np.isfinite(y[t]):
            continue
        where = x[t - n : t] - x[t - n : t].mean()
        slope, level = np.polyfit(where, before, 1)
        line = level + slope * where
        sigma = np.std(before - line)
        if c["saturate"]:
            sigma = math.inf if fid == 0 else max(sigma, math.sqrt(c["variance"] / n_pixels))
        score = (y[t] - line[-1]) / sigma - chance
        if score > 0 and 0.5 - 0.5 * math.exp(-score) > 0:
            later = dates[t - 1] + timedelta(hours=18)
            found.append((0.5 - 0.5 * math.exp(-score), later - timedelta(days=c["step"]), later, "S1"))
    return found


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Every sixth parcel, with the first feature and those that are in no radar image."""
    parcels = pd.read_csv(ORACLE / "parcels.csv.gz", dtype={"crop_code": str}).iloc[::6]
    assert (parcels.fid == 0).any()
    assert (parcels.n_pix_s1 == 0).any()
    observations = pd.read_csv(ORACLE / "observations.csv.gz", dtype={"orbit": str})
    dates = observations[["mission", "orbit", "date"]].drop_duplicates()
    observations = observations[observations.parcel_id.isin(parcels.parcel_id)]
    assert len(observations[["mission", "orbit", "date"]].drop_duplicates()) == len(dates)
    folder = tmp_path_factory.mktemp("tables")
    parcels.to_csv(folder / "p.csv", index=False)
    observations.to_csv(folder / "o.csv", index=False)
    series = {
        k: g.sort_values("date")
        for k, g in observations.fillna({"orbit": ""}).groupby(["parcel_id", "orbit"])
    }
    return folder, parcels, series


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_equal_to_the_plain_sequence(tables, name):
    folder, parcels, series = tables
    c = DEFAULTS | CONFIGURATIONS[name]
    (folder / "c.cfg").write_text(config_text(c))
    start, end = date.fromisoformat(c["start"]), date.fromisoformat(c["end"])
    inputs = folder / "o.csv", folder / "p.csv", folder / "c.cfg"
    detect_tables(*inputs, start, end, folder / "r.csv", missions=("S2", "S1"), compat="sen4cap")
    result = pd.read_csv(folder / "r.csv", dtype=str).set_index("parcel_id")
    orbits = [o.strip().zfill(3) for o in c["orbits"].split(",") if o.strip()] or ["037", "088"]
    first = {"": c["start"], **{o: str(start - timedelta(days=c["step"] * c["n"])) for o in orbits}}
    n_seen = 0
    for p in parcels.itertuples():
        slots = []
        for orbit in ["", *orbits]:
            rows = series.get((p.parcel_id, orbit))
            if rows is None:
                continue
            rows = rows[(rows.date >= first[orbit]) & (rows.date <= c["end"])]
            if orbit == "":
                slots = join_falls(slots, falls(rows, c), c["span"])
            else:
                slots = join_rises(slots, rises(rows, p.n_pix_s1, p.fid, c), c["ends"])
        row = result.loc[str(p.parcel_id)]
        n_seen += assert_same_mowings(row, slots, p.parcel_id)
        period = (*CODES[p.crop_code], c["rule"]) if p.crop_code in CODES else None
        assert int(row.compl) == verdict(slots, row.proc == "1", period), p.parcel_id
    assert n_seen > 30
