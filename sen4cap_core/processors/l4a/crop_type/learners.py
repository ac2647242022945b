"""What learns: the original's forest, and the default that wins on real samples.

Both give reproducible numbers: trees do not depend on the number of threads, and probabilities of a parcel
are added up by one thread.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.processors.l4a.crop_type.kernel_machine import KernelMachine
from sen4cap_core.processors.l4a.crop_type.kernel_machine import learn as learn_kernel
from sen4cap_core.processors.l4a.crop_type.smote import fill_up_classes
from sen4cap_core.processors.l4a.crop_type.temporal import Course
from sen4cap_core.tables.threads import run_in_chunks

SPLIT_SHARE = 0.05
"""Features a tree of the default looks at for a split."""
BALANCED_SHARE = 0.5
"""Trees of the default that see all classes equally often, and their weight in the mean."""
FOLDS = 10
"""Parts of the samples, each of which one group of the other trees does not see."""
TREE_SAMPLES = 20_000
"""Most samples a tree of the default is grown from; with hundreds of trees more bring time, not accuracy."""
MANY_SAMPLES = 2_000
"""From so many samples on splits at random do as well as the best ones, larger leaves a little better; the
kernel adds nothing there.
"""
PREDICTED_TOGETHER = 4096
"""Parcels whose courses are in memory at the same time, per thread."""


@dataclass
class Learner:
    """A trained classifier."""

    method: Method
    classes: NDArray[np.int64]
    """Ascending."""
    feature_names: tuple[str, ...]
    forests: tuple[Any, ...]
    """Their classes are numbers of ``classes`` in the default method; one may lack some."""
    weights: tuple[float, ...] = (1.0,)
    """Of each forest's probabilities in the mean; they add up to 1."""
    course: Course | None = None
    """Features the default adds out of the series; None in the parity method."""
    temperature: float = 1.0
    """Probabilities of the trees are raised to 1 / temperature: above 1 the answers had been too sure."""
    kernel: KernelMachine | None = None
    """The default's voice beside the trees of few samples; None where trees are alone."""
    kernel_share: float = 0.0
    """Its weight in the mean of both."""
    stands_for: NDArray[np.float64] | None = None
    """Parcels that a sample of each class stands for; None where they are taken as they are."""

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class, float64 (parcels, classes); rows add up to 1."""
        out = np.empty((len(values), len(self.classes)))

        def part(first: int, last: int) -> None:
            # Blocks begin at the same rows however many threads share them, so that sums come out the same.
            for begin in range(
                -(-first // PREDICTED_TOGETHER) * PREDICTED_TOGETHER, last, PREDICTED_TOGETHER
            ):
                end = min(begin + PREDICTED_TOGETHER, len(values))
                chosen = values[begin:end]
                if self.course is not None:
                    chosen = self.course.extended(chosen)
                found = np.zeros((len(chosen), len(self.classes)))
                for forest, weight in zip(self.forests, self.weights, strict=True):
                    at = forest.classes_ if self.course is not None else slice(None)
                    found[:, at] += weight * forest.predict_proba(chosen)
                found = _sharpened(found, self.temperature)
                if self.kernel is not None:
                    told = self.kernel.probabilities(chosen)
                    found = self.kernel_share * told + (1 - self.kernel_share) * found
                out[begin:end] = _represented(found, self.stands_for)

        with threadpool_limits(1, "blas"):
            run_in_chunks(part, len(values))
        return out


@dataclass(frozen=True)
class Trained:
    """A learner and what it says of the parcels it learnt from."""

    learner: Learner
    calibration: NDArray[np.float64]
    """(calibration parcels, classes). In the default method from models that did not see the parcel: its own
    declaration never confirms itself. In the parity method as the original, from the forest that saw it."""
    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    """What was learnt from, synthetic samples included."""


def train(
    values: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    config: CropTypeConfig,
    method: Method,
    stands_for: Mapping[int, float] | None = None,
) -> Trained:
    """Learn from calibration parcels.

    ``sen4cap``: SMOTE, then a probability forest (Gini, sqrt(p) features per split, bootstrap, no split of
    ``min_node_size`` samples or fewer). ``default``: the features and what their courses say (`Course`);
    half of ``num_trees`` draw samples so that each class comes equally often (a balanced forest, Chen et
    al. 2004), the other half are extremely randomised trees (Geurts et al. 2006) over all samples, classes
    weighted by 1 / sqrt(n). Their mean is calibrated by one temperature (Guo et al. 2017) on answers of the
    trees that did not see the parcel: those that did not draw it, and a tenth of the others. Below
    `MANY_SAMPLES` kernel ridge regression (`KernelMachine`) speaks beside them, with the share that makes the
    true classes likeliest by answers of both that did not see the parcel.

    Parameters
    ----------
    values : float32 (parcels, features), no NaN.
    labels : int64 (parcels,), at least two classes.
    stands_for : parcels that a sample of each class stands for, where a smaller part of large classes was
        taken: the default corrects its probabilities for that (Saerens et al. 2002); None: no correction.
    """
    if method == "sen4cap":
        return _train_original(values, labels, names, config)
    trained = _train_default(values, labels, names, config)
    if stands_for is None:
        return trained
    weights = np.array([stands_for[label] for label in trained.learner.classes.tolist()])
    learner = replace(trained.learner, stands_for=weights)
    return replace(trained, learner=learner, calibration=_represented(trained.calibration, weights))


def _train_original(
    values: NDArray[np.float32], labels: NDArray[np.int64], names: tuple[str, ...], config: CropTypeConfig
) -> Trained:
    from sklearn.ensemble import RandomForestClassifier

    filled, filled_labels = fill_up_classes(values, labels, config.smote_target, config.smote_k, config.seed)
    forest = RandomForestClassifier(
        n_estimators=config.num_trees,
        max_features="sqrt",
        min_samples_split=config.min_node_size + 1,
        bootstrap=True,
        random_state=config.seed,
        n_jobs=-1,
    ).fit(filled, filled_labels)
    forest.set_params(n_jobs=1)
    learner = Learner("sen4cap", forest.classes_, names, (forest,))
    return Trained(learner, learner.probabilities(values), filled, filled_labels)


def _train_default(
    values: NDArray[np.float32], labels: NDArray[np.int64], names: tuple[str, ...], config: CropTypeConfig
) -> Trained:
    classes, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    course = Course.of(names)
    extended = course.extended(values)
    balanced, drawn_not = _balanced_trees(extended, which, counts, config)
    groups, left_out = _weighted_trees(extended, which, counts, config)
    unseen = BALANCED_SHARE * drawn_not + (1 - BALANCED_SHARE) * left_out
    temperature = best_temperature(unseen, which)
    weights = (BALANCED_SHARE, *((1 - BALANCED_SHARE) / len(groups),) * len(groups))
    told = _sharpened(unseen, temperature)
    kernel, share = None, 0.0
    if len(which) < MANY_SAMPLES:
        kernel, by_kernel = learn_kernel(extended, which, counts)
        share = best_share(by_kernel, told, which)
        told = share * by_kernel + (1 - share) * told
    learner = Learner(
        "default", classes, names, (balanced, *groups), weights, course, temperature, kernel, share
    )  # fmt: skip
    return Trained(learner, told, values, labels)


def _n_trees(config: CropTypeConfig) -> tuple[int, int]:
    """Balanced trees, and the others in each group."""
    balanced = max(1, round(BALANCED_SHARE * config.num_trees))
    return balanced, max(1, -(-(config.num_trees - balanced) // FOLDS))


def _balanced_trees(
    values: NDArray[np.float32], which: NDArray[np.intp], counts: NDArray[np.intp], config: CropTypeConfig
) -> tuple[Any, NDArray[np.float64]]:
    """Return the trees and the answers of those that did not draw each sample."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    is_large = len(which) >= MANY_SAMPLES
    # Weights are chances to be drawn.
    forest = (ExtraTreesClassifier if is_large else RandomForestClassifier)(
        n_estimators=_n_trees(config)[0],
        max_features=SPLIT_SHARE if is_large else "sqrt",
        min_samples_leaf=3,
        bootstrap=True,
        max_samples=min(TREE_SAMPLES, len(which)),
        oob_score=True,
        random_state=config.seed,
        n_jobs=-1,
    )
    with warnings.catch_warnings():
        # Few trees leave some samples without a voice, which is dealt with here.
        warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
        forest.fit(values, which, sample_weight=1 / counts[which])
    forest.set_params(n_jobs=1)
    unseen = np.nan_to_num(forest.oob_decision_function_)
    unseen[unseen.sum(axis=1) <= 0] = counts / counts.sum()
    # As large as the answers of all samples, and of no use any more.
    del forest.oob_decision_function_
    return forest, unseen


def _weighted_trees(
    values: NDArray[np.float32], which: NDArray[np.intp], counts: NDArray[np.intp], config: CropTypeConfig
) -> tuple[list[Any], NDArray[np.float64]]:
    """Return groups of trees, each grown without one fold, and what the group without it says of a sample.

    Without bootstrap, which these trees lose by, there is no sample that they did not draw.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    random = np.random.default_rng(config.seed)
    fold = np.empty(len(which), np.int64)
    for label in range(len(counts)):
        rows = random.permutation(np.flatnonzero(which == label))
        fold[rows] = (np.arange(len(rows)) + label) % FOLDS
    unseen = np.zeros((len(which), len(counts)))
    groups = []
    for left_out in range(FOLDS):
        mine = np.flatnonzero(fold == left_out)
        others = random.permutation(np.flatnonzero(fold != left_out))[:TREE_SAMPLES]
        group = ExtraTreesClassifier(
            n_estimators=_n_trees(config)[1],
            max_features=SPLIT_SHARE,
            min_samples_leaf=1 + (len(which) >= MANY_SAMPLES),
            random_state=config.seed + 1 + left_out,
            n_jobs=-1,
        ).fit(values[others], which[others], sample_weight=counts[which[others]] ** -0.5)
        group.set_params(n_jobs=1)
        groups.append(group)
        if len(mine):
            unseen[np.ix_(mine, group.classes_)] = group.predict_proba(values[mine])
    return groups, unseen


def best_temperature(probabilities: NDArray[np.float64], which: NDArray[np.intp]) -> float:
    """Return the temperature under which the true classes are likeliest, 0.25 to 4."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        sharp = _sharpened(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(sharp[np.arange(len(which)), which], 1e-6)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(4)), method="bounded")
    return float(np.exp(found.x))


def best_share(first: NDArray[np.float64], second: NDArray[np.float64], which: NDArray[np.intp]) -> float:
    """Return the weight of the first of two answers under which the true classes are likeliest, 0 to 1."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(which))
    mine, other = first[rows, which], second[rows, which]

    def loss(share: float) -> float:
        return float(-np.log(np.maximum(share * mine + (1 - share) * other, 1e-9)).mean())

    return float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x)


def _sharpened(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    raised = np.maximum(probabilities, 1e-9) ** (1 / temperature)
    scaled: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return probabilities if temperature == 1 else scaled


def _represented(
    probabilities: NDArray[np.float64], stands_for: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Probabilities among samples as probabilities among the parcels they stand for."""
    if stands_for is None:
        return probabilities
    weighted = probabilities * stands_for
    shares: NDArray[np.float64] = weighted / weighted.sum(axis=1, keepdims=True)
    return shares
