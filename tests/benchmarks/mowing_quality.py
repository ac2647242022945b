"""How well mowing detectors do under many conditions of simulated grassland, by both protocols of scoring.

``python -m tests.benchmarks.mowing_quality`` prints one row for each regime: F1 by the MODCiX protocol and
strictly one to one, for the original, its rule without defects, a simple rule (``mowing_simple_rule``) and
the neighbourhood method, on Sentinel-2 alone; with ``--radar`` also for both satellites, with coherence as
noisy as assumed, twice and four times. ``--reference FOLDER`` adds the original's own tables with known cuts
and ten real parcels. Seeds from 100 to 199 were never used to choose a threshold.
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

from sen4cap_core.declarations.settings.l4b_config import Compat, L4BConfig, Method
from sen4cap_core.processors.l4b.command import parcel_facts
from sen4cap_core.processors.l4b.detection import detect
from sen4cap_core.processors.l4b.model import MowingOutcome, ObservationMatrix, ParcelFacts
from sen4cap_core.processors.l4b.observations_table import read_observations_table
from sen4cap_core.reports.scores.scoring_mowing import DatedEvents, Score, score_nearest, score_one_to_one
from sen4cap_core.simulation.land.grassland import GrasslandTables, Region, simulate_grassland
from sen4cap_core.tables.parcels import read_parcels
from tests.benchmarks.mowing_real import FOLDER, original_parcels, real_parcels, with_noise
from tests.benchmarks.mowing_simple_rule import SimpleRule

START, END = date(2019, 3, 1), date(2019, 11, 30)
SECONDS_PER_DAY = 86_400.0
CLEAR_FROM = 0.65
"""Clear score from which on detectors without scores see an observation."""

BASE = Region(0, cloudiness=0.42, cut_share=0.45)
PLOTS = replace(
    BASE, grazed=0.0, n_parcels=60, cloudiness=0.5, revisit_days=4.0, intensity=1.25, synchrony=0.85,
    late_veils=2.0, clear_score=0.92, score_sd=0.08, missed_cloud=0.02,
)  # fmt: skip
"""What dated plots look like: some dozens in a neighbourhood, tended meadows, autumns full of veils."""
REGIMES = {
    "base": BASE,
    "cloudy": replace(BASE, cloudiness=0.55),
    "clear sky": replace(BASE, cloudiness=0.25),
    "haze in the score": replace(BASE, haze=0.35, haze_in_score=1.0, score_sd=0.12),
    "haze not in the score": replace(BASE, haze=0.35),
    "low scores": replace(BASE, clear_score=0.85, score_sd=0.12),
    "bright stubble": replace(PLOTS, clear_score=0.97, score_sd=0.05, bright_low=1.5),
    "missed clouds": replace(BASE, missed_cloud=0.05),
    "droughts": replace(BASE, drought=1.0),
    "grazed": replace(BASE, grazed=0.7),
    "all mow at once": replace(BASE, n_spells=7, synchrony=0.95),
    "intensive": replace(BASE, intensity=1.7, regrowth=0.8),
    "extensive": replace(BASE, intensity=0.6, level=0.74),
    "shallow cuts": replace(BASE, cut_share=0.35),
    "few parcels": replace(BASE, n_parcels=12),
    "one satellite": replace(BASE, revisit_days=10.0),
    "plots": PLOTS,
    "plots, often seen": replace(PLOTS, revisit_days=2.5, late_veils=3.0, missed_cloud=0.03),
    "few plots, mown together": replace(PLOTS, n_parcels=20, synchrony=0.9, n_spells=10),
}
"""Conditions; each differs from the first in what its name says."""


class Case:
    """One simulated region as the detector reads it."""

    def __init__(
        self,
        tables: GrasslandTables,
        folder: Path,
        missions: tuple[str, ...],
        scores: bool = True,
        year: int = START.year,
    ):
        tables.parcels.astype({"parcel_id": str}).to_parquet(folder / "p.parquet")
        rows = tables.observations if scores else tables.observations.drop(columns="clear_score")
        rows.astype({"parcel_id": str}).to_parquet(folder / "o.parquet")
        parcels = read_parcels(folder / "p.parquet")
        table = read_observations_table(
            folder / "o.parquet",
            parcels,
            L4BConfig(),
            START.replace(year=year),
            END.replace(year=year),
            missions,
            with_scores=scores,
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

    def scores(self, config: L4BConfig, detector: str = "neighbourhood") -> tuple[Score, Score]:
        """MODCiX and one to one, of one of ``DETECTORS`` or the simple rule."""
        if detector == "simple":
            events = self._simple()
        else:
            compat, method = DETECTORS[detector]
            events = detected(self.outcome(config, compat, method), compat)
        return score_nearest(events, self.reference), score_one_to_one(events, self.reference)

    def _simple(self) -> DatedEvents:
        """What the simple rule says, on Sentinel-2 alone."""
        matrix = self.matrix
        source = next(source for source in matrix.sources if source.mission == "S2")
        scores = None
        if matrix.clear_scores is not None:
            scores = matrix.clear_scores[:, source.columns].astype(np.float64)
        ndvi = matrix.values[:, source.columns] / matrix.optical_scale
        return SimpleRule().find(ndvi, source.days, scores, self.facts.neighbourhood)


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


def reference_cases(
    folder: Path, missions: tuple[str, ...] = ("S2",), noise: float = 1.0
) -> dict[str, list[Case]]:
    """The original's tables with known cuts (made noisier in three ways), ten real parcels with and without
    a clear score.
    """
    with tempfile.TemporaryDirectory() as name:
        real = real_parcels(folder / FOLDER)
        original = original_parcels(folder)
        noisy = [original] if noise == 1.0 else [with_noise(original, noise, seed) for seed in range(3)]
        return {
            "original's tables": [Case(one, Path(name), missions, scores=False) for one in noisy],
            "real parcels": [Case(real, Path(name), missions, year=2020)],
            "real parcels, no score": [Case(real, Path(name), missions, scores=False, year=2020)],
        }


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
    parser.add_argument("--reference", type=Path, help="folder of the reference data")
    parser.add_argument("--no-scores", action="store_true", help="without the column clear_score")
    options = parser.parse_args()
    config = L4BConfig()
    shown = ("original", "falls", "simple", "neighbourhood")
    print("| regime |" + "".join(f" {name}: MODCiX | one to one |" for name in shown))
    print("|---|" + "---|" * 2 * len(shown))

    def show(name: str, cases: list[Case]) -> None:
        cells = []
        for detector in shown:
            pairs = [case.scores(config, detector) for case in cases]
            for protocol in zip(*pairs, strict=True):
                score = total(protocol)
                cells.append(f"{score.precision:.3f} / {score.recall:.3f} / {score.f1:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)

    if options.reference:
        for name, cases in reference_cases(options.reference).items():
            show(name, cases)
    for name, region in REGIMES.items():
        show(name, cases_of(region, options.seeds, scores=not options.no_scores))
    if options.radar:
        print("\n| regime | Sentinel-2 | both | noise x 2 | noise x 4 |\n|---|---|---|---|---|")
        if options.reference:
            for name in reference_cases(options.reference):
                cells = [_f1(reference_cases(options.reference)[name], config)]
                for noise in (1.0, 2.0, 4.0) if name == "original's tables" else (1.0,):
                    cells.append(_f1(reference_cases(options.reference, ("S2", "S1"), noise)[name], config))
                print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
        for name in REGIMES:
            cells = [_f1(cases_of(REGIMES[name], options.seeds), config)]
            for noise in (1.0, 2.0, 4.0):
                region = replace(REGIMES[name], coherence_noise=noise)
                cells.append(_f1(cases_of(region, options.seeds, ("S2", "S1")), config))
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def _f1(cases: list[Case], config: L4BConfig) -> str:
    return f"{total(case.scores(config)[0] for case in cases).f1:.3f}"


if __name__ == "__main__":
    main()
