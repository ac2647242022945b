"""Orbit files: which one, what is in it, how well the polynomial holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sen4cap_core.errors import BadUploadError
from sen4cap_core.sentinel1.annotation import StateVectors
from sen4cap_core.sentinel1.orbit import (
    choose_orbit_file,
    describe_orbit_file,
    fit_orbit,
    read_orbit_file,
)
from sen4cap_core.simulation.radar.radar_pair import small_pair
from sen4cap_core.simulation.radar.radar_product import write_orbit_file

NAME = "S1A_OPER_AUX_{kind}_OPOD_{made}_V{start}_{stop}.EOF"
AT = datetime(2022, 5, 3, 17, 6, 12, tzinfo=UTC)


def named(kind: str, made: str, start: str, stop: str) -> Path:
    return Path(NAME.format(kind=kind, made=made, start=start, stop=stop))


def test_precise_goes_before_restituted_and_newer_before_older() -> None:
    files = [
        describe_orbit_file(named(kind, made, start, stop))
        for kind, made, start, stop in (
            ("RESORB", "20220503T210000", "20220503T160000", "20220503T193000"),
            ("RESORB", "20220503T190000", "20220503T160000", "20220503T193000"),
            ("POEORB", "20220523T080000", "20220502T225942", "20220504T005942"),
            ("POEORB", "20220524T080000", "20220503T225942", "20220505T005942"),
        )
    ]
    chosen = choose_orbit_file(files, "S1A", AT, AT + timedelta(seconds=25))
    without_precise = choose_orbit_file(files[:2], "S1A", AT, AT)

    assert chosen is files[2]
    assert without_precise is files[0]
    assert choose_orbit_file(files, "S1B", AT, AT) is None
    assert choose_orbit_file(files[3:], "S1A", AT, AT) is None


def test_name_that_is_no_orbit_file() -> None:
    with pytest.raises(BadUploadError, match="not named as an orbit file"):
        describe_orbit_file(Path("orbit.EOF"))


def test_every_second_vector_of_a_real_file_is_predicted(shared: Path) -> None:
    path = next((shared / "data/s1-slc-metadata/tests/data/orbits").glob("*174849*.EOF"))
    middle = datetime(2023, 8, 23, 15, 30, tzinfo=UTC)
    ends = middle - timedelta(seconds=13), middle + timedelta(seconds=13)
    vectors = read_orbit_file(path, "S1A", *ends)
    even = StateVectors(vectors.times[::2], vectors.position_m[::2], vectors.velocity_m_s[::2])
    fit = fit_orbit(even, *ends, source="RESORB", name=path.name)

    errors = []
    for moment, position in zip(vectors.times[1::2], vectors.position_m[1::2], strict=True):
        if abs((moment - middle).total_seconds()) < 40:
            errors.append(np.linalg.norm(fit.state(fit.seconds(moment))[0] - position))
    assert len(errors) >= 3
    assert max(errors) < 0.001
    assert fit.velocity_residual_m_s < 0.001


def test_file_of_another_day_or_satellite_is_refused(tmp_path: Path) -> None:
    flight = small_pair().first
    path = write_orbit_file(tmp_path, flight)
    at = flight.middle_at

    assert len(read_orbit_file(path, "S1A", at, at).times) > 10
    with pytest.raises(BadUploadError, match=r"speaks of .*2022-05-03T.* acquisition was at 2022-05-04"):
        read_orbit_file(path, "S1A", at + timedelta(days=1), at + timedelta(days=1))
    with pytest.raises(BadUploadError, match="the product is of S1C"):
        read_orbit_file(path, "S1C", at, at)


def test_entities_in_an_orbit_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "S1A_OPER_AUX_RESORB_OPOD_20220503T210000_V20220503T160000_20220503T193000.EOF"
    path.write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        "<Earth_Explorer_File>&b;</Earth_Explorer_File>"
    )

    with pytest.raises(BadUploadError, match="declares a document type or entities"):
        read_orbit_file(path, "S1A", AT, AT)


def test_positions_off_any_orbit_are_refused() -> None:
    flight = small_pair().first
    seconds = np.arange(-80.0, 81.0, 10.0)
    position = flight.orbit.position(seconds)
    position[8] += 30.0
    times = [flight.instant(s) for s in seconds]
    vectors = StateVectors(times, position, flight.orbit.velocity(seconds))

    with pytest.raises(BadUploadError, match="off a smooth orbit"):
        fit_orbit(vectors, flight.middle_at, flight.middle_at, source="annotation", name="a.xml")


def test_too_few_vectors_are_refused() -> None:
    flight = small_pair().first
    seconds = np.array([-20.0, -10.0, 0.0])
    vectors = StateVectors(
        [flight.instant(s) for s in seconds], flight.orbit.position(seconds), flight.orbit.velocity(seconds)
    )

    with pytest.raises(BadUploadError, match="only 3 orbit vectors"):
        fit_orbit(vectors, flight.middle_at, flight.middle_at, source="annotation", name="a.xml")
