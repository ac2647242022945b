"""The annotation of one swath and polarisation: timing, bursts, ramp, orbit and geolocation grid.

Source: ESA, Sentinel-1 Product Specification, S1-RS-MDA-52-7441.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.errors import UnreadableSceneError
from sen4cap_core.sentinel1.xml_values import REMEDY, XmlValues

SPEED_OF_LIGHT_M_S = 299_792_458.0


@dataclass(frozen=True)
class StateVectors:
    """Where the satellite was: Earth-fixed positions and velocities (n, 3), m and m/s, at UTC times."""

    times: list[datetime]
    position_m: NDArray[np.float64]
    velocity_m_s: NDArray[np.float64]


@dataclass(frozen=True)
class Polynomial:
    """c0 + c1 d + c2 d^2 with d = two-way range time - ``t0_s``, nearest to ``time``."""

    time: datetime
    t0_s: float
    coefficients: NDArray[np.float64]


@dataclass(frozen=True)
class GroundRange:
    """Distance on the ground as a polynomial of the slant range beyond ``origin_m``, valid near ``time``."""

    time: datetime
    origin_m: float
    coefficients: NDArray[np.float64]
    """float64 (order + 1,), lowest order first, m"""


@dataclass(frozen=True)
class Burst:
    """One burst: its own image of the ground, overlapping its neighbours."""

    index: int
    first_line_at: datetime
    """Zero-Doppler time of its first line."""
    since_node_s: float
    """Seconds from the ascending node to the first line: nearly the same in every pass."""
    first_valid: NDArray[np.int32]
    last_valid: NDArray[np.int32]
    """int32 (lines,): first and last valid sample of each line, -1 where there is none."""


@dataclass(frozen=True)
class GridPoints:
    """Points of the geolocation grid, float64 (n,) each; the reference for our own geometry."""

    line: NDArray[np.float64]
    pixel: NDArray[np.float64]
    azimuth_time: list[datetime]
    range_time_s: NDArray[np.float64]
    lat_deg: NDArray[np.float64]
    lon_deg: NDArray[np.float64]
    height_m: NDArray[np.float64]
    incidence_deg: NDArray[np.float64]


@dataclass(frozen=True)
class Annotation:
    """What one annotation file says."""

    name: str
    platform: str
    product_type: str
    """``SLC`` or ``GRD``."""
    swath: str
    polarisation: str
    absolute_orbit: int
    direction: str
    """``ascending`` or ``descending``."""
    first_line_at: datetime
    line_interval_s: float
    n_lines: int
    n_samples: int
    first_range_time_s: float
    """Two-way time of the first sample."""
    range_sampling_hz: float
    radar_hz: float
    steering_rad_s: float
    lines_per_burst: int
    bursts: list[Burst]
    fm_rates: list[Polynomial]
    doppler_centroids: list[Polynomial]
    state_vectors: StateVectors
    grid: GridPoints
    pixel_spacing_m: float
    """Across track: on the ground in a GRD product, in slant range in an SLC product."""
    line_spacing_m: float
    """Along track, on the ground."""
    ground_ranges: list[GroundRange]
    """In order of time; of GRD products only."""

    @property
    def wavelength_m(self) -> float:
        """Of the carrier."""
        return SPEED_OF_LIGHT_M_S / self.radar_hz

    def burst_middle(self, burst: Burst) -> datetime:
        """Zero-Doppler time of a burst's middle line."""
        return burst.first_line_at + timedelta(
            seconds=0.5 * (self.lines_per_burst - 1) * self.line_interval_s
        )

    def nearest(self, polynomials: list[Polynomial], moment: datetime) -> Polynomial:
        """Return the polynomial nearest in time."""
        if not polynomials:
            raise UnreadableSceneError(
                self.name, "it has no azimuth FM rate or no Doppler centroid.", remedy=REMEDY
            )
        return min(polynomials, key=lambda entry: abs((entry.time - moment).total_seconds()))


def read_annotation(content: bytes, name: str) -> Annotation:
    """Read an annotation file of an SLC or GRD product.

    Raises
    ------
    UnreadableSceneError
        Elements are missing or hold something else than they should.
    BadUploadError
        It is no plain, well-formed XML.
    """
    xml = XmlValues.parse(content, name)
    lines_per_burst = xml.integer("swathTiming/linesPerBurst")
    bursts = [
        _burst(index, entry, lines_per_burst)
        for index, entry in enumerate(xml.each("swathTiming/burstList/burst"))
    ]
    product_type = xml.text("adsHeader/productType")
    if product_type == "SLC" and not bursts:
        raise UnreadableSceneError(name, "it lists no burst.", expected="an IW product", remedy=REMEDY)
    information = "imageAnnotation/imageInformation"
    general = "generalAnnotation/productInformation"
    return Annotation(
        name=name,
        platform=xml.text("adsHeader/missionId"),
        product_type=product_type,
        swath=xml.text("adsHeader/swath"),
        polarisation=xml.text("adsHeader/polarisation"),
        absolute_orbit=xml.integer("adsHeader/absoluteOrbitNumber"),
        direction=xml.text(f"{general}/pass").lower(),
        first_line_at=xml.time(f"{information}/productFirstLineUtcTime"),
        line_interval_s=xml.number(f"{information}/azimuthTimeInterval"),
        n_lines=xml.integer(f"{information}/numberOfLines"),
        n_samples=xml.integer(f"{information}/numberOfSamples"),
        first_range_time_s=xml.number(f"{information}/slantRangeTime"),
        range_sampling_hz=xml.number(f"{general}/rangeSamplingRate"),
        radar_hz=xml.number(f"{general}/radarFrequency"),
        steering_rad_s=float(np.radians(xml.number(f"{general}/azimuthSteeringRate"))),
        lines_per_burst=lines_per_burst,
        bursts=bursts,
        fm_rates=[_fm_rate(e) for e in xml.each("generalAnnotation/azimuthFmRateList/azimuthFmRate")],
        doppler_centroids=[
            Polynomial(e.time("azimuthTime"), e.number("t0"), e.numbers("dataDcPolynomial"))
            for e in xml.each("dopplerCentroid/dcEstimateList/dcEstimate")
        ],
        state_vectors=_state_vectors(xml),
        grid=_grid(xml),
        pixel_spacing_m=xml.number(f"{information}/rangePixelSpacing"),
        line_spacing_m=xml.number(f"{information}/azimuthPixelSpacing"),
        ground_ranges=_ground_ranges(xml) if product_type == "GRD" else [],
    )


def _burst(index: int, xml: XmlValues, lines: int) -> Burst:
    first = xml.numbers("firstValidSample").astype(np.int32)
    last = xml.numbers("lastValidSample").astype(np.int32)
    if len(first) != lines or len(last) != lines:
        raise UnreadableSceneError(
            xml.name,
            f"burst {index + 1} names valid samples of {len(first)} and {len(last)} lines, "
            f"a burst has {lines}.",
            remedy=REMEDY,
        )
    return Burst(index, xml.time("azimuthTime"), xml.number("azimuthAnxTime"), first, last)


def _fm_rate(xml: XmlValues) -> Polynomial:
    if xml.has("azimuthFmRatePolynomial"):
        coefficients = xml.numbers("azimuthFmRatePolynomial")
    else:
        # Products before 2015 name the three numbers one by one.
        coefficients = np.array([xml.number(name) for name in ("c0", "c1", "c2")])
    return Polynomial(xml.time("azimuthTime"), xml.number("t0"), coefficients)


def _ground_ranges(xml: XmlValues) -> list[GroundRange]:
    found = [
        GroundRange(e.time("azimuthTime"), e.number("sr0"), e.numbers("srgrCoefficients"))
        for e in xml.each("coordinateConversion/coordinateConversionList/coordinateConversion")
    ]
    if not found or len({len(entry.coefficients) for entry in found}) > 1:
        raise UnreadableSceneError(
            xml.name, "its conversion from slant to ground range is missing or uneven.", remedy=REMEDY
        )
    return sorted(found, key=lambda entry: entry.time)


def _state_vectors(xml: XmlValues) -> StateVectors:
    entries = list(xml.each("generalAnnotation/orbitList/orbit"))
    return StateVectors(
        [entry.time("time") for entry in entries],
        np.array([[e.number(f"position/{axis}") for axis in "xyz"] for e in entries]).reshape(-1, 3),
        np.array([[e.number(f"velocity/{axis}") for axis in "xyz"] for e in entries]).reshape(-1, 3),
    )


def _grid(xml: XmlValues) -> GridPoints:
    entries = list(xml.each("geolocationGrid/geolocationGridPointList/geolocationGridPoint"))
    if not entries:
        raise UnreadableSceneError(xml.name, "it has no geolocation grid.", remedy=REMEDY)

    def column(name: str) -> NDArray[np.float64]:
        return np.array([entry.number(name) for entry in entries])

    return GridPoints(
        line=column("line"),
        pixel=column("pixel"),
        azimuth_time=[entry.time("azimuthTime") for entry in entries],
        range_time_s=column("slantRangeTime"),
        lat_deg=column("latitude"),
        lon_deg=column("longitude"),
        height_m=column("height"),
        incidence_deg=column("incidenceAngle"),
    )
