"""Sen2Cor and MAJA, with a stand-in that writes what they write, fails, hangs, and lies."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sen4cap_core.errors import BadUploadError
from sen4cap_core.external.level1 import Level1, level_1
from sen4cap_core.external.level2a import run_maja, run_sen2cor
from sen4cap_core.external.running import ExternalProgramError
from sen4cap_core.rasters.grids.grid import Grid
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.simulation.optical.maja_product import maja_scene
from sen4cap_core.simulation.optical.safe_product import tile_scene

L1C = "S2A_MSIL1C_20190616T110621_N0207_R137_T30TUM_20190616T120000.SAFE"
AT = datetime(2019, 6, 16, 11, 6, 21, tzinfo=UTC)

Run = Callable[..., Scene]


@pytest.fixture
def product(tmp_path: Path) -> Level1:
    folder = tmp_path / "drops" / L1C
    folder.mkdir(parents=True)
    (folder / "MTD_MSIL1C.xml").write_text("<x/>")
    return level_1(folder)


def stand_in(path: Path, text: str) -> str:
    path.write_text(f'#!/bin/sh\necho "$@" > called\n{text}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def copies(made: Path) -> str:
    """Shell text that copies a prepared product to the output folder named on the command line."""
    return (
        'while [ $# -gt 0 ]; do case "$1" in --output|--output_dir) out=$2;; esac; shift; done\n'
        f'cp -r "{made}" "$out/"'
    )


@pytest.fixture
def sen2cor(tmp_path: Path, product: Level1) -> Run:
    def run(text: str, seconds: float = 30) -> Scene:
        program = stand_in(tmp_path / "L2A_Process", text)
        return run_sen2cor(program, product, tmp_path / "work", time_limit_seconds=seconds)

    return run


@pytest.fixture
def maja(tmp_path: Path, product: Level1) -> Run:
    parameters, terrain = tmp_path / "gipp", tmp_path / "terrain"
    (parameters / "UserConfiguration").mkdir(parents=True)
    (parameters / "S2A_TEST_GIP_L2ALBD_L_CONTINEN.EEF").write_text("x")
    (terrain / "S2__TEST_AUX_REFDE2_30TUM_1001.DBL.DIR").mkdir(parents=True)

    def run(text: str, previous: Path | None = None, seconds: float = 30) -> Scene:
        return run_maja(
            stand_in(tmp_path / "maja", text),
            product,
            tmp_path / "work",
            parameters=parameters,
            terrain=terrain,
            previous=previous,
            time_limit_seconds=seconds,
        )

    return run


def test_sen2cor_writes_a_scene(sen2cor: Run, tmp_path: Path, product: Level1) -> None:
    made = tile_scene(tmp_path / "made", acquired_at=AT)

    scene = sen2cor(copies(made))

    assert scene.tile == "30TUM"
    assert scene.path == tmp_path / "work/output" / made.name
    words = (tmp_path / "work/called").read_text().split()
    assert words[-1] == str(product.folder)
    assert words[words.index("--output_dir") + 1] == str(tmp_path / "work/output")


def test_a_product_under_cloud_is_final(sen2cor: Run, tmp_path: Path) -> None:
    with pytest.raises(ExternalProgramError, match=r"only 0\.0 % of the pixels are valid") as caught:
        sen2cor(copies(tile_scene(tmp_path / "made", scl=9, acquired_at=AT)))

    assert caught.value.final


def test_sen2cor_that_lies_fails_or_hangs(sen2cor: Run, tmp_path: Path) -> None:
    other = tile_scene(tmp_path / "other", acquired_at=AT.replace(day=21))
    half = tile_scene(tmp_path / "half", acquired_at=AT)
    next(half.rglob("*B04*.jp2")).unlink()

    for text, said in (
        ("exit 0", "said it was done, but its outputs are not there"),
        (copies(other), "said it was done, but its outputs are not there"),
        (copies(half), "wrote a product that cannot be read"),
        ("echo No space left >&2; exit 1", "ended with exit code 1"),
    ):
        with pytest.raises(ExternalProgramError, match=said) as caught:
            sen2cor(text)
        assert not caught.value.final
    with pytest.raises(ExternalProgramError, match="was killed"):
        sen2cor("sleep 600", seconds=0.5)


def test_maja_begins_anew_or_goes_on(maja: Run, tmp_path: Path) -> None:
    made = maja_scene(tmp_path / "made", acquired_at=AT)
    earlier = maja_scene(tmp_path / "earlier", acquired_at=AT.replace(day=6))
    (earlier / "maja.log").write_text("old")

    scene = maja(copies(made))
    first = (tmp_path / "work/called").read_text()
    inputs = sorted(path.name for path in (tmp_path / "work/input").iterdir())
    maja(copies(made), previous=earlier)
    second = (tmp_path / "work/called").read_text()

    assert (scene.tile, scene.platform, scene.format) == ("30TUM", "S2A", "maja")
    assert "--mode L2INIT --TileId 30TUM" in first
    assert "--mode L2NOMINAL" in second
    assert inputs == [
        "S2A_MSIL1C_20190616T110621_N0207_R137_T30TUM_20190616T120000.SAFE",
        "S2A_TEST_GIP_L2ALBD_L_CONTINEN.EEF",
        "S2__TEST_AUX_REFDE2_30TUM_1001.DBL.DIR",
    ]
    linked = tmp_path / "work/input" / earlier.name
    assert (linked / "MASKS").is_dir()
    assert not (linked / "maja.log").exists()


def test_maja_says_when_trying_again_is_no_use(maja: Run, tmp_path: Path) -> None:
    made = maja_scene(tmp_path / "made", acquired_at=AT)
    cloudy = tmp_path / "cloudy" / made.name
    shutil.copytree(made, cloudy)
    (metadata,) = cloudy.glob("*_MTD_ALL.xml")
    index = '<QUALITY_INDEX name="CloudPercent">95</QUALITY_INDEX></Muscate_Metadata_Document>'
    metadata.write_text(metadata.read_text().replace("</Muscate_Metadata_Document>", index))
    invalid = tmp_path / "invalid" / made.name
    shutil.copytree(made, invalid)
    (invalid / "DATA").mkdir()
    (invalid / "DATA/X_JPI_ALL.xml").write_text("<a><Validity_Flag>L2NOTV</Validity_Flag></a>")

    for text, final in (
        ("echo 'The number of cloudy pixel is too high'; exit 1", True),
        ("echo 'dark surface reflectance 5 over the threshold 3'; exit 1", True),
        ("echo 'out of memory'; exit 137", False),
        (copies(cloudy), True),
        (copies(invalid), True),
        (f"echo 'Tile failure: x'; {copies(made)}", False),
        (f"echo 'Tile failure: the number of NoData pixel is too high'; {copies(made)}", True),
        ("echo 'No pixel is valid. Return null statistics'", True),
        ("exit 0", False),
    ):
        with pytest.raises(ExternalProgramError) as caught:
            maja(text)
        assert caught.value.final is final, text
        assert caught.value.log is not None
    # What it complains of on its way to a good product is no reason to give that up.
    assert maja(f"echo 'algorithm processing is stopped for one band'; {copies(made)}").tile == "30TUM"


def test_what_maja_needs_is_named(maja: Run, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "gipp/UserConfiguration")
    with pytest.raises(ExternalProgramError, match="SEN4CAP_MAJA_GIPP"):
        maja("exit 0")
    shutil.rmtree(tmp_path / "terrain")
    with pytest.raises(ExternalProgramError, match="SEN4CAP_MAJA_TERRAIN"):
        maja("exit 0")


def test_a_renamed_level_1c_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUploadError, match="name it was published with"):
        level_1(tmp_path / "mine.SAFE")


def test_landsat_that_works_lies_fails_or_hangs(tmp_path: Path) -> None:
    parameters, terrain = tmp_path / "gipp", tmp_path / "terrain"
    (parameters / "UserConfiguration").mkdir(parents=True)
    (terrain / "L8_TEST_AUX_REFDE2_201031_0001.DBL.DIR").mkdir(parents=True)
    folder = tmp_path / "LC08_L1TP_201031_20190616_20190628_02_T1"
    folder.mkdir()
    grid = Grid(32630, 399960.0, 4600020.0, 30.0, 40, 20)

    def run(text: str, seconds: float = 30) -> Scene:
        return run_maja(
            stand_in(tmp_path / "maja", text), level_1(folder), tmp_path / "work", parameters=parameters,
            terrain=terrain, previous=None, time_limit_seconds=seconds,
        )  # fmt: skip

    def made(**options: Any) -> str:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        options = {"tile": "201031", "platform": "L8", "acquired_at": AT} | options
        return copies(maja_scene(place, grid=grid, **options))

    scene = run(made())
    assert (scene.sensor, scene.tile, scene.platform) == ("landsat-l2", "201031", "L8")
    assert "--mode L2INIT --TileId 201031" in (tmp_path / "work/called").read_text()
    for text, said, final in (
        ("exit 0", "its outputs are not there", False),
        (made(tile="201032"), "its outputs are not there", False),
        (made(platform="L9"), "its outputs are not there", False),
        (made(acquired_at=AT.replace(day=21)), "its outputs are not there", False),
        (f"{made()}; rm -f $(find . -name '*_FRE_B5.tif')", "cannot be read", False),
        ("echo 'No pixel is valid. Return null statistics'; exit 1", "exit code 1", True),
        ("exit 3", "exit code 3", False),
    ):
        with pytest.raises(ExternalProgramError, match=said) as caught:
            run(text)
        assert caught.value.final is final
    with pytest.raises(ExternalProgramError, match="was killed"):
        run("sleep 600", seconds=0.3)
