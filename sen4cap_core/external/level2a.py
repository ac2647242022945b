"""Level-1 to Level-2A by Sen2Cor or MAJA, where the operator has one of them.

Command lines, rules of quality and the texts after which another try is no use follow the original system
(Sen4CAP L2A launcher; MAJA user manual; Sen2Cor software release notes).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from sen4cap_core.errors import BadUploadError
from sen4cap_core.external.level1 import Level1
from sen4cap_core.external.programs import find_program
from sen4cap_core.external.running import ExternalProgramError, FinishedRun, check_outputs, run_program
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.acquisition.s2_names import find_tile
from sen4cap_core.scenes.acquisition.xml_fields import all_fields, number, text_of
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.xmlsafe import parse_xml

FINAL_TEXTS = (
    r"number of cloudy pixel is too high",
    r"algorithm processing is stopped",
    r"dark surface reflectance.*threshold",
    r"number of NoData pixel.*too high",
    r"No pixel is valid\. Return null statistics",
)
"""What MAJA prints when the image itself is of no use."""
MAX_CLOUD_PERCENT = 90.0
"""A MAJA product with more cloud is of no use."""
MIN_VALID_PERCENT = 10.0
"""A Sen2Cor product with fewer valid pixels is of no use."""


def run_sen2cor(
    setting: str,
    product: Level1,
    work: Path,
    *,
    time_limit_seconds: float,
    while_running: Callable[[], None] | None = None,
) -> Scene:
    """Correct a product by Sen2Cor; return the Level-2A scene it wrote below ``work/output``.

    Parameters
    ----------
    setting : ``SEN4CAP_SEN2COR``, see `find_program`
    work : folder of this run alone; emptied first

    Raises
    ------
    ExternalProgramError
        It failed, hung, wrote no readable Level-2A of this acquisition, or one with less than 10 % of valid
        pixels (final).
    ServiceError
        There is no such program.
    """
    output = _fresh(work)
    program = find_program("Sen2Cor", setting, "SEN4CAP_SEN2COR", [product.folder.parent, work])
    command = [*program.words, "--work_dir", str(work), "--output_dir", str(output), str(product.folder)]
    done = run_program(
        command,
        program="Sen2Cor",
        folder=work,
        log=work / "sen2cor.log",
        time_limit_seconds=time_limit_seconds,
        on_kill=program.on_kill,
        while_running=while_running,
    )
    pattern = f"{product.platform}_MSIL2A_{product.instant}_*_T{product.tile}_*.SAFE"
    check_outputs(
        "Sen2Cor", output, [f"{pattern}/MTD_MSIL2A.xml", f"{pattern}/GRANULE/*/MTD_TL.xml"], done.log
    )
    (folder,) = check_outputs("Sen2Cor", output, [pattern], done.log)
    scene = _readable("Sen2Cor", folder, product, done)
    valid = valid_percent(next(folder.glob("GRANULE/*/MTD_TL.xml")))
    if valid < MIN_VALID_PERCENT:
        raise ExternalProgramError(
            "Sen2Cor", f"only {valid:.1f} % of the pixels are valid", log=done.log, final=True
        )
    return scene


def run_maja(
    setting: str,
    product: Level1,
    work: Path,
    *,
    parameters: Path,
    terrain: Path,
    previous: Path | None,
    time_limit_seconds: float,
    while_running: Callable[[], None] | None = None,
) -> Scene:
    """Correct a product by MAJA; return the Level-2A scene it wrote below ``work/output``.

    Of Landsat the grid of the frame must be the same at each date: USGS moves its corners by some pixels, and
    where MAJA refuses that, the operator's own command has to lay them on one grid first.

    Parameters
    ----------
    setting : ``SEN4CAP_MAJA``, see `find_program`
    parameters : folder of the GIPP files, with ``UserConfiguration`` in it
    terrain : folder of terrain products (``*_<tile>_*.HDR`` and ``.DBL.DIR``)
    previous : the last Level-2A of the same tile before this date (mode L2NOMINAL); None begins anew
        (L2INIT)

    Raises
    ------
    ExternalProgramError
        As `run_sen2cor`; final where MAJA says that the image is of no use, or clouds cover more than 90 %.
    ServiceError
        There is no such program.
    """
    output = _fresh(work)
    inputs = work / "input"
    inputs.mkdir()
    _link_inputs(inputs, product, parameters, terrain, previous)
    seen = [product.folder.parent, work, parameters, terrain, *([previous.parent] if previous else [])]
    program = find_program("MAJA", setting, "SEN4CAP_MAJA", seen)
    command = [*program.words, "--input", str(inputs), "--output", str(output)]
    command += ["--mode", "L2NOMINAL" if previous else "L2INIT", "--TileId", product.tile]
    command += ["--ucs", str(parameters / "UserConfiguration")]
    done = run_program(
        command,
        program="MAJA",
        folder=work,
        log=work / "maja.log",
        time_limit_seconds=time_limit_seconds,
        on_kill=program.on_kill,
        while_running=while_running,
        final_texts=FINAL_TEXTS,
    )
    # It ends with code 0 also where it gave the image up, and then writes nothing or says Tile failure.
    gave_up = next((text for text in FINAL_TEXTS if done.find(f"(?i){text}")), None)
    try:
        (metadata,) = check_outputs("MAJA", output, [f"{product.maja_pattern}/*_MTD_ALL.xml"], done.log)
    except ExternalProgramError as error:
        raise ExternalProgramError("MAJA", error.what, log=done.log, final=gave_up is not None) from error
    if failure := done.find("Tile failure:.*"):
        said = failure.group().strip()[:300]
        raise ExternalProgramError("MAJA", f"its log says: {said}", log=done.log, final=gave_up is not None)
    for report in metadata.parent.glob("DATA/*_JPI_ALL.xml"):
        if re.search(r"<Validity_Flag>\s*L2NOTV", report.read_text(errors="replace"), re.IGNORECASE):
            raise ExternalProgramError(
                "MAJA", "says the product is not valid (L2NOTV)", log=done.log, final=True
            )
    cloud = cloud_percent(metadata)
    if cloud is not None and cloud > MAX_CLOUD_PERCENT:
        raise ExternalProgramError("MAJA", f"{cloud:g} % of the tile are cloud", log=done.log, final=True)
    return _readable("MAJA", metadata.parent, product, done)


def valid_percent(metadata: Path) -> float:
    """Valid pixels of a Sen2Cor product by its ``MTD_TL.xml``: seen, and neither cloud, shadow, snow,
    saturated nor dark.
    """
    root = parse_xml(metadata)

    def share(*names: str) -> float:
        return sum(number(text_of(root, name) or "0", name, metadata.name) for name in names)

    unusable = share(
        "MEDIUM_PROBA_CLOUDS_PERCENTAGE",
        "HIGH_PROBA_CLOUDS_PERCENTAGE",
        "THIN_CIRRUS_PERCENTAGE",
        "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE",
        "DARK_FEATURES_PERCENTAGE",
        "CLOUD_SHADOW_PERCENTAGE",
        "SNOW_ICE_PERCENTAGE",
    )
    return (100.0 - share("NODATA_PIXEL_PERCENTAGE")) * max(0.0, 100.0 - unusable) / 100.0


def cloud_percent(metadata: Path) -> float | None:
    """Cloud of a MAJA product by its metadata, None where they do not say."""
    for element in all_fields(parse_xml(metadata), "QUALITY_INDEX"):
        if element.get("name") == "CloudPercent":
            return number(element.text, "CloudPercent", metadata.name)
    return None


def _fresh(work: Path) -> Path:
    shutil.rmtree(work, ignore_errors=True)
    output = work / "output"
    output.mkdir(parents=True)
    return output


def _link_inputs(
    inputs: Path, product: Level1, parameters: Path, terrain: Path, previous: Path | None
) -> None:
    (inputs / product.folder.name).symlink_to(product.folder.resolve())
    found = [path for path in terrain.iterdir() if product.names(path.name)] if terrain.is_dir() else []
    if not found:
        raise ExternalProgramError(
            "MAJA", f"there is no terrain of tile {product.tile} in {terrain} (SEN4CAP_MAJA_TERRAIN)"
        )
    if not (parameters / "UserConfiguration").is_dir():
        raise ExternalProgramError(
            "MAJA", f"there is no UserConfiguration in {parameters} (SEN4CAP_MAJA_GIPP)"
        )
    for path in [*found, *(path for path in parameters.iterdir() if path.is_file())]:
        (inputs / path.name).symlink_to(path.resolve())
    if previous is not None:
        earlier = inputs / previous.name
        earlier.mkdir()
        for path in previous.iterdir():
            # Its own log is not part of the product.
            if path.suffix != ".log":
                (earlier / path.name).symlink_to(path.resolve())


def _readable(program: str, folder: Path, product: Level1, done: FinishedRun) -> Scene:
    """Open what was written as any dropped scene; a program may say it is done and have written half."""
    try:
        (scene,) = open_scenes(folder)
    except (BadUploadError, ValueError) as error:
        raise ExternalProgramError(
            program, f"wrote a product that cannot be read: {error}", log=done.log
        ) from error
    tile = product.tile if product.is_landsat else find_tile(f"T{product.tile}")
    if tile != scene.tile:
        raise ExternalProgramError(program, f"wrote tile {scene.tile}, not {product.tile}", log=done.log)
    return scene
