"""The metadata files of a simulated radar product, in the structure of the published ones.

Left out, because nothing here reads them: quality, downlink, attitude, replica and antenna pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sen4cap_core.simulation.radar.radar_model import (
    BETA_INCIDENCE_DEG,
    DOPPLER,
    FM_RATE,
    LINE_INTERVAL_S,
    RADAR_HZ,
    SAMPLING_HZ,
    STEERING_DEG_S,
    PassModel,
    SwathModel,
)
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, ground_point

INVALID_LINES = 8
INVALID_SAMPLES = 10
ORBIT_STEP_S = 10.0
ORBIT_VECTORS = 17


def annotation_xml(
    flight: PassModel,
    swath: SwathModel,
    polarisation: str,
    height_m: float,
    *,
    velocity_error_m_s: float = 0.0,
) -> str:
    """Return the annotation of one swath; ``height_m`` is that of its geolocation grid."""
    n_lines = swath.lines_per_burst * len(swath.burst_starts_s)
    first, last = swath.burst_starts_s[0], _last_line_s(swath)
    bursts = "\n".join(_burst(flight, swath, start) for start in swath.burst_starts_s)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>
{_header(flight, swath, polarisation, "SLC")}
  <generalAnnotation>
    <productInformation>
      <pass>Ascending</pass>
      <rangeSamplingRate>{SAMPLING_HZ:.15e}</rangeSamplingRate>
      <radarFrequency>{RADAR_HZ:.15e}</radarFrequency>
      <azimuthSteeringRate>{STEERING_DEG_S:.15e}</azimuthSteeringRate>
    </productInformation>
{orbit_list_xml(flight, velocity_error_m_s)}
    <azimuthFmRateList count="1">
      <azimuthFmRate>
        <azimuthTime>{iso(flight.instant((first + last) / 2))}</azimuthTime>
        <t0>{swath.first_range_s:.15e}</t0>
        <azimuthFmRatePolynomial count="3">{_row(FM_RATE)}</azimuthFmRatePolynomial>
      </azimuthFmRate>
    </azimuthFmRateList>
  </generalAnnotation>
  <imageAnnotation>
    <imageInformation>
      <productFirstLineUtcTime>{iso(flight.instant(first))}</productFirstLineUtcTime>
      <productLastLineUtcTime>{iso(flight.instant(last))}</productLastLineUtcTime>
      <slantRangeTime>{swath.first_range_s:.15e}</slantRangeTime>
      <rangePixelSpacing>{LIGHT_M_S / 2 / SAMPLING_HZ:.15e}</rangePixelSpacing>
      <azimuthPixelSpacing>{LINE_INTERVAL_S * flight.ground_speed_m_s:.15e}</azimuthPixelSpacing>
      <azimuthTimeInterval>{LINE_INTERVAL_S:.15e}</azimuthTimeInterval>
      <numberOfSamples>{swath.n_samples}</numberOfSamples>
      <numberOfLines>{n_lines}</numberOfLines>
    </imageInformation>
  </imageAnnotation>
  <dopplerCentroid>
    <dcEstimateList count="1">
      <dcEstimate>
        <azimuthTime>{iso(flight.instant((first + last) / 2))}</azimuthTime>
        <t0>{swath.first_range_s:.15e}</t0>
        <dataDcPolynomial count="3">{_row(DOPPLER)}</dataDcPolynomial>
      </dcEstimate>
    </dcEstimateList>
  </dopplerCentroid>
  <swathTiming>
    <linesPerBurst>{swath.lines_per_burst}</linesPerBurst>
    <samplesPerBurst>{swath.n_samples}</samplesPerBurst>
    <burstList count="{len(swath.burst_starts_s)}">
{bursts}
    </burstList>
  </swathTiming>
{geolocation_grid_xml(flight, swath, height_m)}
</product>
"""


def calibration_xml(flight: PassModel, swath: SwathModel, polarisation: str) -> str:
    """Return the calibration of one swath: sigma0 as modelled, beta0 and gamma0 of one incidence."""
    pixels = _pixels(swath)
    sigma = swath.calibration(pixels)
    incidence = np.radians(BETA_INCIDENCE_DEG)
    tables = {
        "sigmaNought": sigma,
        "betaNought": sigma * np.sqrt(np.sin(incidence)),
        "gamma": sigma * np.sqrt(np.cos(incidence)),
        "dn": sigma,
    }
    n_lines = swath.lines_per_burst * len(swath.burst_starts_s)
    vectors = "\n".join(
        f"    <calibrationVector>\n      <azimuthTime>{iso(flight.instant(swath.burst_starts_s[0]))}"
        f"</azimuthTime>\n      <line>{line}</line>\n      {listed('pixel', pixels, '%d')}\n"
        + "\n".join(f"      {listed(name, values)}" for name, values in tables.items())
        + "\n    </calibrationVector>"
        for line in (-200, n_lines + 200)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<calibration>\n'
        f"{_header(flight, swath, polarisation, 'SLC')}\n"
        f'  <calibrationVectorList count="2">\n{vectors}\n  </calibrationVectorList>\n</calibration>\n'
    )


def noise_xml(flight: PassModel, swath: SwathModel, polarisation: str) -> str:
    """Return the thermal noise of one swath: a range part times an azimuth part of 0.8."""
    pixels = _pixels(swath)
    azimuth = 0.8
    power = flight.noise.get(polarisation, 0.0) * swath.calibration(pixels) ** 2 / azimuth
    n_lines = swath.lines_per_burst * len(swath.burst_starts_s)
    vectors = "\n".join(
        f"    <noiseRangeVector>\n      <azimuthTime>{iso(flight.instant(start))}</azimuthTime>\n"
        f"      <line>{number * swath.lines_per_burst}</line>\n      {listed('pixel', pixels, '%d')}\n"
        f"      {listed('noiseRangeLut', power)}\n    </noiseRangeVector>"
        for number, start in enumerate(swath.burst_starts_s)
    )
    lines = np.arange(0, n_lines + 9, 10.0)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<noise>
{_header(flight, swath, polarisation, "SLC")}
  <noiseRangeVectorList count="{len(swath.burst_starts_s)}">
{vectors}
  </noiseRangeVectorList>
  <noiseAzimuthVectorList count="1">
    <noiseAzimuthVector>
      <swath>{swath.name}</swath>
      <firstAzimuthLine>0</firstAzimuthLine>
      <firstRangeSample>0</firstRangeSample>
      <lastAzimuthLine>{n_lines + 9}</lastAzimuthLine>
      <lastRangeSample>{swath.n_samples + 39}</lastRangeSample>
      {listed("line", lines, "%d")}
      {listed("noiseAzimuthLut", np.full(len(lines), azimuth))}
    </noiseAzimuthVector>
  </noiseAzimuthVectorList>
</noise>
"""


def manifest_xml(
    flight: PassModel,
    swaths: Sequence[str],
    polarisations: Sequence[str],
    footprint: Iterable[tuple[float, float]],
) -> str:
    """Return ``manifest.safe``; ``footprint`` are corners as (longitude, latitude)."""
    first = min(s.burst_starts_s[0] for s in flight.swaths)
    last = max(_last_line_s(s) for s in flight.swaths)
    corners = " ".join(f"{lat:.6f},{lon:.6f}" for lon, lat in footprint)
    swath_lines = "".join(f"<s1sarl1:swath>{name}</s1sarl1:swath>" for name in swaths)
    polarisation_lines = "".join(
        f"<s1sarl1:transmitterReceiverPolarisation>{name}</s1sarl1:transmitterReceiverPolarisation>"
        for name in polarisations
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" xmlns:xfdu="urn:ccsds:schema:xfdu:1" \
xmlns:safe="http://www.esa.int/safe/sentinel-1.0" xmlns:s1="http://www.esa.int/safe/sentinel-1.0/sentinel-1" \
xmlns:s1sarl1="http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1">
  <metadataSection>
    <safe:platform><safe:familyName>SENTINEL-1</safe:familyName><safe:number>{flight.platform[2]}</safe:number>\
{swath_lines}</safe:platform>
    <s1sarl1:standAloneProductInformation>{polarisation_lines}</s1sarl1:standAloneProductInformation>
    <safe:orbitReference>
      <safe:orbitNumber type="start">{flight.absolute_orbit}</safe:orbitNumber>
      <safe:relativeOrbitNumber type="start">{flight.relative_orbit}</safe:relativeOrbitNumber>
      <s1:pass>ASCENDING</s1:pass>
    </safe:orbitReference>
    <safe:acquisitionPeriod>
      <safe:startTime>{iso(flight.instant(first))}</safe:startTime>
      <safe:stopTime>{iso(flight.instant(last))}</safe:stopTime>
    </safe:acquisitionPeriod>
    <safe:processing><safe:facility><safe:software name="Sentinel-1 IPF" version="003.40"/></safe:facility>\
</safe:processing>
    <safe:footPrint><gml:coordinates>{corners}</gml:coordinates></safe:footPrint>
  </metadataSection>
</xfdu:XFDU>
"""


def orbit_file_xml(flight: PassModel) -> str:
    """Return an orbit file (EOF) that holds a pass, with vectors from ten minutes before to ten after."""
    times = np.arange(-600.0, 601.0, ORBIT_STEP_S) + 0.657814
    vectors = []
    for time_s in times:
        position, velocity = flight.orbit.position(time_s), flight.orbit.velocity(time_s)
        values = "".join(
            f'<{name} unit="{unit}">{value:.6f}</{name}>'
            for name, unit, value in zip(
                ("X", "Y", "Z", "VX", "VY", "VZ"),
                ["m"] * 3 + ["m/s"] * 3,
                [*position, *velocity],
                strict=True,
            )
        )
        moment = flight.instant(float(time_s))
        vectors.append(f"      <OSV><UTC>UTC={iso(moment)}</UTC>{values}<Quality>NOMINAL</Quality></OSV>")
    rows = "\n".join(vectors)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Earth_Explorer_File>
  <Earth_Explorer_Header><Fixed_Header>
    <Mission>Sentinel-{flight.platform[1:]}</Mission>
    <Validity_Period>
      <Validity_Start>UTC={flight.instant(-600.0):%Y-%m-%dT%H:%M:%S}</Validity_Start>
      <Validity_Stop>UTC={flight.instant(600.0):%Y-%m-%dT%H:%M:%S}</Validity_Stop>
    </Validity_Period>
  </Fixed_Header></Earth_Explorer_Header>
  <Data_Block type="xml">
    <List_of_OSVs count="{len(vectors)}">
{rows}
    </List_of_OSVs>
  </Data_Block>
</Earth_Explorer_File>
"""


def orbit_list_xml(flight: PassModel, velocity_error_m_s: float) -> str:
    """Return the state vectors of an annotation; velocities off by some error, as some products have them."""
    entries = []
    for number in range(ORBIT_VECTORS):
        time_s = (number - ORBIT_VECTORS // 2) * ORBIT_STEP_S + 0.067187
        position = flight.orbit.position(time_s)
        velocity = flight.orbit.velocity(time_s) + velocity_error_m_s * (-1) ** number
        parts = [
            f"<{name}>"
            + "".join(f"<{axis}>{value:.15e}</{axis}>" for axis, value in zip("xyz", values, strict=True))
            + f"</{name}>"
            for name, values in (("position", position), ("velocity", velocity))
        ]
        entries.append(
            f"      <orbit>\n        <time>{iso(flight.instant(time_s))}</time>\n"
            f"        <frame>Earth Fixed</frame>\n        {parts[0]}\n        {parts[1]}\n      </orbit>"
        )
    rows = "\n".join(entries)
    return f'    <orbitList count="{len(entries)}">\n{rows}\n    </orbitList>'


def geolocation_grid_xml(flight: PassModel, swath: SwathModel, height_m: float) -> str:
    """Return the geolocation grid: five points across, a row at each burst's start and one at the end."""
    times = [*swath.burst_starts_s, _last_line_s(swath)]
    points = []
    for number, time_s in enumerate(times):
        line = min(number * swath.lines_per_burst, len(swath.burst_starts_s) * swath.lines_per_burst - 1)
        for pixel in np.linspace(0, swath.n_samples - 1, 5).round().astype(int):
            range_time_s = swath.first_range_s + pixel / SAMPLING_HZ
            lon, lat, height, incidence = ground_point(
                flight.orbit, time_s, range_time_s * LIGHT_M_S / 2, height_m
            )
            points.append(
                "      <geolocationGridPoint>\n"
                f"        <azimuthTime>{iso(flight.instant(time_s))}</azimuthTime>\n"
                f"        <slantRangeTime>{range_time_s:.15e}</slantRangeTime>\n        <line>{line}</line>\n"
                f"        <pixel>{pixel}</pixel>\n        <latitude>{lat:.15e}</latitude>\n"
                f"        <longitude>{lon:.15e}</longitude>\n        <height>{height:.15e}</height>\n"
                f"        <incidenceAngle>{incidence:.15e}</incidenceAngle>\n      </geolocationGridPoint>"
            )
    rows = "\n".join(points)
    return (
        f'  <geolocationGrid>\n    <geolocationGridPointList count="{len(points)}">\n{rows}\n'
        "    </geolocationGridPointList>\n  </geolocationGrid>"
    )


def _header(flight: PassModel, swath: SwathModel, polarisation: str, product_type: str) -> str:
    return f"""  <adsHeader>
    <missionId>{flight.platform}</missionId>
    <productType>{product_type}</productType>
    <polarisation>{polarisation}</polarisation>
    <mode>IW</mode>
    <swath>{swath.name}</swath>
    <startTime>{iso(flight.instant(swath.burst_starts_s[0]))}</startTime>
    <stopTime>{iso(flight.instant(_last_line_s(swath)))}</stopTime>
    <absoluteOrbitNumber>{flight.absolute_orbit}</absoluteOrbitNumber>
  </adsHeader>"""


def _burst(flight: PassModel, swath: SwathModel, start_s: float) -> str:
    inside = range(INVALID_LINES, swath.lines_per_burst - INVALID_LINES)
    first, last = (
        " ".join(str(value) if line in inside else "-1" for line in range(swath.lines_per_burst))
        for value in (INVALID_SAMPLES, swath.n_samples - 1 - INVALID_SAMPLES)
    )
    count = swath.lines_per_burst
    return (
        f"      <burst>\n        <azimuthTime>{iso(flight.instant(start_s))}</azimuthTime>\n"
        f"        <azimuthAnxTime>{flight.orbit.since_node_s() + start_s:.15e}</azimuthAnxTime>\n"
        f'        <firstValidSample count="{count}">{first}</firstValidSample>\n'
        f'        <lastValidSample count="{count}">{last}</lastValidSample>\n      </burst>'
    )


def _last_line_s(swath: SwathModel) -> float:
    return swath.burst_starts_s[-1] + (swath.lines_per_burst - 1) * LINE_INTERVAL_S


def _pixels(swath: SwathModel) -> NDArray[np.float64]:
    return np.append(np.arange(0.0, swath.n_samples - 1, 40.0), swath.n_samples - 1.0)


def listed(name: str, values: NDArray[np.float64], form: str = "%.6e") -> str:
    """Write an element of numbers with their count."""
    return f'<{name} count="{len(values)}">' + " ".join(form % value for value in values) + f"</{name}>"


def _row(values: Iterable[float]) -> str:
    return " ".join(f"{value:.15e}" for value in values)


def iso(moment: datetime) -> str:
    """Write an instant as annotations have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
