"""How true the confidences of mowings are: stated against found right, on simulated grassland.

``python -m tests.benchmarks.mowing_reliability --out docs/images/mowing-reliability.png`` takes all regimes
of ``mowing_quality``, with Sentinel-2 alone and with both satellites, and the original's tables where
``--reference`` names their folder. For each combination of satellites it prints what the confidence should be
corrected by: its log-odds are as they should be where the offset is 0 and the slope 1. Several seeds, as one
region and its weather differ from another by half a unit of log-odds: that of one alone says little.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from sen4cap_core.declarations.settings.l4b_config import SECONDS_PER_DAY, L4BConfig
from sen4cap_core.kernels.mowing.slots import MISSION_TEXTS
from sen4cap_core.reports.scores.mowing_score_files import reliability_table
from sen4cap_core.reports.scores.mowing_score_plots import reliability_png
from sen4cap_core.reports.scores.scoring_mowing import DatedEvents, match_one_to_one
from tests.benchmarks.mowing_quality import REGIMES, Case, cases_of, reference_cases

Array = np.ndarray


def stated_and_right(case: Case) -> tuple[Array, Array, Array]:
    """Confidence of each detection, whether it is right, and what saw it and whether the other looked."""
    outcome = case.outcome(L4BConfig(), method="neighbourhood")
    events = outcome.events
    dated = DatedEvents(
        events.parcel.astype(np.int64), events.start_s / SECONDS_PER_DAY, events.end_s / SECONDS_PER_DAY
    )
    order = dated.order_within()
    is_right = match_one_to_one(dated.within(), case.reference).used
    evidence = outcome.evidence
    has_radar = evidence.n_radar_tests[events.parcel[order]] > 0
    has_ndvi = evidence.n_clear[events.parcel[order]] > 0
    names = np.array(MISSION_TEXTS)[events.mission[order]]
    is_silent = ((names == "S2") & has_radar) | ((names == "S1") & has_ndvi)
    return (
        events.confidence[order],
        is_right,
        np.where(is_silent, np.char.add(names, ", other silent"), names),
    )


def correction(confidence: Array, is_right: Array) -> tuple[float, float]:
    """Offset and slope of a logistic regression of right on the stated log-odds."""
    odds = np.log(confidence / (1 - confidence))
    design = np.column_stack([np.ones_like(odds), odds])
    beta = np.array([0.0, 1.0])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-design @ beta))
        weight = np.maximum(chance * (1 - chance), 1e-9)
        beta = beta + np.linalg.solve((design.T * weight) @ design, design.T @ (is_right - chance))
    return float(beta[0]), float(beta[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[8, 9, 10, 100, 101])
    parser.add_argument("--parcels", type=int, default=40, help="of each regime and seed at most")
    parser.add_argument("--reference", type=Path, help="folder of the reference data")
    parser.add_argument("--out", type=Path, help="picture to write")
    options = parser.parse_args()
    rows = []
    for missions in (("S2",), ("S2", "S1")):
        for region in REGIMES.values():
            smaller = replace(region, n_parcels=min(region.n_parcels, options.parcels))
            for seed in options.seeds:
                cases = cases_of(smaller, [seed], missions)
                n_cases = options.parcels // smaller.n_parcels
                rows += [stated_and_right(case) for case in cases[:n_cases]]
        if options.reference:
            rows += [stated_and_right(reference_cases(options.reference, missions)["original's tables"][0])]
    confidence, is_right, seen_by = (np.concatenate(column) for column in zip(*rows, strict=True))
    table = reliability_table(confidence, is_right)
    print(table.round(3).to_string(index=False))
    for name in np.unique(seen_by):
        is_so = seen_by == name
        offset, slope = correction(confidence[is_so], is_right[is_so])
        stated, observed = confidence[is_so].mean(), is_right[is_so].mean()
        print(f"{name}: {is_so.sum()} detections, stated {stated:.3f}, right {observed:.3f}, ", end="")
        print(f"offset {offset:+.2f}, slope {slope:.2f}")
    if options.out:
        options.out.write_bytes(reliability_png(table))


if __name__ == "__main__":
    main()
