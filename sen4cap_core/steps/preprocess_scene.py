"""A Level-1C product corrected to Level-2A by the operator's own Sen2Cor or MAJA, and registered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.archives import extract_zip
from sen4cap_core.db.models import Upload
from sen4cap_core.errors import NothingToDoError, ServiceError
from sen4cap_core.external.level2a import Level1C, level_1c, run_maja, run_sen2cor
from sen4cap_core.scenes.model import Scene
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.scenes.s2_safe import find_level_1c
from sen4cap_core.settings import Settings
from sen4cap_core.steps.context import Context
from sen4cap_core.steps.ingest_scene import scene_values
from sen4cap_core.steps.ingested import IngestedScene, register
from sen4cap_core.steps.taken import Drop, Taken
from sen4cap_core.steps.work import ask_preprocess


@dataclass(frozen=True)
class Corrected:
    """What became of a Level-1C product."""

    site: str
    program: str
    scenes: list[IngestedScene]
    path: Path
    """The Level-2A product."""


def corrector_of(settings: Settings) -> str | None:
    """Name of the program that corrects Level-1C here, None where there is none."""
    return "MAJA" if settings.maja else "Sen2Cor" if settings.sen2cor else None


def receive_level_1c(context: Context, drop: Drop) -> Taken:
    """Ask for a dropped Level-1C product to be corrected.

    Raises BadUploadError where its name does not say which acquisition it is.
    """
    files = find_level_1c(drop.path)
    assert files is not None
    product = level_1c(Path(files.root_name))
    with context.session() as session:
        ask_preprocess(session, drop.site_slug, drop.upload_id, again=True)
    return Taken(
        f"Sentinel-2 Level-1C, to be corrected by {corrector_of(context.settings)}",
        {"product": product.folder.name, "tile": product.tile, "platform": product.platform},
    )


def preprocess_scene(context: Context, upload_id: int) -> Corrected:
    """Correct a Level-1C upload and register the Level-2A product; one that is there is not made again.

    Raises
    ------
    NothingToDoError
        The upload is unknown, gone, or no Level-1C product.
    ExternalProgramError
        The program failed, hung, or wrote no usable product.
    ServiceError
        No program is set, or it is not there.
    """
    program = corrector_of(context.settings)
    if program is None:
        raise ServiceError("neither SEN4CAP_MAJA nor SEN4CAP_SEN2COR is set: nothing corrects Level-1C here")
    with context.session() as session:
        upload = session.get(Upload, upload_id)
        if upload is None:
            raise NothingToDoError(f"upload {upload_id} does not exist")
        path, slug = Path(upload.path), upload.site_slug
    files = find_level_1c(path) if path.exists() else None
    if files is None:
        raise NothingToDoError(f"{path} is gone or no Level-1C product: drop it again")
    name = Path(files.root_name).stem
    product = level_1c(Path(files.root_name))
    made = context.settings.data / "sites" / slug / "l2a" / product.tile / name
    if not made.is_dir():
        work = context.settings.data / "work" / f"level2a-{upload_id}"
        try:
            scene = _correct(context, path, work, made)
            _keep(scene.path, made)
        finally:
            # The log of a failed run is what a person needs; all else is large.
            for part in ("level1c", "run/input", "run/output"):
                shutil.rmtree(work / part, ignore_errors=True)
    (folder,) = made.iterdir()
    root = context.settings.data
    with context.session() as session:
        found = [
            register(session, root, slug, scene_values(scene, upload_id), scene.footprint_wkt)
            for scene in open_scenes(folder)
        ]
    return Corrected(slug, program, found, folder)


def _correct(context: Context, path: Path, work: Path, made: Path) -> Scene:
    settings = context.settings
    folder = path
    if not path.is_dir():
        shutil.rmtree(work / "level1c", ignore_errors=True)
        extract_zip(path, work / "level1c")
        folder = next((work / "level1c").rglob("MTD_MSIL1C.xml")).parent
    product = level_1c(folder)
    limit = settings.level_2a_hours * 3600.0
    if settings.maja is None:
        assert settings.sen2cor is not None
        return run_sen2cor(settings.sen2cor, product, work / "run", time_limit_seconds=limit)
    if settings.maja_gipp is None or settings.maja_terrain is None:
        raise ServiceError(
            "MAJA needs its parameters and terrain: set SEN4CAP_MAJA_GIPP and SEN4CAP_MAJA_TERRAIN"
        )
    return run_maja(
        settings.maja,
        product,
        work / "run",
        parameters=settings.maja_gipp,
        terrain=settings.maja_terrain,
        previous=_previous(made.parent, product),
        time_limit_seconds=limit,
    )


def _previous(folder: Path, product: Level1C) -> Path | None:
    """The last MAJA product of the tile, satellite and orbit before this date."""
    orbit = product.folder.name.split("_R")[1][:3]
    earlier = []
    for path in folder.glob(f"{product.platform}_MSIL1C_*_R{orbit}_T{product.tile}_*/SENTINEL2*"):
        start = path.parent.name.split("_")[2]
        if start < product.datatake:
            earlier.append((start, path))
    return max(earlier)[1] if earlier else None


def _keep(product: Path, made: Path) -> None:
    """Move a finished product to its place; it appears whole."""
    temporary = made.with_name(f".{made.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    shutil.move(product, temporary / product.name)
    temporary.replace(made)
