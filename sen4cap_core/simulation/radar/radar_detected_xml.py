"""The metadata files of a simulated detected product, in the structure of the published ones."""

from __future__ import annotations

import numpy as np

from sen4cap_core.simulation.radar.radar_ground_range import DETECTED_INTERVAL_S, PIXEL_M, GroundRangeModel
from sen4cap_core.simulation.radar.radar_model import (
    BETA_INCIDENCE_DEG,
    RADAR_HZ,
    SAMPLING_HZ,
    STEERING_DEG_S,
)
from sen4cap_core.simulation.radar.radar_orbit import LIGHT_M_S, ground_point
from sen4cap_core.simulation.radar.radar_xml import iso, listed, orbit_list_xml

NUMBERS_PER_ROOT = 500.0
"""Digital numbers per square root of sigma0."""
NOISE_IN_AZIMUTH = 0.8


def detected_annotation_xml(model: GroundRangeModel, polarisation: str, height_m: float) -> str:
    """Return the annotation; ``height_m`` is that of its geolocation grid."""
    flight = model.flight
    last_s = model.first_s + (model.n_lines - 1) * DETECTED_INTERVAL_S
    conversions = "\n".join(
        f"      <coordinateConversion>\n        <azimuthTime>{iso(flight.instant(time_s))}</azimuthTime>\n"
        f"        <slantRangeTime>{2 * model.first_range_m / LIGHT_M_S:.15e}</slantRangeTime>\n"
        f"        <sr0>{model.first_range_m:.15e}</sr0>\n"
        f"        {listed('srgrCoefficients', coefficients, '%.15e')}\n      </coordinateConversion>"
        for time_s, coefficients in zip(model.times_s, model.polynomials(), strict=True)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product>
{_header(model, polarisation)}
  <generalAnnotation>
    <productInformation>
      <pass>Ascending</pass>
      <projection>Ground Range</projection>
      <rangeSamplingRate>{SAMPLING_HZ:.15e}</rangeSamplingRate>
      <radarFrequency>{RADAR_HZ:.15e}</radarFrequency>
      <azimuthSteeringRate>{STEERING_DEG_S:.15e}</azimuthSteeringRate>
    </productInformation>
{orbit_list_xml(flight, 0.0)}
  </generalAnnotation>
  <imageAnnotation>
    <imageInformation>
      <productFirstLineUtcTime>{iso(flight.instant(model.first_s))}</productFirstLineUtcTime>
      <productLastLineUtcTime>{iso(flight.instant(last_s))}</productLastLineUtcTime>
      <slantRangeTime>{2 * model.first_range_m / LIGHT_M_S:.15e}</slantRangeTime>
      <rangePixelSpacing>{PIXEL_M:.6e}</rangePixelSpacing>
      <azimuthPixelSpacing>{DETECTED_INTERVAL_S * flight.ground_speed_m_s:.15e}</azimuthPixelSpacing>
      <azimuthTimeInterval>{DETECTED_INTERVAL_S:.15e}</azimuthTimeInterval>
      <numberOfSamples>{model.n_samples}</numberOfSamples>
      <numberOfLines>{model.n_lines}</numberOfLines>
    </imageInformation>
  </imageAnnotation>
  <swathTiming>
    <linesPerBurst>0</linesPerBurst>
    <samplesPerBurst>0</samplesPerBurst>
    <burstList count="0"/>
  </swathTiming>
  <coordinateConversion>
    <coordinateConversionList count="{len(model.times_s)}">
{conversions}
    </coordinateConversionList>
  </coordinateConversion>
{_grid(model, height_m)}
</product>
"""


def detected_calibration_xml(model: GroundRangeModel, polarisation: str) -> str:
    """Return the calibration: the same everywhere, tables of beta0 and gamma0 for one incidence angle."""
    pixels = np.append(np.arange(0.0, model.n_samples - 1, 40.0), model.n_samples - 1.0)
    incidence = np.radians(BETA_INCIDENCE_DEG)
    tables = {
        "sigmaNought": NUMBERS_PER_ROOT,
        "betaNought": NUMBERS_PER_ROOT * np.sqrt(np.sin(incidence)),
        "gamma": NUMBERS_PER_ROOT * np.sqrt(np.cos(incidence)),
        "dn": NUMBERS_PER_ROOT,
    }
    vectors = "\n".join(
        f"    <calibrationVector>\n      <azimuthTime>{iso(model.flight.instant(model.first_s))}"
        f"</azimuthTime>\n      <line>{line}</line>\n      {listed('pixel', pixels, '%d')}\n"
        + "\n".join(f"      {listed(name, np.full(len(pixels), v))}" for name, v in tables.items())
        + "\n    </calibrationVector>"
        for line in (0, model.n_lines - 1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<calibration>\n{_header(model, polarisation)}\n'
        f'  <calibrationVectorList count="2">\n{vectors}\n  </calibrationVectorList>\n</calibration>\n'
    )


def detected_noise_xml(model: GroundRangeModel, polarisation: str) -> str:
    """Return the thermal noise: a range part times an azimuth part."""
    power = model.flight.noise.get(polarisation, 0.0) * NUMBERS_PER_ROOT**2 / NOISE_IN_AZIMUTH
    pixels = np.append(np.arange(0.0, model.n_samples - 1, 40.0), model.n_samples - 1.0)
    lines = np.arange(0, model.n_lines + 9, 10.0)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<noise>
{_header(model, polarisation)}
  <noiseRangeVectorList count="1">
    <noiseRangeVector>
      <azimuthTime>{iso(model.flight.instant(model.first_s))}</azimuthTime>
      <line>0</line>
      {listed("pixel", pixels, "%d")}
      {listed("noiseRangeLut", np.full(len(pixels), power))}
    </noiseRangeVector>
  </noiseRangeVectorList>
  <noiseAzimuthVectorList count="1">
    <noiseAzimuthVector>
      <swath>IW1</swath>
      <firstAzimuthLine>0</firstAzimuthLine>
      <firstRangeSample>0</firstRangeSample>
      <lastAzimuthLine>{model.n_lines + 9}</lastAzimuthLine>
      <lastRangeSample>{model.n_samples + 39}</lastRangeSample>
      {listed("line", lines, "%d")}
      {listed("noiseAzimuthLut", np.full(len(lines), NOISE_IN_AZIMUTH))}
    </noiseAzimuthVector>
  </noiseAzimuthVectorList>
</noise>
"""


def _header(model: GroundRangeModel, polarisation: str) -> str:
    flight = model.flight
    last_s = model.first_s + (model.n_lines - 1) * DETECTED_INTERVAL_S
    return f"""  <adsHeader>
    <missionId>{flight.platform}</missionId>
    <productType>GRD</productType>
    <polarisation>{polarisation}</polarisation>
    <mode>IW</mode>
    <swath>IW</swath>
    <startTime>{iso(flight.instant(model.first_s))}</startTime>
    <stopTime>{iso(flight.instant(last_s))}</stopTime>
    <absoluteOrbitNumber>{flight.absolute_orbit}</absoluteOrbitNumber>
  </adsHeader>"""


def _grid(model: GroundRangeModel, height_m: float) -> str:
    points = []
    for line in np.linspace(0, model.n_lines - 1, 3).round().astype(int):
        time_s = model.first_s + line * DETECTED_INTERVAL_S
        for pixel in np.linspace(0, model.n_samples - 1, 5).round().astype(int):
            range_m = model.range_of(float(pixel), float(time_s))
            lon, lat, height, incidence = ground_point(model.flight.orbit, float(time_s), range_m, height_m)
            points.append(
                "      <geolocationGridPoint>\n"
                f"        <azimuthTime>{iso(model.flight.instant(float(time_s)))}</azimuthTime>\n"
                f"        <slantRangeTime>{2 * range_m / LIGHT_M_S:.15e}</slantRangeTime>\n"
                f"        <line>{line}</line>\n        <pixel>{pixel}</pixel>\n"
                f"        <latitude>{lat:.15e}</latitude>\n        <longitude>{lon:.15e}</longitude>\n"
                f"        <height>{height:.15e}</height>\n"
                f"        <incidenceAngle>{incidence:.15e}</incidenceAngle>\n      </geolocationGridPoint>"
            )
    rows = "\n".join(points)
    return (
        f'  <geolocationGrid>\n    <geolocationGridPointList count="{len(points)}">\n{rows}\n'
        "    </geolocationGridPointList>\n  </geolocationGrid>"
    )
