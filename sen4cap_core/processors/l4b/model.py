"""What goes into the detection and what comes out: matrices of parcel series, facts of the parcels,
mowings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.kernels.mowing.slots import N_SLOTS


@dataclass(frozen=True)
class Source:
    """One sensor, orbit and polarisation: which columns of the matrix are its dates."""

    mission: str
    """``S2`` or ``S1``."""
    columns: NDArray[np.int64]
    """(K,) in ascending order of ``days``."""
    days: NDArray[np.int32]
    """(K,) days since 1970-01-01; of a coherence pair the later one."""
    start_days: NDArray[np.int32]
    """(K,) the earlier day of each pair; of an optical date the day itself."""
    orbit: str = ""
    polarisation: str = ""


@dataclass(frozen=True)
class ObservationMatrix:
    """Parcel series of all sources side by side."""

    values: NDArray[Any]
    """(P, C) float32 or float64: NDVI times ``optical_scale``, coherence 0..1; NaN where not observed."""
    sources: tuple[Source, ...]
    optical_scale: float = 1.0
    clear_scores: NDArray[np.float32] | None = None
    """(P, C) 0 cloudy to 1 clear of the optical values, NaN where not known; None: all are clear."""


@dataclass(frozen=True)
class ParcelFacts:
    """What the detection must know of each parcel besides its series."""

    crop_codes: tuple[str, ...]
    in_optical: NDArray[np.bool_]
    """(P,) the parcel has pixels in the 10 m images."""
    in_radar: NDArray[np.bool_]
    """(P,) the parcel has pixels in the 20 m images."""
    n_pixels_radar: NDArray[np.int32]
    """(P,) 20 m pixels of the parcel."""
    is_feature_zero: NDArray[np.bool_]
    """(P,) the original numbers this parcel 0 and therefore counts none of its pixels."""
    neighbourhood: NDArray[np.int32] | None = None
    """(P,) number of each parcel's neighbourhood, from 0; None: all are neighbours."""
    n_pixels_optical: NDArray[np.int32] | None = None
    """(P,) 10 m pixels of the parcel; None where not known."""

    @property
    def size(self) -> int:
        """Number of parcels."""
        return len(self.crop_codes)


def offsets_of(parcel: NDArray[np.int32], n_parcels: int) -> NDArray[np.int64]:
    """Return where the rows of each parcel begin (P + 1,); ``parcel`` ascends."""
    offsets = np.zeros(n_parcels + 1, np.int64)
    np.cumsum(np.bincount(parcel, minlength=n_parcels), out=offsets[1:])
    return offsets


@dataclass(frozen=True)
class Detections:
    """Detections of one source, in order of parcel."""

    parcel: NDArray[np.int32]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def offsets(self, n_parcels: int) -> NDArray[np.int64]:
        """(P + 1,) where each parcel's detections begin."""
        return offsets_of(self.parcel, n_parcels)


@dataclass(frozen=True)
class SourceDetections:
    """What one sensor and orbit found."""

    mission: str
    orbit: str
    found: Detections


@dataclass(frozen=True)
class MowingEvents:
    """All mowings of all parcels, in order of parcel and start."""

    parcel: NDArray[np.int32]
    """(N,) row of the parcel."""
    start_s: NDArray[np.int64]
    """(N,) seconds since 1970-01-01, local time of the acquisition as configured."""
    end_s: NDArray[np.int64]
    confidence: NDArray[np.float64]
    mission: NDArray[np.int8]
    """(N,) index into ``kernels.mowing.slots.MISSION_TEXTS``."""


@dataclass
class Slots:
    """The original's four sets of columns: the best four mowings of each parcel in order of start; unused
    hold 0.
    """

    n: NDArray[np.int32]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    confidence: NDArray[np.float64]
    mission: NDArray[np.int8]

    @classmethod
    def empty(cls, n_parcels: int) -> Slots:
        """Slots without a mowing."""
        shape = (n_parcels, N_SLOTS)
        return cls(
            np.zeros(n_parcels, np.int32),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.int64),
            np.zeros(shape, np.float64),
            np.zeros(shape, np.int8),
        )


@dataclass(frozen=True)
class Evidence:
    """How much was seen of each parcel."""

    n_clear: NDArray[np.int32]
    """Dates on which Sentinel-2 saw it with an NDVI above the lowest valid one."""
    longest_gap_days: NDArray[np.int32]
    """Longest time between two clear dates; 0 with fewer than two."""
    n_radar_tests: NDArray[np.int32]
    """Coherence values that could be compared with the line before them, all orbits together."""


@dataclass(frozen=True)
class MowingOutcome:
    """What L4B says of each parcel."""

    events: MowingEvents
    slots: Slots
    n_mowings: NDArray[np.int32]
    """(P,) events of each parcel; ``slots.n`` counts those in the original's columns, four at most."""
    processed: NDArray[np.int8]
    """(P,) ``proc``: 1 when the parcel could be judged, 0 when not."""
    compliance: NDArray[np.int8]
    """(P,) ``compl``."""
    reason: tuple[str | None, ...]
    """Why a parcel could not be judged; None where it was."""
    no_radar: NDArray[np.bool_]
    """(P,) fewer coherence values could be tested than the configuration asks for."""
    evidence: Evidence
    raw: tuple[SourceDetections, ...]
    """Detections of each run before fusion, in the order they were made."""
