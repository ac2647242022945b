"""What the kernels of the neighbourhood method hand on to each other; P parcels, C columns of values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.series.coherence_noise import NoiseRoom


class Optical(NamedTuple):
    """Optical observations of all parcels, and what they are compared with; K dates, G neighbourhoods."""

    columns: NDArray[np.int64]
    """(K) columns of the observed values, in ascending order of their day."""
    days: NDArray[np.int32]
    """(K) since 1970-01-01."""
    scale: float
    """The observed values are NDVI times this."""
    clear_scores: NDArray[np.float32]
    """(P, C) or (0, 0): 0 cloudy to 1 clear; NaN counts as clear."""
    clear_sky: float
    """Score of a clear sky."""
    short_share: float
    """Share of it that short grass has."""
    courses: NDArray[np.float64]
    """(G, K) NDVI course of each neighbourhood."""
    course_of: NDArray[np.int32]
    """(P) neighbourhood of each parcel."""


class Radar(NamedTuple):
    """Coherence of all parcels: R pairs orbit by orbit, in each by ascending day; O orbits."""

    columns: NDArray[np.int64]
    """(R) columns of the observed values, coherence 0 to 1."""
    days: NDArray[np.int32]
    """(R) earlier day of each pair."""
    lengths: NDArray[np.int32]
    """(R) days from the earlier to the later one."""
    is_heard: NDArray[np.bool_]
    """(R) whether the pair counts."""
    bounds: NDArray[np.int64]
    """(O + 1) where the pairs of each orbit begin."""
    noise_floors: NDArray[np.float64]
    """(P) least noise of each parcel's coherence; infinite: its radar is not listened to."""


class Demand(NamedTuple):
    """What the season demands of a fall or a rise."""

    first_day: int
    factors: NDArray[np.float64]
    """(D) factor on the least that counts, of each day from the first on: `thresholds.demand_of_days`."""
    least: float
    """Least of them."""


class Evidence(NamedTuple):
    """What was there to judge by, written for each parcel (P)."""

    n_clear: NDArray[np.int32]
    longest_gap_days: NDArray[np.int32]
    """Longest time between two clear values."""
    n_tested: NDArray[np.int32]
    """Coherence values that could be tested."""


class Clear(NamedTuple):
    """Clear values of one parcel by ascending day, in room for K; how many there are is counted beside it."""

    day: NDArray[np.int32]
    value: NDArray[np.float64]
    """NDVI."""
    course: NDArray[np.float64]
    """NDVI of the neighbourhood."""
    doubt: NDArray[np.float64]
    """0 for a value that is surely clear, more the less it is."""


class Rises(NamedTuple):
    """Rises of coherence of one parcel."""

    rise: NDArray[np.float32]
    """(R) of each pair, in units of the parcel's noise; NaN where not tested."""
    first_pair: NDArray[np.int64]
    """(O, D) of each orbit and day the first pair that begins on it or later: `witness.first_pairs`."""


class Candidates(NamedTuple):
    """What may be cuts of one parcel, in room for K + R; how many there are is counted beside it."""

    strength: NDArray[np.float64]
    """Size in relation to the least that counts."""
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    """Days between which the cut lies, most likely in their middle."""
    seen_by: NDArray[np.int8]
    """As in ``mowing.slots``."""


class FallRoom(NamedTuple):
    """Room for what is made of the clear values of one parcel on the way to its falls: (K) each."""

    marks: NDArray[np.bool_]
    lows: NDArray[np.int64]
    steps: NDArray[np.float64]
    wanted: NDArray[np.float64]
    step_demand: NDArray[np.float64]


class ParcelRoom(NamedTuple):
    """Room for all that is made of one parcel."""

    clear: Clear
    falls: FallRoom
    noise: NoiseRoom
    rises: Rises
    peaks: NDArray[np.int64]
    """(R)"""
    found: Candidates


class Cuts(NamedTuple):
    """Cuts of all parcels in order of parcel and time; how many of the N rows are written is counted beside
    it.
    """

    parcel: NDArray[np.int32]
    values: NDArray[np.float64]
    """(N, 3) strength, and the days between which the cut lies, most likely in their middle."""
    mission: NDArray[np.int8]
    """As in ``mowing.slots``."""
