"""One classification: select, learn, predict, measure; a model for each stratum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.declarations.settings.crop_type_settings import CropTypeConfig, Method
from sen4cap_core.errors import NothingToDoError
from sen4cap_core.processors.l4a.crop_type.accuracy import Accuracy, AreaAccuracy, measure, weigh_by_area
from sen4cap_core.processors.l4a.crop_type.learners import Learner, train
from sen4cap_core.processors.l4a.crop_type.model import CropClasses, Features
from sen4cap_core.processors.l4a.crop_type.selection import Selection, select

NONE = -1
"""No class."""
NOT_CONFORM, CONFORM, CONFORM_SECOND = 0, 1, 2


@dataclass(frozen=True)
class StratumModel:
    """What was learnt in one region."""

    stratum: str
    learner: Learner
    selection: Selection
    n_learnt_from: int
    """Samples, synthetic ones included."""
    samples: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None
    """What was learnt from, where it was asked for."""


@dataclass(frozen=True)
class CropMap:
    """The answer. Arrays have one element per parcel, in the order of the parcels."""

    method: Method
    config: CropTypeConfig
    reasons: NDArray[np.object_]
    """Why a parcel is not classified, None where it is."""
    pred_1: NDArray[np.int64]
    pred_2: NDArray[np.int64]
    """`NONE` where not classified; the second also where there is only one class."""
    conf_1: NDArray[np.float64]
    conf_2: NDArray[np.float64]
    """Probability 0..1 in three decimals, NaN where not classified."""
    conform: NDArray[np.int8]
    """`CONFORM` the likeliest class is the declared one, `CONFORM_SECOND` the second, `NOT_CONFORM`, -1 not
    classified."""
    is_doubtful: NDArray[np.bool_]
    """The prediction contradicts the declaration with confidence."""
    is_validation: NDArray[np.bool_]
    strategy: dict[int, int]
    accuracy: Accuracy | None
    """On the validation parcels; None where there is none."""
    by_area: AreaAccuracy | None
    models: tuple[StratumModel, ...]
    remarks: tuple[str, ...]


def classify(
    classes: CropClasses,
    features: Features,
    config: CropTypeConfig,
    method: Method,
    progress: Callable[[float], None] = lambda fraction: None,
    *,
    keep_samples: bool = False,
) -> CropMap:
    """Predict the crop type of every parcel that passes the rules of the selection.

    Raises
    ------
    NothingToDoError
        When no stratum has two crop types to tell apart; the message counts the reasons.
    """
    n = len(classes.ids)
    reasons = np.full(n, None, object)
    pred = np.full((2, n), NONE, np.int64)
    conf = np.full((2, n), np.nan)
    is_validation = np.zeros(n, np.bool_)
    strategy: dict[int, int] = {}
    models: list[StratumModel] = []
    remarks = list(features.remarks)
    if (classes.s2_pix < 0).all() and config.mode != "s1-only":
        remarks.append("pixel counts are not known: no parcel is left out for its size")
    strata = np.unique(classes.stratum.astype(str)).tolist()
    for done, stratum in enumerate(strata):
        among = classes.stratum.astype(str) == stratum
        chosen = select(classes, features, config, method, among)
        reasons[among] = chosen.reasons[among]
        if len(chosen.strategy) < 2:
            kept = among & np.array([reason is None for reason in chosen.reasons.tolist()])
            where = f" in {stratum}" if stratum else ""
            reasons[kept] = f"fewer than two crop types can be told apart{where}"
            continue
        strategy |= chosen.strategy
        labels = classes.declared[chosen.calibration]
        samples_of = dict(zip(*(a.tolist() for a in np.unique(labels, return_counts=True)), strict=True))
        stands_for = {label: chosen.n_pool[label] / n for label, n in samples_of.items()}
        trained = train(
            features.values[chosen.calibration], labels, features.names, config, method, stands_for
        )
        progress((done + 0.7) / len(strata))
        learner = trained.learner
        _write(pred, conf, chosen.calibration, trained.calibration, learner.classes)
        found = learner.probabilities(features.values[chosen.validation])
        _write(pred, conf, chosen.validation, found, learner.classes)
        is_validation[chosen.validation] = True
        samples = (trained.values, trained.labels) if keep_samples else None
        models.append(StratumModel(stratum, learner, chosen, len(trained.labels), samples))
        progress((done + 1) / len(strata))
    if not models:
        raise NothingToDoError(f"nothing can be classified: {counted(reasons)}")
    return _answer(classes, config, method, reasons, pred, conf, is_validation, strategy, models, remarks)


def counted(reasons: NDArray[np.object_]) -> str:
    """Return the reasons with the number of parcels of each, the most frequent first.

    What follows a colon differs from crop to crop and is left out where there are several.
    """
    stated = [reason for reason in reasons.tolist() if reason is not None]
    of_kind: dict[str, set[str]] = {}
    for reason in stated:
        of_kind.setdefault(reason.partition(":")[0], set()).add(reason)
    stated = [kind if len(of_kind[kind := reason.partition(":")[0]]) > 1 else reason for reason in stated]
    texts, counts = np.unique(np.array(stated, str), return_counts=True)
    order = np.lexsort((texts, -counts))
    return "; ".join(f"{counts[i]} parcels: {texts[i]}" for i in order[:12]) or "there is no parcel"


def _write(
    pred: NDArray[np.int64],
    conf: NDArray[np.float64],
    rows: NDArray[np.intp],
    probabilities: NDArray[np.float64],
    known: NDArray[np.int64],
) -> None:
    """Note the two likeliest classes; of equal ones the first."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    for place in range(2):
        pred[place, rows] = known[best[:, place]]
        conf[place, rows] = np.round(
            np.take_along_axis(probabilities, best[:, place : place + 1], 1)[:, 0], 3
        )


def _answer(
    classes: CropClasses,
    config: CropTypeConfig,
    method: Method,
    reasons: NDArray[np.object_],
    pred: NDArray[np.int64],
    conf: NDArray[np.float64],
    is_validation: NDArray[np.bool_],
    strategy: dict[int, int],
    models: list[StratumModel],
    remarks: list[str],
) -> CropMap:
    is_classified = pred[0] != NONE
    conform = np.full(len(reasons), -1, np.int8)
    conform[is_classified] = NOT_CONFORM
    conform[is_classified & (pred[1] == classes.declared)] = CONFORM_SECOND
    conform[is_classified & (pred[0] == classes.declared)] = CONFORM
    accuracy, by_area = None, None
    known = np.array(sorted(strategy), np.int64)
    if is_validation.any():
        declared = classes.declared[is_validation]
        accuracy = measure(pred[0, is_validation], declared, known)
        areas = classes.area_m2
        if np.isfinite(areas[is_classified]).all():
            at = np.searchsorted(known, pred[0, is_classified])
            mapped = np.bincount(at, areas[is_classified] / 10_000, len(known)).astype(np.float64)
            by_area = weigh_by_area(accuracy.confusion, mapped, known)
        else:
            remarks.append("areas are not known: accuracy is not weighted by area")
    else:
        remarks.append("no parcel is left to validate with: there is no accuracy")
    doubtful = is_classified & (conform != CONFORM) & (conf[0] >= config.doubtful_confidence)
    return CropMap(
        method, config, reasons, pred[0], pred[1], conf[0], conf[1], conform, doubtful, is_validation,
        strategy, accuracy, by_area, tuple(models), tuple(remarks),
    )  # fmt: skip
