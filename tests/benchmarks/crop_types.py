"""Crop types: accuracy on real samples (10-fold by parcel), time and memory on a simulated country.

    python -m tests.benchmarks.crop_types samples OBSERVATIONS PARCELS CODES [--pa-min 10] [--seeds 0,1,2]
    python -m tests.benchmarks.crop_types season [--parcels 100000] [--trees 300] [--methods default,sen4cap]
    python -m tests.benchmarks.crop_types ranger [--trees 20]

``samples`` takes tables as ``sen4cap l4a classify`` does; ``tests.benchmarks.crop_type_samples`` makes some.
``season`` makes 40 crops that differ in when and how much they are green, a year of Sentinel-2 every 5 days
under clouds and of Sentinel-1 every six days in two orbits, runs each method in a process of its own and sets
it beside scikit-learn's forest with its defaults on the same features. ``ranger`` takes the shape on which
R's ranger was measured beside scikit-learn (30 000 rows, 300 features, 30 classes, 20 trees, 100 000
predicted): the ratio to ranger is that to scikit-learn here times that of the two there.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import StratifiedKFold

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig
from sen4cap_core.processors.l4a.crop_type.classify import classify
from sen4cap_core.processors.l4a.crop_type.command import read_input
from sen4cap_core.processors.l4a.crop_type.features import build_features
from sen4cap_core.processors.l4a.crop_type.learners import train
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, DayCell, SeasonSeries
from sen4cap_core.processors.l4a.crop_type.selection import select
from tests.benchmarks.process_cost import peak_resident_mb

N_CLASSES = 40
FIRST_DAY = 17_897  # 2019-01-01
BANDS = ("b03", "b04", "b08", "b11", "b05", "b06", "b07", "b12")


def cross_validate(
    observations: Path, parcels: Path, codes: Path, pa_min: int, seeds: list[int], methods: list[str]
) -> None:
    """Print accuracies over ways to make the folds, each parcel predicted by a model that did not see it."""
    given = read_input(observations, parcels, codes, None, start=None, until=None, strata=None)
    config = CropTypeConfig(pa_min=pa_min)
    features = build_features(given.series, config)
    chosen = select(given.classes, features, config, "default")
    rows = np.sort(np.r_[chosen.calibration, chosen.validation])
    values, labels = features.values[rows], given.classes.declared[rows]
    print(f"{len(rows)} parcels, {len(np.unique(labels))} classes, {values.shape[1]} features")
    for method in methods:
        began = time.process_time()
        scores = []
        for seed in seeds:
            probabilities = np.zeros((len(rows), len(np.unique(labels))))
            for others, mine in StratifiedKFold(10, shuffle=True, random_state=seed).split(values, labels):
                learner = train(values[others], labels[others], features.names, config, method).learner  # type: ignore[arg-type]
                probabilities[mine] = learner.probabilities(values[mine])
            found = learner.classes[probabilities.argmax(axis=1)]
            f_score = f1_score(labels, found, average="macro", zero_division=0)
            loss = log_loss(labels, np.clip(probabilities, 1e-3, 1))
            scores.append((accuracy_score(labels, found), f_score, loss))
            print(f"{method:8s} seed {seed}: {' '.join(f'{one:.3f}' for one in scores[-1])}", flush=True)
        mean, spread = np.mean(scores, axis=0), np.std(scores, axis=0)
        told = zip(("overall", "macro F1", "log loss"), mean, spread, strict=True)
        print(
            f"{method:8s} {len(seeds)} seeds: "
            + "  ".join(f"{name} {a:.3f} ± {b:.3f}" for name, a, b in told)
            + f"  {time.process_time() - began:.0f} CPU s",
            flush=True,
        )


def made_up_season(n_parcels: int, seed: int = 1) -> tuple[CropClasses, SeasonSeries]:
    """A year of observations of ``n_parcels`` parcels of 40 crops, the larger ones far larger."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(2, N_CLASSES + 2)
    declared = random.choice(N_CLASSES, n_parcels, p=share / share.sum()).astype(np.int64) + 1
    peaks, widths = random.uniform(90, 260, N_CLASSES), random.uniform(20, 70, N_CLASSES)
    heights, wet = random.uniform(0.5, 1, N_CLASSES), random.uniform(0.3, 1, N_CLASSES)
    peak = peaks[declared - 1] + random.normal(0, 10, n_parcels)
    width = widths[declared - 1] * random.lognormal(0, 0.15, n_parcels)
    height = heights[declared - 1] * random.lognormal(0, 0.15, n_parcels)
    n = random.integers(10, 300, n_parcels).astype(np.int32)
    series = SeasonSeries(n_parcels)

    def put(key: tuple[str, str], day: int, mean: np.ndarray, noise: float, seen: np.ndarray) -> None:
        noisy = mean * (1 + noise * random.standard_normal(n_parcels, np.float32))
        std = (0.1 * np.abs(noisy)).astype(np.float32)
        value = np.where(seen, noisy, np.nan).astype(np.float32)
        series.cells.setdefault(key, {})[FIRST_DAY + day] = DayCell(
            np.where(seen, n, 0).astype(np.int32), value, std
        )

    for day in range(0, 365, 5):
        green = height * np.exp(-(((day - peak) / width) ** 2))
        clear = random.random(n_parcels) > random.uniform(0.2, 0.9)
        for i, band in enumerate(BANDS):
            up = band in ("b08", "b06", "b07")
            put((band, ""), day, 0.06 + 0.02 * i + (0.3 if up else -0.05) * green, 0.08, clear)
    everybody = np.ones(n_parcels, np.bool_)
    for orbit, first in (("ASC", 1), ("DESC", 4)):
        for day in range(first, 365, 6):
            green = height * np.exp(-(((day - peak) / width) ** 2))
            put(("vv", orbit), day, 0.1 - 0.05 * green, 0.2, everybody)
            put(("vh", orbit), day, 0.01 + 0.02 * green * wet[declared - 1], 0.2, everybody)
            put(("coh_vv", orbit), day, 0.7 - 0.5 * green, 0.15, everybody)
            put(("coh_vh", orbit), day, 0.5 - 0.3 * green, 0.15, everybody)
    none = np.full(n_parcels, "", object)
    pixels = n.astype(np.int64)
    classes = CropClasses(
        np.arange(n_parcels).astype(str).astype(object), declared, np.ones(n_parcels, np.int64),
        100.0 * pixels,        pixels, pixels // 4, everybody, {}, none, none,
    )  # fmt: skip
    return classes, series


def run_season(n_parcels: int, trees: int, method: str) -> None:
    """Print seconds of each part and the peak of memory."""
    marks, cpu_marks = [time.perf_counter()], [time.process_time()]

    def mark() -> None:
        marks.append(time.perf_counter())
        cpu_marks.append(time.process_time())

    classes, series = made_up_season(n_parcels)
    mark()
    config = CropTypeConfig(num_trees=trees)
    features = build_features(series, config, release=True)
    mark()
    if method == "scikit-learn":
        chosen = select(classes, features, config, "default")
        forest = RandomForestClassifier(n_estimators=trees, n_jobs=-1, random_state=0)
        forest.fit(features.values[chosen.calibration], classes.declared[chosen.calibration])
        mark()
        found = forest.classes_[forest.predict_proba(features.values).argmax(axis=1)][chosen.validation]
        truth = classes.declared[chosen.validation]
        right, f_score = accuracy_score(truth, found), f1_score(truth, found, average="macro")
        n_learnt = len(chosen.calibration)
    else:
        answer = classify(classes, features, config, method)  # type: ignore[arg-type]
        assert answer.accuracy is not None
        right, f_score = answer.accuracy.overall, answer.accuracy.macro_f
        n_learnt = answer.models[0].n_learnt_from
    mark()
    seconds, cpu_seconds = (
        ", ".join(f"{b - a:.0f}" for a, b in itertools.pairwise(of)) for of in (marks, cpu_marks)
    )
    print(
        f"{method:12s} {features.values.shape} {n_learnt} samples {trees} trees: seconds (made up, features, "
        f"{'learn, predict' if method == 'scikit-learn' else 'learn and predict'}) {seconds}; "
        f"CPU seconds {cpu_seconds}; accuracy {right:.3f}, macro F1 {f_score:.3f}; "
        f"peak {peak_resident_mb() / 1024:.2f} GB",
        flush=True,
    )


RANGER_FIT, RANGER_PREDICT = 19.1 / 12.3, 7.5 / 0.41
"""What ranger took in units of scikit-learn's forest, on one machine, 20 trees."""


def beside_ranger(trees: int) -> None:
    """Print CPU seconds of the default and of scikit-learn's forest, and what follows for ranger."""
    values, labels = make_classification(
        130_000, 300, n_informative=60, n_redundant=40, n_classes=30, n_clusters_per_class=1, class_sep=3.0,
        random_state=1,
    )  # fmt: skip
    values = values.astype(np.float32)
    names = tuple(f"f{i}" for i in range(values.shape[1]))
    seconds: dict[str, list[float]] = {}
    for who in ("scikit-learn", "default"):
        marks = [time.process_time()]
        if who == "default":
            learner = train(
                values[:30_000], labels[:30_000], names, CropTypeConfig(num_trees=trees), who
            ).learner
        else:
            learner = RandomForestClassifier(trees, n_jobs=-1, random_state=0).fit(
                values[:30_000], labels[:30_000]
            )
        marks.append(time.process_time())
        told = learner.probabilities if who == "default" else learner.predict_proba
        found = (learner.classes if who == "default" else learner.classes_)[
            told(values[30_000:]).argmax(axis=1)
        ]
        marks.append(time.process_time())
        seconds[who] = np.diff(marks).tolist()
        fit, predict = seconds[who]
        right = accuracy_score(labels[30_000:], found)
        print(f"{who:12s} {trees} trees: fit {fit:.1f}, predict {predict:.1f} CPU s; accuracy {right:.3f}")
    theirs = [
        s * ratio for s, ratio in zip(seconds["scikit-learn"], (RANGER_FIT, RANGER_PREDICT), strict=True)
    ]
    ratios = [their / our for their, our in zip(theirs, seconds["default"], strict=True)]
    print(
        f"ranger would take {theirs[0]:.1f} and {theirs[1]:.1f}, "
        f"{ratios[0]:.1f} and {ratios[1]:.1f} times as long as the default"
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    samples = commands.add_parser("samples")
    for name in ("observations", "parcels", "codes"):
        samples.add_argument(name, type=Path)
    samples.add_argument("--pa-min", type=int, default=10)
    samples.add_argument("--seeds", default="0,1,2")
    samples.add_argument("--methods", default="default,sen4cap")
    season = commands.add_parser("season")
    season.add_argument("--parcels", type=int, default=100_000)
    season.add_argument("--trees", type=int, default=300)
    season.add_argument("--methods", default="default,scikit-learn,sen4cap")
    ranger = commands.add_parser("ranger")
    ranger.add_argument("--trees", type=int, default=20)
    given = parser.parse_args()
    if given.command == "ranger":
        beside_ranger(given.trees)
        return
    if given.command == "samples":
        seeds = [int(seed) for seed in given.seeds.split(",")]
        tables = given.observations, given.parcels, given.codes
        cross_validate(*tables, given.pa_min, seeds, given.methods.split(","))
        return
    for method in given.methods.split(","):
        process = multiprocessing.get_context("spawn").Process(
            target=run_season, args=(given.parcels, given.trees, method)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
