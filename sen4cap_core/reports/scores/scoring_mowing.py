"""How well detected mowings agree with dated ones: the MODCiX protocol, and strictly one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE_DAYS = 12
FIRST_DOY = 75
LAST_DOY = 300


@dataclass(frozen=True)
class Score:
    """Counts of a comparison and what follows from them; NaN where nothing was compared."""

    n_true_positive: int
    n_false_positive: int
    n_false_negative: int
    bias_days: float = float("nan")
    """Mean of detected minus true date over the true positives."""
    mean_absolute_error_days: float = float("nan")

    @property
    def precision(self) -> float:
        """Share of detections that are right."""
        return _ratio(self.n_true_positive, self.n_true_positive + self.n_false_positive)

    @property
    def recall(self) -> float:
        """Share of true events that were detected."""
        return _ratio(self.n_true_positive, self.n_true_positive + self.n_false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.n_false_positive + self.n_false_negative
        return _ratio(2 * self.n_true_positive, 2 * self.n_true_positive + wrong)


@dataclass(frozen=True)
class DatedEvents:
    """Events of many parcels, each with a day or an interval of days since 1970-01-01."""

    parcel: NDArray[np.int64]
    start_day: NDArray[np.float64]
    end_day: NDArray[np.float64]
    """Equal to ``start_day`` for an event known to the day."""

    @property
    def day(self) -> NDArray[np.int64]:
        """Day of the middle of the interval."""
        return np.floor((self.start_day + self.end_day) / 2).astype(np.int64)

    def order_within(self, first_doy: int = FIRST_DOY, last_doy: int = LAST_DOY) -> NDArray[np.intp]:
        """Return the places of the events of these days of the year, in order of parcel and day."""
        doy = day_of_year(self.day)
        keep = np.nonzero((doy >= first_doy) & (doy <= last_doy))[0]
        return keep[np.lexsort((self.end_day[keep], self.day[keep], self.parcel[keep]))]

    def within(self, first_doy: int = FIRST_DOY, last_doy: int = LAST_DOY) -> DatedEvents:
        """Only the events of these days of the year, sorted by parcel and day."""
        keep = self.order_within(first_doy, last_doy)
        return DatedEvents(self.parcel[keep], self.start_day[keep], self.end_day[keep])


@dataclass(frozen=True)
class Matches:
    """Which events and detections found each other."""

    offset_days: NDArray[np.float64]
    """(R,) detected minus true day of each true event, NaN where it was missed."""
    used: NDArray[np.bool_]
    """(D,) the detection serves an event."""

    def score(
        self, of_reference: NDArray[np.bool_] | None = None, of_detected: NDArray[np.bool_] | None = None
    ) -> Score:
        """Count all, or only some events and, for what is false, some detections."""
        offsets = self.offset_days if of_reference is None else self.offset_days[of_reference]
        used = self.used if of_detected is None else self.used[of_detected]
        found = offsets[~np.isnan(offsets)]
        counts = found.size, int((~used).sum()), offsets.size - found.size
        if not found.size:
            return Score(*counts)
        return Score(*counts, float(found.mean()), float(np.abs(found).mean()))


def day_of_year(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Day of the year of days since 1970-01-01."""
    dates = days.astype("datetime64[D]")
    result: NDArray[np.int64] = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1
    return result


def score_nearest(
    detected: DatedEvents, reference: DatedEvents, tolerance_days: int = TOLERANCE_DAYS
) -> Score:
    """Score by the MODCiX protocol (``match_nearest``)."""
    return match_nearest(detected, reference, tolerance_days).score()


def score_one_to_one(
    detected: DatedEvents, reference: DatedEvents, tolerance_days: int = TOLERANCE_DAYS
) -> Score:
    """Score by the largest number of pairs (``match_one_to_one``)."""
    return match_one_to_one(detected, reference, tolerance_days).score()


def match_nearest(
    detected: DatedEvents, reference: DatedEvents, tolerance_days: int = TOLERANCE_DAYS
) -> Matches:
    """Match by the MODCiX protocol: every true event takes its nearest detection of the same parcel.

    Within the tolerance it is a true positive, else a false negative; a detection may serve two events; one
    that serves none is a false positive. Both inputs sorted by parcel and day (``DatedEvents.within`` sorts).
    """
    used = np.zeros(detected.parcel.size, np.bool_)
    offsets = np.full(reference.parcel.size, np.nan)
    detected_day = detected.day
    for j, (parcel, event_day) in enumerate(zip(reference.parcel, reference.day, strict=True)):
        first, last = np.searchsorted(detected.parcel, [parcel, parcel + 1])
        if first == last:
            continue
        difference = detected_day[first:last] - event_day
        nearest = int(np.argmin(np.abs(difference)))
        if abs(difference[nearest]) <= tolerance_days:
            used[first + nearest] = True
            offsets[j] = difference[nearest]
    return Matches(offsets, used)


def match_one_to_one(
    detected: DatedEvents, reference: DatedEvents, tolerance_days: int = TOLERANCE_DAYS
) -> Matches:
    """Match as many pairs within the tolerance as possible, each event and each detection used once.

    Both inputs sorted by parcel and day. With one tolerance for all, pairing in order of time is a largest
    matching.
    """
    used = np.zeros(detected.parcel.size, np.bool_)
    offsets = np.full(reference.parcel.size, np.nan)
    i = 0
    detected_day, reference_day = detected.day, reference.day
    for j in range(reference.parcel.size):
        where = (reference.parcel[j], reference_day[j] - tolerance_days)
        while i < detected.parcel.size and (detected.parcel[i], detected_day[i]) < where:
            i += 1
        if i == detected.parcel.size:
            break
        if detected.parcel[i] == reference.parcel[j] and detected_day[i] <= reference_day[j] + tolerance_days:
            offsets[j] = detected_day[i] - reference_day[j]
            used[i] = True
            i += 1
    return Matches(offsets, used)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
