"""How well mowing detectors do under many conditions of simulated grassland, by both protocols of scoring.

``python -m tests.benchmarks.mowing_quality`` prints one row for each regime: F1 by the MODCiX protocol and
strictly one to one, for the original, its rule without defects and the neighbourhood method, on Sentinel-2
alone; with ``--radar`` also for both satellites, with coherence as noisy as assumed, twice and four times.
Seeds from 100 on were never used to choose a threshold.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from sen4cap_core.declarations.l4b_config import Compat, L4BConfig, Method
from sen4cap_core.processors.l4b.command import parcel_facts
from sen4cap_core.processors.l4b.detection import detect
from sen4cap_core.processors.l4b.model import MowingOutcome, ObservationMatrix, ParcelFacts
from sen4cap_core.processors.l4b.observations_table import read_observations_table
from sen4cap_core.reports.scoring_mowing import DatedEvents, Score, score_nearest, score_one_to_one
from sen4cap_core.simulation.grassland import GrasslandTables, Region, simulate_grassland
from sen4cap_core.tables.parcels import read_parcels

START, END = date(2019, 3, 1), date(2019, 11, 30)
SECONDS_PER_DAY = 86_400.0
CLEAR_FROM = 0.65
"""Clear score from which on detectors without scores see an observation."""

BASE = Region(0, cloudiness=0.42, cut_share=0.45)
REGIMES = {
    "base": BASE,
    "cloudy": replace(BASE, cloudiness=0.55),
    "clear sky": replace(BASE, cloudiness=0.25),
    "haze in the score": replace(BASE, haze=0.35, haze_in_score=1.0, score_sd=0.12),
    "haze not in the score": replace(BASE, haze=0.35),
    "low scores": replace(BASE, clear_score=0.85, score_sd=0.12),
    "missed clouds": replace(BASE, missed_cloud=0.05),
    "droughts": replace(BASE, drought=1.0),
    "grazed": replace(BASE, grazed=0.7),
    "all mow at once": replace(BASE, n_spells=7, synchrony=0.95),
    "intensive": replace(BASE, intensity=1.7, regrowth=0.8),
    "extensive": replace(BASE, intensity=0.6, level=0.74),
    "shallow cuts": replace(BASE, cut_share=0.35),
    "few parcels": replace(BASE, n_parcels=12),
    "one satellite": replace(BASE, revisit_days=10.0),
}
"""Conditions; each differs from the first in what its name says."""


class Case:
    """One simulated region as the detector reads it."""

    def __init__(self, tables: GrasslandTables, folder: Path, missions: tuple[str, ...], scores: bool = True):
        tables.parcels.astype({"parcel_id": str}).to_parquet(folder / "p.parquet")
        rows = tables.observations if scores else tables.observations.drop(columns="clear_score")
        rows.astype({"parcel_id": str}).to_parquet(folder / "o.parquet")
        parcels = read_parcels(folder / "p.parquet")
        table = read_observations_table(
            folder / "o.parquet", parcels, L4BConfig(), START, END, missions, with_scores=scores
        )
        self.matrix: ObservationMatrix = table.matrix
        self.facts: ParcelFacts = parcel_facts(parcels, table)
        self.missions = missions
        rows_of = {str(name): i for i, name in enumerate(tables.parcels["parcel_id"])}
        true_days = pd.to_datetime(tables.truth["date"]).to_numpy().astype("datetime64[D]").astype(np.int64)
        self.reference = DatedEvents(
            tables.truth["parcel_id"].astype(str).map(rows_of).to_numpy().astype(np.int64),
            true_days.astype(np.float64),
            true_days.astype(np.float64),
        ).within()

    def outcome(
        self, config: L4BConfig, compat: Compat = "default", method: Method | None = None
    ) -> MowingOutcome:
        """What the detector says; those that know no clear score get the clear observations alone."""
        matrix = self.matrix
        if matrix.clear_scores is not None and method != "neighbourhood":
            is_clear = ~(matrix.clear_scores < CLEAR_FROM)
            matrix = replace(matrix, values=np.where(is_clear, matrix.values, np.nan), clear_scores=None)
        return detect(matrix, self.facts, config, self.missions, compat, method)

    def scores(
        self, config: L4BConfig, compat: Compat = "default", method: Method | None = None
    ) -> tuple[Score, Score]:
        """MODCiX and one to one."""
        events = detected(self.outcome(config, compat, method), compat)
        return score_nearest(events, self.reference), score_one_to_one(events, self.reference)


def detected(outcome: MowingOutcome, compat: Compat) -> DatedEvents:
    """Detections as days; those of the original are its four columns."""
    if compat == "sen4cap":
        slots = outcome.slots
        used = slots.n[:, None] > np.arange(slots.start_s.shape[1])
        parcel = np.nonzero(used)[0]
        return DatedEvents(
            parcel.astype(np.int64),
            slots.start_s[used] / SECONDS_PER_DAY,
            slots.end_s[used] / SECONDS_PER_DAY,
        ).within()
    events = outcome.events
    return DatedEvents(
        events.parcel.astype(np.int64), events.start_s / SECONDS_PER_DAY, events.end_s / SECONDS_PER_DAY
    ).within()


def cases_of(
    region: Region, seeds: Iterable[int], missions: tuple[str, ...] = ("S2",), scores: bool = True
) -> list[Case]:
    """Simulate one regime several times; small neighbourhoods are repeated for equal numbers of parcels."""
    cases = []
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            for part in range(max(1, BASE.n_parcels // region.n_parcels)):
                tables = simulate_grassland(
                    replace(region, seed=seed + 1000 * part), with_radar="S1" in missions
                )
                cases.append(Case(tables, Path(name), missions, scores))
    return cases


def total(scores: Iterable[Score]) -> Score:
    """Counts of several regions together."""
    counts = np.array([(s.n_true_positive, s.n_false_positive, s.n_false_negative) for s in scores])
    return Score(*(int(n) for n in counts.sum(axis=0)))


DETECTORS: dict[str, tuple[Compat, Method | None]] = {
    "original": ("sen4cap", None),
    "falls": ("default", "falls"),
    "neighbourhood": ("default", "neighbourhood"),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument("--radar", action="store_true")
    parser.add_argument("--no-scores", action="store_true", help="without the column clear_score")
    options = parser.parse_args()
    config = L4BConfig()
    print("| regime |" + "".join(f" {name}: MODCiX | one to one |" for name in DETECTORS))
    print("|---|" + "---|" * 2 * len(DETECTORS))
    for name, region in REGIMES.items():
        cases = cases_of(region, options.seeds, scores=not options.no_scores)
        cells = []
        for compat, method in DETECTORS.values():
            pairs = [case.scores(config, compat, method) for case in cases]
            for protocol in zip(*pairs, strict=True):
                score = total(protocol)
                cells.append(f"{score.precision:.3f} / {score.recall:.3f} / {score.f1:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if options.radar:
        print("\n| regime | Sentinel-2 | both | noise x 2 | noise x 4 |\n|---|---|---|---|---|")
        for name in ("base", "cloudy", "missed clouds", "all mow at once"):
            cells = [_f1(cases_of(REGIMES[name], options.seeds), config)]
            for noise in (1.0, 2.0, 4.0):
                region = replace(REGIMES[name], coherence_noise=noise)
                cells.append(_f1(cases_of(region, options.seeds, ("S2", "S1")), config))
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _f1(cases: list[Case], config: L4BConfig) -> str:
    return f"{total(case.scores(config)[0] for case in cases).f1:.3f}"


if __name__ == "__main__":
    main()
