"""What the course of each series over the season says: more features, made out of the original's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_OPTICAL = re.compile(r"^XX_\d{4}_\d{2}_\d{2}_s2_mean_(\w+)$")
_WEEKLY = re.compile(r"^XX_W\d+_(.*_?(?:VV|VH|RATIO)_(?:BCK|COHE))_MEAN$")
_PAIRS = (("b7", "b5"), ("b8", "b12"), ("b11", "b12"), ("b3", "b4"))
"""Bands of the further normalised differences: red edge, burn ratio, tillage, greenness."""
_SENESCENCE = ("b4", "b3", "b6")
"""(b4 - b3) / b6 after the plant senescence index of Merzlyak et al. (1999), green in the place of blue."""
_SMALLEST = np.float32(1e-5)
ROWS_TOGETHER = 1024
"""Parcels extended at a time: what is between stays in the cache, and memory stays small."""
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Course:
    """Where each series stands among the feature columns."""

    optical: dict[str, NDArray[np.intp]]
    """Columns of a band or index in the order of the dates, by its short name."""
    radar: dict[str, NDArray[np.intp]]
    """The same of the weeks of an orbit, polarisation and kind."""

    @classmethod
    def of(cls, names: tuple[str, ...]) -> Course:
        """Find the series in the names of the features."""
        return cls(_columns(names, _OPTICAL), _columns(names, _WEEKLY))

    def extended(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Append normalised differences and the senescence index by date, and the course of every series.

        Of each series: mean, deviation, minimum, 10 to 90 % quantiles, maximum, when it is highest and
        lowest, mean step between dates, steepest rise and fall and when they are.

        Radar is taken as its logarithm. Whole dates or weeks, counted from the first, tell when.

        Parameters
        ----------
        values : float32 (parcels, features), no NaN.
        """
        parts = range(0, max(1, len(values)), ROWS_TOGETHER)
        first = self._extended(values[:ROWS_TOGETHER])
        out = np.empty((len(values), first.shape[1]), np.float32)
        out[: len(first)] = first
        for begin in parts[1:]:
            out[begin : begin + ROWS_TOGETHER] = self._extended(values[begin : begin + ROWS_TOGETHER])
        return out

    def _extended(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        series = [values[:, columns] for columns in self.optical.values()]
        differences = [
            _normalised(values[:, self.optical[plus]], values[:, self.optical[minus]])
            for plus, minus in _PAIRS
            if plus in self.optical and minus in self.optical
        ]
        if all(band in self.optical for band in _SENESCENCE):
            red, green, edge = (values[:, self.optical[band]] for band in _SENESCENCE)
            differences.append(((red - green) / np.maximum(edge, _SMALLEST)).astype(np.float32))
        radar = [np.log(np.maximum(values[:, columns], _SMALLEST)) for columns in self.radar.values()]
        blocks = [values, *differences]
        for matrix in (*series, *differences, *radar):
            if matrix.shape[1] > 1:
                blocks.append(_statistics(matrix))
        return np.hstack(blocks).astype(np.float32)


def _columns(names: tuple[str, ...], pattern: re.Pattern[str]) -> dict[str, NDArray[np.intp]]:
    found: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        match = pattern.match(name)
        if match:
            found.setdefault(match[1], []).append(column)
    return {series: np.array(columns, np.intp) for series, columns in found.items()}


def _normalised(plus: NDArray[np.float32], minus: NDArray[np.float32]) -> NDArray[np.float32]:
    total = plus + minus
    with np.errstate(invalid="ignore", divide="ignore"):
        index: NDArray[np.float32] = np.where(total == 0, np.float32(0), (plus - minus) / total)
    return index


def _statistics(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    ordered = np.sort(matrix, axis=1)
    steps = np.diff(matrix, axis=1)
    columns = [
        matrix.mean(axis=1),
        matrix.std(axis=1),
        ordered[:, 0],
        *(ordered[:, int(share * matrix.shape[1])] for share in _QUANTILES),
        ordered[:, -1],
        matrix.argmax(axis=1),
        matrix.argmin(axis=1),
        np.abs(steps).mean(axis=1),
        steps.max(axis=1),
        steps.min(axis=1),
        steps.argmax(axis=1),
        steps.argmin(axis=1),
    ]
    return np.column_stack(columns).astype(np.float32)
