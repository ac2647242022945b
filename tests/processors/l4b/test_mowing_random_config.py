"""Any configuration on any table: random thresholds and series against a plain-Python twin of the original.

The twin is written from the published behaviour of the original scripts, one parcel and one date at a time;
it has the 32-bit differences of days of the year, the orbit filter, both compliance rules and the fusion.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.special import erfinv

from sen4cap_core.processors.l4b.command import detect_tables
from tests.processors.l4b.mowing_twin import assert_same_mowings, join_falls, join_rises, verdict

COUNTRIES = {
    "CZE": (0.12, 0.05, 0.72, 0.4, (("315", "01/04", "31/07"), ("350", "01/04", "31/07"))),
    "LTU": (0.12, 0.06, 0.75, 0.5, (("GPZ", "01/04", "31/07"), ("5PT-2", "15/07", "01/03"))),
    "NLD": (0.12, 0.9, 0.75, 0.5, (("265", "01/04", "31/10"), ("3807", "01/04", "31/10"))),
    "ESP": (0.15, 0.9, 0.75, 0.5, (("2", "01/04", "31/10"), ("85", "01/04", "31/10"))),
    "ITA": (0.12, 0.05, 0.75, 0.5, (("046", "01/04", "31/10"), ("051", "01/05", "31/07"))),
}
OTHER_CODES = ("46", "51", "0315", "02", "gpz", "999")
YEAR = 2019


def random_setting(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    country = list(COUNTRIES)[seed % len(COUNTRIES)]
    fall, back, high, low, periods = COUNTRIES[country]
    is_tuned = seed >= len(COUNTRIES)
    pick = rng.choice if is_tuned else lambda values: values[0]
    return {
        "start": date(YEAR, 3, 1) if not is_tuned else date(YEAR, int(rng.integers(1, 6)), 7),
        "end": date(YEAR, 11, 30) if not is_tuned else date(YEAR + int(rng.integers(0, 2)), 9, 20),
        "fall": fall if not is_tuned else round(float(rng.uniform(0.0, 0.25)), 3),
        "rate": float(pick([-1e-6, -0.002, 0.0])),
        "back": back,
        "high": high if not is_tuned else float(rng.choice([0.55, 0.72, 0.75, 0.9])),
        "low": low if not is_tuned else float(rng.choice([0.3, 0.4, 0.5, 0.62])),
        "corrupted": float(pick([0.1, 0.0, 0.25])),
        "cut": float(pick([30.0, 60.0, 12.0])),
        "span": float(pick([45.0, 28.0, 20.0, 0.0])),
        "ends": float(pick([28.0, 14.0, 45.0])),
        "pfa": float(pick([3e-8, 3e-7, 1e-4, 0.02])),
        "n": int(pick([5, 4, 7, 3])),
        "step": int(pick([6, 12])),
        "variance": float(pick([0.024, 0.01, 0.0])),
        "saturate": bool(pick([True, True, False])),
        "orbits": list(pick([[], ["088", "037"], ["37"], ["110", "88", "037"]]))
        if not is_tuned
        else [[], ["088", "037"], ["37"], ["110", "88", "037"]][int(rng.integers(4))],
        "s2_time": str(pick(["10:30:00", "09:15:30"])),
        "s1_time": str(pick(["18:00:00", "17:05:00"])),
        "s2_back": int(pick([0, 3])),
        "periods": [
            (code, f"{a}/{YEAR}", f"{b}/{YEAR + (b < a[3:])}", 0 if not is_tuned else int(rng.integers(2)))
            for code, a, b in ((c, a, b) for c, a, b in periods)
        ],
    }


def _year_of_end(start: str, end: str) -> int:
    return YEAR + (end[3:] < start[3:])


def config_text(c: dict) -> str:
    periods = [(code, a, f"{b[:5]}/{_year_of_end(a, b)}", rule) for code, a, b, rule in c["periods"]]
    c["periods"] = periods
    intervals = ", ".join(f"('{a}', '{b}')" for _, a, b, _ in periods)
    return f"""[GENERAL_CONFIG]
CTNUM_FILTER =
s1_orbit_list_filter = {", ".join(c["orbits"])}
[S1_constants]
S1_time_interval = {c["step"]}
min_cohe_var = {c["variance"]}
locAcqTimeASC = {c["s1_time"]}
locAcqTimeDESC = 06:00:00
[S2_constants]
S2_time_interval = 5
locAcqTime = {c["s2_time"]}
[S2_model]
apply_model = False
[S1_processing]
pol_types = VH
data_types = COHE
pfa = {c["pfa"]}
stat_smpl_n = {c["n"]}.0
saturate_sigma = {c["saturate"]}
non_overlap_interval_days = {c["ends"]}
[S2_processing]
prod_type_list = SNDVI
sc_fact = 1000.0
corrupted_th = {c["corrupted"]}
decreasing_abs_th = {c["fall"]}
decreasing_rate_th = {c["rate"]}
increasing_rate_th = {c["back"]}
high_abs_th = {c["high"]}
low_abs_th = {c["low"]}
no_mowing_after_det = {c["cut"]}
non_overlap_interval_days = {c["span"]}
stat_smpl_n = {c["s2_back"]}
[compliancy]
crop_codes = {", ".join(p[0] for p in periods)}
crop_time_intervals = {intervals}
crop_rule = {", ".join(str(p[3]) for p in periods)}
"""


def random_tables(seed: int, codes: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty parcels over more than a year, with gaps, zeros, negative values, cuts and coherence rises."""
    rng = np.random.default_rng([seed, 7])
    n = 20
    parcels = pd.DataFrame(
        {
            "parcel_id": rng.permutation(n) + 500,
            "fid": np.arange(n),
            "crop_code": rng.choice([*codes, *OTHER_CODES], n),
            "area_m2": 10_000,
            "n_pix_s2": np.where(rng.random(n) < 0.9, rng.integers(1, 240, n), 0),
            "n_pix_s1": np.where(rng.random(n) < 0.85, rng.integers(1, 60, n), 0),
        }
    )
    rows = []
    first = np.datetime64(f"{YEAR}-01-20")
    # The dates of an orbit are the same for all parcels: they are the columns of the original's matrix.
    passes = {
        orbit: np.array([d for d in range(shift, 640, 6) if rng.random() < 0.97])
        for orbit, shift in (("037", 0), ("088", 3), ("110", 5))
    }
    for p in parcels.itertuples():
        days = np.sort(rng.choice(640, 110, replace=False))
        ndvi = 0.72 + 0.08 * np.sin(days / 40) + rng.normal(0, 0.05, len(days))
        for cut in rng.choice(640, 9, replace=False):
            since = days - cut
            ndvi -= np.where((since >= 0) & (since < 40), rng.uniform(0.05, 0.5) * (1 - since / 40), 0)
        # A thousandth is what the stored integers hold: exact thresholds are met now and then.
        mean = np.round(ndvi * 1000)
        mean[rng.random(len(days)) < 0.06] = rng.choice([0.0, -60.0, 90.0, 100.0, 250.0])
        mean[rng.random(len(days)) < 0.2] = np.nan
        if p.n_pix_s2:
            rows += [
                (p.parcel_id, "S2", "", "", str(first + d), m)
                for d, m in zip(days.tolist(), mean, strict=True)
            ]
        if not p.n_pix_s1:
            continue
        for orbit, days in passes.items():
            noise = 0.155 / math.sqrt(p.n_pix_s1)
            mean = 0.25 + rng.normal(0, noise, len(days))
            for cut in rng.choice(640, 9, replace=False):
                mean += np.where((days - cut >= 6) & (days - cut < 26), rng.uniform(0.1, 0.5), 0)
            mean[rng.random(len(days)) < 0.02] = np.nan
            rows += [
                (p.parcel_id, "S1", orbit, str(first + d - 6), str(first + d), m)
                for d, m in zip(days.tolist(), mean, strict=True)
            ]
    columns = ["parcel_id", "mission", "orbit", "date1", "date", "mean"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["n_valid"] = np.where(frame["mean"].isna(), 0, 12)
    return parcels, frame.sample(frac=1, random_state=seed)


def elapsed(later: datetime, earlier: datetime) -> int:
    """Difference of days of the year in 32 unsigned bits."""
    return (later.timetuple().tm_yday - earlier.timetuple().tm_yday) % 2**32


def falls(rows: pd.DataFrame, c: dict) -> list[tuple]:
    hours = datetime.strptime(c["s2_time"], "%H:%M:%S") - datetime(1900, 1, 1)
    older = newer = None
    clear, raw = [], []
    for text, mean in zip(rows.date, rows["mean"], strict=True):
        value = mean / 1000
        if not value >= c["corrupted"]:
            continue
        day = datetime.fromisoformat(text)
        clear.append(day)
        conf = 0.0
        if older is not None:
            (d0, p0), (d1, p1) = older, newer
            excess = float(p0 - p1) - c["fall"]
            amount = excess / float(p1) if p1 != 0 else math.inf * excess if excess else math.nan
            if (
                amount > 0
                and float(p1 - p0) / elapsed(d1, d0) < c["rate"]
                and (value - float(p1)) / elapsed(day, d1) < c["back"]
                and float(p1) < c["high"]
                and float(p0) > c["low"]
            ):
                conf = min(1 - 0.5 * math.exp(-amount), 0.999)
        raw.append(conf)
        older, newer = newer, (day, np.float32(value))
    found = []
    for k in range(1, len(clear) - 1):
        if raw[k + 1] > 0:
            start, end = clear[k - 1] + hours, clear[k] + hours
            if (end - start).days > c["cut"]:
                start = end - timedelta(days=c["cut"])
            found.append((raw[k + 1], start, end, "S2"))
    return found


def rises(rows: pd.DataFrame, n_pixels: int, fid: int, c: dict) -> list[tuple]:
    hours = datetime.strptime(c["s1_time"], "%H:%M:%S") - datetime(1900, 1, 1)
    dates = [datetime.fromisoformat(d) for d in rows.date]
    y = rows["mean"].to_numpy()
    x = np.array([(d - dates[0]).days for d in dates], float) if dates else np.empty(0)
    chance = math.sqrt(2) * erfinv(1 - 2 * c["pfa"])
    n, found = c["n"], []
    for t in range(n, len(y)):
        before = y[t - n : t]
        if not np.isfinite(before).all() or not np.isfinite(y[t]):
            continue
        where = x[t - n : t] - x[t - n : t].mean()
        slope = float((where * (before - before.mean())).sum() / (where**2).sum())
        line = before.mean() + slope * where
        sigma = np.std(before - line)
        if c["saturate"]:
            sigma = math.inf if fid == 0 else max(sigma, math.sqrt(c["variance"] / n_pixels))
        score = (y[t] - line[-1]) / sigma - chance
        if score > 0 and 0.5 - 0.5 * math.exp(-score) > 0:
            later = dates[t - 1] + hours
            found.append((0.5 - 0.5 * math.exp(-score), later - timedelta(days=c["step"]), later, "S1"))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_the_twin(tmp_path, seed):
    c = random_setting(seed)
    (tmp_path / "c.cfg").write_text(config_text(c))
    parcels, observations = random_tables(seed, tuple(p[0] for p in c["periods"]))
    parcels.to_csv(tmp_path / "p.csv", index=False)
    observations.to_csv(tmp_path / "o.csv", index=False)
    missions = (("S2", "S1"), ("S2",), ("S1",))[seed % 4 % 3]
    inputs = tmp_path / "o.csv", tmp_path / "p.csv", tmp_path / "c.cfg"
    detect_tables(*inputs, c["start"], c["end"], tmp_path / "r.csv", missions=missions, compat="sen4cap")
    result = pd.read_csv(tmp_path / "r.csv", dtype=str).set_index("parcel_id")
    orbits = [o.zfill(3) for o in c["orbits"]] or ["037", "088", "110"]
    back = {"S2": 5 * c["s2_back"], "S1": c["step"] * c["n"]}
    periods = {code: period for code, *period in c["periods"]}
    n_seen = 0
    for p in parcels.itertuples():
        own = observations[observations.parcel_id == p.parcel_id].sort_values("date")
        slots: list[tuple] = []
        runs = [("S2", "")] if "S2" in missions else []
        runs += [("S1", orbit) for orbit in orbits] if "S1" in missions else []
        for mission, orbit in runs:
            if not (p.n_pix_s2 if mission == "S2" else p.n_pix_s1):
                continue
            first = str(c["start"] - timedelta(days=back[mission]))
            rows = own[(own.mission == mission) & (own.orbit == orbit)]
            rows = rows[(rows.date >= first) & (rows.date <= str(c["end"]))]
            if mission == "S2":
                slots = join_falls(slots, falls(rows, c), c["span"])
            else:
                slots = join_rises(slots, rises(rows, p.n_pix_s1, p.fid, c), c["ends"])
        row = result.loc[str(p.parcel_id)]
        n_seen += assert_same_mowings(row, slots, p.parcel_id)
        processed = ("S2" in missions and p.n_pix_s2 > 0) or ("S1" in missions and p.n_pix_s1 > 0)
        assert row.proc == str(int(processed)), p.parcel_id
        assert int(row.compl) == verdict(slots, processed, periods.get(p.crop_code)), p.parcel_id
    assert n_seen > 10
