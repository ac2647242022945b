"""The season as the service sees it: NDVI series in memory, evaluated anew or carried on by new dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.clock import from_days, to_days
from sen4cap_core.declarations.l4b_config import Compat, L4BConfig
from sen4cap_core.errors import Sen4capError
from sen4cap_core.files import atomic_path
from sen4cap_core.processors.l4b.branches import OpticalState, detect_drops
from sen4cap_core.processors.l4b.detection import conclude
from sen4cap_core.processors.l4b.model import (
    Detections,
    Evidence,
    MowingOutcome,
    ObservationMatrix,
    ParcelFacts,
    Source,
    SourceDetections,
)


class StaleStateError(Sen4capError):
    """A kept state does not fit the series: evaluate the whole season again without it."""


class Series(Protocol):
    """NDVI series of parcels, as ``observations.series.SeriesMatrix``."""

    @property
    def parcels(self) -> NDArray[np.int32]:
        """(P,) NewIDs."""

    @property
    def days(self) -> NDArray[np.int32]:
        """(T,) days since 1970-01-01, each once."""

    @property
    def mean(self) -> NDArray[Any]:
        """(P, T) float NDVI -1..1, NaN missing."""


@dataclass(frozen=True)
class MowingState:
    """What must be kept to go on with the next date and reach what the whole series would give."""

    parcels: NDArray[np.int32]
    last_day: int
    """Last day consumed (since 1970-01-01), observed or not; a date up to it comes too late for this
    state."""
    key: str
    """Hash of the start, the configuration and the mode this state was made with."""
    optical: OpticalState
    found: Detections
    """Detections so far."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Flat arrays by name, for ``numpy.savez``."""
        arrays: dict[str, NDArray[Any]] = {
            "parcels": self.parcels,
            "last_day": np.array(self.last_day),
            "key": np.array(self.key),
        }
        arrays |= {f"optical_{name}": array for name, array in vars(self.optical).items()}
        arrays |= {f"found_{name}": array for name, array in vars(self.found).items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> MowingState:
        """Rebuild a state from ``to_arrays``."""
        names = list(arrays)
        return cls(
            parcels=arrays["parcels"],
            last_day=int(arrays["last_day"]),
            key=str(arrays["key"]),
            optical=OpticalState(**{n[8:]: arrays[n] for n in names if n.startswith("optical_")}),
            found=Detections(**{n[6:]: arrays[n] for n in names if n.startswith("found_")}),
        )


def save_state(path: Path, state: MowingState) -> None:
    """Write a state as npz; it appears whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        np.savez(handle, allow_pickle=False, **state.to_arrays())


def load_state(path: Path) -> MowingState:
    """Read a state written by ``save_state``."""
    with np.load(path, allow_pickle=False) as arrays:
        return MowingState.from_arrays(dict(arrays))


@dataclass(frozen=True)
class SeasonOutcome(MowingOutcome):
    """The outcome of a season and the state to go on from."""

    parcels: NDArray[np.int32]
    """(P,) NewIDs; ``events.parcel`` counts their rows."""
    state: MowingState

    @property
    def n_observations(self) -> NDArray[np.int32]:
        """(P,) clear dates the answer rests on."""
        return self.evidence.n_clear


def detect_mowing(
    series: Series,
    crop_codes: Sequence[str],
    config: L4BConfig,
    start: date,
    end: date,
    state: MowingState | None = None,
    *,
    in_images: NDArray[np.bool_] | None = None,
    compat: Compat = "default",
) -> SeasonOutcome:
    """Find the mowings of a season in NDVI series.

    Feeding the dates one by one, in chunks or all at once gives the same outcome.

    Parameters
    ----------
    series : Series
        NDVI in -1..1. Without ``state`` the whole season, with it only the dates after ``state.last_day``.
        Days before the period (``start`` less the configured back window) and after ``end`` are left out.
    crop_codes : sequence of str (P,)
        Declared crop of each parcel, for the compliance rules.
    state : MowingState, optional
        Of the same parcels in the same order, the same start, configuration and mode.
    in_images : bool (P,), optional
        Which parcels have pixels in the images; all by default.

    Raises
    ------
    StaleStateError
        When the state belongs to something else, or a day of the series is not after its last one.
    """
    n_parcels = len(series.parcels)
    if len(crop_codes) != n_parcels or series.mean.shape != (n_parcels, len(series.days)):
        raise ValueError("parcels, crop codes and means differ in length")
    key = _state_key(config, start, compat)
    first_day = to_days(start) - int(config.s2.time_interval_days * config.s2.back_window_samples)
    order = np.argsort(series.days, kind="stable")
    days = np.asarray(series.days)[order].astype(np.int32)
    if (np.diff(days) == 0).any():
        raise ValueError("a day stands twice in the series")
    is_inside = (days >= first_day) & (days <= to_days(end))
    days, columns = days[is_inside], order[is_inside].astype(np.int64)
    if state is not None:
        _check_state(state, series, key, days)
    optical = OpticalState.empty(n_parcels) if state is None else state.optical.copy()
    source = Source("S2", columns, days, days)
    found = detect_drops(ObservationMatrix(series.mean, (source,)), source, config.s2, compat, optical)
    if state is not None:
        found = _joined(state.found, found)
    facts = ParcelFacts(
        crop_codes=tuple(crop_codes),
        in_optical=np.ones(n_parcels, np.bool_) if in_images is None else in_images,
        in_radar=np.zeros(n_parcels, np.bool_),
        n_pixels_radar=np.zeros(n_parcels, np.int32),
        is_feature_zero=np.zeros(n_parcels, np.bool_),
    )
    evidence = Evidence(optical.n_clear, optical.longest_gap_days, np.zeros(n_parcels, np.int32))
    outcome = conclude([SourceDetections("S2", "", found)], evidence, facts, config, compat)
    last_day = int(days[-1]) if days.size else (first_day - 1 if state is None else state.last_day)
    new_state = MowingState(np.array(series.parcels, np.int32), last_day, key, optical, found)
    return SeasonOutcome(**vars(outcome), parcels=new_state.parcels, state=new_state)


def _state_key(config: L4BConfig, start: date, compat: Compat) -> str:
    text = f"{start} {compat} {config.s2.model_dump_json()}"
    return sha256(text.encode()).hexdigest()


def _check_state(state: MowingState, series: Series, key: str, days: NDArray[np.int32]) -> None:
    if state.key != key:
        raise StaleStateError("The kept state was made with another start, configuration or mode.")
    if not np.array_equal(state.parcels, series.parcels):
        raise StaleStateError("The kept state belongs to other parcels or another order of them.")
    if days.size and days[0] <= state.last_day:
        raise StaleStateError(
            f"{from_days(int(days[0]))} is not after {from_days(state.last_day)}, "
            "the last day of the kept state."
        )


def _joined(before: Detections, after: Detections) -> Detections:
    """Two lists of detections as one, in order of parcel and then of time."""
    parcel = np.concatenate([before.parcel, after.parcel])
    order = np.argsort(parcel, kind="stable")
    return Detections(
        parcel[order],
        *(
            np.concatenate([getattr(before, name), getattr(after, name)])[order]
            for name in ("start_s", "end_s", "confidence")
        ),
    )
