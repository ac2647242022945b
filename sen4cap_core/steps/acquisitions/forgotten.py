"""What was made of a scene is forgotten, rows and files, so that it is made anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sen4cap_core.db.acquired import scenes as scene_rows
from sen4cap_core.db.made import disk_facts
from sen4cap_core.db.made.product_list import list_products
from sen4cap_core.db.models import SceneRow, Site
from sen4cap_core.db.server.session import after_commit
from sen4cap_core.products.catalog import remove_items
from sen4cap_core.steps.acquisitions.screen_scene import marks_files
from sen4cap_core.steps.shared.product_files import files_of_product

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

State = tuple[int, int]
"""Number and time of a file: one that was made again under its name has others."""


def forget_results(session: Session, data_root: Path, scene: SceneRow) -> None:
    """Delete the rows of all that was made of a scene now, and its files once the transaction is through.

    A worker may have made a file anew by then, under the same name: that one stays. So does what another
    product names, too. A process that is killed in between leaves files that the consistency check shows.
    """
    files: dict[Path, State] = {}
    for is_retired in (False, True):
        for one in list_products(session, scene_id=scene.id, retired=is_retired):
            files |= _states(files_of_product(data_root, one))
    files |= _states([data_root / path for path in disk_facts.observation_paths_of(session, scene.id)])
    # Marks, too: dates that came since judge the scene when it is processed anew.
    slug = session.get_one(Site, scene.site_id).slug
    files |= _states(marks_files(data_root, slug, scene.tile, scene.product_id))
    scene_rows.forget_results(session, scene)
    root = data_root.absolute()
    names = {path.absolute().relative_to(root).as_posix(): path for path in files}
    for name in disk_facts.named_paths(session, names):
        files.pop(names[name])
    after_commit(session, lambda: _remove(data_root, files))


def _states(paths: list[Path]) -> dict[Path, State]:
    return {path: state for path in paths if (state := _state(path)) is not None}


def _state(path: Path) -> State | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _remove(data_root: Path, files: dict[Path, State]) -> None:
    unchanged = [path for path, state in files.items() if _state(path) == state]
    remove_items(data_root, [path for path in unchanged if path.suffix == ".json"])
    for path in unchanged:
        if _state(path) == files[path]:
            path.unlink(missing_ok=True)
