"""Directions of a product become the cosines of the networks, whatever the product leaves out."""

from __future__ import annotations

import numpy as np
import pytest

from sen4cap_core.processors.l3b.sun_and_view import cosines_of
from sen4cap_core.scenes.acquisition.angles import AngleGrid, MeanAngle, SceneAngles

NAN = float("nan")


def grid(zenith, azimuth, shape: tuple[int, int] = (3, 3)) -> AngleGrid:
    values = (np.broadcast_to(np.asarray(v, np.float32), shape).copy() for v in (zenith, azimuth))
    return AngleGrid(*values, 5000.0, 5000.0)


def cos(degrees: float) -> float:
    return float(np.cos(np.deg2rad(degrees)))


SUN = grid(40.0, 150.0)


def test_azimuths_on_both_sides_of_north_average_to_north() -> None:
    view = {"B03": {1: grid(6.0, 358.0), 2: grid(8.0, 4.0)}, "B04": {1: grid(3.0, 0.0)}}
    cosines = cosines_of(SceneAngles(0, 0, SUN, view), ["B03", "B04"])
    assert cosines is not None
    # Two detectors of one band count as much as the one of the other: zenith (7 + 3) / 2.
    np.testing.assert_allclose(cosines.nodes[0], cos(5.0), atol=1e-6)
    np.testing.assert_allclose(cosines.nodes[1], cos(40.0), atol=1e-6)
    np.testing.assert_allclose(cosines.nodes[2], cos(149.5), atol=1e-5)
    assert (cosines.sun_source, cosines.view_source) == ("grid", "grid")


def test_nodes_that_no_detector_saw_take_the_nearest_that_one_did() -> None:
    zenith = np.array([[NAN, 5.0, 7.0]] * 3)
    cosines = cosines_of(SceneAngles(0, 0, SUN, {"B03": {1: grid(zenith, 100.0)}}), ["B03"])
    assert cosines is not None
    np.testing.assert_allclose(cosines.nodes[0][1], [cos(5), cos(5), cos(7)], atol=1e-6)


@pytest.mark.parametrize(
    ("angles", "sources", "zenith"),
    [
        (SceneAngles(0, 0, SUN, {"B03": {1: grid(NAN, NAN)}}, mean_view={"B03": MeanAngle(4, 90)}),
         ("grid", "mean"), 4.0),
        (SceneAngles(0, 0, grid(NAN, NAN), {"B03": {1: grid(4, 90)}}, MeanAngle(40, 150)),
         ("mean", "grid"), 4.0),
        (SceneAngles(0, 0, mean_sun=MeanAngle(40, 150), mean_view={"B03": MeanAngle(4, 90)}),
         ("mean", "mean"), 4.0),
        (SceneAngles(0, 0, mean_sun=MeanAngle(40, 150)), ("mean", "nadir"), 0.0),
    ],
)  # fmt: skip
def test_what_is_not_a_grid_falls_back_and_says_so(angles, sources, zenith: float) -> None:
    cosines = cosines_of(angles, ["B03"])
    assert cosines is not None
    assert (cosines.sun_source, cosines.view_source) == sources
    np.testing.assert_allclose(cosines.nodes[0], cos(zenith), atol=1e-6)
    np.testing.assert_allclose(cosines.nodes[1], cos(40), atol=1e-6)
    np.testing.assert_allclose(cosines.nodes[2], cos(60) if zenith else 0.0, atol=1e-6)


def test_without_the_sun_there_is_nothing() -> None:
    assert cosines_of(None, ["B03"]) is None
    assert cosines_of(SceneAngles(0, 0, mean_view={"B03": MeanAngle(4, 90)}), ["B03"]) is None
