"""Register the acquisitions of an upload: one row per scene and tile, newest baseline in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sen4cap_core.db.work.numbers import known_upload
from sen4cap_core.errors import NothingToDoError, Sen4capError
from sen4cap_core.scenes.acquisition.model import Scene
from sen4cap_core.scenes.radar.s1_reading import looks_like_radar
from sen4cap_core.scenes.reading import open_scenes
from sen4cap_core.sentinel1.product import is_product
from sen4cap_core.steps.acquisitions.ingested import IngestedScene, register
from sen4cap_core.steps.radar.ingest import ingest_radar
from sen4cap_core.steps.radar.receive_slc import ingest_slc
from sen4cap_core.steps.shared.context import Context


def scene_values(scene: Scene, upload_id: int | None) -> dict[str, object]:
    """Return the columns of a scene's row."""
    return {
        "upload_id": upload_id,
        "product_id": scene.product_id,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "acquired_at": scene.acquired_at,
        "tile": scene.tile,
        "acquisition_key": scene.acquisition_key,
        "baseline": scene.baseline,
        "generated_at": scene.generated_at,
        "relative_orbit": scene.relative_orbit,
        "format": scene.format,
        "path": str(scene.path),
    }


@dataclass(frozen=True)
class IngestReport:
    """What became of a batch of uploads."""

    site: str
    scenes: list[IngestedScene]
    faults: dict[int, Exception]
    """Uploads nothing could be registered of, with the reason."""
    names: dict[int, str]
    """Names of the uploads' files; without those that do not exist."""


class NothingRegisteredError(Sen4capError):
    """Nothing of some uploads could be registered, and not because they are gone."""

    def __init__(self, report: IngestReport) -> None:
        self.faults = report.faults
        lines = []
        for number, fault in report.faults.items():
            name = report.names.get(number, f"upload {number}")
            why = str(fault)
            lines.append(why if why.startswith(f"{name}: ") else f"{name}: {why}")
        super().__init__("\n".join(["nothing could be registered", *lines]))


def ingest_scenes(context: Context, upload_ids: Sequence[int]) -> IngestReport:
    """Register the acquisitions of several uploads; one that cannot be read does not stop the others."""
    site = ""
    scenes: list[IngestedScene] = []
    faults: dict[int, Exception] = {}
    names: dict[int, str] = {}
    for number, upload_id in enumerate(upload_ids, start=1):
        try:
            path, slug = _find(context, upload_id)
            names[upload_id] = path.name
            scenes += _register(context, upload_id, path, slug)
            site = slug
        except (Sen4capError, OSError, ValueError) as error:
            # Whatever is wrong with one upload of a burst is nothing to the others.
            faults[upload_id] = error
        context.progress(number / len(upload_ids))
    return IngestReport(site, scenes, faults, names)


def ingest_scene(context: Context, upload_id: int) -> tuple[str, list[IngestedScene]]:
    """Register all acquisitions of an upload and ask for those in force to be processed.

    Returns the site's folder name and what became of each acquisition.

    Raises
    ------
    NothingToDoError
        When the upload is no longer there to be read.
    UnknownNumberError
        There is no such upload.
    """
    path, slug = _find(context, upload_id)
    return slug, _register(context, upload_id, path, slug)


def _find(context: Context, upload_id: int) -> tuple[Path, str]:
    """Return where an upload lies, and its site."""
    with context.session() as session:
        upload = known_upload(session, upload_id)
        return Path(upload.path), upload.site_slug


def _register(context: Context, upload_id: int, path: Path, slug: str) -> list[IngestedScene]:
    if not path.exists():
        raise NothingToDoError(f"{path} is gone: drop the scene again")
    if is_product(path):
        return ingest_slc(context, slug, upload_id, path)
    if looks_like_radar(path):
        return ingest_radar(context, slug, upload_id, path)
    scenes = open_scenes(path)
    root = context.settings.data
    with context.session() as session:
        return [
            register(session, root, slug, scene_values(scene, upload_id), scene.footprint_wkt)
            for scene in scenes
        ]
