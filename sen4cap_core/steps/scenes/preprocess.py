"""A Level-1 product corrected to Level-2A by the operator's own Sen2Cor or MAJA, and registered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sen4cap_core.archives import extract_tar, extract_zip
from sen4cap_core.db.declared import sites as site_rows
from sen4cap_core.db.work.numbers import known_upload
from sen4cap_core.errors import BadUploadError, NothingToDoError, ServiceError
from sen4cap_core.external.level1 import Level1, level_1, name_of_level_1
from sen4cap_core.external.level2a import run_maja, run_sen2cor
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.files.product_files import ProductFiles
from sen4cap_core.scenes.level1_drops import find_level_1, level_1_name
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.settings import Settings
from sen4cap_core.steps.acquisitions.ingested import IngestedScene, register
from sen4cap_core.steps.scenes.ingest import scene_values
from sen4cap_core.steps.shared.context import Context
from sen4cap_core.steps.shared.folder_season import season_of_folder
from sen4cap_core.steps.shared.taken import Drop, Taken, as_problems
from sen4cap_core.steps.shared.work import ask_preprocess


@dataclass(frozen=True)
class Corrected:
    """What became of a Level-1 product."""

    site: str
    program: str
    scenes: list[IngestedScene]
    path: Path
    """The Level-2A product."""


def corrector_of(settings: Settings) -> str | None:
    """Name of the program that corrects Level-1 here, None where there is none."""
    return "MAJA" if settings.maja else "Sen2Cor" if settings.sen2cor else None


def to_be_corrected(settings: Settings, path: Path) -> ProductFiles | None:
    """Return the Level-1 product in a drop that a program here corrects; Landsat is left to MAJA alone."""
    if corrector_of(settings) is None:
        return None
    files = find_level_1(path)
    if files is None:
        return None
    found = name_of_level_1(level_1_name(files))
    return None if found and found[0].startswith("L") and not settings.maja else files


def receive_level_1(context: Context, drop: Drop, files: ProductFiles) -> Taken:
    """Ask for a dropped Level-1 product to be corrected.

    Raises BadUploadError where its name does not say which acquisition it is.
    """
    product = level_1(Path(level_1_name(files)))
    try:
        day = date.fromisoformat(product.instant[:8])
    except ValueError:
        raise BadUploadError(drop.path, f"its name has no day: {product.instant}.") from None
    with context.session() as session:
        site = site_rows.get_or_create_site(session, drop.site_slug)
        warnings = season_of_folder(session, site, drop.year, [day])
        ask_preprocess(session, drop.site_slug, drop.upload_id, again=True)
    return Taken(
        f"{'Landsat Level-1' if product.is_landsat else 'Sentinel-2 Level-1C'}, "
        f"to be corrected by {corrector_of(context.settings)}",
        {"product": product.folder.name, "tile": product.tile, "platform": product.platform},
        as_problems(warnings),
    )


def preprocess_scene(context: Context, upload_id: int) -> Corrected:
    """Correct a Level-1 upload and register the Level-2A product; one that is there is not made again.

    Raises
    ------
    NothingToDoError
        The upload is gone, or no Level-1 product.
    UnknownNumberError
        There is no such upload.
    ExternalProgramError
        The program failed, hung, or wrote no usable product.
    ServiceError
        No program is set, or it is not there.
    """
    program = corrector_of(context.settings)
    if program is None:
        raise ServiceError("neither SEN4CAP_MAJA nor SEN4CAP_SEN2COR is set: nothing corrects Level-1 here")
    with context.session() as session:
        upload = known_upload(session, upload_id)
        path, slug = Path(upload.path), upload.site_slug
    files = to_be_corrected(context.settings, path) if path.exists() else None
    if files is None:
        raise NothingToDoError(f"{path} is gone or no Level-1 product that {program} corrects: drop it again")
    published = level_1_name(files)
    name = published.removesuffix(".SAFE")
    product = level_1(Path(published))
    made = context.settings.data / "sites" / slug / "l2a" / product.tile / name
    if not made.is_dir():
        work = context.settings.data / "work" / f"level2a-{upload_id}"
        try:
            scene = _correct(context, path, published, work, made)
            _keep(scene.path, made)
        finally:
            # The log of a failed run is what a person needs; all else is large.
            for part in ("level1", "run/input", "run/output"):
                shutil.rmtree(work / part, ignore_errors=True)
    (folder,) = made.iterdir()
    root = context.settings.data
    with context.session() as session:
        found = [
            register(session, root, slug, scene_values(scene, upload_id), scene.footprint_wkt)
            for scene in open_scenes(folder)
        ]
    return Corrected(slug, program, found, folder)


def _correct(context: Context, path: Path, published: str, work: Path, made: Path) -> Scene:
    settings = context.settings
    product = level_1(_unpacked(path, published, work / "level1"))
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


def _unpacked(path: Path, published: str, into: Path) -> Path:
    """Folder of the product under the name it was published with, whose parts the programs read."""
    if path.is_dir() and path.name == published:
        return path
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    target = into / published
    if path.is_dir():
        target.symlink_to(path.resolve())
        return target
    inside = into / "archive"
    (extract_tar if path.suffix.lower() == ".tar" else extract_zip)(path, inside)
    files = find_level_1(inside) or next(
        (found for child in sorted(inside.iterdir()) if (found := find_level_1(child))), None
    )
    if files is None:
        raise NothingToDoError(f"{path} holds no Level-1 product any more: drop it again")
    (inside if files.root_name == inside.name else inside / files.root_name).rename(target)
    return target


def _previous(folder: Path, product: Level1) -> Path | None:
    """The last MAJA product of the tile, satellite and orbit (Landsat: path) before this date."""
    earlier = []
    for path in folder.glob("*/*_L2A_*"):
        found = name_of_level_1(path.parent.name)
        if found is None or Level1(path, *found).history != product.history:
            continue
        if found[3] < product.instant:
            earlier.append((found[3], path))
    return max(earlier)[1] if earlier else None


def _keep(product: Path, made: Path) -> None:
    """Move a finished product to its place; it appears whole."""
    temporary = made.with_name(f".{made.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    shutil.move(product, temporary / product.name)
    temporary.replace(made)
