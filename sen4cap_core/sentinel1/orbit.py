"""The orbit: a polynomial through the satellite's positions, from an orbit file or from the annotation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import BadUploadError
from sen4cap_core.sentinel1.annotation import StateVectors
from sen4cap_core.sentinel1.xml_values import XmlValues

DEGREE = 6
HALF_SPAN_S = 65.0
"""Vectors so far on both sides of the image are fitted; they come each ten seconds."""
MARGIN_S = 20.0
"""An orbit file must reach so far beyond the image."""
MAX_RESIDUAL_M = 0.05
MAX_EOF_BYTES = 64 * 1024 * 1024

EOF_NAME = re.compile(
    r"(?P<platform>S1[A-D])_OPER_AUX_(?P<kind>POEORB|RESORB)_OPOD_(?P<made>\d{8}T\d{6})"
    r"_V(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})\.EOF",
    re.IGNORECASE,
)


class OrbitError(BadUploadError):
    """The orbit of an acquisition is not known well enough; a better orbit file mends it."""


@dataclass(frozen=True)
class OrbitFit:
    """Positions as polynomials of time; times are seconds since ``epoch``."""

    epoch: datetime
    coefficients: NDArray[np.float64]
    """float64 (3, degree + 1) of time / ``scale_s``, lowest order first, m"""
    scale_s: float
    residual_m: float
    velocity_residual_m_s: float
    """How far the given velocities are from the polynomial's: a check, never an input."""
    source: str
    """``POEORB``, ``RESORB`` or ``annotation``."""

    def seconds(self, moment: datetime) -> float:
        """Time of an instant."""
        return (moment - self.epoch).total_seconds()

    def state(self, time_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position (m) and velocity (m/s) at a time."""
        u = time_s / self.scale_s
        powers = u ** np.arange(self.coefficients.shape[1])
        slopes = np.arange(self.coefficients.shape[1]) * np.concatenate(([0.0], powers[:-1])) / self.scale_s
        return self.coefficients @ powers, self.coefficients @ slopes


@dataclass(frozen=True)
class OrbitFile:
    """A dropped orbit file, as its name describes it."""

    path: Path
    platform: str
    kind: str
    start: datetime
    stop: datetime
    made: datetime


def describe_orbit_file(path: Path) -> OrbitFile:
    """Read what the name of an orbit file says.

    Raises
    ------
    BadUploadError
        It is not called as orbit files are.
    """
    match = EOF_NAME.fullmatch(path.name)
    if match is None:
        raise BadUploadError(
            path,
            "this is not named as an orbit file of Sentinel-1.",
            expected="S1A_OPER_AUX_POEORB_OPOD_20200601T120000_V20200511T225942_20200513T005942.EOF",
            remedy="keep the name under which the file was published.",
        )
    start, stop, made = (
        datetime.strptime(match[part], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        for part in ("start", "stop", "made")
    )
    return OrbitFile(path, match["platform"].upper(), match["kind"].upper(), start, stop, made)


def choose_orbit_file(
    files: Iterable[OrbitFile], platform: str, first: datetime, last: datetime
) -> OrbitFile | None:
    """Return the best file that holds a whole acquisition: precise before restituted, newest first."""
    fit = [
        file
        for file in files
        if file.platform == platform
        and file.start <= first - timedelta(seconds=MARGIN_S)
        and file.stop >= last + timedelta(seconds=MARGIN_S)
    ]
    return max(fit, key=lambda file: (file.kind == "POEORB", file.made), default=None)


def read_orbit_file(path: Path, platform: str, first: datetime, last: datetime) -> StateVectors:
    """Read the vectors of an orbit file around an acquisition.

    Raises
    ------
    OrbitError
        It is of another satellite or another day, or is no orbit file.
    """
    try:
        return _read_vectors(path, platform, first, last)
    except OrbitError:
        raise
    except BadUploadError as error:
        raise OrbitError(path, error.what, expected=error.expected, remedy=error.remedy) from error


def _read_vectors(path: Path, platform: str, first: datetime, last: datetime) -> StateVectors:
    if path.stat().st_size > MAX_EOF_BYTES:
        raise OrbitError(path, "this is too large for an orbit file.", remedy="drop the original file.")
    xml = XmlValues.parse(path.read_bytes(), path.name)
    header = "Earth_Explorer_Header/Fixed_Header"
    mission = xml.text(f"{header}/Mission")
    if mission.replace("Sentinel-", "S") != platform:
        raise OrbitError(
            path,
            f"this is the orbit of {mission}, the product is of {platform}.",
            remedy="drop the orbit file of the same satellite.",
        )
    near = timedelta(seconds=HALF_SPAN_S + 10.0)
    times, rows = [], []
    for entry in xml.each("Data_Block/List_of_OSVs/OSV"):
        moment = entry.as_time(entry.text("UTC"), "UTC")
        if first - near <= moment <= last + near:
            times.append(moment)
            rows.append([entry.number(name) for name in ("X", "Y", "Z", "VX", "VY", "VZ")])
    margin = timedelta(seconds=MARGIN_S)
    if not times or times[0] > first - margin or times[-1] < last + margin:
        start, stop = (xml.text(f"{header}/Validity_Period/Validity_{end}") for end in ("Start", "Stop"))
        raise OrbitError(
            path,
            f"this orbit file speaks of {start} to {stop}, the acquisition was at "
            f"{first:%Y-%m-%dT%H:%M:%S} UTC.",
            remedy="drop the file whose validity holds the acquisition.",
        )
    table = np.array(rows)
    return StateVectors(times, table[:, :3], table[:, 3:])


def fit_orbit(vectors: StateVectors, first: datetime, last: datetime, *, source: str, name: str) -> OrbitFit:
    """Fit polynomials through the positions around an acquisition.

    Velocities are not fitted: some annotations (S1B, April 2021) have ones that contradict the positions by
    6 mm/s, and fitting both leaves 13 cm; positions alone leave a fraction of a millimetre.

    Raises
    ------
    OrbitError
        Too few vectors, or positions that lie on no smooth orbit.
    """
    middle = first + (last - first) / 2
    seconds = np.array([(moment - middle).total_seconds() for moment in vectors.times])
    half = (last - first).total_seconds() / 2
    near = np.abs(seconds) <= half + HALF_SPAN_S
    if near.sum() < 5 or seconds[near].min() > -half or seconds[near].max() < half:
        raise OrbitError(
            name,
            f"only {int(near.sum())} orbit vectors lie around the acquisition of {middle:%Y-%m-%dT%H:%M:%S}.",
            expected="vectors before and after it, each ten seconds",
            remedy="drop the orbit file (POEORB or RESORB) of the day.",
        )
    seconds, position = seconds[near], vectors.position_m[near]
    degree = min(DEGREE, int(near.sum()) - 2)
    scale_s = float(np.abs(seconds).max())
    powers = np.vander(seconds / scale_s, degree + 1, increasing=True)
    solution = np.linalg.lstsq(powers, position, rcond=None)[0]
    residual = float(np.sqrt(((powers @ solution - position) ** 2).sum(axis=1).mean()))
    if residual > MAX_RESIDUAL_M:
        raise OrbitError(
            name,
            f"the orbit's positions lie {residual:.2f} m off a smooth orbit.",
            remedy="drop the orbit file (POEORB or RESORB) of the day, or the product again.",
        )
    fit = OrbitFit(middle, solution.T.copy(), scale_s, residual, 0.0, source)
    speeds = np.array([fit.state(float(time_s))[1] for time_s in seconds])
    off = float(np.sqrt(((speeds - vectors.velocity_m_s[near]) ** 2).sum(axis=1).mean()))
    return OrbitFit(middle, fit.coefficients, scale_s, residual, off, source)
