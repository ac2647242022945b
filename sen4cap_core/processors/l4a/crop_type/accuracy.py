"""How far to trust a crop type map: confusion, user and producer accuracy, and estimates by area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
"""Two-sided 95 % of a normal distribution."""


@dataclass(frozen=True)
class Accuracy:
    """Counts of validation parcels. Arrays are in the order of ``classes``; NaN where nothing was counted."""

    classes: NDArray[np.int64]
    confusion: NDArray[np.int64]
    """(predicted, declared)"""
    overall: float
    kappa: float
    user: NDArray[np.float64]
    producer: NDArray[np.float64]
    f_score: NDArray[np.float64]

    @property
    def macro_f(self) -> float:
        """Mean F-score of the classes that occur; 0 for one that is never right."""
        there = self.confusion.sum(axis=0) > 0
        return float(np.nan_to_num(self.f_score[there]).mean()) if there.any() else float("nan")


def measure(
    predicted: NDArray[np.int64], declared: NDArray[np.int64], classes: NDArray[np.int64]
) -> Accuracy:
    """Count predictions against declarations, each parcel once (the original's figures)."""
    n = len(classes)
    at = np.searchsorted(classes, predicted) * n + np.searchsorted(classes, declared)
    confusion = np.bincount(at, minlength=n * n).reshape(n, n)
    right = np.diag(confusion).astype(np.float64)
    rows, columns = confusion.sum(axis=1), confusion.sum(axis=0)
    total = confusion.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = right.sum() / total
        chance = (rows * columns.astype(np.float64)).sum() / np.float64(total) ** 2
        kappa = (overall - chance) / (1 - chance)
        user, producer = right / rows, right / columns
        f_score = 2 * user * producer / (user + producer)
    f_score = np.where((rows + columns > 0) & (right == 0), 0.0, f_score)
    return Accuracy(classes, confusion, float(overall), float(kappa), user, producer, f_score)


@dataclass(frozen=True)
class AreaAccuracy:
    """Estimates by area with the half width of their 95 % confidence interval; NaN where unknown."""

    classes: NDArray[np.int64]
    overall: float
    overall_ci: float
    user: NDArray[np.float64]
    user_ci: NDArray[np.float64]
    producer: NDArray[np.float64]
    producer_ci: NDArray[np.float64]
    mapped_ha: NDArray[np.float64]
    estimated_ha: NDArray[np.float64]
    """Area of the class corrected for the errors of the map."""
    estimated_ha_ci: NDArray[np.float64]


def weigh_by_area(
    confusion: NDArray[np.int64], mapped_ha: NDArray[np.float64], classes: NDArray[np.int64]
) -> AreaAccuracy:
    """Estimate accuracy and area per class with the predicted classes as strata (Olofsson et al. 2014,
    eqs. 2 to 11).

    Parameters
    ----------
    confusion : int64 (predicted, reference), sample counts.
    mapped_ha : float64 (classes,), area predicted as each class.

    A predicted class without a sample cannot be weighed: its area is left out of all shares.
    """
    n = confusion.sum(axis=1).astype(np.float64)
    area = np.where(n > 0, mapped_ha, 0.0)
    total = area.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        share = area / total
        p = np.where(n[:, None] > 0, share[:, None] * confusion / n[:, None], 0.0)
        right = np.diag(p)
        user = np.where(n > 0, np.diag(confusion) / n, np.nan)
        column = p.sum(axis=0)
        producer = np.where(column > 0, right / column, np.nan)
        var_user = np.where(n > 1, user * (1 - user) / (n - 1), np.nan)
        overall = right.sum() if total > 0 else np.nan
        var_overall = np.nansum(np.where(area > 0, share**2 * np.nan_to_num(var_user), 0))
        fraction = np.where(n[:, None] > 0, confusion / n[:, None], 0.0)
        within = np.where(n[:, None] > 1, fraction * (1 - fraction) / (n[:, None] - 1), 0.0)
        var_area = (share[:, None] ** 2 * within).sum(axis=0)
        hectares_of = area[:, None] * fraction
        estimated = hectares_of.sum(axis=0)
        spread = area[:, None] ** 2 * within
        others = spread.sum(axis=0) - np.diag(spread)
        own = area**2 * (1 - np.nan_to_num(producer)) ** 2 * np.nan_to_num(var_user)
        var_producer = (own + np.nan_to_num(producer) ** 2 * others) / estimated**2
    return AreaAccuracy(
        classes,
        float(overall),
        float(Z_95 * np.sqrt(var_overall)) if total > 0 else float("nan"),
        user,
        Z_95 * np.sqrt(var_user),
        producer,
        np.where(column > 0, Z_95 * np.sqrt(np.nan_to_num(var_producer)), np.nan),
        mapped_ha,
        estimated,
        Z_95 * total * np.sqrt(var_area),
    )
