"""SNAP, with a stand-in that writes what its graphs say, fails, hangs, and lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
import shapely

from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.external.snap import SnapInput, SnapPair, run_snap
from sen4cap_core.scenes.radar.s1_reading import open_radar
from tests.external.snap_stand_in import stand_in

AT = datetime(2022, 5, 15, 17, 6, 12, tzinfo=UTC)
GROUND = shapely.box(11.9, 41.8, 12.4, 42.2)
Run = Callable[..., list[Path]]


def one(folder: Path, at: datetime) -> SnapInput:
    path = folder / f"S1A_IW_SLC__1SDV_{at:%Y%m%dT%H%M%S}_x.SAFE"
    path.mkdir(parents=True)
    (path / "manifest.safe").write_text("<x/>")
    return SnapInput(path, at, GROUND, {"IW1": 9, "IW2": 8})


@pytest.fixture
def pair(tmp_path: Path) -> SnapPair:
    drops = tmp_path / "drops"
    earlier, later = one(drops, AT - timedelta(days=12)), one(drops, AT)
    return SnapPair("it", earlier, later, 117, "VV", 32633)


@pytest.fixture
def snap(tmp_path: Path, pair: SnapPair) -> Run:
    def run(mode: str = "write", seconds: float = 60, **other: object) -> list[Path]:
        program = stand_in(tmp_path, mode)
        settings = {"profile": "improved", "time_limit_seconds": seconds, **other}
        return run_snap(program, pair, tmp_path / "work", **settings)  # type: ignore[arg-type]

    return run


def graphs(work: Path) -> dict[str, Element]:
    return {path.stem.split("-", 1)[1]: fromstring(path.read_text()) for path in work.glob("*.xml")}


def value(graph: Element, operator: str, name: str) -> str | None:
    node = next(n for n in graph.iter("node") if n.findtext("operator") == operator)
    return node.findtext(f"parameters/{name}")


def test_a_pair_becomes_two_products_that_are_known_by_name(snap: Run, tmp_path: Path) -> None:
    amplitude, coherence = snap()

    assert amplitude.name == "SEN4CAP_L2A_Sit_V20220503T170612_20220515T170612_VV_117_AMP.tif"
    (scene,) = open_radar(amplitude)
    assert (scene.quantity, scene.bands["vv"].scale, scene.acquired_at) == ("sigma0", "amplitude", AT)
    (scene,) = open_radar(coherence)
    assert (scene.sensor, scene.relative_orbit) == ("s1-coherence", 117)
    assert scene.pair_started_at == AT - timedelta(days=12)
    # What later steps do not need is gone: 10 GB for each swath of a real pair.
    assert not list((tmp_path / "work").glob("*.dim"))
    assert not list((tmp_path / "work").glob("*.data"))


def test_steps_and_parameters_of_both_profiles(snap: Run, tmp_path: Path) -> None:
    snap()
    ours = graphs(tmp_path / "work")
    snap(profile="sen4cap")
    theirs = graphs(tmp_path / "work")

    swaths = ("IW1", "IW2")
    assert set(ours) == set(theirs) == {
        "split-1", "split-2", "map-COHE", "map-AMP",
        *(f"{step}-{swath}" for step in ("geocode", "coherence", "deburst") for swath in swaths),
    }  # fmt: skip
    for graph in (ours, theirs):
        assert value(graph["split-1"], "TOPSAR-Split", "lastBurstIndex") == "9"
        assert value(graph["coherence-IW1"], "Coherence", "cohWinRg") == "20"
        assert value(graph["map-AMP"], "Multilook", "sourceBands") == "Intensity_VV_slv1_15May2022"
        expression = value(graph["map-AMP"], "BandMaths", "targetBands/targetBand/expression")
        assert expression == "sqrt(Intensity_VV_slv1_15May2022)"
        merge = next(n for n in graph["map-COHE"].iter("node") if n.findtext("operator") == "TOPSAR-Merge")
        assert [e.tag for e in merge.find("sources") or ()] == ["sourceProduct", "sourceProduct.1"]
    differing = {
        ("map-COHE", "Terrain-Correction", "mapProjection"): ("EPSG:32633", "EPSG:3035"),
        ("map-COHE", "Terrain-Correction", "alignToStandardGrid"): ("true", "false"),
        ("map-AMP", "Terrain-Correction", "nodataValueAtSea"): ("false", "true"),
        ("geocode-IW2", "Back-Geocoding", "demName"): ("Copernicus 30m Global DEM", "SRTM 3Sec"),
        ("coherence-IW2", "Coherence", "subtractFlatEarthPhase"): ("true", "false"),
        ("coherence-IW2", "Coherence", "subtractTopographicPhase"): ("true", "false"),
    }
    for (step, operator, name), expected in differing.items():
        assert (value(ours[step], operator, name), value(theirs[step], operator, name)) == expected
    operators = [[n.findtext("operator") for n in g["split-2"].iter("node")] for g in (ours, theirs)]
    assert operators[0] == ["Read", "ThermalNoiseRemoval", *operators[1][1:]]


def test_snap_that_lies_or_fails(snap: Run) -> None:
    for mode, said in (
        ("fail", r"SNAP split-1: ended with exit code 1.*\n.*out of heap space"),
        ("lie", r"SNAP split-1: said it was done, but its outputs are not there"),
        ("half", r"split-1-IW1.data/\*.img \(missing\)"),
        ("garbage", "wrote a product that cannot be read"),
        ("elsewhere", "does not lie where the passes do"),
    ):
        with pytest.raises(ExternalProgramError, match=said) as caught:
            snap(mode)
        assert not caught.value.final


def test_snap_that_hangs(snap: Run) -> None:
    with pytest.raises(ExternalProgramError, match="did not end within 1 s and was killed"):
        snap("hang", seconds=1)


def test_passes_without_common_ground(pair: SnapPair, tmp_path: Path) -> None:
    far = replace(pair, later=replace(pair.later, footprint=shapely.box(20, 42, 21, 43)))

    with pytest.raises(ExternalProgramError, match="no ground or no swath in common") as caught:
        run_snap("true", far, tmp_path / "work", profile="improved")
    assert caught.value.final
