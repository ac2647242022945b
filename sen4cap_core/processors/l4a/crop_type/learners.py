"""What learns: the original's forest, and the default that wins on real samples.

Both give reproducible numbers: trees do not depend on the number of threads, and probabilities of a parcel
are added up by one thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.processors.l4a.crop_type.smote import fill_up_classes
from sen4cap_core.tables.threads import run_in_chunks

FOLDS = 5
"""Parts in turn left out for honest answers on parcels that were learnt from."""
_SERIES_OF_BANDS = re.compile(r"_s2_mean_b\d+$|^XX_W\d+_.*(VV|VH)_(BCK|COHE)_MEAN$")
_SMALLEST = np.float32(1e-4)


@dataclass
class Learner:
    """A trained classifier."""

    method: Method
    classes: NDArray[np.int64]
    """Ascending."""
    feature_names: tuple[str, ...]
    forest: Any
    discriminant: Any = None
    """Linear discriminant on the bands' own series; None in the parity method."""
    linear_columns: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    temperature: float = 1.0
    """Probabilities are raised to 1 / temperature: above 1 the answers had been too sure."""

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class, float64 (parcels, classes); rows add up to 1."""
        out = np.empty((len(values), len(self.classes)))

        def part(first: int, last: int) -> None:
            chosen = values[first:last]
            found = self.forest.predict_proba(chosen)
            if self.discriminant is not None:
                linear = self.discriminant.predict_proba(_logs(chosen[:, self.linear_columns]))
                found = (found + linear) / 2
            out[first:last] = _sharpened(found, self.temperature)

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
) -> Trained:
    """Learn from calibration parcels.

    ``sen4cap``: SMOTE, then a probability forest (Gini, sqrt(p) features per split, bootstrap, no split of
    ``min_node_size`` samples or fewer). ``default``: extremely randomised trees (Geurts et al. 2006) on all
    features, classes weighted by 1 / sqrt(n), averaged with a linear discriminant with Ledoit-Wolf shrinkage
    on the logarithms of the bands' series; calibrated by one temperature (Guo et al. 2017) on answers of
    models that did not see the parcel.

    Parameters
    ----------
    values : float32 (parcels, features), no NaN.
    labels : int64 (parcels,), at least two classes.
    """
    if method == "sen4cap":
        return _train_original(values, labels, names, config)
    return _train_default(values, labels, names, config)


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
    learner = Learner("sen4cap", forest.classes_, names, forest)
    return Trained(learner, learner.probabilities(values), filled, filled_labels)


def _train_default(
    values: NDArray[np.float32], labels: NDArray[np.int64], names: tuple[str, ...], config: CropTypeConfig
) -> Trained:
    from sklearn.ensemble import ExtraTreesClassifier

    classes, which, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = (1 / np.sqrt(counts))[which]
    forest = ExtraTreesClassifier(
        n_estimators=config.num_trees,
        max_features="sqrt",
        min_samples_leaf=2,
        bootstrap=True,
        oob_score=True,
        random_state=config.seed,
        n_jobs=-1,
    ).fit(values, labels, sample_weight=weights)
    forest.set_params(n_jobs=1)
    unseen = np.nan_to_num(forest.oob_decision_function_)
    # A parcel that every tree drew (few trees) has no vote of its own: the classes' shares stand in.
    voiceless = unseen.sum(axis=1) <= 0
    unseen[voiceless] = counts / counts.sum()
    columns = np.array([i for i, name in enumerate(names) if _SERIES_OF_BANDS.search(name)], np.intp)
    discriminant = None
    if len(columns) and counts.min() >= 2:
        logs = _logs(values[:, columns])
        unseen = (unseen + _left_out(logs, which, len(classes), config.seed)) / 2
        discriminant = _discriminant().fit(logs, labels)
    temperature = best_temperature(unseen, which)
    learner = Learner("default", classes, names, forest, discriminant, columns, temperature)
    return Trained(learner, _sharpened(unseen, temperature), values, labels)


def _discriminant() -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))


def _left_out(
    logs: NDArray[np.float64], which: NDArray[np.intp], n_classes: int, seed: int
) -> NDArray[np.float64]:
    """Probabilities of each sample from a discriminant of the other folds, (samples, classes)."""
    fold = np.empty(len(which), np.int64)
    random = np.random.default_rng(seed)
    for label in range(n_classes):
        rows = random.permutation(np.flatnonzero(which == label))
        fold[rows] = (np.arange(len(rows)) + label) % FOLDS
    out = np.zeros((len(which), n_classes))
    for left_out in range(FOLDS):
        mine, others = fold == left_out, fold != left_out
        if not mine.any():
            continue
        model = _discriminant().fit(logs[others], which[others])
        out[np.ix_(mine, model.classes_)] = model.predict_proba(logs[mine])
    return out


def _logs(values: NDArray[np.float32]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(values, _SMALLEST)).astype(np.float64)
    return logs


def best_temperature(probabilities: NDArray[np.float64], which: NDArray[np.intp]) -> float:
    """Return the temperature under which the true classes are likeliest, 0.25 to 4."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        sharp = _sharpened(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(sharp[np.arange(len(which)), which], 1e-6)).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(4)), method="bounded")
    return float(np.exp(found.x))


def _sharpened(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    raised = np.maximum(probabilities, 1e-9) ** (1 / temperature)
    scaled: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return probabilities if temperature == 1 else scaled
