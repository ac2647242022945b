"""A smooth voice beside the trees: which class a parcel is like, by all of its features at once.

Trees cut one feature at a time, and where a class has a dozen samples their mean stays rough. Kernel ridge
regression on class membership looks at the distance over all features. The closed form of the answer without
a sample makes it cheap to know what it says of parcels it did not see.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

WIDTH = 0.6
"""The kernel is exp(-WIDTH d2), d2 the mean over the features of the squared difference in deviations."""
RIDGE = 0.1
BALANCE = 0.75
"""Classes are weighted by 1 / n to this power."""
FARTHEST = 5.0
"""Deviations from the mean beyond which a feature says no more."""


@dataclass(frozen=True)
class KernelMachine:
    """What was learnt. Its size grows with the samples, and the time of learning with their cube."""

    columns: NDArray[np.intp]
    """Features that vary among the samples."""
    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    """(columns,)"""
    samples: NDArray[np.float32]
    """(samples, columns), in deviations from the mean."""
    coefficients: NDArray[np.float64]
    """(samples, classes)"""
    shares: NDArray[np.float64]
    """(classes,), what is said far from every sample."""
    temperature: float

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probability of each class, float64 (parcels, classes); rows add up to 1."""
        return softmax(self.scores(values) / self.temperature)

    def scores(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Membership as the regression tells it, near 0 or 1 where it is sure."""
        scaled = _scaled(values[:, self.columns], self.centre, self.scale)
        found: NDArray[np.float64] = kernel_of(scaled, self.samples) @ self.coefficients + self.shares
        return found


def learn(
    values: NDArray[np.float32], which: NDArray[np.intp], counts: NDArray[np.intp]
) -> tuple[KernelMachine, NDArray[np.float64]]:
    """Return the machine and what it would say of each sample had it not seen it, (samples, classes).

    The latter is exact for the scales, weights and shares of all samples: target less coefficient over the
    diagonal of the inverse (Rifkin and Lippert 2007). The temperature makes those answers likeliest.

    Parameters
    ----------
    values : float32 (samples, features), no NaN.
    which, counts : class number of each sample, samples of each class.
    """
    deviation = values.std(axis=0, dtype=np.float64)
    columns = np.flatnonzero(deviation > 1e-6)
    centre = values[:, columns].mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = deviation[columns].astype(np.float32)
    samples = _scaled(values[:, columns], centre, scale)
    weight = (counts / counts.mean()) ** -BALANCE
    shares = counts * weight / (counts * weight).sum()
    targets = np.eye(len(counts))[which] - shares
    # Sums that do not depend on the number of threads.
    with threadpool_limits(1, "blas"):
        kernel = kernel_of(samples, samples)
        kernel[np.diag_indices_from(kernel)] += RIDGE / weight[which]
        inverse = np.linalg.inv(kernel)
        coefficients = inverse @ targets
    unseen = targets - coefficients / np.diag(inverse)[:, None] + shares
    temperature = _best_temperature(unseen, which)
    machine = KernelMachine(columns, centre, scale, samples, coefficients, shares, temperature)
    return machine, softmax(unseen / temperature)


def kernel_of(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return exp(-WIDTH d2) between scaled rows (rows, features) and others, float64."""
    squares = np.einsum("ij,ij->i", rows, rows)[:, None] + np.einsum("ij,ij->i", others, others)
    distance = np.maximum(squares - 2 * (rows @ others.T), 0).astype(np.float64)
    kernel: NDArray[np.float64] = np.exp(-WIDTH / max(1, rows.shape[1]) * distance)
    return kernel


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores (rows, classes) as probabilities."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _scaled(
    values: NDArray[np.float32], centre: NDArray[np.float32], scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = np.clip((values - centre) / scale, -FARTHEST, FARTHEST)
    return scaled


def _best_temperature(scores: NDArray[np.float64], which: NDArray[np.intp]) -> float:
    """Return the temperature under which the true classes are likeliest, 0.007 to 3."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        found = softmax(scores / np.exp(log_temperature))
        return float(-np.log(np.maximum(found[np.arange(len(which)), which], 1e-9)).mean())

    found = minimize_scalar(loss, bounds=(-5, 1), method="bounded")
    return float(np.exp(found.x))
